/* The record of an entry, and reading and writing of its files. Everything is opened relative to the entry's
 * open folder, so that a reader sees one entry even if it is moved away meanwhile; only regular files are
 * opened, and no links followed. */
#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "cache/cache_parts.h"

enum { MOST_RECORD = 1 << 16, MOST_RECORD_MEMORY = 1 << 22, HEX = OF3_SHA256_HEX - 1 };

bool of3_cache_is_key(const char *text) {
  return strlen(text) == HEX && text[strspn(text, "0123456789abcdef")] == 0;
}

bool of3_cache_is_file_name(const char *name) {
  const size_t n = strlen(name);
  return n > 0 && n < OF3_CACHE_NAME && name[0] != '.' && !strchr(name, '/') &&
         strcmp(name, OF3_CACHE_RECORD) != 0;
}

of3_cache_key of3_cache_key_from(const char *kind, const char *source, const char *version,
                                 const char *request_sha256) {
  of3_sha256 s;
  of3_cache_key key = {""};
  of3_sha256_init(&s);
  of3_sha256_add(&s, kind, strlen(kind) + 1); /* with their final 0, which keeps them apart */
  of3_sha256_add(&s, source, strlen(source) + 1);
  of3_sha256_add(&s, version, strlen(version) + 1);
  of3_sha256_add(&s, request_sha256, HEX);
  of3_sha256_hex(&s, key.hex);
  return key;
}

/* ---- Reading */

static of3_status damaged(cache_found *ret_found, char *why, const char *text) {
  snprintf(why, OF3_ERROR_TEXT, "%s", text);
  *ret_found = CACHE_DAMAGED;
  return OF3_OK;
}

/* Exactly `size` bytes of a regular file, with a 0 behind them; NULL: it is otherwise, errno says more. */
static char *read_exactly(int fd, uint64_t size, of3_arena *arena) {
  char *bytes = of3_arena_alloc(arena, size + 1, 1);
  uint64_t at = 0;
  if (!bytes) return NULL;
  while (at < size) {
    const ssize_t n = read(fd, bytes + at, size - at < (1u << 30) ? size - at : 1u << 30);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    at += (uint64_t)n;
  }
  return at == size ? bytes : NULL;
}

static int open_file(int folder, const char *name, struct stat *st) {
  const int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd >= 0 && (fstat(fd, st) != 0 || !S_ISREG(st->st_mode))) {
    close(fd);
    return -1;
  }
  return fd;
}

of3_status of3_cache_read_file(int folder, const cache_record_file *file, of3_arena *arena,
                               const void **ret_bytes, cache_found *ret_found, char *why, of3_error *err) {
  struct stat st;
  of3_sha256 s;
  char hex[OF3_SHA256_HEX];
  const int fd = open_file(folder, file->name, &st);
  if (fd < 0) return damaged(ret_found, why, "a file is missing");
  if ((uint64_t)st.st_size != file->size) {
    close(fd);
    return damaged(ret_found, why, "a file has another size");
  }
  const size_t room = of3_arena_room(arena);
  const char *bytes = room > file->size ? read_exactly(fd, file->size, arena) : NULL;
  close(fd);
  if (!bytes && room <= file->size) return of3_fail_memory(err, "a file of the cache");
  if (!bytes) return damaged(ret_found, why, "a file cannot be read");
  of3_sha256_init(&s);
  of3_sha256_add(&s, bytes, file->size);
  of3_sha256_hex(&s, hex);
  if (strcmp(hex, file->sha256) != 0) return damaged(ret_found, why, "a file has another content");
  *ret_bytes = bytes;
  *ret_found = CACHE_GOOD;
  return OF3_OK;
}

static const char *text_of(const json_t *object, const char *name, of3_arena *arena) {
  const char *text = json_string_value(json_object_get(object, name));
  return text ? of3_arena_strdup(arena, text) : NULL;
}

static bool take_file(const json_t *object, of3_arena *arena, cache_record_file *out) {
  const json_t *size = json_object_get(object, "size");
  *out =
      (cache_record_file){.name = text_of(object, "name", arena), .sha256 = text_of(object, "sha256", arena)};
  if (!out->name || !out->sha256 || !json_is_integer(size) || json_integer_value(size) < 0) return false;
  out->size = (uint64_t)json_integer_value(size);
  return of3_cache_is_file_name(out->name) && of3_cache_is_key(out->sha256) && out->size < (uint64_t)1 << 40;
}

/* False: this is no record. */
static bool take_record(const json_t *root, of3_arena *arena, cache_record *out) {
  const json_t *files = json_object_get(root, "files");
  const size_t n = json_array_size(files);
  *out = (cache_record){.kind = text_of(root, "kind", arena),
                        .source = text_of(root, "source", arena),
                        .version = text_of(root, "version", arena),
                        .request_sha256 = text_of(root, "request_sha256", arena),
                        .made = json_integer_value(json_object_get(root, "made"))};
  if (!out->kind || !out->source || !out->version || !out->request_sha256 || n < 1 || n > OF3_CACHE_FILES)
    return false;
  out->file = OF3_ARENA_NEW(arena, cache_record_file, n);
  for (; out->file && out->n < (int)n; out->n++) {
    if (!take_file(json_array_get(files, (size_t)out->n), arena, &out->file[out->n])) return false;
    out->bytes += out->file[out->n].size;
  }
  return out->file && of3_cache_is_key(out->request_sha256);
}

of3_status of3_cache_read_record(int folder, const char *key, of3_arena *arena, cache_record *out,
                                 cache_found *ret_found, char *why, of3_error *err) {
  struct stat st;
  json_error_t error;
  const int fd = open_file(folder, OF3_CACHE_RECORD, &st);
  if (fd < 0) return damaged(ret_found, why, "its record is missing");
  char *text = st.st_size < MOST_RECORD ? read_exactly(fd, (uint64_t)st.st_size, arena) : NULL;
  close(fd);
  if (!text) return damaged(ret_found, why, "its record cannot be read");
  json_t *root = NULL;
  if (of3_json_check(text, (size_t)st.st_size, MOST_RECORD_MEMORY, NULL, err) == OF3_OK)
    root = of3_json_load(text, (size_t)st.st_size, &error);
  const bool good = root && take_record(root, arena, out);
  json_decref(root);
  if (!good) return damaged(ret_found, why, "its record is no record");
  out->used = (int64_t)st.st_mtime;
  const of3_cache_key found = of3_cache_key_from(out->kind, out->source, out->version, out->request_sha256);
  if (strcmp(found.hex, key) != 0) return damaged(ret_found, why, "its record is of something else");
  *ret_found = CACHE_GOOD;
  return OF3_OK;
}

/* ---- Writing */

static bool write_all(int fd, const char *bytes, size_t n) {
  while (n > 0) {
    const ssize_t k = write(fd, bytes, n < (1u << 30) ? n : 1u << 30);
    if (k < 0 && errno == EINTR) continue;
    if (k <= 0) return false;
    bytes += k;
    n -= (size_t)k;
  }
  return true;
}

static bool write_file(const char *folder, const char *name, const void *bytes, size_t n, mode_t mode) {
  char path[CACHE_PATH + OF3_CACHE_NAME];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return false;
  const bool written = write_all(fd, bytes, n) && fchmod(fd, mode) == 0;
  const int reason = errno;
  const bool closed = close(fd) == 0;
  if (!written) errno = reason;
  return written && closed;
}

static void hash_of(const void *bytes, size_t n, char hex[OF3_SHA256_HEX]) {
  of3_sha256 s;
  of3_sha256_init(&s);
  of3_sha256_add(&s, bytes, n);
  of3_sha256_hex(&s, hex);
}

static json_t *describe_file(const of3_cache_file *file) {
  char hex[OF3_SHA256_HEX];
  hash_of(file->bytes, file->size, hex);
  return json_pack("{s:s, s:I, s:s}", "name", file->name, "size", (json_int_t)file->size, "sha256", hex);
}

/* Ownership: free. */
static char *make_record(const of3_cache_request *r, const of3_cache_file *file, int n) {
  char hex[OF3_SHA256_HEX];
  hash_of(r->request, r->size, hex);
  json_t *files = json_array();
  for (int i = 0; i < n; i++)
    if (json_array_append_new(files, describe_file(&file[i])) != 0) {
      json_decref(files);
      return NULL;
    }
  json_t *root = json_pack("{s:s, s:s, s:s, s:s, s:I, s:o}", "kind", r->kind, "source", r->source, "version",
                           r->version, "request_sha256", hex, "made", (json_int_t)time(NULL), "files", files);
  char *text = root ? of3_json_dump(root, JSON_INDENT(1)) : NULL;
  json_decref(root);
  return text;
}

bool of3_cache_write_entry(of3_cache *cache, const char *folder, const of3_cache_request *request,
                           const of3_cache_file *file, int n) {
  const mode_t mode = of3_cache_file_mode(cache);
  char *record = make_record(request, file, n);
  bool good = record != NULL;
  if (!good) errno = ENOMEM;
  for (int i = 0; good && i < n; i++)
    good = write_file(folder, file[i].name, file[i].bytes, file[i].size, mode);
  good = good && write_file(folder, OF3_CACHE_RECORD, record, strlen(record), mode);
  const int reason = errno;
  free(record);
  errno = reason;
  return good;
}
