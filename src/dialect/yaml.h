/* YAML as a tree of JSON, within bounds. */
#ifndef OF3_DIALECT_YAML_H
#define OF3_DIALECT_YAML_H

#include <jansson.h>

#include "dialect/dialect.h"

/* The one document of the text, in UTF-8. Every scalar is a string, as it is written ("1", "no", "6.0"), but
 * for a plain null, ~ or nothing, which is null; keys are distinct; "<<" merges mappings. Anchors become
 * references to one value, each of which counts with all that is in it: no more than 100,000 values may come
 * of a file, no deeper than OF3_JSON_DEPTH, and no more memory than the source allows. Tags other than those
 * of plain values are refused: nothing is constructed. *ret_need: bytes that were taken at most. Ownership:
 * json_decref. */
OF3_MUST_CHECK of3_status of3_yaml_parse(const of3_query_source *source, json_t **ret_top, size_t *ret_need,
                                         of3_error *err);

#endif
