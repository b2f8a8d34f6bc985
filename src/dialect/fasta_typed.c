/* Records whose headers say what they are:
 *
 *   Boltz   >A|protein|./a.a3m   id, type, alignment ("empty" or nothing: none); ccd and smiles are ligands
 *   Chai    >protein|name=a      type, name; chains are called A, B, ... in the order of the file */
#include <string.h>

#include "dialect/fasta_parts.h"
#include "dialect/glycan.h"

of3_fasta_types of3_fasta_types_of(of3_span h) {
  static const char *const boltz[] = {"protein", "rna", "dna", "smiles", "ccd"}, *const chai[] = {
                                                                                     "protein", "ligand",
                                                                                     "rna", "dna", "glycan"};
  if (!memchr(h.text, '|', h.n)) return OF3_FASTA_UNTYPED;
  for (int i = 0; i < 5; i++)
    if (of3_span_is(of3_fasta_field(h, 1), boltz[i])) return OF3_FASTA_BOLTZ;
  for (int i = 0; i < 5; i++)
    if (of3_span_is(of3_fasta_field(h, 0), chai[i])) return OF3_FASTA_CHAI;
  return OF3_FASTA_UNTYPED;
}

static of3_molecule molecule_of(of3_span type) {
  return of3_span_is(type, "protein") ? OF3_PROTEIN
         : of3_span_is(type, "rna")   ? OF3_RNA
         : of3_span_is(type, "dna")   ? OF3_DNA
                                      : OF3_LIGAND;
}

static of3_status set_smiles(const of3_query_builder *b, of3_query_chain *c, of3_span body, of3_error *err) {
  const of3_span s = of3_span_trim(body.text, body.n);
  c->smiles = of3_arena_strndup(b->arena, s.text, s.n);
  if (!c->smiles) return of3_fail_memory(err, "a ligand");
  return *c->smiles ? OF3_OK : of3_fail(err, OF3_ERR_INPUT, "the SMILES is empty");
}

static of3_status add_glycan(of3_query_builder *b, of3_span text, const char *id, of3_error *err) {
  of3_sugar *sugar = NULL;
  int n = 0;
  OF3_TRY(of3_glycan_parse(b, text, OF3_GLYCAN_NUMBERED, &sugar, &n, err));
  return of3_glycan_add(b, sugar, n, &id, 1, err);
}

/* The third field of Boltz's headers. */
static of3_status set_msa(const of3_query_builder *b, of3_query_chain *c, of3_span field, of3_error *err) {
  c->no_search = of3_span_is(field, "empty");
  if (!field.n || c->no_search) return OF3_OK;
  if (c->type != OF3_PROTEIN && c->type != OF3_RNA)
    return of3_fail(err, OF3_ERR_INPUT, "an alignment is named; those of proteins and RNA are used");
  const char *path = of3_arena_strndup(b->arena, field.text, field.n);
  if (!path) return of3_fail_memory(err, "an alignment");
  return of3_builder_add_msa(b, c, "the third field of the header", path, err);
}

static of3_status read_typed(of3_query_builder *b, of3_fasta_types types, const of3_fasta_record *r,
                             int number, of3_error *err) {
  const bool boltz = types == OF3_FASTA_BOLTZ;
  const of3_span type = of3_fasta_field(r->header, boltz);
  char letters[OF3_CHAIN_LETTERS];
  of3_chain_letters(number, letters);
  const of3_span given = of3_fasta_field(r->header, 0);
  const char *id =
      boltz ? of3_arena_strndup(b->arena, given.text, given.n) : of3_arena_strdup(b->arena, letters);
  if (!id) return of3_fail_memory(err, "a chain");
  if (of3_span_is(type, "glycan")) return add_glycan(b, r->body, id, err);
  of3_query_chain *c = of3_builder_add_chain(b, molecule_of(type), 1);
  if (!c) return of3_fail_memory(err, "a chain");
  c->id[0] = id;
  if (of3_span_is(type, "ccd")) return of3_builder_set_code(b, c, r->body.text, r->body.n, err);
  if (c->type == OF3_LIGAND) return set_smiles(b, c, r->body, err);
  OF3_TRY(of3_builder_sequence(b, r->body.text, r->body.n, true, c, err));
  return boltz ? set_msa(b, c, of3_fasta_field(r->header, 2), err) : OF3_OK;
}

of3_status of3_fasta_typed(of3_query_builder *b, of3_fasta_types types, const of3_fasta_record *record, int n,
                           of3_error *err) {
  for (int i = 0; i < n; i++)
    if (read_typed(b, types, &record[i], i, err) != OF3_OK)
      return of3_prefix(err, "line %zu", record[i].line);
  return OF3_OK;
}
