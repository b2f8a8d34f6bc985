/* What a pair of tokens takes from vectors over the tokens, so that nothing of N x N numbers need be kept:
 * shared by the plain C reference and the CPU kernels. Rows of a tensor [..,N,N,c] are pairs: row r is pair
 * (i,j) with i = r / N mod N, j = r mod N. A vector over tokens [~,N] has one entry of the batch or all. */
#ifndef OF3_TENSOR_PAIRS_H
#define OF3_TENSOR_PAIRS_H

#include "tensor/ops.h"
#include "tensor/template_pairs.h"

/* The vector of batch entry b. */
static inline const float *of3_entry_mask(const of3_tensor *opt_mask, int64_t n, int64_t b) {
  return opt_mask ? of3_f32(opt_mask) + b % (of3_count(opt_mask) / n) * n : NULL;
}

/* The mask of pair (i,j). */
static inline float of3_pair_mask(const float *opt_mask, int64_t i, int64_t j) {
  return opt_mask ? opt_mask[i] * opt_mask[j] : 1.0f;
}

/* The mask of row r of a tensor over pairs of n tokens. */
static inline float of3_row_pair_mask(const of3_tensor *opt_mask, int64_t n, int64_t r) {
  return of3_pair_mask(of3_entry_mask(opt_mask, n, r / (n * n)), r / n % n, r % n);
}

/* Index i of EMBED_ADD; -1: none. */
static inline int64_t of3_embed_index(const of3_tensor *index, int64_t i) {
  if (index->dtype == OF3_I32) return of3_i32(index)[i];
  const uint8_t at = ((const uint8_t *)of3_host(index))[i];
  return at == 255 ? -1 : at;
}

/* TAKE_ROWS: the row of x, of all batch entries, that row r of the result is. */
static inline int64_t of3_row_taken(const of3_call *c, int64_t r) {
  const of3_tensor *x = c->in[TAKE_ROWS_X], *index = c->in[TAKE_ROWS_INDEX];
  const int64_t each = of3_dim(x, 1), entry = r / of3_dim(index, 0);
  return entry % (of3_rows(x) / each) * each + of3_i32(index)[r % of3_count(index)];
}

/* ---- AF3 SI Alg. 3: classes of relative positions */

enum {
  OF3_MAX_RELATIVE_INDEX = 32,
  OF3_MAX_RELATIVE_CHAIN = 2,
  OF3_RELPOS_CLASSES = 2 * (2 * OF3_MAX_RELATIVE_INDEX + 2) + 1 + 2 * OF3_MAX_RELATIVE_CHAIN + 2 /* 139 */
};

/* The place of a token: its indices in the features, and, if its chain is a ring, its rank in it and the
 * ring's length; length 0: no ring. */
enum {
  OF3_PLACE_RESIDUE,
  OF3_PLACE_TOKEN,
  OF3_PLACE_ASYM,
  OF3_PLACE_ENTITY,
  OF3_PLACE_SYM,
  OF3_PLACE_RANK,
  OF3_PLACE_LENGTH,
  OF3_N_PLACE
};

/* The places of batch entry b. */
static inline const int32_t *of3_entry_places(const of3_tensor *place, int64_t b) {
  const int64_t n = of3_dim(place, 1) * OF3_N_PLACE;
  return of3_i32(place) + b % (of3_count(place) / n) * n;
}

/* Class of an offset in a block of 2 most + 2 classes, the last one meaning "elsewhere" (AF3 SI Alg. 4). */
static inline int of3_offset_class(int64_t offset, bool inside, int most) {
  if (!inside) return 2 * most + 1;
  return offset < -most ? 0 : offset > most ? 2 * most : (int)offset + most;
}

/* Offset from token j to token i around their ring. Half of its length is rounded half to even, as Python
 * rounds: a token just opposite is ahead. */
static inline int of3_ring_offset(int rank_i, int rank_j, int length) {
  const int ahead = (rank_j - rank_i + length) % length, half = length % 4 == 3 ? length / 2 + 1 : length / 2;
  return ahead <= half ? -ahead : length - ahead;
}

/* The four classes that are one, -1 for none, of tokens at places a (i) and b (j). */
static inline void of3_relpos_classes(const int32_t *a, const int32_t *b, int32_t out[4]) {
  const int width = 2 * OF3_MAX_RELATIVE_INDEX + 2;
  const bool chain = a[OF3_PLACE_ASYM] == b[OF3_PLACE_ASYM],
             entity = a[OF3_PLACE_ENTITY] == b[OF3_PLACE_ENTITY],
             same_residue = chain && a[OF3_PLACE_RESIDUE] == b[OF3_PLACE_RESIDUE];
  int64_t offset[3]; /* of residues, tokens, copies of the chain */
  if (chain && a[OF3_PLACE_LENGTH] && b[OF3_PLACE_LENGTH])
    offset[0] = offset[1] = offset[2] =
        of3_ring_offset(a[OF3_PLACE_RANK], b[OF3_PLACE_RANK], a[OF3_PLACE_LENGTH]);
  else {
    offset[0] = (int64_t)a[OF3_PLACE_RESIDUE] - b[OF3_PLACE_RESIDUE];
    offset[1] = (int64_t)a[OF3_PLACE_TOKEN] - b[OF3_PLACE_TOKEN];
    offset[2] = (int64_t)a[OF3_PLACE_SYM] - b[OF3_PLACE_SYM];
  }
  out[0] = of3_offset_class(offset[0], chain, OF3_MAX_RELATIVE_INDEX);
  out[1] = width + of3_offset_class(offset[1], same_residue, OF3_MAX_RELATIVE_INDEX);
  out[2] = entity ? 2 * width : -1;
  out[3] = 2 * width + 1 + of3_offset_class(offset[2], entity, OF3_MAX_RELATIVE_CHAIN);
}

/* ---- AF3 SI Alg. 16 */

/* Pair (i,j) of batch entry b of n tokens: its five features (masks and unit vector), the row of the
 * distogram
 * (-1: none) and that row's factor. */
typedef struct of3_template_features {
  float x[5], factor;
  int bin;
} of3_template_features;

static inline void of3_template_geometry(const of3_call *c, int64_t n, int64_t b, int64_t i, int64_t j,
                                         of3_template_features *f) {
  const of3_tensor *unit = c->in[TEMPLATE_ADD_UNIT], *bin = c->in[TEMPLATE_ADD_BIN],
                   *place = c->in[TEMPLATE_ADD_PLACE];
  const int64_t row = (b * n + i) * n + j;
  f->bin = bin ? ((const uint8_t *)of3_host(bin))[row % of3_count(bin)] : 255;
  if (f->bin == 255) f->bin = -1;
  for (int k = 0; k < 3; k++) f->x[2 + k] = unit ? of3_f32(unit)[row % of3_rows(unit) * 3 + k] : 0;
  if (!place) return;
  const float *of_entry = of3_f32(place) + b * n % of3_rows(place) * OF3_N_TEMPLATE_PLACE,
              *at_i = of_entry + i * OF3_N_TEMPLATE_PLACE, *at_j = of_entry + j * OF3_N_TEMPLATE_PLACE;
  if (f->bin < 0) f->bin = of3_template_distance_bin(at_i, at_j);
  of3_template_add_unit(at_i, at_j, f->x + 2);
}

static inline of3_template_features of3_template_pair(const of3_call *c, int64_t n, int64_t b, int64_t i,
                                                      int64_t j) {
  const of3_tensor *t = c->in[TEMPLATE_ADD_ASYM];
  const int32_t *asym = of3_i32(t) + b % of3_rows(t) * n;
  const float chain = c->attr.chain_equal ? (float)(asym[i] == asym[j]) : (float)asym[i] * (float)asym[j];
  of3_template_features f;
  f.factor = c->attr.chain_equal ? 1.0f : chain;
  of3_template_geometry(c, n, b, i, j, &f);
  f.x[0] = of3_pair_mask(of3_entry_mask(c->in[TEMPLATE_ADD_BETA], n, b), i, j) * chain;
  f.x[1] = of3_pair_mask(of3_entry_mask(c->in[TEMPLATE_ADD_FRAME], n, b), i, j) * chain;
  for (int k = 2; k < 5; k++) f.x[k] *= f.factor;
  return f;
}

/* ---- sets of tokens */

/* Number of tokens in the chains of two tokens; chain [2]: a number of the chain, and how many tokens it has.
 */
static inline int32_t of3_tokens_of_chains(const int32_t *a, const int32_t *b) {
  return a[0] == b[0] ? a[1] : a[1] + b[1];
}

/* EXPECT: the row of its table that row r of x [..,R,N,bins] takes. */
static inline int32_t of3_expect_set(const of3_call *c, int64_t r) {
  const of3_tensor *chains = c->in[EXPECT_CHAIN], *sets = c->in[EXPECT_SET_OF_SIZE];
  if (!chains) return 0;
  const int64_t n = of3_dim(chains, 1), i = r / n % of3_dim(c->in[EXPECT_X], 2), j = r % n,
                entry = r / n / of3_dim(c->in[EXPECT_X], 2);
  const int32_t *chain = of3_i32(chains) + 2 * (entry * n % (of3_count(chains) / 2));
  const int32_t size = of3_tokens_of_chains(chain + 2 * (c->attr.first + i), chain + 2 * j);
  return of3_i32(sets)[(entry * (n + 1) + size) % of3_count(sets)];
}

#endif
