/* Shape rules: what an operation gives, and what it demands of its arguments (broken demands are bugs of the
 * caller). */
#include <assert.h>
#include <string.h>

#include "tensor/ops_table.h"
#include "tensor/pairs.h"

/* assert whose arguments count as used in release builds too. */
#ifdef NDEBUG
#define DEMAND(condition) ((void)(false && (condition)))
#else
#define DEMAND(condition) assert(condition)
#endif

static of3_shape like(const of3_tensor *t) {
  of3_shape s = {.dtype = t->dtype, .rank = t->rank};
  memcpy(s.dim, t->shape, sizeof s.dim);
  return s;
}

/* Shape of t with another last axis; 0 drops it. */
static of3_shape with_last(const of3_tensor *t, int64_t last) {
  of3_shape s = like(t);
  if (last)
    s.dim[s.rank - 1] = last;
  else
    s.rank--;
  return s;
}

static bool rows_divide(const of3_tensor *opt, int64_t rows) {
  return !opt || rows == 0 || rows % of3_rows(opt) == 0;
}
static bool count_divides(const of3_tensor *opt, int64_t rows) {
  return !opt || rows == 0 || rows % of3_count(opt) == 0;
}
static bool is_matrix(const of3_tensor *w, int64_t n, int64_t k) {
  return w->rank == 2 && w->shape[0] == n && w->shape[1] == k;
}
/* Of queries, keys ...: all f32, or all bf16 with heads of even width. */
static bool are_alike(const of3_call *c, int n) {
  const of3_tensor *const *in = c->in;
  for (int i = 1; i < n; i++)
    if (in[i]->dtype != in[0]->dtype) return false;
  return of3_dim(in[0], 0) % c->attr.heads == 0 &&
         (in[0]->dtype == OF3_F32 || of3_dim(in[0], 0) / c->attr.heads % 2 == 0);
}
static bool has_width(const of3_tensor *opt, int64_t c) { return !opt || of3_dim(opt, 0) == c; }

/* z [..,N,N,c] with a mask of the tokens [~,N]. */
static void check_pair(const of3_tensor *z, const of3_tensor *opt_mask) {
  DEMAND(of3_dim(z, 1) == of3_dim(z, 2));
  DEMAND(!opt_mask || of3_dim(z, 1) == 0 ||
         (of3_dim(opt_mask, 0) == of3_dim(z, 1) &&
          rows_divide(opt_mask, of3_rows(z) / of3_dim(z, 1) / of3_dim(z, 1))));
}

of3_shape of3_shape_linear(const of3_call *c) {
  const of3_tensor *x = c->in[LINEAR_X], *w = c->in[LINEAR_W], *y = c->in[LINEAR_Y];
  DEMAND(w->rank == 2 && w->shape[1] == of3_dim(x, 0) && has_width(c->in[LINEAR_B], w->shape[0]));
  DEMAND(!y || (of3_rows(y) == of3_rows(x) && of3_dim(y, 0) == w->shape[0]));
  DEMAND(rows_divide(c->in[LINEAR_GATE], of3_rows(x)) && has_width(c->in[LINEAR_GATE], w->shape[0]));
  DEMAND(count_divides(c->in[LINEAR_MASK], of3_rows(x)));
  DEMAND(x->dtype == OF3_F32 || (w->dtype == OF3_BF16 && of3_dim(x, 0) % 2 == 0 && !c->attr.norm));
  of3_shape s = with_last(x, w->shape[0]);
  s.dtype = OF3_F32;
  return s;
}

of3_shape of3_shape_norm(const of3_call *c) {
  DEMAND(has_width(c->in[NORM_SCALE], of3_dim(c->in[NORM_X], 0)) &&
         has_width(c->in[NORM_OFFSET], of3_dim(c->in[NORM_X], 0)));
  return like(c->in[NORM_X]);
}

of3_shape of3_shape_act(const of3_call *c) { return like(c->in[ACT_Y]); }

of3_shape of3_shape_add(const of3_call *c) {
  DEMAND(of3_dim(c->in[ADD_Y], 0) == of3_dim(c->in[ADD_X], 0) &&
         rows_divide(c->in[ADD_X], of3_rows(c->in[ADD_Y])));
  return like(c->in[ADD_Y]);
}

of3_shape of3_shape_combine(const of3_call *c) {
  const of3_tensor *x = c->in[COMBINE_X];
  DEMAND(!c->in[COMBINE_Y] || of3_count(x) == of3_count(c->in[COMBINE_Y]));
  DEMAND(count_divides(c->in[COMBINE_A], x->shape[0]) && count_divides(c->in[COMBINE_B], x->shape[0]));
  DEMAND(count_divides(c->in[COMBINE_MASK], of3_rows(x)));
  return like(x);
}

of3_shape of3_shape_mask_rows(const of3_call *c) {
  DEMAND(count_divides(c->in[MASK_ROWS_MASK], of3_rows(c->in[MASK_ROWS_Y])));
  return like(c->in[MASK_ROWS_Y]);
}

of3_shape of3_shape_copy(const of3_call *c) {
  DEMAND(of3_count(c->in[COPY_Y]) % of3_count(c->in[COPY_X]) == 0);
  return like(c->in[COPY_Y]);
}

of3_shape of3_shape_concat(const of3_call *c) {
  DEMAND(rows_divide(c->in[CONCAT_B], of3_rows(c->in[CONCAT_A])));
  return with_last(c->in[CONCAT_A], of3_dim(c->in[CONCAT_A], 0) + of3_dim(c->in[CONCAT_B], 0));
}

of3_shape of3_shape_outer_sum(const of3_call *c) {
  const of3_tensor *a = c->in[OUTER_SUM_A], *b = c->in[OUTER_SUM_B];
  DEMAND(of3_count(c->out) == of3_count(a) * of3_rows(b) && a->rank == 2 && b->rank == 2 &&
         a->shape[1] == b->shape[1]);
  return (of3_shape){OF3_F32, 3, {a->shape[0], b->shape[0], a->shape[1]}};
}

of3_shape of3_shape_embed_add(const of3_call *c) {
  const of3_tensor *y = c->in[EMBED_Y];
  DEMAND(of3_dim(c->in[EMBED_TABLE], 0) == of3_dim(y, 0) && rows_divide(c->in[EMBED_INDEX], of3_rows(y)));
  DEMAND(!c->in[EMBED_WEIGHT] || of3_count(c->in[EMBED_WEIGHT]) == of3_rows(y));
  return like(y);
}

of3_shape of3_shape_gather(const of3_call *c) {
  const of3_tensor *x = c->in[GATHER_X], *y = c->in[GATHER_Y];
  DEMAND(!c->in[GATHER_MASK] || of3_count(c->in[GATHER_INDEX]) == of3_count(c->in[GATHER_MASK]));
  if (y) {
    DEMAND(of3_dim(y, 1) == of3_count(c->in[GATHER_INDEX]) && of3_dim(y, 0) == of3_dim(x, 0));
    return like(y);
  }
  of3_shape s = like(x);
  s.dim[s.rank - 2] = of3_count(c->in[GATHER_INDEX]);
  return s;
}

of3_shape of3_shape_segment_mean(const of3_call *c) {
  of3_shape s = like(c->in[SEGMENT_X]);
  DEMAND(!c->in[SEGMENT_MASK] || of3_dim(c->in[SEGMENT_X], 1) == of3_count(c->in[SEGMENT_MASK]));
  s.dim[s.rank - 2] = of3_count(c->in[SEGMENT_START]);
  return s;
}

of3_shape of3_shape_symmetrize(const of3_call *c) {
  DEMAND(of3_dim(c->in[SYMMETRIZE_X], 1) == of3_dim(c->in[SYMMETRIZE_X], 2));
  return like(c->in[SYMMETRIZE_X]);
}

of3_shape of3_shape_expect(const of3_call *c) {
  const of3_tensor *x = c->in[EXPECT_X], *chain = c->in[EXPECT_CHAIN];
  DEMAND(of3_dim(x, 0) == of3_dim(c->in[EXPECT_TABLE], 0));
  DEMAND(!chain ||
         (x->rank == 3 && of3_count(chain) == 2 * x->shape[1] && c->attr.first + x->shape[0] <= x->shape[1] &&
          of3_count(c->in[EXPECT_SET_OF_SIZE]) == x->shape[1] + 1));
  return with_last(x, 0);
}

/* A vector over the tokens of z [..,N,N,c] that has `width` numbers of each [~,N,width]. */
static bool is_over_tokens(const of3_tensor *t, const of3_tensor *z, int64_t width) {
  const int64_t n = of3_dim(z, 1);
  return n == of3_dim(z, 2) && of3_dim(t, 0) == width && of3_dim(t, 1) == n &&
         (n == 0 || of3_rows(z) / n % of3_rows(t) == 0);
}

of3_shape of3_shape_relpos_add(const of3_call *c) {
  const of3_tensor *z = c->in[RELPOS_ADD_Z];
  DEMAND(is_over_tokens(c->in[RELPOS_ADD_PLACE], z, OF3_N_PLACE));
  DEMAND(is_matrix(c->in[RELPOS_ADD_TABLE], OF3_RELPOS_CLASSES, of3_dim(z, 0)));
  return like(z);
}

of3_shape of3_shape_relpos_one_hot(const of3_call *c) {
  const of3_tensor *place = c->in[RELPOS_ONE_HOT_PLACE];
  const int64_t n = of3_dim(place, 1);
  DEMAND(of3_dim(place, 0) == OF3_N_PLACE && c->attr.first >= 0 && c->attr.first + c->attr.rows <= n);
  of3_shape s = {.dtype = OF3_F32, .rank = place->rank + 1};
  memcpy(s.dim, place->shape, (size_t)(place->rank - 2) * sizeof s.dim[0]);
  s.dim[s.rank - 3] = c->attr.rows;
  s.dim[s.rank - 2] = n;
  s.dim[s.rank - 1] = OF3_RELPOS_CLASSES;
  return s;
}

of3_shape of3_shape_bond_add(const of3_call *c) {
  const of3_tensor *z = c->in[BOND_ADD_Z], *bond = c->in[BOND_ADD_PAIR];
  DEMAND(of3_dim(z, 1) == of3_dim(z, 2) && of3_dim(bond, 0) == 2 &&
         of3_count(c->in[BOND_ADD_ROW]) == of3_dim(z, 0));
  DEMAND(bond->rank == 2 || (bond->rank == z->rank - 1 && bond->shape[0] == z->shape[0]));
  return like(z);
}

of3_shape of3_shape_fourier(const of3_call *c) {
  return (of3_shape){OF3_F32, 2, {of3_count(c->in[FOURIER_T]), of3_count(c->in[FOURIER_W])}};
}

of3_shape of3_shape_augment(const of3_call *c) {
  DEMAND(c->in[AUGMENT_X]->rank == 3 && of3_count(c->in[AUGMENT_ROTATION]) == 9 * c->in[AUGMENT_X]->shape[0]);
  return like(c->in[AUGMENT_X]);
}

of3_shape of3_shape_distance_bin(const of3_call *c) {
  int64_t n = of3_count(c->in[DISTANCE_REP]);
  return (of3_shape){OF3_I32, 3, {c->in[DISTANCE_X]->shape[0], n, n}};
}

of3_shape of3_shape_atom_pair(const of3_call *c) {
  of3_shape s = {
      OF3_F32,
      4,
      {of3_count(c->in[ATOM_PAIR_LOW]), OF3_WINDOW_QUERIES, OF3_WINDOW_KEYS, c->in[ATOM_PAIR_WD]->shape[0]}};
  DEMAND(is_matrix(c->in[ATOM_PAIR_WD], s.dim[3], 3) && is_matrix(c->in[ATOM_PAIR_WI], s.dim[3], 1));
  return s;
}

of3_shape of3_shape_window_add(const of3_call *c) {
  DEMAND(of3_dim(c->in[WINDOW_ADD_P], 0) == of3_dim(c->in[WINDOW_ADD_ROW], 0));
  return like(c->in[WINDOW_ADD_P]);
}

of3_shape of3_shape_window_gather(const of3_call *c) {
  DEMAND(of3_dim(c->in[WINDOW_GATHER_P], 0) == of3_dim(c->in[WINDOW_GATHER_Z], 0));
  return like(c->in[WINDOW_GATHER_P]);
}

of3_shape of3_shape_window_attention(const of3_call *c) {
  const of3_tensor *bias = c->in[WINDOW_ATT_BIAS];
  DEMAND(bias->rank == 4 && bias->shape[1] == c->attr.heads && bias->shape[2] == OF3_WINDOW_KEYS &&
         bias->shape[3] == OF3_WINDOW_QUERIES);
  DEMAND(are_alike(c, WINDOW_ATT_G + 1));
  return like(c->in[WINDOW_ATT_Q]);
}

of3_shape of3_shape_pair_bias(const of3_call *c) {
  const of3_tensor *z = c->in[PAIR_BIAS_Z], *w = c->in[PAIR_BIAS_W];
  DEMAND(w->shape[1] == of3_dim(z, 0) && count_divides(c->in[PAIR_BIAS_MASK], of3_rows(z)));
  of3_shape s = like(z); /* [..,Q,K,c] -> [..,H,K,Q] */
  int r = s.rank;
  s.dim[r - 3] = w->shape[0];
  s.dim[r - 2] = z->shape[r - 2];
  s.dim[r - 1] = z->shape[r - 3];
  return s;
}

of3_shape of3_shape_attention(const of3_call *c) {
  const of3_tensor *q = c->in[ATT_Q], *k = c->in[ATT_K], *bias = c->in[ATT_BIAS];
  DEMAND(of3_dim(q, 0) == of3_dim(k, 0) && are_alike(c, ATT_G + 1) &&
         of3_count(q) == of3_count(c->in[ATT_G]));
  DEMAND(of3_dim(bias, 0) == of3_dim(q, 1) && of3_dim(bias, 1) == of3_dim(k, 1) &&
         of3_dim(bias, 2) == c->attr.heads);
  return like(q);
}

of3_shape of3_shape_transition(const of3_call *c) {
  int64_t w = of3_dim(c->in[TRANS_X], 0), h = c->in[TRANS_WA]->shape[0];
  DEMAND(is_matrix(c->in[TRANS_WA], h, w) && is_matrix(c->in[TRANS_WB], h, w) &&
         is_matrix(c->in[TRANS_WO], w, h));
  if (c->attr.pairs)
    check_pair(c->in[TRANS_X], c->in[TRANS_MASK]);
  else
    DEMAND(count_divides(c->in[TRANS_MASK], of3_rows(c->in[TRANS_X])));
  return like(c->in[TRANS_X]);
}

of3_shape of3_shape_project(const of3_call *c) {
  const of3_tensor *x = c->in[PROJECT_X], *gate = c->in[PROJECT_GATE], *w = c->in[PROJECT_W];
  DEMAND(rows_divide(gate, of3_rows(x)) && has_width(gate, of3_dim(x, 0)));
  DEMAND(w && (!gate || of3_count(gate) == of3_count(c->in[PROJECT_SHIFT])));
  of3_shape s = {.dtype = c->attr.bf16 ? OF3_BF16 : x->dtype, .rank = x->rank + 1};
  for (; s.dim[0] < PROJECT_MOST && c->in[PROJECT_W + s.dim[0]]; s.dim[0]++) {
    DEMAND(is_matrix(c->in[PROJECT_W + s.dim[0]], w->shape[0], of3_dim(x, 0)));
    DEMAND(has_width(c->in[PROJECT_B + s.dim[0]], w->shape[0]));
  }
  memcpy(s.dim + 1, x->shape, (size_t)(x->rank - 1) * sizeof s.dim[0]);
  s.dim[s.rank - 1] = w->shape[0];
  return s;
}

of3_shape of3_shape_modulate(const of3_call *c) {
  const of3_tensor *s = c->in[MODULATE_S];
  of3_shape y = {.dtype = s->dtype, .rank = s->rank + 1};
  DEMAND(c->in[MODULATE_WG]);
  const int64_t n = c->in[MODULATE_WG]->shape[0], k = of3_dim(s, 0);
  for (int i = 0; i < MODULATE_MOST; i++) {
    const of3_tensor *const *in = c->in + i * MODULATE_STRIDE;
    if (!in[MODULATE_WG]) break;
    DEMAND(is_matrix(in[MODULATE_WG], n, k) && is_matrix(in[MODULATE_WS], n, k));
    DEMAND(has_width(in[MODULATE_SCALE], k) && has_width(in[MODULATE_BG], n) &&
           has_width(in[MODULATE_BO], n));
    DEMAND(!in[MODULATE_WO] || is_matrix(in[MODULATE_WO], n, k));
    y.dim[0] += in[MODULATE_WO] ? 3 : 2;
  }
  memcpy(y.dim + 1, s->shape, (size_t)(s->rank - 1) * sizeof y.dim[0]);
  y.dim[y.rank - 1] = n;
  return y;
}

of3_shape of3_shape_gated_transition(const of3_call *c) {
  int64_t w = of3_dim(c->in[GTRANS_A], 0), h = c->in[GTRANS_WA]->shape[0];
  DEMAND(is_matrix(c->in[GTRANS_WA], h, w) && is_matrix(c->in[GTRANS_WB], h, w) &&
         is_matrix(c->in[GTRANS_WO], w, h));
  DEMAND(rows_divide(c->in[GTRANS_GATE], of3_rows(c->in[GTRANS_A])) &&
         count_divides(c->in[GTRANS_MASK], of3_rows(c->in[GTRANS_A])));
  return like(c->in[GTRANS_A]);
}

of3_shape of3_shape_triangle_mul(const of3_call *c) {
  check_pair(c->in[TRI_MUL_Z], c->in[TRI_MUL_MASK]);
  int64_t w = of3_dim(c->in[TRI_MUL_Z], 0), h = c->in[TRI_MUL_WAP]->shape[0];
  DEMAND(is_matrix(c->in[TRI_MUL_WAG], h, w) && is_matrix(c->in[TRI_MUL_WBP], h, w) &&
         is_matrix(c->in[TRI_MUL_WBG], h, w));
  DEMAND(is_matrix(c->in[TRI_MUL_WZ], w, h) && is_matrix(c->in[TRI_MUL_WG], w, w));
  return like(c->in[TRI_MUL_Z]);
}

of3_shape of3_shape_triangle_attention(const of3_call *c) {
  check_pair(c->in[TRI_ATT_Z], c->in[TRI_ATT_MASK]);
  int64_t w = of3_dim(c->in[TRI_ATT_Z], 0), h = c->in[TRI_ATT_WQ]->shape[0];
  DEMAND(h % c->attr.heads == 0 && is_matrix(c->in[TRI_ATT_WO], w, h) &&
         is_matrix(c->in[TRI_ATT_WZ], c->attr.heads, w));
  return like(c->in[TRI_ATT_Z]);
}

of3_shape of3_shape_outer_product_mean(const of3_call *c) {
  const of3_tensor *z = c->in[OPM_Z], *m = c->in[OPM_M];
  int64_t h = c->in[OPM_W1]->shape[0];
  DEMAND(z->rank == 3 && m->rank == 3 && (!c->in[OPM_MASK] || of3_count(c->in[OPM_MASK]) == of3_rows(m)) &&
         m->shape[1] == z->shape[0]);
  DEMAND(is_matrix(c->in[OPM_WO], of3_dim(z, 0), h * h));
  return like(z);
}

of3_shape of3_shape_pair_weighted_average(const of3_call *c) {
  const of3_tensor *m = c->in[PWA_M], *z = c->in[PWA_Z];
  DEMAND(z->rank == 3 && m->rank == 3 && m->shape[1] == z->shape[0] &&
         c->in[PWA_WV]->shape[0] % c->attr.heads == 0);
  check_pair(z, c->in[PWA_MASK]);
  return like(m);
}
