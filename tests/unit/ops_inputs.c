#include "ops_inputs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "tensor/backend.h"
#include "tensor/pairs.h"

/* ---- random tensors */

typedef struct dims {
  int rank;
  int64_t n[OF3_MAX_RANK];
} dims;
#define DIMS(...) ((dims){(int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), {__VA_ARGS__}})

static const float guard_value = -12345.678f;

static of3_tensor *place(ops_env *e, of3_dtype dtype, dims d, const void *host) {
  of3_tensor *t = of3_from_host(e->cx, dtype, d.rank, d.n, host);
  float guard[OPS_GUARD];
  for (int i = 0; i < OPS_GUARD; i++) guard[i] = guard_value;
  if (e->n_guard < OPS_MAX_GUARD) e->guard[e->n_guard++] = OF3_FROM_HOST(e->cx, OF3_F32, guard, OPS_GUARD);
  return t;
}

bool ops_guards_intact(const ops_env *e) {
  if (!e->cx->backend->host_memory) return true;
  for (int g = 0; g < e->n_guard; g++)
    for (int i = 0; i < OPS_GUARD; i++)
      if (of3_f32(e->guard[g])[i] != guard_value) return false;
  return true;
}

static int64_t count_of(dims d) {
  int64_t n = 1;
  for (int i = 0; i < d.rank; i++) n *= d.n[i];
  return n;
}

static void *buffer(int64_t n) {
  void *p = calloc(n > 0 ? (size_t)n : 1, 4);
  if (!p) abort();
  return p;
}

static of3_stream stream(ops_env *e) {
  return (of3_stream){.seed = 1 + e->member, .purpose = OF3_RANDOM_TEST, .step = e->next++};
}

/* mean + scale times normal numbers. */
static of3_tensor *normal(ops_env *e, float mean, float scale, dims d) {
  int64_t n = e->cx->planning ? 0 : count_of(d);
  float *x = buffer(n);
  of3_random_normal(stream(e), x, (size_t)n);
  for (int64_t i = 0; i < n; i++) x[i] = mean + scale * x[i];
  of3_tensor *t = place(e, OF3_F32, d, x);
  free(x);
  return t;
}

/* Integers from `first` on, `below` of them. */
static of3_tensor *integers(ops_env *e, int first, int64_t below, dims d) {
  int64_t n = e->cx->planning ? 0 : count_of(d);
  int32_t *x = buffer(n);
  of3_stream s = stream(e);
  for (int64_t i = 0; i < n; i++) x[i] = first + (int32_t)of3_random_below(s, (uint32_t)i, (uint32_t)below);
  of3_tensor *t = place(e, OF3_I32, d, x);
  free(x);
  return t;
}

/* n bytes below `below`, about a quarter of them 255. */
static of3_tensor *byte_classes(ops_env *e, int64_t below, dims d) {
  const int64_t n = e->cx->planning ? 0 : count_of(d);
  uint8_t *x = buffer(n);
  of3_stream s = stream(e);
  for (int64_t i = 0; i < n; i++) {
    const uint32_t r = of3_random_below(s, (uint32_t)i, (uint32_t)(4 * below));
    x[i] = r % 4 ? (uint8_t)(r / 4) : 255;
  }
  of3_tensor *t = place(e, OF3_U8, d, x);
  free(x);
  return t;
}

/* Zeros and ones: none absent, about a quarter absent, all absent. */
enum { MASK_ONES, MASK_RANDOM, MASK_ZEROS };
static of3_tensor *mask(ops_env *e, int64_t kind, dims d) {
  int64_t n = e->cx->planning ? 0 : count_of(d);
  float *x = buffer(n);
  of3_stream s = stream(e);
  for (int64_t i = 0; i < n; i++)
    x[i] =
        kind == MASK_ONES || (kind == MASK_RANDOM && of3_random_below(s, (uint32_t)i, 4) > 0) ? 1.0f : 0.0f;
  of3_tensor *t = place(e, OF3_F32, d, x);
  free(x);
  return t;
}

static of3_tensor *small_weight(ops_env *e, int64_t n, int64_t k) {
  return normal(e, 0, 1.0f / sqrtf((float)(k > 0 ? k : 1)), DIMS(n, k));
}

/* Normal numbers over `divisor`, as bf16. */
static of3_tensor *rounded(ops_env *e, float divisor, dims d) {
  int64_t n = e->cx->planning ? 0 : count_of(d);
  float *x = buffer(n);
  uint16_t *half = buffer(n);
  of3_random_normal(stream(e), x, (size_t)n);
  for (int64_t i = 0; i < n; i++) half[i] = of3_f32_to_bf16(x[i] / divisor);
  of3_tensor *t = place(e, OF3_BF16, d, half);
  free(x);
  free(half);
  return t;
}

static of3_tensor *weight(ops_env *e, int64_t n, int64_t k) {
  return e->matrix == OF3_F32 ? small_weight(e, n, k) : rounded(e, sqrtf((float)k), DIMS(n, k));
}
/* Normal numbers times scale as products leave them for attention: bf16 where weights are, heads of even
 * width. */
static of3_tensor *projected(ops_env *e, float scale, int64_t head, dims d) {
  return e->matrix == OF3_F32 || head % 2 ? normal(e, 0, scale, d) : rounded(e, 1 / scale, d);
}
static of3_tensor *norm_scale(ops_env *e, int64_t c) { return normal(e, 1, 0.2f, DIMS(c)); }
static of3_tensor *norm_offset(ops_env *e, int64_t c) { return normal(e, 0, 0.2f, DIMS(c)); }
/* A mean beside the variance, for the norms to take out. */
static of3_tensor *activations(ops_env *e, dims d) { return normal(e, 0.5f, 1, d); }
static of3_tensor *gates(ops_env *e, dims d) { return normal(e, 0.5f, 0.3f, d); }

/* ---- primitives */

/* B, M, K, N, bits: 1 bias, 2 norm, 4 scale, 8 offset, 16 gate, 32 mask, 64 accumulate, 128 gate and mask of
 * M rows only, 256 x as attention leaves it; activation */
static void make_linear(ops_env *e, const int64_t *p, of3_call *c) {
  int64_t b = p[0], m = p[1], k = p[2], n = p[3], bits = p[4], fewer = bits & 128 ? 1 : b;
  c->in[LINEAR_X] = bits & 256 ? projected(e, 1, 2, DIMS(b, m, k)) : activations(e, DIMS(b, m, k));
  if (bits & 4) c->in[LINEAR_SCALE] = norm_scale(e, k);
  if (bits & 8) c->in[LINEAR_OFFSET] = norm_offset(e, k);
  c->in[LINEAR_W] = weight(e, n, k);
  if (bits & 1) c->in[LINEAR_B] = normal(e, 0, 1, DIMS(n));
  if (bits & 16) c->in[LINEAR_GATE] = gates(e, DIMS(fewer, m, n));
  if (bits & 32) c->in[LINEAR_MASK] = mask(e, MASK_RANDOM, DIMS(fewer, m));
  if (bits & 64) c->in[LINEAR_Y] = c->out = normal(e, 0, 1, DIMS(b, m, n));
  c->attr = (of3_attr){.norm = (bits & 2) != 0, .accumulate = (bits & 64) != 0, .act = (int)p[5]};
}

/* M, c, bits: 1 scale, 2 offset */
static void make_norm(ops_env *e, const int64_t *p, of3_call *c) {
  c->in[NORM_X] = activations(e, DIMS(p[0], p[1]));
  if (p[2] & 1) c->in[NORM_SCALE] = norm_scale(e, p[1]);
  if (p[2] & 2) c->in[NORM_OFFSET] = norm_offset(e, p[1]);
}

/* M, c, activation */
static void make_act(ops_env *e, const int64_t *p, of3_call *c) {
  c->in[ACT_Y] = c->out = normal(e, 0, 4, DIMS(p[0], p[1]));
  c->attr.act = (int)p[2];
}

/* B, M, c; x has M rows */
static void make_add(ops_env *e, const int64_t *p, of3_call *c) {
  c->in[ADD_Y] = c->out = normal(e, 0, 1, DIMS(p[0], p[1], p[2]));
  c->in[ADD_X] = normal(e, 0, 1, DIMS(p[1], p[2]));
}

/* S, M, c, mask, factors: 1 or S, y present */
static void make_combine(ops_env *e, const int64_t *p, of3_call *c) {
  c->in[COMBINE_X] = normal(e, 0, 1, DIMS(p[0], p[1], p[2]));
  c->in[COMBINE_A] = normal(e, 0, 1, DIMS(p[4]));
  if (p[5]) c->in[COMBINE_Y] = normal(e, 0, 1, DIMS(p[0], p[1], p[2]));
  if (p[5]) c->in[COMBINE_B] = normal(e, 0, 1, DIMS(p[4]));
  if (p[3]) c->in[COMBINE_MASK] = mask(e, MASK_RANDOM, DIMS(p[1]));
}

/* B, M, c; mask of M */
static void make_mask_rows(ops_env *e, const int64_t *p, of3_call *c) {
  c->in[MASK_ROWS_Y] = c->out = normal(e, 0, 1, DIMS(p[0], p[1], p[2]));
  c->in[MASK_ROWS_MASK] = mask(e, MASK_RANDOM, DIMS(p[1]));
}

/* B, R, S, c, columns, batch entries of keep */
static void make_dropout(ops_env *e, const int64_t *p, of3_call *c) {
  const int64_t n = p[4] ? p[1] : p[2];
  c->in[DROPOUT_Y] = c->out = normal(e, 0, 1, DIMS(p[0], p[1], p[2], p[3]));
  c->in[DROPOUT_X] = normal(e, 0, 1, DIMS(p[0], p[1], p[2], p[3]));
  c->in[DROPOUT_KEEP] =
      p[5] ? mask(e, MASK_RANDOM, DIMS(p[5], n, p[3])) : mask(e, MASK_RANDOM, DIMS(n, p[3]));
  c->attr.columns = (int)p[4];
}

/* B, M, c; x has M rows */
static void make_copy(ops_env *e, const int64_t *p, of3_call *c) {
  c->in[COPY_Y] = c->out = normal(e, 0, 1, DIMS(p[0], p[1], p[2]));
  c->in[COPY_X] = normal(e, 0, 1, DIMS(p[1], p[2]));
}

/* B, M, c of a, c of b; b has M rows */
static void make_concat(ops_env *e, const int64_t *p, of3_call *c) {
  c->in[CONCAT_A] = normal(e, 0, 1, DIMS(p[0], p[1], p[2]));
  c->in[CONCAT_B] = normal(e, 0, 1, DIMS(p[1], p[3]));
}

/* N, c */
static void make_outer_sum(ops_env *e, const int64_t *p, of3_call *c) {
  c->in[OUTER_SUM_A] = normal(e, 0, 1, DIMS(p[0], p[1]));
  c->in[OUTER_SUM_B] = normal(e, 0, 1, DIMS(p[0], p[1]));
  c->out = normal(e, 0, 1, DIMS(p[0], p[0], p[1]));
}

/* B, M, c, indices per row, classes, weight, 1: indices are bytes; the index has M rows unless there is a
 * weight */
static void make_embed_add(ops_env *e, const int64_t *p, of3_call *c) {
  c->in[EMBED_Y] = c->out = normal(e, 0, 1, DIMS(p[0], p[1], p[2]));
  c->in[EMBED_INDEX] =
      p[6] ? byte_classes(e, p[4], DIMS(p[1], p[3])) : integers(e, -1, p[4] + 1, DIMS(p[1], p[3]));
  c->in[EMBED_TABLE] = normal(e, 0, 1, DIMS(p[4], p[2]));
  if (p[5]) c->in[EMBED_WEIGHT] = normal(e, 0, 1, DIMS(p[0], p[1]));
}

/* Places of tokens of three chains, two of one entity; with rings the first two are rings. */
static of3_tensor *places(ops_env *e, int64_t batches, int64_t n, bool rings) {
  int32_t *at_all = buffer(batches * n * OF3_N_PLACE);
  for (int64_t t = 0; t < batches * n; t++) {
    const int64_t i = t % n, third = (n + 2) / 3, chain = i / third;
    int32_t *at = at_all + t * OF3_N_PLACE;
    at[OF3_PLACE_RESIDUE] = (int32_t)(i - chain * third - i % 3 / 2 + t / n + e->member);
    at[OF3_PLACE_TOKEN] = (int32_t)i;
    at[OF3_PLACE_ASYM] = (int32_t)chain;
    at[OF3_PLACE_ENTITY] = (int32_t)(chain / 2);
    at[OF3_PLACE_SYM] = (int32_t)(chain % 2 * (1 + t / n));
    if (!rings || chain == 2) continue;
    at[OF3_PLACE_RANK] = (int32_t)(i - chain * third);
    at[OF3_PLACE_LENGTH] = (int32_t)(third < n - chain * third ? third : n - chain * third);
  }
  of3_tensor *t = place(e, OF3_I32, DIMS(batches, n, OF3_N_PLACE), at_all);
  free(at_all);
  return t;
}

/* B, N, c, batches of places, 1: rings */
static void make_relpos_add(ops_env *e, const int64_t *p, of3_call *c) {
  c->in[RELPOS_ADD_Z] = c->out = normal(e, 0, 1, DIMS(p[0], p[1], p[1], p[2]));
  c->in[RELPOS_ADD_PLACE] = places(e, p[3], p[1], p[4] != 0);
  c->in[RELPOS_ADD_TABLE] = normal(e, 0, 1, DIMS(OF3_RELPOS_CLASSES, p[2]));
}

/* B, N, first row, rows, 1: rings */
static void make_relpos_one_hot(ops_env *e, const int64_t *p, of3_call *c) {
  c->in[RELPOS_ONE_HOT_PLACE] = places(e, p[0], p[1], p[4] != 0);
  c->attr.first = p[2];
  c->attr.rows = p[3];
}

/* B, N, c, batches of bonds: of neighbours, every third one absent, in no order */
static void make_bond_add(ops_env *e, const int64_t *p, of3_call *c) {
  const int64_t bonds = p[1] - 1;
  int32_t *pair = buffer(p[3] * bonds * 2);
  for (int64_t k = 0; k < p[3] * bonds; k++) {
    const int32_t i = k % 3 == 2 ? -1 : (int32_t)(bonds - 1 - k % bonds);
    pair[2 * k] = i;
    pair[2 * k + 1] = i < 0 ? -1 : i + 1;
  }
  c->in[BOND_ADD_Z] = c->out = normal(e, 0, 1, DIMS(p[0], p[1], p[1], p[2]));
  c->in[BOND_ADD_PAIR] = place(e, OF3_I32, p[3] > 1 ? DIMS(p[3], bonds, 2) : DIMS(bonds, 2), pair);
  c->in[BOND_ADD_ROW] = weight(e, p[2], 1);
  free(pair);
}

/* B, N, A, c, accumulate, batches of y for each of x, 1: without a mask */
static void make_gather(ops_env *e, const int64_t *p, of3_call *c) {
  c->in[GATHER_X] = normal(e, 0, 1, DIMS(p[0], p[1], p[3]));
  c->in[GATHER_INDEX] = integers(e, 0, p[1], DIMS(p[2]));
  if (!p[6]) c->in[GATHER_MASK] = mask(e, MASK_RANDOM, DIMS(p[2]));
  c->attr.accumulate = (int)p[4];
  if (p[4]) c->in[GATHER_Y] = c->out = normal(e, 0, 1, DIMS(p[5], p[0], p[2], p[3]));
}

/* B, N, c, 1: without a mask; token i has i mod 4 atoms and one atom lies between tokens; odd members of a
 * batch have them the other way round */
static void make_segment_mean(ops_env *e, const int64_t *p, of3_call *c) {
  int64_t n = p[1], atoms = 0;
  int32_t *start = buffer(n), *many = buffer(n);
  for (int64_t i = 0; i < n; i++) {
    start[i] = (int32_t)atoms;
    many[i] = (int32_t)((e->member % 2 ? n - 1 - i : i) % 4);
    atoms += many[i] + 1;
  }
  c->in[SEGMENT_X] = normal(e, 0, 1, DIMS(p[0], atoms, p[2]));
  c->in[SEGMENT_START] = place(e, OF3_I32, DIMS(n), start);
  c->in[SEGMENT_COUNT] = place(e, OF3_I32, DIMS(n), many);
  if (!p[3]) c->in[SEGMENT_MASK] = mask(e, MASK_RANDOM, DIMS(atoms));
  free(start);
  free(many);
}

/* B, N, c */
static void make_symmetrize(ops_env *e, const int64_t *p, of3_call *c) {
  c->in[SYMMETRIZE_X] = normal(e, 0, 1, DIMS(p[0], p[1], p[1], p[2]));
}

/* M, w, rows */
static void make_take_rows(ops_env *e, const int64_t *p, of3_call *c) {
  c->in[TAKE_ROWS_X] = normal(e, 0, 1, DIMS(p[0], p[1]));
  c->in[TAKE_ROWS_INDEX] = integers(e, 0, p[0], DIMS(p[2]));
}

/* Places of tokens, each in one of three groups or in none. */
static of3_tensor *template_places(ops_env *e, int64_t entries, int64_t tokens) {
  const int64_t n = e->cx->planning ? 0 : entries * tokens;
  float *x = buffer(n * OF3_N_TEMPLATE_PLACE), *at = x;
  const of3_stream s = stream(e);
  of3_random_normal(stream(e), x, (size_t)(n * OF3_N_TEMPLATE_PLACE));
  for (int64_t i = 0; i < n; i++, at += OF3_N_TEMPLATE_PLACE) {
    for (int k = 0; k < 3; k++) at[OF3_TEMPLATE_BETA + k] *= 12, at[OF3_TEMPLATE_ORIGIN + k] *= 12;
    for (int k = 0; k < 2; k++)
      at[OF3_TEMPLATE_BETA_GROUP + k] = (float)of3_random_below(s, (uint32_t)(2 * i + k), 4);
  }
  of3_tensor *t = place(e, OF3_F32, DIMS(entries, tokens, OF3_N_TEMPLATE_PLACE), x);
  free(x);
  return t;
}

/* B, N, c, batches of the slot, bits: 1 unit vectors, 2 bins, 4 factor by equal chains, 8 places */
static void make_template_add(ops_env *e, const int64_t *p, of3_call *c) {
  c->in[TEMPLATE_ADD_V] = c->out = normal(e, 0, 1, DIMS(p[0], p[1], p[1], p[2]));
  c->in[TEMPLATE_ADD_BETA] = mask(e, MASK_RANDOM, DIMS(p[3], p[1]));
  c->in[TEMPLATE_ADD_FRAME] = mask(e, MASK_RANDOM, DIMS(p[3], p[1]));
  c->in[TEMPLATE_ADD_ASYM] = integers(e, 0, 3, DIMS(p[3], p[1]));
  if (p[4] & 1) c->in[TEMPLATE_ADD_UNIT] = normal(e, 0, 1, DIMS(p[3], p[1], p[1], 3));
  if (p[4] & 2) c->in[TEMPLATE_ADD_BIN] = byte_classes(e, 39, DIMS(p[3], p[1], p[1]));
  if (p[4] & 8) c->in[TEMPLATE_ADD_PLACE] = template_places(e, p[3], p[1]);
  c->in[TEMPLATE_ADD_W] = normal(e, 0, 1, DIMS(p[2], 5));
  c->in[TEMPLATE_ADD_TABLE] = normal(e, 0, 1, DIMS(39, p[2]));
  c->attr.chain_equal = (p[4] & 4) != 0;
}

/* rows, N, bins, first row, 1: sets of chains, of which the first has all tokens but one */
static void make_expect(ops_env *e, const int64_t *p, of3_call *c) {
  const int64_t n = p[1];
  c->in[EXPECT_X] = normal(e, 0, 3, DIMS(p[0], n, p[2]));
  c->in[EXPECT_TABLE] = normal(e, 5, 3, DIMS(p[4] ? 3 : 1, p[2]));
  c->out = normal(e, 0, 1, DIMS(p[0], n));
  if (!p[4]) return;
  int32_t *chain = buffer(2 * n), *set = buffer(n + 1);
  for (int64_t i = 0; i < n; i++) {
    chain[2 * i] = i == n - 1;
    chain[2 * i + 1] = (int32_t)(i == n - 1 ? 1 : n - 1);
  }
  set[n] = 1;
  set[n - 1] = 2;
  c->in[EXPECT_CHAIN] = place(e, OF3_I32, DIMS(n, 2), chain);
  c->in[EXPECT_SET_OF_SIZE] = place(e, OF3_I32, DIMS(n + 1), set);
  c->attr.first = p[3];
  free(chain);
  free(set);
}

/* S, c */
static void make_fourier(ops_env *e, const int64_t *p, of3_call *c) {
  c->in[FOURIER_T] = normal(e, 50, 10, DIMS(p[0]));
  c->in[FOURIER_W] = normal(e, 0, 1, DIMS(p[1]));
  c->in[FOURIER_B] = normal(e, 0, 1, DIMS(p[1]));
}

/* S, A, 1: without a mask */
static void make_augment(ops_env *e, const int64_t *p, of3_call *c) {
  c->in[AUGMENT_X] = c->out = normal(e, 3, 10, DIMS(p[0], p[1], 3));
  if (!p[2]) c->in[AUGMENT_MASK] = mask(e, MASK_RANDOM, DIMS(p[1]));
  c->in[AUGMENT_POSE] = normal(e, 0, 1, DIMS(p[0], 7));
}

/* S, numbers for each, step */
static void make_random_normal(ops_env *e, const int64_t *p, of3_call *c) {
  const int32_t step = (int32_t)p[2];
  c->in[RANDOM_KEY] = integers(e, -(1 << 30), (int64_t)1 << 31, DIMS(p[0], 3));
  c->in[RANDOM_STEP] = place(e, OF3_I32, DIMS(1), &step);
  c->attr = (of3_attr){.purpose = OF3_RANDOM_NOISE_STEP, .count = (int)p[1]};
}

/* R, k, index */
static void make_take_row(ops_env *e, const int64_t *p, of3_call *c) {
  const int32_t index = (int32_t)p[2];
  c->in[TAKE_ROW_TABLE] = normal(e, 0, 1, DIMS(p[0], p[1]));
  c->in[TAKE_ROW_INDEX] = place(e, OF3_I32, DIMS(1), &index);
}

/* S, A, N */
static void make_distance_bin(ops_env *e, const int64_t *p, of3_call *c) {
  c->in[DISTANCE_X] = normal(e, 0, 10, DIMS(p[0], p[1], 3));
  c->in[DISTANCE_REP] = integers(e, 0, p[1], DIMS(p[2]));
}

/* ---- atom windows */

/* First keys as docs/model.md 5.3 has them for P2: slid inside the atoms, negative where there are too few;
 * and as for P1: not slid. Odd members of a batch have the other way. */
static of3_tensor *window_low(ops_env *e, int64_t atoms, bool slide) {
  if (e->member % 2) slide = !slide;
  int64_t blocks = (atoms + 31) / 32;
  int32_t *low = buffer(blocks);
  for (int64_t b = 0; b < blocks; b++) {
    low[b] = (int32_t)(32 * b - 48);
    if (slide && low[b] < 0)
      low[b] = 0;
    else if (slide && low[b] + 127 > atoms - 1)
      low[b] = (int32_t)(atoms - 128);
  }
  of3_tensor *t = place(e, OF3_I32, DIMS(blocks), low);
  free(low);
  return t;
}

static of3_tensor *window_mask(ops_env *e, int64_t atoms) {
  return mask(e, MASK_RANDOM, DIMS((atoms + 31) / 32, OF3_WINDOW_QUERIES, OF3_WINDOW_KEYS));
}

/* A, c, slide */
static void make_atom_pair(ops_env *e, const int64_t *p, of3_call *c) {
  c->in[ATOM_PAIR_POS] = normal(e, 0, 2, DIMS(p[0], 3));
  c->in[ATOM_PAIR_UID] = integers(e, 0, 3, DIMS(p[0]));
  c->in[ATOM_PAIR_MASK] = window_mask(e, p[0]);
  c->in[ATOM_PAIR_LOW] = window_low(e, p[0], p[2] != 0);
  c->in[ATOM_PAIR_WD] = small_weight(e, p[1], 3);
  c->in[ATOM_PAIR_WI] = small_weight(e, p[1], 1);
  c->in[ATOM_PAIR_WV] = small_weight(e, p[1], 1);
}

static of3_tensor *window_pairs(ops_env *e, int64_t atoms, int64_t c) {
  return normal(e, 0, 1, DIMS((atoms + 31) / 32, OF3_WINDOW_QUERIES, OF3_WINDOW_KEYS, c));
}

/* A, c, slide */
static void make_window_add(ops_env *e, const int64_t *p, of3_call *c) {
  c->in[WINDOW_ADD_P] = c->out = window_pairs(e, p[0], p[1]);
  c->in[WINDOW_ADD_ROW] = normal(e, 0, 1, DIMS(p[0], p[1]));
  c->in[WINDOW_ADD_COL] = normal(e, 0, 1, DIMS(p[0], p[1]));
  c->in[WINDOW_ADD_MASK] = window_mask(e, p[0]);
  c->in[WINDOW_ADD_LOW] = window_low(e, p[0], p[2] != 0);
}

/* A, c, N, slide */
static void make_window_gather(ops_env *e, const int64_t *p, of3_call *c) {
  c->in[WINDOW_GATHER_P] = c->out = window_pairs(e, p[0], p[1]);
  c->in[WINDOW_GATHER_Z] = normal(e, 0, 1, DIMS(p[2], p[2], p[1]));
  c->in[WINDOW_GATHER_TOKEN] = integers(e, 0, p[2], DIMS(p[0]));
  c->in[WINDOW_GATHER_MASK] = window_mask(e, p[0]);
  c->in[WINDOW_GATHER_LOW] = window_low(e, p[0], p[3] != 0);
}

/* Scores of a few units with about a quarter of the keys masked; the first query of each block has no key. */
static of3_tensor *window_bias(ops_env *e, int64_t atoms, int64_t heads) {
  dims d = DIMS((atoms + 31) / 32, heads, OF3_WINDOW_KEYS, OF3_WINDOW_QUERIES);
  int64_t n = e->cx->planning ? 0 : count_of(d);
  float *x = buffer(n);
  of3_random_normal(stream(e), x, (size_t)n);
  of3_stream s = stream(e);
  for (int64_t i = 0; i < n; i++)
    if (i % OF3_WINDOW_QUERIES == 0 || of3_random_below(s, (uint32_t)i, 4) == 0) x[i] -= 1e9f;
  of3_tensor *t = place(e, OF3_F32, d, x);
  free(x);
  return t;
}

/* S, A, H, d, slide */
static void make_window_attention(ops_env *e, const int64_t *p, of3_call *c) {
  for (int i = WINDOW_ATT_Q; i <= WINDOW_ATT_G; i++)
    c->in[i] = projected(e, 1, p[3], DIMS(p[0], p[1], p[2] * p[3]));
  c->in[WINDOW_ATT_BIAS] = window_bias(e, p[1], p[2]);
  c->in[WINDOW_ATT_LOW] = window_low(e, p[1], p[4] != 0);
  c->attr.heads = (int)p[2];
}

/* ---- fused */

/* B, Q, K, c, H, bits: 2 norm, 4 scale, 8 offset, 32 mask */
static void make_pair_bias(ops_env *e, const int64_t *p, of3_call *c) {
  c->in[PAIR_BIAS_Z] = activations(e, DIMS(p[0], p[1], p[2], p[3]));
  if (p[5] & 4) c->in[PAIR_BIAS_SCALE] = norm_scale(e, p[3]);
  if (p[5] & 8) c->in[PAIR_BIAS_OFFSET] = norm_offset(e, p[3]);
  c->in[PAIR_BIAS_W] = weight(e, p[4], p[3]);
  if (p[5] & 32) c->in[PAIR_BIAS_MASK] = mask(e, MASK_RANDOM, DIMS(p[0], p[1], p[2]));
  c->attr.norm = (p[5] & 2) != 0;
  c->out = normal(e, 0, 1, DIMS(p[0], p[4], p[2], p[1]));
}

/* S, Q, K, H, d, batches of the bias, a divisor of S; 0 or 1 + kind of the key mask */
static void make_attention(ops_env *e, const int64_t *p, of3_call *c) {
  int64_t width = p[3] * p[4], sharing = p[0] / p[5];
  c->in[ATT_Q] = projected(e, 2, p[4], DIMS(sharing, p[5], p[1], width));
  c->in[ATT_K] = projected(e, 1, p[4], DIMS(sharing, p[5], p[2], width));
  c->in[ATT_V] = projected(e, 1, p[4], DIMS(sharing, p[5], p[2], width));
  c->in[ATT_G] = projected(e, 1, p[4], DIMS(sharing, p[5], p[1], width));
  c->in[ATT_BIAS] = normal(e, 0, 1, DIMS(p[5], p[3], p[2], p[1]));
  if (p[6]) c->in[ATT_KEY_MASK] = mask(e, p[6] - 1, DIMS(p[2]));
  c->attr.heads = (int)p[3];
}

/* B, M, c, hidden, 0 or 1 + kind of the mask over M, batches of the mask if x is over the pairs of M tokens
 */
static void make_transition(ops_env *e, const int64_t *p, of3_call *c) {
  c->attr.pairs = p[5] > 0;
  c->in[TRANS_X] = c->out =
      activations(e, c->attr.pairs ? DIMS(p[0], p[1], p[1], p[2]) : DIMS(p[0], p[1], p[2]));
  c->in[TRANS_SCALE] = norm_scale(e, p[2]);
  c->in[TRANS_OFFSET] = norm_offset(e, p[2]);
  c->in[TRANS_WA] = weight(e, p[3], p[2]);
  c->in[TRANS_WB] = weight(e, p[3], p[2]);
  c->in[TRANS_WO] = weight(e, p[2], p[3]);
  if (p[4]) c->in[TRANS_MASK] = mask(e, p[4] - 1, DIMS(p[5] ? p[5] : 1, p[1]));
}

/* B, M, c, n, weights, bits: 1 biases, 2 adaptive, 4 scale and offset, 8 for attention */
static void make_project(ops_env *e, const int64_t *p, of3_call *c) {
  c->in[PROJECT_X] = activations(e, DIMS(p[0], p[1], p[2]));
  if (p[5] & 2) {
    c->in[PROJECT_GATE] = gates(e, DIMS(p[1], p[2]));
    c->in[PROJECT_SHIFT] = normal(e, 0, 1, DIMS(p[1], p[2]));
  }
  if (p[5] & 4) {
    c->in[PROJECT_SCALE] = norm_scale(e, p[2]);
    c->in[PROJECT_OFFSET] = norm_offset(e, p[2]);
  }
  c->attr.bf16 = p[5] & 8 && e->matrix == OF3_BF16;
  for (int64_t i = 0; i < p[4]; i++) c->in[PROJECT_W + i] = weight(e, p[3], p[2]);
  for (int64_t i = 0; i < p[4] && (p[5] & 1); i += 2) c->in[PROJECT_B + i] = normal(e, 0, 1, DIMS(p[3]));
}

/* B, M, c_s, c, modulations, bits: 1 without the last out gate */
static void make_modulate(ops_env *e, const int64_t *p, of3_call *c) {
  c->in[MODULATE_S] = activations(e, DIMS(p[0], p[1], p[2]));
  for (int64_t i = 0; i < p[4]; i++) {
    const of3_tensor **in = c->in + i * MODULATE_STRIDE;
    in[MODULATE_SCALE] = norm_scale(e, p[2]);
    in[MODULATE_WG] = weight(e, p[3], p[2]);
    in[MODULATE_BG] = normal(e, 0, 1, DIMS(p[3]));
    in[MODULATE_WS] = weight(e, p[3], p[2]);
    if (i + 1 == p[4] && p[5] & 1) break;
    in[MODULATE_WO] = weight(e, p[3], p[2]);
    in[MODULATE_BO] = normal(e, 0, 1, DIMS(p[3]));
  }
}

/* B, M, c, hidden, batches of gate and shift (1 or B) */
static void make_gated_transition(ops_env *e, const int64_t *p, of3_call *c) {
  c->in[GTRANS_A] = c->out = activations(e, DIMS(p[0], p[1], p[2]));
  c->in[GTRANS_GATE] = gates(e, DIMS(p[4], p[1], p[2]));
  c->in[GTRANS_SHIFT] = normal(e, 0, 1, DIMS(p[4], p[1], p[2]));
  c->in[GTRANS_WA] = weight(e, p[3], p[2]);
  c->in[GTRANS_WB] = weight(e, p[3], p[2]);
  c->in[GTRANS_WO] = weight(e, p[2], p[3]);
  c->in[GTRANS_OUT_GATE] = gates(e, DIMS(p[4], p[1], p[2]));
  c->in[GTRANS_MASK] = mask(e, MASK_RANDOM, DIMS(p[1]));
}

/* B, N, c, hidden, outgoing, kind of the mask of tokens (-1: none), its batches, passes */
static void make_triangle_mul(ops_env *e, const int64_t *p, of3_call *c) {
  int64_t w = p[2], h = p[3];
  c->in[TRI_MUL_Z] = c->out = activations(e, DIMS(p[0], p[1], p[1], w));
  if (p[5] >= 0) c->in[TRI_MUL_MASK] = mask(e, p[5], DIMS(p[6], p[1]));
  c->in[TRI_MUL_IN_SCALE] = norm_scale(e, w);
  c->in[TRI_MUL_IN_OFFSET] = norm_offset(e, w);
  for (int i = TRI_MUL_WAP; i <= TRI_MUL_WBG; i++) c->in[i] = weight(e, h, w);
  c->in[TRI_MUL_OUT_SCALE] = norm_scale(e, h);
  c->in[TRI_MUL_OUT_OFFSET] = norm_offset(e, h);
  c->in[TRI_MUL_WZ] = weight(e, w, h);
  c->in[TRI_MUL_WG] = weight(e, w, w);
  c->attr.outgoing = (int)p[4];
  c->attr.passes = (int)p[7];
}

/* B, N, c, H, d, bits: 1 ending, 2 bias from z, 4 a mask for each batch entry; kind of the mask of tokens
 * (-1: none) */
static void make_triangle_attention(ops_env *e, const int64_t *p, of3_call *c) {
  int64_t w = p[2], hd = p[3] * p[4];
  c->in[TRI_ATT_Z] = c->out = activations(e, DIMS(p[0], p[1], p[1], w));
  if (p[6] >= 0) c->in[TRI_ATT_MASK] = mask(e, p[6], DIMS(p[5] & 4 ? p[0] : 1, p[1]));
  c->in[TRI_ATT_SCALE] = norm_scale(e, w);
  c->in[TRI_ATT_OFFSET] = norm_offset(e, w);
  c->in[TRI_ATT_WZ] = weight(e, p[3], w);
  for (int i = TRI_ATT_WQ; i <= TRI_ATT_WG; i++) c->in[i] = weight(e, hd, w);
  c->in[TRI_ATT_WO] = weight(e, w, hd);
  c->attr = (of3_attr){.heads = (int)p[3], .ending = p[5] & 1, .bias_from_z = (p[5] & 2) != 0};
}

/* M, N, c_m, hidden, c_z, 1: without a mask */
static void make_outer_product_mean(ops_env *e, const int64_t *p, of3_call *c) {
  c->in[OPM_Z] = c->out = normal(e, 0, 1, DIMS(p[1], p[1], p[4]));
  c->in[OPM_M] = activations(e, DIMS(p[0], p[1], p[2]));
  if (!p[5]) c->in[OPM_MASK] = mask(e, MASK_RANDOM, DIMS(p[0], p[1]));
  c->in[OPM_SCALE] = norm_scale(e, p[2]);
  c->in[OPM_OFFSET] = norm_offset(e, p[2]);
  c->in[OPM_W1] = weight(e, p[3], p[2]);
  c->in[OPM_W2] = weight(e, p[3], p[2]);
  c->in[OPM_WO] = weight(e, p[4], p[3] * p[3]);
  c->in[OPM_BO] = normal(e, 0, 1, DIMS(p[4]));
}

/* M, N, c_m, c_z, H, d, kind of the mask of tokens (-1: none) */
static void make_pair_weighted_average(ops_env *e, const int64_t *p, of3_call *c) {
  int64_t hd = p[4] * p[5];
  c->in[PWA_M] = c->out = activations(e, DIMS(p[0], p[1], p[2]));
  c->in[PWA_Z] = activations(e, DIMS(p[1], p[1], p[3]));
  if (p[6] >= 0) c->in[PWA_MASK] = mask(e, p[6], DIMS(p[1]));
  c->in[PWA_M_SCALE] = norm_scale(e, p[2]);
  c->in[PWA_M_OFFSET] = norm_offset(e, p[2]);
  c->in[PWA_Z_SCALE] = norm_scale(e, p[3]);
  c->in[PWA_Z_OFFSET] = norm_offset(e, p[3]);
  c->in[PWA_WZ] = weight(e, p[4], p[3]);
  c->in[PWA_WV] = weight(e, hd, p[2]);
  c->in[PWA_WG] = weight(e, hd, p[2]);
  c->in[PWA_WO] = weight(e, p[2], hd);
  c->attr.heads = (int)p[4];
}

void ops_make(ops_env *e, of3_op op, const int64_t *param, of3_call *call) {
  static void (*const make[OF3_N_OP])(ops_env *, const int64_t *, of3_call *) = {
#define OF3_OP(id, name, ...) make_##name,
#include "tensor/ops.def"
#undef OF3_OP
  };
  *call = (of3_call){.op = op};
  make[op](e, param, call);
}
