/* Files of queries in OpenFold3's JSON. */
#ifndef OF3_API_OPENFOLD3_JSON_H
#define OF3_API_OPENFOLD3_JSON_H

#include <jansson.h>

#include "feat/query.h"

/* Adds the query to the object `queries` of a file. Alignments that stand in the query itself become files
 * FOLDER/QUERY/CHAIN/KEY.a3m, templates template_N.cif there; without a folder they are, as what OpenFold3
 * has no word for, an OF3_ERR_UNSUPPORTED with its sentence. */
OF3_MUST_CHECK of3_status of3_openfold3_add(const of3_query *query, const char *opt_folder, of3_arena *arena,
                                            json_t *queries, of3_error *err);

/* Writes the file, with the seeds of the set. */
OF3_MUST_CHECK of3_status of3_openfold3_write(const char *path, const of3_query_set *set, json_t *queries,
                                              of3_error *err);

/* Any JSON, indented. */
OF3_MUST_CHECK of3_status of3_write_json(const char *path, const json_t *value, of3_error *err);

#endif
