#include "feat/query_json_value.h"

#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "base/target.h"

/* jansson quotes what it stumbled over; a message is one line. */
static of3_status syntax_error(const json_error_t *e, const char *file, of3_error *err) {
  char text[JSON_ERROR_TEXT_LENGTH];
  size_t i = 0;
  for (; i + 1 < sizeof text && e->text[i]; i++) text[i] = (unsigned char)e->text[i] < ' ' ? ' ' : e->text[i];
  text[i] = 0;
  return of3_fail(err, OF3_ERR_INPUT, "'%s', line %d, column %d: %s", file, e->line > 0 ? e->line : 1,
                  e->column > 0 ? e->column : 1, text);
}

of3_status of3_json_parse(const char *text, size_t size, const char *file, size_t most_memory,
                          size_t *ret_need, json_t **ret_top, of3_error *err) {
  json_error_t json_err;
  if (of3_json_check(text, size, most_memory, ret_need, err) != OF3_OK) return of3_prefix(err, "'%s'", file);
  *ret_top = of3_json_load(text, size, &json_err);
  return *ret_top ? OF3_OK : syntax_error(&json_err, file, err);
}

bool of3_json_is_empty(const json_t *v) {
  return !v || json_is_null(v) || json_is_false(v) || (json_is_array(v) && json_array_size(v) == 0) ||
         (json_is_object(v) && json_object_size(v) == 0);
}

/* Keys of other programs, of older documentation, or in the wrong place: what is meant. */
static const char *hint_of(const char *name) {
  static const struct {
    const char *name, *hint;
  } known[] = {{"ccd", ", so perhaps 'ccd_codes'"},
               {"use_msas", "; it belongs to the query, beside 'chains'"},
               {"use_main_msas", "; it belongs to the query, beside 'chains'"},
               {"use_paired_msas", "; it belongs to the query, beside 'chains'"},
               {"num_seeds", "; --num-model-seeds says how many seeds there are"},
               {"ccd_file_path", "; --ccd and --user-ccd name files of components"}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(known[i].name, name) == 0) return known[i].hint;
  return "";
}

static of3_status unknown_key(const char *name, const of3_json_key *table, int n, of3_error *err) {
  of3_str list = {0};
  for (int i = 0; i < n; i++) of3_str_addf(&list, "%s%s", i ? ", " : "", table[i].name);
  of3_status st = list.failed ? of3_fail_memory(err, "a message")
                              : of3_fail(err, OF3_ERR_INPUT, "unknown key '%.60s'; the keys are %s%s", name,
                                         list.text, hint_of(name));
  of3_str_free(&list);
  return st;
}

of3_status of3_json_check_keys(json_t *object, const of3_json_key *table, int n, of3_error *err) {
  const char *name;
  json_t *value;
  json_object_foreach(object, name, value) {
    int i = 0;
    while (i < n && strcmp(table[i].name, name) != 0) i++;
    if (i == n) return unknown_key(name, table, n, err);
    if (table[i].later && !of3_json_is_empty(value))
      return of3_fail(err, OF3_ERR_UNSUPPORTED,
                      "the key '%s' asks for %s, which this version of of3 does not serve", name,
                      table[i].later);
  }
  return OF3_OK;
}

const char *of3_json_type_name(const json_t *v) {
  static const char *const names[] = {"an object",     "an array", "a string", "an integer",
                                      "a real number", "true",     "false",    "null"};
  return v ? names[json_typeof(v)] : "missing";
}

of3_status of3_json_wrong_type(const char *name, const char *expected, const json_t *v, of3_error *err) {
  return of3_fail(err, OF3_ERR_INPUT, "'%s' must be %s; it is %s", name, expected, of3_json_type_name(v));
}

of3_status of3_json_bool(json_t *object, const char *name, bool *out, of3_error *err) {
  const json_t *v = json_object_get(object, name);
  if (!v) return OF3_OK;
  if (!json_is_boolean(v)) return of3_json_wrong_type(name, "true or false", v, err);
  *out = json_is_true(v);
  return OF3_OK;
}

of3_status of3_json_strings(const of3_json_reader *r, const json_t *v, const char *name,
                            const char ***ret_text, int *ret_n, of3_error *err) {
  bool list = json_is_array(v);
  size_t n = list ? json_array_size(v) : 1;
  if (n == 0) return of3_fail(err, OF3_ERR_INPUT, "'%s' is an empty list", name);
  if (n > OF3_MAX_CHAINS)
    return of3_fail(err, OF3_ERR_INPUT, "'%s' has %zu entries; at most %d are allowed", name, n,
                    OF3_MAX_CHAINS);
  const char **text = OF3_ARENA_NEW(r->arena, const char *, n);
  if (!text) return of3_fail_memory(err, name);
  for (size_t i = 0; i < n; i++) {
    const json_t *s = list ? json_array_get(v, i) : v;
    if (!json_is_string(s))
      return of3_json_wrong_type(name, list ? "a list of strings" : "a string or a list of strings", s, err);
    text[i] = of3_arena_strdup(r->arena, json_string_value(s));
    if (!text[i]) return of3_fail_memory(err, name);
  }
  *ret_text = text;
  *ret_n = (int)n;
  return OF3_OK;
}

of3_status of3_json_find(const of3_json_reader *r, const char *name, const char **path, of3_error *err) {
  if (!**path) return of3_fail(err, OF3_ERR_INPUT, "'%s' names a file without a name", name);
  char *beside = of3_path_join(r->arena, r->folder, *path);
  if (!beside) return of3_fail_memory(err, *path);
  if (of3_path_kind(beside)) *path = beside;
  const char *kind = of3_path_kind(*path);
  if (!kind)
    return of3_fail(err, OF3_ERR_INPUT,
                    "'%s' names '%.300s', which exists neither beside the query file nor in the working "
                    "directory",
                    name, *path);
  if (!of3_is_file(*path) && !of3_is_folder(*path))
    return of3_fail(err, OF3_ERR_INPUT, "'%s' names '%.300s', which is %s; files and folders are read", name,
                    *path, kind);
  return OF3_OK;
}
