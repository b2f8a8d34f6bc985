/* Makes the broken checkpoints of the tests:
 *   edit_checkpoint IN.safetensors OUT.safetensors drop|add|narrow|nan|huge TENSOR */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/safetensors.h"

enum { MOST = 8192 };

static int find(const of3_table *t, const char *name) {
  for (int i = 0; i < t->n; i++)
    if (strcmp(t->entry[i].name, name) == 0) return i;
  return -1;
}

/* Changes the list of n entries; returns the new number, or -1. */
static int edit(of3_entry *e, int n, int at, const char *how, const char *name) {
  static float values[1 << 20];
  if (strcmp(how, "add") == 0) {
    e[n] = e[0];
    e[n].name = name;
    return n + 1;
  }
  if (at < 0) return -1;
  if (strcmp(how, "drop") == 0) {
    memmove(e + at, e + at + 1, (size_t)(n - at - 1) * sizeof *e);
    return n - 1;
  }
  if (strcmp(how, "narrow") == 0) { /* one row less */
    e[at].count -= e[at].count / e[at].shape[0];
    e[at].shape[0]--;
    return n;
  }
  const bool huge = strcmp(how, "huge") == 0; /* a million times as large */
  const float *old = e[at].data;
  if ((!huge && strcmp(how, "nan") != 0) || e[at].dtype != OF3_F32 || e[at].count > 1 << 20) return -1;
  for (int64_t i = 0; i < e[at].count; i++) values[i] = huge ? 1e6f * old[i] : NAN;
  e[at].data = values;
  return n;
}

int main(int argc, char **argv) {
  static of3_entry entry[MOST + 1];
  of3_table t = {0};
  of3_error err = {0};
  if (argc != 5) return 2;
  if (of3_safetensors_open(argv[1], &t, &err) != OF3_OK || t.n > MOST) {
    fprintf(stderr, "edit_checkpoint: %s\n", err.text);
    return 1;
  }
  memcpy(entry, t.entry, (size_t)t.n * sizeof *entry);
  int n = edit(entry, t.n, find(&t, argv[4]), argv[3], argv[4]);
  if (n < 0 || of3_safetensors_write(argv[2], entry, n, NULL, 0, &err) != OF3_OK) {
    fprintf(stderr, "edit_checkpoint: cannot %s '%s': %s\n", argv[3], argv[4], err.text);
    return 1;
  }
  of3_table_close(&t);
  return 0;
}
