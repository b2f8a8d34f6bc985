/* What of3_component_describe tells of a component: an entry of a library as plain strings and numbers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "ccd/ccd_draw.h"
#include "ccd/ccd_library.h"
#include "ccd/ccd_place.h"
#include "of3_chem.h"
#include "rdkit/rdkit.h"

typedef struct component_handle {
  of3_component_info info; /* first: what the user holds */
  of3_ccd_library *library;
  of3_arena *arena;
  const of3_ccd_entry *entry;
} component_handle;

static of3_status component_of_file(component_handle *h, const char *path, const char *opt_code,
                                    of3_error *err) {
  OF3_TRY(of3_ccd_library_add_file(h->library, path, err));
  const int n = of3_ccd_library_n_own(h->library);
  if (n > 1 && !opt_code)
    return of3_fail(err, OF3_ERR_USAGE, "'%.200s' describes %d components; say which one, e.g. %s", path, n,
                    of3_ccd_library_own(h->library, 0)->code);
  h->info.source = path;
  h->entry = of3_ccd_library_own(h->library, 0);
  if (opt_code) OF3_TRY(of3_ccd_library_entry(h->library, opt_code, &h->entry, &h->info.source, err));
  if (h->entry) return OF3_OK;
  return of3_fail(err, OF3_ERR_INPUT, "'%.200s' describes no component '%.20s'", path, opt_code);
}

/* Whether a file is an SDF or mol file, by its name. */
static bool component_is_mol_file(const char *path) {
  size_t n = strlen(path);
  return n > 4 && (strcmp(path + n - 4, ".sdf") == 0 || strcmp(path + n - 4, ".mol") == 0);
}

static of3_status component_of_mol_file(component_handle *h, const char *path, of3_error *err) {
  const of3_rdkit *rdkit = NULL;
  of3_ccd_entry *e = NULL;
  OF3_TRY(of3_rdkit_open(&rdkit, err));
  OF3_TRY(of3_rdkit_file_entry(rdkit, path, h->arena, &e, err));
  h->entry = e;
  h->info.source = path;
  return OF3_OK;
}

/* Codes are letters and digits; SMILES longer than those, or with other signs. */
static bool component_is_smiles(const char *text) {
  size_t n = strlen(text);
  return n > 5 || n != strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
}

static of3_status component_of_smiles(component_handle *h, const char *smiles, of3_error *err) {
  const of3_rdkit *rdkit = NULL;
  of3_ccd_entry *e = NULL;
  OF3_TRY(of3_rdkit_open(&rdkit, err));
  OF3_TRY(of3_rdkit_smiles_entry(rdkit, smiles, h->arena, &e, err));
  h->entry = e;
  h->info.source = "SMILES";
  return OF3_OK;
}

static of3_status component_of_code(component_handle *h, const char *code, const of3_component_options *o,
                                    of3_error *err) {
  OF3_TRY(of3_ccd_library_entry(h->library, code, &h->entry, &h->info.source, err));
  if (h->entry) return OF3_OK;
  if (component_is_smiles(code)) return component_of_smiles(h, code, err);
  if (o->ccd)
    return of3_fail(
        err, OF3_ERR_INPUT,
        "'%.100s' is no component of '%.200s' or of the built-in ones, and no file; codes are written as "
        "in the dictionary, mostly in capital letters",
        code, o->ccd);
  return of3_fail(
      err, OF3_ERR_INPUT,
      "'%.100s' is none of the built-in components and no file; --ccd names a dictionary with more, which "
      "'of3 ccd build' makes",
      code);
}

/* bonds to hydrogens are counted at the heavy atom */
static void component_count_hydrogens(const of3_ccd_entry *e, of3_component_atom_info *atom) {
  for (int i = 0; i < e->n_bond; i++) {
    const int a = e->bond[i].a, b = e->bond[i].b;
    atom[a].hydrogens += strcmp(e->atom[b].element, "H") == 0;
    atom[b].hydrogens += strcmp(e->atom[a].element, "H") == 0;
  }
}

static of3_status component_fill(component_handle *h, of3_error *err) {
  const of3_ccd_entry *e = h->entry;
  of3_component_info *out = &h->info;
  of3_component_atom_info *atom = OF3_ARENA_NEW(h->arena, of3_component_atom_info, e->n_atom);
  of3_component_bond_info *bond = OF3_ARENA_NEW(h->arena, of3_component_bond_info, e->n_bond);
  if (!atom || !bond) return of3_fail_memory(err, "a component");
  const float *xyz = e->ideal ? e->ideal : e->model;
  for (int i = 0; i < e->n_atom; i++) {
    const of3_ccd_atom *a = &e->atom[i];
    atom[i] = (of3_component_atom_info){.name = a->name,
                                        .element = a->element,
                                        .charge = a->charge,
                                        .leaving = a->leaving,
                                        .aromatic = a->aromatic,
                                        .stereo = a->stereo,
                                        .has_xyz = xyz && !isnan(xyz[3 * i])};
    for (int k = 0; atom[i].has_xyz && k < 3; k++) atom[i].xyz[k] = xyz[3 * i + k];
  }
  component_count_hydrogens(e, atom);
  for (int i = 0; i < e->n_bond; i++)
    bond[i] = (of3_component_bond_info){.a = e->bond[i].a,
                                        .b = e->bond[i].b,
                                        .order = e->bond[i].order,
                                        .aromatic = e->bond[i].aromatic,
                                        .stereo = e->bond[i].stereo};
  out->code = e->code;
  out->name = e->name;
  out->type = e->type;
  out->formula = e->formula;
  out->parent = e->parent;
  out->status = e->status;
  out->replaced_by = e->replaced_by;
  out->modified = e->modified;
  out->n_atom = e->n_atom;
  out->n_bond = e->n_bond;
  out->atom = atom;
  out->bond = bond;
  return OF3_OK;
}

static of3_status component_describe(component_handle *h, const char *what, const of3_component_options *o,
                                     of3_error *err) {
  if (!h->arena) return of3_fail_memory(err, "a component");
  of3_ccd_place place;
  OF3_TRY(of3_ccd_place_of(o->ccd, h->arena, &place, err));
  OF3_TRY(of3_ccd_library_open(place.path, &h->library, err));
  const char *copy = of3_arena_strdup(h->arena, what);
  if (!copy) return of3_fail_memory(err, "a component");
  if (!of3_is_file(what))
    OF3_TRY(component_of_code(h, copy, o, err));
  else if (component_is_mol_file(what))
    OF3_TRY(component_of_mol_file(h, copy, err));
  else
    OF3_TRY(component_of_file(h, copy, o->code, err));
  return component_fill(h, err);
}

of3_status of3_component_describe(const char *what, const of3_component_options *opt_options,
                                  of3_component_info **ret_info, of3_error *err) {
  const of3_component_options none = {0};
  *ret_info = NULL;
  component_handle *h = calloc(1, sizeof *h);
  if (!h) return of3_fail_memory(err, "a component");
  h->arena = of3_arena_new(0);
  of3_status status = component_describe(h, what, opt_options ? opt_options : &none, err);
  if (status == OF3_OK)
    *ret_info = &h->info;
  else
    of3_component_info_free(&h->info);
  return status;
}

void of3_component_info_free(of3_component_info *info) {
  component_handle *h = (component_handle *)info;
  if (!h) return;
  of3_ccd_library_close(h->library);
  of3_arena_free(h->arena);
  free(h);
}

of3_status of3_component_draw(const of3_component_info *info, const char *path, of3_error *err) {
  const component_handle *h = (const component_handle *)(const void *)info;
  of3_str svg = {0};
  of3_status status = of3_ccd_draw(h->entry, &svg, err);
  if (status == OF3_OK) status = of3_write_file(path, svg.text, svg.len, err);
  of3_str_free(&svg);
  return status;
}
