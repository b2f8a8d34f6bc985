#include "rdkit/rdkit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/plugin_file.h"

enum { RDKIT_WHY = 400, RDKIT_MOST_FILE = 1 << 24 };

static const of3_plugin_file rdkit_plugin = {.what = "RDKit",
                                             .one = "of3's plugin for RDKit",
                                             .file = "of3_rdkit",
                                             .variable = "OF3_RDKIT_PLUGIN",
                                             .advice =
                                                 "it is needed for SMILES, SDF files and new conformers: "
                                                 "install librdkit-dev and libboost-dev (Homebrew: "
                                                 "rdkit), or run tools/get_rdkit.sh, and build of3 again",
                                             .entry = OF3_RDKIT_ENTRY};

of3_status of3_rdkit_open(const of3_rdkit **ret_rdkit, of3_error *err) {
  char path[OF3_PLUGIN_PATH];
  const void *table = NULL;
  *ret_rdkit = NULL;
  OF3_TRY(of3_plugin_file_open(&rdkit_plugin, path, sizeof path, &table, err));
  const of3_rdkit *r = table;
  if (r->abi != OF3_RDKIT_ABI)
    return of3_fail(err, OF3_ERR_UNSUPPORTED,
                    "RDKit's plugin '%.200s' belongs to another version of of3; build it again", path);
  *ret_rdkit = r;
  return OF3_OK;
}

/* ---- Molecules as entries */

/* C1, C2, CL1: the element and how many there were so far. false: the name is too long. */
static bool rdkit_name(char out[8], const char *element, int *counts, int z) {
  return snprintf(out, 8, "%s%d", element, ++counts[z]) < 8;
}

static of3_status rdkit_fill_atoms(of3_ccd_entry *e, const of3_rdkit_atom *atom, int n_heavy, int n_bond,
                                   of3_error *err) {
  int counts[119] = {0}, next = n_heavy;
  e->n_atom = n_heavy;
  e->n_bond = n_bond;
  for (int i = 0; i < n_heavy; i++) {
    char element[4];
    of3_element_symbol(atom[i].element, element);
    of3_ccd_atom *a = &e->atom[i];
    if (!*element)
      return of3_fail(err, OF3_ERR_INPUT, "atom %d is of no element ('*' and R groups cannot be folded)",
                      i + 1);
    snprintf(a->element, sizeof a->element, "%s", element);
    a->charge = (int8_t)atom[i].charge;
    a->aromatic = atom[i].aromatic;
    a->stereo = atom[i].stereo;
    if (!rdkit_name(a->name, element, counts, atom[i].element))
      return of3_fail(err, OF3_ERR_INPUT, "there are too many atoms of the element %s", element);
    for (int h = 0; h < atom[i].hydrogens; h++) {
      of3_ccd_atom *hydrogen = &e->atom[next];
      hydrogen->element[0] = 'H';
      hydrogen->stereo = 'N';
      if (!rdkit_name(hydrogen->name, "H", counts, 1))
        return of3_fail(err, OF3_ERR_INPUT, "there are too many hydrogens");
      e->bond[e->n_bond++] =
          (of3_ccd_bond){.a = (uint16_t)i, .b = (uint16_t)next++, .order = 1, .stereo = 'N'};
    }
  }
  e->n_atom = next;
  return OF3_OK;
}

static of3_status rdkit_entry_of(const of3_rdkit *r, const of3_rdkit_mol *mol, of3_arena *arena,
                                 of3_ccd_entry **ret_entry, of3_error *err) {
  int n = 0, m = 0, hydrogens = 0;
  r->count(mol, &n, &m);
  if (n == 0) return of3_fail(err, OF3_ERR_INPUT, "there is no atom but hydrogen in it");
  of3_rdkit_atom *atom = OF3_ARENA_NEW(arena, of3_rdkit_atom, n);
  of3_rdkit_bond *bond = OF3_ARENA_NEW(arena, of3_rdkit_bond, m);
  float *xy = OF3_ARENA_NEW(arena, float, 2 * (size_t)n);
  if (!atom || !bond || !xy) return of3_fail_memory(err, "a molecule");
  r->describe(mol, atom, bond);
  r->flat(mol, xy);
  for (int i = 0; i < n; i++) hydrogens += atom[i].hydrogens;
  if (n + hydrogens > UINT16_MAX) return of3_fail(err, OF3_ERR_INPUT, "it has more than 65,535 atoms");
  of3_ccd_entry *e = OF3_ARENA_NEW(arena, of3_ccd_entry, 1);
  if (!e) return of3_fail_memory(err, "a molecule");
  *e = (of3_ccd_entry){.code = "LIG", .type = "NON-POLYMER"};
  e->name = e->formula = e->parent = e->letter = e->status = e->replaced_by = e->modified = "";
  e->atom = OF3_ARENA_NEW(arena, of3_ccd_atom, n + hydrogens);
  e->bond = OF3_ARENA_NEW(arena, of3_ccd_bond, m + hydrogens);
  e->model = OF3_ARENA_NEW(arena, float, 3 * (size_t)(n + hydrogens));
  if (!e->atom || !e->bond || !e->model) return of3_fail_memory(err, "a molecule");
  for (int i = 0; i < m; i++)
    e->bond[i] =
        (of3_ccd_bond){.a = (uint16_t)bond[i].a,
                       .b = (uint16_t)bond[i].b,
                       .order = (uint8_t)(bond[i].order >= 1 && bond[i].order <= 4 ? bond[i].order : 1),
                       .aromatic = bond[i].aromatic,
                       .stereo = 'N'};
  for (int i = 0; i < 3 * (n + hydrogens); i++)
    e->model[i] = i < 3 * n ? (i % 3 < 2 ? xy[i / 3 * 2 + i % 3] : 0) : NAN;
  *ret_entry = e;
  return rdkit_fill_atoms(e, atom, n, m, err);
}

of3_status of3_rdkit_smiles_entry(const of3_rdkit *r, const char *smiles, of3_arena *arena,
                                  of3_ccd_entry **ret_entry, of3_error *err) {
  char why[RDKIT_WHY] = "";
  *ret_entry = NULL;
  of3_rdkit_mol *mol = r->from_smiles(smiles, why, sizeof why);
  if (!mol)
    return of3_fail(err, OF3_ERR_INPUT, "the SMILES '%.200s' cannot be read: %s", smiles, of3_one_line(why));
  of3_status status = rdkit_entry_of(r, mol, arena, ret_entry, err);
  r->free(mol);
  return status == OF3_OK ? OF3_OK : of3_prefix(err, "the SMILES '%.200s'", smiles);
}

of3_status of3_rdkit_file_entry(const of3_rdkit *r, const char *path, of3_arena *arena,
                                of3_ccd_entry **ret_entry, of3_error *err) {
  char why[RDKIT_WHY] = "", *text = NULL;
  size_t n = 0;
  *ret_entry = NULL;
  OF3_TRY(of3_read_file(path, RDKIT_MOST_FILE, arena, &text, &n, err));
  of3_rdkit_mol *mol = r->from_mol_block(text, why, sizeof why);
  if (!mol)
    return of3_fail(err, OF3_ERR_INPUT, "'%.200s' cannot be read as a mol file: %s", path, of3_one_line(why));
  of3_status status = rdkit_entry_of(r, mol, arena, ret_entry, err);
  r->free(mol);
  return status == OF3_OK ? OF3_OK : of3_prefix(err, "'%.200s'", path);
}

/* ---- Conformers of components */

static of3_status rdkit_graph(const of3_rdkit *r, const of3_component *c, bool stereo, of3_arena *arena,
                              of3_rdkit_mol **ret_mol, of3_error *err) {
  char why[RDKIT_WHY] = "";
  of3_rdkit_atom *atom = OF3_ARENA_NEW(arena, of3_rdkit_atom, c->n_atom);
  of3_rdkit_bond *bond = OF3_ARENA_NEW(arena, of3_rdkit_bond, c->n_bond);
  if (!atom || !bond) return of3_fail_memory(err, "a molecule");
  for (int i = 0; i < c->n_atom; i++) {
    atom[i] =
        (of3_rdkit_atom){.element = of3_element_number(c->atom[i].element), .charge = c->atom[i].charge};
    if (!atom[i].element)
      return of3_fail(err, OF3_ERR_INPUT, "component %s: atom %s is of no known element", c->code,
                      c->atom[i].name);
  }
  for (int i = 0; i < c->n_bond; i++)
    bond[i] = (of3_rdkit_bond){.a = c->bond[i].a, .b = c->bond[i].b, .order = c->bond[i].order};
  *ret_mol = r->from_graph(c->n_atom, atom, c->n_bond, bond, stereo ? c->ideal : NULL, why, sizeof why);
  if (*ret_mol) return OF3_OK;
  return of3_fail(err, OF3_ERR_INPUT, "component %s: %s", c->code, of3_one_line(why));
}

of3_status of3_rdkit_component(const of3_rdkit *r, const of3_component *c, bool stereo,
                               of3_rdkit_mol **ret_mol, of3_error *err) {
  *ret_mol = NULL;
  of3_arena *arena = of3_arena_new(0);
  of3_status status =
      arena ? rdkit_graph(r, c, stereo, arena, ret_mol, err) : of3_fail_memory(err, "a molecule");
  of3_arena_free(arena);
  return status;
}

of3_status of3_rdkit_conformer(const of3_rdkit *r, const of3_component *c, bool stereo,
                               const int seed[OF3_RDKIT_N_STRATEGY], unsigned seconds, const of3_log *opt_log,
                               float *xyz, of3_error *err) {
  char why[RDKIT_WHY] = "";
  of3_error refused = {0};
  of3_rdkit_mol *mol = NULL;
  bool found = false;
  of3_status status = of3_rdkit_component(r, c, stereo, &mol, &refused);
  if (status == OF3_ERR_MEMORY) return of3_fail_memory(err, "a molecule");
  for (int k = 0; mol && !found && k < OF3_RDKIT_N_STRATEGY; k++)
    found = r->conformer(mol, (of3_rdkit_strategy)k, seed[k], seconds, xyz, why, sizeof why);
  r->free(mol);
  if (found) return OF3_OK;
  const char *reason = mol ? of3_one_line(why) : refused.text;
  if (!c->ideal)
    return of3_fail(err, OF3_ERR_INPUT, "component %s has no coordinates, and RDKit makes none: %s", c->code,
                    reason);
  of3_logf(opt_log, OF3_LOG_WARN,
           "component %s: the dictionary's coordinates are taken, as RDKit makes none: %s", c->code, reason);
  memcpy(xyz, c->ideal, (size_t)c->n_atom * 3 * sizeof *xyz);
  return OF3_OK;
}
