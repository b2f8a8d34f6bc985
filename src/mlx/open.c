/* Finds and opens the plugin. */
#define _GNU_SOURCE
#include "mlx/open.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mlx/plugin.h"

#ifdef __APPLE__
#define PLUGIN "of3_mlx.dylib"
#else
#define PLUGIN "of3_mlx.so"
#endif
#define ADVICE "see docs/apple.md, or use --backend cpu"

/* The folder of the program or library that this code is part of, with a slash; "" if it is not known. */
static void mlx_open_own_folder(char *out, size_t size) {
  Dl_info info;
  char resolved[PATH_MAX];
  out[0] = 0;
  if (!dladdr((const void *)(uintptr_t)of3_mlx_open, &info) || !info.dli_fname) return;
  const char *file = realpath(info.dli_fname, resolved);
#ifdef __linux__
  /* a program found by PATH is known by its bare name */
  if (!file || access(file, R_OK) != 0) file = realpath("/proc/self/exe", resolved);
#endif
  const char *slash = file ? strrchr(file, '/') : NULL;
  if (slash && (size_t)(slash - file) + 2 < size) snprintf(out, size, "%.*s/", (int)(slash - file), file);
}

static of3_status mlx_open_find(char *path, size_t size, of3_error *err) {
  const char *named = getenv("OF3_MLX_PLUGIN"), *places[] = {"", "../lib/of3/"};
  char folder[PATH_MAX];
  if (named && *named) {
    snprintf(path, size, "%s", named);
    if (access(path, R_OK) == 0) return OF3_OK;
    return of3_fail(
        err, OF3_ERR_UNSUPPORTED,
        "the MLX backend cannot be opened: OF3_MLX_PLUGIN names '%.200s', which cannot be read; " ADVICE,
        named);
  }
  mlx_open_own_folder(folder, sizeof folder);
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    int n = snprintf(path, size, "%s%s" PLUGIN, folder, places[i]);
    if (n > 0 && (size_t)n < size && access(path, R_OK) == 0) return OF3_OK;
  }
  return of3_fail(err, OF3_ERR_UNSUPPORTED,
                  "the MLX backend is not installed: there is no " PLUGIN
                  " in %.200s or %.200s../lib/of3; " ADVICE,
                  folder, folder);
}

/* MLX's C++ interface is stable within a minor version. */
static bool same_minor(const char *a, const char *b) {
  int x[2], y[2];
  return sscanf(a, "%d.%d", &x[0], &x[1]) == 2 && sscanf(b, "%d.%d", &y[0], &y[1]) == 2 && x[0] == y[0] &&
         x[1] == y[1];
}

static of3_status mlx_open_check(const of3_mlx_plugin *p, const char *path, of3_error *err) {
  if (p->abi != OF3_MLX_ABI || strcmp(p->interface, OF3_MLX_INTERFACE) != 0)
    return of3_fail(err, OF3_ERR_UNSUPPORTED,
                    "the MLX backend '%.200s' belongs to another version of of3; build it again, or use "
                    "--backend cpu",
                    path);
  if (!same_minor(p->compiled, p->loaded))
    return of3_fail(
        err, OF3_ERR_UNSUPPORTED,
        "the MLX backend '%.200s' was built with MLX %.20s but finds MLX %.40s; install MLX %.20s "
        "or build the backend again, or use --backend cpu",
        path, p->compiled, p->loaded, p->compiled);
  return OF3_OK;
}

/* Texts of the loader and of MLX may have several lines. */
static const char *one_line(char *text) {
  for (char *c = text; *c; c++)
    if (*c == '\n' || *c == '\t') *c = ' ';
  return text;
}

/* A library that loads need not find its device or kernels (mlx.metallib). */
static of3_status try_out(const of3_mlx_plugin *p, const char *path, of3_error *err) {
  char why[400] = "";
  if (p->works(why, sizeof why)) return OF3_OK;
  return of3_fail(err, OF3_ERR_UNSUPPORTED, "the MLX backend '%.200s' cannot compute: %s; " ADVICE, path,
                  one_line(why));
}

static of3_status open_plugin(const char *path, const of3_mlx_plugin **plugin, of3_error *err) {
  char why[400];
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    snprintf(why, sizeof why, "%s", dlerror());
    return of3_fail(err, OF3_ERR_UNSUPPORTED, "the MLX backend cannot be opened: %s; " ADVICE, one_line(why));
  }
  of3_mlx_entry *entry;
  *(void **)&entry = dlsym(library, OF3_MLX_ENTRY);
  if (!entry)
    return of3_fail(err, OF3_ERR_UNSUPPORTED, "'%.200s' is not an MLX backend of of3; " ADVICE, path);
  *plugin = entry();
  OF3_TRY(mlx_open_check(*plugin, path, err));
  return try_out(*plugin, path, err);
}

of3_status of3_mlx_open(of3_dtype dtype, of3_mlx *out, of3_error *err) {
  char path[PATH_MAX];
  const of3_mlx_plugin *p = NULL;
  OF3_TRY(mlx_open_find(path, sizeof path, err));
  OF3_TRY(open_plugin(path, &p, err));
  *out = (of3_mlx){.backend = p->backend[dtype],
                   .version = p->loaded,
                   .device = p->device(),
                   .usable_memory = p->usable_memory,
                   .held = p->held};
  return OF3_OK;
}
