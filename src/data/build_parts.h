/* Parts of of3_set_build. */
#ifndef OF3_DATA_BUILD_PARTS_H
#define OF3_DATA_BUILD_PARTS_H

#include "data/build_set.h"

/* Names of clusters by "<entry>_<chain>", sorted. */
typedef struct cluster_table {
  int n;
  const char **member, **name;
} cluster_table;

/* data/clusters.c: {0} for path NULL. In the arena. */
OF3_MUST_CHECK of3_status of3_clusters_read(const char *opt_path, of3_arena *arena, cluster_table *out,
                                            of3_error *err);
/* NULL: the table does not have it. */
const char *of3_cluster_of(const cluster_table *table, const char *entry, const char *chain);

/* data/touching.c: pairs of chains of which two resolved atoms are within 5 Angstrom, ordered; xyz and
 * resolved as of3_set_entry_place has them. *ret_pair is the caller's to free. */
OF3_MUST_CHECK of3_status of3_touching_chains(const of3_complex *complex, const float *xyz,
                                              const bool *resolved, int32_t **ret_pair, int *ret_n,
                                              of3_error *err);

#endif
