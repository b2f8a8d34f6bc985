#define _POSIX_C_SOURCE 200809L
/* libyaml's events, one after the other, become values of Jansson. Open sequences and mappings are a stack; a
 * value that is complete goes into the one on top of it. */
#include "dialect/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/json.h"

enum {
  MOST_VALUES = 100000,
  MOST_ANCHORS = 100,
  MOST_ANCHOR_NAME = 64,
  BYTES_OF_A_VALUE = 400 /* with its place in a list or object, rounded up (base/json.c) */
};

typedef struct yaml_open {
  json_t *value;     /* a list or an object */
  char *opt_key;     /* of an object, whose value comes next */
  json_t *opt_merge; /* the value of "<<", of which those keys count that the mapping itself has not */
  int anchor;        /* of the value, or -1 */
  int first_value;   /* how many there were before it */
} yaml_open;

typedef struct yaml_anchor {
  char name[MOST_ANCHOR_NAME];
  json_t *opt_value; /* NULL while it is open */
  int n_value;       /* in it, itself included */
} yaml_anchor;

typedef struct yaml_reader {
  const of3_query_source *source;
  of3_yaml_lines *opt_lines;
  yaml_parser_t parser;
  yaml_event_t event;
  int depth, n_anchor, n_value;
  yaml_open open[OF3_JSON_DEPTH];
  yaml_anchor anchor[MOST_ANCHORS];
  size_t bytes;
  json_t *top; /* owned, when it is complete */
} yaml_reader;

/* "'FILE', line 3: " before what is said. */
static of3_status yaml_where(const yaml_reader *r, of3_error *err) {
  if (!err) return OF3_ERR_INPUT;
  return of3_prefix(err, "'%s', line %zu", r->source->file, r->event.start_mark.line + 1);
}
#define YAML_FAIL(...) (of3_fail(err, OF3_ERR_INPUT, __VA_ARGS__), yaml_where(r, err))

static of3_status yaml_syntax(const yaml_reader *r, of3_error *err) {
  const yaml_parser_t *p = &r->parser;
  if (p->error == YAML_MEMORY_ERROR) return of3_fail_memory(err, r->source->file);
  return of3_fail(err, OF3_ERR_INPUT, "'%s', line %zu, column %zu: %s", r->source->file,
                  p->problem_mark.line + 1, p->problem_mark.column + 1,
                  p->problem ? p->problem : "this is no YAML");
}

/* Counts values that come of the file, before memory is taken for them. */
static of3_status yaml_count(yaml_reader *r, int n, size_t bytes, of3_error *err) {
  if (n > MOST_VALUES - r->n_value)
    return YAML_FAIL("more than %d values come of the file, those of its aliases counted; split it",
                     MOST_VALUES);
  r->n_value += n;
  r->bytes += bytes + BYTES_OF_A_VALUE;
  if (r->bytes > r->source->most_memory) return of3_fail_memory(err, r->source->file);
  return OF3_OK;
}

/* ---- Anchors */

static of3_status yaml_begin_anchor(yaml_reader *r, const yaml_char_t *name, int *ret_anchor,
                                    of3_error *err) {
  *ret_anchor = -1;
  if (!name) return OF3_OK;
  if (r->n_anchor == MOST_ANCHORS) return YAML_FAIL("the file has more than %d anchors", MOST_ANCHORS);
  if (strlen((const char *)name) >= MOST_ANCHOR_NAME)
    return YAML_FAIL("an anchor's name has more than %d bytes", MOST_ANCHOR_NAME - 1);
  yaml_anchor *a = &r->anchor[ *ret_anchor = r->n_anchor++];
  *a = (yaml_anchor){0};
  memcpy(a->name, name, strlen((const char *)name));
  return OF3_OK;
}

static void yaml_end_anchor(yaml_reader *r, int anchor, json_t *value, int n_value) {
  if (anchor < 0) return;
  r->anchor[anchor].opt_value = json_incref(value);
  r->anchor[anchor].n_value = n_value;
}

/* Of several anchors of one name the last one counts. */
static of3_status yaml_alias(yaml_reader *r, json_t **ret_value, of3_error *err) {
  const char *name = (const char *)r->event.data.alias.anchor;
  int k = r->n_anchor;
  while (k > 0 && strcmp(r->anchor[k - 1].name, name) != 0) k--;
  if (k == 0) return YAML_FAIL("the alias '*%.60s' has no anchor before it", name);
  if (!r->anchor[k - 1].opt_value) return YAML_FAIL("the alias '*%.60s' stands in what it names", name);
  OF3_TRY(yaml_count(r, r->anchor[k - 1].n_value, 0, err));
  *ret_value = json_incref(r->anchor[k - 1].opt_value);
  return OF3_OK;
}

/* ---- Lines */

void of3_yaml_lines_free(of3_yaml_lines *lines) {
  free(lines->line);
  *lines = (of3_yaml_lines){0};
}

const of3_yaml_line *of3_yaml_line_of(const of3_yaml_lines *lines, const json_t *mapping, const char *key) {
  for (int i = 0; i < lines->n; i++)
    if (lines->line[i].mapping == mapping && strcmp(lines->line[i].key, key) == 0) return &lines->line[i];
  return NULL;
}

of3_status of3_yaml_lines_add(of3_yaml_lines *l, json_t *mapping, const char *key, const char *file,
                              size_t line, of3_error *err) {
  if (l->n == l->room) {
    const int room = 2 * l->room + 64;
    of3_yaml_line *more = realloc(l->line, (size_t)room * sizeof *more);
    if (!more) return of3_fail_memory(err, file);
    l->line = more;
    l->room = room;
  }
  const char *kept = json_object_iter_key(json_object_iter_at(mapping, key));
  l->line[l->n++] = (of3_yaml_line){mapping, kept, file, line};
  return OF3_OK;
}

/* The event at hand is the value of a key that the mapping has by now. */
static of3_status yaml_note_line(yaml_reader *r, json_t *mapping, const char *key, of3_error *err) {
  if (!r->opt_lines) return OF3_OK;
  return of3_yaml_lines_add(r->opt_lines, mapping, key, r->source->file, r->event.start_mark.line + 1, err);
}

/* ---- Values */

/* Adds what the mapping `from` has and `into` has not. */
static of3_status yaml_merge_one(yaml_reader *r, json_t *into, json_t *from, of3_error *err) {
  const char *key;
  json_t *value;
  if (!json_is_object(from)) return YAML_FAIL("'<<' merges mappings; another value was found");
  OF3_TRY(yaml_count(r, (int)json_object_size(from), json_object_size(from) * BYTES_OF_A_VALUE, err));
  json_object_foreach(from, key, value) {
    if (json_object_get(into, key)) continue;
    if (json_object_set(into, key, value) != 0) return of3_fail_memory(err, r->source->file);
    OF3_TRY(yaml_note_line(r, into, key, err));
  }
  return OF3_OK;
}

static of3_status yaml_merge(yaml_reader *r, json_t *into, json_t *value, of3_error *err) {
  if (!json_is_array(value)) return yaml_merge_one(r, into, value, err);
  for (size_t i = 0; i < json_array_size(value); i++)
    OF3_TRY(yaml_merge_one(r, into, json_array_get(value, i), err));
  return OF3_OK;
}

static of3_status yaml_key(const yaml_reader *r, yaml_open *o, const json_t *value, of3_error *err) {
  if (!json_is_string(value)) return YAML_FAIL("a key is no text");
  if (json_object_get(o->value, json_string_value(value)))
    return YAML_FAIL("the key '%.60s' is given twice", json_string_value(value));
  o->opt_key = strdup(json_string_value(value));
  return o->opt_key ? OF3_OK : of3_fail_memory(err, r->source->file);
}

static of3_status yaml_member(yaml_reader *r, yaml_open *o, json_t *value, of3_error *err) {
  of3_status st = OF3_OK;
  if (strcmp(o->opt_key, "<<") != 0) {
    if (json_object_set(o->value, o->opt_key, value) != 0) st = of3_fail_memory(err, r->source->file);
    if (st == OF3_OK) st = yaml_note_line(r, o->value, o->opt_key, err);
  } else if (o->opt_merge)
    st = YAML_FAIL("the key '<<' is given twice");
  else
    o->opt_merge = json_incref(value);
  free(o->opt_key);
  o->opt_key = NULL;
  return st;
}

/* A complete value, which is taken over. */
static of3_status yaml_put(yaml_reader *r, json_t *value, of3_error *err) {
  if (!value) return of3_fail_memory(err, r->source->file);
  if (r->depth == 0) {
    r->top = value;
    return OF3_OK;
  }
  yaml_open *o = &r->open[r->depth - 1];
  if (json_is_object(o->value)) {
    const of3_status st = o->opt_key ? yaml_member(r, o, value, err) : yaml_key(r, o, value, err);
    json_decref(value);
    return st;
  }
  if (json_array_append_new(o->value, value) == 0) return OF3_OK;
  return of3_fail_memory(err, r->source->file);
}

static bool yaml_is_plain_tag(const yaml_char_t *tag) {
  static const char *const tags[] = {"str", "int", "float", "bool", "null", "seq", "map"};
  static const char prefix[] = "tag:yaml.org,2002:";
  const char *text = (const char *)tag;
  if (!text || strcmp(text, "!") == 0) return true;
  if (strncmp(text, prefix, sizeof prefix - 1) != 0) return false;
  for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
    if (strcmp(text + sizeof prefix - 1, tags[i]) == 0) return true;
  return false;
}

static bool yaml_is_null(const yaml_event_t *e) {
  static const char *const words[] = {"", "~", "null", "Null", "NULL"};
  if (e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) return false;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcmp((const char *)e->data.scalar.value, words[i]) == 0) return true;
  return false;
}

static of3_status yaml_scalar(yaml_reader *r, of3_error *err) {
  const yaml_event_t *e = &r->event;
  const char *text = (const char *)e->data.scalar.value;
  int anchor;
  if (memchr(text, 0, e->data.scalar.length)) return YAML_FAIL("a text holds a zero byte");
  if (!yaml_is_plain_tag(e->data.scalar.tag))
    return YAML_FAIL("the tag '%.60s' is not read", (const char *)e->data.scalar.tag);
  OF3_TRY(yaml_count(r, 1, e->data.scalar.length, err));
  OF3_TRY(yaml_begin_anchor(r, e->data.scalar.anchor, &anchor, err));
  const bool key = r->depth && json_is_object(r->open[r->depth - 1].value) && !r->open[r->depth - 1].opt_key;
  json_t *value = yaml_is_null(e) && !key ? json_null() : json_stringn(text, e->data.scalar.length);
  if (value) yaml_end_anchor(r, anchor, value, 1);
  return yaml_put(r, value, err);
}

static of3_status yaml_begin(yaml_reader *r, json_t *value, const yaml_char_t *tag, const yaml_char_t *name,
                             of3_error *err) {
  yaml_open o = {.value = value, .first_value = r->n_value};
  of3_status st = value ? OF3_OK : of3_fail_memory(err, r->source->file);
  if (st == OF3_OK && r->depth == OF3_JSON_DEPTH)
    st = YAML_FAIL("the YAML is nested more than %d levels deep", OF3_JSON_DEPTH);
  if (st == OF3_OK && !yaml_is_plain_tag(tag))
    st = YAML_FAIL("the tag '%.60s' is not read", (const char *)tag);
  if (st == OF3_OK) st = yaml_count(r, 1, 0, err);
  if (st == OF3_OK) st = yaml_begin_anchor(r, name, &o.anchor, err);
  if (st == OF3_OK)
    r->open[r->depth++] = o;
  else
    json_decref(value);
  return st;
}

static of3_status yaml_end(yaml_reader *r, of3_error *err) {
  yaml_open o = r->open[--r->depth];
  const of3_status st = o.opt_merge ? yaml_merge(r, o.value, o.opt_merge, err) : OF3_OK;
  json_decref(o.opt_merge);
  if (st != OF3_OK) {
    json_decref(o.value);
    return st;
  }
  yaml_end_anchor(r, o.anchor, o.value, r->n_value - o.first_value);
  return yaml_put(r, o.value, err);
}

/* ---- Document */

static of3_status yaml_take(yaml_reader *r, of3_error *err) {
  json_t *value = NULL;
  switch (r->event.type) {
  case YAML_DOCUMENT_START_EVENT:
    return r->top ? YAML_FAIL("a second document begins; one was expected") : OF3_OK;
  case YAML_ALIAS_EVENT:
    OF3_TRY(yaml_alias(r, &value, err));
    return yaml_put(r, value, err);
  case YAML_SCALAR_EVENT:
    return yaml_scalar(r, err);
  case YAML_SEQUENCE_START_EVENT:
    return yaml_begin(r, json_array(), r->event.data.sequence_start.tag, r->event.data.sequence_start.anchor,
                      err);
  case YAML_MAPPING_START_EVENT:
    return yaml_begin(r, json_object(), r->event.data.mapping_start.tag, r->event.data.mapping_start.anchor,
                      err);
  case YAML_SEQUENCE_END_EVENT:
  case YAML_MAPPING_END_EVENT:
    return yaml_end(r, err);
  default:
    return OF3_OK;
  }
}

static of3_status yaml_read(yaml_reader *r, of3_error *err) {
  for (bool more = true; more;) {
    if (!yaml_parser_parse(&r->parser, &r->event)) return yaml_syntax(r, err);
    more = r->event.type != YAML_STREAM_END_EVENT;
    const of3_status st = yaml_take(r, err);
    yaml_event_delete(&r->event);
    OF3_TRY(st);
  }
  return r->top ? OF3_OK : of3_fail(err, OF3_ERR_INPUT, "'%s' holds no YAML document", r->source->file);
}

of3_status of3_yaml_parse(const of3_query_source *source, of3_yaml_lines *opt_lines, json_t **ret_top,
                          size_t *ret_need, of3_error *err) {
  yaml_reader *r = calloc(1, sizeof *r);
  if (!r) return of3_fail_memory(err, source->file);
  r->source = source;
  r->opt_lines = opt_lines;
  of3_status st = OF3_OK;
  if (yaml_parser_initialize(&r->parser)) {
    yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r->parser, (const unsigned char *)source->text, source->size);
    st = yaml_read(r, err);
    yaml_parser_delete(&r->parser);
  } else
    st = of3_fail_memory(err, source->file);
  for (int i = 0; i < r->depth; i++) {
    json_decref(r->open[i].value);
    json_decref(r->open[i].opt_merge);
    free(r->open[i].opt_key);
  }
  for (int i = 0; i < r->n_anchor; i++) json_decref(r->anchor[i].opt_value);
  *ret_top = NULL;
  if (st == OF3_OK)
    *ret_top = r->top;
  else
    json_decref(r->top);
  *ret_need = r->bytes;
  free(r);
  return st;
}
