/* ModelCIF: molecules without a sequence. A ligand of one component is a non-polymer. One of several
 * components (a glycan, a cofactor in parts) is a branched entity, the only kind of the dictionary that keeps
 * residues of one molecule in one chain without a sequence; AlphaFold 3 writes them so as well, and viewers
 * draw sugars of such entities as glycans. The type of every branched entity is "oligosaccharide": the
 * dictionary has no other. */
#include <string.h>

#include "write/bonds.h"
#include "write/cif_writer.h"

/* ---- Non-polymers */

static of3_status add_nonpolymers(const of3_cif_writer *w, const of3_cif_entities *all) {
  static const char *const column[] = {"entity_id", "comp_id", "name", "ma_model_mode"};
  of3_cif_table t =
      of3_cif_table_of("pdbx_entity_nonpoly", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  for (int e = 0; e < all->n; e++) {
    const of3_component *c = w->c->residue[all->first[e]->first_residue].component;
    if (of3_cif_entity_of(all->first[e]) == OF3_CIF_NON_POLYMER)
      OF3_TRY(of3_cif_fill(
          w, &t, OF3_CIF_VALUES(of3_cif_number(w, e + 1), c->code, of3_cif_component_name(c), "explicit")));
  }
  return of3_cif_table_add(&t, w->out, w->err);
}

static of3_status add_nonpolymer_scheme(const of3_cif_writer *w) {
  static const char *const column[] = {"asym_id",       "entity_id",    "mon_id",     "ndb_seq_num",
                                       "pdb_seq_num",   "auth_seq_num", "pdb_mon_id", "auth_mon_id",
                                       "pdb_strand_id", "pdb_ins_code"};
  const of3_complex *c = w->c;
  of3_cif_table t =
      of3_cif_table_of("pdbx_nonpoly_scheme", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  for (int k = 0; k < c->n_residue; k++) {
    const of3_residue *r = &c->residue[k];
    const of3_chain *chain = &c->chain[r->chain];
    const char *author = of3_cif_auth_seq(w, r);
    if (of3_cif_entity_of(chain) == OF3_CIF_NON_POLYMER)
      OF3_TRY(of3_cif_fill(w, &t,
                           OF3_CIF_VALUES(chain->id, of3_cif_number(w, chain->entity_id), r->name,
                                          of3_cif_number(w, r->number), author, author, r->name, r->name,
                                          chain->id, ".")));
  }
  return of3_cif_table_add(&t, w->out, w->err);
}

/* ---- Branched entities */

static of3_status add_branch_lists(const of3_cif_writer *w, const of3_cif_entities *all) {
  static const char *const column[] = {"entity_id", "type"}, *const list[] = {"entity_id", "num", "comp_id",
                                                                              "hetero"};
  of3_cif_table t =
      of3_cif_table_of("pdbx_entity_branch", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  of3_cif_table l =
      of3_cif_table_of("pdbx_entity_branch_list", list, OF3_CIF_COUNT(list), w->arena, w->opt_cancel);
  for (int e = 0; e < all->n; e++) {
    const of3_chain *chain = all->first[e];
    if (of3_cif_entity_of(chain) != OF3_CIF_BRANCHED) continue;
    OF3_TRY(of3_cif_fill(w, &t, OF3_CIF_VALUES(of3_cif_number(w, e + 1), "oligosaccharide")));
    for (int k = 0; k < chain->n_residue; k++)
      OF3_TRY(of3_cif_fill(w, &l,
                           OF3_CIF_VALUES(of3_cif_number(w, e + 1), of3_cif_number(w, k + 1),
                                          w->c->residue[chain->first_residue + k].name, "n")));
  }
  OF3_TRY(of3_cif_table_add(&t, w->out, w->err));
  return of3_cif_table_add(&l, w->out, w->err);
}

/* What the atom lost with the bond: a heavy neighbour that is no longer there, or its hydrogen (HO4 of O4).
 */
static const char *leaving_of(const of3_cif_writer *w, int atom) {
  const of3_atom *a = &w->c->atom[atom];
  const of3_residue *r = &w->c->residue[a->residue];
  const of3_component *c = r->component;
  for (int k = 0; k < c->n_bond; k++) {
    const int other = c->bond[k].a == a->component_atom   ? c->bond[k].b
                      : c->bond[k].b == a->component_atom ? c->bond[k].a
                                                          : -1;
    if (other >= 0 && of3_residue_atom(w->c, r, other) < 0) return c->atom[other].name;
  }
  return of3_arena_printf(w->arena, "H%s", a->name);
}

static of3_status add_branch_link(const of3_cif_writer *w, of3_cif_table *t, const of3_bond *b) {
  static const char *const order[] = {"?", "sing", "doub", "trip", "quad"};
  const of3_residue *p = of3_cif_residue(w->c, b->a), *q = of3_cif_residue(w->c, b->b);
  return of3_cif_fill(
      w, t,
      OF3_CIF_VALUES(of3_cif_number(w, t->n_row + 1), of3_cif_number(w, w->c->chain[p->chain].entity_id),
                     of3_cif_number(w, p->number), p->name, w->c->atom[b->a].name, leaving_of(w, b->a),
                     of3_cif_number(w, q->number), q->name, w->c->atom[b->b].name, leaving_of(w, b->b),
                     order[b->order < OF3_CIF_COUNT(order) ? b->order : 0]));
}

static of3_status add_branch_links(const of3_cif_writer *w, const of3_cif_entities *all) {
  static const char *const column[] = {"link_id",
                                       "entity_id",
                                       "entity_branch_list_num_1",
                                       "comp_id_1",
                                       "atom_id_1",
                                       "leaving_atom_id_1",
                                       "entity_branch_list_num_2",
                                       "comp_id_2",
                                       "atom_id_2",
                                       "leaving_atom_id_2",
                                       "value_order"};
  const of3_complex *c = w->c;
  of3_cif_table t =
      of3_cif_table_of("pdbx_entity_branch_link", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  for (int k = 0; k < c->n_bond; k++) {
    const int chain = of3_cif_residue(c, c->bond[k].a)->chain;
    const bool within = of3_bond_links(c, &c->bond[k]) && of3_cif_residue(c, c->bond[k].b)->chain == chain;
    if (within && of3_cif_entity_of(&c->chain[chain]) == OF3_CIF_BRANCHED &&
        all->first[c->chain[chain].entity_id - 1] == &c->chain[chain])
      OF3_TRY(add_branch_link(w, &t, &c->bond[k]));
  }
  return of3_cif_table_add(&t, w->out, w->err);
}

static of3_status add_branch_scheme(const of3_cif_writer *w) {
  static const char *const column[] = {"asym_id",      "entity_id",   "mon_id",     "num",
                                       "pdb_asym_id",  "pdb_seq_num", "pdb_mon_id", "auth_asym_id",
                                       "auth_seq_num", "auth_mon_id", "hetero"};
  const of3_complex *c = w->c;
  of3_cif_table t =
      of3_cif_table_of("pdbx_branch_scheme", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  for (int k = 0; k < c->n_residue; k++) {
    const of3_residue *r = &c->residue[k];
    const of3_chain *chain = &c->chain[r->chain];
    const char *author = of3_cif_auth_seq(w, r);
    if (of3_cif_entity_of(chain) == OF3_CIF_BRANCHED)
      OF3_TRY(of3_cif_fill(w, &t,
                           OF3_CIF_VALUES(chain->id, of3_cif_number(w, chain->entity_id), r->name,
                                          of3_cif_number(w, r->number), chain->id, author, r->name, chain->id,
                                          author, r->name, "n")));
  }
  return of3_cif_table_add(&t, w->out, w->err);
}

of3_status of3_cif_add_ligands(const of3_cif_writer *w, const of3_cif_entities *all) {
  OF3_TRY(add_nonpolymers(w, all));
  OF3_TRY(add_nonpolymer_scheme(w));
  OF3_TRY(add_branch_lists(w, all));
  OF3_TRY(add_branch_links(w, all));
  return add_branch_scheme(w);
}
