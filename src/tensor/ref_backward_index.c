/* Plain C reference of backwards: operations that look up rows of tables, tokens or atoms. Their gradients go
 * back to the rows that were read. */
#include "tensor/ref_backward.h"

void of3_backward_embed_add(const of3_call *c) {
  const of3_tensor *index = c->in[EMBED_INDEX], *table = c->in[EMBED_TABLE], *weight = c->in[EMBED_WEIGHT];
  const int64_t w = of3_dim(c->out, 0), n = of3_dim(index, 0);
  ref_sums s;
  if (!ref_sums_begin(c, &s)) return;
  for (int64_t r = 0; r < of3_rows(c->out); r++)
    for (int64_t k = 0; k < n; k++) {
      const int64_t at = of3_embed_index(index, r % of3_rows(index) * n + k),
                    from = weight ? r % of3_count(weight) : 0;
      const double factor = weight ? (double)of3_f32(weight)[from] : 1;
      for (int64_t ch = 0; at >= 0 && ch < w; ch++) {
        const double dy = ref_dy(c, r * w + ch);
        ref_put(&s, EMBED_TABLE, at * w + ch, factor * dy);
        ref_put(&s, EMBED_WEIGHT, from, dy * (double)of3_f32(table)[at * w + ch]);
      }
    }
  ref_sums_end(&s);
}

void of3_backward_gather(const of3_call *c) {
  const of3_tensor *x = c->in[GATHER_X], *index = c->in[GATHER_INDEX], *mask = c->in[GATHER_MASK];
  const int64_t w = of3_dim(x, 0), n = of3_dim(x, 1), atoms = of3_dim(index, 0);
  ref_sums s;
  if (!ref_sums_begin(c, &s)) return;
  for (int64_t r = 0; r < of3_rows(c->out); r++) {
    const int64_t entries = of3_rows(x) / n,
                  from = r / atoms % entries * n + of3_i32(index)[r % of3_count(index)];
    const double m = mask ? (double)of3_f32(mask)[r % of3_count(mask)] : 1;
    for (int64_t ch = 0; ch < w; ch++) ref_put(&s, GATHER_X, from * w + ch, m * ref_dy(c, r * w + ch));
  }
  ref_sums_end(&s);
}

void of3_backward_take_rows(const of3_call *c) {
  const int64_t w = of3_dim(c->in[TAKE_ROWS_X], 0);
  ref_sums s;
  if (!ref_sums_begin(c, &s)) return;
  for (int64_t i = 0; i < of3_count(c->out); i++)
    ref_put(&s, TAKE_ROWS_X, of3_row_taken(c, i / w) * w + i % w, ref_dy(c, i));
  ref_sums_end(&s);
}

void of3_backward_take_row(const of3_call *c) {
  const int64_t w = of3_dim(c->out, 0);
  ref_sums s;
  if (!ref_sums_begin(c, &s)) return;
  for (int64_t i = 0; i < of3_count(c->out); i++)
    ref_put(&s, TAKE_ROW_TABLE, of3_i32(c->in[TAKE_ROW_INDEX])[i / w] * w + i % w, ref_dy(c, i));
  ref_sums_end(&s);
}

void of3_backward_segment_mean(const of3_call *c) {
  const of3_tensor *x = c->in[SEGMENT_X], *start = c->in[SEGMENT_START], *many = c->in[SEGMENT_COUNT];
  const int64_t w = of3_dim(x, 0), atoms = of3_dim(x, 1), n = of3_dim(start, 0);
  ref_sums s;
  if (!ref_sums_begin(c, &s)) return;
  for (int64_t r = 0; r < of3_rows(c->out); r++) {
    const int64_t first = of3_i32(start)[r % of3_count(start)],
                  last = first + of3_i32(many)[r % of3_count(many)];
    const float *mask = atoms ? of3_entry_mask(c->in[SEGMENT_MASK], atoms, r / n) : NULL;
    double count = 1e-9;
    for (int64_t a = first; a < last; a++) count += mask ? (double)mask[a] : 1;
    for (int64_t a = first; a < last; a++)
      for (int64_t ch = 0; ch < w; ch++)
        ref_put(&s, SEGMENT_X, (r / n * atoms + a) * w + ch,
                (mask ? (double)mask[a] : 1) / count * ref_dy(c, r * w + ch));
  }
  ref_sums_end(&s);
}

void of3_backward_relpos_add(const of3_call *c) {
  const int64_t n = of3_dim(c->out, 1), w = of3_dim(c->out, 0);
  ref_sums s;
  if (!ref_sums_begin(c, &s)) return;
  for (int64_t r = 0; r < of3_rows(c->out); r++) {
    const int32_t *place = of3_entry_places(c->in[RELPOS_ADD_PLACE], r / (n * n));
    int32_t class_[4];
    of3_relpos_classes(place + r / n % n * OF3_N_PLACE, place + r % n * OF3_N_PLACE, class_);
    for (int k = 0; k < 4; k++)
      for (int64_t ch = 0; class_[k] >= 0 && ch < w; ch++)
        ref_put(&s, RELPOS_ADD_TABLE, class_[k] * w + ch, ref_dy(c, r * w + ch));
  }
  ref_sums_end(&s);
}

void of3_backward_bond_add(const of3_call *c) {
  const of3_tensor *bond = c->in[BOND_ADD_PAIR];
  const int64_t n = of3_dim(c->out, 1), w = of3_dim(c->out, 0), bonds = of3_dim(bond, 1);
  ref_sums s;
  if (!ref_sums_begin(c, &s)) return;
  for (int64_t b = 0; n && b < of3_rows(c->out) / (n * n); b++)
    for (int64_t k = 0; k < bonds; k++) {
      const int32_t *ij = of3_i32(bond) + (b % (of3_rows(bond) / bonds) * bonds + k) * 2;
      if (ij[0] < 0 || ij[1] < 0) continue;
      const int64_t there = ((b * n + ij[0]) * n + ij[1]) * w, back = ((b * n + ij[1]) * n + ij[0]) * w;
      for (int64_t ch = 0; ch < w; ch++)
        ref_put(&s, BOND_ADD_ROW, ch, ref_dy(c, there + ch) + ref_dy(c, back + ch));
    }
  ref_sums_end(&s);
}

void of3_backward_template_add(const of3_call *c) {
  const int64_t n = of3_dim(c->out, 1), w = of3_dim(c->out, 0);
  ref_sums s;
  if (!ref_sums_begin(c, &s)) return;
  for (int64_t r = 0; r < of3_rows(c->out); r++) {
    const of3_template_features f = of3_template_pair(c, n, r / (n * n), r / n % n, r % n);
    for (int64_t ch = 0; ch < w; ch++) {
      const double dy = ref_dy(c, r * w + ch);
      if (f.bin >= 0) ref_put(&s, TEMPLATE_ADD_TABLE, f.bin * w + ch, (double)f.factor * dy);
      for (int k = 0; k < 5; k++) ref_put(&s, TEMPLATE_ADD_W, 5 * ch + k, (double)f.x[k] * dy);
    }
  }
  ref_sums_end(&s);
}
