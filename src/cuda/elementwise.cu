/* Operations on numbers or rows by themselves. Memory bandwidth binds all of them. */
#include "cuda/each.cuh"
#include "cuda/products.hpp"

namespace of3 {

void ops::norm(Run &r, const of3_call &c) {
  const Tensor *x = c.in[NORM_X];
  const int64_t width = last(x);
  Rows from;
  from.x = at<void>(x), from.x_bf16 = is_bf16(x), from.n = rows(x), from.width = width, from.norm = true;
  from.scale = f32(c.in[NORM_SCALE]), from.offset = f32(c.in[NORM_OFFSET]);
  rows_to(r, from, f32(c.out), width);
}

void ops::act(Run &r, const of3_call &c) {
  float *y = f32(c.out);
  const int kind = c.attr.act;
  each(r, count(c.out), [=] __device__(int64_t i) { y[i] = activated(y[i], kind); });
}

void ops::add(Run &r, const of3_call &c) {
  float *y = f32(c.out);
  const Repeated x(c.in[ADD_X]);
  each(r, count(c.out), [=] __device__(int64_t i) { y[i] += x[i]; });
}

void ops::combine(Run &r, const of3_call &c) {
  const Tensor *first = c.in[COMBINE_X];
  const float *x = f32(first), *y = f32(c.in[COMBINE_Y]);
  const Repeated a(c.in[COMBINE_A]), b(c.in[COMBINE_B]), mask(c.in[COMBINE_MASK]);
  const int64_t width = last(first), sample = of3_dim(first, 1) * width;
  float *out = f32(c.out);
  each(r, count(first), [=] __device__(int64_t i) {
    float sum = a[i / sample] * x[i];
    if (b.x) sum += b[i / sample] * y[i];
    out[i] = sum * mask[i / width];
  });
}

void ops::mask_rows(Run &r, const of3_call &c) {
  float *y = f32(c.out);
  const Repeated mask(c.in[MASK_ROWS_MASK]);
  const int64_t width = last(c.out);
  each(r, count(c.out), [=] __device__(int64_t i) { y[i] *= mask[i / width]; });
}

/* One copy for each repetition, of which backend.cpp accepts a few. */
void ops::copy(Run &r, const of3_call &c) {
  const size_t n = of3_bytes(c.in[COPY_X]), all = of3_bytes(c.out);
  for (size_t to = 0; r.launches && n && to < all; to += n)
    check(
        cudaMemcpyAsync(at<char>(c.out) + to, at<char>(c.in[COPY_X]), n, cudaMemcpyDeviceToDevice, r.stream));
}

void ops::concat(Run &r, const of3_call &c) {
  const float *a = f32(c.in[CONCAT_A]), *b = f32(c.in[CONCAT_B]);
  const int64_t na = last(c.in[CONCAT_A]), nb = last(c.in[CONCAT_B]), nb_rows = rows(c.in[CONCAT_B]),
                width = na + nb;
  float *y = f32(c.out);
  each(r, count(c.out), [=] __device__(int64_t i) {
    const int64_t row = i / width, at = i % width;
    y[i] = at < na ? a[row * na + at] : b[row % nb_rows * nb + at - na];
  });
}

void ops::outer_sum(Run &r, const of3_call &c) {
  const float *a = f32(c.in[OUTER_SUM_A]), *b = f32(c.in[OUTER_SUM_B]);
  const int64_t w = last(c.in[OUTER_SUM_A]), na = of3_dim(c.in[OUTER_SUM_A], 1),
                nb = of3_dim(c.in[OUTER_SUM_B], 1);
  float *y = f32(c.out);
  each(r, count(c.out), [=] __device__(int64_t i) {
    const int64_t row = i / (nb * w);
    y[i] = a[row * w + i % w] + b[row / na * nb * w + i % (nb * w)];
  });
}

void ops::symmetrize(Run &r, const of3_call &c) {
  const float *x = f32(c.in[SYMMETRIZE_X]);
  const int64_t w = last(c.out), n = of3_dim(c.out, 1);
  float *y = f32(c.out);
  each(r, count(c.out), [=] __device__(int64_t i) {
    const int64_t row = i / w, entry = row / (n * n), other = (entry * n + row % n) * n + row / n % n;
    y[i] = x[i] + x[other * w + i % w];
  });
}

void ops::fourier(Run &r, const of3_call &c) {
  const float *t = f32(c.in[FOURIER_T]), *w = f32(c.in[FOURIER_W]), *b = f32(c.in[FOURIER_B]);
  const int64_t n = count(c.in[FOURIER_W]);
  float *y = f32(c.out);
  each(r, count(c.out), [=] __device__(int64_t i) {
    const double u = 0.25 * log(static_cast<double>(t[i / n]) / 16);
    y[i] = static_cast<float>(cospi(2 * (u * static_cast<double>(w[i % n]) + static_cast<double>(b[i % n]))));
  });
}

/* The largest logit, then sums of exponentials and of their values; a thread a row of bins. */
void ops::expect(Run &r, const of3_call &c) {
  const Tensor *first = c.in[EXPECT_X], *chains = c.in[EXPECT_CHAIN], *sets = c.in[EXPECT_SET_OF_SIZE];
  const float *x = f32(first), *tables = f32(c.in[EXPECT_TABLE]);
  const int32_t *chain = i32(chains), *set = i32(sets);
  const int64_t bins = last(first), n = chains ? of3_dim(chains, 1) : 1,
                lines = chains ? of3_dim(first, 2) : 1;
  const int64_t n_chain = chains ? count(chains) / 2 : 1, n_set = sets ? count(sets) : 1, from = c.attr.first;
  float *y = f32(c.out);
  each(r, rows(first), [=] __device__(int64_t row) {
    const float *logit = x + row * bins, *table = tables;
    if (chain) {
      const int64_t entry = row / n / lines;
      const int32_t *all = chain + 2 * (entry * n % n_chain), *a = all + 2 * (from + row / n % lines),
                    *b = all + 2 * (row % n);
      const int64_t size = a[0] == b[0] ? a[1] : a[1] + b[1];
      table += set[(entry * (n + 1) + size) % n_set] * bins;
    }
    float most = logit[0], sum = 0, values = 0;
    for (int64_t i = 1; i < bins; i++) most = fmaxf(most, logit[i]);
    for (int64_t i = 0; i < bins; i++) {
      const float p = expf(logit[i] - most);
      sum += p;
      values += p * table[i];
    }
    y[row] = values / sum;
  });
}

} // namespace of3
