/* mmCIF as the wwPDB and ModelCIF define it, for programs that open predicted structures: entities with their
 * sequences, chains, components, atoms with occupancies; the quality stands in cif_quality.c.
 *
 *   entity 1 .. n         the distinct molecules; entity_poly and entity_poly_seq those with a sequence,
 *                         pdbx_entity_nonpoly the others
 *   struct_asym           the chains, each of an entity; pdbx_poly_seq_scheme, pdbx_nonpoly_scheme: their
 * residues chem_comp             the components that residues are; chem_comp_bond their bonds struct_conn
 * bonds between residues that no dictionary implies
 *
 * What a molecule is called, and its letters, come from the tables below by the type of its chain. */
#include <ctype.h>
#include <string.h>

#include "chem/component.h"
#include "write/bonds.h"
#include "write/cif_writer.h"

/* By of3_molecule. */
static const struct {
  const char *polymer, *component; /* NULL: no polymer */
  char unknown;                    /* letter of a residue without one of its own */
} molecule_kind[] = {{"polypeptide(L)", "L-PEPTIDE LINKING", 'X'},
                     {"polyribonucleotide", "RNA LINKING", 'N'},
                     {"polydeoxyribonucleotide", "DNA LINKING", 'N'},
                     {NULL, "NON-POLYMER", 0}};

static const struct {
  const char *code, *name;
} component_name[] = {{"ALA", "ALANINE"},
                      {"ARG", "ARGININE"},
                      {"ASN", "ASPARAGINE"},
                      {"ASP", "ASPARTIC ACID"},
                      {"CYS", "CYSTEINE"},
                      {"GLN", "GLUTAMINE"},
                      {"GLU", "GLUTAMIC ACID"},
                      {"GLY", "GLYCINE"},
                      {"HIS", "HISTIDINE"},
                      {"ILE", "ISOLEUCINE"},
                      {"LEU", "LEUCINE"},
                      {"LYS", "LYSINE"},
                      {"MET", "METHIONINE"},
                      {"PHE", "PHENYLALANINE"},
                      {"PRO", "PROLINE"},
                      {"SER", "SERINE"},
                      {"THR", "THREONINE"},
                      {"TRP", "TRYPTOPHAN"},
                      {"TYR", "TYROSINE"},
                      {"VAL", "VALINE"},
                      {"UNK", "UNKNOWN"},
                      {"A", "ADENOSINE-5'-MONOPHOSPHATE"},
                      {"C", "CYTIDINE-5'-MONOPHOSPHATE"},
                      {"G", "GUANOSINE-5'-MONOPHOSPHATE"},
                      {"U", "URIDINE-5'-MONOPHOSPHATE"},
                      {"DA", "2'-DEOXYADENOSINE-5'-MONOPHOSPHATE"},
                      {"DC", "2'-DEOXYCYTIDINE-5'-MONOPHOSPHATE"},
                      {"DG", "2'-DEOXYGUANOSINE-5'-MONOPHOSPHATE"},
                      {"DT", "THYMIDINE-5'-MONOPHOSPHATE"}};

/* The letter of a residue in a sequence of its type, 0: it has none. */
static char letter_of(const char *code, of3_molecule type) {
  static const uint8_t link[] = {OF3_LINK_PEPTIDE, OF3_LINK_RNA, OF3_LINK_DNA, OF3_LINK_NONE};
  const of3_component *c = of3_standard_residue(code);
  const bool known = c && c->link == link[type] && c != &of3_standard_residues[of3_letter_class(type, 0)];
  return known ? c->letter : 0;
}

/* The first chain of each entity, in the order of their numbers; the others are its copies. */
typedef struct entities {
  int n;
  const of3_chain **first; /* [n] */
  int *copies;             /* [n] */
} entities;

static of3_status find_entities(const of3_cif_writer *w, entities *out) {
  const of3_complex *c = w->c;
  for (int k = 0; k < c->n_chain; k++)
    if (c->chain[k].entity_id > out->n) out->n = c->chain[k].entity_id;
  out->first = OF3_ARENA_NEW(w->arena, const of3_chain *, out->n);
  out->copies = OF3_ARENA_NEW(w->arena, int, out->n);
  if (!out->first || !out->copies) return of3_cif_no_memory(w);
  for (int k = c->n_chain - 1; k >= 0; k--) {
    out->first[c->chain[k].entity_id - 1] = &c->chain[k];
    out->copies[c->chain[k].entity_id - 1]++;
  }
  return OF3_OK;
}

/* ---- The entry */

/* A name of a data block: ASCII without blanks. */
static const char *block_name(const of3_cif_writer *w) {
  char *name = of3_arena_strdup(w->arena, w->c->name);
  for (char *p = name; p && *p; p++)
    if (!(isalnum((unsigned char)*p) && (unsigned char)*p < 0x80) && !strchr("-_.+|", *p)) *p = '_';
  return name;
}

static of3_status cif_model_add_entry(const of3_cif_writer *w) {
  static const char *const entry[] = {"id"}, *const conform[] = {"dict_name", "dict_version"},
                           *const about[] = {"entry_id", "title"};
  const char *name = block_name(w);
  if (!name) return of3_cif_no_memory(w);
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

/* ---- Components */

static const char *name_of_component(const char *code) {
  for (int k = 0; k < OF3_CIF_COUNT(component_name); k++)
    if (strcmp(component_name[k].code, code) == 0) return component_name[k].name;
  return "?";
}

/* A component is described by the first chain that it is found in. */
static of3_status add_components(const of3_cif_writer *w) {
  static const char *const column[] = {"id", "type", "mon_nstd_flag", "name"}, *const type[] = {"0", "1", "2",
                                                                                                "3"};
  const of3_complex *c = w->c;
  of3_cif_table t = of3_cif_table_of("chem_comp", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  of3_cif_item *list = OF3_ARENA_NEW(w->arena, of3_cif_item, c->n_residue);
  if (!list) return of3_cif_no_memory(w);
  for (int k = 0; k < c->n_residue; k++)
    list[k] = (of3_cif_item){{c->residue[k].name, type[c->chain[c->residue[k].chain].type], "", ""}};
  int n = of3_cif_unique(list, c->n_residue);
  for (int k = 0; k < n; k++) {
    const char *code = list[k].key[0];
    int kind = list[k].key[1][0] - '0';
    if (k && strcmp(code, list[k - 1].key[0]) == 0) continue;
    OF3_TRY(of3_cif_fill(
        w, &t,
        OF3_CIF_VALUES(code, strcmp(code, "GLY") == 0 ? "PEPTIDE LINKING" : molecule_kind[kind].component,
                       kind == OF3_LIGAND          ? "."
                       : of3_cif_is_standard(code) ? "y"
                                                   : "n",
                       name_of_component(code))));
  }
  return of3_cif_table_add(&t, w->out, w->err);
}

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

/* ---- Entities */

static of3_status add_entities(const of3_cif_writer *w, const entities *all) {
  static const char *const column[] = {"id", "type", "pdbx_description", "pdbx_number_of_molecules"};
  of3_cif_table t = of3_cif_table_of("entity", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  for (int e = 0; e < all->n; e++) {
    const of3_chain *chain = all->first[e];
    const char *component = w->c->residue[chain->first_residue].name;
    bool polymer = molecule_kind[chain->type].polymer != NULL;
    OF3_TRY(of3_cif_fill(w, &t,
                         OF3_CIF_VALUES(of3_cif_number(w, e + 1), polymer ? "polymer" : "non-polymer",
                                        polymer ? "?" : name_of_component(component),
                                        of3_cif_number(w, all->copies[e]))));
  }
  return of3_cif_table_add(&t, w->out, w->err);
}

/* The sequence on lines of 80 letters; canonical: a letter for every residue, else (CODE) where it has none.
 */
static const char *sequence_text(const of3_cif_writer *w, const of3_chain *chain, bool canonical) {
  enum { WIDTH = 80 };
  of3_str text = {0};
  int width = 0;
  for (int k = 0; k < chain->n_residue; k++) {
    const of3_residue *r = &w->c->residue[chain->first_residue + k];
    char letter = letter_of(r->name, chain->type);
    if (!letter && canonical) {
      const of3_component *standard = of3_standard_residue(r->name);
      letter = standard ? standard->letter : molecule_kind[chain->type].unknown;
    }
    int n = letter ? 1 : (int)strlen(r->name) + 2;
    if (width && width + n > WIDTH) {
      of3_str_addc(&text, '\n', 1);
      width = 0;
    }
    if (letter)
      of3_str_addc(&text, letter, 1);
    else
      of3_str_addf(&text, "(%s)", r->name);
    width += n;
  }
  const char *kept = text.failed || !text.text ? NULL : of3_arena_strdup(w->arena, text.text);
  of3_str_free(&text);
  return kept;
}

/* A strand of RNA with nucleotides of DNA, or the reverse, is a hybrid. */
static const char *polymer_type(const of3_cif_writer *w, const of3_chain *chain) {
  bool rna = chain->type == OF3_RNA, dna = chain->type == OF3_DNA;
  const bool nucleic = rna || dna;
  for (int k = 0; nucleic && k < chain->n_residue; k++) {
    const of3_component *c = of3_standard_residue(w->c->residue[chain->first_residue + k].name);
    rna |= c && c->link == OF3_LINK_RNA;
    dna |= c && c->link == OF3_LINK_DNA;
  }
  return rna && dna ? "polydeoxyribonucleotide/polyribonucleotide hybrid"
                    : molecule_kind[chain->type].polymer;
}

static const char *strand_ids(const of3_cif_writer *w, int entity) {
  of3_str text = {0};
  for (int k = 0; k < w->c->n_chain; k++)
    if (w->c->chain[k].entity_id == entity)
      of3_str_addf(&text, "%s%s", text.len ? "," : "", w->c->chain[k].id);
  const char *kept = text.failed || !text.text ? NULL : of3_arena_strdup(w->arena, text.text);
  of3_str_free(&text);
  return kept;
}

static bool has_nonstandard(const of3_cif_writer *w, const of3_chain *chain) {
  for (int k = 0; k < chain->n_residue; k++)
    if (!of3_cif_is_standard(w->c->residue[chain->first_residue + k].name)) return true;
  return false;
}

static of3_status add_polymers(const of3_cif_writer *w, const entities *all) {
  static const char *const column[] = {"entity_id",
                                       "type",
                                       "nstd_linkage",
                                       "nstd_monomer",
                                       "pdbx_strand_id",
                                       "pdbx_seq_one_letter_code",
                                       "pdbx_seq_one_letter_code_can"},
                           *const seq[] = {"entity_id", "num", "mon_id", "hetero"};
  of3_cif_table t = of3_cif_table_of("entity_poly", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  of3_cif_table s = of3_cif_table_of("entity_poly_seq", seq, OF3_CIF_COUNT(seq), w->arena, w->opt_cancel);
  for (int e = 0; e < all->n; e++) {
    const of3_chain *chain = all->first[e];
    if (!molecule_kind[chain->type].polymer) continue;
    OF3_TRY(of3_cif_fill(w, &t,
                         OF3_CIF_VALUES(of3_cif_number(w, e + 1), polymer_type(w, chain), "no",
                                        has_nonstandard(w, chain) ? "yes" : "no", strand_ids(w, e + 1),
                                        sequence_text(w, chain, false), sequence_text(w, chain, true))));
    for (int k = 0; k < chain->n_residue; k++)
      OF3_TRY(of3_cif_fill(w, &s,
                           OF3_CIF_VALUES(of3_cif_number(w, e + 1), of3_cif_number(w, k + 1),
                                          w->c->residue[chain->first_residue + k].name, "n")));
  }
  OF3_TRY(of3_cif_table_add(&t, w->out, w->err));
  return of3_cif_table_add(&s, w->out, w->err);
}

static of3_status add_ligands(const of3_cif_writer *w, const entities *all) {
  static const char *const column[] = {"entity_id", "comp_id", "name", "ma_model_mode"};
  of3_cif_table t =
      of3_cif_table_of("pdbx_entity_nonpoly", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  for (int e = 0; e < all->n; e++) {
    const char *code = w->c->residue[all->first[e]->first_residue].name;
    if (molecule_kind[all->first[e]->type].polymer) continue;
    OF3_TRY(of3_cif_fill(
        w, &t, OF3_CIF_VALUES(of3_cif_number(w, e + 1), code, name_of_component(code), "explicit")));
  }
  return of3_cif_table_add(&t, w->out, w->err);
}

/* ---- Chains */

static of3_status cif_model_add_chains(const of3_cif_writer *w) {
  static const char *const column[] = {"id", "entity_id", "pdbx_blank_PDB_chainid_flag", "pdbx_modified",
                                       "details"};
  of3_cif_table t = of3_cif_table_of("struct_asym", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  for (int k = 0; k < w->c->n_chain; k++)
    OF3_TRY(of3_cif_fill(
        w, &t,
        OF3_CIF_VALUES(w->c->chain[k].id, of3_cif_number(w, w->c->chain[k].entity_id), "N", "N", "?")));
  return of3_cif_table_add(&t, w->out, w->err);
}

static of3_status add_polymer_scheme(const of3_cif_writer *w) {
  static const char *const column[] = {"asym_id",     "entity_id",     "seq_id",       "mon_id",
                                       "ndb_seq_num", "pdb_seq_num",   "auth_seq_num", "pdb_mon_id",
                                       "auth_mon_id", "pdb_strand_id", "pdb_ins_code", "hetero"};
  const of3_complex *c = w->c;
  of3_cif_table t =
      of3_cif_table_of("pdbx_poly_seq_scheme", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  for (int k = 0; k < c->n_residue; k++) {
    const of3_residue *r = &c->residue[k];
    const of3_chain *chain = &c->chain[r->chain];
    const char *number = of3_cif_number(w, r->number);
    if (!molecule_kind[chain->type].polymer) continue;
    OF3_TRY(of3_cif_fill(w, &t,
                         OF3_CIF_VALUES(chain->id, of3_cif_number(w, chain->entity_id), number, r->name,
                                        number, number, number, r->name, r->name, chain->id, ".", "n")));
  }
  return of3_cif_table_add(&t, w->out, w->err);
}

/* ---- Bonds and atoms */

static of3_status add_connections(const of3_cif_writer *w) {
  static const char *const column[] = {"id",
                                       "conn_type_id",
                                       "ptnr1_label_asym_id",
                                       "ptnr1_label_comp_id",
                                       "ptnr1_label_seq_id",
                                       "ptnr1_label_atom_id",
                                       "ptnr1_auth_asym_id",
                                       "ptnr1_auth_comp_id",
                                       "ptnr1_auth_seq_id",
                                       "ptnr2_label_asym_id",
                                       "ptnr2_label_comp_id",
                                       "ptnr2_label_seq_id",
                                       "ptnr2_label_atom_id",
                                       "ptnr2_auth_asym_id",
                                       "ptnr2_auth_comp_id",
                                       "ptnr2_auth_seq_id",
                                       "pdbx_value_order"};
  static const char *const order[] = {"?", "sing", "doub", "trip", "quad"}, *const type[] = {"id"};
  const of3_complex *c = w->c;
  of3_cif_table t = of3_cif_table_of("struct_conn", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  for (int k = 0; k < c->n_bond; k++) {
    const of3_bond *b = &c->bond[k];
    if (!of3_bond_links(c, b) || of3_cif_is_canonical_link(c, b)) continue;
    const of3_residue *p = of3_cif_residue(c, b->a), *q = of3_cif_residue(c, b->b);
    const of3_chain *cp = &c->chain[p->chain], *cq = &c->chain[q->chain];
    const char *np = of3_cif_number(w, p->number), *nq = of3_cif_number(w, q->number);
    OF3_TRY(of3_cif_fill(w, &t,
                         OF3_CIF_VALUES(of3_arena_printf(w->arena, "covale%d", t.n_row + 1), "covale", cp->id,
                                        p->name, cp->type == OF3_LIGAND ? "." : np, c->atom[b->a].name,
                                        cp->id, p->name, np, cq->id, q->name,
                                        cq->type == OF3_LIGAND ? "." : nq, c->atom[b->b].name, cq->id,
                                        q->name, nq, order[b->order < OF3_CIF_COUNT(order) ? b->order : 0])));
  }
  if (!t.n_row) return OF3_OK;
  of3_cif_table y = of3_cif_table_of("struct_conn_type", type, OF3_CIF_COUNT(type), w->arena, w->opt_cancel);
  OF3_TRY(of3_cif_fill(w, &y, OF3_CIF_VALUES("covale")));
  OF3_TRY(of3_cif_table_add(&y, w->out, w->err));
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
                                        of3_cif_fixed(w, (double)w->plddt[k], 2), at.charge, at.seq, residue,
                                        chain, name, "1")));
  }
  return of3_cif_table_add(&t, w->out, w->err);
}

static of3_status add_model(const of3_cif_writer *w) {
  entities all = {0};
  OF3_TRY(find_entities(w, &all));
  OF3_TRY(cif_model_add_entry(w));
  OF3_TRY(add_components(w));
  OF3_TRY(of3_cif_add_bonds(w));
  OF3_TRY(add_entities(w, &all));
  OF3_TRY(add_polymers(w, &all));
  OF3_TRY(add_ligands(w, &all));
  OF3_TRY(cif_model_add_chains(w));
  OF3_TRY(add_polymer_scheme(w));
  OF3_TRY(of3_cif_add_nonpoly_scheme(w));
  OF3_TRY(of3_cif_add_quality(w));
  OF3_TRY(add_connections(w));
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
