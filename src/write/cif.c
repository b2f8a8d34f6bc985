#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "write/bonds.h"
#include "write/cif_table.h"
#include "write/structure.h"

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

/* How many texts, and the texts. */
#define VALUES(...)                                                                                          \
  COUNT(((const char *[]){__VA_ARGS__})), (const char *[]) { __VA_ARGS__ }

/* What the functions for the categories share. */
typedef struct writer {
  const of3_complex *c;
  const float *x, *plddt;
  of3_arena *arena;
  of3_str *out;
  of3_error *err;
} writer;

static of3_status no_memory(const writer *w) { return of3_fail_memory(w->err, "the mmCIF file"); }

static const char *number(const writer *w, int i) { return of3_arena_printf(w->arena, "%d", i); }

static const char *real(const writer *w, float x) {
  char *text = of3_arena_alloc(w->arena, OF3_F32_TEXT, 1);
  if (text) of3_format_f32(text, x);
  return text;
}

/* A row of n values, none of which may be NULL for want of memory. */
static of3_status cif_fill(const writer *w, of3_cif_table *t, int n, const char *const *value) {
  assert(n == t->n_column);
  const char **row = of3_cif_row(t);
  if (!row) return no_memory(w);
  for (int k = 0; k < n; k++) {
    if (!value[k]) return no_memory(w);
    row[k] = value[k];
  }
  return OF3_OK;
}

static const of3_residue *residue_of(const of3_complex *c, int atom) {
  return &c->residue[c->atom[atom].residue];
}

static bool one_of(const char *name, const char *const *list, int n) {
  for (int k = 0; k < n; k++)
    if (strcmp(name, list[k]) == 0) return true;
  return false;
}

/* ---- struct_conn */

static bool is_canonical(const char *residue) {
  static const char *const name[] = {"ALA", "ARG", "ASN", "ASP", "CYS", "GLN", "GLU", "GLY", "HIS", "ILE",
                                     "LEU", "LYS", "MET", "PHE", "PRO", "PYL", "SER", "THR", "TRP", "TYR",
                                     "VAL", "SEC", "A",   "DA",  "G",   "DG",  "C",   "DC",  "U",   "DT"};
  return one_of(residue, name, COUNT(name));
}

static bool is_canonical_link(const of3_complex *c, const of3_bond *b) {
  static const char *const from[] = {"C", "O3'"}, *const to[] = {"N", "P"};
  return is_canonical(residue_of(c, b->a)->name) && is_canonical(residue_of(c, b->b)->name) &&
         one_of(c->atom[b->a].name, from, 2) && one_of(c->atom[b->b].name, to, 2) &&
         c->atom[b->b].residue - c->atom[b->a].residue == 1;
}

static of3_status add_struct_conn(const writer *w) {
  static const char *const column[] = {"id",
                                       "conn_type_id",
                                       "pdbx_value_order",
                                       "ptnr1_label_asym_id",
                                       "ptnr2_label_asym_id",
                                       "ptnr1_label_comp_id",
                                       "ptnr2_label_comp_id",
                                       "ptnr1_label_seq_id",
                                       "ptnr2_label_seq_id",
                                       "ptnr1_label_atom_id",
                                       "ptnr2_label_atom_id",
                                       "pdbx_ptnr1_PDB_ins_code",
                                       "pdbx_ptnr2_PDB_ins_code"};
  static const char *const order[] = {"?", "sing", "doub", "trip", "quad"};
  const of3_complex *c = w->c;
  of3_cif_table t = of3_cif_table_of("struct_conn", column, COUNT(column), w->arena);
  for (int k = 0; k < c->n_bond; k++) {
    const of3_bond *b = &c->bond[k];
    if (!of3_bond_links(c, b) || is_canonical_link(c, b)) continue;
    const of3_residue *p = residue_of(c, b->a), *q = residue_of(c, b->b);
    const char *kind = order[b->order < COUNT(order) ? b->order : 0];
    OF3_TRY(cif_fill(w, &t,
                     VALUES(number(w, t.n_row + 1), "covale", kind, c->chain[p->chain].id,
                            c->chain[q->chain].id, p->name, q->name, number(w, p->number),
                            number(w, q->number), c->atom[b->a].name, c->atom[b->b].name, ".", ".")));
  }
  return of3_cif_table_add(&t, w->out, w->err);
}

/* ---- chem_comp_bond: each distinct component, atom and atom once, where it appears first */

static int compare_bonds(const of3_complex *c, const of3_bond *p, const of3_bond *q) {
  int r = strcmp(residue_of(c, p->a)->name, residue_of(c, q->a)->name);
  if (!r) r = strcmp(c->atom[p->a].name, c->atom[q->a].name);
  return r ? r : strcmp(c->atom[p->b].name, c->atom[q->b].name);
}

/* Open addressing: slot[] holds bond numbers + 1. Returns false for a bond seen before. */
static bool first_of_kind(const of3_complex *c, int *slot, uint32_t mask, int bond) {
  const of3_bond *b = &c->bond[bond];
  const char *name[] = {residue_of(c, b->a)->name, c->atom[b->a].name, c->atom[b->b].name};
  uint32_t h = 2166136261u;
  for (int k = 0; k < 3; k++)
    for (const char *p = name[k]; *p || p == name[k]; p++) h = (h ^ (unsigned char)*p) * 16777619u;
  for (h &= mask; slot[h]; h = (h + 1) & mask)
    if (compare_bonds(c, b, &c->bond[slot[h] - 1]) == 0) return false;
  slot[h] = bond + 1;
  return true;
}

static of3_status add_chem_comp_bond(const writer *w) {
  static const char *const column[] = {"pdbx_ordinal",      "comp_id",     "atom_id_1",
                                       "atom_id_2",         "value_order", "pdbx_aromatic_flag",
                                       "pdbx_stereo_config"};
  static const char *const order[] = {"?", "SING", "DOUB", "TRIP", "QUAD"};
  const of3_complex *c = w->c;
  uint32_t size = 16;
  while (size < 2 * (uint32_t)c->n_bond) size *= 2;
  int *slot = OF3_ARENA_NEW(w->arena, int, size);
  if (!slot) return no_memory(w);
  of3_cif_table t = of3_cif_table_of("chem_comp_bond", column, COUNT(column), w->arena);
  for (int k = 0; k < c->n_bond; k++) {
    const of3_bond *b = &c->bond[k];
    if (of3_bond_links(c, b) || !first_of_kind(c, slot, size - 1, k)) continue;
    bool known = b->order > 0 && b->order < COUNT(order);
    const char *kind = known ? order[b->order] : b->aromatic ? "AROM" : "?";
    const char *flag = b->aromatic ? "Y" : known ? "N" : "?";
    OF3_TRY(cif_fill(w, &t,
                     VALUES(number(w, t.n_row + 1), residue_of(c, b->a)->name, c->atom[b->a].name,
                            c->atom[b->b].name, kind, flag, "?")));
  }
  return of3_cif_table_add(&t, w->out, w->err);
}

/* ---- atom_site */

static const char *charge_text(const writer *w, int charge) { return charge ? number(w, charge) : "?"; }

static of3_status add_atom_site(const writer *w) {
  static const char *const column[] = {
      "group_PDB",     "type_symbol",     "label_atom_id", "label_alt_id",       "label_comp_id",
      "label_asym_id", "label_entity_id", "label_seq_id",  "pdbx_PDB_ins_code",  "auth_seq_id",
      "auth_comp_id",  "auth_asym_id",    "auth_atom_id",  "B_iso_or_equiv",     "pdbx_formal_charge",
      "Cartn_x",       "Cartn_y",         "Cartn_z",       "pdbx_PDB_model_num", "id"};
  const of3_complex *c = w->c;
  of3_cif_table t = of3_cif_table_of("atom_site", column, COUNT(column), w->arena);
  for (int k = 0; k < c->n_atom; k++) {
    const of3_atom *a = &c->atom[k];
    const of3_residue *r = residue_of(c, k);
    const of3_chain *ch = &c->chain[r->chain];
    const float *x = w->x + 3 * (size_t)k;
    bool ligand = ch->type == OF3_LIGAND;
    const char *seq = number(w, r->number);
    OF3_TRY(cif_fill(w, &t,
                     VALUES(r->hetero ? "HETATM" : "ATOM", a->element, a->name, ".", r->name, ch->id,
                            number(w, ch->entity_id), ligand ? "." : seq, ligand ? "?" : ".", seq, r->name,
                            ch->id, a->name, real(w, w->plddt[k]), charge_text(w, a->charge), real(w, x[0]),
                            real(w, x[1]), real(w, x[2]), "1", number(w, k + 1))));
  }
  return of3_cif_table_add(&t, w->out, w->err);
}

/* ---- The tables of components, entities and chains: sorted sets */

/* One row of a set: up to four texts, compared in turn. */
typedef struct item {
  const char *key[4];
} item;

static int compare_items(const void *a, const void *b) {
  const item *p = a, *q = b;
  for (int k = 0; k < 4; k++) {
    int r = strcmp(p->key[k], q->key[k]);
    if (r) return r;
  }
  return 0;
}

/* Sorts and removes duplicates; returns how many stay. */
static int unique(item *list, int n) {
  int kept = 0;
  qsort(list, (size_t)n, sizeof *list, compare_items);
  for (int k = 0; k < n; k++)
    if (!kept || compare_items(&list[k], &list[kept - 1]) != 0) list[kept++] = list[k];
  return kept;
}

static bool is_standard(const char *residue) {
  static const char *const other[] = {"UNK", "N", "DN"}, *const not_standard[] = {"PYL", "SEC"};
  return (is_canonical(residue) && !one_of(residue, not_standard, 2)) || one_of(residue, other, 3);
}

static of3_status add_chem_comp(const writer *w) {
  static const char *const column[] = {"id", "type", "mon_nstd_flag", "name"};
  static const char *const type[] = {"L-peptide linking", "RNA linking", "DNA linking", "non-polymer"};
  const of3_complex *c = w->c;
  of3_cif_table t = of3_cif_table_of("chem_comp", column, COUNT(column), w->arena);
  item *list = OF3_ARENA_NEW(w->arena, item, c->n_residue);
  if (!list) return no_memory(w);
  for (int molecule = OF3_PROTEIN; molecule <= OF3_LIGAND; molecule++) {
    int n = 0;
    for (int k = 0; k < c->n_residue; k++)
      if ((int)c->chain[c->residue[k].chain].type == molecule)
        list[n++] = (item){{c->residue[k].name, "", "", ""}};
    n = unique(list, n);
    for (int k = 0; k < n; k++) {
      const char *name = list[k].key[0];
      const char *flag = molecule == OF3_LIGAND ? "." : is_standard(name) ? "y" : "n";
      OF3_TRY(cif_fill(w, &t, VALUES(name, type[molecule], flag, name)));
    }
  }
  return of3_cif_table_add(&t, w->out, w->err);
}

static of3_status add_entity(const writer *w) {
  static const char *const column[] = {"id", "type", "pdbx_description", "details"};
  static const char *const molecule[] = {"0", "1", "2", "3"};
  const of3_complex *c = w->c;
  of3_cif_table t = of3_cif_table_of("entity", column, COUNT(column), w->arena);
  item *list = OF3_ARENA_NEW(w->arena, item, c->n_chain);
  if (!list) return no_memory(w);
  for (int k = 0; k < c->n_chain; k++) {
    list[k] = (item){{number(w, c->chain[k].entity_id), molecule[c->chain[k].type], "", ""}};
    if (!list[k].key[0]) return no_memory(w);
  }
  int n = unique(list, c->n_chain);
  for (int k = 0; k < n; k++) {
    const char *type = list[k].key[1] == molecule[OF3_LIGAND] ? "non-polymer" : "polymer";
    OF3_TRY(cif_fill(w, &t, VALUES(list[k].key[0], type, "?", "?")));
  }
  return of3_cif_table_add(&t, w->out, w->err);
}

static of3_status add_struct_asym(const writer *w) {
  static const char *const column[] = {"id", "entity_id", "details"};
  const of3_complex *c = w->c;
  of3_cif_table t = of3_cif_table_of("struct_asym", column, COUNT(column), w->arena);
  item *list = OF3_ARENA_NEW(w->arena, item, c->n_chain);
  if (!list) return no_memory(w);
  for (int k = 0; k < c->n_chain; k++) {
    list[k] = (item){{c->chain[k].id, number(w, c->chain[k].entity_id), "", ""}};
    if (!list[k].key[1]) return no_memory(w);
  }
  int n = unique(list, c->n_chain);
  for (int k = 0; k < n; k++) OF3_TRY(cif_fill(w, &t, VALUES(list[k].key[0], list[k].key[1], "?")));
  return of3_cif_table_add(&t, w->out, w->err);
}

static of3_status add_nonpoly_scheme(const writer *w) {
  static const char *const column[] = {"entity_id",     "asym_id",     "mon_id",      "pdb_mon_id",
                                       "auth_mon_id",   "ndb_seq_num", "pdb_seq_num", "auth_seq_num",
                                       "pdb_strand_id", "pdb_ins_code"};
  const of3_complex *c = w->c;
  of3_cif_table t = of3_cif_table_of("pdbx_nonpoly_scheme", column, COUNT(column), w->arena);
  item *list = OF3_ARENA_NEW(w->arena, item, c->n_residue);
  int n = 0;
  if (!list) return no_memory(w);
  for (int k = 0; k < c->n_residue; k++) {
    const of3_residue *r = &c->residue[k];
    const of3_chain *ch = &c->chain[r->chain];
    if (ch->type != OF3_LIGAND) continue;
    list[n++] = (item){{number(w, ch->entity_id), ch->id, number(w, r->number), r->name}};
    if (!list[n - 1].key[0] || !list[n - 1].key[2]) return no_memory(w);
  }
  n = unique(list, n);
  for (int k = 0; k < n; k++) {
    const char *entity = list[k].key[0], *chain = list[k].key[1], *number = list[k].key[2],
               *name = list[k].key[3];
    OF3_TRY(cif_fill(w, &t, VALUES(entity, chain, name, name, name, number, number, number, chain, ".")));
  }
  return of3_cif_table_add(&t, w->out, w->err);
}

static of3_status add_categories(const writer *w) {
  of3_str_add(w->out, "data_structure\n#\n");
  OF3_TRY(add_struct_conn(w));
  OF3_TRY(add_chem_comp_bond(w));
  OF3_TRY(add_atom_site(w));
  OF3_TRY(add_chem_comp(w));
  OF3_TRY(add_entity(w));
  OF3_TRY(add_struct_asym(w));
  return add_nonpoly_scheme(w);
}

of3_status of3_cif_text(const of3_complex *complex, const float *x, const float *plddt, of3_str *out,
                        of3_error *err) {
  writer w = {.c = complex, .x = x, .plddt = plddt, .arena = of3_arena_new(1 << 20), .out = out, .err = err};
  if (!w.arena) return no_memory(&w);
  of3_status status = add_categories(&w);
  of3_arena_free(w.arena);
  return status;
}
