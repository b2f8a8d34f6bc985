/* OpenFold3's JSON, and the molecules and tokens of small queries. */
#include <stdint.h>
#include <stdlib.h>

#include "feat/build.h"
#include "feat/query_size.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  of3_query_set set;
  of3_error err;
  if (of3_query_from_json((const char *)data, size, "f", "", SIZE_MAX, &set, &err) != OF3_OK) return 0;
  for (int i = 0; i < set.n; i++) {
    of3_complex complex;
    of3_tokens tokens;
    const of3_query *q = &set.query[i];
    if (q->error.code != OF3_OK) continue;
    const of3_query_size known = of3_query_measure(q, NULL);
    if (known.n_token > 64) continue;
    const of3_status status = of3_complex_build(q, NULL, NULL, &complex, &err);
    /* a component that is not standard; a ligand for which there is no RDKit here */
    if (status == OF3_ERR_INPUT || status == OF3_ERR_UNSUPPORTED) continue;
    if (status != OF3_OK) abort();
    if (of3_tokens_build(&complex, &tokens, &err) != OF3_OK || tokens.n < complex.n_residue) abort();
    if (!q->n_bond && !q->n_leaving && (tokens.n != known.n_token || complex.n_atom != known.n_atom)) abort();
    of3_tokens_free(&tokens);
    of3_complex_free(&complex);
  }
  of3_query_set_free(&set);
  return 0;
}
