#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"

of3_status of3_list_folder(const char *folder, of3_arena *arena, const char ***ret_name, int *ret_n,
                           of3_error *err) {
  DIR *d = opendir(folder);
  if (!d) return of3_fail(err, OF3_ERR_IO, "cannot open the folder '%s': %s", folder, strerror(errno));
  int n = 0, room = 0;
  const char **name = NULL;
  bool ok = true;
  for (struct dirent *e; ok && (e = readdir(d));) {
    if (e->d_name[0] == '.') continue;
    if (n == room) {
      room = room ? 2 * room : 16;
      const char **more = OF3_ARENA_NEW(arena, const char *, room);
      if (more && n) memcpy(more, name, (size_t)n * sizeof *more);
      name = more;
    }
    ok = name && (name[n++] = of3_arena_strdup(arena, e->d_name));
  }
  closedir(d);
  if (!ok) return of3_fail_memory(err, folder);
  if (n) qsort(name, (size_t)n, sizeof *name, of3_text_order);
  *ret_name = name;
  *ret_n = n;
  return OF3_OK;
}
