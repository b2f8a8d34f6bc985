/* Structures that template hits name, from the same server: one question for those of a sequence. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "server/server_parts.h"

enum { MOST_HITS = 20, ENTRY = 16, MOST_STRUCTURE = 256 << 20 };

typedef struct wanted {
  char entry[MOST_HITS][ENTRY];  /* "1abc" */
  char target[MOST_HITS][ENTRY]; /* "1abc_A" */
  int n;
} wanted;

static of3_cache_request structure_request(const of3_colabfold *c, const char *entry) {
  return (of3_cache_request){
      .kind = "structure", .request = entry, .size = strlen(entry), .source = c->url, .version = ""};
}

/* That the server does not have one is kept, too. */
static of3_cache_request missing_request(const of3_colabfold *c, const char *entry) {
  of3_cache_request r = structure_request(c, entry);
  r.kind = "missing-structure";
  return r;
}

static bool is_wanted(const wanted *w, const char *entry) {
  for (int k = 0; k < w->n; k++)
    if (strcmp(w->entry[k], entry) == 0) return true;
  return false;
}

/* Entries of the first hits; letters, digits and '_' only, as they become part of an address and of names. */
static void list_wanted(const of3_server_msa *msa, wanted *out) {
  static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  out->n = 0;
  const char *at = msa->hits;
  for (int row = 0; *at && row < MOST_HITS; row++) {
    const size_t n = strcspn(at, "\t\n"), e = strspn(at, plain);
    const bool good = n < ENTRY && e > 0 && e < n && at[e] == '_' && strspn(at + e + 1, plain) == n - e - 1;
    if (good) {
      snprintf(out->entry[out->n], ENTRY, "%.*s", (int)e, at);
      snprintf(out->target[out->n], ENTRY, "%.*s", (int)n, at);
      if (!is_wanted(out, out->entry[out->n])) out->n++;
    }
    at += strcspn(at, "\n");
    at += *at == '\n';
  }
}

static char *path_of(of3_arena *arena, const char *folder, const char *entry) {
  char name[ENTRY + 4];
  snprintf(name, sizeof name, "%s.cif", entry);
  return of3_path_join(arena, folder, name);
}

/* Whether the structure is in the folder now, from the cache if it was not, or is known not to be had. */
static of3_status is_there(of3_colabfold *c, const char *entry, const char *folder, of3_arena *arena,
                           bool *out, of3_error *err) {
  const of3_cache_request r = structure_request(c, entry), missing = missing_request(c, entry);
  const char *path = path_of(arena, folder, entry);
  of3_cache_value v;
  if (!path) return of3_fail_memory(err, "a path");
  *out = of3_is_file(path) || of3_cache_has(c->s.opt_cache, &missing);
  if (*out) return OF3_OK;
  OF3_TRY(of3_cache_get(c->s.opt_cache, &r, arena, out, &v, err));
  return *out ? of3_write_file(path, v.file[0].bytes, v.file[0].size, err) : OF3_OK;
}

static of3_status leave_missing(of3_colabfold *c, wanted *w, const char *folder, of3_arena *arena,
                                of3_error *err) {
  int left = 0;
  for (int k = 0; k < w->n; k++) {
    bool there;
    OF3_TRY(is_there(c, w->entry[k], folder, arena, &there, err));
    if (there) continue;
    memmove(w->entry[left], w->entry[k], ENTRY);
    memmove(w->target[left++], w->target[k], ENTRY);
  }
  w->n = left;
  return OF3_OK;
}

/* Takes one from the unpacked archive. */
static of3_status take_structure(of3_colabfold *c, const char *entry, const char *from, const char *to,
                                 of3_arena *arena, of3_error *err) {
  const char *source = path_of(arena, from, entry), *path = path_of(arena, to, entry);
  char *text;
  size_t size;
  if (!source || !path) return of3_fail_memory(err, "a path");
  if (!of3_is_file(source)) {
    const of3_cache_request missing = missing_request(c, entry);
    const of3_cache_file none = {.name = "none", .bytes = "", .size = 0};
    of3_logf(c->s.opt_log, OF3_LOG_INFO, "MSA server %s: it does not have the structure %s", c->url, entry);
    return of3_cache_put(c->s.opt_cache, &missing, &none, 1, err);
  }
  OF3_TRY(of3_read_file(source, MOST_STRUCTURE, arena, &text, &size, err));
  const of3_cache_request r = structure_request(c, entry);
  const of3_cache_file file = {.name = "structure.cif", .bytes = text, .size = size};
  OF3_TRY(of3_cache_put(c->s.opt_cache, &r, &file, 1, err));
  return of3_write_file(path, text, size, err);
}

static of3_status download(of3_colabfold *c, const wanted *w, const char *folder, of3_error *err) {
  of3_str url = {0};
  of3_str_addf(&url, "%s/template/", c->url);
  for (int k = 0; k < w->n; k++) of3_str_addf(&url, "%s%s", k ? "," : "", w->target[k]);
  of3_status status = url.failed ? of3_fail_memory(err, "a question") : of3_server_connect(c, err);
  if (status == OF3_OK)
    status = of3_server_archive(c, url.text, "the question for structures of templates", folder, err);
  of3_str_free(&url);
  return status;
}

static of3_status get_structures(of3_colabfold *c, wanted *w, const char *folder, of3_arena *arena,
                                 of3_error *err) {
  char *from = NULL;
  OF3_TRY(of3_make_folder(folder, err));
  OF3_TRY(leave_missing(c, w, folder, arena, err));
  if (!w->n) return OF3_OK;
  OF3_TRY(of3_server_folder(arena, &from, err));
  of3_status status = download(c, w, from, err);
  for (int k = 0; k < w->n && status == OF3_OK; k++)
    status = take_structure(c, w->entry[k], from, folder, arena, err);
  of3_remove_files(from);
  return status;
}

of3_status of3_colabfold_structures(of3_colabfold *c, const of3_server_msa *msa, const char *folder,
                                    of3_error *err) {
  wanted w;
  of3_arena *arena = of3_arena_new(0);
  if (!arena) return of3_fail_memory(err, "structures");
  list_wanted(msa, &w);
  of3_status status = w.n ? get_structures(c, &w, folder, arena, err) : OF3_OK;
  of3_arena_free(arena);
  if (status != OF3_ERR_IO && status != OF3_ERR_INPUT) return status;
  of3_logf(c->s.opt_log, OF3_LOG_WARN, "structures of templates are missing: %s", err->text);
  return OF3_OK;
}
