/* Plain C reference of the primitive operations. */
#include "tensor/backend.h"
#include "tensor/ref.h"

void of3_ref_linear(const of3_call *c) {
  const of3_tensor *x = c->in[LINEAR_X], *w = c->in[LINEAR_W], *b = c->in[LINEAR_B],
                   *gate = c->in[LINEAR_GATE], *mask = c->in[LINEAR_MASK];
  int64_t k = w->shape[1], n = w->shape[0], rows = of3_rows(x);
  double *row = ref_alloc(c, k);
  if (!row) return;
  for (int64_t r = 0; r < rows; r++) {
    float *yr = of3_f32(c->out) + r * n;
    if (c->attr.norm)
      ref_norm_row(of3_f32(x) + r * k, k, c->in[LINEAR_SCALE], c->in[LINEAR_OFFSET], row);
    else
      for (int64_t i = 0; i < k; i++) row[i] = ref_get(x, r * k + i);
    for (int64_t o = 0; o < n; o++) {
      double y = ref_act(ref_dot(w, o, row) + (b ? (double)of3_f32(b)[o] : 0), c->attr.act);
      if (gate) y *= (double)of3_f32(gate)[r % of3_rows(gate) * n + o];
      if (mask) y *= (double)of3_f32(mask)[r % of3_count(mask)];
      yr[o] = (float)(c->attr.accumulate ? (double)yr[o] + y : y);
    }
  }
  free(row);
}

void of3_ref_norm(const of3_call *c) {
  const of3_tensor *x = c->in[NORM_X];
  int64_t n = of3_dim(x, 0);
  double *row = ref_alloc(c, n);
  if (!row) return;
  for (int64_t r = 0; r < of3_rows(x); r++) {
    ref_norm_row(of3_f32(x) + r * n, n, c->in[NORM_SCALE], c->in[NORM_OFFSET], row);
    for (int64_t i = 0; i < n; i++) of3_f32(c->out)[r * n + i] = (float)row[i];
  }
  free(row);
}

void of3_ref_act(const of3_call *c) {
  float *y = of3_f32(c->out);
  for (int64_t i = 0; i < of3_count(c->out); i++) y[i] = (float)ref_act((double)y[i], c->attr.act);
}

void of3_ref_add(const of3_call *c) {
  const of3_tensor *x = c->in[ADD_X];
  int64_t n = of3_count(x);
  for (int64_t i = 0; i < of3_count(c->out); i++) of3_f32(c->out)[i] += of3_f32(x)[i % n];
}

void of3_ref_combine(const of3_call *c) {
  const of3_tensor *x = c->in[COMBINE_X], *a = c->in[COMBINE_A], *b = c->in[COMBINE_B],
                   *mask = c->in[COMBINE_MASK];
  int64_t width = of3_dim(x, 0), each = of3_dim(x, 1) * width;
  for (int64_t i = 0; i < of3_count(x); i++) {
    int64_t s = i / each;
    double y = (double)of3_f32(a)[s % of3_count(a)] * (double)of3_f32(x)[i];
    if (b) y += (double)of3_f32(b)[s % of3_count(b)] * (double)of3_f32(c->in[COMBINE_Y])[i];
    if (mask) y *= (double)of3_f32(mask)[i / width % of3_count(mask)];
    of3_f32(c->out)[i] = (float)y;
  }
}

void of3_ref_mask_rows(const of3_call *c) {
  const of3_tensor *mask = c->in[MASK_ROWS_MASK];
  int64_t width = of3_dim(c->out, 0);
  for (int64_t i = 0; i < of3_count(c->out); i++)
    of3_f32(c->out)[i] *= of3_f32(mask)[i / width % of3_count(mask)];
}

void of3_ref_dropout(const of3_call *c) {
  const float *x = of3_f32(c->in[DROPOUT_X]), *keep = of3_f32(c->in[DROPOUT_KEEP]);
  float *y = of3_f32(c->out);
  for (int64_t i = 0; i < of3_count(c->out); i++) y[i] = x[i] + keep[ref_dropout_place(c, i)] * (y[i] - x[i]);
}

void of3_ref_copy(const of3_call *c) {
  size_t n = of3_bytes(c->in[COPY_X]), all = of3_bytes(c->out);
  for (size_t at = 0; n && at < all; at += n)
    memmove((char *)of3_host(c->out) + at, of3_host(c->in[COPY_X]), n);
}

void of3_ref_concat(const of3_call *c) {
  const of3_tensor *a = c->in[CONCAT_A], *b = c->in[CONCAT_B];
  size_t na = (size_t)of3_dim(a, 0), nb = (size_t)of3_dim(b, 0);
  for (int64_t r = 0; r < of3_rows(a); r++) {
    float *y = of3_f32(c->out) + (size_t)r * (na + nb);
    memcpy(y, of3_f32(a) + (size_t)r * na, na * sizeof *y);
    memcpy(y + na, of3_f32(b) + (size_t)(r % of3_rows(b)) * nb, nb * sizeof *y);
  }
}

void of3_ref_outer_sum(const of3_call *c) {
  const of3_tensor *a = c->in[OUTER_SUM_A], *b = c->in[OUTER_SUM_B];
  int64_t w = of3_dim(a, 0), na = of3_dim(a, 1), nb = of3_dim(b, 1);
  for (int64_t i = 0; i < of3_count(c->out); i++) {
    int64_t row = i / (nb * w), entry = row / na;
    of3_f32(c->out)[i] = of3_f32(a)[row * w + i % w] + of3_f32(b)[entry * nb * w + i % (nb * w)];
  }
}

void of3_ref_embed_add(const of3_call *c) {
  const of3_tensor *index = c->in[EMBED_INDEX], *table = c->in[EMBED_TABLE], *weight = c->in[EMBED_WEIGHT];
  int64_t w = of3_dim(c->out, 0), n = of3_dim(index, 0);
  for (int64_t r = 0; r < of3_rows(c->out); r++)
    for (int64_t ch = 0; ch < w; ch++) {
      double sum = 0;
      for (int64_t k = 0; k < n; k++) {
        const int64_t at = of3_embed_index(index, r % of3_rows(index) * n + k);
        if (at >= 0) sum += (double)of3_f32(table)[at * w + ch];
      }
      if (weight) sum *= (double)of3_f32(weight)[r % of3_count(weight)];
      of3_f32(c->out)[r * w + ch] = (float)((double)of3_f32(c->out)[r * w + ch] + sum);
    }
}

void of3_ref_take_rows(const of3_call *c) {
  const of3_tensor *x = c->in[TAKE_ROWS_X];
  const int64_t w = of3_dim(x, 0);
  for (int64_t i = 0; i < of3_count(c->out); i++)
    of3_f32(c->out)[i] = of3_f32(x)[of3_row_taken(c, i / w) * w + i % w];
}

void of3_ref_gather(const of3_call *c) {
  const of3_tensor *x = c->in[GATHER_X], *index = c->in[GATHER_INDEX], *mask = c->in[GATHER_MASK];
  int64_t w = of3_dim(x, 0), n = of3_dim(x, 1), atoms = of3_dim(index, 0), entries = of3_rows(x) / n;
  for (int64_t r = 0; r < of3_rows(c->out); r++) {
    int64_t from = r / atoms % entries * n + of3_i32(index)[r % of3_count(index)];
    for (int64_t ch = 0; ch < w; ch++) {
      float v = (mask ? of3_f32(mask)[r % of3_count(mask)] : 1.0f) * of3_f32(x)[from * w + ch],
            *y = of3_f32(c->out) + r * w + ch;
      *y = c->attr.accumulate ? *y + v : v;
    }
  }
}

void of3_ref_segment_mean(const of3_call *c) {
  const of3_tensor *x = c->in[SEGMENT_X], *start = c->in[SEGMENT_START], *many = c->in[SEGMENT_COUNT];
  int64_t w = of3_dim(x, 0), atoms = of3_dim(x, 1), n = of3_dim(start, 0);
  for (int64_t r = 0; r < of3_rows(c->out); r++) {
    int64_t first = of3_i32(start)[r % of3_count(start)], last = first + of3_i32(many)[r % of3_count(many)];
    const float *xb = of3_f32(x) + r / n * atoms * w,
                *mask = atoms ? of3_entry_mask(c->in[SEGMENT_MASK], atoms, r / n) : NULL;
    for (int64_t ch = 0; ch < w; ch++) {
      double sum = 0, count = 0;
      for (int64_t a = first; a < last; a++) {
        const double m = mask ? (double)mask[a] : 1;
        sum += m * (double)xb[a * w + ch];
        count += m;
      }
      of3_f32(c->out)[r * w + ch] = (float)(sum / (count + 1e-9));
    }
  }
}

void of3_ref_symmetrize(const of3_call *c) {
  const of3_tensor *x = c->in[SYMMETRIZE_X];
  int64_t w = of3_dim(x, 0), n = of3_dim(x, 1);
  for (int64_t r = 0; r < of3_rows(x); r++) {
    int64_t j = r % n, i = r / n % n, b = r / (n * n), other = (b * n + j) * n + i;
    for (int64_t ch = 0; ch < w; ch++)
      of3_f32(c->out)[r * w + ch] = of3_f32(x)[r * w + ch] + of3_f32(x)[other * w + ch];
  }
}

void of3_ref_expect(const of3_call *c) {
  const of3_tensor *x = c->in[EXPECT_X];
  int64_t bins = of3_dim(x, 0);
  double *p = ref_alloc(c, bins);
  if (!p) return;
  for (int64_t r = 0; r < of3_rows(x); r++) {
    const float *table = of3_f32(c->in[EXPECT_TABLE]) + of3_expect_set(c, r) * bins;
    double sum = 0;
    for (int64_t b = 0; b < bins; b++) p[b] = (double)of3_f32(x)[r * bins + b];
    ref_softmax(p, bins);
    for (int64_t b = 0; b < bins; b++) sum += p[b] * (double)table[b];
    of3_f32(c->out)[r] = (float)sum;
  }
  free(p);
}

void of3_ref_fourier(const of3_call *c) {
  const double two_pi = 6.283185307179586;
  int64_t n = of3_count(c->in[FOURIER_W]);
  for (int64_t i = 0; i < of3_count(c->out); i++) {
    double u = 0.25 * log((double)of3_f32(c->in[FOURIER_T])[i / n] / 16);
    of3_f32(c->out)[i] = (float)cos(
        two_pi * (u * (double)of3_f32(c->in[FOURIER_W])[i % n] + (double)of3_f32(c->in[FOURIER_B])[i % n]));
  }
}

void of3_ref_augment(const of3_call *c) {
  int64_t atoms = of3_dim(c->out, 1);
  for (int64_t s = 0; s < of3_rows(c->out) / atoms; s++) {
    float *x = of3_f32(c->out) + s * atoms * 3, rot[9];
    const float *mask = of3_entry_mask(c->in[AUGMENT_MASK], atoms, s),
                *quaternion = of3_f32(c->in[AUGMENT_POSE]) + 7 * s, *shift = quaternion + 4;
    double mean[3] = {0}, count = 0;
    of3_rotation_of(quaternion, rot);
    for (int64_t a = 0; a < atoms; a++) {
      const double m = mask ? (double)mask[a] : 1;
      count += m;
      for (int k = 0; k < 3; k++) mean[k] += m * (double)x[3 * a + k];
    }
    for (int k = 0; k < 3; k++) mean[k] /= count > 1 ? count : 1;
    for (int64_t a = 0; a < atoms; a++) {
      double d[3];
      for (int k = 0; k < 3; k++) d[k] = (double)x[3 * a + k] - mean[k];
      for (int k = 0; k < 3; k++) {
        double y = d[0] * (double)rot[3 * k] + d[1] * (double)rot[3 * k + 1] + d[2] * (double)rot[3 * k + 2] +
                   (double)shift[k];
        x[3 * a + k] = (float)(y * (mask ? (double)mask[a] : 1));
      }
    }
  }
}

void of3_ref_random_normal(const of3_call *c) {
  const int64_t n = c->attr.count;
  for (int64_t r = 0; r < of3_rows(c->in[RANDOM_KEY]); r++)
    of3_random_normal(of3_stream_of(c, r), of3_f32(c->out) + r * n, (size_t)n);
}

void of3_ref_take_row(const of3_call *c) {
  const int64_t w = of3_dim(c->out, 0);
  for (int64_t r = 0; r < of3_rows(c->out); r++)
    memcpy(of3_f32(c->out) + r * w, of3_f32(c->in[TAKE_ROW_TABLE]) + of3_i32(c->in[TAKE_ROW_INDEX])[r] * w,
           (size_t)w * sizeof(float));
}

/* Squared distances in f32, as the reference compares them: a pair on an edge must fall on the same side. */
void of3_ref_distance_bin(const of3_call *c) {
  const of3_tensor *x = c->in[DISTANCE_X], *rep = c->in[DISTANCE_REP];
  int64_t n = of3_dim(rep, 0), atoms = of3_dim(x, 1), reps = of3_rows(rep);
  for (int64_t i = 0; i < of3_count(c->out); i++) {
    const int64_t entry = i / (n * n);
    const float *xs = of3_f32(x) + entry * atoms * 3;
    const int32_t *atom = of3_i32(rep) + entry % reps * n;
    const float *a = xs + 3 * atom[i / n % n], *b = xs + 3 * atom[i % n];
    float d2 = 0;
    for (int k = 0; k < 3; k++) d2 += (a[k] - b[k]) * (a[k] - b[k]);
    int32_t bin = -1;
    for (int k = 0; k < 39; k++) {
      float low = 3.25f + 1.25f * (float)k, high = 3.25f + 1.25f * (float)(k + 1);
      if (d2 > low * low && d2 < (k == 38 ? 1e9f : high * high)) bin = k;
    }
    of3_i32(c->out)[i] = bin;
  }
}
