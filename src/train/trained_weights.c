#include "train/trained_weights.h"

#include <stdlib.h>
#include <string.h>

#include "tensor/backend.h"

bool of3_is_confidence(const of3_parameter *p) {
  return strncmp(p->name, "aux_heads.", 10) == 0 && strncmp(p->name, "aux_heads.distogram.", 20) != 0;
}

bool of3_is_trained(const of3_parameter *p, of3_train_stage stage, const of3_protocol *protocol) {
  const bool pae = of3_stage_has_pae(stage, protocol);
  return !p->constant && (of3_is_confidence(p) || stage != OF3_STAGE_FINE_3) &&
         (pae || strncmp(p->name, "aux_heads.pae.", 14) != 0);
}

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
  float *image;   /* of the largest tensor, or parameter */
  uint16_t *rounded;
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
                             .rounded = OF3_ARENA_NEW(arena, uint16_t, scratch)};
  if (!w->weight || !w->piece || !w->image || !w->rounded) return of3_fail_memory(err, "the weights");
  for (int i = 0; i < all->n; i++)
    for (int k = 0; k < all->p[i].n_part; k++)
      w->piece[w->n_piece++] = (piece){i, k, all->p[i].part[k].in->storage};
  if (w->n_piece) qsort(w->piece, (size_t)w->n_piece, sizeof *w->piece, piece_order);
  group_pieces(w);
  return OF3_OK;
}

/* The parameter that the tensor is as it stands; NULL: it is joined, transposed or a part. */
static const of3_parameter *sole_parameter(const of3_trained_weights *w, const weight *of) {
  const piece *p = &w->piece[of->first];
  const of3_parameter *parameter = &w->net->parameters.p[p->parameter];
  const of3_parameter_part *part = part_of(w, p);
  const int64_t columns = parameter->rank == 1 ? 1 : parameter->shape[1];
  const bool whole = !part->transposed && part->n == columns && part->width == columns;
  return of->n == 1 && parameter->n_part == 1 && whole ? parameter : NULL;
}

static int64_t first_of(const of3_trained_weights *w, const weight *of) {
  return w->tensor[w->piece[of->first].parameter].first;
}

/* What the tensor is to hold, from the values of the parameters that lie in it. */
static const float *image_of(const of3_trained_weights *w, const weight *to, const float *values) {
  if (sole_parameter(w, to)) return values + first_of(w, to);
  for (int k = 0; k < to->n; k++) {
    const piece *p = &w->piece[to->first + k];
    const of3_parameter *of = &w->net->parameters.p[p->parameter];
    of3_parameter_scatter(part_of(w, p), of->shape[0], of->rank == 1 ? 1 : of->shape[1],
                          values + w->tensor[p->parameter].first, w->image);
  }
  return w->image;
}

static void upload_rounded(of3_ctx *cx, of3_tensor *t, const float *image, uint16_t *rounded) {
  const int64_t n = of3_count(t);
  if (cx->backend->to_bf16)
    cx->backend->to_bf16(cx, rounded, image, n);
  else
    for (int64_t i = 0; i < n; i++) rounded[i] = of3_f32_to_bf16(image[i]);
  of3_upload(cx, t, rounded);
}

void of3_write_weights(of3_trained_weights *w, of3_ctx *cx, const float *values) {
  for (int i = 0; i < w->n; i++) {
    const weight *to = &w->weight[i];
    if (to->in->storage->buffer == values + first_of(w, to)) continue;
    const float *image = image_of(w, to, values);
    if (to->in->dtype == OF3_BF16)
      upload_rounded(cx, to->in, image, w->rounded);
    else
      of3_upload(cx, to->in, image);
  }
}

size_t of3_weight_copies(const of3_trained_weights *w, const of3_ctx *cx) {
  size_t bytes = 0;
  for (int i = 0; i < w->n; i++) {
    const weight *of = &w->weight[i];
    const bool in_place = cx->backend->host_memory && of->in->dtype == OF3_F32 && sole_parameter(w, of);
    if (!in_place) bytes += of3_bytes(of->in);
  }
  return bytes;
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

static of3_tensor *new_gradient(const of3_trained_weights *w, of3_ctx *cx, const weight *of,
                                float *gradient) {
  const of3_tensor *in = of->in;
  if (!of->trained) return NULL;
  if (!cx->backend->host_memory || !sole_parameter(w, of))
    return of3_from_host(cx, OF3_F32, in->rank, in->shape, w->image);
  return of3_share_host(cx, OF3_F32, in->rank, in->shape, gradient ? gradient + first_of(w, of) : NULL);
}

of3_weight_gradients of3_new_weight_gradients(of3_trained_weights *w, of3_ctx *cx, float *gradient) {
  memset(w->image, 0, (size_t)of3_parameter_scratch(&w->net->parameters) * sizeof *w->image);
  for (int i = 0; i < w->n; i++) w->weight[i].gradient = new_gradient(w, cx, &w->weight[i], gradient);
  return (of3_weight_gradients){find_gradient, w};
}

void of3_read_gradients(of3_trained_weights *w, of3_ctx *cx, float *gradient) {
  const of3_parameters *all = &w->net->parameters;
  for (int i = 0; i < all->n && !cx->planning; i++) {
    of3_parameter p = all->p[i];
    if (!w->tensor[i].trained) continue;
    for (int k = 0; k < p.n_part; k++) p.part[k].in = find_gradient(w, p.part[k].in->storage);
    of3_parameter_gather(cx, &p, w->image, gradient + w->tensor[i].first);
  }
}
