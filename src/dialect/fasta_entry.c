/* Records of the PDB's FASTA files, one for each entity of an entry:
 *
 *   >9ABC_1|Chain A|Protein X|Homo sapiens (9606)
 *   >9ABC_2|Chains B[auth X], C|DNA (5'-D(*CP*GP*CP*G)-3')|synthetic construct (32630)
 *
 * Chains are called by their label ids. Letters that are bases of a nucleic acid are DNA or RNA by the words
 * of the third field, else by T or U; where neither tells, nothing is guessed. */
#define _POSIX_C_SOURCE 200809L
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "dialect/fasta_parts.h"

size_t of3_fasta_entry(of3_span h) {
  const of3_span id = of3_fasta_field(h, 0), chain = of3_fasta_field(h, 1);
  size_t n = 0, digits;
  if (chain.n < 6 || strncasecmp(chain.text, "chain", 5) != 0) return 0;
  while (n < id.n && id.text[n] != '_') n++;
  for (digits = n + 1; digits < id.n && id.text[digits] >= '0' && id.text[digits] <= '9';) digits++;
  return digits == id.n && digits > n + 1 ? n : 0;
}

/* "Chains A, B[auth C]": the next id from *at on; its length 0: no more. */
static of3_span next_id(of3_span field, size_t *at) {
  while (*at < field.n && (field.text[*at] == ',' || of3_is_space(field.text[*at]))) ++*at;
  of3_span id = {field.text + *at, 0};
  size_t n = 0;
  while (*at + n < field.n && !strchr(",[ \t", field.text[*at + n])) n++;
  id.n = n;
  for (*at += n; *at < field.n && field.text[*at] != ',';) ++*at;
  return id;
}

static of3_query_chain *add_entity(of3_query_builder *b, of3_span field) {
  const size_t begin = field.n > 6 && (field.text[5] == 's' || field.text[5] == 'S') ? 6 : 5;
  int n = 0;
  for (size_t at = begin; next_id(field, &at).n;) n++;
  of3_query_chain *c = of3_builder_add_chain(b, OF3_PROTEIN, n);
  size_t at = begin;
  for (int k = 0; c && k < n; k++) {
    const of3_span id = next_id(field, &at);
    c->id[k] = of3_arena_strndup(b->arena, id.text, id.n);
    if (!c->id[k]) return NULL;
  }
  return c;
}

static bool holds(of3_span s, const char *word) {
  const size_t k = strlen(word);
  for (size_t i = 0; i + k <= s.n; i++)
    if (strncasecmp(s.text + i, word, k) == 0) return true;
  return false;
}

/* Letters of nucleic acids; X: modified ones. */
static bool may_be_nucleic(const char *sequence) { return sequence[strspn(sequence, "ACGTUNXI")] == 0; }

static of3_status find_type(of3_span name, of3_query_chain *c, of3_error *err) {
  const bool dna = holds(name, "DNA") || holds(name, "5'-D("),
             rna = holds(name, "RNA") || holds(name, "5'-R(");
  const bool t = strchr(c->sequence, 'T') != NULL, u = strchr(c->sequence, 'U') != NULL;
  if (!may_be_nucleic(c->sequence)) return OF3_OK;
  if (dna != rna)
    c->type = dna ? OF3_DNA : OF3_RNA;
  else if (t != u && !strpbrk(c->sequence, "XI"))
    c->type = t ? OF3_DNA : OF3_RNA;
  else
    return of3_refuse_bases(c->sequence, of3_fasta_say_bases, err);
  return OF3_OK;
}

static of3_status read_entity(of3_query_builder *b, const of3_fasta_record *r, of3_error *err) {
  of3_query_chain *c = add_entity(b, of3_fasta_field(r->header, 1));
  if (!c) return of3_fail_memory(err, "a chain");
  if (memchr(r->body.text, ':', r->body.n))
    return of3_fail(err, OF3_ERR_INPUT,
                    "the sequence of an entity of the PDB holds ':'; chains are named in the header");
  OF3_TRY(of3_builder_sequence(b, r->body.text, r->body.n, true, c, err));
  return find_type(of3_fasta_field(r->header, 2), c, err);
}

of3_status of3_fasta_entry_chains(of3_query_builder *b, const of3_fasta_record *record, int n,
                                  of3_error *err) {
  for (int i = 0; i < n; i++)
    if (read_entity(b, &record[i], err) != OF3_OK)
      return n == 1 ? err->code : of3_prefix(err, "line %zu", record[i].line);
  return OF3_OK;
}
