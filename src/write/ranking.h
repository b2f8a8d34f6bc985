/* The ranking of an output folder: ranking.tsv, and the best model of each query.
 *
 *   query rank seed sample ranking_score ptm iptm avg_plddt gpde disorder has_clash file
 *
 * Queries in the order in which they were added, the samples of a query, of all seeds, best first: by ranking
 * score, then mean pLDDT, then seed and sample. Rows come from of3_run.json (write/manifest.h), so a sample
 * that was just computed and one found complete are alike. */
#ifndef OF3_WRITE_RANKING_H
#define OF3_WRITE_RANKING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "write/manifest.h"

typedef struct of3_ranked {
  uint64_t seed;
  int sample; /* from 1 */
  of3_structure_format format;
  of3_aggregated scores;
} of3_ranked;

/* Sorts as above. A NaN score comes last. */
void of3_ranked_sort(of3_ranked *rows, int n);

typedef struct of3_ranking of3_ranking;

of3_ranking *of3_ranking_new(const char *folder); /* of the output; NULL if memory is out */
void of3_ranking_free(of3_ranking *opt_ranking);

/* The number of the query, from 0. */
OF3_MUST_CHECK of3_status of3_ranking_add(of3_ranking *r, const char *query, int *ret_query, of3_error *err);

/* The samples of a seed, in place of those that it had. */
OF3_MUST_CHECK of3_status of3_ranking_put(of3_ranking *r, int query, const of3_manifest *manifest,
                                          of3_error *err);

int of3_ranking_rows(const of3_ranking *r);
/* The best sample of a query, NULL if it has none; valid until the next call that changes the ranking. */
const of3_ranked *of3_ranking_best(of3_ranking *r, int query);

/* Writes OUT/ranking.tsv, or removes it if there is nothing to rank. */
OF3_MUST_CHECK of3_status of3_ranking_write(of3_ranking *r, of3_error *err);

/* The same if the file is there. */
OF3_MUST_CHECK of3_status of3_ranking_refresh(of3_ranking *r, of3_error *err);

/* The same after each (query, seed), in linear time for many: a table of up to 1 MiB always, a larger one
 * only when ten times as long has passed as the last writing took. */
OF3_MUST_CHECK of3_status of3_ranking_update(of3_ranking *r, of3_error *err);

/* Makes OUT/QUERY/QUERY_best_model.* a copy of the query's best sample, if it is not one, and removes those
 * of other formats. */
OF3_MUST_CHECK of3_status of3_ranking_write_best(of3_ranking *r, int query, of3_error *err);
/* Its path, in the arena; NULL if memory is out. */
char *of3_ranking_best_path(const of3_ranking *r, int query, of3_structure_format format, of3_arena *arena);
/* Removes it, before the sample that it is a copy of is replaced. */
OF3_MUST_CHECK of3_status of3_ranking_remove_best(const of3_ranking *r, int query, of3_error *err);

#endif
