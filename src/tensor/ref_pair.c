/* Plain C reference of the pair and MSA operations. */
#include "tensor/ref_pair.h"

void of3_ref_relpos_add(const of3_call *c) {
  const float *table = of3_f32(c->in[RELPOS_ADD_TABLE]);
  const int64_t n = of3_dim(c->out, 1), w = of3_dim(c->out, 0);
  for (int64_t r = 0; r < of3_rows(c->out); r++) {
    const int32_t *place = of3_entry_places(c->in[RELPOS_ADD_PLACE], r / (n * n));
    int32_t class_[4];
    of3_relpos_classes(place + r / n % n * OF3_N_PLACE, place + r % n * OF3_N_PLACE, class_);
    for (int64_t ch = 0; ch < w; ch++) {
      double sum = 0;
      for (int k = 0; k < 4; k++) sum += class_[k] < 0 ? 0 : (double)table[class_[k] * w + ch];
      of3_f32(c->out)[r * w + ch] = (float)((double)of3_f32(c->out)[r * w + ch] + sum);
    }
  }
}

void of3_ref_relpos_one_hot(const of3_call *c) {
  const int64_t n = of3_dim(c->out, 1), w = OF3_RELPOS_CLASSES;
  memset(of3_f32(c->out), 0, of3_bytes(c->out));
  for (int64_t r = 0; r < of3_rows(c->out); r++) {
    const int32_t *place = of3_entry_places(c->in[RELPOS_ONE_HOT_PLACE], r / (n * c->attr.rows));
    int32_t class_[4];
    of3_relpos_classes(place + (c->attr.first + r / n % c->attr.rows) * OF3_N_PLACE,
                       place + r % n * OF3_N_PLACE, class_);
    for (int k = 0; k < 4; k++)
      if (class_[k] >= 0) of3_f32(c->out)[r * w + class_[k]] = 1;
  }
}

void of3_ref_template_add(const of3_call *c) {
  const float *weight = of3_f32(c->in[TEMPLATE_ADD_W]), *table = of3_f32(c->in[TEMPLATE_ADD_TABLE]);
  const int64_t n = of3_dim(c->out, 1), w = of3_dim(c->out, 0);
  for (int64_t r = 0; r < of3_rows(c->out); r++) {
    const of3_template_features f = of3_template_pair(c, n, r / (n * n), r / n % n, r % n);
    for (int64_t ch = 0; ch < w; ch++) {
      double sum = f.bin < 0 ? 0 : (double)f.factor * (double)table[f.bin * w + ch];
      for (int k = 0; k < 5; k++) sum += (double)f.x[k] * (double)weight[5 * ch + k];
      of3_f32(c->out)[r * w + ch] = (float)((double)of3_f32(c->out)[r * w + ch] + sum);
    }
  }
}

void of3_ref_bond_add(const of3_call *c) {
  const of3_tensor *bond = c->in[BOND_ADD_PAIR];
  const int64_t n = of3_dim(c->out, 1), w = of3_dim(c->out, 0), bonds = of3_dim(bond, 1);
  for (int64_t b = 0; n && b < of3_rows(c->out) / (n * n); b++)
    for (int64_t k = 0; k < bonds; k++) {
      const int32_t *ij = of3_i32(bond) + (b % (of3_rows(bond) / bonds) * bonds + k) * 2;
      if (ij[0] < 0 || ij[1] < 0) continue;
      float *z = of3_f32(c->out) + b * n * n * w, *there = z + (ij[0] * n + ij[1]) * w,
            *back = z + (ij[1] * n + ij[0]) * w;
      for (int64_t ch = 0; ch < w; ch++) {
        there[ch] += (float)ref_get(c->in[BOND_ADD_ROW], ch);
        back[ch] += (float)ref_get(c->in[BOND_ADD_ROW], ch);
      }
    }
}

/* out[h] of one row: mask * sigmoid(W_g x) * W_p x, an operand of the product over k. */
static void gated_projection(const of3_tensor *wp, const of3_tensor *wg, const double *x, double mask,
                             double *out) {
  for (int64_t h = 0; h < wp->shape[0]; h++)
    out[h] = ref_operand(wp, mask * ref_sigmoid(ref_dot(wg, h, x)) * ref_dot(wp, h, x));
}

void ref_triangle_operands(const of3_call *c, const float *z, const float *mask, int64_t n, double *a,
                           double *b) {
  int64_t w = of3_dim(c->out, 0), h = c->in[TRI_MUL_WAP]->shape[0];
  double *x = ref_alloc(c, w);
  if (!x) return;
  for (int64_t r = 0; r < n * n; r++) {
    const double m = (double)of3_pair_mask(mask, r / n, r % n);
    ref_norm_row(z + r * w, w, c->in[TRI_MUL_IN_SCALE], c->in[TRI_MUL_IN_OFFSET], x);
    gated_projection(c->in[TRI_MUL_WAP], c->in[TRI_MUL_WAG], x, m, a + r * h);
    gated_projection(c->in[TRI_MUL_WBP], c->in[TRI_MUL_WBG], x, m, b + r * h);
  }
  free(x);
}

static void triangle_mul_one(const of3_call *c, float *z, const float *mask, int64_t n) {
  int64_t w = of3_dim(c->out, 0), h = c->in[TRI_MUL_WAP]->shape[0];
  double *a = ref_alloc(c, 2 * n * n * h + w + 2 * h);
  if (!a) return;
  double *b = a + n * n * h, *x = b + n * n * h, *norm = x + w;
  void *rest = norm + h;
  float *p = rest; /* [h], where h doubles have room */
  ref_triangle_operands(c, z, mask, n, a, b);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) {
      for (int64_t ch = 0; ch < h; ch++) {
        double sum = 0;
        for (int64_t k = 0; k < n; k++)
          sum += c->attr.outgoing ? a[(i * n + k) * h + ch] * b[(j * n + k) * h + ch]
                                  : a[(k * n + i) * h + ch] * b[(k * n + j) * h + ch];
        p[ch] = (float)sum;
      }
      float *row = z + (i * n + j) * w;
      ref_norm_row(p, h, c->in[TRI_MUL_OUT_SCALE], c->in[TRI_MUL_OUT_OFFSET], norm);
      ref_norm_row(row, w, c->in[TRI_MUL_IN_SCALE], c->in[TRI_MUL_IN_OFFSET], x);
      for (int64_t o = 0; o < w; o++)
        row[o] = (float)((double)row[o] +
                         ref_dot(c->in[TRI_MUL_WZ], o, norm) * ref_sigmoid(ref_dot(c->in[TRI_MUL_WG], o, x)));
    }
  free(a);
}

void of3_ref_triangle_mul(const of3_call *c) {
  const of3_tensor *mask = c->in[TRI_MUL_MASK];
  int64_t n = of3_dim(c->out, 1), w = of3_dim(c->out, 0), pairs = n * n;
  for (int64_t b = 0; b < of3_rows(c->out) / pairs; b++)
    triangle_mul_one(c, of3_f32(c->out) + b * pairs * w, of3_entry_mask(mask, n, b), n);
}

/* Line by line: q, k, v, gate of its n pairs, then attention among them. proj [4][n][hidden]. */
static void attend_line(const of3_call *c, const double *x, const double *bias, const float *mask, int64_t n,
                        int64_t line, float *z) {
  int64_t w = of3_dim(c->out, 0), hd = c->in[TRI_ATT_WQ]->shape[0], heads = c->attr.heads, d = hd / heads;
  double *q = ref_alloc(c, 3 * n * hd + hd + n);
  if (!q) return;
  double *k = q + n * hd, *v = k + n * hd, *o = v + n * hd, *p = o + hd;
  for (int64_t i = 0; i < n; i++) {
    const double *xi = x + ref_pair_at(c, n, line, i) * w;
    ref_matvec(c->in[TRI_ATT_WQ], xi, q + i * hd);
    ref_matvec(c->in[TRI_ATT_WK], xi, k + i * hd);
    ref_matvec(c->in[TRI_ATT_WV], xi, v + i * hd);
  }
  bool swap = c->attr.ending && !c->attr.bias_from_z; /* b[k,i] instead of b[i,k] */
  bool masked = ref_any_pair(mask, n, line);
  for (int64_t i = 0; i < n; i++) {
    for (int64_t h = 0; h < heads; h++) {
      for (int64_t j = 0; j < n; j++) {
        double dot = 0;
        for (int64_t e = 0; e < d; e++) dot += q[i * hd + h * d + e] * k[j * hd + h * d + e];
        double b = bias[(swap ? j * n + i : i * n + j) * heads + h];
        float add = masked ? (float)(REF_INF * ((double)of3_pair_mask(mask, line, j) - 1)) : 0;
        p[j] = (double)((float)(dot / sqrt((double)d) + b) + add);
      }
      ref_softmax(p, n);
      for (int64_t e = 0; e < d; e++) {
        double sum = 0;
        for (int64_t j = 0; j < n; j++) sum += p[j] * v[j * hd + h * d + e];
        o[h * d + e] =
            sum * ref_sigmoid(ref_dot(c->in[TRI_ATT_WG], h * d + e, x + ref_pair_at(c, n, line, i) * w));
      }
    }
    float *row = z + ref_pair_at(c, n, line, i) * w;
    for (int64_t ch = 0; ch < w; ch++) row[ch] = (float)((double)row[ch] + ref_dot(c->in[TRI_ATT_WO], ch, o));
  }
  free(q);
}

void of3_ref_triangle_attention(const of3_call *c) {
  const of3_tensor *mask = c->in[TRI_ATT_MASK];
  int64_t n = of3_dim(c->out, 1), w = of3_dim(c->out, 0), pairs = n * n, heads = c->attr.heads;
  double *x = ref_alloc(c, pairs * (w + heads));
  if (!x) return;
  double *bias = x + pairs * w;
  for (int64_t b = 0; b < of3_rows(c->out) / pairs; b++) {
    float *z = of3_f32(c->out) + b * pairs * w;
    for (int64_t r = 0; r < pairs; r++) {
      ref_norm_row(z + r * w, w, c->in[TRI_ATT_SCALE], c->in[TRI_ATT_OFFSET], x + r * w);
      ref_matvec(c->in[TRI_ATT_WZ], x + r * w, bias + r * heads);
    }
    for (int64_t line = 0; line < n; line++) attend_line(c, x, bias, of3_entry_mask(mask, n, b), n, line, z);
  }
  free(x);
}

void ref_outer_operands(const of3_call *c, const float *m, const float *mask, double *a, double *b) {
  const int64_t cells = of3_dim(c->in[OPM_M], 2) * of3_dim(c->in[OPM_M], 1), cm = of3_dim(c->in[OPM_M], 0),
                h = c->in[OPM_W1]->shape[0];
  double *x = ref_alloc(c, cm);
  if (!x) return;
  for (int64_t r = 0; r < cells; r++) {
    ref_norm_row(m + r * cm, cm, c->in[OPM_SCALE], c->in[OPM_OFFSET], x);
    for (int64_t e = 0; e < h; e++) {
      a[r * h + e] = ref_operand(c->in[OPM_W1], (mask ? (double)mask[r] : 1) * ref_dot(c->in[OPM_W1], e, x));
      b[r * h + e] = ref_operand(c->in[OPM_W2], (mask ? (double)mask[r] : 1) * ref_dot(c->in[OPM_W2], e, x));
    }
  }
  free(x);
}

static void outer_product_mean_one(const of3_call *c, float *z, const float *m, const float *mask) {
  const of3_tensor *wo = c->in[OPM_WO];
  int64_t rows = of3_dim(c->in[OPM_M], 2), n = of3_dim(c->in[OPM_M], 1), h = c->in[OPM_W1]->shape[0],
          w = of3_dim(c->out, 0);
  double *a = ref_alloc(c, 2 * rows * n * h + h * h);
  if (!a) return;
  double *b = a + rows * n * h, *o = b + rows * n * h;
  ref_outer_operands(c, m, mask, a, b);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++, z += w) {
      double both = 1e-3;
      memset(o, 0, (size_t)(h * h) * sizeof *o);
      for (int64_t r = 0; r < rows; r++) {
        both += mask ? (double)mask[r * n + i] * (double)mask[r * n + j] : 1;
        for (int64_t e = 0; e < h * h; e++) o[e] += a[(r * n + i) * h + e / h] * b[(r * n + j) * h + e % h];
      }
      for (int64_t ch = 0; ch < w; ch++)
        z[ch] = (float)((double)z[ch] + (ref_dot(wo, ch, o) + (double)of3_f32(c->in[OPM_BO])[ch]) / both);
    }
  free(a);
}

void of3_ref_outer_product_mean(const of3_call *c) {
  const of3_tensor *m = c->in[OPM_M], *mask = c->in[OPM_MASK];
  const int64_t cells = of3_dim(m, 2) * of3_dim(m, 1), n = of3_dim(c->out, 1), w = of3_dim(c->out, 0);
  if (of3_count(c->out) == 0) return;
  for (int64_t e = 0; e < of3_count(c->out) / (n * n * w); e++)
    outer_product_mean_one(c, of3_f32(c->out) + e * n * n * w, of3_f32(m) + e * cells * of3_dim(m, 0),
                           cells ? of3_entry_mask(mask, cells, e) : NULL);
}

void ref_average_weights(const of3_call *c, const float *z, const float *mask, int64_t n, double *weight) {
  int64_t w = of3_dim(c->in[PWA_Z], 0), heads = c->attr.heads;
  double *x = ref_alloc(c, w + n);
  if (!x) return;
  double *p = x + w;
  for (int64_t i = 0; i < n; i++) {
    bool masked = ref_any_pair(mask, n, i);
    for (int64_t j = 0; j < n; j++) {
      ref_norm_row(z + (i * n + j) * w, w, c->in[PWA_Z_SCALE], c->in[PWA_Z_OFFSET], x);
      float add = masked ? (float)(REF_INF * ((double)of3_pair_mask(mask, i, j) - 1)) : 0;
      for (int64_t h = 0; h < heads; h++)
        weight[(i * n + j) * heads + h] = (double)((float)ref_dot(c->in[PWA_WZ], h, x) + add);
    }
    for (int64_t h = 0; h < heads; h++) {
      for (int64_t j = 0; j < n; j++) p[j] = weight[(i * n + j) * heads + h];
      ref_softmax(p, n);
      for (int64_t j = 0; j < n; j++) weight[(i * n + j) * heads + h] = p[j];
    }
  }
  free(x);
}

/* One row [N,c_m] of an alignment. */
static void average_row(const of3_call *c, const double *weight, int64_t n, float *m) {
  int64_t cm = of3_dim(c->out, 0), heads = c->attr.heads, hd = c->in[PWA_WV]->shape[0];
  double *x = ref_alloc(c, n * cm + n * hd + hd);
  if (!x) return;
  double *v = x + n * cm, *o = v + n * hd;
  for (int64_t j = 0; j < n; j++) {
    ref_norm_row(m + j * cm, cm, c->in[PWA_M_SCALE], c->in[PWA_M_OFFSET], x + j * cm);
    ref_matvec(c->in[PWA_WV], x + j * cm, v + j * hd);
  }
  for (int64_t i = 0; i < n; i++) {
    for (int64_t e = 0; e < hd; e++) {
      double sum = 0;
      for (int64_t j = 0; j < n; j++) sum += weight[(i * n + j) * heads + e / (hd / heads)] * v[j * hd + e];
      o[e] = sum * ref_sigmoid(ref_dot(c->in[PWA_WG], e, x + i * cm));
    }
    for (int64_t ch = 0; ch < cm; ch++)
      m[i * cm + ch] = (float)((double)m[i * cm + ch] + ref_dot(c->in[PWA_WO], ch, o));
  }
  free(x);
}

void of3_ref_pair_weighted_average(const of3_call *c) {
  const of3_tensor *z = c->in[PWA_Z], *mask = c->in[PWA_MASK];
  int64_t rows = of3_dim(c->out, 2), n = of3_dim(c->out, 1), cm = of3_dim(c->out, 0), heads = c->attr.heads;
  if (of3_count(c->out) == 0) return;
  double *weight = ref_alloc(c, n * n * heads);
  if (!weight) return;
  for (int64_t e = 0; e < of3_rows(c->out) / (rows * n); e++) {
    ref_average_weights(c, of3_f32(z) + e * n * n * of3_dim(z, 0), of3_entry_mask(mask, n, e), n, weight);
    for (int64_t r = 0; r < rows; r++) average_row(c, weight, n, of3_f32(c->out) + (e * rows + r) * n * cm);
  }
  free(weight);
}
