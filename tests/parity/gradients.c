#include "gradients.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool has_gradients(const of3_table *table) { return of3_table_find(table, "loss/x_denoised") != NULL; }

static void fill_gradient(const gradients *g, const head_part *p, float *out);

/* L is linear in what the heads give: it is the sum of its derivatives times that. */
static double share_of_loss(const gradients *g, const head_part *p, of3_ctx *cx, const of3_tensor *t) {
  const size_t n = (size_t)of3_count(t);
  float *value = calloc(n + 1, sizeof *value), *slope = calloc(n + 1, sizeof *slope);
  double sum = 0;
  of3_download(cx, t, value);
  fill_gradient(g, p, slope);
  for (size_t i = 0; i < n; i++) sum += (double)value[i] * (double)slope[i];
  free(value);
  free(slope);
  return sum;
}

void note_head(gradients *g, of3_ctx *cx, const char *name, const of3_tensor *t) {
  char full[64];
  const bool of_sample = strncmp(name, "confidence/sample", 17) == 0;
  const char *head = strrchr(name, '/');
  snprintf(full, sizeof full, "loss/%s", head ? head + 1 : name);
  const of3_entry *loss = of3_table_find(g->table, full);
  if (!loss || !t->storage->version || g->n == MAX_HEAD_PARTS) return;
  head_part *p = &g->part[g->n++];
  *p = (head_part){.loss = loss,
                   .sample = of_sample ? atoi(name + 17) : -1,
                   .rank = t->rank,
                   .version = t->storage->version};
  memcpy(p->shape, t->shape, sizeof p->shape);
  p->share = share_of_loss(g, p, cx, t);
  g->loss += p->share;
}

void note_shown(gradients *g, const char *name, const of3_tensor *t) {
  if (!t->storage->version || g->n_shown == MAX_SHOWN) return;
  shown *s = &g->shown[g->n_shown++];
  *s = (shown){.seen = *t, .version = t->storage->version};
  snprintf(s->name, sizeof s->name, "%s", name);
}

/* How many equal template slots a tensor "..templateN/.." stands for: its gradient is the sum of theirs. */
static int times_of(const gradients *g, const char *name) {
  const char *slot = strstr(name, "/template");
  if (!slot || slot[9] < '0' || slot[9] > '9') return 1;
  for (int k = 0; k < g->slots->n; k++)
    if (g->slots->first[k] == atoi(slot + 9)) return g->slots->times[k];
  return 1;
}

void compare_shown(void *user, of3_ctx *cx, const of3_tensor_version *v) {
  gradients *g = user;
  for (int i = 0; i < g->n_shown; i++) {
    if (g->shown[i].version != v) continue;
    of3_tensor part = g->shown[i].seen;
    const int64_t n = of3_count(&part);
    float *x = calloc((size_t)n + 1, sizeof *x);
    part.dtype = OF3_F32;
    part.storage = v->gradient->storage;
    part.offset += v->gradient->offset;
    of3_download(cx, &part, x);
    for (int64_t k = 0; k < n; k++) x[k] /= (float)times_of(g, g->shown[i].name);
    compare_trace_gradient(g->comparison, g->shown[i].name, x, n, part.shape[0]);
    free(x);
  }
}

/* The share of each head in L, of our results and of the fixture's: relative to this share, or to what its
 * terms add up to if they are independent, if that is more. */
static void compare_shares(const gradients *g, comparison *c) {
  for (int i = 0; i < c->table->n; i++) {
    char name[320];
    const of3_entry *loss = &c->table->entry[i];
    if (strncmp(loss->name, "loss/", 5) != 0) continue;
    snprintf(name, sizeof name, "out/%s", loss->name + 5);
    const of3_entry *out = of3_table_find(c->table, name);
    if (!out || out->count != loss->count) continue;
    double mine = 0, theirs = 0, squares = 0;
    for (int k = 0; k < g->n; k++) mine += g->part[k].loss == loss ? g->part[k].share : 0;
    for (int64_t k = 0; k < out->count; k++) {
      const double term = entry_value(out, k) * entry_value(loss, k) / sqrt((double)out->count);
      theirs += term;
      squares += term * term;
    }
    const double d = fabs(mine - theirs);
    compare_number(c, loss, d / fmax(fabs(theirs), sqrt(squares)), d / fabs(theirs));
  }
}

static int64_t index_of(const of3_entry *e, int64_t i) {
  return e->dtype == OF3_I64 ? ((const int64_t *)e->data)[i] : ((const int32_t *)e->data)[i];
}

/* dL by the part, in its own shape. Heads over atom places [N,23,k] have loss/HEAD by atom, [S,A,k]. */
static void fill_gradient(const gradients *g, const head_part *p, float *out) {
  const of3_entry *e = p->loss, *start = of3_table_find(g->table, "feat/start_atom_index"),
                  *owner = of3_table_find(g->table, "feat/atom_to_token_index");
  const double scale = 1 / sqrt((double)e->count);
  const int64_t each = p->sample < 0 ? e->count : e->count / e->shape[0],
                first = p->sample < 0 ? 0 : p->sample * each;
  if (p->sample < 0 || e->rank == 4) {
    for (int64_t i = 0; i < each; i++) out[i] = (float)(scale * entry_value(e, first + i));
    return;
  }
  const int64_t k = e->shape[2], places = p->shape[1];
  for (int64_t a = 0; a < e->shape[1]; a++) {
    const int64_t token = index_of(owner, a), place = a - index_of(start, token);
    for (int64_t b = 0; b < k; b++)
      out[(token * places + place) * k + b] = (float)(scale * entry_value(e, first + a * k + b));
  }
}

static void begin_at(const gradients *g, const head_part *p, of3_ctx *cx) {
  int64_t n = 1;
  for (int i = 0; i < p->rank; i++) n *= p->shape[i];
  float *host = calloc((size_t)n + 1, sizeof *host);
  fill_gradient(g, p, host);
  p->version->gradient = of3_from_host(cx, OF3_F32, p->version->whole.rank, p->version->whole.shape, host);
  free(host);
}

/* A gradient for every tensor that parameters lie in. */
typedef struct weight_table {
  int n;
  const of3_storage **weight;
  of3_tensor **gradient;
} weight_table;

static of3_tensor *find_weight(void *user, const of3_storage *weight) {
  const weight_table *t = user;
  for (int i = 0; i < t->n; i++)
    if (t->weight[i] == weight) return t->gradient[i];
  return NULL;
}

static weight_table new_weight_table(of3_ctx *cx, const of3_parameters *all) {
  const size_t most = (size_t)all->n * OF3_MAX_PARAMETER_PARTS + 1;
  weight_table t = {.weight = calloc(most, sizeof *t.weight), .gradient = calloc(most, sizeof *t.gradient)};
  for (int i = 0; i < all->n; i++)
    for (int k = 0; k < all->p[i].n_part; k++) {
      const of3_tensor *in = all->p[i].part[k].in;
      if (find_weight(&t, in->storage)) continue;
      float *zero = calloc((size_t)of3_count(in) + 1, sizeof *zero);
      t.weight[t.n] = in->storage;
      t.gradient[t.n++] = of3_from_host(cx, OF3_F32, in->rank, in->shape, zero);
      free(zero);
    }
  return t;
}

static void compare_parameters(const weight_table *t, of3_ctx *cx, const of3_parameters *all, comparison *c) {
  float *scratch = calloc((size_t)of3_parameter_scratch(all) + 1, sizeof *scratch),
        *values = calloc((size_t)of3_parameter_scratch(all) + 1, sizeof *values);
  for (int i = 0; i < all->n; i++) {
    char name[320];
    of3_parameter p = all->p[i];
    snprintf(name, sizeof name, "grad/%s", p.name);
    const of3_entry *e = of3_table_find(c->table, name);
    if (!e) continue;
    for (int k = 0; k < p.n_part; k++)
      p.part[k].in = find_weight((void *)(uintptr_t)t, p.part[k].in->storage);
    of3_parameter_gather(cx, &p, scratch, values);
    compare_entry(c, e, values);
  }
  free(scratch);
  free(values);
}

void compare_gradients(gradients *g, of3_tape *tape, of3_ctx *cx, const of3_network *net, comparison *c) {
  weight_table t = new_weight_table(cx, &net->parameters);
  const float loss = (float)g->loss;
  compare_entry(c, of3_table_find(c->table, "out/loss"), &loss);
  compare_shares(g, c);
  for (int i = 0; i < g->n; i++) begin_at(g, &g->part[i], cx);
  of3_tape_back(tape, cx, (of3_weight_gradients){find_weight, &t});
  if (cx->error.code == OF3_OK) compare_parameters(&t, cx, &net->parameters, c);
  free(t.weight);
  free(t.gradient);
}
