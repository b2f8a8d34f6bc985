/* Plain C reference of the operations on atom windows. Block b: queries 32 b + q, keys low[b] + k. */
#include "tensor/ref.h"

enum { Q = OF3_WINDOW_QUERIES, K = OF3_WINDOW_KEYS };

static int64_t ref_window_clamp(int64_t a, int64_t n) { return a < 0 ? 0 : a >= n ? n - 1 : a; }

/* The query and key atoms of entry (b,q,k) = i; beyond the ends the nearest atom, which the mask takes out.
 */
static int64_t query_of(int64_t i, int64_t atoms) {
  return ref_window_clamp(i / (Q * K) * Q + i / K % Q, atoms);
}
static int64_t key_of(int64_t i, const of3_tensor *low, int64_t atoms) {
  return ref_window_clamp(of3_i32(low)[i / (Q * K)] + i % K, atoms);
}

void of3_ref_atom_pair(const of3_call *c) {
  const float *pos = of3_f32(c->in[ATOM_PAIR_POS]), *mask = of3_f32(c->in[ATOM_PAIR_MASK]);
  const int32_t *uid = of3_i32(c->in[ATOM_PAIR_UID]);
  const float *wd = of3_f32(c->in[ATOM_PAIR_WD]), *wi = of3_f32(c->in[ATOM_PAIR_WI]),
              *wv = of3_f32(c->in[ATOM_PAIR_WV]);
  int64_t atoms = c->in[ATOM_PAIR_POS]->shape[0], w = of3_dim(c->out, 0);
  for (int64_t i = 0; i < of3_rows(c->out); i++) {
    int64_t l = query_of(i, atoms), m = key_of(i, c->in[ATOM_PAIR_LOW], atoms);
    double d[3], d2 = 0, valid = uid[l] == uid[m] ? (double)mask[i] : 0;
    for (int k = 0; k < 3; k++) {
      d[k] = ((double)pos[3 * l + k] - (double)pos[3 * m + k]) * (double)mask[i];
      d2 += d[k] * d[k];
    }
    for (int64_t ch = 0; ch < w; ch++) {
      double y = (double)wd[3 * ch] * d[0] + (double)wd[3 * ch + 1] * d[1] + (double)wd[3 * ch + 2] * d[2];
      of3_f32(c->out)[i * w + ch] = (float)(valid * (y + (double)wi[ch] / (1 + d2) + (double)wv[ch] * valid));
    }
  }
}

void of3_ref_window_add(const of3_call *c) {
  const of3_tensor *row = c->in[WINDOW_ADD_ROW], *col = c->in[WINDOW_ADD_COL];
  int64_t atoms = of3_rows(row), w = of3_dim(c->out, 0);
  for (int64_t i = 0; i < of3_rows(c->out); i++) {
    int64_t l = query_of(i, atoms), m = key_of(i, c->in[WINDOW_ADD_LOW], atoms);
    float mask = of3_f32(c->in[WINDOW_ADD_MASK])[i];
    for (int64_t ch = 0; ch < w; ch++)
      of3_f32(c->out)[i * w + ch] += mask * (of3_f32(row)[l * w + ch] + of3_f32(col)[m * w + ch]);
  }
}

void of3_ref_window_gather(const of3_call *c) {
  const of3_tensor *z = c->in[WINDOW_GATHER_Z];
  const int32_t *token = of3_i32(c->in[WINDOW_GATHER_TOKEN]);
  int64_t atoms = of3_count(c->in[WINDOW_GATHER_TOKEN]), w = of3_dim(c->out, 0), n = z->shape[1];
  for (int64_t i = 0; i < of3_rows(c->out); i++) {
    int64_t l = query_of(i, atoms), m = key_of(i, c->in[WINDOW_GATHER_LOW], atoms);
    const float *from = of3_f32(z) + (token[l] * n + token[m]) * w;
    for (int64_t ch = 0; ch < w; ch++)
      of3_f32(c->out)[i * w + ch] += of3_f32(c->in[WINDOW_GATHER_MASK])[i] * from[ch];
  }
}

void of3_ref_window_attention(const of3_call *c) {
  const of3_tensor *bias = c->in[WINDOW_ATT_BIAS], *low = c->in[WINDOW_ATT_LOW];
  int64_t atoms = of3_dim(c->out, 1), w = of3_dim(c->out, 0), heads = c->attr.heads, d = w / heads;
  double p[K];
  for (int64_t r = 0; r < of3_rows(c->out); r++)
    for (int64_t h = 0; h < heads; h++) {
      int64_t a = r % atoms, block = a / Q, base = r - a;
      const int64_t at = r * w + h * d;
      for (int64_t k = 0; k < K; k++) {
        const int64_t key = (base + ref_window_clamp(of3_i32(low)[block] + k, atoms)) * w + h * d;
        double dot = 0;
        for (int64_t i = 0; i < d; i++)
          dot += ref_get(c->in[WINDOW_ATT_Q], at + i) * ref_get(c->in[WINDOW_ATT_K], key + i);
        /* added in f32, so that keys that are all masked share evenly (see ref_attention.c) */
        p[k] = (double)((float)(dot / sqrt((double)d)) +
                        of3_f32(bias)[((block * heads + h) * K + k) * Q + a % Q]);
      }
      ref_softmax(p, K);
      for (int64_t i = 0; i < d; i++) {
        double o = 0;
        for (int64_t k = 0; k < K; k++)
          o += p[k] * ref_get(c->in[WINDOW_ATT_V],
                              (base + ref_window_clamp(of3_i32(low)[block] + k, atoms)) * w + h * d + i);
        ref_set(c->out, at + i, o * ref_sigmoid(ref_get(c->in[WINDOW_ATT_G], at + i)));
      }
    }
}
