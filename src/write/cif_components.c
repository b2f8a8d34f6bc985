/* ModelCIF: what the residues are made of. chem_comp has a row for each distinct code; its heavy atoms and
 * bonds follow in chem_comp_atom and chem_comp_bond, those that leave in chains included, so that a viewer
 * can draw a ligand that is in no dictionary. Which text such a ligand was made from stands in
 * pdbx_chem_comp_descriptor. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "write/cif_writer.h"

static int compare_codes(const void *a, const void *b) {
  const of3_component *const *p = a, *const *q = b;
  return strcmp((*p)->code, (*q)->code);
}

/* The distinct components, in the order of their codes. */
typedef struct components {
  int n;
  const of3_component **list;
} components;

static of3_status find_components(const of3_cif_writer *w, components *out) {
  const of3_complex *c = w->c;
  const of3_component **list = OF3_ARENA_NEW(w->arena, const of3_component *, c->n_residue);
  if (!list) return of3_cif_no_memory(w);
  for (int k = 0; k < c->n_residue; k++) list[k] = c->residue[k].component;
  qsort(list, (size_t)c->n_residue, sizeof *list, compare_codes);
  *out = (components){.list = list};
  for (int k = 0; k < c->n_residue; k++)
    if (!k || strcmp(list[k]->code, list[out->n - 1]->code) != 0) list[out->n++] = list[k];
  return OF3_OK;
}

const char *of3_cif_component_name(const of3_component *c) { return c->name && *c->name ? c->name : "?"; }

/* ---- chem_comp */

enum { ELEMENTS = 128, CARBON = 6 };

/* "C6": the element and how many there are of it. */
static void add_count(of3_str *out, const char *symbol, int n) {
  if (!n) return;
  of3_str_addf(out, "%s%c", out->len ? " " : "", symbol[0]);
  if (symbol[1]) of3_str_addf(out, "%c", tolower((unsigned char)symbol[1]));
  if (n > 1) of3_str_addf(out, "%d", n);
}

/* By Hill: carbon, hydrogen, then the others by their symbols; without carbon all by their symbols. */
static const char *formula_of(const of3_cif_writer *w, const of3_component *c) {
  int count[ELEMENTS] = {0}, hydrogens = 0;
  for (int k = 0; k < c->n_atom; k++) {
    count[of3_element_number(c->atom[k].element)]++;
    hydrogens += c->atom[k].hydrogens;
  }
  count[1] += hydrogens;
  of3_str text = {0};
  char symbol[4];
  if (count[CARBON]) {
    add_count(&text, "C", count[CARBON]);
    add_count(&text, "H", count[1]);
    count[CARBON] = count[1] = 0;
  }
  for (int first = 'A'; first <= 'Z'; first++)
    for (int second = 'A' - 1; second <= 'Z'; second++) {
      symbol[0] = (char)first, symbol[1] = (char)(second < 'A' ? 0 : second), symbol[2] = 0;
      const int number = of3_element_number(symbol);
      if (number) add_count(&text, symbol, count[number]);
    }
  const char *kept = text.failed ? NULL : of3_arena_strdup(w->arena, text.len ? text.text : "?");
  of3_str_free(&text);
  return kept;
}

static const char *standard_flag(const of3_component *c) {
  return c->standard ? "y" : c->link == OF3_LINK_NONE ? "." : "n";
}

static of3_status add_components(const of3_cif_writer *w, const components *all) {
  static const char *const column[] = {
      "id", "type", "mon_nstd_flag", "name", "formula", "mon_nstd_parent_comp_id", "ma_provenance"};
  of3_cif_table t = of3_cif_table_of("chem_comp", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  for (int k = 0; k < all->n; k++) {
    const of3_component *c = all->list[k];
    OF3_TRY(of3_cif_fill(w, &t,
                         OF3_CIF_VALUES(c->code, c->type && *c->type ? c->type : "NON-POLYMER",
                                        standard_flag(c), of3_cif_component_name(c), formula_of(w, c),
                                        c->parent ? c->parent : "?", c->own ? "CCD local" : "CCD Core")));
  }
  return of3_cif_table_add(&t, w->out, w->err);
}

/* ---- Atoms, bonds, descriptors */

static of3_status add_component_atoms(const of3_cif_writer *w, const components *all) {
  static const char *const column[] = {"comp_id", "atom_id", "type_symbol", "charge", "pdbx_ordinal"};
  of3_cif_table t =
      of3_cif_table_of("chem_comp_atom", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  for (int k = 0; k < all->n; k++) {
    const of3_component *c = all->list[k];
    for (int a = 0; a < c->n_atom; a++)
      OF3_TRY(
          of3_cif_fill(w, &t,
                       OF3_CIF_VALUES(c->code, c->atom[a].name, c->atom[a].element,
                                      of3_cif_number(w, c->atom[a].charge), of3_cif_number(w, t.n_row + 1))));
  }
  return of3_cif_table_add(&t, w->out, w->err);
}

static of3_status add_component_bonds(const of3_cif_writer *w, const components *all) {
  static const char *const column[] = {"comp_id",     "atom_id_1",          "atom_id_2",
                                       "value_order", "pdbx_aromatic_flag", "pdbx_ordinal"};
  static const char *const order[] = {"?", "SING", "DOUB", "TRIP", "QUAD"};
  of3_cif_table t =
      of3_cif_table_of("chem_comp_bond", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  for (int k = 0; k < all->n; k++) {
    const of3_component *c = all->list[k];
    for (int b = 0; b < c->n_bond; b++)
      OF3_TRY(
          of3_cif_fill(w, &t,
                       OF3_CIF_VALUES(c->code, c->atom[c->bond[b].a].name, c->atom[c->bond[b].b].name,
                                      order[c->bond[b].order < OF3_CIF_COUNT(order) ? c->bond[b].order : 0],
                                      c->bond[b].aromatic ? "Y" : "N", of3_cif_number(w, t.n_row + 1))));
  }
  return of3_cif_table_add(&t, w->out, w->err);
}

static of3_status add_descriptors(const of3_cif_writer *w, const components *all) {
  static const char *const column[] = {"comp_id", "type", "program", "program_version", "descriptor"};
  of3_cif_table t =
      of3_cif_table_of("pdbx_chem_comp_descriptor", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  for (int k = 0; k < all->n; k++)
    if (all->list[k]->smiles)
      OF3_TRY(of3_cif_fill(
          w, &t,
          OF3_CIF_VALUES(all->list[k]->code, "SMILES", "of3", w->about->version, all->list[k]->smiles)));
  return of3_cif_table_add(&t, w->out, w->err);
}

of3_status of3_cif_add_components(const of3_cif_writer *w) {
  components all = {0};
  OF3_TRY(find_components(w, &all));
  OF3_TRY(add_components(w, &all));
  OF3_TRY(add_component_atoms(w, &all));
  OF3_TRY(add_component_bonds(w, &all));
  return add_descriptors(w, &all);
}
