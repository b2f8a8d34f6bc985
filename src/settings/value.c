/* Every scalar of the tree is a text as it was written, or null (dialect/yaml.h). */
#include "settings/value.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

enum { MOST_NAMES = 1000, MOST_SEEDS = 10000 };

typedef struct putting {
  const of3_setting *setting;
  const of3_log *log;
  of3_arena *arena;
  void *field;
} putting;

static bool same_word(const char *a, const char *b, size_t n) {
  size_t i = 0;
  while (i < n && b[i] && tolower((unsigned char)a[i]) == tolower((unsigned char)b[i])) i++;
  return i == n && !b[i];
}

/* The word of a list with blanks that equals text; any_case: whatever its case. Its length or 0. */
static const char *find_word(const char *list, const char *text, bool any_case, size_t *ret_n) {
  for (const char *w = list; *w;) {
    const size_t n = strcspn(w, " ");
    *ret_n = n;
    if (any_case ? same_word(w, text, n) : strlen(text) == n && memcmp(w, text, n) == 0) return w;
    w += n + (w[n] == ' ');
  }
  return NULL;
}

static of3_status expected(const json_t *value, const char *what, of3_error *err) {
  if (json_is_string(value))
    return of3_fail(err, OF3_ERR_INPUT, "%s was expected, not '%.100s'", what, json_string_value(value));
  return of3_fail(err, OF3_ERR_INPUT, "%s was expected, not %s", what,
                  json_is_array(value)    ? "a list"
                  : json_is_object(value) ? "a mapping"
                                          : "null");
}

static of3_status copy_text(const putting *p, const char *text, size_t n, const char **out, of3_error *err) {
  *out = of3_arena_strndup(p->arena, text, n);
  return *out ? OF3_OK : of3_fail_memory(err, p->setting->path);
}

static of3_status put_text(const putting *p, const json_t *value, of3_error *err) {
  const char *text = json_string_value(value);
  if (!text) return expected(value, "a text", err);
  if (!*text) return of3_fail(err, OF3_ERR_INPUT, "a text was expected, not an empty one");
  *(const char **)p->field = NULL;
  if (same_word("none", text, 4) || same_word("null", text, 4)) return OF3_OK;
  return copy_text(p, text, strlen(text), p->field, err);
}

static of3_status read_switch(const json_t *value, of3_choice *out, of3_error *err) {
  const char *text = json_string_value(value);
  size_t n;
  if (text && find_word("true yes on y t 1", text, true, &n))
    *out = OF3_YES;
  else if (text && find_word("false no off n f 0", text, true, &n))
    *out = OF3_NO;
  else
    return expected(value, "true or false", err);
  return OF3_OK;
}

/* Digits, with a sign, and with '_' between them as in YAML. */
static bool read_whole(const char *text, int64_t *out) {
  char digits[24];
  size_t n = 0;
  for (const char *c = text; *c; c++) {
    if (*c == '_' && c > text) continue;
    if (n + 1 == sizeof digits || !(isdigit((unsigned char)*c) || (c == text && (*c == '-' || *c == '+'))))
      return false;
    digits[n++] = *c;
  }
  digits[n] = 0;
  char *end;
  errno = 0;
  *out = strtoll(digits, &end, 10);
  return n > 0 && isdigit((unsigned char)digits[n - 1]) && *end == 0 && errno == 0;
}

static of3_status whole_between(const json_t *value, double low, double high, int64_t *out, of3_error *err) {
  const char *text = json_string_value(value);
  char what[80];
  if (text && read_whole(text, out) && (double)*out >= low && (double)*out <= high) return OF3_OK;
  of3_format(what, sizeof what, "a whole number from %.0f to %.0f", low, high);
  return expected(value, what, err);
}

static of3_status put_real(const putting *p, const json_t *value, of3_error *err) {
  const char *text = json_string_value(value);
  char *end = NULL, what[80];
  const double v = text && *text && !isspace((unsigned char)*text) ? of3_parse_f64(text, &end) : 0;
  if (end && end != text && *end == 0 && !strpbrk(text, "xX") && v >= p->setting->low &&
      v <= p->setting->high) {
    *(double *)p->field = v;
    return OF3_OK;
  }
  of3_format(what, sizeof what, "a number from %g to %g", p->setting->low, p->setting->high);
  return expected(value, what, err);
}

static of3_status put_word(const putting *p, const json_t *value, of3_error *err) {
  const char *text = json_string_value(value), *found;
  char what[120];
  size_t n;
  if (text && (found = find_word(p->setting->values, text, false, &n)))
    return copy_text(p, found, n, p->field, err);
  of3_format(what, sizeof what, "one of %s", p->setting->values);
  return expected(value, what, err);
}

static of3_status name_of(const putting *p, const json_t *value, const char **out, of3_error *err) {
  const char *text = json_string_value(value), *found;
  char what[120] = "a name";
  size_t n = 0;
  if (p->setting->values) of3_format(what, sizeof what, "one of %s", p->setting->values);
  if (!text || !*text) return expected(value, what, err);
  if (!p->setting->values) return copy_text(p, text, strlen(text), out, err);
  found = find_word(p->setting->values, text, true, &n);
  return found ? copy_text(p, found, n, out, err) : expected(value, what, err);
}

/* A list, or a single name. */
static of3_status put_names(const putting *p, const json_t *value, of3_error *err) {
  const bool one = json_is_string(value);
  const size_t n = one ? 1 : json_array_size(value);
  if (!one && !json_is_array(value)) return expected(value, "a list of names", err);
  const char **name = OF3_ARENA_NEW(p->arena, const char *, n);
  if (n > MOST_NAMES) return of3_fail(err, OF3_ERR_INPUT, "at most %d names may be listed", MOST_NAMES);
  if (!name) return of3_fail_memory(err, p->setting->path);
  for (size_t i = 0; i < n; i++) OF3_TRY(name_of(p, one ? value : json_array_get(value, i), &name[i], err));
  *(of3_names *)p->field = (of3_names){true, (int)n, name};
  return OF3_OK;
}

static of3_status put_caps(const putting *p, const json_t *value, of3_msa_settings *out, of3_error *err) {
  enum { MOST_ROWS = 100000000 };
  const size_t n = json_object_size(value);
  if (!json_is_object(value)) return expected(value, "a mapping of file names to numbers of rows", err);
  if (n > MOST_NAMES) return of3_fail(err, OF3_ERR_INPUT, "at most %d files may be listed", MOST_NAMES);
  of3_row_cap *cap = OF3_ARENA_NEW(p->arena, of3_row_cap, n);
  if (!cap) return of3_fail_memory(err, p->setting->path);
  const char *key;
  json_t *rows;
  int at = 0;
  json_object_foreach((json_t *)value, key, rows) {
    int64_t most = 0;
    OF3_TRY(copy_text(p, key, strlen(key), &cap[at].name, err));
    if (whole_between(rows, 1, MOST_ROWS, &most, err) != OF3_OK) return of3_prefix(err, "'%.60s'", key);
    cap[at++].rows = (int)most;
  }
  out->caps_given = true;
  out->n_cap = at;
  out->cap = cap;
  return OF3_OK;
}

static of3_status put_seeds(const putting *p, const json_t *value, of3_raw_settings *out, of3_error *err) {
  int64_t v = 0;
  if (json_is_string(value)) {
    OF3_TRY(whole_between(value, 0, 4294967295.0, &v, err));
    out->first_seed = (uint64_t)v;
    out->has_first_seed = true;
    return OF3_OK;
  }
  const size_t n = json_array_size(value);
  if (!json_is_array(value) || n < 1 || n > MOST_SEEDS)
    return of3_fail(err, OF3_ERR_INPUT, "a list of 1 to %d seeds, or one number, was expected", MOST_SEEDS);
  uint64_t *seed = OF3_ARENA_NEW(p->arena, uint64_t, n);
  if (!seed) return of3_fail_memory(err, p->setting->path);
  for (size_t i = 0; i < n; i++) {
    OF3_TRY(whole_between(json_array_get(value, i), 0, 9.2e18, &v, err));
    seed[i] = (uint64_t)v;
    for (size_t k = 0; k < i; k++)
      if (seed[k] == seed[i])
        return of3_fail(err, OF3_ERR_INPUT, "the seed %lld is listed twice", (long long)v);
  }
  out->s.seeds = seed;
  out->s.n_seed = (int)n;
  return OF3_OK;
}

/* "2021-09-30", alone or with midnight behind it. */
static of3_status put_date(const putting *p, const json_t *value, of3_error *err) {
  enum { LENGTH = 10 };
  static const char form[] = "dddd-dd-dd";
  const char *text = json_string_value(value);
  bool ok = text && strlen(text) >= LENGTH;
  for (int i = 0; ok && i < LENGTH; i++)
    ok = form[i] == 'd' ? isdigit((unsigned char)text[i]) != 0 : text[i] == form[i];
  const char *rest = ok ? text + LENGTH : "";
  if (ok) ok = atoi(text + 5) >= 1 && atoi(text + 5) <= 12 && atoi(text + 8) >= 1 && atoi(text + 8) <= 31;
  if (!ok || (*rest && strspn(rest, "T 0:.Z") != strlen(rest)))
    return expected(value, "a date such as 2021-09-30", err);
  return copy_text(p, text, LENGTH, p->field, err);
}

static of3_status put_presets(const putting *p, const json_t *value, of3_error *err) {
  static const char known[] = "predict low_mem mps pae_enabled";
  if (!json_is_array(value)) return expected(value, "a list of presets", err);
  for (size_t i = 0; i < json_array_size(value); i++) {
    const json_t *v = json_array_get(value, i);
    const char *name = json_string_value(v);
    size_t n;
    if (!name) return expected(v, "the name of a preset", err);
    if (strcmp(name, "train") == 0)
      return of3_fail(err, OF3_ERR_UNSUPPORTED, "the preset train belongs to training; leave it out");
    if (!find_word(known, name, false, &n))
      return of3_fail(err, OF3_ERR_INPUT, "the preset '%.60s' is unknown; there are predict, low_mem and mps",
                      name);
    if (strcmp(name, "predict") != 0)
      of3_logf(p->log, OF3_LOG_INFO,
               "the preset %s changes nothing: of3 takes the memory that there is, or --max-memory", name);
  }
  return OF3_OK;
}

/* A list of one value is that value. */
static of3_status put_only(const putting *p, const json_t *value, of3_error *err) {
  const json_t *v = json_is_array(value) && json_array_size(value) == 1 ? json_array_get(value, 0) : value;
  const char *text = json_string_value(v);
  size_t n;
  of3_choice on = OF3_UNSET;
  if (text && find_word(p->setting->values, text, false, &n)) return OF3_OK;
  const bool is_switch = find_word("true false", p->setting->values, false, &n) != NULL;
  if (is_switch && text && read_switch(v, &on, NULL) == OF3_OK &&
      (on == OF3_YES) == (p->setting->values[0] == 't'))
    return OF3_OK;
  char other[80];
  of3_format(other, sizeof other, "%.60s", text ? text : json_is_object(v) ? "a mapping" : "a list");
  return of3_fail(err, OF3_ERR_UNSUPPORTED, "of3 does not have '%s' here, only %.*s: %s", other,
                  (int)strcspn(p->setting->values, " "), p->setting->values, p->setting->why);
}

of3_status of3_setting_put(const of3_setting *s, const json_t *value, const of3_log *log, of3_arena *arena,
                           void *out, of3_error *err) {
  const putting p = {.setting = s, .log = log, .arena = arena, .field = (char *)out + s->offset};
  int64_t whole = 0;
  if (json_is_null(value)) return OF3_OK;
  switch (s->kind) {
  case OF3_SETTING_TEXT:
    return put_text(&p, value, err);
  case OF3_SETTING_SWITCH:
    return read_switch(value, p.field, err);
  case OF3_SETTING_WHOLE:
    OF3_TRY(whole_between(value, s->low, s->high, &whole, err));
    *(int *)p.field = (int)whole;
    return OF3_OK;
  case OF3_SETTING_COUNT:
    return whole_between(value, s->low, s->high, p.field, err);
  case OF3_SETTING_REAL:
    return put_real(&p, value, err);
  case OF3_SETTING_WORD:
    return put_word(&p, value, err);
  case OF3_SETTING_NAMES:
    return put_names(&p, value, err);
  case OF3_SETTING_CAPS:
    return put_caps(&p, value, &((of3_raw_settings *)out)->s.msa, err);
  case OF3_SETTING_SEEDS:
    return put_seeds(&p, value, out, err);
  case OF3_SETTING_DATE:
    return put_date(&p, value, err);
  case OF3_SETTING_PRESETS:
    return put_presets(&p, value, err);
  case OF3_SETTING_ONLY:
    return put_only(&p, value, err);
  case OF3_SETTING_ASIDE:
    of3_logf(log, OF3_LOG_INFO, "the setting %s is of OpenFold3's own machinery and changes nothing here",
             s->path);
    return OF3_OK;
  case OF3_SETTING_BELOW:
    return OF3_OK;
  case OF3_SETTING_REFUSED:
    break;
  }
  return of3_fail(err, OF3_ERR_UNSUPPORTED, "of3 does not have this setting: %s", s->why);
}
