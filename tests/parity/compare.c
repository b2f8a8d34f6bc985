#include "compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool begins_with(const char *name, const char *prefix) {
  return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* The largest number of a gradient. */
static double largest_gradient(const of3_table *table, const char *prefix) {
  double largest = 0;
  for (int i = 0; i < table->n; i++) {
    const of3_entry *e = &table->entry[i];
    if (!begins_with(e->name, prefix)) continue;
    for (int64_t k = 0; k < e->count; k++) largest = fmax(largest, fabs(entry_value(e, k)));
  }
  return largest;
}

comparison comparison_begin(const of3_table *table) {
  const char *weights = of3_table_meta(table, "weights");
  printf("%-92s %10s %10s %10s\n", "tensor", "max", "rms", "bound");
  return (comparison){.table = table,
                      .seen = calloc((size_t)table->n + 1, sizeof(bool)),
                      .gradient = largest_gradient(table, "grad/"),
                      .activation_gradient = largest_gradient(table, "gradact/"),
                      .kind = {.trained = weights && strstr(weights, "demo"),
                               .many_steps = of3_table_find(table, "out/x_step.100") != NULL}};
}

/* loss/NAME is what out/NAME is multiplied by. */
static bool must_be_compared(const comparison *c, const char *name) {
  char out[320];
  snprintf(out, sizeof out, "out/%s", strchr(name, '/') ? strchr(name, '/') + 1 : name);
  if (begins_with(name, "loss/")) return of3_table_find(c->table, out) != NULL;
  return begins_with(name, "act/") || begins_with(name, "out/") || begins_with(name, "grad/") ||
         begins_with(name, "gradact/");
}

/* Equal template slots are computed once: an entry "..templateN/.." that equals a compared one of another
 * slot is covered. */
static bool equal_slot_was_seen(const comparison *c, const of3_entry *e) {
  const char *slot = strstr(e->name, "/template");
  if (!slot || slot[9] < '0' || slot[9] > '9') return false;
  for (int i = 0; i < c->table->n; i++) {
    const of3_entry *o = &c->table->entry[i];
    size_t head = (size_t)(slot + 9 - e->name);
    bool other_slot =
        c->seen[i] && !strncmp(o->name, e->name, head) && !strcmp(o->name + head + 1, slot + 10);
    if (other_slot && o->count == e->count &&
        !memcmp(o->data, e->data, (size_t)e->count * of3_dtype_size(e->dtype)))
      return true;
  }
  return false;
}

bool comparison_end(comparison *c) {
  int missed = 0;
  for (int i = 0; i < c->table->n; i++)
    if (must_be_compared(c, c->table->entry[i].name) && !c->seen[i] &&
        !equal_slot_was_seen(c, &c->table->entry[i]))
      printf("not compared: %s\n", c->table->entry[i].name), missed++;
  printf("%d tensors compared, %d above their bound, %d not compared\n", c->compared, c->failed, missed);
  free(c->seen);
  c->seen = NULL;
  return c->compared > 0 && !c->failed && !missed;
}

double entry_value(const of3_entry *e, int64_t i) {
  if (e->dtype == OF3_U8) return ((const uint8_t *)e->data)[i];
  return e->dtype == OF3_F64 ? ((const double *)e->data)[i] : (double)((const float *)e->data)[i];
}

void compare_entry(comparison *c, const of3_entry *e, const float *x) {
  /* A gradient may be 0 but for rounding: that of a norm's offset which a softmax takes out again. */
  double worst = 0, largest = 0, d2 = 0, v2 = 0;
  if (begins_with(e->name, "grad/")) largest = 1e-6 * c->gradient;
  if (begins_with(e->name, "gradact/")) largest = 1e-6 * c->activation_gradient;
  bool finite = true;
  for (int64_t i = 0; i < e->count; i++) {
    double want = entry_value(e, i), d = fabs((double)x[i] - want);
    finite = finite && isfinite(x[i]);
    if (d > worst) worst = d;
    if (fabs(want) > largest) largest = fabs(want);
    d2 += d * d;
    v2 += want * want;
  }
  const double max = largest > 0 ? worst / largest : worst, rms = v2 > 0 ? sqrt(d2 / v2) : sqrt(d2);
  compare_number(c, e, finite ? max : HUGE_VAL, rms);
}

void compare_number(comparison *c, const of3_entry *e, double max, double rms) {
  const double bound = bound_of(e->name, &c->kind);
  const bool good = max <= bound;
  printf("%-92s %10.2e %10.2e %10.2e%s\n", e->name, max, rms, bound, good ? "" : "  ABOVE");
  c->compared++;
  c->failed += !good;
  c->seen[e - c->table->entry] = true;
}

static const of3_entry *find(const comparison *c, const char *prefix, const char *name) {
  char full[320];
  snprintf(full, sizeof full, "%s%s", prefix, name);
  return of3_table_find(c->table, full);
}

/* Names that differ between the program and the fixture. */
static const of3_entry *find_alias(const comparison *c, const char *kind, const char *name) {
  char last_cycle[32];
  snprintf(last_cycle, sizeof last_cycle, "cycle%d/z_init", atoi(of3_table_meta(c->table, "cycles")) - 1);
  /* made anew in each cycle; gradients go through the last one */
  if (!strcmp(name, strcmp(kind, "act/") == 0 ? "cycle0/z_init" : last_cycle))
    return find(c, kind, "input_embedder/z_init");
  if (!strcmp(kind, "act/") && !strcmp(name, "confidence/distogram")) return find(c, "out/", "distogram");
  if (!strcmp(kind, "act/") && !strncmp(name, "sample/x_step.", 14)) return find(c, "out/", name + 7);
  return find(c, kind, name);
}

/* A batch [S,..] whose sample s is KIND/confidence/sampleS/NAME. */
static void compare_batch(comparison *c, const char *kind, const char *name, const float *x, int64_t count,
                          int64_t samples) {
  for (int64_t s = 0; s < samples; s++) {
    char prefix[64];
    snprintf(prefix, sizeof prefix, "%sconfidence/sample%lld/", kind, (long long)s);
    const of3_entry *e = find(c, prefix, name);
    if (e && e->count == count / samples) compare_entry(c, e, x + s * e->count);
  }
}

/* Logits of one sample, "sampleS/HEAD", are a part of out/HEAD. Heads over atom slots [N,23,k] are picked by
 * the caller's layout: the fixture has them by atom, [A,k]. */
static void compare_logits(comparison *c, const char *name, const float *x, int64_t count, int rank,
                           const int64_t *shape) {
  int sample = atoi(name + 6);
  const of3_entry *e = find(c, "out/", strchr(name, '/') + 1),
                  *start = of3_table_find(c->table, "feat/start_atom_index");
  const of3_entry *owner = of3_table_find(c->table, "feat/atom_to_token_index");
  if (!e) return;
  int64_t each = e->count / e->shape[0];
  float *all = calloc((size_t)each, sizeof *all);
  if (e->rank == 4)
    memcpy(all, x, (size_t)(count < each ? count : each) * sizeof *all);
  else if (rank == 3 && start && owner)
    for (int64_t a = 0; a < e->shape[1]; a++) {
      int64_t token =
          owner->dtype == OF3_I64 ? ((const int64_t *)owner->data)[a] : ((const int32_t *)owner->data)[a];
      int64_t first = start->dtype == OF3_I64 ? ((const int64_t *)start->data)[token]
                                              : ((const int32_t *)start->data)[token];
      memcpy(all + a * shape[2], x + (token * shape[1] + a - first) * shape[2],
             (size_t)shape[2] * sizeof *all);
    }
  of3_entry part = *e; /* the sample's part, under the name of the whole */
  part.count = each;
  part.data = (const char *)e->data + (size_t)(sample * each) * of3_dtype_size(e->dtype);
  bool seen = false;
  of3_table single = {.n = 1, .entry = &part};
  comparison view = *c;
  view.table = &single;
  view.seen = &seen;
  view.compared = view.failed = 0;
  compare_entry(&view, &part, all);
  c->compared += view.compared;
  c->failed += view.failed;
  c->seen[e - c->table->entry] = true;
  free(all);
}

void compare_trace(comparison *c, const char *name, const float *x, int64_t count, int rank,
                   const int64_t *shape) {
  const of3_entry *e = find_alias(c, "act/", name);
  if (e && e->count == count)
    compare_entry(c, e, x);
  else if (begins_with(name, "confidence/aux_heads."))
    compare_batch(c, "act/", name + 11, x, count, shape[0]);
  else if (begins_with(name, "confidence/sample"))
    compare_logits(c, name + 11, x, count, rank, shape);
}

void compare_trace_gradient(comparison *c, const char *name, const float *x, int64_t count, int64_t samples) {
  const of3_entry *e = find_alias(c, "gradact/", name);
  if (e && e->count == count)
    compare_entry(c, e, x);
  else if (begins_with(name, "confidence/aux_heads."))
    compare_batch(c, "gradact/", name + 11, x, count, samples);
}
