#include <stdlib.h>
#include <string.h>

#include "chem/amino_acids.h"
#include "feat/build.h"

void of3_complex_free(of3_complex *c) {
  of3_arena_free(c->arena);
  *c = (of3_complex){0};
}

static const of3_component *component_of(char letter) { return &of3_amino_acids[of3_amino_class(letter)]; }

/* Sizes of all arrays. Bonds: those of the components, and one peptide bond between neighbours. */
static of3_status complex_build_take_memory(const of3_query *q, of3_complex *out, of3_error *err) {
  int64_t atoms = 0, bonds = 0;
  for (int i = 0; i < q->n_chain; i++) {
    const of3_query_chain *c = &q->chain[i];
    int64_t a = 0, b = c->n_residue - 1;
    for (int k = 0; k < c->n_residue; k++) {
      a += component_of(c->sequence[k])->n_atom;
      b += component_of(c->sequence[k])->n_bond;
    }
    out->n_chain += c->n_id;
    out->n_residue += c->n_id * c->n_residue;
    atoms += c->n_id * a;
    bonds += c->n_id * b;
  }
  out->n_atom = (int)atoms; /* at most 14 times OF3_MAX_RESIDUES */
  out->n_bond = (int)bonds;
  out->chain = OF3_ARENA_NEW(out->arena, of3_chain, out->n_chain);
  out->residue = OF3_ARENA_NEW(out->arena, of3_residue, out->n_residue);
  out->atom = OF3_ARENA_NEW(out->arena, of3_atom, out->n_atom);
  out->bond = OF3_ARENA_NEW(out->arena, of3_bond, out->n_bond);
  out->name = of3_arena_strdup(out->arena, q->name);
  return out->chain && out->residue && out->atom && out->bond && out->name
             ? OF3_OK
             : of3_fail_memory(err, "a complex");
}

static void put_atoms(const of3_component *c, int residue, of3_atom *out) {
  for (int i = 0; i < c->n_atom; i++) {
    const of3_component_atom *a = &c->atom[i];
    out[i] = (of3_atom){
        .charge = a->charge, .hydrogens = a->hydrogens, .neighbours = a->neighbours, .residue = residue};
    memcpy(out[i].name, a->name, sizeof a->name);
    memcpy(out[i].element, a->element, sizeof a->element);
  }
}

/* How far the arrays are filled. */
typedef struct filled {
  int residue, atom, bond;
} filled;

static void put_chain(const of3_query_chain *c, int chain, of3_complex *out, filled *at) {
  for (int k = 0; k < c->n_residue; k++) {
    const of3_component *comp = component_of(c->sequence[k]);
    of3_residue *r = &out->residue[at->residue];
    *r = (of3_residue){.number = k + 1,
                       .chain = chain,
                       .first_atom = at->atom,
                       .n_atom = comp->n_atom,
                       .hetero = comp == &of3_amino_acids[OF3_AMINO_UNK],
                       .standard = true};
    memcpy(r->name, comp->code, sizeof comp->code);
    put_atoms(comp, at->residue++, out->atom + at->atom);
    for (int b = 0; b < comp->n_bond; b++) {
      const of3_component_bond *from = &comp->bond[b];
      out->bond[at->bond++] = (of3_bond){at->atom + from->a, at->atom + from->b, from->order, from->aromatic};
    }
    at->atom += comp->n_atom;
  }
}

/* C of each residue to N of the next: atoms 2 and 0 of every amino acid. */
static void put_links(of3_complex *out, filled *at) {
  for (int i = 0; i + 1 < out->n_residue; i++)
    if (out->residue[i].chain == out->residue[i + 1].chain)
      out->bond[at->bond++] =
          (of3_bond){out->residue[i].first_atom + 2, out->residue[i + 1].first_atom, 1, false};
}

static void warn_unknown(const of3_query *q, const of3_query_chain *c, const of3_log *log) {
  int n = 0;
  char first = 0;
  for (int k = 0; k < c->n_residue; k++)
    if (c->sequence[k] != 'X' && of3_amino_class(c->sequence[k]) == OF3_AMINO_UNK && n++ == 0)
      first = c->sequence[k];
  if (n)
    of3_logf(log, OF3_LOG_WARN,
             "query '%s', chain %s: %d letter%s outside the 20 amino acids (the first is '%c') become UNK",
             q->name, c->id[0], n, n > 1 ? "s" : "", first);
}

/* A chain of bases only is hardly a protein. */
static void warn_bases(const of3_query *q, const of3_query_chain *c, const of3_log *log) {
  enum { SHORT = 12 }; /* such peptides are made */
  static const char bases[] = "ACGTUN";
  int kinds = 0;
  if (c->n_residue < SHORT || c->sequence[strspn(c->sequence, bases)]) return;
  for (const char *b = bases; *b; b++) kinds += strchr(c->sequence, *b) != NULL;
  if (kinds > 2)
    of3_logf(log, OF3_LOG_WARN,
             "query '%s', chain %s: all letters are bases of DNA or RNA, but it is folded as a protein",
             q->name, c->id[0]);
}

static int complex_build_by_text(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* 1 + rank of text among the distinct entries of a sorted list. */
static int rank_of(const char *text, const char *const *sorted, int n) {
  const char *const *hit = bsearch(&text, sorted, (size_t)n, sizeof *sorted, complex_build_by_text);
  return hit ? (int)(hit - sorted) + 1 : 0;
}

static int distinct(const char **text, int n) {
  int kept = 0;
  qsort(text, (size_t)n, sizeof *text, complex_build_by_text);
  for (int i = 0; i < n; i++)
    if (kept == 0 || strcmp(text[kept - 1], text[i]) != 0) text[kept++] = text[i];
  return kept;
}

/* asym_id: rank of the id; entity_id: rank of the sequence; sym_id: copies of an entity counted in file
 * order. */
static of3_status number_chains(of3_complex *out, of3_error *err) {
  size_t n = (size_t)out->n_chain;
  const char **id = malloc(n * sizeof *id), **sequence = malloc(n * sizeof *sequence);
  int *copies = calloc(n + 1, sizeof *copies);
  bool ok = id && sequence && copies;
  for (size_t i = 0; ok && i < n; i++) {
    id[i] = out->chain[i].id;
    sequence[i] = out->chain[i].sequence;
  }
  int n_id = ok ? distinct(id, out->n_chain) : 0, n_sequence = ok ? distinct(sequence, out->n_chain) : 0;
  for (int i = 0; ok && i < out->n_chain; i++) {
    of3_chain *c = &out->chain[i];
    c->asym_id = rank_of(c->id, id, n_id);
    c->entity_id = rank_of(c->sequence, sequence, n_sequence);
    c->sym_id = ++copies[c->entity_id];
  }
  free(id);
  free(sequence);
  free(copies);
  return ok ? OF3_OK : of3_fail_memory(err, "the numbers of the chains");
}

static of3_status put_chains(const of3_query *q, const of3_log *log, of3_complex *out, of3_error *err) {
  filled at = {0};
  int chain = 0;
  for (int i = 0; i < q->n_chain; i++) {
    const of3_query_chain *c = &q->chain[i];
    char *sequence = of3_arena_strdup(out->arena, c->sequence);
    if (!sequence) return of3_fail_memory(err, "a complex");
    warn_unknown(q, c, log);
    warn_bases(q, c, log);
    for (int k = 0; k < c->n_id; k++, chain++) {
      char *id = of3_arena_strdup(out->arena, c->id[k]);
      if (!id) return of3_fail_memory(err, "a complex");
      out->chain[chain] = (of3_chain){.id = id,
                                      .sequence = sequence,
                                      .type = c->type,
                                      .first_residue = at.residue,
                                      .n_residue = c->n_residue};
      put_chain(c, chain, out, &at);
    }
  }
  put_links(out, &at);
  return number_chains(out, err);
}

of3_status of3_complex_build(const of3_query *q, const of3_log *log, of3_complex *out, of3_error *err) {
  *out = (of3_complex){.arena = of3_arena_new(0)};
  of3_status st = out->arena ? complex_build_take_memory(q, out, err) : of3_fail_memory(err, "a complex");
  if (st == OF3_OK) st = put_chains(q, log, out, err);
  if (st != OF3_OK) of3_complex_free(out);
  return st;
}
