#define _POSIX_C_SOURCE 200809L
#include "write/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/sha256.h"
#include "base/str.h"

static const char manifest_name[] = "of3_run.json";

/* ---- Key: every field enters with its length, so that no two inputs give the same bytes */

static void manifest_add_number(of3_sha256 *s, uint64_t v) {
  uint8_t bytes[8];
  for (int k = 0; k < 8; k++) bytes[k] = (uint8_t)(v >> (8 * k));
  of3_sha256_add(s, bytes, sizeof bytes);
}

static void add_text(of3_sha256 *s, const char *text) {
  size_t n = text ? strlen(text) : 0;
  manifest_add_number(s, n);
  of3_sha256_add(s, text ? text : "", n);
}

/* Name without folder, size, content: the name decides the order of an alignment's rows. */
static of3_status manifest_add_file(of3_sha256 *s, const char *path, of3_error *err) {
  of3_map map = {0};
  OF3_TRY(of3_map_open(path, &map, err));
  add_text(s, of3_path_name(path));
  manifest_add_number(s, map.size);
  of3_sha256_add(s, map.data, map.size);
  of3_map_close(&map);
  return OF3_OK;
}

static int manifest_compare_names(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of the entries of a folder, sorted, in the arena. */
static of3_status list_folder(const char *folder, of3_arena *arena, char ***ret_name, int *ret_n,
                              of3_error *err) {
  DIR *d = opendir(folder);
  if (!d) return of3_fail(err, OF3_ERR_IO, "cannot open the folder '%s': %s", folder, strerror(errno));
  char **name = NULL;
  int n = 0, cap = 0;
  bool ok = true;
  for (struct dirent *e; ok && (e = readdir(d)) != NULL;) {
    if (n == cap) {
      char **more = OF3_ARENA_NEW(arena, char *, cap = 2 * cap + 16);
      ok = more != NULL;
      if (ok && n) memcpy(more, name, (size_t)n * sizeof *name);
      name = more;
    }
    if (ok) ok = (name[n++] = of3_arena_strdup(arena, e->d_name)) != NULL;
  }
  closedir(d);
  if (!ok) return of3_fail_memory(err, folder);
  if (n) qsort(name, (size_t)n, sizeof *name, manifest_compare_names);
  *ret_name = name;
  *ret_n = n;
  return OF3_OK;
}

static of3_status manifest_add_folder(of3_sha256 *s, const char *folder, of3_arena *arena, of3_error *err) {
  char **name = NULL;
  int n = 0;
  OF3_TRY(list_folder(folder, arena, &name, &n, err));
  for (int k = 0; k < n; k++) {
    char *path = of3_path_join(arena, folder, name[k]);
    if (!path) return of3_fail_memory(err, folder);
    if (of3_is_file(path)) OF3_TRY(manifest_add_file(s, path, err));
  }
  return OF3_OK;
}

static of3_status add_query(of3_sha256 *s, const of3_query *q, of3_arena *arena, of3_error *err) {
  add_text(s, q->name);
  manifest_add_number(s, (uint64_t)q->use_msas | (uint64_t)q->use_main_msas << 1 |
                             (uint64_t)q->use_paired_msas << 2);
  manifest_add_number(s, (uint64_t)q->n_chain);
  for (int k = 0; k < q->n_chain; k++) {
    const of3_query_chain *c = &q->chain[k];
    manifest_add_number(s, (uint64_t)c->type);
    manifest_add_number(s, (uint64_t)c->n_id);
    for (int i = 0; i < c->n_id; i++) add_text(s, c->id[i]);
    add_text(s, c->sequence);
    manifest_add_number(s, (uint64_t)c->n_msa);
    for (int i = 0; i < c->n_msa; i++) {
      bool folder = of3_is_folder(c->msa_path[i]);
      OF3_TRY(folder ? manifest_add_folder(s, c->msa_path[i], arena, err)
                     : manifest_add_file(s, c->msa_path[i], err));
    }
  }
  return OF3_OK;
}

of3_status of3_run_key(const of3_run_inputs *in, char ret_key[OF3_KEY_TEXT], of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  if (!arena) return of3_fail_memory(err, manifest_name);
  of3_sha256 s;
  of3_sha256_init(&s);
  add_text(&s, in->version);
  add_text(&s, in->checkpoint);
  add_text(&s, in->options);
  manifest_add_number(&s, in->seed);
  of3_status status = add_query(&s, in->query, arena, err);
  of3_sha256_hex(&s, ret_key);
  of3_arena_free(arena);
  return status;
}

/* ---- Writing */

static of3_status add_entry(json_t *files, const char *folder, const char *name, of3_arena *arena,
                            of3_error *err) {
  char hash[OF3_SHA256_HEX];
  uint64_t size = 0;
  char *path = of3_path_join(arena, folder, name);
  if (!path) return of3_fail_memory(err, manifest_name);
  OF3_TRY(of3_sha256_file(path, hash, &size, err));
  json_t *entry = json_pack("{s:s, s:I, s:s}", "name", name, "size", (json_int_t)size, "sha256", hash);
  return json_array_append_new(files, entry) == 0 ? OF3_OK : of3_fail_memory(err, manifest_name);
}

static of3_status write_manifest(const char *folder, json_t *root, of3_arena *arena, of3_error *err) {
  char *path = of3_path_join(arena, folder, manifest_name), *text = json_dumps(root, JSON_INDENT(4));
  of3_status status = OF3_OK;
  if (!path || !text)
    status = of3_fail_memory(err, manifest_name);
  else
    status = of3_write_file(path, text, strlen(text), err);
  free(text);
  return status;
}

of3_status of3_manifest_write(const char *folder, const char *key, const char *const *files, int n_file,
                              of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  json_t *list = json_array(), *root = json_pack("{s:s, s:O}", "made_from", key, "files", list);
  of3_status status = arena && root ? OF3_OK : of3_fail_memory(err, manifest_name);
  for (int k = 0; k < n_file && status == OF3_OK; k++) status = add_entry(list, folder, files[k], arena, err);
  if (status == OF3_OK) status = write_manifest(folder, root, arena, err);
  json_decref(root);
  json_decref(list);
  of3_arena_free(arena);
  return status;
}

static of3_status remove_file(const char *folder, const char *name, of3_arena *arena, of3_error *err) {
  char *path = of3_path_join(arena, folder, name);
  if (!path) return of3_fail_memory(err, manifest_name);
  if (unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR) return OF3_OK;
  return of3_fail(err, OF3_ERR_IO, "cannot remove '%s': %s", path, strerror(errno));
}

/* The files that a readable manifest lists; the manifest goes first, so that it never lists what is gone. */
static of3_status remove_listed(const char *folder, of3_arena *arena, of3_error *err) {
  char *path = of3_path_join(arena, folder, manifest_name);
  if (!path) return of3_fail_memory(err, manifest_name);
  json_t *root = of3_is_file(path) ? json_load_file(path, 0, NULL) : NULL;
  const json_t *files = json_object_get(root, "files");
  of3_status status = remove_file(folder, manifest_name, arena, err);
  for (size_t k = 0; status == OF3_OK && k < json_array_size(files); k++) {
    const char *name = json_string_value(json_object_get(json_array_get(files, k), "name"));
    if (name && *name && !strchr(name, '/')) status = remove_file(folder, name, arena, err);
  }
  json_decref(root);
  return status;
}

of3_status of3_manifest_remove(const char *folder, of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  of3_status status = arena ? remove_listed(folder, arena, err) : of3_fail_memory(err, manifest_name);
  of3_arena_free(arena);
  return status;
}

/* ---- Checking: a sentence in `why` for every state but complete */

/* One entry of "files" against the file it names. */
static of3_run_state check_entry(const char *folder, const json_t *entry, of3_arena *arena, of3_error *why) {
  const char *name = json_string_value(json_object_get(entry, "name"));
  const char *hash = json_string_value(json_object_get(entry, "sha256"));
  const json_t *size = json_object_get(entry, "size");
  if (!name || !hash || !json_is_integer(size) || strchr(name, '/'))
    return of3_fail(why, OF3_ERR_INPUT, "'%s/%s' has an entry without name, size or hash", folder,
                    manifest_name),
           OF3_RUN_BROKEN;
  char *path = of3_path_join(arena, folder, name), found[OF3_SHA256_HEX];
  uint64_t n = 0;
  if (!path || !of3_is_file(path))
    return of3_fail(why, OF3_ERR_INPUT, "'%s/%s' is missing", folder, name), OF3_RUN_MISSING;
  of3_map map = {0};
  if (of3_map_open(path, &map, NULL) == OF3_OK) n = map.size;
  of3_map_close(&map);
  if (n != (uint64_t)json_integer_value(size))
    return of3_fail(why, OF3_ERR_INPUT, "'%s' has %" PRIu64 " bytes instead of %" JSON_INTEGER_FORMAT, path,
                    n, json_integer_value(size)),
           OF3_RUN_BROKEN;
  if (of3_sha256_file(path, found, &n, NULL) != OF3_OK || strcmp(found, hash) != 0)
    return of3_fail(why, OF3_ERR_INPUT, "'%s' is not the file that was written", path), OF3_RUN_BROKEN;
  return OF3_RUN_COMPLETE;
}

static of3_run_state check_all(const char *folder, const json_t *root, const char *key, of3_arena *arena,
                               of3_error *why) {
  const char *made_from = json_string_value(json_object_get(root, "made_from"));
  const json_t *files = json_object_get(root, "files");
  if (!made_from || !json_is_array(files) || json_array_size(files) == 0)
    return of3_fail(why, OF3_ERR_INPUT, "'%s/%s' is not a complete list of files", folder, manifest_name),
           OF3_RUN_BROKEN;
  if (strcmp(made_from, key) != 0)
    return of3_fail(why, OF3_ERR_INPUT,
                    "the results in '%s' were made from another query, checkpoint, seed, option or version",
                    folder),
           OF3_RUN_OTHER;
  for (size_t k = 0; k < json_array_size(files); k++) {
    of3_run_state state = check_entry(folder, json_array_get(files, k), arena, why);
    if (state != OF3_RUN_COMPLETE) return state;
  }
  return OF3_RUN_COMPLETE;
}

of3_status of3_manifest_check(const char *folder, const char *key, of3_run_state *out, char *why,
                              of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  char *path = arena ? of3_path_join(arena, folder, manifest_name) : NULL;
  of3_error because = {OF3_OK, ""};
  if (!path) {
    of3_arena_free(arena);
    return of3_fail_memory(err, manifest_name);
  }
  if (!of3_is_file(path))
    *out = (of3_fail(&because, OF3_ERR_INPUT, "'%s' is missing", path), OF3_RUN_MISSING);
  else {
    json_error_t where;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &where);
    if (!root)
      *out = (of3_fail(&because, OF3_ERR_INPUT, "'%s' cannot be read: %s", path, where.text), OF3_RUN_BROKEN);
    else
      *out = check_all(folder, root, key, arena, &because);
    json_decref(root);
  }
  memcpy(why, because.text, sizeof because.text);
  of3_arena_free(arena);
  return OF3_OK;
}
