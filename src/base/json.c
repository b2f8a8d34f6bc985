#define _POSIX_C_SOURCE 200809L
#include "base/json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/printable.h"
#include "base/utf8.h"

/* Bytes that Jansson 2.14 takes from malloc on a 64-bit machine, rounded up. A table grows by doubling, while
 * the old one is still there: three places for each value. */
enum {
  OBJECT = 240, /* json_object_t, 8 buckets */
  PAIR = 128,   /* of an object: the pair without its key, buckets */
  ARRAY = 144,  /* json_array_t, 8 places */
  PLACE = 24,
  VALUE = 64 /* json_string_t without its text, json_integer_t, json_real_t */
};

/* What stands in a text, counted without building it. */
typedef struct json_census {
  size_t objects, arrays, strings, separators; /* ',' and ':' */
  size_t string_bytes, longest;                /* of strings */
  int depth, deepest;
} json_census;

static void open_value(json_census *c) {
  if (++c->depth > c->deepest) c->deepest = c->depth;
}

/* Skips a string whose first quote is at text[at]; the place behind it. */
static size_t count_string(const char *text, size_t size, size_t at, json_census *c) {
  const size_t begin = ++at;
  while (at < size && text[at] != '"') at += text[at] == '\\' && at + 1 < size ? 2 : 1;
  const size_t n = (at < size ? at : size) - begin;
  c->strings++;
  c->string_bytes += n;
  if (n > c->longest) c->longest = n;
  return at + 1;
}

static json_census take_census(const char *text, size_t size) {
  json_census c = {0};
  for (size_t at = 0; at < size && c.deepest <= OF3_JSON_DEPTH;) {
    switch (text[at]) {
    case '"':
      at = count_string(text, size, at, &c);
      continue;
    case '{':
      c.objects++;
      open_value(&c);
      break;
    case '[':
      c.arrays++;
      open_value(&c);
      break;
    case '}':
    case ']':
      c.depth--;
      break;
    case ',':
    case ':':
      c.separators++;
      break;
    default:
      break;
    }
    at++;
  }
  return c;
}

/* Each ':' ends a key, and each value but the first of an array or object follows a ',' or ':'. A token is
 * held up to three times while it is read. Counts are at most `size`, which is far from overflow. */
static size_t bytes_needed(const json_census *c) {
  return OBJECT * c->objects + ARRAY * c->arrays + (PAIR + VALUE) * c->strings + c->string_bytes +
         (PLACE + VALUE) * (c->separators + c->arrays) + 3 * c->longest;
}

of3_status of3_json_check(const char *text, size_t size, size_t most_memory, size_t *opt_need,
                          of3_error *err) {
  const json_census c = take_census(text, size);
  const size_t need = bytes_needed(&c);
  if (opt_need) *opt_need = need;
  if (c.deepest > OF3_JSON_DEPTH)
    return of3_fail(err, OF3_ERR_INPUT, "the JSON is nested more than %d levels deep", OF3_JSON_DEPTH);
  if (need > most_memory)
    return of3_fail(
        err, OF3_ERR_MEMORY,
        "the JSON takes up to %.1f MB of memory to read, and %.1f MB may be used; split it, or allow "
        "more memory",
        (double)need * 1e-6, (double)most_memory * 1e-6);
  return OF3_OK;
}

json_t *of3_json_load(const char *text, size_t size, json_error_t *error) {
  of3_locale locale = of3_locale_enter();
  json_t *value = json_loadb(text, size, JSON_REJECT_DUPLICATES, error);
  of3_locale_leave(locale);
  return value;
}

json_t *of3_json_text(const char *text) {
  json_t *value = json_string(text);
  if (value) return value;
  of3_str clean = {0}; /* or memory is out */
  of3_str_add_printable(&clean, text);
  if (!clean.failed && clean.text) value = json_string(clean.text);
  of3_str_free(&clean);
  return value;
}

/* Of the characters that Jansson writes as they are, those that of3_printable would not, as JSON escapes
 * them. In a text without control characters of its own these stand in strings only, and none is beyond
 * U+FFFF. */
static char *escape_unprintable(char *text) {
  of3_str out = {0};
  for (const char *p = text; *p && !out.failed;) {
    char shown[32];
    uint32_t code = 0;
    const size_t n = *p == '\n' ? 1 : of3_utf8_next(p, strnlen(p, 4), &code);
    char one[5] = {0};
    memcpy(one, p, n);
    of3_printable(one, shown, sizeof shown);
    if (*p == '\n' || strcmp(one, shown) == 0)
      of3_str_addn(&out, p, n);
    else
      of3_str_addf(&out, "\\u%04x", (unsigned)code);
    p += n;
  }
  free(text);
  if (out.failed) of3_str_free(&out);
  return out.text;
}

static bool is_ascii(const char *text) {
  for (; *text; text++)
    if ((unsigned char)*text >= 0x7f) return false;
  return true;
}

char *of3_json_dump(const json_t *value, size_t flags) {
  of3_locale locale = of3_locale_enter();
  char *text = json_dumps(value, flags);
  of3_locale_leave(locale);
  return text && !is_ascii(text) ? escape_unprintable(text) : text;
}
