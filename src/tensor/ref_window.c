/* Plain C reference of the operations on atom windows. */
#include "tensor/ref_window.h"

enum { Q = OF3_WINDOW_QUERIES, K = OF3_WINDOW_KEYS };

void of3_ref_atom_pair(const of3_call *c) {
  const float *wd = of3_f32(c->in[ATOM_PAIR_WD]), *wi = of3_f32(c->in[ATOM_PAIR_WI]),
              *wv = of3_f32(c->in[ATOM_PAIR_WV]);
  const int64_t w = of3_dim(c->out, 0);
  for (int64_t i = 0; i < of3_rows(c->out); i++) {
    double d[3];
    const double valid = ref_atom_offset(c, i, d), d2 = d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
    for (int64_t ch = 0; ch < w; ch++) {
      double y = (double)wd[3 * ch] * d[0] + (double)wd[3 * ch + 1] * d[1] + (double)wd[3 * ch + 2] * d[2];
      of3_f32(c->out)[i * w + ch] = (float)(valid * (y + (double)wi[ch] / (1 + d2) + (double)wv[ch] * valid));
    }
  }
}

void of3_ref_window_add(const of3_call *c) {
  const of3_tensor *row = c->in[WINDOW_ADD_ROW], *mask = c->in[WINDOW_ADD_MASK];
  int64_t atoms = of3_dim(row, 1), w = of3_dim(c->out, 0);
  for (int64_t i = 0; i < of3_rows(c->out); i++) {
    const ref_window_pair p = ref_window_pair_of(i, c->in[WINDOW_ADD_LOW], atoms);
    const float m = of3_f32(mask)[i % of3_count(mask)], *left = of3_f32(row) + (p.entry * atoms + p.l) * w,
                *right = of3_f32(c->in[WINDOW_ADD_COL]) + (p.entry * atoms + p.m) * w;
    for (int64_t ch = 0; ch < w; ch++) of3_f32(c->out)[i * w + ch] += m * (left[ch] + right[ch]);
  }
}

void of3_ref_window_gather(const of3_call *c) {
  const of3_tensor *z = c->in[WINDOW_GATHER_Z], *owner = c->in[WINDOW_GATHER_TOKEN],
                   *mask = c->in[WINDOW_GATHER_MASK];
  int64_t atoms = of3_dim(owner, 0), w = of3_dim(c->out, 0), n = of3_dim(z, 1);
  for (int64_t i = 0; i < of3_rows(c->out); i++) {
    const ref_window_pair p = ref_window_pair_of(i, c->in[WINDOW_GATHER_LOW], atoms);
    const int32_t *token = of3_i32(owner) + p.entry % of3_rows(owner) * atoms;
    const float *from = of3_f32(z) + ((p.entry * n + token[p.l]) * n + token[p.m]) * w;
    for (int64_t ch = 0; ch < w; ch++)
      of3_f32(c->out)[i * w + ch] += of3_f32(mask)[i % of3_count(mask)] * from[ch];
  }
}

void of3_ref_window_attention(const of3_call *c) {
  const of3_tensor *bias = c->in[WINDOW_ATT_BIAS], *low = c->in[WINDOW_ATT_LOW];
  int64_t atoms = of3_dim(c->out, 1), w = of3_dim(c->out, 0), heads = c->attr.heads, d = w / heads,
          windows = of3_dim(low, 0), biases = of3_count(bias) / (windows * heads * K * Q);
  double p[K];
  for (int64_t r = 0; r < of3_rows(c->out); r++)
    for (int64_t h = 0; h < heads; h++) {
      int64_t a = r % atoms, entry = r / atoms, base = r - a, block = a / Q;
      const int64_t at = r * w + h * d, first = of3_i32(low)[(entry * windows + block) % of3_count(low)];
      const float *added = of3_f32(bias) + ((entry % biases * windows + block) * heads + h) * K * Q + a % Q;
      for (int64_t k = 0; k < K; k++) {
        const int64_t key = (base + of3_window_atom(first + k, atoms)) * w + h * d;
        double dot = 0;
        for (int64_t i = 0; i < d; i++)
          dot += ref_get(c->in[WINDOW_ATT_Q], at + i) * ref_get(c->in[WINDOW_ATT_K], key + i);
        /* added in f32, so that keys that are all masked share evenly (see ref_attention.c) */
        p[k] = (double)((float)(dot / sqrt((double)d)) + added[k * Q]);
      }
      ref_softmax(p, K);
      for (int64_t i = 0; i < d; i++) {
        double o = 0;
        for (int64_t k = 0; k < K; k++)
          o +=
              p[k] * ref_get(c->in[WINDOW_ATT_V], (base + of3_window_atom(first + k, atoms)) * w + h * d + i);
        ref_set(c->out, at + i, o * ref_sigmoid(ref_get(c->in[WINDOW_ATT_G], at + i)));
      }
    }
}
