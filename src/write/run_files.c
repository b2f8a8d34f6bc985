/* Files about a whole run: summary, query set, settings. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/printable.h"
#include "write/names.h"
#include "write/query_json.h"
#include "write/tree.h"

/* OUT/name. */
static of3_status write_in(const of3_tree *tree, const char *name, const char *text, size_t n,
                           of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  char *path = arena ? of3_path_join(arena, tree->folder, name) : NULL;
  of3_status status = path ? of3_make_folder(tree->folder, err) : of3_fail_memory(err, name);
  if (status == OF3_OK) status = of3_write_file(path, text, n, err);
  of3_arena_free(arena);
  return status;
}

/* Takes over root, which may be NULL or have failed to grow: then memory was out. */
static of3_status write_json(const of3_tree *tree, const char *name, json_t *root, bool complete,
                             of3_error *err) {
  char *text = root && complete ? of3_json_dump(root, JSON_INDENT(4)) : NULL;
  json_decref(root);
  if (!text) return of3_fail_memory(err, name);
  of3_status status = write_in(tree, name, text, strlen(text), err);
  free(text);
  return status;
}

/* ---- summary.txt */

/* By query, then reason: so repeats are neighbours. */
static int compare_failures(const void *x, const void *y) {
  const of3_summary_failure *a = x, *b = y;
  int r = strcmp(a->query, b->query);
  return r ? r : strcmp(a->reason, b->reason);
}

static void add_failures(of3_str *out, of3_summary_failure *f, int n) {
  if (n) qsort(f, (size_t)n, sizeof *f, compare_failures);
  of3_str_add(out, "\nFailed Queries: ");
  for (int k = 0; k < n; k++)
    if (k == 0 || strcmp(f[k].query, f[k - 1].query) != 0) {
      of3_str_add(out, k ? ", " : "");
      of3_str_add_printable(out, f[k].query);
    }
  of3_str_add(out, "\nReasons:\n");
  for (int k = 0; k < n; k++)
    if (k == 0 || compare_failures(&f[k], &f[k - 1]) != 0) {
      of3_str_add(out, "  - ");
      of3_str_add_printable(out, f[k].query);
      of3_str_add(out, ": ");
      of3_str_add_printable(out, f[k].reason);
      of3_str_add(out, "\n");
    }
}

of3_status of3_summary_text(const of3_summary *s, of3_str *out, of3_error *err) {
  const char *rule = "==================================================\n";
  of3_summary_failure *sorted = malloc(((size_t)s->n_failure + 1) * sizeof *sorted);
  if (!sorted) return of3_fail_memory(err, "the summary");
  of3_str_addf(out, "\n%s    PREDICTION SUMMARY (%s)    \n%s", rule, s->n_left ? "INCOMPLETE" : "COMPLETE",
               rule);
  of3_str_addf(out, "Total Queries Processed: %d\n", s->n_done + s->n_failed);
  of3_str_addf(out, "  - Successful Queries:  %d\n  - Failed Queries:      %d\n", s->n_done, s->n_failed);
  if (s->n_left) of3_str_addf(out, "Queries Not Processed:   %d\n", s->n_left);
  for (int k = 0; k < s->n_failure; k++) sorted[k] = s->failure[k];
  if (s->n_failure) add_failures(out, sorted, s->n_failure);
  of3_str_add(out, rule);
  free(sorted);
  return out->failed ? of3_fail_memory(err, "the summary") : OF3_OK;
}

of3_status of3_tree_write_summary(const of3_tree *tree, const char *text, of3_error *err) {
  return write_in(tree, OF3_SUMMARY_NAME, text, strlen(text), err);
}

/* ---- inference_query_set.json */

static json_t *seeds_json(const uint64_t *seed, int n) {
  json_t *list = json_array();
  for (int k = 0; k < n; k++)
    if (json_array_append_new(list, json_integer((json_int_t)seed[k])) != 0) {
      json_decref(list);
      return NULL;
    }
  return list;
}

of3_status of3_tree_write_query_set(const of3_tree *tree, const char *name, const of3_query_set *set,
                                    const uint64_t *seed, int n_seed, of3_error *err) {
  json_t *root = json_object(), *queries = json_object();
  bool ok = !n_seed || json_object_set_new(root, "seeds", seeds_json(seed, n_seed)) == 0;
  for (int k = 0; ok && k < set->n; k++)
    if (set->query[k].error.code == OF3_OK)
      ok = json_object_set_new(queries, set->query[k].name, of3_query_json(&set->query[k])) == 0;
  ok = json_object_set_new(root, "queries", queries) == 0 && ok;
  return write_json(tree, name, root, ok, err);
}

/* ---- Settings */

static json_t *setting_value(const of3_setting *s) {
  switch (s->kind) {
  case OF3_SET_BOOL:
    return json_boolean(s->i);
  case OF3_SET_INT:
    return json_integer((json_int_t)s->i);
  case OF3_SET_REAL:
    return json_real(s->real);
  case OF3_SET_TEXT:
    return s->text ? of3_json_text(s->text) : json_null();
  case OF3_SET_INTS:
    return seeds_json(s->ints, (int)s->i);
  case OF3_SET_NULL:
    break;
  }
  return json_null();
}

/* Puts the value at the end of the path key, making objects on the way. */
static bool set_value(json_t *at, const char *key, json_t *value) {
  char part[128];
  const char *dot;
  for (; at && (dot = strchr(key, '.')) != NULL; key = dot + 1) {
    assert((size_t)(dot - key) < sizeof part);
    memcpy(part, key, (size_t)(dot - key));
    part[dot - key] = 0;
    if (!json_object_get(at, part)) json_object_set_new(at, part, json_object());
    at = json_object_get(at, part);
  }
  return json_object_set_new(at, key, value) == 0;
}

of3_status of3_tree_write_settings(const of3_tree *tree, const char *name, const of3_setting *settings, int n,
                                   of3_error *err) {
  json_t *root = json_object();
  bool ok = root != NULL;
  for (int k = 0; ok && k < n; k++) ok = set_value(root, settings[k].key, setting_value(&settings[k]));
  return write_json(tree, name, root, ok, err);
}
