/* Finds and opens plugins. */
#include "tensor/plugin.h"

#include <stdio.h>
#include <string.h>

#include "base/plugin_file.h"

const char *of3_plugin_named(const of3_plugin_kind *k) { return of3_plugin_file_named(k->variable); }

/* C++ interfaces are stable within a minor version, if anywhere. */
static bool same_minor(const char *a, const char *b) {
  int x[2], y[2];
  return sscanf(a, "%d.%d", &x[0], &x[1]) == 2 && sscanf(b, "%d.%d", &y[0], &y[1]) == 2 && x[0] == y[0] &&
         x[1] == y[1];
}

static of3_status plugin_check(const of3_plugin_kind *k, const of3_plugin *p, const char *path,
                               of3_error *err) {
  if (p->abi != OF3_PLUGIN_ABI || strcmp(p->interface, OF3_PLUGIN_INTERFACE) != 0)
    return of3_fail(err, OF3_ERR_UNSUPPORTED,
                    "the %s backend '%.200s' belongs to another version of of3; build it again, or use "
                    "--backend cpu",
                    k->library, path);
  if (!same_minor(p->compiled, p->loaded))
    return of3_fail(err, OF3_ERR_UNSUPPORTED,
                    "the %s backend '%.200s' was built with %s %.20s but finds %s %.40s; install %s %.20s or "
                    "build the backend again, or use --backend cpu",
                    k->library, path, k->library, p->compiled, k->library, p->loaded, k->library,
                    p->compiled);
  return OF3_OK;
}

/* A library that loads need not find its device or kernels (mlx.metallib). */
static of3_status plugin_try(const of3_plugin_kind *k, const of3_plugin *p, const char *path,
                             of3_error *err) {
  char why[400] = "";
  if (p->works(why, sizeof why)) return OF3_OK;
  return of3_fail(err, OF3_ERR_UNSUPPORTED, "the %s backend '%.200s' cannot compute: %s; %s", k->library,
                  path, of3_one_line(why), k->advice);
}

of3_status of3_plugin_open(const of3_plugin_kind *k, of3_dtype dtype, const of3_backend **ret_backend,
                           of3_error *err) {
  char path[OF3_PLUGIN_PATH], what[64];
  const void *table = NULL;
  *ret_backend = NULL;
  snprintf(what, sizeof what, "the %s backend", k->library);
  const of3_plugin_file file = {.what = what,
                                .one = "a backend of of3",
                                .file = k->file,
                                .variable = k->variable,
                                .advice = k->advice,
                                .entry = OF3_PLUGIN_ENTRY};
  OF3_TRY(of3_plugin_file_open(&file, path, sizeof path, &table, err));
  const of3_plugin *p = table;
  OF3_TRY(plugin_check(k, p, path, err));
  OF3_TRY(plugin_try(k, p, path, err));
  if ((int)dtype < OF3_PLUGIN_TYPES) *ret_backend = p->backend[dtype];
  if (*ret_backend) return OF3_OK;
  return of3_fail(err, OF3_ERR_UNSUPPORTED, "the %s backend does not multiply %s; use another --dtype",
                  k->library, of3_dtype_name(dtype));
}
