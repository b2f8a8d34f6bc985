#include "write/file_hashes.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

enum { FILE_BUCKETS = 4096 };

/* Of a text `path` is the text itself. */
typedef struct hashed_file {
  const char *path;
  uint64_t size;
  char hash[OF3_SHA256_HEX];
  struct hashed_file *next;
} hashed_file;

struct of3_file_hashes {
  of3_arena *arena;
  hashed_file *first[FILE_BUCKETS];
  hashed_file *text[FILE_BUCKETS];
};

of3_file_hashes *of3_file_hashes_new(void) {
  of3_file_hashes *h = calloc(1, sizeof *h);
  if (h) h->arena = of3_arena_new(0);
  if (h && h->arena) return h;
  free(h);
  return NULL;
}

void of3_file_hashes_free(of3_file_hashes *h) {
  if (h) of3_arena_free(h->arena);
  free(h);
}

/* FNV-1a */
static hashed_file **bucket_of(of3_file_hashes *h, const char *path) {
  uint32_t v = 2166136261U;
  for (const char *p = path; *p; p++) v = (v ^ (unsigned char)*p) * 16777619U;
  return &h->first[v % FILE_BUCKETS];
}

of3_status of3_file_hash(of3_file_hashes *h, const char *path, of3_cancel *opt_cancel,
                         char out[OF3_SHA256_HEX], uint64_t *ret_size, of3_error *err) {
  if (!h) return of3_sha256_file(path, opt_cancel, out, ret_size, err);
  hashed_file **bucket = bucket_of(h, path), *f = *bucket;
  while (f && strcmp(f->path, path) != 0) f = f->next;
  if (!f) {
    hashed_file *made = OF3_ARENA_NEW(h->arena, hashed_file, 1);
    if (!made || !(made->path = of3_arena_strdup(h->arena, path))) return of3_fail_memory(err, path);
    OF3_TRY(of3_sha256_file(path, opt_cancel, made->hash, &made->size, err));
    made->next = *bucket;
    *bucket = f = made;
  }
  memcpy(out, f->hash, sizeof f->hash);
  *ret_size = f->size;
  return OF3_OK;
}

/* ---- Texts */

static void hash_text(const char *text, char out[OF3_SHA256_HEX], uint64_t *ret_size) {
  of3_sha256 s;
  of3_sha256_init(&s);
  *ret_size = strlen(text);
  of3_sha256_add(&s, text, (size_t)*ret_size);
  of3_sha256_hex(&s, out);
}

of3_status of3_text_hash(of3_file_hashes *h, const char *text, char out[OF3_SHA256_HEX], uint64_t *ret_size,
                         of3_error *err) {
  if (!h) {
    hash_text(text, out, ret_size);
    return OF3_OK;
  }
  hashed_file **bucket = &h->text[(uintptr_t)text / sizeof(void *) % FILE_BUCKETS], *t = *bucket;
  while (t && t->path != text) t = t->next;
  if (!t) {
    t = OF3_ARENA_NEW(h->arena, hashed_file, 1);
    if (!t) return of3_fail_memory(err, "the query");
    hash_text(text, t->hash, &t->size);
    t->path = text;
    t->next = *bucket;
    *bucket = t;
  }
  memcpy(out, t->hash, sizeof t->hash);
  *ret_size = t->size;
  return OF3_OK;
}
