#include "train/trained_weights.h"

#include <stdlib.h>
#include <string.h>

/* A tensor of the network. */
typedef struct weight {
  of3_tensor *in, *gradient;
  int first, n; /* of piece: what lies in it */
  bool trained;
} weight;

/* A part of a parameter. */
typedef struct piece {
  int parameter, part;
  const of3_storage *storage;
} piece;

struct of3_trained_weights {
  const of3_network *net;
  const of3_trained *tensor;
  int n, n_piece;
  weight *weight; /* [n] by storage */
  piece *piece;   /* [n_piece] by storage */
  float *image, *values;
};

static int piece_order(const void *a, const void *b) {
  const piece *x = a, *y = b;
  const uintptr_t p = (uintptr_t)x->storage, q = (uintptr_t)y->storage;
  return p != q ? (p > q) - (p < q) : x->parameter - y->parameter;
}

static const of3_parameter_part *part_of(const of3_trained_weights *w, const piece *p) {
  return &w->net->parameters.p[p->parameter].part[p->part];
}

static void group_pieces(of3_trained_weights *w) {
  for (int i = 0; i < w->n_piece; i++) {
    const piece *p = &w->piece[i];
    if (i == 0 || p->storage != p[-1].storage)
      w->weight[w->n++] = (weight){.in = part_of(w, p)->in, .first = i};
    weight *to = &w->weight[w->n - 1];
    to->n++;
    to->trained |= w->tensor[p->parameter].trained;
  }
}

of3_status of3_trained_weights_new(const of3_network *net, const of3_trained *tensor, of3_arena *arena,
                                   of3_trained_weights **ret, of3_error *err) {
  const of3_parameters *all = &net->parameters;
  const int most = all->n * OF3_MAX_PARAMETER_PARTS;
  const size_t scratch = (size_t)of3_parameter_scratch(all);
  of3_trained_weights *w = *ret = OF3_ARENA_NEW(arena, of3_trained_weights, 1);
  if (!w) return of3_fail_memory(err, "the weights");
  *w = (of3_trained_weights){.net = net,
                             .tensor = tensor,
                             .weight = OF3_ARENA_NEW(arena, weight, most),
                             .piece = OF3_ARENA_NEW(arena, piece, most),
                             .image = OF3_ARENA_NEW(arena, float, scratch),
                             .values = OF3_ARENA_NEW(arena, float, scratch)};
  if (!w->weight || !w->piece || !w->image || !w->values) return of3_fail_memory(err, "the weights");
  for (int i = 0; i < all->n; i++)
    for (int k = 0; k < all->p[i].n_part; k++)
      w->piece[w->n_piece++] = (piece){i, k, all->p[i].part[k].in->storage};
  if (w->n_piece) qsort(w->piece, (size_t)w->n_piece, sizeof *w->piece, piece_order);
  group_pieces(w);
  return OF3_OK;
}

void of3_write_weights(of3_trained_weights *w, of3_ctx *cx, const float *values) {
  for (int i = 0; i < w->n; i++) {
    const weight *to = &w->weight[i];
    for (int k = 0; k < to->n; k++) {
      const piece *p = &w->piece[to->first + k];
      const of3_parameter *of = &w->net->parameters.p[p->parameter];
      of3_parameter_scatter(part_of(w, p), of->shape[0], of->rank == 1 ? 1 : of->shape[1],
                            values + w->tensor[p->parameter].first, w->image);
    }
    of3_upload(cx, to->in, w->image);
  }
}

static int weight_by_storage(const void *key, const void *a) {
  const uintptr_t p = (uintptr_t)key, q = (uintptr_t)((const weight *)a)->in->storage;
  return (p > q) - (p < q);
}

static of3_tensor *find_gradient(void *user, const of3_storage *storage) {
  const of3_trained_weights *w = user;
  const weight *found = bsearch(storage, w->weight, (size_t)w->n, sizeof *found, weight_by_storage);
  return found ? found->gradient : NULL;
}

of3_weight_gradients of3_new_weight_gradients(of3_trained_weights *w, of3_ctx *cx) {
  memset(w->image, 0, (size_t)of3_parameter_scratch(&w->net->parameters) * sizeof *w->image);
  for (int i = 0; i < w->n; i++) {
    const of3_tensor *in = w->weight[i].in;
    w->weight[i].gradient =
        w->weight[i].trained ? of3_from_host(cx, OF3_F32, in->rank, in->shape, w->image) : NULL;
  }
  return (of3_weight_gradients){find_gradient, w};
}

void of3_read_gradients(of3_trained_weights *w, of3_ctx *cx, float *values) {
  const of3_parameters *all = &w->net->parameters;
  for (int i = 0; i < all->n; i++) {
    of3_parameter p = all->p[i];
    if (!w->tensor[i].trained) continue;
    for (int k = 0; k < p.n_part; k++) p.part[k].in = find_gradient(w, p.part[k].in->storage);
    of3_parameter_gather(cx, &p, w->image, values + w->tensor[i].first);
  }
}
