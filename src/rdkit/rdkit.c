#include "rdkit/rdkit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
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

/* Coordinates of the heavy atoms: those in space, else a flat drawing if one is asked for. */
static void rdkit_fill_positions(of3_ccd_entry *e, const of3_rdkit *r, const of3_rdkit_mol *mol, int n_heavy,
                                 bool drawing) {
  float *xyz = e->model;
  for (int i = 3 * n_heavy; i < 3 * e->n_atom; i++) xyz[i] = NAN;
  if (r->positions(mol, xyz)) {
    e->ideal = xyz;
    e->model = NULL;
  } else if (drawing) {
    r->flat(mol, xyz);
    for (int i = n_heavy - 1; i >= 0; i--) {
      const float x = xyz[2 * i], y = xyz[2 * i + 1];
      xyz[3 * i] = x;
      xyz[3 * i + 1] = y;
      xyz[3 * i + 2] = 0;
    }
  } else
    e->model = NULL;
}

of3_status of3_rdkit_entry_of(const of3_rdkit *r, const of3_rdkit_mol *mol, bool drawing, of3_arena *arena,
                              of3_ccd_entry **ret_entry, of3_error *err) {
  int n = 0, m = 0, hydrogens = 0;
  r->count(mol, &n, &m);
  if (n == 0) return of3_fail(err, OF3_ERR_INPUT, "there is no atom but hydrogen in it");
  of3_rdkit_atom *atom = OF3_ARENA_NEW(arena, of3_rdkit_atom, n);
  of3_rdkit_bond *bond = OF3_ARENA_NEW(arena, of3_rdkit_bond, m);
  of3_ccd_entry *e = OF3_ARENA_NEW(arena, of3_ccd_entry, 1);
  if (!atom || !bond || !e) return of3_fail_memory(err, "a molecule");
  r->describe(mol, atom, bond);
  for (int i = 0; i < n; i++) hydrogens += atom[i].hydrogens;
  if (n + hydrogens > UINT16_MAX) return of3_fail(err, OF3_ERR_INPUT, "it has more than 65,535 atoms");
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
  OF3_TRY(rdkit_fill_atoms(e, atom, n, m, err));
  rdkit_fill_positions(e, r, mol, n, drawing);
  *ret_entry = e;
  return OF3_OK;
}

/* A number in brackets that has more digits than SMILES allows, behind which RDKit's 8 bits begin anew:
 * isotopes have three, charges, hydrogens and classes of stereo two, numbers of a mapping any. NULL: there is
 * none. */
static const char *long_number(const char *smiles) {
  static const char digits[] = "0123456789";
  bool inside = false;
  for (const char *p = smiles; *p; p++) {
    const size_t n = inside ? strspn(p, digits) : 0;
    if (n > (p > smiles && p[-1] == '[' ? 3u : 2u) && p[-1] != ':') return p;
    if (n) p += n - 1;
    inside = *p == '[' || (inside && *p != ']');
  }
  return NULL;
}

static of3_status rdkit_check_smiles(const char *smiles, of3_error *err) {
  enum { MOST = 10000 }; /* RDKit's time grows with the square of the brackets */
  const size_t n = strlen(smiles);
  if (n > MOST)
    return of3_fail(err, OF3_ERR_INPUT,
                    "the SMILES '%.60s...' has %zu characters; at most %d are allowed for a ligand", smiles,
                    n, (int)MOST);
  const char *number = long_number(smiles);
  if (!number) return OF3_OK;
  return of3_fail(err, OF3_ERR_INPUT, "the SMILES '%.200s' cannot be read: the number %.*s is too large",
                  smiles, (int)strspn(number, "0123456789"), number);
}

of3_status of3_rdkit_read_smiles(const of3_rdkit *r, const char *smiles, of3_rdkit_mol **ret_mol,
                                 of3_error *err) {
  char why[RDKIT_WHY] = "";
  *ret_mol = NULL;
  OF3_TRY(rdkit_check_smiles(smiles, err));
  *ret_mol = r->from_smiles(smiles, why, sizeof why);
  if (*ret_mol) return OF3_OK;
  return of3_fail(err, OF3_ERR_INPUT, "the SMILES '%.200s' cannot be read: %s", smiles, of3_one_line(why));
}

/* Whether a V3000 file says that it has more atoms or bonds than a component may have: RDKit takes memory for
 * as many before it reads them. */
static bool has_too_many(const char *text) {
  static const char counts[] = "M  V30 COUNTS ";
  for (const char *at = strstr(text, counts); at; at = strstr(at, counts)) {
    char *end = NULL;
    at += sizeof counts - 1;
    if (strtoull(at, &end, 10) > UINT16_MAX || strtoull(end, NULL, 10) > UINT16_MAX) return true;
  }
  return false;
}

of3_status of3_rdkit_read_block(const of3_rdkit *r, const char *path, const char *text,
                                of3_rdkit_mol **ret_mol, of3_error *err) {
  char why[RDKIT_WHY] = "";
  *ret_mol = NULL;
  if (has_too_many(text))
    return of3_fail(err, OF3_ERR_INPUT, "'%.200s' has more than 65,535 atoms or bonds", path);
  *ret_mol = r->from_mol_block(text, why, sizeof why);
  if (*ret_mol) return OF3_OK;
  return of3_fail(err, OF3_ERR_INPUT, "'%.200s' cannot be read as a mol file: %s", path, of3_one_line(why));
}

of3_status of3_rdkit_smiles_entry(const of3_rdkit *r, const char *smiles, of3_arena *arena,
                                  of3_ccd_entry **ret_entry, of3_error *err) {
  of3_rdkit_mol *mol = NULL;
  *ret_entry = NULL;
  OF3_TRY(of3_rdkit_read_smiles(r, smiles, &mol, err));
  of3_status status = of3_rdkit_entry_of(r, mol, true, arena, ret_entry, err);
  r->free(mol);
  return status == OF3_OK ? OF3_OK : of3_prefix(err, "the SMILES '%.200s'", smiles);
}

of3_status of3_rdkit_block_of(const char *path, of3_arena *arena, char **ret_text, of3_error *err) {
  size_t n = 0;
  return of3_read_file(path, RDKIT_MOST_FILE, arena, ret_text, &n, err);
}

of3_status of3_rdkit_file_entry(const of3_rdkit *r, const char *path, of3_arena *arena,
                                of3_ccd_entry **ret_entry, of3_error *err) {
  char *text = NULL;
  of3_rdkit_mol *mol = NULL;
  *ret_entry = NULL;
  OF3_TRY(of3_rdkit_block_of(path, arena, &text, err));
  OF3_TRY(of3_rdkit_read_block(r, path, text, &mol, err));
  of3_status status = of3_rdkit_entry_of(r, mol, true, arena, ret_entry, err);
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

/* Of the seconds that are left until `end` the share of strategy k; 0 is no limit. */
static unsigned rdkit_share(double end, int k) {
  const double left = ceil((end - of3_seconds()) / (OF3_RDKIT_N_STRATEGY - k));
  return left > 1 ? (unsigned)left : 1;
}

of3_status of3_rdkit_search(const of3_rdkit *r, const of3_rdkit_mol *mol, const of3_embedding *how,
                            unsigned seconds, float *xyz, int *ret_attempts, bool *ret_found, of3_error *why,
                            of3_error *err) {
  char text[RDKIT_WHY] = "";
  *ret_found = false;
  *ret_attempts = 0;
  const double end = of3_seconds() + seconds;
  for (int k = 0; k < OF3_RDKIT_N_STRATEGY && !*ret_found; k++) {
    if (k == OF3_RDKIT_SMALL_RINGS && !how->small_rings) continue;
    const of3_rdkit_limits limits = {.steps = k == OF3_RDKIT_RANDOM ? OF3_RANDOM_STEPS : 0,
                                     .seconds = seconds ? rdkit_share(end, k) : 0};
    *ret_found = r->conformer(mol, (of3_rdkit_strategy)k, how->seed[(*ret_attempts)++], limits,
                              how->opt_cancel, xyz, text, sizeof text);
    OF3_TRY(of3_go_on(how->opt_cancel, err));
  }
  if (!*ret_found) (void)of3_fail(why, OF3_ERR_INPUT, "%s", of3_one_line(text));
  return OF3_OK;
}

of3_status of3_rdkit_relax(const of3_rdkit *r, const of3_rdkit_mol *mol, const of3_embedding *how,
                           unsigned seconds, float *xyz, bool *ret_found, of3_error *why, of3_error *err) {
  char text[RDKIT_WHY] = "";
  const of3_rdkit_limits limits = {.seconds = seconds};
  *ret_found = r->relaxed(mol, how->seed[0], limits, how->opt_cancel, xyz, text, sizeof text);
  OF3_TRY(of3_go_on(how->opt_cancel, err));
  if (!*ret_found) (void)of3_fail(why, OF3_ERR_INPUT, "%s", of3_one_line(text));
  return OF3_OK;
}
