/* A query that is a bare sequence. */
#include "feat/query_check.h"

of3_status of3_query_from_sequence(const char *sequence, const char *name, of3_query_set *out,
                                   of3_error *err) {
  *out = (of3_query_set){.n = 1, .arena = of3_arena_new(0)};
  out->query = out->arena ? OF3_ARENA_NEW(out->arena, of3_query, 1) : NULL;
  const char *n = out->query ? of3_arena_strdup(out->arena, name) : NULL;
  const char *s = n ? of3_arena_strdup(out->arena, sequence) : NULL;
  of3_status st = s ? of3_query_single(out->arena, n, s, out->query, err) : of3_fail_memory(err, "a query");
  if (st == OF3_OK && out->query->error.code != OF3_OK) { /* the only query: an error of the whole */
    if (err) *err = out->query->error;
    st = out->query->error.code;
  }
  if (st != OF3_OK) of3_query_set_free(out);
  return st;
}
