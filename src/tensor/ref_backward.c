/* Plain C reference of backwards: linear, norm and what works number by number. */
#include "tensor/ref_backward.h"

void of3_backward_norm(const of3_call *c) {
  const of3_tensor *x = c->in[NORM_X];
  const int64_t n = of3_dim(x, 0);
  double *u = ref_alloc(c, 2 * n);
  ref_sums s;
  if (!u || !ref_sums_begin(c, &s)) {
    free(u);
    return;
  }
  for (int64_t r = 0; r < of3_rows(x); r++) {
    for (int64_t i = 0; i < n; i++) u[i] = ref_dy(c, r * n + i);
    ref_norm_back(&s, NORM_SCALE, NORM_OFFSET, of3_f32(x) + r * n, n, u + n, u);
    for (int64_t i = 0; i < n; i++) ref_put(&s, NORM_X, r * n + i, u[i]);
  }
  ref_sums_end(&s);
  free(u);
}

static void linear_row(const of3_call *c, int64_t r, double *row) {
  const of3_tensor *x = c->in[LINEAR_X];
  const int64_t k = of3_dim(x, 0);
  if (c->attr.norm)
    ref_norm_row(of3_f32(x) + r * k, k, c->in[LINEAR_SCALE], c->in[LINEAR_OFFSET], row);
  else
    for (int64_t i = 0; i < k; i++) row[i] = ref_get(x, r * k + i);
}

/* Output o of row r: to W, b and gate, and to the gradient dx of the row. */
static void linear_output(const ref_sums *s, int64_t r, int64_t o, const double *row, double *dx) {
  const of3_call *c = s->call;
  const of3_tensor *w = c->in[LINEAR_W], *b = c->in[LINEAR_B], *gate = c->in[LINEAR_GATE],
                   *mask = c->in[LINEAR_MASK];
  const int64_t n = w->shape[0], at_gate = gate ? r % of3_rows(gate) * n + o : 0;
  const double g = gate ? (double)of3_f32(gate)[at_gate] : 1,
               m = mask ? (double)of3_f32(mask)[r % of3_count(mask)] : 1, dy = m * ref_dy(c, r * n + o),
               z = ref_dot(w, o, row) + (b ? (double)of3_f32(b)[o] : 0),
               u = dy * g * ref_slope(z, c->attr.act);
  ref_put(s, LINEAR_GATE, at_gate, dy * ref_act(z, c->attr.act));
  ref_put(s, LINEAR_B, o, u);
  ref_product_back(s, LINEAR_W, o, row, u, dx);
}

void of3_backward_linear(const of3_call *c) {
  const of3_tensor *x = c->in[LINEAR_X], *w = c->in[LINEAR_W];
  const int64_t k = w->shape[1], n = w->shape[0];
  double *row = ref_alloc(c, 3 * k), *dx = row ? row + k : NULL;
  ref_sums s;
  if (!row || !ref_sums_begin(c, &s)) {
    free(row);
    return;
  }
  for (int64_t r = 0; r < of3_rows(x); r++) {
    linear_row(c, r, row);
    memset(dx, 0, (size_t)k * sizeof *dx);
    for (int64_t o = 0; o < n; o++) linear_output(&s, r, o, row, dx);
    if (c->attr.norm) ref_norm_back(&s, LINEAR_SCALE, LINEAR_OFFSET, of3_f32(x) + r * k, k, row + 2 * k, dx);
    for (int64_t i = 0; i < k; i++) ref_put(&s, LINEAR_X, r * k + i, dx[i]);
  }
  ref_sums_end(&s);
  free(row);
}

void of3_backward_act(const of3_call *c) {
  const of3_tensor *y = c->in[ACT_Y];
  ref_sums s;
  if (!ref_sums_begin(c, &s)) return;
  for (int64_t i = 0; i < of3_count(y); i++)
    ref_put(&s, ACT_Y, i, ref_dy(c, i) * ref_slope((double)of3_f32(y)[i], c->attr.act));
  ref_sums_end(&s);
}

/* The gradient of an argument that repeats over the output. */
static void sum_repeats(const of3_call *c, int arg) {
  const int64_t n = of3_count(c->in[arg]);
  ref_sums s;
  if (!ref_sums_begin(c, &s)) return;
  for (int64_t i = 0; i < of3_count(c->dy); i++) ref_put(&s, arg, i % n, ref_dy(c, i));
  ref_sums_end(&s);
}

void of3_backward_add(const of3_call *c) { sum_repeats(c, ADD_X); }
void of3_backward_copy(const of3_call *c) { sum_repeats(c, COPY_X); }

void of3_backward_combine(const of3_call *c) {
  const of3_tensor *x = c->in[COMBINE_X], *y = c->in[COMBINE_Y], *a = c->in[COMBINE_A], *b = c->in[COMBINE_B],
                   *mask = c->in[COMBINE_MASK];
  const int64_t width = of3_dim(x, 0), each = of3_dim(x, 1) * width;
  ref_sums s;
  if (!ref_sums_begin(c, &s)) return;
  for (int64_t i = 0; i < of3_count(x); i++) {
    const int64_t at_a = i / each % of3_count(a), at_b = b ? i / each % of3_count(b) : 0;
    const double u = ref_dy(c, i) * (mask ? (double)of3_f32(mask)[i / width % of3_count(mask)] : 1);
    ref_put(&s, COMBINE_X, i, u * (double)of3_f32(a)[at_a]);
    ref_put(&s, COMBINE_A, at_a, u * (double)of3_f32(x)[i]);
    if (!b) continue;
    ref_put(&s, COMBINE_Y, i, u * (double)of3_f32(b)[at_b]);
    ref_put(&s, COMBINE_B, at_b, u * (double)of3_f32(y)[i]);
  }
  ref_sums_end(&s);
}

void of3_backward_mask_rows(const of3_call *c) {
  const of3_tensor *mask = c->in[MASK_ROWS_MASK];
  const int64_t width = of3_dim(c->out, 0);
  ref_sums s;
  if (!ref_sums_begin(c, &s)) return;
  for (int64_t i = 0; i < of3_count(c->out); i++)
    ref_put(&s, MASK_ROWS_Y, i, ref_dy(c, i) * (double)of3_f32(mask)[i / width % of3_count(mask)]);
  ref_sums_end(&s);
}

void of3_backward_dropout(const of3_call *c) {
  const float *keep = of3_f32(c->in[DROPOUT_KEEP]);
  ref_sums s;
  if (!ref_sums_begin(c, &s)) return;
  for (int64_t i = 0; i < of3_count(c->out); i++) {
    const double kept = (double)keep[ref_dropout_place(c, i)];
    ref_put(&s, DROPOUT_Y, i, kept * ref_dy(c, i));
    ref_put(&s, DROPOUT_X, i, (1 - kept) * ref_dy(c, i));
  }
  ref_sums_end(&s);
}

void of3_backward_concat(const of3_call *c) {
  const of3_tensor *a = c->in[CONCAT_A], *b = c->in[CONCAT_B];
  const int64_t na = of3_dim(a, 0), nb = of3_dim(b, 0);
  ref_sums s;
  if (!ref_sums_begin(c, &s)) return;
  for (int64_t r = 0; r < of3_rows(a); r++) {
    for (int64_t i = 0; i < na; i++) ref_put(&s, CONCAT_A, r * na + i, ref_dy(c, r * (na + nb) + i));
    for (int64_t i = 0; i < nb; i++)
      ref_put(&s, CONCAT_B, r % of3_rows(b) * nb + i, ref_dy(c, r * (na + nb) + na + i));
  }
  ref_sums_end(&s);
}

void of3_backward_outer_sum(const of3_call *c) {
  const of3_tensor *a = c->in[OUTER_SUM_A], *b = c->in[OUTER_SUM_B];
  const int64_t w = of3_dim(a, 0), na = of3_dim(a, 1), nb = of3_dim(b, 1);
  ref_sums s;
  if (!ref_sums_begin(c, &s)) return;
  for (int64_t i = 0; i < of3_count(c->out); i++) {
    const int64_t row = i / (nb * w);
    ref_put(&s, OUTER_SUM_A, row * w + i % w, ref_dy(c, i));
    ref_put(&s, OUTER_SUM_B, row / na * nb * w + i % (nb * w), ref_dy(c, i));
  }
  ref_sums_end(&s);
}

void of3_backward_symmetrize(const of3_call *c) {
  const of3_tensor *x = c->in[SYMMETRIZE_X];
  const int64_t w = of3_dim(x, 0), n = of3_dim(x, 1);
  ref_sums s;
  if (!ref_sums_begin(c, &s)) return;
  for (int64_t r = 0; r < of3_rows(x); r++) {
    const int64_t j = r % n, i = r / n % n, b = r / (n * n), other = (b * n + j) * n + i;
    for (int64_t ch = 0; ch < w; ch++)
      ref_put(&s, SYMMETRIZE_X, r * w + ch, ref_dy(c, r * w + ch) + ref_dy(c, other * w + ch));
  }
  ref_sums_end(&s);
}

void of3_backward_fourier(const of3_call *c) {
  const double two_pi = 6.283185307179586;
  const float *t = of3_f32(c->in[FOURIER_T]), *w = of3_f32(c->in[FOURIER_W]), *b = of3_f32(c->in[FOURIER_B]);
  const int64_t n = of3_count(c->in[FOURIER_W]);
  ref_sums s;
  if (!ref_sums_begin(c, &s)) return;
  for (int64_t i = 0; i < of3_count(c->out); i++) {
    const double level = (double)t[i / n], u = 0.25 * log(level / 16),
                 slope = -two_pi * sin(two_pi * (u * (double)w[i % n] + (double)b[i % n])) * ref_dy(c, i);
    ref_put(&s, FOURIER_T, i / n, slope * (double)w[i % n] * 0.25 / level);
    ref_put(&s, FOURIER_W, i % n, slope * u);
    ref_put(&s, FOURIER_B, i % n, slope);
  }
  ref_sums_end(&s);
}

/* Rows of softmax(x) times a row of the table. */
void of3_backward_expect(const of3_call *c) {
  const of3_tensor *x = c->in[EXPECT_X];
  const int64_t bins = of3_dim(x, 0);
  double *p = ref_alloc(c, 2 * bins), *dp = p ? p + bins : NULL;
  ref_sums s;
  if (!p || !ref_sums_begin(c, &s)) {
    free(p);
    return;
  }
  for (int64_t r = 0; r < of3_rows(x); r++) {
    const float *table = of3_f32(c->in[EXPECT_TABLE]) + of3_expect_set(c, r) * bins;
    for (int64_t b = 0; b < bins; b++) p[b] = (double)of3_f32(x)[r * bins + b];
    ref_softmax(p, bins);
    for (int64_t b = 0; b < bins; b++) dp[b] = ref_dy(c, r) * (double)table[b];
    ref_softmax_back(p, dp, bins);
    for (int64_t b = 0; b < bins; b++) ref_put(&s, EXPECT_X, r * bins + b, dp[b]);
  }
  ref_sums_end(&s);
  free(p);
}

/* The mean of an entry's atoms, weighted by their mask, is taken out before the rotation R: with g = R^T mask
 * dy the gradient of atom a is g_a - mask_a / max(1, sum mask) sum g. */
static void augment_one(const ref_sums *s, int64_t entry) {
  const of3_call *c = s->call;
  const int64_t atoms = of3_dim(c->out, 1), at = entry * atoms * 3;
  const float *mask = of3_entry_mask(c->in[AUGMENT_MASK], atoms, entry);
  double sum[3] = {0}, count = 0;
  float rot[9];
  of3_rotation_of(of3_f32(c->in[AUGMENT_POSE]) + 7 * entry, rot);
  for (int64_t a = 0; a < atoms; a++) {
    const double m = mask ? (double)mask[a] : 1;
    count += m;
    for (int k = 0; k < 3; k++) {
      double g = 0;
      for (int e = 0; e < 3; e++) g += m * (double)rot[3 * e + k] * ref_dy(c, at + 3 * a + e);
      sum[k] += g;
      ref_put(s, AUGMENT_X, at + 3 * a + k, g);
    }
  }
  for (int64_t i = 0; i < 3 * atoms; i++)
    ref_put(s, AUGMENT_X, at + i, -(mask ? (double)mask[i / 3] : 1) / (count > 1 ? count : 1) * sum[i % 3]);
}

void of3_backward_augment(const of3_call *c) {
  ref_sums s;
  if (!ref_sums_begin(c, &s)) return;
  for (int64_t e = 0; e < of3_rows(c->out) / of3_dim(c->out, 1); e++) augment_one(&s, e);
  ref_sums_end(&s);
}
