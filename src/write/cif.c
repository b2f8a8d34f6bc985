/* OpenFold3's style of mmCIF, byte for byte. */
#include <string.h>

#include "write/bonds.h"
#include "write/cif_writer.h"

/* ---- struct_conn */

static of3_status add_struct_conn(const of3_cif_writer *w) {
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
  of3_cif_table t = of3_cif_table_of("struct_conn", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  for (int k = 0; k < c->n_bond; k++) {
    const of3_bond *b = &c->bond[k];
    if (!of3_bond_is_known(b) || !of3_bond_links(c, b) || of3_cif_is_canonical_link(c, b)) continue;
    const of3_residue *p = of3_cif_residue(c, b->a), *q = of3_cif_residue(c, b->b);
    const char *kind = order[b->order < OF3_CIF_COUNT(order) ? b->order : 0];
    OF3_TRY(of3_cif_fill(w, &t,
                         OF3_CIF_VALUES(of3_cif_number(w, t.n_row + 1), "covale", kind, c->chain[p->chain].id,
                                        c->chain[q->chain].id, p->name, q->name, of3_cif_number(w, p->number),
                                        of3_cif_number(w, q->number), c->atom[b->a].name, c->atom[b->b].name,
                                        ".", ".")));
  }
  return of3_cif_table_add(&t, w->out, w->err);
}

/* ---- chem_comp_bond: each distinct component, atom and atom once, where it appears first */

static int compare_bonds(const of3_complex *c, const of3_bond *p, const of3_bond *q) {
  int r = strcmp(of3_cif_residue(c, p->a)->name, of3_cif_residue(c, q->a)->name);
  if (!r) r = strcmp(c->atom[p->a].name, c->atom[q->a].name);
  return r ? r : strcmp(c->atom[p->b].name, c->atom[q->b].name);
}

/* Open addressing: slot[] holds bond numbers + 1. Returns false for a bond seen before. */
static bool first_of_kind(const of3_complex *c, int *slot, uint32_t mask, int bond) {
  const of3_bond *b = &c->bond[bond];
  const char *name[] = {of3_cif_residue(c, b->a)->name, c->atom[b->a].name, c->atom[b->b].name};
  uint32_t h = 2166136261u;
  for (int k = 0; k < 3; k++)
    for (const char *p = name[k]; *p || p == name[k]; p++) h = (h ^ (unsigned char)*p) * 16777619u;
  for (h &= mask; slot[h]; h = (h + 1) & mask)
    if (compare_bonds(c, b, &c->bond[slot[h] - 1]) == 0) return false;
  slot[h] = bond + 1;
  return true;
}

static of3_status add_bonds(const of3_cif_writer *w) {
  static const char *const column[] = {"pdbx_ordinal",      "comp_id",     "atom_id_1",
                                       "atom_id_2",         "value_order", "pdbx_aromatic_flag",
                                       "pdbx_stereo_config"};
  static const char *const order[] = {"?", "SING", "DOUB", "TRIP", "QUAD"};
  const of3_complex *c = w->c;
  uint32_t size = 16;
  while (size < 2 * (uint32_t)c->n_bond) size *= 2;
  int *slot = OF3_ARENA_NEW(w->arena, int, size);
  if (!slot) return of3_cif_no_memory(w);
  of3_cif_table t =
      of3_cif_table_of("chem_comp_bond", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  for (int k = 0; k < c->n_bond; k++) {
    const of3_bond *b = &c->bond[k];
    if (of3_bond_links(c, b) || !first_of_kind(c, slot, size - 1, k)) continue;
    bool known = b->order > 0 && b->order < OF3_CIF_COUNT(order);
    const char *kind = known ? order[b->order] : b->aromatic ? "AROM" : "?";
    const char *flag = b->aromatic ? "Y" : known ? "N" : "?";
    OF3_TRY(of3_cif_fill(w, &t,
                         OF3_CIF_VALUES(of3_cif_number(w, t.n_row + 1), of3_cif_residue(c, b->a)->name,
                                        c->atom[b->a].name, c->atom[b->b].name, kind, flag, "?")));
  }
  return of3_cif_table_add(&t, w->out, w->err);
}

/* ---- atom_site */

/* All texts but that at `skip` (-1: all); returns how many. */
static int without(const char *const *from, int n, int skip, const char **to) {
  int m = 0;
  for (int k = 0; k < n; k++)
    if (k != skip) to[m++] = from[k];
  return m;
}

static of3_status add_atom_site(const of3_cif_writer *w) {
  enum { OCCUPANCY = 14 };
  static const char *const column[] = {"group_PDB",
                                       "type_symbol",
                                       "label_atom_id",
                                       "label_alt_id",
                                       "label_comp_id",
                                       "label_asym_id",
                                       "label_entity_id",
                                       "label_seq_id",
                                       "pdbx_PDB_ins_code",
                                       "auth_seq_id",
                                       "auth_comp_id",
                                       "auth_asym_id",
                                       "auth_atom_id",
                                       "B_iso_or_equiv",
                                       "occupancy",
                                       "pdbx_formal_charge",
                                       "Cartn_x",
                                       "Cartn_y",
                                       "Cartn_z",
                                       "pdbx_PDB_model_num",
                                       "id"};
  const of3_complex *c = w->c;
  const bool only_smiles = of3_only_smiles(c);
  const int skip = only_smiles ? -1 : OCCUPANCY;
  const char *kept[OF3_CIF_COUNT(column)], *row[OF3_CIF_COUNT(column)];
  const int n = without(column, OF3_CIF_COUNT(column), skip, kept);
  of3_cif_table t = of3_cif_table_of("atom_site", kept, n, w->arena, w->opt_cancel);
  for (int k = 0; k < c->n_atom; k++) {
    const of3_cif_atom at = of3_cif_atom_of(w, k);
    const char *name = at.atom->name, *residue = at.residue->name, *chain = at.chain->id;
    const char *const cell[] = {at.group,
                                at.atom->element,
                                name,
                                ".",
                                residue,
                                chain,
                                at.entity,
                                at.label_seq,
                                at.chain->type == OF3_LIGAND ? "?" : ".",
                                at.seq,
                                residue,
                                chain,
                                name,
                                only_smiles ? of3_cif_double(w, (double)w->plddt[k])
                                            : of3_cif_real(w, w->plddt[k]),
                                "0.0",
                                at.charge,
                                of3_cif_real(w, at.x[0]),
                                of3_cif_real(w, at.x[1]),
                                of3_cif_real(w, at.x[2]),
                                "1",
                                at.number};
    OF3_TRY(of3_cif_fill(w, &t, without(cell, OF3_CIF_COUNT(cell), skip, row), row));
  }
  return of3_cif_table_add(&t, w->out, w->err);
}

/* ---- The tables of components, entities and chains: sorted sets */

static of3_status add_chem_comp(const of3_cif_writer *w) {
  static const char *const column[] = {"id", "type", "mon_nstd_flag", "name"};
  static const char *const type[] = {"L-peptide linking", "RNA linking", "DNA linking", "non-polymer"};
  const of3_complex *c = w->c;
  of3_cif_table t = of3_cif_table_of("chem_comp", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  of3_cif_item *list = OF3_ARENA_NEW(w->arena, of3_cif_item, c->n_residue);
  if (!list) return of3_cif_no_memory(w);
  for (int molecule = OF3_PROTEIN; molecule <= OF3_LIGAND; molecule++) {
    int n = 0;
    for (int k = 0; k < c->n_residue; k++)
      if ((int)c->chain[c->residue[k].chain].type == molecule)
        list[n++] = (of3_cif_item){{c->residue[k].name, "", "", ""}};
    n = of3_cif_unique(list, n);
    for (int k = 0; k < n; k++) {
      const char *name = list[k].key[0];
      const char *flag = molecule == OF3_LIGAND ? "." : of3_cif_is_standard(name) ? "y" : "n";
      OF3_TRY(of3_cif_fill(w, &t, OF3_CIF_VALUES(name, type[molecule], flag, name)));
    }
  }
  return of3_cif_table_add(&t, w->out, w->err);
}

static of3_status add_entity(const of3_cif_writer *w) {
  static const char *const column[] = {"id", "type", "pdbx_description", "details"};
  static const char *const molecule[] = {"0", "1", "2", "3"};
  const of3_complex *c = w->c;
  of3_cif_table t = of3_cif_table_of("entity", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  of3_cif_item *list = OF3_ARENA_NEW(w->arena, of3_cif_item, c->n_chain);
  if (!list) return of3_cif_no_memory(w);
  for (int k = 0; k < c->n_chain; k++) {
    list[k] = (of3_cif_item){{of3_cif_number(w, c->chain[k].entity_id), molecule[c->chain[k].type], "", ""}};
    if (!list[k].key[0]) return of3_cif_no_memory(w);
  }
  int n = of3_cif_unique(list, c->n_chain);
  for (int k = 0; k < n; k++) {
    const char *type = list[k].key[1] == molecule[OF3_LIGAND] ? "non-polymer" : "polymer";
    OF3_TRY(of3_cif_fill(w, &t, OF3_CIF_VALUES(list[k].key[0], type, "?", "?")));
  }
  return of3_cif_table_add(&t, w->out, w->err);
}

static of3_status add_struct_asym(const of3_cif_writer *w) {
  static const char *const column[] = {"id", "entity_id", "details"};
  const of3_complex *c = w->c;
  of3_cif_table t = of3_cif_table_of("struct_asym", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  of3_cif_item *list = OF3_ARENA_NEW(w->arena, of3_cif_item, c->n_chain);
  if (!list) return of3_cif_no_memory(w);
  for (int k = 0; k < c->n_chain; k++) {
    list[k] = (of3_cif_item){{c->chain[k].id, of3_cif_number(w, c->chain[k].entity_id), "", ""}};
    if (!list[k].key[1]) return of3_cif_no_memory(w);
  }
  int n = of3_cif_unique(list, c->n_chain);
  for (int k = 0; k < n; k++)
    OF3_TRY(of3_cif_fill(w, &t, OF3_CIF_VALUES(list[k].key[0], list[k].key[1], "?")));
  return of3_cif_table_add(&t, w->out, w->err);
}

static of3_status add_nonpoly_scheme(const of3_cif_writer *w) {
  static const char *const column[] = {"entity_id",     "asym_id",     "mon_id",      "pdb_mon_id",
                                       "auth_mon_id",   "ndb_seq_num", "pdb_seq_num", "auth_seq_num",
                                       "pdb_strand_id", "pdb_ins_code"};
  const of3_complex *c = w->c;
  of3_cif_table t =
      of3_cif_table_of("pdbx_nonpoly_scheme", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  of3_cif_item *list = OF3_ARENA_NEW(w->arena, of3_cif_item, c->n_residue);
  int n = 0;
  if (!list) return of3_cif_no_memory(w);
  for (int k = 0; k < c->n_residue; k++) {
    const of3_residue *r = &c->residue[k];
    const of3_chain *ch = &c->chain[r->chain];
    if (ch->type != OF3_LIGAND) continue;
    list[n++] =
        (of3_cif_item){{of3_cif_number(w, ch->entity_id), ch->id, of3_cif_number(w, r->number), r->name}};
    if (!list[n - 1].key[0] || !list[n - 1].key[2]) return of3_cif_no_memory(w);
  }
  n = of3_cif_unique(list, n);
  for (int k = 0; k < n; k++) {
    const char *entity = list[k].key[0], *chain = list[k].key[1], *number = list[k].key[2],
               *name = list[k].key[3];
    OF3_TRY(of3_cif_fill(
        w, &t, OF3_CIF_VALUES(entity, chain, name, name, name, number, number, number, chain, ".")));
  }
  return of3_cif_table_add(&t, w->out, w->err);
}

static of3_status add_categories(const of3_cif_writer *w) {
  of3_str_add(w->out, "data_structure\n#\n");
  OF3_TRY(add_struct_conn(w));
  OF3_TRY(add_bonds(w));
  OF3_TRY(add_atom_site(w));
  OF3_TRY(add_chem_comp(w));
  OF3_TRY(add_entity(w));
  OF3_TRY(add_struct_asym(w));
  return add_nonpoly_scheme(w);
}

of3_status of3_cif_text(const of3_complex *complex, const float *x, const float *plddt,
                        of3_cancel *opt_cancel, of3_str *out, of3_error *err) {
  of3_cif_writer w = {.c = complex,
                      .x = x,
                      .plddt = plddt,
                      .arena = of3_arena_new(1 << 20),
                      .opt_cancel = opt_cancel,
                      .out = out,
                      .err = err};
  if (!w.arena) return of3_cif_no_memory(&w);
  of3_status status = add_categories(&w);
  of3_arena_free(w.arena);
  return status;
}
