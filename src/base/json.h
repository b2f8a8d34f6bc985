/* JSON within bounds, and without the locale. */
#ifndef OF3_BASE_JSON_H
#define OF3_BASE_JSON_H

#include <jansson.h>
#include <stddef.h>

#include "base/status.h"

enum { OF3_JSON_DEPTH = 32 }; /* of arrays and objects in each other; what of3 reads has 6 */

/* Refuses text whose values are nested deeper than that, or could take more than most_memory bytes, before
 * memory is taken. *opt_need: the bytes that they could take. */
OF3_MUST_CHECK of3_status of3_json_check(const char *text, size_t size, size_t most_memory, size_t *opt_need,
                                         of3_error *err);

/* json_loadb for text that was checked; an object must not hold a key twice. */
json_t *of3_json_load(const char *text, size_t size, json_error_t *error);

/* json_string; what is no UTF-8 becomes printable (of3.h). */
json_t *of3_json_text(const char *text);

/* json_dumps, with what is not printable escaped, too. Ownership: free. */
char *of3_json_dump(const json_t *value, size_t flags);

#endif
