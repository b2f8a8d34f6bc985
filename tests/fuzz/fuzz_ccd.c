/* Components: an even first byte says that the rest is a mapped dictionary, an odd one that it is CIF, whose
 * components are packed, unpacked and compared. */
#include <stdlib.h>
#include <string.h>

#include "ccd/ccd_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_mapped(const uint8_t *data, size_t size) {
  of3_ccd *ccd = NULL;
  of3_error err;
  if (of3_ccd_open_bytes("input", data, size, &ccd, &err) != OF3_OK) return;
  for (int i = 0; i < of3_ccd_count(ccd) && i < 20; i++) {
    of3_arena *arena = of3_arena_new(0);
    of3_ccd_entry *e = NULL, *again = NULL;
    if (of3_ccd_get(ccd, i, arena, &e, &err) == OF3_OK)
      if (of3_ccd_find(ccd, e->code, arena, &again, &err) == OF3_ERR_INTERNAL) abort();
    of3_arena_free(arena);
  }
  of3_ccd_close(ccd);
}

static of3_status pack_and_unpack(void *user, const of3_ccd_entry *e, of3_error *err) {
  of3_str record = {0};
  of3_arena *arena = of3_arena_new(0);
  bool memory;
  (void)user;
  of3_status status = of3_ccd_pack(e, &record, err);
  if (status == OF3_OK) {
    const of3_ccd_entry *u = of3_ccd_unpack((const uint8_t *)record.text, record.len, arena, &memory);
    if (!u || u->n_atom != e->n_atom || u->n_bond != e->n_bond || strcmp(u->type, e->type) != 0) abort();
  }
  of3_str_free(&record);
  of3_arena_free(arena);
  return status;
}

static void read_cif(const uint8_t *data, size_t size) {
  of3_cif *cif = NULL;
  of3_error err;
  if (of3_cif_open_bytes("input", data, size, 1 << 24, &cif, &err) != OF3_OK) return;
  if (of3_ccd_read(cif, NULL, pack_and_unpack, NULL, &err) == OF3_ERR_INTERNAL) abort();
  of3_cif_close(cif);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  if (*data & 1)
    read_cif(data + 1, size - 1);
  else
    read_mapped(data + 1, size - 1);
  return 0;
}
