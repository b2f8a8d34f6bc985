/* ModelCIF: struct_conn, bonds between residues that do not follow from the sequence of standard residues:
 * the user's, those that close cycles, those of modified residues and caps. */
#include <math.h>

#include "write/bonds.h"
#include "write/cif_writer.h"

static const char *const link_type[] = {
    [OF3_CONN_COVALE] = "covale", [OF3_CONN_DISULF] = "disulf", [OF3_CONN_METALC] = "metalc"};

/* What stands of one of the two atoms. */
typedef struct partner {
  const char *asym, *comp, *label_seq, *atom, *auth_seq;
} partner;

static partner partner_of(const of3_cif_writer *w, int atom) {
  const of3_residue *r = of3_cif_residue(w->c, atom);
  const of3_chain *chain = &w->c->chain[r->chain];
  return (partner){.asym = chain->id,
                   .comp = r->name,
                   .label_seq = of3_cif_label_seq(w, r),
                   .atom = w->c->atom[atom].name,
                   .auth_seq = of3_cif_auth_seq(w, r)};
}

static const char *distance(const of3_cif_writer *w, const of3_bond *b) {
  const float *p = w->x + 3 * (size_t)b->a, *q = w->x + 3 * (size_t)b->b;
  double sum = 0;
  for (int k = 0; k < 3; k++) sum += ((double)p[k] - (double)q[k]) * ((double)p[k] - (double)q[k]);
  return of3_cif_fixed(w, sqrt(sum), 3);
}

static of3_status add_types(const of3_cif_writer *w, const int *count) {
  static const char *const column[] = {"id"};
  of3_cif_table t =
      of3_cif_table_of("struct_conn_type", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  for (int k = 0; k < OF3_CIF_COUNT(link_type); k++)
    if (count[k]) OF3_TRY(of3_cif_fill(w, &t, OF3_CIF_VALUES(link_type[k])));
  return of3_cif_table_add(&t, w->out, w->err);
}

of3_status of3_cif_add_links(const of3_cif_writer *w) {
  static const char *const column[] = {"id",
                                       "conn_type_id",
                                       "ptnr1_label_asym_id",
                                       "ptnr1_label_comp_id",
                                       "ptnr1_label_seq_id",
                                       "ptnr1_label_atom_id",
                                       "pdbx_ptnr1_label_alt_id",
                                       "pdbx_ptnr1_PDB_ins_code",
                                       "ptnr1_symmetry",
                                       "ptnr2_label_asym_id",
                                       "ptnr2_label_comp_id",
                                       "ptnr2_label_seq_id",
                                       "ptnr2_label_atom_id",
                                       "pdbx_ptnr2_label_alt_id",
                                       "pdbx_ptnr2_PDB_ins_code",
                                       "ptnr2_symmetry",
                                       "ptnr1_auth_asym_id",
                                       "ptnr1_auth_comp_id",
                                       "ptnr1_auth_seq_id",
                                       "ptnr2_auth_asym_id",
                                       "ptnr2_auth_comp_id",
                                       "ptnr2_auth_seq_id",
                                       "pdbx_dist_value",
                                       "pdbx_value_order"};
  static const char *const order[] = {"?", "sing", "doub", "trip", "quad"};
  static const char as_given[] = "1_555"; /* symmetry operator: the identity */
  const of3_complex *c = w->c;
  int count[OF3_CIF_COUNT(link_type)] = {0};
  of3_cif_table t = of3_cif_table_of("struct_conn", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  for (int k = 0; k < c->n_bond; k++) {
    const of3_bond *b = &c->bond[k];
    if (!of3_bond_links(c, b) || of3_bond_is_implied(c, b)) continue;
    const partner p = partner_of(w, b->a), q = partner_of(w, b->b);
    const of3_conn type = of3_bond_conn(c, b);
    const char *id = of3_arena_printf(w->arena, "%s%d", link_type[type], ++count[type]);
    OF3_TRY(of3_cif_fill(
        w, &t,
        OF3_CIF_VALUES(id, link_type[type], p.asym, p.comp, p.label_seq, p.atom, "?", "?", as_given, q.asym,
                       q.comp, q.label_seq, q.atom, "?", "?", as_given, p.asym, p.comp, p.auth_seq, q.asym,
                       q.comp, q.auth_seq, distance(w, b),
                       type == OF3_CONN_METALC ? "?"
                                               : order[b->order < OF3_CIF_COUNT(order) ? b->order : 0])));
  }
  OF3_TRY(add_types(w, count));
  return of3_cif_table_add(&t, w->out, w->err);
}
