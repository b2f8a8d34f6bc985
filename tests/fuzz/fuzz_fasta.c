/* FASTA files of queries. */
#include <stdint.h>
#include <stdlib.h>

#include "dialect/dialect.h"
#include "feat/query_size.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  of3_query_set set;
  of3_error err;
  const of3_query_source source = {(const char *)data, size, "f", "", SIZE_MAX};
  if (of3_query_from_fasta(&source, &set, &err) != OF3_OK) return 0;
  for (int i = 0; i < set.n; i++)
    if (set.query[i].error.code == OF3_OK && of3_query_measure(&set.query[i], NULL).n_token < 1) abort();
  of3_query_set_free(&set);
  return 0;
}
