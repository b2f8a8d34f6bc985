#include "ccd/ccd_place.h"

#include <stdlib.h>

#include "base/file.h"

static const char *set_variable(const char *name) {
  const char *value = getenv(name);
  return value && *value ? value : NULL;
}

of3_status of3_ccd_default_place(of3_arena *arena, const char **ret_path, of3_error *err) {
  const char *data = set_variable("XDG_DATA_HOME"), *home = set_variable("HOME");
  *ret_path = NULL;
  if (!data && !home) return OF3_OK;
  *ret_path = data ? of3_arena_printf(arena, "%s/of3/components.ccd", data)
                   : of3_arena_printf(arena, "%s/.local/share/of3/components.ccd", home);
  return *ret_path ? OF3_OK : of3_fail_memory(err, "a path");
}

of3_status of3_ccd_place_of(const char *opt_named, of3_arena *arena, of3_ccd_place *out, of3_error *err) {
  const char *variable = getenv("OF3_CCD");
  *out = (of3_ccd_place){.by = opt_named ? "--ccd" : "OF3_CCD"};
  if (opt_named || variable) {
    const char *path = opt_named ? opt_named : variable;
    if (!*path) return OF3_OK;
    out->path = of3_arena_strdup(arena, path);
    return out->path ? OF3_OK : of3_fail_memory(err, "a path");
  }
  out->by = "default place";
  OF3_TRY(of3_ccd_default_place(arena, &out->path, err));
  if (out->path && !of3_is_file(out->path)) out->path = NULL;
  return OF3_OK;
}
