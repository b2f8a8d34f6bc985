/* A query in AlphaFold 3's JSON. */
#ifndef OF3_DIALECT_WRITE_AF3_H
#define OF3_DIALECT_WRITE_AF3_H

#include <jansson.h>

#include "feat/query.h"

/* One job, version 4 of the dialect. What AlphaFold 3 cannot say is OF3_ERR_UNSUPPORTED and a sentence. Paths
 * are absolute, as AlphaFold 3 takes them relative to the file. Ownership: json_decref. */
OF3_MUST_CHECK of3_status of3_query_to_af3(const of3_query *query, const uint64_t *seed, int n_seed,
                                           json_t **ret_job, of3_error *err);

#endif
