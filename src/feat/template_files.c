#include "feat/template_files.h"

#include "template/template.h"

of3_status of3_template_files(const of3_query_chain *c, const char *folder, const of3_settings *opt_settings,
                              of3_arena *arena, const char *const **ret_path, int *ret_n, of3_error *err) {
  of3_template_hit *hit = NULL;
  of3_error unread;
  int n = 0;
  const of3_hits_want want = {.path = c->template_hits,
                              .query = c->sequence,
                              .most = opt_settings ? opt_settings->templates.most_read : 0};
  *ret_path = NULL;
  *ret_n = 0;
  if (!c->template_hits ||
      of3_template_hits_read(&want, of3_arena_room(arena), arena, &hit, &n, &unread) != OF3_OK)
    return OF3_OK;
  const char **path = OF3_ARENA_NEW(arena, const char *, n);
  if (!path) return of3_fail_memory(err, "the structures of templates");
  for (int i = 0; i < n; i++) {
    const char *found = of3_template_file(folder, hit[i].entry, arena);
    if (found) path[(*ret_n)++] = found;
  }
  *ret_path = path;
  return OF3_OK;
}
