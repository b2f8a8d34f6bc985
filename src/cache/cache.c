#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "cache/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/temporary.h"
#include "cache/cache_parts.h"

enum { MOST_FOLDER = 900, USED_STEP_S = 3600 };
static const uint64_t usual_bytes = 20000000000u;

/* ---- Opening */

/* OF3_CACHE_SIZE: bytes, or with kB, MB, GB, TB behind the number. */
static of3_status size_from_variable(uint64_t *out, of3_error *err) {
  static const char *const unit[] = {"", "kB", "MB", "GB", "TB"};
  const char *text = getenv("OF3_CACHE_SIZE");
  *out = usual_bytes;
  if (!text || !*text) return OF3_OK;
  char *end;
  errno = 0;
  const uint64_t number = strtoull(text, &end, 10);
  uint64_t factor = 1;
  for (size_t k = 0; k < sizeof unit / sizeof *unit; k++, factor *= 1000)
    if (end != text && *text != '-' && !errno && strcmp(end, unit[k]) == 0 && number <= UINT64_MAX / factor) {
      *out = number * factor;
      return OF3_OK;
    }
  return of3_fail(err, OF3_ERR_USAGE,
                  "the environment variable OF3_CACHE_SIZE is '%s'; it takes a size like 50GB", text);
}

of3_status of3_cache_open(const of3_cache_options *options, of3_cache **ret_cache, of3_error *err) {
  of3_cache_place place = {0};
  *ret_cache = NULL;
  of3_arena *arena = of3_arena_new(0);
  if (!arena) return of3_fail_memory(err, "the cache");
  of3_status status = of3_cache_place_of(options->folder, arena, &place, err);
  if (status == OF3_OK && place.path && strlen(place.path) > MOST_FOLDER)
    status = of3_fail(err, OF3_ERR_USAGE, "the path of the cache has more than %d bytes", MOST_FOLDER);
  of3_cache *c = status == OF3_OK && place.path ? calloc(1, sizeof *c) : NULL;
  if (c) c->folder = strdup(place.path);
  if (status == OF3_OK && place.path && (!c || !c->folder)) status = of3_fail_memory(err, "the cache");
  of3_arena_free(arena);
  if (c) {
    c->opt_log = options->opt_log;
    c->most_bytes = options->most_bytes;
  }
  if (status == OF3_OK && c && !c->most_bytes) status = size_from_variable(&c->most_bytes, err);
  if (status == OF3_OK)
    *ret_cache = c;
  else
    of3_cache_close(c);
  return status;
}

void of3_cache_close(of3_cache *c) {
  if (!c) return;
  free(c->folder);
  free(c);
}

const char *of3_cache_folder(const of3_cache *c) { return c->folder; }

/* ---- Asking */

of3_cache_key of3_cache_key_of(const of3_cache_request *r) {
  of3_sha256 s;
  char hex[OF3_SHA256_HEX];
  of3_sha256_init(&s);
  of3_sha256_add(&s, r->request, r->size);
  of3_sha256_hex(&s, hex);
  return of3_cache_key_from(r->kind, r->source, r->version, hex);
}

static int open_entry(const of3_cache *c, const char *key) {
  char path[CACHE_PATH];
  of3_cache_entry_path(c, key, path);
  return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* The time of the record tells when the entry was used. */
static void note_use(int folder, int64_t used) {
  if ((int64_t)time(NULL) - used > USED_STEP_S) (void)utimensat(folder, OF3_CACHE_RECORD, NULL, 0);
}

/* Reads an open entry whole. */
static of3_status read_entry(int folder, const char *key, of3_arena *arena, of3_cache_value *out,
                             cache_found *ret_found, char *why, of3_error *err) {
  cache_record record = {0};
  OF3_TRY(of3_cache_read_record(folder, key, arena, &record, ret_found, why, err));
  if (*ret_found != CACHE_GOOD) return OF3_OK;
  of3_cache_file *file = OF3_ARENA_NEW(arena, of3_cache_file, record.n);
  if (!file) return of3_fail_memory(err, "an entry of the cache");
  for (int i = 0; i < record.n; i++) {
    file[i] = (of3_cache_file){.name = record.file[i].name, .size = record.file[i].size};
    OF3_TRY(of3_cache_read_file(folder, &record.file[i], arena, &file[i].bytes, ret_found, why, err));
    if (*ret_found != CACHE_GOOD) return OF3_OK;
  }
  *out = (of3_cache_value){.n = record.n, .file = file};
  note_use(folder, record.used);
  return OF3_OK;
}

/* An entry that went away while it was read is not damaged. */
static bool is_still_there(const of3_cache *c, const char *key, const struct stat *st) {
  char path[CACHE_PATH];
  struct stat now;
  of3_cache_entry_path(c, key, path);
  return stat(path, &now) == 0 && now.st_ino == st->st_ino && now.st_dev == st->st_dev;
}

static of3_status get_by_key(of3_cache *c, const char *key, of3_arena *arena, cache_found *ret_found,
                             of3_cache_value *out, of3_error *err) {
  char why[OF3_ERROR_TEXT] = "";
  struct stat st;
  *ret_found = CACHE_ABSENT;
  const int folder = open_entry(c, key);
  if (folder < 0) return OF3_OK;
  of3_status status = OF3_OK;
  if (fstat(folder, &st) == 0) status = read_entry(folder, key, arena, out, ret_found, why, err);
  close(folder);
  if (status != OF3_OK || *ret_found != CACHE_DAMAGED) return status;
  if (!is_still_there(c, key, &st)) {
    *ret_found = CACHE_ABSENT;
    return OF3_OK;
  }
  const bool gone = of3_cache_discard(c, key, &st);
  of3_logf(c->opt_log, OF3_LOG_WARN, "cache '%s': the entry %s is damaged (%s); it %s", c->folder, key, why,
           gone ? "was removed and is asked for again" : "cannot be removed and is not used");
  return OF3_OK;
}

of3_status of3_cache_get(of3_cache *c, const of3_cache_request *request, of3_arena *arena, bool *ret_found,
                         of3_cache_value *ret_value, of3_error *err) {
  cache_found found = CACHE_ABSENT;
  *ret_value = (of3_cache_value){0};
  of3_status status = OF3_OK;
  if (c) status = get_by_key(c, of3_cache_key_of(request).hex, arena, &found, ret_value, err);
  *ret_found = found == CACHE_GOOD;
  return status;
}

bool of3_cache_has(of3_cache *c, const of3_cache_request *request) {
  char path[CACHE_PATH];
  struct stat st;
  if (!c) return false;
  of3_cache_entry_path(c, of3_cache_key_of(request).hex, path);
  return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

of3_status of3_cache_verify(of3_cache *c, const char *key, bool *ret_good, of3_error *err) {
  cache_found found;
  of3_cache_value value;
  of3_arena *arena = of3_arena_new(0);
  if (!arena) return of3_fail_memory(err, "an entry of the cache");
  of3_status status = get_by_key(c, key, arena, &found, &value, err);
  of3_arena_free(arena);
  *ret_good = found != CACHE_DAMAGED;
  return status;
}

/* ---- Keeping */

static bool make_new_folder(of3_cache *c, char out[CACHE_PATH]) {
  char name[32];
  for (int k = 0; k < 100; k++) {
    of3_cache_part_path(c, "new", "", out);
    if (!of3_cache_make_folder(c, out)) return false;
    snprintf(name, sizeof name, "%016" PRIx64, of3_random_word());
    of3_cache_part_path(c, "new", name, out);
    if (mkdir(out, 0700) == 0) return true;
    if (errno != EEXIST && errno != ENOENT) return false;
  }
  return false;
}

/* Gives a complete new folder its name. */
static bool publish(of3_cache *c, const char *from, const char *key) {
  char to[CACHE_PATH];
  of3_cache_entry_path(c, key, to);
  char *slash = strrchr(to, '/');
  *slash = 0;
  struct stat st;
  const bool ready = of3_cache_make_folder(c, to) && stat(c->folder, &st) == 0;
  *slash = '/';
  return ready && chmod(from, st.st_mode & 07777) == 0 && rename(from, to) == 0;
}

static void warn_once(of3_cache *c, int reason) {
  const bool first = !__atomic_exchange_n(&c->warned, true, __ATOMIC_RELAXED);
  of3_logf(c->opt_log, first ? OF3_LOG_WARN : OF3_LOG_DEBUG,
           "cache '%s': an entry cannot be kept: %s; the run goes on without", c->folder, strerror(reason));
}

of3_status of3_cache_put(of3_cache *c, const of3_cache_request *request, const of3_cache_file *file, int n,
                         of3_error *err) {
  char folder[CACHE_PATH];
  uint64_t bytes = 0;
  if (!c) return OF3_OK;
  if (n < 1 || n > OF3_CACHE_FILES)
    return of3_fail(err, OF3_ERR_INTERNAL, "an entry of the cache has 1 to %d files, not %d", OF3_CACHE_FILES,
                    n);
  for (int i = 0; i < n; i++) {
    if (!of3_cache_is_file_name(file[i].name))
      return of3_fail(err, OF3_ERR_INTERNAL, "'%s' is no name for a file of the cache", file[i].name);
    bytes += file[i].size;
  }
  const of3_cache_key key = of3_cache_key_of(request);
  if (of3_cache_has(c, request) || bytes > c->most_bytes) return OF3_OK;
  if (!make_new_folder(c, folder)) {
    warn_once(c, errno);
    return OF3_OK;
  }
  const bool kept = of3_cache_write_entry(c, folder, request, file, n) && publish(c, folder, key.hex);
  if (!kept) {
    const int reason = errno;
    of3_remove_files(folder);
    if (reason != ENOTEMPTY && reason != EEXIST) warn_once(c, reason); /* else another process was first */
    return OF3_OK;
  }
  of3_cache_keep_within(c, bytes);
  return OF3_OK;
}
