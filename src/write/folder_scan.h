/* What lies in an output folder from earlier runs. */
#ifndef OF3_WRITE_FOLDER_SCAN_H
#define OF3_WRITE_FOLDER_SCAN_H

#include <stdbool.h>

#include "base/folder_lock.h"
#include "write/ranking.h"

/* Removes temporary files of killed processes from OUT, and calls each(user, name) for every folder in it
 * that holds the best model of a query of that name, in the order of names. */
OF3_MUST_CHECK of3_status of3_scan_output(const char *out, const of3_folder_lock *lock,
                                          of3_status (*each)(void *user, const char *query, of3_error *err),
                                          void *user, of3_error *err);

/* Which of the names [n] this disk takes for an entry of OUT that is spelled otherwise, as disks do that
 * ignore case: calls taken(user, k) for each. */
OF3_MUST_CHECK of3_status of3_scan_spelling(const char *out, const char *const *name, int n,
                                            void (*taken)(void *user, int k), void *user, of3_error *err);

/* Removes temporary files of killed processes from OUT/QUERY, and ranks the complete seeds in it that were
 * made from made_from, or, if that is NULL, from what the newest of them was made from. */
OF3_MUST_CHECK of3_status of3_scan_query(const char *out, const char *query, int number,
                                         const char *made_from,
                                         bool (*opt_leaves_out)(const void *user, uint64_t seed),
                                         const void *user, of3_ranking *ranking, of3_error *err);

#endif
