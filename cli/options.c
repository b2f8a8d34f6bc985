#define _POSIX_C_SOURCE 200809L
#include "options.h"
#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST_OPTIONS = 64 };

typedef struct parser {
  const cli_command *command;
  void *options;
  bool given[MOST_OPTIONS]; /* by index of the option */
  char name[64];            /* of the option at hand, as the user wrote it */
} parser;

bool cli_fail(const cli_command *command, const char *fmt, ...) {
  va_list ap;
  char text[1024];
  fprintf(stderr, "of3 %s: ", command->name);
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  cli_put(stderr, text);
  fputc('\n', stderr);
  cli_print_usage(command);
  return false;
}

#define fail(p, ...) cli_fail((p)->command, __VA_ARGS__)

/* ---- Names */

/* Whether one word of a list with blanks equals text[n], '_' standing for '-'. */
static bool in_list(const char *list, const char *text, size_t n) {
  for (const char *w = list; w && *w;) {
    size_t len = strcspn(w, " "), i = 0;
    while (i < n && i < len && (w[i] == text[i] || (w[i] == '-' && text[i] == '_'))) i++;
    if (len == n && i == n) return true;
    w += len + (w[len] == ' ');
  }
  return false;
}

static int find_long(const cli_command *c, const char *text, size_t n) {
  for (int i = 0; i < c->n_option; i++)
    if (in_list(c->option[i].names, text, n)) return i;
  return -1;
}

static int find_letter(const cli_command *c, char letter) {
  for (int i = 0; i < c->n_option; i++)
    if (c->option[i].letter && c->option[i].letter == letter) return i;
  return -1;
}

static int first_name(const cli_option *o) { return (int)strcspn(o->names, " "); }

/* ---- Values */

static bool options_whole_number(const char *text, uint64_t most, uint64_t *out) {
  char *end;
  if (!isdigit((unsigned char)text[0])) return false;
  errno = 0;
  unsigned long long v = strtoull(text, &end, 10);
  *out = v;
  return *end == 0 && errno == 0 && v <= most;
}

static bool parse_int(const parser *p, const cli_option *o, const char *text, int *out) {
  uint64_t v;
  if (!options_whole_number(text, (uint64_t)o->high, &v) || v < (uint64_t)o->low)
    return fail(p, "%s takes a whole number from %d to %d, not '%.100s'", p->name, o->low, o->high, text);
  *out = (int)v;
  return true;
}

static bool parse_real(const parser *p, const cli_option *o, const char *text, double *out) {
  char *end = NULL;
  double v = isdigit((unsigned char)text[0]) || text[0] == '.' ? strtod(text, &end) : 0;
  if (!end || *end || strpbrk(text, "xX") || !(v >= o->low && v <= o->high))
    return fail(p, "%s takes a number from %d to %d, not '%.100s'", p->name, o->low, o->high, text);
  *out = v;
  return true;
}

static bool parse_seed(const parser *p, const char *text, uint64_t *out) {
  if (options_whole_number(text, INT64_MAX, out)) return true;
  return fail(p, "%s takes whole numbers from 0 to 2^63 - 1, not '%.100s'", p->name, text);
}

static bool parse_seeds(const parser *p, const char *text, cli_seeds *out) {
  char word[32];
  out->n = 0;
  for (const char *at = text;; at++) {
    size_t n = strcspn(at, ",");
    snprintf(word, sizeof word, "%.*s", (int)(n < sizeof word ? n : sizeof word - 1), at);
    if (out->n == CLI_MOST_SEEDS) return fail(p, "%s takes at most %d seeds", p->name, CLI_MOST_SEEDS);
    if (!parse_seed(p, word, &out->seed[out->n])) return false;
    for (int i = 0; i < out->n; i++)
      if (out->seed[i] == out->seed[out->n]) return fail(p, "%s names the seed %s twice", p->name, word);
    out->n++;
    at += n;
    if (!*at) return true;
  }
}

/* A number and a unit. Decimal prefixes are powers of 1000, those with an i powers of 1024. */
static bool parse_size(const parser *p, const char *text, uint64_t *out) {
  static const struct {
    const char *unit;
    double bytes;
  } units[] = {{"", 1},
               {"B", 1},
               {"K", 1e3},
               {"KB", 1e3},
               {"KIB", 1024},
               {"M", 1e6},
               {"MB", 1e6},
               {"MIB", 1048576},
               {"G", 1e9},
               {"GB", 1e9},
               {"GIB", 1073741824},
               {"T", 1e12},
               {"TB", 1e12},
               {"TIB", 1099511627776}};
  char *end = NULL, unit[5] = "";
  double v = isdigit((unsigned char)text[0]) ? strtod(text, &end) : 0;
  if (end && *end == ' ') end++;
  for (size_t i = 0; end && end[i] && i + 1 < sizeof unit; i++)
    unit[i] = (char)toupper((unsigned char)end[i]);
  for (size_t i = 0; end && strlen(end) < sizeof unit && i < sizeof units / sizeof *units; i++)
    if (strcmp(unit, units[i].unit) == 0 && v * units[i].bytes >= 1 && v * units[i].bytes < 1e18) {
      *out = (uint64_t)(v * units[i].bytes);
      return true;
    }
  return fail(p, "%s takes a size such as 8GB, 512MiB or a number of bytes, not '%.100s'", p->name, text);
}

static bool parse_file(const parser *p, const char *text, const char **out) {
  struct stat st;
  if (stat(text, &st) != 0)
    return fail(p, "%s names '%.300s', which cannot be opened: %s", p->name, text, strerror(errno));
  *out = text;
  return true;
}

static bool parse_choice(const parser *p, const cli_option *o, const char *text, const char **out) {
  *out = text;
  if (in_list(o->choices, text, strlen(text))) return true;
  char list[256];
  return fail(p, "%s takes %s, not '%.100s'", p->name, cli_list(o->choices, "or", list, sizeof list), text);
}

static bool parse_switch(const parser *p, const char *text, bool *out) {
  char lower[8] = "";
  for (size_t i = 0; text[i] && i + 1 < sizeof lower; i++) lower[i] = (char)tolower((unsigned char)text[i]);
  *out = strlen(text) < sizeof lower && in_list("true t yes y 1 on", lower, strlen(lower));
  if (*out || (strlen(text) < sizeof lower && in_list("false f no n 0 off", lower, strlen(lower))))
    return true;
  return fail(p, "%s takes true or false, not '%.100s'", p->name, text);
}

static bool parse_off(const parser *p, const cli_option *o, const char *text) {
  bool on;
  if (!parse_switch(p, text, &on)) return false;
  return !on || fail(p, "%s true is not served by this version of of3: %s", p->name, o->refusal);
}

static bool set(const parser *p, const cli_option *o, const char *text) {
  void *field = (char *)p->options + o->offset;
  switch (o->kind) {
  case CLI_FLAG:
    *(bool *)field = true;
    return true;
  case CLI_TEXT:
    *(const char **)field = text;
    return *text ? true : fail(p, "%s is given an empty value", p->name);
  case CLI_FILE:
    return parse_file(p, text, field);
  case CLI_CHOICE:
    return parse_choice(p, o, text, field);
  case CLI_INT:
    return parse_int(p, o, text, field);
  case CLI_REAL:
    return parse_real(p, o, text, field);
  case CLI_SEED:
    return parse_seed(p, text, field);
  case CLI_SEEDS:
    return parse_seeds(p, text, field);
  case CLI_SIZE:
    return parse_size(p, text, field);
  case CLI_SWITCH:
    return parse_switch(p, text, field);
  case CLI_OFF:
    return parse_off(p, o, text);
  case CLI_REFUSED:
    break;
  }
  return fail(p, "%s is not served by this version of of3: %s", p->name, o->refusal);
}

/* ---- The command line */

/* One option beginning at argv[*at]; moves *at to its last word. */
static bool take_option(parser *p, int argc, char **argv, int *at) {
  const char *word = argv[*at], *value = NULL;
  bool is_long = word[1] == '-';
  size_t n = is_long ? strcspn(word + 2, "=") : 1;
  snprintf(p->name, sizeof p->name, "%.*s", (int)(is_long ? n + 2 : 2), word);
  int i = is_long ? find_long(p->command, word + 2, n) : find_letter(p->command, word[1]);
  if (i < 0) return fail(p, "unknown option '%s'", p->name);
  const cli_option *o = &p->command->option[i];
  if (p->given[i]) return fail(p, "%s is given twice", p->name);
  p->given[i] = true;
  const char *rest = word + (is_long ? 2 : 1) + n;
  if (*rest) value = rest + (*rest == '=');
  if (o->kind == CLI_FLAG && value) return fail(p, "%s takes no value", p->name);
  if (o->kind != CLI_FLAG && !value) {
    if (*at + 1 >= argc) return fail(p, "%s needs a value", p->name);
    value = argv[++*at];
  }
  return set(p, o, value);
}

static bool check_conflicts(const parser *p) {
  const cli_command *c = p->command;
  for (int i = 0; i < c->n_option; i++) {
    const char *other = c->option[i].excludes;
    int k = p->given[i] && other ? find_long(c, other, strlen(other)) : -1;
    if (k >= 0 && p->given[k])
      return fail(p, "--%.*s and --%s cannot be given together", first_name(&c->option[i]),
                  c->option[i].names, other);
  }
  return true;
}

static bool wants_help(int argc, char **argv) {
  for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
  return false;
}

/* Options into the struct, the rest into arg. */
static bool take_words(parser *p, int argc, char **argv, const char **arg, int *ret_n) {
  const cli_command *command = p->command;
  bool ok = true, only_arguments = false;
  memset(p->given, 0, sizeof p->given);
  *ret_n = 0;
  for (int i = 0; ok && i < argc; i++) {
    if (!only_arguments && strcmp(argv[i], "--") == 0)
      only_arguments = true;
    else if (!only_arguments && argv[i][0] == '-' && argv[i][1])
      ok = take_option(p, argc, argv, &i);
    else if (*ret_n < command->most)
      arg[(*ret_n)++] = argv[i];
    else
      ok = fail(p, "'%.100s' is one argument too many", argv[i]);
  }
  ok = ok && check_conflicts(p);
  if (ok && *ret_n < command->least) ok = fail(p, "an argument is missing");
  return ok;
}

cli_outcome cli_parse(const cli_command *command, int argc, char **argv, void *options, const char **arg,
                      int *ret_n) {
  parser p = {.command = command, .options = options};
  *ret_n = 0;
  if (wants_help(argc, argv)) return CLI_HELP;
  command->defaults(options);
  if (!take_words(&p, argc, argv, arg, ret_n)) return CLI_ERROR;
  if (!command->adopt) return CLI_RUN;
  if (!command->adopt(options)) return CLI_FAILED;
  return take_words(&p, argc, argv, arg, ret_n) ? CLI_RUN : CLI_ERROR;
}
