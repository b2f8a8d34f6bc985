/* mmCIF as the wwPDB and ModelCIF define it, for programs that open predicted structures. The categories, in
 * the order of the file, and where they are made:
 *
 *   here              entry, audit_conform, struct, atom_type, atom_site
 *   cif_components.c  chem_comp, chem_comp_atom, chem_comp_bond, pdbx_chem_comp_descriptor
 *   cif_entities.c    entity: the distinct molecules, numbered from 1; struct_asym: the chains, copies of
 * them cif_polymers.c    entity_poly, entity_poly_seq, pdbx_poly_seq_scheme, pdbx_struct_mod_residue
 *   cif_ligands.c     pdbx_entity_nonpoly, pdbx_nonpoly_scheme; pdbx_entity_branch, pdbx_branch_scheme
 *   cif_quality.c     ma_*: what was modelled, by which program, and how sure it is
 *   cif_links.c       struct_conn: bonds between residues that do not follow from a sequence
 *
 * label_* names count as the file does: label_seq_id is the place in the sequence, "." without one. auth_* is
 * what the user calls a residue: its place plus the shift of its chain. */
#include <ctype.h>
#include <string.h>

#include "write/cif_writer.h"

/* ---- The entry */

/* A name of a data block: ASCII without blanks. */
static const char *block_name(const of3_cif_writer *w) {
  char *name = of3_arena_strdup(w->arena, w->c->name);
  for (char *p = name; p && *p; p++)
    if (!(isalnum((unsigned char)*p) && (unsigned char)*p < 0x80) && !strchr("-_.+|", *p)) *p = '_';
  return name;
}

static of3_status add_entry(const of3_cif_writer *w, const char *name) {
  static const char *const entry[] = {"id"}, *const conform[] = {"dict_name", "dict_version"},
                           *const about[] = {"entry_id", "title"};
  of3_str_addf(w->out, "data_%s\n#\n", name);
  of3_cif_table e = of3_cif_table_of("entry", entry, OF3_CIF_COUNT(entry), w->arena, w->opt_cancel);
  OF3_TRY(of3_cif_fill(w, &e, OF3_CIF_VALUES(name)));
  OF3_TRY(of3_cif_table_add(&e, w->out, w->err));
  of3_cif_table d =
      of3_cif_table_of("audit_conform", conform, OF3_CIF_COUNT(conform), w->arena, w->opt_cancel);
  OF3_TRY(of3_cif_fill(w, &d, OF3_CIF_VALUES("mmcif_ma.dic", "1.4.9")));
  OF3_TRY(of3_cif_table_add(&d, w->out, w->err));
  of3_cif_table s = of3_cif_table_of("struct", about, OF3_CIF_COUNT(about), w->arena, w->opt_cancel);
  const char *title = of3_arena_printf(w->arena, "Prediction of %s", w->c->name);
  OF3_TRY(of3_cif_fill(w, &s, OF3_CIF_VALUES(name, title)));
  return of3_cif_table_add(&s, w->out, w->err);
}

/* ---- Atoms */

static of3_status add_atom_types(const of3_cif_writer *w) {
  static const char *const column[] = {"symbol"};
  of3_cif_table t = of3_cif_table_of("atom_type", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  bool seen[128] = {false}; /* by number of the element */
  for (int k = 0; k < w->c->n_atom; k++) {
    int number = of3_element_number(w->c->atom[k].element);
    if (seen[number]) continue;
    seen[number] = true;
    OF3_TRY(of3_cif_fill(w, &t, OF3_CIF_VALUES(w->c->atom[k].element)));
  }
  return of3_cif_table_add(&t, w->out, w->err);
}

static of3_status add_atoms(const of3_cif_writer *w) {
  static const char *const column[] = {"group_PDB",         "id",
                                       "type_symbol",       "label_atom_id",
                                       "label_alt_id",      "label_comp_id",
                                       "label_asym_id",     "label_entity_id",
                                       "label_seq_id",      "pdbx_PDB_ins_code",
                                       "Cartn_x",           "Cartn_y",
                                       "Cartn_z",           "occupancy",
                                       "B_iso_or_equiv",    "pdbx_formal_charge",
                                       "auth_seq_id",       "auth_comp_id",
                                       "auth_asym_id",      "auth_atom_id",
                                       "pdbx_PDB_model_num"};
  const of3_complex *c = w->c;
  of3_cif_table t = of3_cif_table_of("atom_site", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  for (int k = 0; k < c->n_atom; k++) {
    const of3_cif_atom at = of3_cif_atom_of(w, k);
    const char *name = at.atom->name, *residue = at.residue->name, *chain = at.chain->id;
    OF3_TRY(of3_cif_fill(w, &t,
                         OF3_CIF_VALUES(at.group, at.number, at.atom->element, name, ".", residue, chain,
                                        at.entity, at.label_seq, "?", of3_cif_fixed(w, (double)at.x[0], 3),
                                        of3_cif_fixed(w, (double)at.x[1], 3),
                                        of3_cif_fixed(w, (double)at.x[2], 3), "1.00",
                                        of3_cif_fixed(w, (double)w->plddt[k], 2), at.charge,
                                        of3_cif_auth_seq(w, at.residue), residue, chain, name, "1")));
  }
  return of3_cif_table_add(&t, w->out, w->err);
}

static of3_status add_model(const of3_cif_writer *w) {
  of3_cif_entities all = {0};
  OF3_TRY(of3_cif_find_entities(w, &all));
  const char *name = block_name(w);
  if (!name) return of3_cif_no_memory(w);
  OF3_TRY(add_entry(w, name));
  OF3_TRY(of3_cif_add_components(w));
  OF3_TRY(of3_cif_add_entities(w, &all));
  OF3_TRY(of3_cif_add_polymers(w, &all));
  OF3_TRY(of3_cif_add_chains(w));
  OF3_TRY(of3_cif_add_ligands(w, &all));
  OF3_TRY(of3_cif_add_quality(w, &all, name));
  OF3_TRY(of3_cif_add_links(w));
  OF3_TRY(add_atom_types(w));
  return add_atoms(w);
}

of3_status of3_modelcif_text(const of3_complex *complex, const float *x, const float *plddt,
                             const of3_structure_about *about, of3_cancel *opt_cancel, of3_str *out,
                             of3_error *err) {
  of3_cif_writer w = {.c = complex,
                      .x = x,
                      .plddt = plddt,
                      .about = about,
                      .arena = of3_arena_new(1 << 20),
                      .opt_cancel = opt_cancel,
                      .out = out,
                      .err = err};
  if (!w.arena) return of3_cif_no_memory(&w);
  of3_complex numbered;
  of3_status status = of3_cif_number_entities(complex, w.arena, &numbered, err);
  w.c = &numbered;
  if (status == OF3_OK) status = add_model(&w);
  of3_arena_free(w.arena);
  return status;
}
