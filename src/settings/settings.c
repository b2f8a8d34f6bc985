#include "settings/settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/number.h"
#include "base/python_random.h"
#include "base/str.h"
#include "dialect/yaml.h"
#include "feat/variant.h"
#include "settings/table.h"
#include "settings/value.h"

enum { MOST_PATH = 256, MOST_FILES = 4 };

typedef struct reading {
  const of3_log *log;
  of3_arena *arena;
  json_t *top;
  of3_yaml_lines lines;
  of3_raw_settings out;
} reading;

of3_settings of3_settings_defaults(void) {
  return (of3_settings){
      .samples = -1,
      .recycles = -1,
      .steps = -1,
      .noise_scale = -1,
      .step_scale = -1,
      .templates = {.slots = 4,
                    .least_tokens = -1,
                    .most_read = 200,
                    .most_kept = 20,
                    .most_identity = -1,
                    .least_coverage = -1,
                    .least_length = -1,
                    .least_direct_score = 0.1},
      .server = {.npz = true,
                 .save_mappings = true,
                 .clean_up = true,
                 .save_alignments = true,
                 .save_answers = true},
      .pocket = of3_pocket_defaults(),
      .differences = "",
  };
}

/* ---- Files into one tree */

/* What `base` has and `top` has not enters top; mappings that both have are merged. */
static of3_status merge_below(reading *r, json_t *top, json_t *base, int depth, of3_error *err) {
  const char *key;
  json_t *value;
  if (depth > OF3_JSON_DEPTH)
    return of3_fail(err, OF3_ERR_INPUT, "settings are nested more than %d levels deep", OF3_JSON_DEPTH);
  json_object_foreach(base, key, value) {
    json_t *own = json_object_get(top, key);
    if (json_is_object(own) && json_is_object(value)) OF3_TRY(merge_below(r, own, value, depth + 1, err));
    if (own) continue;
    if (json_object_set(top, key, value) != 0) return of3_fail_memory(err, "the settings");
    const of3_yaml_line *line = of3_yaml_line_of(&r->lines, base, key);
    if (line) OF3_TRY(of3_yaml_lines_add(&r->lines, top, key, line->file, line->line, err));
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

static of3_status read_tree(reading *r, const of3_settings_file *f, json_t **ret_tree, of3_error *err) {
  const of3_query_source source = {f->text, f->size, f->path, "", of3_arena_room(r->arena)};
  size_t need = 0;
  if (!has_content(f->text)) {
    *ret_tree = json_object();
    return *ret_tree ? OF3_OK : of3_fail_memory(err, f->path);
  }
  OF3_TRY(of3_yaml_parse(&source, &r->lines, ret_tree, &need, err));
  if (json_is_null(*ret_tree)) {
    *ret_tree = json_object();
    return *ret_tree ? OF3_OK : of3_fail_memory(err, f->path);
  }
  if (json_is_object(*ret_tree)) return OF3_OK;
  json_decref(*ret_tree);
  *ret_tree = NULL;
  return of3_fail(err, OF3_ERR_INPUT, "'%s' holds no settings: a mapping of sections was expected", f->path);
}

/* ---- The tree into settings */

/* "'FILE', line 3: PATH: " before what is said. */
static of3_status blame(const reading *r, const json_t *mapping, const char *key, const char *path,
                        of3_error *err) {
  if (!err) return OF3_ERR_INPUT;
  const of3_yaml_line *l = of3_yaml_line_of(&r->lines, mapping, key);
  if (!l) return of3_prefix(err, "%s", path);
  return of3_prefix(err, "'%s', line %zu: %s", l->file, l->line, path);
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

/* "above.key", cut where it is longer than any that is known: false. */
static bool join_path(const char *above, const char *key, char path[MOST_PATH]) {
  const int n = of3_format(path, MOST_PATH, "%s%s%s", above, *above ? "." : "", key);
  return n > 0 && n < MOST_PATH;
}

/* Every key is one that the table has. */
static of3_status check_keys(const reading *r, const char *above, json_t *mapping, of3_error *err) {
  const char *key;
  json_t *value;
  json_object_foreach(mapping, key, value) {
    char path[MOST_PATH];
    const bool known = join_path(above, key, path) && !strchr(key, '.');
    if (known && of3_setting_is_section(path)) {
      if (json_is_object(value))
        OF3_TRY(check_keys(r, path, value, err));
      else if (!json_is_null(value)) {
        of3_fail(err, OF3_ERR_INPUT, "a section was expected, a mapping of keys");
        return blame(r, mapping, key, path, err);
      }
      continue;
    }
    const of3_setting *s = known ? of3_setting_find(path) : NULL;
    if (s && s->kind == OF3_SETTING_REFUSED && !json_is_null(value)) {
      of3_fail(err, OF3_ERR_UNSUPPORTED, "of3 does not have this setting: %s", s->why);
      return blame(r, mapping, key, path, err);
    }
    if (s) continue;
    of3_fail(err, OF3_ERR_INPUT, "this key is unknown; docs/settings.md lists those that there are");
    return blame(r, mapping, key, path, err);
  }
  return OF3_OK;
}

static of3_status put_all(reading *r, of3_str *differences, of3_error *err) {
  for (int i = 0; i < of3_settings_n; i++) {
    const of3_setting *s = &of3_settings_table[i];
    char key[MOST_PATH];
    json_t *mapping = NULL, *value = find_value(r->top, s->path, &mapping, key);
    if (!value || (json_is_object(value) && of3_setting_is_section(s->path))) continue;
    if (of3_setting_put(s, value, r->log, r->arena, &r->out, err) != OF3_OK)
      return blame(r, mapping, key, s->path, err);
    if (!s->decides || json_is_null(value)) continue;
    char *text = of3_json_dump(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
    if (!text) return of3_fail_memory(err, "the settings");
    of3_str_addf(differences, "%s=", s->path);
    of3_str_add(differences, text);
    of3_str_add(differences, "\n");
    free(text);
  }
  return OF3_OK;
}

/* ---- What several keys say together */

static of3_status choose_seeds(reading *r, of3_error *err) {
  of3_raw_settings *o = &r->out;
  if (o->has_first_seed && !o->num_seeds)
    return of3_fail(
        err, OF3_ERR_INPUT,
        "experiment_settings.seeds is one number, from which num_seeds are to be made, and num_seeds "
        "is missing; give it, or a list of seeds");
  if (!o->has_first_seed && o->num_seeds)
    return of3_fail(err, OF3_ERR_INPUT,
                    "experiment_settings.num_seeds are made of seeds, which must then be one number");
  if (!o->has_first_seed) return OF3_OK;
  uint64_t *seed = OF3_ARENA_NEW(r->arena, uint64_t, o->num_seeds);
  if (!seed) return of3_fail_memory(err, "the seeds");
  of3_python_random g;
  of3_python_seed(&g, o->first_seed);
  for (int i = 0; i < o->num_seeds; i++) seed[i] = of3_python_randint(&g, UINT32_MAX);
  o->s.seeds = seed;
  o->s.n_seed = o->num_seeds;
  return OF3_OK;
}

static const char *confidences_of(const of3_raw_settings *o) {
  const bool npz = o->confidence_format && strcmp(o->confidence_format, "npz") == 0;
  if (o->write_confidences == OF3_NO) return "none";
  if (npz) return o->confidence_type && strcmp(o->confidence_type, "float32") == 0 ? "npz32" : "npz";
  return o->confidence_format || o->write_confidences ? "json" : NULL;
}

static const char *dtype_of(const char *precision) {
  return !precision                         ? NULL
         : strncmp(precision, "32", 2) == 0 ? "f32"
         : strncmp(precision, "bf", 2) == 0 ? "bf16"
                                            : "f16";
}

static const char *backend_of(const char *accelerator) {
  return !accelerator                      ? NULL
         : strcmp(accelerator, "cpu") == 0 ? "cpu"
         : strcmp(accelerator, "mps") == 0 ? "mlx"
                                           : "auto";
}

static const char *template_folder(const reading *r, const char *own, const char *name) {
  if (own || !r->out.template_folder) return own;
  return of3_arena_printf(r->arena, "%s/%s", r->out.template_folder, name);
}

static of3_status conclude(reading *r, const of3_str *differences, of3_settings *out, of3_error *err) {
  of3_raw_settings *o = &r->out;
  OF3_TRY(choose_seeds(r, err));
  o->s.confidences = confidences_of(o);
  o->s.dtype = dtype_of(o->precision);
  o->s.backend = backend_of(o->accelerator);
  o->s.templates.structures = template_folder(r, o->s.templates.structures, "template_structures");
  o->s.templates.cache = template_folder(r, o->s.templates.cache, "template_cache");
  o->s.server.npz = !o->msa_format || strcmp(o->msa_format, "npz") == 0;
  o->s.server.save_mappings = o->save_mappings != OF3_NO;
  o->s.server.clean_up = o->clean_up != OF3_NO;
  o->s.server.save_alignments = o->save_alignments != OF3_NO;
  o->s.server.save_answers = o->save_answers != OF3_NO;
  o->s.pocket.enabled = o->pocket != OF3_NO;
  o->s.differences = of3_arena_strdup(r->arena, differences->len ? differences->text : "");
  if (differences->failed || !o->s.differences) return of3_fail_memory(err, "the settings");
  *out = o->s;
  return OF3_OK;
}

static of3_status read_settings(reading *r, const of3_settings_file *file, int n, of3_settings *out,
                                of3_error *err) {
  of3_str differences = {0};
  of3_status st = OF3_OK;
  for (int i = n; st == OF3_OK && i-- > 0;) {
    json_t *tree = NULL;
    st = read_tree(r, &file[i], &tree, err);
    if (st == OF3_OK && r->top)
      st = merge_below(r, r->top, tree, 0, err);
    else if (st == OF3_OK)
      r->top = json_incref(tree);
    json_decref(tree);
  }
  if (st == OF3_OK) st = check_keys(r, "", r->top, err);
  if (st == OF3_OK) st = put_all(r, &differences, err);
  if (st == OF3_OK) st = conclude(r, &differences, out, err);
  of3_str_free(&differences);
  return st;
}

of3_status of3_settings_parse(const of3_settings_file *file, int n, const of3_log *log, of3_arena *arena,
                              of3_settings *out, of3_error *err) {
  reading r = {.log = log, .arena = arena, .out = {.s = of3_settings_defaults()}};
  *out = r.out.s;
  if (n == 0) return OF3_OK;
  const of3_status st = read_settings(&r, file, n, out, err);
  of3_yaml_lines_free(&r.lines);
  json_decref(r.top);
  return st;
}
