/* A query in OpenFold3's JSON. */
#ifndef OF3_WRITE_QUERY_JSON_H
#define OF3_WRITE_QUERY_JSON_H

#include <jansson.h>

#include "feat/query.h"

/* What stands under its name in "queries", every field of the reference with its default. Alignments and
 * templates that are in the query itself are left out, and so are maps of residues: OpenFold3 has no place
 * for them. NULL: out of memory. Ownership: json_decref. */
json_t *of3_query_json(const of3_query *query);

#endif
