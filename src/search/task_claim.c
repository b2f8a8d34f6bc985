#include <string.h>

#include "search/task.h"

enum { MOST_CLAIMS = 256 };

of3_status of3_search_take(of3_search_file *f, const of3_search_options *options, of3_search_counts *counts,
                           of3_error *err) {
  of3_cache_value value = {0};
  bool found = false;
  of3_arena *arena = of3_arena_new(0);
  if (!arena) return of3_fail_memory(err, "an alignment");
  of3_status status = of3_cache_get(options->opt_cache, &f->request, arena, &found, &value, err);
  if (status == OF3_OK && found && value.n == 1) {
    status = of3_search_put_file(f, value.file[0].bytes, value.file[0].size, err);
    f->is_there = status == OF3_OK;
    counts->from_cache += f->is_there;
  }
  of3_arena_free(arena);
  return status;
}

void of3_task_release(of3_search_task *t) {
  for (int i = 0; i < t->n_claim; i++) of3_cache_claim_release(t->claim[i]);
  t->n_claim = 0;
}

/* All or none, so that no two processes wait for each other. */
static of3_status claim_all(of3_search_task *t, of3_cache *cache, bool *ret_busy, of3_error *err) {
  of3_status status = OF3_OK;
  *ret_busy = false;
  for (int i = 0; i < t->n_file && t->n_claim < MOST_CLAIMS && status == OF3_OK && !*ret_busy; i++) {
    of3_cache_claim *claim = NULL;
    if (t->file[i].is_there) continue;
    status = of3_cache_claim_try(cache, &t->file[i].request, ret_busy, &claim, err);
    if (claim) t->claim[t->n_claim++] = claim;
  }
  if (status != OF3_OK || *ret_busy) of3_task_release(t);
  return status;
}

of3_status of3_task_claim(of3_search_task *t, const of3_search_options *options, of3_search_counts *counts,
                          bool *ret_busy, of3_error *err) {
  *ret_busy = false;
  if (!options->opt_cache) return OF3_OK;
  if (!t->claim) t->claim = OF3_ARENA_NEW(t->arena, of3_cache_claim *, MOST_CLAIMS);
  if (!t->claim) return of3_fail_memory(err, "a search");
  OF3_TRY(claim_all(t, options->opt_cache, ret_busy, err));
  of3_status status = OF3_OK;
  for (int i = 0; i < t->n_file && !*ret_busy && status == OF3_OK; i++)
    if (!t->file[i].is_there) status = of3_search_take(&t->file[i], options, counts, err);
  if (status != OF3_OK) of3_task_release(t);
  return status;
}
