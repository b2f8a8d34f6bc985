/* YAML as a tree of JSON, within bounds. */
#ifndef OF3_DIALECT_YAML_H
#define OF3_DIALECT_YAML_H

#include <jansson.h>

#include "dialect/dialect.h"

/* Where the keys of mappings stand; keys that "<<" brought stand where it does. */
typedef struct of3_yaml_line {
  const json_t *mapping;
  const char *key;  /* in the tree */
  const char *file; /* of the source */
  size_t line;      /* from 1 */
} of3_yaml_line;

typedef struct of3_yaml_lines {
  of3_yaml_line *line; /* [n], in the order of the file */
  int n, room;
} of3_yaml_lines;

/* NULL: nobody noted where the mapping has that key. */
const of3_yaml_line *of3_yaml_line_of(const of3_yaml_lines *lines, const json_t *mapping, const char *key);
/* Notes where a key that the mapping has stands. */
OF3_MUST_CHECK of3_status of3_yaml_lines_add(of3_yaml_lines *lines, json_t *mapping, const char *key,
                                             const char *file, size_t line, of3_error *err);
void of3_yaml_lines_free(of3_yaml_lines *lines); /* {0} is allowed */

/* The one document of the text, in UTF-8. Every scalar is a string, as it is written ("1", "no", "6.0"), but
 * for a plain null, ~ or nothing, which is null; keys are distinct; "<<" merges mappings. Anchors become
 * references to one value, each of which counts with all that is in it: no more than 100,000 values may come
 * of a file, no deeper than OF3_JSON_DEPTH, and no more memory than the source allows. Tags other than those
 * of plain values are refused: nothing is constructed. *ret_need: bytes that were taken at most. opt_lines:
 * takes the lines of all keys, for as long as the tree and the name of the file are there. Ownership:
 * json_decref, of3_yaml_lines_free. */
OF3_MUST_CHECK of3_status of3_yaml_parse(const of3_query_source *source, of3_yaml_lines *opt_lines,
                                         json_t **ret_top, size_t *ret_need, of3_error *err);

#endif
