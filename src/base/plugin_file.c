#define _GNU_SOURCE
#include "base/plugin_file.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __APPLE__
#define SUFFIX ".dylib"
#else
#define SUFFIX ".so"
#endif

typedef const void *plugin_table_function(void);

const char *of3_plugin_file_named(const char *variable) {
  const char *file = getenv(variable);
  return file && *file ? file : NULL;
}

/* The folder of the program or library that this code is part of, with a slash; "" if it is not known. */
static void plugin_own_folder(char *out, size_t size) {
  Dl_info info;
  char resolved[PATH_MAX];
  out[0] = 0;
  if (!dladdr((const void *)(uintptr_t)of3_plugin_file_open, &info) || !info.dli_fname) return;
  const char *file = realpath(info.dli_fname, resolved);
#ifdef __linux__
  /* a program found by PATH is known by its bare name */
  if (!file || access(file, R_OK) != 0) file = realpath("/proc/self/exe", resolved);
#endif
  const char *slash = file ? strrchr(file, '/') : NULL;
  if (slash && (size_t)(slash - file) + 2 < size) snprintf(out, size, "%.*s/", (int)(slash - file), file);
}

static of3_status plugin_find(const of3_plugin_file *k, char *path, size_t size, of3_error *err) {
  const char *named = of3_plugin_file_named(k->variable), *places[] = {"", "../lib/of3/"};
  char folder[PATH_MAX];
  if (named) {
    snprintf(path, size, "%s", named);
    if (access(path, R_OK) == 0) return OF3_OK;
    return of3_fail(err, OF3_ERR_UNSUPPORTED,
                    "%s cannot be opened: %s names '%.200s', which cannot be read; %s", k->what, k->variable,
                    named, k->advice);
  }
  plugin_own_folder(folder, sizeof folder);
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    int n = snprintf(path, size, "%s%s%s" SUFFIX, folder, places[i], k->file);
    if (n > 0 && (size_t)n < size && access(path, R_OK) == 0) return OF3_OK;
  }
  return of3_fail(err, OF3_ERR_UNSUPPORTED,
                  "%s is not installed: there is no %s" SUFFIX " in %.200s or %.200s../lib/of3; %s", k->what,
                  k->file, folder, folder, k->advice);
}

const char *of3_one_line(char *text) {
  for (char *c = text; *c; c++)
    if (*c == '\n' || *c == '\t') *c = ' ';
  return text;
}

of3_status of3_plugin_file_open(const of3_plugin_file *k, char *path, size_t size, const void **ret_table,
                                of3_error *err) {
  char why[400];
  plugin_table_function *entry;
  *ret_table = NULL;
  OF3_TRY(plugin_find(k, path, size, err));
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    snprintf(why, sizeof why, "%s", dlerror());
    return of3_fail(err, OF3_ERR_UNSUPPORTED, "%s cannot be opened: %s; %s", k->what, of3_one_line(why),
                    k->advice);
  }
  *(void **)&entry = dlsym(library, k->entry);
  if (!entry) return of3_fail(err, OF3_ERR_UNSUPPORTED, "'%.200s' is not %s; %s", path, k->one, k->advice);
  *ret_table = entry();
  return OF3_OK;
}
