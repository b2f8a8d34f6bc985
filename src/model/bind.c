/* Binding: each tensor of the checkpoint is looked up by its name, checked, wrapped for the backend, and
 * noted in the table of parameters. */
#include "model/bind.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "tensor/backend.h"

size_t of3_enter(of3_binder *b, const char *fmt, ...) {
  size_t old = b->length;
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(b->path + old, sizeof b->path - old, fmt, ap);
  va_end(ap);
  b->length = old + (n > 0 ? (size_t)n : 0);
  if (b->length + 2 < sizeof b->path) memcpy(b->path + b->length++, ".", 2);
  return old;
}

void of3_leave(of3_binder *b, size_t length) {
  b->length = length;
  b->path[length] = 0;
}

static const char *shape_text(char *out, size_t size, int rank, const int64_t *shape) {
  size_t at = 0;
  out[0] = 0;
  for (int i = 0; i < rank && at + 24 < size; i++)
    at += (size_t)snprintf(out + at, size - at, "%s%lld", i ? "," : "", (long long)shape[i]);
  return out;
}

/* Weights [n,k] uniform on +- 1/sqrt(k), so that products keep the size of their input; norm scales 1, biases
 * 0; the rest (Fourier features) uniform on +- 1. */
static void bind_fill(float *to, const char *leaf, int64_t count, int64_t depth, uint32_t number) {
  bool is_scale = depth == 0 && strcmp(leaf, "weight") == 0,
       is_bias = depth == 0 && strcmp(leaf, "bias") == 0;
  const float top = depth ? (float)(1 / sqrt((double)depth)) : 1;
  const of3_stream s = {.purpose = OF3_RANDOM_TEST, .sample = number};
  for (int64_t i = 0; i < count; i += 4) {
    uint32_t word[4] = {0};
    if (!is_scale && !is_bias) of3_random_block(s, (uint32_t)(i / 4), word);
    for (int64_t k = i; k < i + 4 && k < count; k++)
      to[k] = is_scale ? 1 : is_bias ? 0 : top * ((float)(word[k - i] >> 8) * 0x1p-23f - 1);
  }
}

static const of3_entry *make_up(of3_binder *b, const char *leaf, int64_t d0, int64_t d1) {
  const int64_t count = d1 ? d0 * d1 : d0;
  const bool filled = !b->cx->planning;
  of3_entry *e = OF3_ARENA_NEW(b->arena, of3_entry, 1);
  float *data = e && filled ? OF3_ARENA_NEW(b->arena, float, count) : NULL;
  if (!e || (filled && !data)) {
    of3_fail_memory(&b->error, "random weights");
    return NULL;
  }
  if (filled) bind_fill(data, leaf, count, d1, b->n_made++);
  *e = (of3_entry){
      .dtype = OF3_F32, .rank = d1 ? 2 : 1, .shape = {d0, d1}, .count = count, .data = data, .name = leaf};
  return e;
}

const of3_entry *of3_bind_entry(of3_binder *b, const char *leaf, int64_t d0, int64_t d1) {
  if (b->error.code != OF3_OK || of3_go_on(b->cx->opt_cancel, &b->error) != OF3_OK) return NULL;
  if (!b->table) return make_up(b, leaf, d0, d1);
  char name[640], found[128], wanted[128];
  snprintf(name, sizeof name, "%s%s", b->path, leaf);
  const of3_entry *e = of3_table_find(b->table, name);
  const int64_t shape[2] = {d0, d1};
  int rank = d1 ? 2 : 1;
  shape_text(wanted, sizeof wanted, rank, shape);
  if (!e) {
    of3_fail(&b->error, OF3_ERR_INPUT,
             "the checkpoint lacks the tensor %s [%s]; it is incomplete or of another kind", name, wanted);
    return NULL;
  }
  if (e->rank != rank || e->shape[0] != d0 || (rank == 2 && e->shape[1] != d1)) {
    of3_fail(&b->error, OF3_ERR_INPUT, "the tensor %s of the checkpoint has the shape [%s]; [%s] is expected",
             name, shape_text(found, sizeof found, e->rank, e->shape), wanted);
    return NULL;
  }
  if (e->dtype != OF3_F32 && e->dtype != OF3_BF16 && e->dtype != OF3_F16) {
    of3_fail(&b->error, OF3_ERR_INPUT,
             "the tensor %s of the checkpoint is of type %s; f32, bf16 or f16 is expected", name,
             of3_dtype_name(e->dtype));
    return NULL;
  }
  b->used[e - b->table->entry] = true;
  return e;
}

/* A weight that has been converted is not read from the file again. Backends with memory of their own may do
 * so. */
static of3_tensor *release_converted(const of3_binder *b, const of3_entry *e, of3_tensor *t) {
  const bool converted = t && t->storage->buffer && t->storage->buffer != e->data;
  if (converted && b->table && b->cx->backend->host_memory) of3_table_release(b->table, e);
  return t;
}

/* ---- The table of parameters */

static of3_parameter *new_parameter(of3_binder *b) {
  of3_parameters *all = b->parameters;
  if (all->n == all->capacity) {
    const int capacity = all->capacity ? 2 * all->capacity : 1024;
    of3_parameter *p = of3_bind_array(b, capacity, sizeof *p);
    if (!p) return NULL;
    if (all->p) memcpy(p, all->p, (size_t)all->n * sizeof *p);
    *all = (of3_parameters){.n = all->n, .capacity = capacity, .p = p};
  }
  return &all->p[all->n++];
}

/* The version and the Fourier constants of AF3 SI Alg. 22. */
static bool is_constant(const char *name) {
  return strcmp(name, "version_tensor") == 0 || strstr(name, ".fourier_emb.") != NULL;
}

/* The parameter PATH.leaf, if the one noted last is a part of it; else a new row. Parts of one tensor are
 * bound one after the other. */
static void note_parameter(of3_binder *b, const char *leaf, const of3_entry *e, of3_parameter_part part) {
  char name[640];
  snprintf(name, sizeof name, "%s%s", b->path, leaf);
  of3_parameter *p = b->parameters->n ? &b->parameters->p[b->parameters->n - 1] : NULL;
  if (!p || strcmp(p->name, name) != 0) {
    char *kept = of3_arena_strdup(b->arena, name);
    p = kept ? new_parameter(b) : NULL;
    if (!p) {
      if (b->error.code == OF3_OK) of3_fail_memory(&b->error, "the table of parameters");
      return;
    }
    *p = (of3_parameter){.name = kept,
                         .stored = e->dtype,
                         .constant = is_constant(kept),
                         .rank = e->rank,
                         .shape = {e->shape[0], e->shape[1]}};
  }
  assert(p->n_part < OF3_MAX_PARAMETER_PARTS);
  p->part[p->n_part++] = part;
}

static of3_tensor *note_whole(of3_binder *b, const char *leaf, const of3_entry *e, of3_tensor *t) {
  const int64_t columns = e->rank == 1 ? 1 : e->shape[1];
  if (t) note_parameter(b, leaf, e, (of3_parameter_part){.in = t, .n = columns, .width = columns});
  return t;
}

/* ---- Tensors as they are in the checkpoint */

of3_tensor *of3_bind_tensor(of3_binder *b, const char *leaf, int64_t d0, int64_t d1) {
  const of3_entry *e = of3_bind_entry(b, leaf, d0, d1);
  if (!e) return NULL;
  of3_tensor *t = of3_constant(b->cx, b->arena, e->dtype, e->rank, e->shape, e->data);
  return note_whole(b, leaf, e, release_converted(b, e, t));
}

of3_tensor *of3_bind_weight(of3_binder *b, const char *leaf, int64_t n, int64_t k) {
  enum { WORTHWHILE = 16 };
  if (n < WORTHWHILE || k < WORTHWHILE) return of3_bind_tensor(b, leaf, n, k);
  const of3_entry *e = of3_bind_entry(b, leaf, n, k);
  if (!e) return NULL;
  of3_tensor *t = of3_matrix(b->cx, b->arena, e->dtype, n, k, e->data);
  return note_whole(b, leaf, e, release_converted(b, e, t));
}

float of3_entry_value(const of3_entry *e, int64_t i) {
  if (e->dtype == OF3_F32) {
    float x; /* the file may not be aligned */
    memcpy(&x, (const char *)e->data + 4 * i, sizeof x);
    return x;
  }
  uint16_t h;
  memcpy(&h, (const char *)e->data + 2 * i, sizeof h);
  return e->dtype == OF3_BF16 ? of3_bf16_to_f32(h) : of3_f16_to_f32(h);
}

/* ---- Tensors that are made of several, or of parts */

void *of3_bind_array(of3_binder *b, int n, size_t size) {
  void *p = of3_arena_alloc(b->arena, (size_t)n, size);
  if (!p && b->error.code == OF3_OK) of3_fail_memory(&b->error, "the table of weights");
  return p;
}

/* The values of an entry as floats, in the arena; NULL while planning. */
static const float *entry_values(of3_binder *b, const of3_entry *e) {
  if (!e->data || e->dtype == OF3_F32) return e->data;
  float *values = of3_bind_array(b, (int)e->count, sizeof *values);
  for (int64_t i = 0; values && i < e->count; i++) values[i] = of3_entry_value(e, i);
  return values;
}

static of3_parameter_part part_of(const of3_bind_part *p, of3_tensor *in, int64_t width) {
  return (of3_parameter_part){
      .in = in, .first = p->first, .n = p->n, .at = p->at, .width = width, .transposed = p->transposed};
}

of3_tensor *of3_bind_joined(of3_binder *b, int64_t d0, int64_t d1, int n, const of3_bind_part *part) {
  const of3_entry *entry[OF3_MAX_JOINED];
  float *image = b->cx->planning ? NULL : of3_bind_array(b, (int)(d0 * d1), sizeof *image);
  assert(n <= OF3_MAX_JOINED);
  for (int i = 0; i < n; i++) {
    const of3_parameter_part place = part_of(&part[i], NULL, d1);
    entry[i] = of3_bind_entry(b, part[i].leaf, part[i].rows, part[i].columns);
    const float *values = entry[i] && image ? entry_values(b, entry[i]) : NULL;
    if (values) of3_parameter_scatter(&place, part[i].rows, part[i].columns, values, image);
  }
  if (b->error.code != OF3_OK) return NULL;
  of3_tensor *t = of3_constant(b->cx, b->arena, OF3_F32, 2, (int64_t[]){d0, d1}, image);
  for (int i = 0; t && i < n; i++)
    if (entry[i]) note_parameter(b, part[i].leaf, entry[i], part_of(&part[i], t, d1));
  return t;
}

of3_tensor *of3_bind_given(of3_binder *b, const char *leaf, int64_t n, const float *data) {
  const of3_entry e = {.dtype = OF3_F32, .rank = 1, .shape = {n}, .count = n};
  of3_tensor *t = of3_constant(b->cx, b->arena, OF3_F32, 1, e.shape, data);
  if (t) note_whole(b, leaf, &e, t);
  return t;
}

/* ---- Groups of tensors */

of3_norm_w of3_bind_norm(of3_binder *b, const char *name, int c, bool offset) {
  size_t at = of3_enter(b, "%s", name);
  of3_norm_w w = {.scale = of3_bind_tensor(b, "weight", c, 0)};
  if (offset) w.offset = of3_bind_tensor(b, "bias", c, 0);
  of3_leave(b, at);
  return w;
}

of3_linear_w of3_bind_linear(of3_binder *b, const char *name, int n, int k, bool bias) {
  size_t at = of3_enter(b, "%s", name);
  of3_linear_w w = {.w = of3_bind_weight(b, "weight", n, k)};
  if (bias) w.b = of3_bind_tensor(b, "bias", n, 0);
  of3_leave(b, at);
  return w;
}

of3_mha_w of3_bind_mha(of3_binder *b, const char *name, int c, int hidden, bool q_bias) {
  size_t at = of3_enter(b, "%s", name);
  of3_mha_w w = {.q = of3_bind_linear(b, "linear_q", hidden, c, q_bias),
                 .k = of3_bind_linear(b, "linear_k", hidden, c, false),
                 .v = of3_bind_linear(b, "linear_v", hidden, c, false),
                 .g = of3_bind_linear(b, "linear_g", hidden, c, false),
                 .o = of3_bind_linear(b, "linear_o", c, hidden, false)};
  of3_leave(b, at);
  return w;
}

of3_transition_w of3_bind_transition(of3_binder *b, const char *name, int c, int widening) {
  size_t at = of3_enter(b, "%s", name);
  of3_transition_w w = {.norm = of3_bind_norm(b, "layer_norm", c, true),
                        .a = of3_bind_linear(b, "swiglu.linear_a", widening * c, c, false),
                        .b = of3_bind_linear(b, "swiglu.linear_b", widening * c, c, false),
                        .out = of3_bind_linear(b, "linear_out", c, widening * c, false)};
  of3_leave(b, at);
  return w;
}

/* n rows of a matrix from `first` on, as a view. */
static of3_linear_w rows_of(of3_binder *b, const of3_tensor *matrix, int64_t first, int64_t n) {
  of3_tensor *rows = matrix ? of3_bind_array(b, 1, sizeof *rows) : NULL;
  if (rows) {
    *rows = *matrix;
    rows->shape[0] = n;
    rows->offset += first * matrix->shape[1];
  }
  return (of3_linear_w){.w = rows};
}

/* Two linears [hidden,c] that lie in one tensor [2 hidden,c]. */
static void bind_halves(of3_binder *b, const char *name, int c, int hidden, of3_linear_w *first,
                        of3_linear_w *second) {
  const of3_tensor *both = of3_bind_linear(b, name, 2 * hidden, c, false).w;
  *first = rows_of(b, both, 0, hidden);
  *second = rows_of(b, both, hidden, hidden);
}

static of3_triangle_mul_w bind_triangle_mul(of3_binder *b, const char *name, int c, int hidden, bool fused) {
  size_t at = of3_enter(b, "%s", name);
  of3_triangle_mul_w w = {.norm_in = of3_bind_norm(b, "layer_norm_in", c, true),
                          .norm_out = of3_bind_norm(b, "layer_norm_out", hidden, true)};
  if (fused) {
    bind_halves(b, "linear_ab_p", c, hidden, &w.a_p, &w.b_p);
    bind_halves(b, "linear_ab_g", c, hidden, &w.a_g, &w.b_g);
  } else {
    w.a_p = of3_bind_linear(b, "linear_a_p", hidden, c, false);
    w.a_g = of3_bind_linear(b, "linear_a_g", hidden, c, false);
    w.b_p = of3_bind_linear(b, "linear_b_p", hidden, c, false);
    w.b_g = of3_bind_linear(b, "linear_b_g", hidden, c, false);
  }
  w.z = of3_bind_linear(b, "linear_z", c, hidden, false);
  w.g = of3_bind_linear(b, "linear_g", c, c, false);
  of3_leave(b, at);
  return w;
}

static of3_triangle_attention_w bind_triangle_attention(of3_binder *b, const char *name, int c, int heads,
                                                        int width) {
  size_t at = of3_enter(b, "%s", name);
  of3_triangle_attention_w w = {.norm = of3_bind_norm(b, "layer_norm", c, true),
                                .z = of3_bind_linear(b, "linear_z", heads, c, false),
                                .mha = of3_bind_mha(b, "mha", c, heads * width, false)};
  of3_leave(b, at);
  return w;
}

of3_pair_block_w of3_bind_triangles(of3_binder *b, int c, int hidden, int heads, int width, bool fused) {
  return (of3_pair_block_w){.tri_mul_out = bind_triangle_mul(b, "tri_mul_out", c, hidden, fused),
                            .tri_mul_in = bind_triangle_mul(b, "tri_mul_in", c, hidden, fused),
                            .tri_att_start = bind_triangle_attention(b, "tri_att_start", c, heads, width),
                            .tri_att_end = bind_triangle_attention(b, "tri_att_end", c, heads, width)};
}

of3_pair_block_w of3_bind_pair_block(of3_binder *b, int c, int hidden, int heads, int width, int widening) {
  of3_pair_block_w w = of3_bind_triangles(b, c, hidden, heads, width, false);
  w.pair_transition = of3_bind_transition(b, "pair_transition", c, widening);
  return w;
}

of3_outer_product_mean_w of3_bind_outer_product(of3_binder *b, int c_m, int c_z, int hidden) {
  size_t at = of3_enter(b, "outer_product_mean");
  of3_outer_product_mean_w w = {.norm = of3_bind_norm(b, "layer_norm", c_m, true),
                                .a = of3_bind_linear(b, "linear_1", hidden, c_m, false),
                                .b = of3_bind_linear(b, "linear_2", hidden, c_m, false),
                                .out = of3_bind_linear(b, "linear_out", c_z, hidden * hidden, true)};
  of3_leave(b, at);
  return w;
}

static of3_attention_pair_bias_w bind_attention_pair_bias(of3_binder *b, const of3_config *c) {
  size_t at = of3_enter(b, "attn_pair_bias");
  of3_attention_pair_bias_w w = {.norm_a = of3_bind_norm(b, "layer_norm_a", c->c_s, true),
                                 .norm_z = of3_bind_norm(b, "layer_norm_z", c->c_z, true),
                                 .z = of3_bind_linear(b, "linear_z", c->h_single, c->c_z, false),
                                 .mha = of3_bind_mha(b, "mha", c->c_s, c->h_single * c->d_single, true)};
  of3_leave(b, at);
  return w;
}

of3_pairformer_block_w *of3_bind_pairformer(of3_binder *b, const of3_config *c, int blocks) {
  of3_pairformer_block_w *w = of3_bind_array(b, blocks, sizeof *w);
  for (int i = 0; w && i < blocks; i++) {
    size_t at = of3_enter(b, "pairformer_stack.blocks.%d", i), inner = of3_enter(b, "pair_stack");
    w[i].pair = of3_bind_pair_block(b, c->c_z, c->c_tri, c->h_pair, c->d_pair, c->n_trans);
    of3_leave(b, inner);
    w[i].attention = bind_attention_pair_bias(b, c);
    w[i].single_transition = of3_bind_transition(b, "single_transition", c->c_s, c->n_trans_single);
    of3_leave(b, at);
  }
  return w;
}

/* ---- the end */

static bool begins_with(const char *name, const char *opt_prefix) {
  const size_t n = opt_prefix ? strlen(opt_prefix) : 0;
  return n == 0 || (strncmp(name, opt_prefix, n) == 0 && name[n] == '.');
}

of3_status of3_bind_end(of3_binder *b, const char *opt_prefix, of3_error *err) {
  int left = 0;
  const char *first = NULL;
  if (b->error.code != OF3_OK) {
    *err = b->error;
    return b->error.code;
  }
  OF3_TRY(of3_ctx_status(b->cx, err));
  for (int i = 0; b->table && i < b->table->n; i++)
    if (!b->used[i] && begins_with(b->table->entry[i].name, opt_prefix) && left++ == 0)
      first = b->table->entry[i].name;
  if (!left) return OF3_OK;
  return of3_fail(err, OF3_ERR_INPUT,
                  "the checkpoint holds %d tensor%s that the network does not have, the first is %s; it is "
                  "of another kind",
                  left, left > 1 ? "s" : "", first);
}
