#include "settings/tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/number.h"
#include "settings/value.h"

enum { MOST_PATH = 256 };

/* ---- Files into one tree */

/* What `base` has and `top` has not enters top; mappings that both have are merged. */
static of3_status merge_below(of3_settings_tree *t, json_t *top, json_t *base, int depth, of3_error *err) {
  const char *key;
  json_t *value;
  if (depth > OF3_JSON_DEPTH)
    return of3_fail(err, OF3_ERR_INPUT, "settings are nested more than %d levels deep", OF3_JSON_DEPTH);
  json_object_foreach(base, key, value) {
    json_t *own = json_object_get(top, key);
    if (json_is_object(own) && json_is_object(value)) OF3_TRY(merge_below(t, own, value, depth + 1, err));
    if (own) continue;
    if (json_object_set(top, key, value) != 0) return of3_fail_memory(err, "the settings");
    const of3_yaml_line *line = of3_yaml_line_of(&t->lines, base, key);
    if (line) OF3_TRY(of3_yaml_lines_add(&t->lines, top, key, line->file, line->line, err));
  }
  return OF3_OK;
}

/* An empty file says nothing. */
static bool has_content(const char *text) {
  for (const char *c = text; *c; c += strcspn(c, "\n"), c += *c == '\n') {
    c += strspn(c, " \t\r");
    if (*c && *c != '\n' && *c != '#') return true;
  }
  return false;
}

static of3_status read_tree(of3_settings_tree *t, const of3_settings_file *f, json_t **ret_tree,
                            of3_error *err) {
  const of3_query_source source = {f->text, f->size, f->path, "", of3_arena_room(t->arena)};
  size_t need = 0;
  if (!has_content(f->text)) {
    *ret_tree = json_object();
    return *ret_tree ? OF3_OK : of3_fail_memory(err, f->path);
  }
  OF3_TRY(of3_yaml_parse(&source, &t->lines, ret_tree, &need, err));
  if (json_is_null(*ret_tree)) {
    *ret_tree = json_object();
    return *ret_tree ? OF3_OK : of3_fail_memory(err, f->path);
  }
  if (json_is_object(*ret_tree)) return OF3_OK;
  json_decref(*ret_tree);
  *ret_tree = NULL;
  return of3_fail(err, OF3_ERR_INPUT, "'%s' holds no settings: a mapping of sections was expected", f->path);
}

of3_status of3_settings_tree_read(const of3_settings_file *file, int n, const of3_log *log, of3_arena *arena,
                                  of3_settings_tree *out, of3_error *err) {
  of3_status st = OF3_OK;
  *out = (of3_settings_tree){.opt_log = log, .arena = arena};
  for (int i = n; st == OF3_OK && i-- > 0;) {
    json_t *tree = NULL;
    st = read_tree(out, &file[i], &tree, err);
    if (st == OF3_OK && out->top)
      st = merge_below(out, out->top, tree, 0, err);
    else if (st == OF3_OK)
      out->top = json_incref(tree);
    json_decref(tree);
  }
  return st;
}

void of3_settings_tree_free(of3_settings_tree *t) {
  of3_yaml_lines_free(&t->lines);
  json_decref(t->top);
  *t = (of3_settings_tree){0};
}

/* ---- The tree into a struct */

of3_status of3_settings_blame(const of3_settings_tree *t, const json_t *mapping, const char *key,
                              const char *path, of3_error *err) {
  if (!err) return OF3_ERR_INPUT;
  const of3_yaml_line *l = of3_yaml_line_of(&t->lines, mapping, key);
  if (!l) return of3_prefix(err, "%s", path);
  return of3_prefix(err, "'%s', line %zu: %s", l->file, l->line, path);
}

/* A mapping of the tree, the table that it is read with, and what is shown before the table's paths. */
typedef struct filling {
  const of3_settings_tree *tree;
  json_t *top;
  const char *shown; /* "" for the whole tree */
  const of3_setting_table *table;
} filling;

static of3_status blame(const filling *f, const json_t *mapping, const char *key, const char *path,
                        of3_error *err) {
  char shown[2 * MOST_PATH];
  of3_format(shown, sizeof shown, "%s%s%s", f->shown, *f->shown ? "." : "", path);
  return of3_settings_blame(f->tree, mapping, key, shown, err);
}

/* The last key of a path, and its mapping, if all above it are mappings. */
static json_t *find_value(json_t *top, const char *path, json_t **ret_mapping, char key[MOST_PATH]) {
  json_t *at = top;
  for (;;) {
    const size_t n = strcspn(path, ".");
    memcpy(key, path, n);
    key[n] = 0;
    *ret_mapping = at;
    at = json_object_get(at, key);
    if (!at || !path[n]) return at;
    path += n + 1;
  }
}

json_t *of3_settings_at(const of3_settings_tree *t, const char *path) {
  json_t *mapping;
  char key[MOST_PATH];
  return find_value(t->top, path, &mapping, key);
}

/* "above.key", cut where it is longer than any that is known: false. */
static bool join_path(const char *above, const char *key, char path[MOST_PATH]) {
  const int n = of3_format(path, MOST_PATH, "%s%s%s", above, *above ? "." : "", key);
  return n > 0 && n < MOST_PATH;
}

static of3_status check_key(const filling *f, json_t *mapping, const char *key, const json_t *value,
                            const of3_setting *opt_known, const char *path, of3_error *err) {
  if (opt_known && opt_known->kind == OF3_SETTING_REFUSED && !json_is_null(value)) {
    of3_fail(err, OF3_ERR_UNSUPPORTED, "of3 does not have this setting: %s", opt_known->why);
    return blame(f, mapping, key, path, err);
  }
  if (opt_known) return OF3_OK;
  of3_fail(err, OF3_ERR_INPUT, "this key is unknown; %s lists those that there are", f->table->page);
  return blame(f, mapping, key, path, err);
}

/* A key that is both a section and, if no mapping, a value. */
static bool is_value(const of3_setting_table *table, const char *path) {
  const of3_setting *s = of3_setting_find(table, path);
  return s && strcmp(s->path, path) == 0 && s->kind < OF3_SETTING_ASIDE;
}

/* Every key is one that the table has. */
static of3_status check_keys(const filling *f, const char *above, json_t *mapping, of3_error *err) {
  const char *key;
  json_t *value;
  json_object_foreach(mapping, key, value) {
    char path[MOST_PATH];
    const bool known = join_path(above, key, path) && !strchr(key, '.');
    if (known && of3_setting_is_section(f->table, path)) {
      if (json_is_object(value))
        OF3_TRY(check_keys(f, path, value, err));
      else if (!json_is_null(value) && !is_value(f->table, path)) {
        of3_fail(err, OF3_ERR_INPUT, "a section was expected, a mapping of keys");
        return blame(f, mapping, key, path, err);
      }
      continue;
    }
    OF3_TRY(check_key(f, mapping, key, value, known ? of3_setting_find(f->table, path) : NULL, path, err));
  }
  return OF3_OK;
}

/* A line "path=value". */
static of3_status note_difference(const of3_setting *s, const json_t *value, of3_str *differences,
                                  of3_error *err) {
  char *text = of3_json_dump(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
  if (!text) return of3_fail_memory(err, "the settings");
  of3_str_addf(differences, "%s=", s->path);
  of3_str_add(differences, text);
  of3_str_add(differences, "\n");
  free(text);
  return OF3_OK;
}

static of3_status fill(const filling *f, void *out, of3_str *opt_differences, of3_error *err) {
  const of3_settings_tree *t = f->tree;
  OF3_TRY(check_keys(f, "", f->top, err));
  for (int i = 0; i < f->table->n; i++) {
    const of3_setting *s = &f->table->row[i];
    char key[MOST_PATH];
    json_t *mapping = NULL, *value = find_value(f->top, s->path, &mapping, key);
    if (!value || (json_is_object(value) && of3_setting_is_section(f->table, s->path))) continue;
    if (of3_setting_put(s, value, t->opt_log, t->arena, out, err) != OF3_OK)
      return blame(f, mapping, key, s->path, err);
    if (opt_differences && s->decides && !json_is_null(value))
      OF3_TRY(note_difference(s, value, opt_differences, err));
  }
  return OF3_OK;
}

of3_status of3_settings_fill(const of3_settings_tree *t, const of3_setting_table *table, void *out,
                             of3_str *opt_differences, of3_error *err) {
  return fill(&(filling){t, t->top, "", table}, out, opt_differences, err);
}

of3_status of3_settings_fill_below(const of3_settings_tree *t, json_t *mapping, const char *shown,
                                   const of3_setting_table *table, void *out, of3_error *err) {
  return fill(&(filling){t, mapping, shown, table}, out, NULL, err);
}
