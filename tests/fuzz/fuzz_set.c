/* Records of training sets: the first byte chooses an entry or the texts of an alignment. What an entry says
 * is built into a complex, without a dictionary, and cropped. */
#include <stdlib.h>

#include "data/crop.h"
#include "data/set_record.h"
#include "feat/build.h"

enum { MOST_RESIDUES = 200 }; /* of entries that are built: time is for many small ones */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entry(const of3_set_entry *e) {
  if (e->query.n_chain < 1) abort();
  for (int i = 0; i < e->n_atom; i++)
    if (e->atom[i].chain < 0 || e->atom[i].chain >= e->query.n_chain || e->atom[i].residue < 1) abort();
}

static bool is_small(const of3_query *q) {
  int n = 0;
  for (int i = 0; i < q->n_chain && n <= MOST_RESIDUES; i++) n += q->chain[i].n_residue;
  return n <= MOST_RESIDUES;
}

static void crop_complex(const of3_set_entry *e, const of3_complex *c, of3_arena *arena) {
  static const int32_t point[] = {0, OF3_SET_NO_CHAIN};
  of3_crop_rules rules = OF3_CROP_RULES;
  of3_complex crop;
  of3_crop_kind kind;
  of3_tokens tokens;
  of3_error err;
  int32_t *atom_of;
  float *xyz = OF3_ARENA_NEW(arena, float, 3 * (size_t)c->n_atom);
  bool *resolved = OF3_ARENA_NEW(arena, bool, c->n_atom);
  if (of3_tokens_build(c, &tokens, &err) != OF3_OK) return;
  bool *keep = OF3_ARENA_NEW(arena, bool, (size_t)tokens.n + (size_t)c->n_chain);
  const of3_crop_input in = {c, &tokens, xyz, resolved, point};
  const of3_stream random = {1, OF3_RANDOM_CROP, 0, 0};
  rules.budget = 5;
  rules.chains = 2;
  of3_set_entry_place(e, c, xyz, resolved);
  if (of3_crop_choose_chains(&in, &rules, random, keep, &err) != OF3_OK) abort();
  if (of3_crop_choose(&in, &rules, random, keep, &kind, &err) != OF3_OK) abort();
  if (of3_crop_take(c, &tokens, keep, &crop, &atom_of, &err) != OF3_OK) abort();
  of3_complex_free(&crop);
  of3_tokens_free(&tokens);
}

static void use_entry(of3_set_entry *e, of3_arena *arena) {
  of3_complex c;
  of3_error err;
  check_entry(e);
  if (!is_small(&e->query) || of3_set_entry_build(e, NULL, arena, &c, &err) != OF3_OK) return;
  crop_complex(e, &c, arena);
  of3_complex_free(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  of3_error err;
  if (size < 1) return 0;
  of3_arena *arena = of3_arena_new(0);
  if (data[0] & 1) {
    of3_msa_text *text;
    int n;
    if (of3_set_unpack_texts(data + 1, size - 1, arena, &text, &n, &err) == OF3_OK && n < 0) abort();
  } else {
    of3_set_entry entry;
    uint32_t *alignment;
    if (of3_set_unpack_entry(data + 1, size - 1, arena, &entry, &alignment, &err) == OF3_OK)
      use_entry(&entry, arena);
  }
  of3_arena_free(arena);
  return 0;
}
