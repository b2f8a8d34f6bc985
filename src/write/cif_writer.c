#include "write/cif_writer.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

of3_status of3_cif_no_memory(const of3_cif_writer *w) { return of3_fail_memory(w->err, "the mmCIF file"); }

const char *of3_cif_number(const of3_cif_writer *w, int i) { return of3_arena_printf(w->arena, "%d", i); }

const char *of3_cif_real(const of3_cif_writer *w, float x) {
  char *text = of3_arena_alloc(w->arena, OF3_F32_TEXT, 1);
  if (text) of3_format_f32(text, x);
  return text;
}

const char *of3_cif_double(const of3_cif_writer *w, double x) {
  char *text = of3_arena_alloc(w->arena, OF3_F32_TEXT, 1);
  if (text) of3_format_f64(text, x);
  return text;
}

const char *of3_cif_fixed(const of3_cif_writer *w, double x, int decimals) {
  static const long long power[] = {1, 10, 100, 1000, 10000, 100000, 1000000};
  assert(decimals > 0 && decimals < OF3_CIF_COUNT(power));
  if (!(fabs(x) < 1e12)) return "?";
  const long long n = llrint(x * (double)power[decimals]), a = llabs(n);
  return of3_arena_printf(w->arena, "%s%lld.%0*lld", n < 0 ? "-" : "", a / power[decimals], decimals,
                          a % power[decimals]);
}

of3_status of3_cif_fill(const of3_cif_writer *w, of3_cif_table *t, int n, const char *const *value) {
  assert(n == t->n_column);
  OF3_TRY(of3_go_on(w->opt_cancel, w->err));
  const char **row = of3_cif_row(t);
  if (!row) return of3_cif_no_memory(w);
  for (int k = 0; k < n; k++) {
    if (!value[k]) return of3_cif_no_memory(w);
    row[k] = value[k];
  }
  return OF3_OK;
}

of3_cif_atom of3_cif_atom_of(const of3_cif_writer *w, int k) {
  const of3_atom *a = &w->c->atom[k];
  const of3_residue *r = of3_cif_residue(w->c, k);
  const of3_chain *chain = &w->c->chain[r->chain];
  return (of3_cif_atom){.atom = a,
                        .residue = r,
                        .chain = chain,
                        .x = w->x + 3 * (size_t)k,
                        .group = r->hetero ? "HETATM" : "ATOM",
                        .number = of3_cif_number(w, k + 1),
                        .entity = of3_cif_number(w, chain->entity_id),
                        .seq = of3_cif_auth_seq(w, r),
                        .label_seq = of3_cif_label_seq(w, r),
                        .charge = a->charge ? of3_cif_number(w, a->charge) : "?"};
}

const char *of3_cif_label_seq(const of3_cif_writer *w, const of3_residue *r) {
  return w->c->chain[r->chain].type == OF3_LIGAND ? "." : of3_cif_number(w, r->number);
}

const char *of3_cif_auth_seq(const of3_cif_writer *w, const of3_residue *r) {
  return of3_cif_number(w, r->number + w->c->chain[r->chain].number_shift);
}

const of3_residue *of3_cif_residue(const of3_complex *c, int atom) {
  return &c->residue[c->atom[atom].residue];
}

bool of3_cif_one_of(const char *name, const char *const *list, int n) {
  for (int k = 0; k < n; k++)
    if (strcmp(name, list[k]) == 0) return true;
  return false;
}

bool of3_cif_is_canonical(const char *residue) {
  static const char *const name[] = {"ALA", "ARG", "ASN", "ASP", "CYS", "GLN", "GLU", "GLY", "HIS", "ILE",
                                     "LEU", "LYS", "MET", "PHE", "PRO", "PYL", "SER", "THR", "TRP", "TYR",
                                     "VAL", "SEC", "A",   "DA",  "G",   "DG",  "C",   "DC",  "U",   "DT"};
  return of3_cif_one_of(residue, name, OF3_CIF_COUNT(name));
}

bool of3_cif_is_canonical_link(const of3_complex *c, const of3_bond *b) {
  static const char *const from[] = {"C", "O3'"}, *const to[] = {"N", "P"};
  return of3_cif_is_canonical(of3_cif_residue(c, b->a)->name) &&
         of3_cif_is_canonical(of3_cif_residue(c, b->b)->name) &&
         of3_cif_one_of(c->atom[b->a].name, from, 2) && of3_cif_one_of(c->atom[b->b].name, to, 2) &&
         c->atom[b->b].residue - c->atom[b->a].residue == 1;
}

bool of3_cif_is_standard(const char *residue) {
  static const char *const other[] = {"UNK", "N", "DN"}, *const not_standard[] = {"PYL", "SEC"};
  return (of3_cif_is_canonical(residue) && !of3_cif_one_of(residue, not_standard, 2)) ||
         of3_cif_one_of(residue, other, 3);
}

static int compare_items(const void *a, const void *b) {
  const of3_cif_item *p = a, *q = b;
  for (int k = 0; k < 4; k++) {
    int r = strcmp(p->key[k], q->key[k]);
    if (r) return r;
  }
  return 0;
}

int of3_cif_unique(of3_cif_item *list, int n) {
  int kept = 0;
  qsort(list, (size_t)n, sizeof *list, compare_items);
  for (int k = 0; k < n; k++)
    if (!kept || compare_items(&list[k], &list[kept - 1]) != 0) list[kept++] = list[k];
  return kept;
}
