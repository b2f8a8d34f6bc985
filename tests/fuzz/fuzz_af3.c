/* AlphaFold 3's JSON and its server's jobs. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dialect/dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A 0 follows the text, as it does in a file that was read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  enum { MOST_MEMORY = 16 << 20 };
  of3_query_set set;
  of3_error err;
  char *text = malloc(size + 1);
  if (!text) return 0;
  if (size) memcpy(text, data, size);
  text[size] = 0;
  const of3_query_source source = {text, size, "f", "", MOST_MEMORY};
  if (of3_query_from_af3(&source, &set, &err) == OF3_OK) {
    for (int i = 0; i < set.n; i++)
      if (set.query[i].error.code == OF3_OK && set.query[i].n_chain < 1) abort();
    of3_query_set_free(&set);
  }
  free(text);
  return 0;
}
