/* What a server sends for two sequences, A3M or a table of hits: split without a crash, or refused. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "server/server_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
  if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const sequence[] = {"MKT", "AAAA"};
  of3_str out[2] = {{0}};
  of3_error err = {0};
  of3_status status = of3_split_a3m((const char *)data, size, 2, sequence, out, &err);
  must((status == OF3_OK) == (err.text[0] == 0));
  must(out[0].len + out[1].len <= size);
  for (int k = 0; k < 2; k++) of3_str_clear(&out[k]);
  err.text[0] = 0;
  status = of3_split_m8((const char *)data, size, 2, out, &err);
  must((status == OF3_OK) == (err.text[0] == 0));
  must(out[0].len + out[1].len <= size);
  for (int k = 0; k < 2; k++) of3_str_free(&out[k]);
  return 0;
}
