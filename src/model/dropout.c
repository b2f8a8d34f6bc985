/* Dropout of training: see network.h. The masks of a tensor whose leading axes are template slots, or samples
 * of the confidence head, are those that each of them would get alone. */
#include <stdarg.h>
#include <stdio.h>

#include "model/run.h"

of3_tensor *of3_before_update(const of3_run *r, const of3_tensor *y) {
  if (!r->dropout) return NULL;
  of3_tensor *before = of3_new_like(r->cx, y);
  of3_copy(r->cx, before, y);
  return before;
}

/* The place of group g of the leading axes: with the slot or the sample that it is. */
static void place_of(const of3_run *r, int g, const char *name, char out[320]) {
  if (r->slots.n)
    snprintf(out, 320, "%stemplate%d/%s", r->scope, r->in.of_complex[0].first[r->slots.first + g], name);
  else if (r->of_samples)
    snprintf(out, 320, "%ssample%d/%s", r->scope, r->first_sample + g, name);
  else
    snprintf(out, 320, "%s%s", r->scope, name);
}

/* n zeros and ones, the latter with the probability 1 - rate. */
static void draw_keep(const of3_dropout *d, const char *place, double rate, int64_t n, float *keep) {
  const of3_stream s = {d->seed, OF3_RANDOM_DROPOUT, (uint32_t)of3_random_name(place), d->step};
  if (d->opt_keep) {
    d->opt_keep(d->user, place, n, keep);
    return;
  }
  for (int64_t i = 0; i < n; i += 4) {
    uint32_t word[4];
    of3_random_block(s, (uint32_t)(i / 4), word);
    for (int64_t k = i; k < i + 4 && k < n; k++) keep[k] = (word[k - i] >> 8) * 0x1p-24 >= rate;
  }
}

void of3_drop_update(const of3_run *r, of3_tensor *y, const of3_tensor *before, bool columns, double rate,
                     const char *fmt, ...) {
  char name[256], place[320];
  va_list ap;
  if (!before) return;
  va_start(ap, fmt);
  vsnprintf(name, sizeof name, fmt, ap);
  va_end(ap);
  const int64_t width = of3_dim(y, 0), own = of3_dim(y, columns ? 2 : 1), each = own * width,
                all = of3_count(y) / (width * of3_dim(y, 1) * of3_dim(y, 2)), n = r->in.n;
  float *keep;
  of3_tensor *mask = OF3_STAGE(r->cx, &keep, OF3_F32, all, own, width);
  for (int64_t e = 0; keep && e < all; e++) {
    place_of(r, (int)(e / n), name, place);
    draw_keep(&r->dropout[e % n], place, rate, each, keep + e * each);
  }
  for (int64_t i = 0; keep && i < all * each; i++) keep[i] *= (float)(1 / (1 - rate));
  of3_staged(r->cx, mask);
  of3_tensor *flat = OF3_RESHAPE(r->cx, y, all, of3_dim(y, 2), of3_dim(y, 1), width),
             *was = OF3_RESHAPE(r->cx, before, all, of3_dim(y, 2), of3_dim(y, 1), width);
  of3_dropout_update(r->cx, flat, was, mask, columns);
}
