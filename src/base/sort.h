/* Sorting that may take long. */
#ifndef OF3_BASE_SORT_H
#define OF3_BASE_SORT_H

#include <stddef.h>

#include "base/cancel.h"

/* As qsort, and stable: equal items keep their order. Takes memory for n items. OF3_ERR_CANCELLED: the items
 * are all there, in some order. */
OF3_MUST_CHECK of3_status of3_sort(void *items, size_t n, size_t size,
                                   int (*compare)(const void *a, const void *b), of3_cancel *opt_cancel,
                                   of3_error *err);

#endif
