/* All entries: listing, removing, keeping within a size. */
#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/sort.h"
#include "base/temporary.h"
#include "cache/cache_parts.h"

enum { OLD_S = 86400, STEPS = 100 };

/* ---- Removing */

bool of3_cache_discard(of3_cache *c, const char *key, const struct stat *opt_st) {
  char from[CACHE_PATH], to[CACHE_PATH], name[32];
  struct stat now;
  of3_cache_part_path(c, "new", "", to);
  if (!of3_cache_make_folder(c, to)) return false;
  of3_cache_entry_path(c, key, from);
  if (lstat(from, &now) != 0) return errno == ENOENT;
  if (opt_st && (now.st_ino != opt_st->st_ino || now.st_dev != opt_st->st_dev)) return true;
  snprintf(name, sizeof name, "%016" PRIx64, of3_random_word());
  of3_cache_part_path(c, "new", name, to);
  if (rename(from, to) != 0) return errno == ENOENT;
  of3_remove_files(to);
  return true;
}

of3_status of3_cache_remove(of3_cache *c, const char *key, of3_error *err) {
  if (!of3_cache_is_key(key)) return of3_fail(err, OF3_ERR_USAGE, "'%s' is no key of the cache", key);
  if (of3_cache_discard(c, key, NULL)) return OF3_OK;
  return of3_fail(err, OF3_ERR_IO, "cannot remove the entry %s of the cache '%s': %s", key, c->folder,
                  strerror(errno));
}

/* What killed processes left in new/. */
static void remove_left(of3_cache *c) {
  char path[CACHE_PATH];
  struct stat st;
  of3_cache_part_path(c, "new", "", path);
  DIR *d = opendir(path);
  if (!d) return;
  for (struct dirent *e; (e = readdir(d)) != NULL;) {
    if (e->d_name[0] == '.' || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if ((int64_t)time(NULL) - (int64_t)st.st_mtime < OLD_S || strlen(e->d_name) > 64) continue;
    of3_cache_part_path(c, "new", e->d_name, path);
    of3_remove_files(path);
  }
  closedir(d);
}

/* ---- Listing */

typedef struct survey {
  of3_cache *cache;
  of3_arena *arena;
  of3_cache_entry *entry; /* [n] */
  size_t n, cap;
} survey;

static of3_status note_entry(survey *s, const char *key, of3_error *err) {
  char path[CACHE_PATH], why[OF3_ERROR_TEXT];
  cache_record r = {0};
  cache_found found = CACHE_ABSENT;
  of3_cache_entry_path(s->cache, key, path);
  const int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return OF3_OK;
  const of3_status status = of3_cache_read_record(fd, key, s->arena, &r, &found, why, err);
  close(fd);
  if (status != OF3_OK) return status;
  if (s->n == s->cap) {
    const size_t cap = 2 * s->cap + 64;
    of3_cache_entry *more = realloc(s->entry, cap * sizeof *more);
    if (!more) return of3_fail_memory(err, "the list of the cache");
    s->entry = more;
    s->cap = cap;
  }
  of3_cache_entry *e = &s->entry[s->n];
  *e = (of3_cache_entry){.kind = "damaged", .source = "", .version = ""};
  if (found == CACHE_GOOD)
    *e = (of3_cache_entry){.kind = r.kind,
                           .source = r.source,
                           .version = r.version,
                           .n_file = r.n,
                           .bytes = r.bytes,
                           .made = r.made,
                           .used = r.used};
  e->key = of3_arena_strdup(s->arena, key);
  if (!e->key) return of3_fail_memory(err, "the list of the cache");
  s->n++;
  return OF3_OK;
}

static of3_status survey_shelf(survey *s, const char *shelf, of3_cancel *opt_cancel, of3_error *err) {
  char path[CACHE_PATH], key[OF3_SHA256_HEX];
  of3_cache_part_path(s->cache, shelf, "", path);
  DIR *d = opendir(path);
  if (!d) return OF3_OK;
  of3_status status = OF3_OK;
  for (struct dirent *e; status == OF3_OK && (e = readdir(d)) != NULL;) {
    if (strlen(e->d_name) != OF3_SHA256_HEX - 3) continue;
    snprintf(key, sizeof key, "%.2s%s", shelf, e->d_name);
    if (of3_cache_is_key(key)) status = note_entry(s, key, err);
    if (status == OF3_OK) status = of3_go_on(opt_cancel, err);
  }
  closedir(d);
  return status;
}

static int by_use(const void *a, const void *b) {
  const of3_cache_entry *x = a, *y = b;
  if (x->used != y->used) return x->used < y->used ? -1 : 1;
  return strcmp(x->key, y->key);
}

static of3_status take_survey(of3_cache *c, of3_cancel *opt_cancel, survey *out, of3_error *err) {
  char shelf[3];
  *out = (survey){.cache = c, .arena = of3_arena_new(0)};
  if (!out->arena) return of3_fail_memory(err, "the list of the cache");
  remove_left(c);
  of3_status status = OF3_OK;
  for (unsigned k = 0; k < 256 && status == OF3_OK; k++) {
    snprintf(shelf, sizeof shelf, "%02x", k);
    status = survey_shelf(out, shelf, opt_cancel, err);
  }
  if (status == OF3_OK && out->n)
    status = of3_sort(out->entry, out->n, sizeof *out->entry, by_use, opt_cancel, err);
  return status;
}

static void end_survey(survey *s) {
  free(s->entry);
  of3_arena_free(s->arena);
}

of3_status of3_cache_each(of3_cache *c, of3_cancel *opt_cancel,
                          of3_status (*each)(void *user, const of3_cache_entry *entry, of3_error *err),
                          void *user, of3_error *err) {
  survey s;
  of3_status status = take_survey(c, opt_cancel, &s, err);
  for (size_t i = 0; i < s.n && status == OF3_OK; i++) status = each(user, &s.entry[i], err);
  end_survey(&s);
  return status;
}

/* ---- Keeping within a size */

static bool is_asked_for(const of3_cache_clean_options *o, const of3_cache_entry *e) {
  return !o->opt_kind || strcmp(o->opt_kind, e->kind) == 0;
}

static bool is_old(const of3_cache_clean_options *o, const of3_cache_entry *e) {
  return o->older_s >= 0 && (double)((int64_t)time(NULL) - e->used) >= o->older_s;
}

of3_status of3_cache_clean(of3_cache *c, const of3_cache_clean_options *o, of3_cancel *opt_cancel,
                           of3_cache_cleaned *ret_cleaned, of3_error *err) {
  survey s;
  of3_cache_cleaned n = {0};
  of3_status status = take_survey(c, opt_cancel, &s, err);
  for (size_t i = 0; i < s.n; i++)
    if (is_asked_for(o, &s.entry[i])) {
      n.left++;
      n.left_bytes += s.entry[i].bytes;
    }
  for (size_t i = 0; i < s.n && status == OF3_OK; i++) {
    const of3_cache_entry *e = &s.entry[i];
    if (!is_asked_for(o, e) || (!is_old(o, e) && n.left_bytes <= o->most_bytes)) continue;
    status = of3_go_on(opt_cancel, err);
    if (status == OF3_OK) status = of3_cache_remove(c, e->key, err);
    if (status != OF3_OK) break;
    n.left--;
    n.left_bytes -= e->bytes;
    n.removed++;
    n.removed_bytes += e->bytes;
  }
  end_survey(&s);
  *ret_cleaned = n;
  return status;
}

/* Somebody else may clean at the same moment, and what fails now is tried again later. */
void of3_cache_keep_within(of3_cache *c, uint64_t bytes) {
  const of3_cache_clean_options options = {.older_s = -1, .most_bytes = c->most_bytes};
  of3_cache_cleaned cleaned;
  of3_error err;
  const double chance = (double)bytes * STEPS / (double)c->most_bytes;
  if ((double)of3_random_word() >= chance * 0x1p64) return;
  if (of3_cache_clean(c, &options, NULL, &cleaned, &err) != OF3_OK || !cleaned.removed) return;
  of3_logf(c->opt_log, OF3_LOG_INFO,
           "cache '%s': %d entries that were not used for longest were removed, %.1f MB", c->folder,
           cleaned.removed, (double)cleaned.removed_bytes * 1e-6);
}
