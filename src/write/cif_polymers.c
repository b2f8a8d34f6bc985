/* ModelCIF: molecules with a sequence. pdbx_seq_one_letter_code writes a residue without a letter of its own
 * as (CODE), pdbx_seq_one_letter_code_can as the letter of the standard residue that it is a modification of,
 * or as X or N. A chromophore that was formed from three residues has three letters there, as in the PDB. */
#include <string.h>

#include "write/cif_writer.h"

/* By of3_molecule. */
static const struct {
  const char *type;
  of3_link link;
  char unknown; /* letter of a residue that no standard residue is the parent of */
} polymer_kind[] = {{"polypeptide(L)", OF3_LINK_PEPTIDE, 'X'},
                    {"polyribonucleotide", OF3_LINK_RNA, 'N'},
                    {"polydeoxyribonucleotide", OF3_LINK_DNA, 'N'}};

/* ---- Sequences */

/* The letter of a residue in a sequence of its type, 0: it has none. */
static char letter_of(const of3_component *c, of3_molecule type) {
  const bool known = c->standard && c->link == polymer_kind[type].link &&
                     c->restype != of3_standard_residues[of3_letter_class(type, 0)].restype;
  return known ? c->letter : 0;
}

/* Letters of the parents; at least one. */
static void add_canonical(of3_str *out, const of3_component *c, of3_molecule type) {
  const size_t begin = out->len;
  char code[8];
  for (const char *p = c->parent; p && *p; p += strcspn(p, ", "), p += strspn(p, ", ")) {
    const size_t n = strcspn(p, ", ");
    if (n == 0 || n >= sizeof code) continue;
    memcpy(code, p, n);
    code[n] = 0;
    const of3_component *parent = of3_standard_residue(code);
    of3_str_addc(out, parent ? parent->letter : polymer_kind[type].unknown, 1);
  }
  if (out->len == begin) of3_str_addc(out, c->standard ? c->letter : polymer_kind[type].unknown, 1);
}

/* On lines of 80 letters, in the arena. */
static const char *sequence_text(const of3_cif_writer *w, const of3_chain *chain, bool canonical) {
  enum { WIDTH = 80 };
  of3_str text = {0}, one = {0};
  size_t width = 0;
  for (int k = 0; k < chain->n_residue; k++) {
    const of3_component *c = w->c->residue[chain->first_residue + k].component;
    const char letter = letter_of(c, chain->type);
    one.len = 0;
    if (letter)
      of3_str_addc(&one, letter, 1);
    else if (canonical)
      add_canonical(&one, c, chain->type);
    else
      of3_str_addf(&one, "(%s)", c->code);
    if (width && width + one.len > WIDTH) {
      of3_str_addc(&text, '\n', 1);
      width = 0;
    }
    of3_str_addn(&text, one.text, one.len);
    width += one.len;
  }
  const char *kept = text.failed || one.failed || !text.text ? NULL : of3_arena_strdup(w->arena, text.text);
  of3_str_free(&text);
  of3_str_free(&one);
  return kept;
}

/* A strand of RNA with nucleotides of DNA, or the reverse, is a hybrid; a peptide of the other hand is one of
 * D-residues, glycine aside. */
static const char *polymer_type(const of3_cif_writer *w, const of3_chain *chain) {
  bool rna = chain->type == OF3_RNA, dna = chain->type == OF3_DNA;
  int left = 0, right = 0;
  for (int k = 0; k < chain->n_residue; k++) {
    const of3_component *c = w->c->residue[chain->first_residue + k].component;
    rna |= c->link == OF3_LINK_RNA;
    dna |= c->link == OF3_LINK_DNA;
    left += c->type && strcmp(c->type, "D-PEPTIDE LINKING") == 0;
    right += c->type && strcmp(c->type, "L-PEPTIDE LINKING") == 0;
  }
  if (chain->type == OF3_PROTEIN) return left && !right ? "polypeptide(D)" : polymer_kind[OF3_PROTEIN].type;
  return rna && dna ? "polydeoxyribonucleotide/polyribonucleotide hybrid" : polymer_kind[chain->type].type;
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
    if (!w->c->residue[chain->first_residue + k].component->standard) return true;
  return false;
}

static of3_status add_sequences(const of3_cif_writer *w, const of3_cif_entities *all) {
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
    if (of3_cif_entity_of(chain) != OF3_CIF_POLYMER) continue;
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

/* ---- Residues of chains */

static of3_status add_scheme(const of3_cif_writer *w) {
  static const char *const column[] = {"asym_id",     "entity_id",     "seq_id",       "mon_id",
                                       "ndb_seq_num", "pdb_seq_num",   "auth_seq_num", "pdb_mon_id",
                                       "auth_mon_id", "pdb_strand_id", "pdb_ins_code", "hetero"};
  const of3_complex *c = w->c;
  of3_cif_table t =
      of3_cif_table_of("pdbx_poly_seq_scheme", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  for (int k = 0; k < c->n_residue; k++) {
    const of3_residue *r = &c->residue[k];
    const of3_chain *chain = &c->chain[r->chain];
    const char *number = of3_cif_number(w, r->number), *author = of3_cif_auth_seq(w, r);
    if (of3_cif_entity_of(chain) != OF3_CIF_POLYMER) continue;
    OF3_TRY(of3_cif_fill(w, &t,
                         OF3_CIF_VALUES(chain->id, of3_cif_number(w, chain->entity_id), number, r->name,
                                        number, author, author, r->name, r->name, chain->id, ".", "n")));
  }
  return of3_cif_table_add(&t, w->out, w->err);
}

/* The modified residues whose parents are known: a row for each parent. */
static of3_status add_modified(const of3_cif_writer *w) {
  static const char *const column[] = {"id",           "label_asym_id", "label_comp_id",
                                       "label_seq_id", "auth_asym_id",  "auth_comp_id",
                                       "auth_seq_id",  "PDB_ins_code",  "parent_comp_id"};
  const of3_complex *c = w->c;
  of3_cif_table t =
      of3_cif_table_of("pdbx_struct_mod_residue", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  for (int k = 0; k < c->n_residue; k++) {
    const of3_residue *r = &c->residue[k];
    const char *chain = c->chain[r->chain].id;
    if (of3_cif_entity_of(&c->chain[r->chain]) != OF3_CIF_POLYMER || !r->component->parent) continue;
    for (const char *p = r->component->parent; *p; p += strcspn(p, ", "), p += strspn(p, ", "))
      OF3_TRY(of3_cif_fill(w, &t,
                           OF3_CIF_VALUES(of3_cif_number(w, t.n_row + 1), chain, r->name,
                                          of3_cif_label_seq(w, r), chain, r->name, of3_cif_auth_seq(w, r),
                                          "?", of3_arena_strndup(w->arena, p, strcspn(p, ", ")))));
  }
  return of3_cif_table_add(&t, w->out, w->err);
}

of3_status of3_cif_add_polymers(const of3_cif_writer *w, const of3_cif_entities *all) {
  OF3_TRY(add_sequences(w, all));
  OF3_TRY(add_scheme(w));
  return add_modified(w);
}
