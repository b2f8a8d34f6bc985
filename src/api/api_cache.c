/* The cache as of3_msa.h shows it. */
#include <stdio.h>
#include <string.h>

#include "api/handles.h"
#include "cache/cache.h"
#include "of3_msa.h"

of3_status of3_cache_describe_place(const char *opt_cache, char *path, size_t size, const char **ret_by,
                                    of3_error *err) {
  of3_cache_place place = {0};
  of3_arena *arena = of3_arena_new(0);
  if (!arena) return of3_fail_memory(err, "a path");
  const of3_status status = of3_cache_place_of(opt_cache, arena, &place, err);
  if (status == OF3_OK) snprintf(path, size, "%s", place.path ? place.path : "");
  *ret_by = place.by;
  of3_arena_free(arena);
  return status;
}

typedef struct cache_visit {
  of3_log log;
  of3_cancel *opt_cancel;
  of3_cache *cache;
  of3_status (*each)(void *user, const of3_cached *entry);
  void *user;
  int n, damaged;
} cache_visit;

static of3_status open_cache(cache_visit *v, const char *opt_cache, const of3_callbacks *opt_callbacks,
                             of3_error *err) {
  const of3_callbacks none = {0};
  v->log = of3_log_of(opt_callbacks ? opt_callbacks : &none);
  v->opt_cancel = opt_callbacks ? opt_callbacks->cancel : NULL;
  const of3_cache_options options = {.folder = opt_cache, .opt_log = &v->log};
  OF3_TRY(of3_cache_open(&options, &v->cache, err));
  if (v->cache) return OF3_OK;
  return of3_fail(
      err, OF3_ERR_USAGE,
      "no cache is used: OF3_CACHE is empty, or there is neither XDG_CACHE_HOME nor HOME; name one with "
      "--cache");
}

static of3_status show(void *user, const of3_cache_entry *e, of3_error *err) {
  cache_visit *v = user;
  const of3_cached shown = {e->key, e->kind, e->source, e->version, e->n_file, e->bytes, e->made, e->used};
  const of3_status status = v->each(v->user, &shown);
  return status == OF3_OK ? OF3_OK : of3_fail(err, status, "the list was not read to its end");
}

of3_status of3_cache_list(const char *opt_cache, const of3_callbacks *opt_callbacks,
                          of3_status (*each)(void *user, const of3_cached *entry), void *user,
                          of3_error *err) {
  cache_visit v = {.each = each, .user = user};
  OF3_TRY(open_cache(&v, opt_cache, opt_callbacks, err));
  const of3_status status = of3_cache_each(v.cache, v.opt_cancel, show, &v, err);
  of3_cache_close(v.cache);
  return status;
}

static of3_status check(void *user, const of3_cache_entry *e, of3_error *err) {
  cache_visit *v = user;
  bool good;
  OF3_TRY(of3_cache_verify(v->cache, e->key, &good, err));
  v->n++;
  v->damaged += !good;
  return OF3_OK;
}

of3_status of3_cache_check(const char *opt_cache, const of3_callbacks *opt_callbacks, int *ret_n,
                           int *ret_damaged, of3_error *err) {
  cache_visit v = {0};
  OF3_TRY(open_cache(&v, opt_cache, opt_callbacks, err));
  const of3_status status = of3_cache_each(v.cache, v.opt_cancel, check, &v, err);
  of3_cache_close(v.cache);
  *ret_n = v.n;
  *ret_damaged = v.damaged;
  return status;
}

of3_status of3_cache_prune(const char *opt_cache, const of3_cache_prune_options *o,
                           const of3_callbacks *opt_callbacks, of3_cache_pruned *ret_pruned, of3_error *err) {
  cache_visit v = {0};
  const of3_cache_clean_options options = {.older_s = o->older_s, .most_bytes = o->keep, .opt_kind = o->kind};
  of3_cache_cleaned n;
  OF3_TRY(open_cache(&v, opt_cache, opt_callbacks, err));
  const of3_status status = of3_cache_clean(v.cache, &options, v.opt_cancel, &n, err);
  of3_cache_close(v.cache);
  *ret_pruned = (of3_cache_pruned){n.removed, n.left, n.removed_bytes, n.left_bytes};
  return status;
}
