/* Help, made from the table of options. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

enum { COLUMN = 34, WIDTH = 110 };

const char *cli_size(double bytes, char out[CLI_SIZE_TEXT]) {
  static const char *const unit[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  int u = 0;
  while (bytes >= 999.5 && u < 5) {
    bytes /= 1000;
    u++;
  }
  snprintf(out, CLI_SIZE_TEXT, u == 0 || bytes >= 99.95 ? "%.0f %s" : "%.1f %s", bytes, unit[u]);
  return out;
}

const char *cli_list(const char *words, const char *last, char *out, size_t size) {
  size_t n = 0;
  out[0] = 0;
  for (const char *w = words; *w && n + 1 < size;) {
    int len = (int)strcspn(w, " ");
    bool end = w[len] == 0, first = w == words;
    const char *between = first ? "" : end && last ? " " : ", ";
    n += (size_t)snprintf(out + n, size - n, "%s%s%s%.*s", between, !first && end && last ? last : "",
                          !first && end && last ? " " : "", len, w);
    w += len + !end;
  }
  return out;
}

void cli_print_usage(const cli_command *c) {
  fprintf(stderr, "usage: of3 %s %s\n       of3 %s --help describes the options\n", c->name, c->usage,
          c->name);
}

/* Words of text from column `at` on, wrapped at WIDTH, later lines indented to COLUMN. */
static void print_wrapped(const char *text, int at) {
  while (*text) {
    int n = (int)strcspn(text, " ");
    if (at > COLUMN && at + 1 + n > WIDTH) {
      printf("\n%*s", COLUMN, "");
      at = COLUMN;
    }
    at += printf("%s%.*s", at > COLUMN ? " " : "", n, text);
    text += n + (text[n] == ' ');
  }
  putchar('\n');
}

/* "-o, --output-dir, --out FOLDER" */
static int print_names(const cli_option *o) {
  int n = printf("  ");
  if (o->letter) n += printf("-%c, ", o->letter);
  for (const char *w = o->names; *w;) {
    int len = (int)strcspn(w, " ");
    n += printf("%s--%.*s", w == o->names ? "" : ", ", len, w);
    w += len + (w[len] == ' ');
  }
  if (o->value) n += printf(" %s", o->value);
  return n;
}

/* The default as the struct holds it. */
static void default_text(const cli_option *o, const void *options, char *out, size_t size) {
  const void *field = (const char *)options + o->offset;
  const char *none = o->none;
  out[0] = 0;
  switch (o->kind) {
  case CLI_INT:
    if (*(const int *)field || !none)
      snprintf(out, size, "%d", *(const int *)field);
    else
      snprintf(out, size, "%s", none);
    break;
  case CLI_TEXT:
  case CLI_FILE:
  case CLI_CHOICE:
    snprintf(out, size, "%s", *(const char *const *)field ? *(const char *const *)field : none ? none : "");
    break;
  case CLI_REAL:
  case CLI_SEED:
  case CLI_SEEDS:
  case CLI_SIZE:
    snprintf(out, size, "%s", none ? none : "");
    break;
  case CLI_SWITCH:
    snprintf(out, size, *(const bool *)field ? "true" : "false");
    break;
  case CLI_OFF:
    snprintf(out, size, "false");
    break;
  case CLI_FLAG:
  case CLI_REFUSED:
    break;
  }
}

static void print_option(const cli_option *o, const void *options) {
  char value[128], choices[256] = "", text[1024];
  if (o->group) printf("\n%s\n", o->group);
  int at = print_names(o);
  if (at > COLUMN - 2) {
    putchar('\n');
    at = 0;
  }
  printf("%*s", COLUMN - at, "");
  default_text(o, options, value, sizeof value);
  if (o->choices) cli_list(o->choices, "or", choices, sizeof choices);
  snprintf(text, sizeof text, "%s%s%s%s%s%s", o->help, o->choices ? ": " : "", choices, value[0] ? " [" : "",
           value, value[0] ? "]" : "");
  print_wrapped(text, COLUMN);
}

void cli_print_help(const cli_command *c) {
  void *options = calloc(1, c->size);
  if (!options) {
    cli_print_usage(c);
    return;
  }
  c->defaults(options);
  printf("of3 %s %s\n%s\n", c->name, c->usage, c->summary);
  for (int i = 0; i < c->n_option; i++) print_option(&c->option[i], options);
  free(options);
  printf("\nNames may be written with hyphens or underscores, values as --name value or --name=value.\n");
  if (c->more) printf("\n%s", c->more);
}
