#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cache/cache_parts.h"

#ifdef __APPLE__
#define CACHES "Library/Caches"
#else
#define CACHES ".cache"
#endif

static const char *set_variable(const char *name) {
  const char *value = getenv(name);
  return value && *value ? value : NULL;
}

of3_status of3_cache_place_of(const char *opt_named, of3_arena *arena, of3_cache_place *out, of3_error *err) {
  const char *variable = getenv("OF3_CACHE");
  *out = (of3_cache_place){.by = opt_named ? "--cache" : variable ? "OF3_CACHE" : "default place"};
  if (opt_named || variable) {
    const char *path = opt_named ? opt_named : variable;
    if (!*path) return OF3_OK;
    out->path = of3_arena_strdup(arena, path);
  } else {
    const char *caches = set_variable("XDG_CACHE_HOME"), *home = set_variable("HOME");
    if (!caches && !home) return OF3_OK;
    out->path = caches ? of3_arena_printf(arena, "%s/of3", caches)
                       : of3_arena_printf(arena, "%s/" CACHES "/of3", home);
  }
  return out->path ? OF3_OK : of3_fail_memory(err, "a path");
}

void of3_cache_entry_path(const of3_cache *cache, const char *key, char out[CACHE_PATH]) {
  snprintf(out, CACHE_PATH, "%s/v1/%.2s/%s", cache->folder, key, key + 2);
}

void of3_cache_part_path(const of3_cache *cache, const char *part, const char *name, char out[CACHE_PATH]) {
  snprintf(out, CACHE_PATH, "%s/v1/%s%s%s", cache->folder, part, *name ? "/" : "", name);
}

/* A tag by which programs that make backups know caches. */
static void tag_cache(const of3_cache *cache) {
  static const char tag[] = "Signature: 8a477f597d28d172789f06886806bc55\n"
                            "# This folder is a cache of of3: what is in it can be made again.\n";
  char path[CACHE_PATH];
  of3_error err;
  snprintf(path, sizeof path, "%s/CACHEDIR.TAG", cache->folder);
  if (!of3_is_file(path) && of3_write_file(path, tag, sizeof tag - 1, &err) == OF3_OK)
    chmod(path, of3_cache_file_mode(cache));
}

/* CACHE itself is its owner's alone if it is made here. */
static bool make_root(of3_cache *cache) {
  char parent[CACHE_PATH];
  of3_error err;
  if (of3_is_folder(cache->folder)) return true;
  snprintf(parent, sizeof parent, "%s", cache->folder);
  char *slash = strrchr(parent, '/');
  if (slash && slash != parent) {
    *slash = 0;
    if (of3_make_folder(parent, &err) != OF3_OK) return false;
  }
  if (mkdir(cache->folder, 0700) != 0 && errno != EEXIST) return false;
  tag_cache(cache);
  return true;
}

static mode_t root_mode(const of3_cache *cache) {
  struct stat st;
  return stat(cache->folder, &st) == 0 ? st.st_mode : S_IRWXU;
}

/* A folder that another process makes at the same moment has its permissions from there. */
static bool make_one(const char *path, mode_t mode) {
  if (mkdir(path, 0700) == 0) return chmod(path, mode) == 0;
  return errno == EEXIST;
}

bool of3_cache_make_folder(of3_cache *cache, const char *path) {
  char part[CACHE_PATH];
  const size_t root = strlen(cache->folder);
  if (!make_root(cache)) return false;
  const mode_t mode = root_mode(cache) & 07777;
  snprintf(part, sizeof part, "%s", path);
  for (char *p = part + root + 1; *p; p++)
    if (*p == '/') {
      *p = 0;
      if (!make_one(part, mode)) return false;
      *p = '/';
    }
  return make_one(part, mode);
}

mode_t of3_cache_file_mode(const of3_cache *cache) { return root_mode(cache) & 0666; }
