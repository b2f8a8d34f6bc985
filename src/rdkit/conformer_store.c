#include "rdkit/conformer_store.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/str.h"
#include "chem/component.h"
#include "rdkit/rdkit.h"

enum { STORE_VERSION = 80 };
static const char attempts_word[] = "attempts ", none_word[] = "none: ", file_name[] = "conformer.txt";

static _Thread_local const of3_log *store_log; /* of the call that this thread is in */

static void forward(void *user, of3_level level, const char *text) {
  (void)user;
  of3_logf(store_log, level, "%s", text);
}

of3_status of3_conformer_store_open(const char *opt_folder, of3_cache **ret_cache, of3_error *err) {
  static const of3_log log = {.sink = forward, .least = OF3_LOG_DEBUG};
  const of3_cache_options options = {.folder = opt_folder, .opt_log = &log};
  return of3_cache_open(&options, ret_cache, err);
}

/* The rules of the search are part of the version. */
static of3_cache_request request_of(const of3_conformer_store *store, const char *key,
                                    char version[STORE_VERSION]) {
  snprintf(version, STORE_VERSION, "%.40s, %d random steps", store->rdkit, OF3_RANDOM_STEPS);
  return (of3_cache_request){
      .kind = "conformers", .request = key, .size = strlen(key), .source = "rdkit", .version = version};
}

static bool read_positions(const char *at, of3_conformer *out) {
  for (int i = 0; i < 3 * out->n_atom; i++) {
    char *end = NULL;
    out->xyz[i] = of3_parse_f32(at, &end);
    if (end == at || !isfinite(out->xyz[i])) return false;
    at = end;
  }
  return strspn(at, " \n") == strlen(at);
}

/* text ends with a 0. */
static bool read_text(const char *text, of3_conformer *out) {
  char *at = NULL;
  if (strncmp(text, attempts_word, sizeof attempts_word - 1) != 0) return false;
  const long attempts = strtol(text + sizeof attempts_word - 1, &at, 10);
  if (attempts < 1 || attempts > OF3_EMBED_ATTEMPTS || *at != '\n') return false;
  out->attempts = (int)attempts;
  at++;
  out->made = strncmp(at, none_word, sizeof none_word - 1) != 0;
  if (out->made) return read_positions(at, out);
  at += sizeof none_word - 1;
  (void)of3_fail(&out->why, OF3_ERR_INPUT, "%.*s", (int)strcspn(at, "\n"), at);
  return true;
}

of3_status of3_conformer_store_get(const of3_conformer_store *store, const char *key, of3_conformer *out,
                                   bool *ret_found, of3_error *err) {
  char version[STORE_VERSION];
  const of3_cache_request request = request_of(store, key, version);
  of3_cache_value value = {0};
  *ret_found = false;
  if (!store->opt_cache) return OF3_OK;
  of3_arena *arena = of3_arena_new(0);
  if (!arena) return of3_fail_memory(err, "a conformer");
  store_log = store->opt_log;
  of3_status status = of3_cache_get(store->opt_cache, &request, arena, ret_found, &value, err);
  if (status == OF3_OK && *ret_found)
    *ret_found =
        value.n == 1 && strcmp(value.file[0].name, file_name) == 0 && read_text(value.file[0].bytes, out);
  of3_arena_free(arena);
  return status;
}

of3_status of3_conformer_store_put(const of3_conformer_store *store, const char *key, const of3_conformer *c,
                                   of3_error *err) {
  char version[STORE_VERSION], number[OF3_F32_TEXT];
  const of3_cache_request request = request_of(store, key, version);
  of3_str text = {0};
  if (!store->opt_cache) return OF3_OK;
  of3_str_addf(&text, "%s%d\n", attempts_word, c->attempts);
  for (int i = 0; c->made && i < 3 * c->n_atom; i++) {
    of3_format_f32(number, c->xyz[i]);
    of3_str_addf(&text, "%s%c", number, i % 3 < 2 ? ' ' : '\n');
  }
  if (!c->made) of3_str_addf(&text, "%s%s\n", none_word, c->why.text);
  const of3_cache_file file = {.name = file_name, .bytes = text.text, .size = text.len};
  store_log = store->opt_log;
  const of3_status status = text.failed ? of3_fail_memory(err, "a conformer")
                                        : of3_cache_put(store->opt_cache, &request, &file, 1, err);
  of3_str_free(&text);
  return status;
}
