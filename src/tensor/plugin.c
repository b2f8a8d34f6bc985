/* Finds and opens plugins. */
#define _GNU_SOURCE
#include "tensor/plugin.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __APPLE__
#define SUFFIX ".dylib"
#else
#define SUFFIX ".so"
#endif

const char *of3_plugin_named(const of3_plugin_kind *k) {
  const char *file = getenv(k->variable);
  return file && *file ? file : NULL;
}

/* The folder of the program or library that this code is part of, with a slash; "" if it is not known. */
static void plugin_own_folder(char *out, size_t size) {
  Dl_info info;
  char resolved[PATH_MAX];
  out[0] = 0;
  if (!dladdr((const void *)(uintptr_t)of3_plugin_open, &info) || !info.dli_fname) return;
  const char *file = realpath(info.dli_fname, resolved);
#ifdef __linux__
  /* a program found by PATH is known by its bare name */
  if (!file || access(file, R_OK) != 0) file = realpath("/proc/self/exe", resolved);
#endif
  const char *slash = file ? strrchr(file, '/') : NULL;
  if (slash && (size_t)(slash - file) + 2 < size) snprintf(out, size, "%.*s/", (int)(slash - file), file);
}

static of3_status plugin_find(const of3_plugin_kind *k, char *path, size_t size, of3_error *err) {
  const char *named = of3_plugin_named(k), *places[] = {"", "../lib/of3/"};
  char folder[PATH_MAX];
  if (named) {
    snprintf(path, size, "%s", named);
    if (access(path, R_OK) == 0) return OF3_OK;
    return of3_fail(err, OF3_ERR_UNSUPPORTED,
                    "the %s backend cannot be opened: %s names '%.200s', which cannot be read; %s",
                    k->library, k->variable, named, k->advice);
  }
  plugin_own_folder(folder, sizeof folder);
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    int n = snprintf(path, size, "%s%s%s" SUFFIX, folder, places[i], k->file);
    if (n > 0 && (size_t)n < size && access(path, R_OK) == 0) return OF3_OK;
  }
  return of3_fail(err, OF3_ERR_UNSUPPORTED,
                  "the %s backend is not installed: there is no %s" SUFFIX
                  " in %.200s or %.200s../lib/of3; %s",
                  k->library, k->file, folder, folder, k->advice);
}

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

/* Texts of the loader and of libraries may have several lines. */
static const char *one_line(char *text) {
  for (char *c = text; *c; c++)
    if (*c == '\n' || *c == '\t') *c = ' ';
  return text;
}

/* A library that loads need not find its device or kernels (mlx.metallib). */
static of3_status plugin_try(const of3_plugin_kind *k, const of3_plugin *p, const char *path,
                             of3_error *err) {
  char why[400] = "";
  if (p->works(why, sizeof why)) return OF3_OK;
  return of3_fail(err, OF3_ERR_UNSUPPORTED, "the %s backend '%.200s' cannot compute: %s; %s", k->library,
                  path, one_line(why), k->advice);
}

static of3_status plugin_load(const of3_plugin_kind *k, const char *path, const of3_plugin **plugin,
                              of3_error *err) {
  char why[400];
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    snprintf(why, sizeof why, "%s", dlerror());
    return of3_fail(err, OF3_ERR_UNSUPPORTED, "the %s backend cannot be opened: %s; %s", k->library,
                    one_line(why), k->advice);
  }
  of3_plugin_entry_function *entry;
  *(void **)&entry = dlsym(library, OF3_PLUGIN_ENTRY);
  if (!entry)
    return of3_fail(err, OF3_ERR_UNSUPPORTED, "'%.200s' is not a backend of of3; %s", path, k->advice);
  *plugin = entry();
  OF3_TRY(plugin_check(k, *plugin, path, err));
  return plugin_try(k, *plugin, path, err);
}

of3_status of3_plugin_open(const of3_plugin_kind *k, of3_dtype dtype, const of3_backend **ret_backend,
                           of3_error *err) {
  char path[PATH_MAX];
  const of3_plugin *p = NULL;
  *ret_backend = NULL;
  OF3_TRY(plugin_find(k, path, sizeof path, err));
  OF3_TRY(plugin_load(k, path, &p, err));
  if ((int)dtype < OF3_PLUGIN_TYPES) *ret_backend = p->backend[dtype];
  if (*ret_backend) return OF3_OK;
  return of3_fail(err, OF3_ERR_UNSUPPORTED, "the %s backend does not multiply %s; use another --dtype",
                  k->library, of3_dtype_name(dtype));
}
