/* OpenFold3's JSON, and the molecules and tokens of small queries. */
#include <stdint.h>
#include <stdlib.h>

#include "feat/build.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  of3_query_set set;
  of3_error err;
  if (of3_query_from_json((const char *)data, size, "f", "", SIZE_MAX, &set, &err) != OF3_OK) return 0;
  for (int i = 0; i < set.n; i++) {
    of3_complex complex;
    of3_tokens tokens;
    const of3_query *q = &set.query[i];
    if (q->error.code != OF3_OK || of3_query_residues(q) > 64) continue;
    const of3_status status = of3_complex_build(q, NULL, NULL, &complex, &err);
    if (status == OF3_ERR_INPUT) continue; /* a component that is not standard */
    if (status != OF3_OK || complex.n_residue != of3_query_residues(q)) abort();
    if (of3_tokens_build(&complex, &tokens, &err) != OF3_OK || tokens.n < complex.n_residue) abort();
    of3_tokens_free(&tokens);
    of3_complex_free(&complex);
  }
  of3_query_set_free(&set);
  return 0;
}
