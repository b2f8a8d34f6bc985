/* Records of training sets: the first byte chooses an entry or the texts of an alignment. */
#include <stdlib.h>

#include "data/set_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entry(const of3_set_entry *e) {
  if (e->query.n_chain < 1) abort();
  for (int i = 0; i < e->n_atom; i++)
    if (e->atom[i].chain < 0 || e->atom[i].chain >= e->query.n_chain || e->atom[i].residue < 1) abort();
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
      check_entry(&entry);
  }
  of3_arena_free(arena);
  return 0;
}
