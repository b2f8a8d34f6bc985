#include "learn/new_network.h"

#include "train/initialise.h"

static of3_status make_entry(const of3_network *net, const of3_parameter *p, uint64_t seed, of3_arena *arena,
                             of3_entry *out, of3_error *err) {
  const int64_t n = of3_parameter_count(p);
  float *values = OF3_ARENA_NEW(arena, float, n);
  char *name = of3_arena_strdup(arena, p->name);
  if (!values || !name) return of3_fail_memory(err, "a new network");
  of3_initial_values(net, p, seed, values);
  *out = (of3_entry){.name = name,
                     .dtype = OF3_F32,
                     .rank = p->rank,
                     .shape = {p->shape[0], p->shape[1]},
                     .count = n,
                     .data = values};
  return OF3_OK;
}

static of3_status make_entries(const of3_network *net, uint64_t seed, of3_arena *arena, of3_table *out,
                               of3_error *err) {
  const of3_parameters *all = &net->parameters;
  *out = (of3_table){.n = all->n, .entry = OF3_ARENA_NEW(arena, of3_entry, all->n)};
  if (!out->entry) return of3_fail_memory(err, "a new network");
  for (int i = 0; i < all->n; i++) OF3_TRY(make_entry(net, &all->p[i], seed, arena, &out->entry[i], err));
  return OF3_OK;
}

of3_status of3_new_weights(const of3_device *device, of3_variant variant, const of3_config *config,
                           uint64_t seed, of3_arena *arena, of3_table *out, of3_error *err) {
  enum { BINDING = 4096 }; /* binding makes no tensors on the stack */
  of3_ctx cx;
  of3_network net;
  *out = (of3_table){0};
  OF3_TRY(of3_ctx_open(&cx, device, 1, BINDING, true, err));
  of3_status status = of3_network_make_up(&cx, variant, config, &net, err);
  if (status == OF3_OK) {
    status = make_entries(&net, seed, arena, out, err);
    of3_network_free(&net);
  }
  of3_ctx_close(&cx);
  return status;
}

static bool same_shape(const of3_entry *a, const of3_entry *b) {
  if (a->rank != b->rank || a->count != b->count) return false;
  for (int k = 0; k < a->rank; k++)
    if (a->shape[k] != b->shape[k]) return false;
  return true;
}

int of3_overlay_weights(of3_table *weights, const of3_table *from) {
  int stay = 0;
  for (int i = 0; i < weights->n; i++) {
    of3_entry *e = &weights->entry[i];
    const of3_entry *theirs = of3_table_find(from, e->name);
    if (!theirs || !same_shape(e, theirs)) {
      stay++;
      continue;
    }
    e->dtype = theirs->dtype;
    e->data = theirs->data;
  }
  return stay;
}
