/* Inside src/train: classes by their logits. */
#ifndef OF3_TRAIN_LOGITS_H
#define OF3_TRAIN_LOGITS_H

#include "base/threads.h"
#include "train/losses.h"

/* -log softmax(logits)[target], n classes; dlogits = slope times its gradient. */
double of3_cross_entropy(const float *logits, int n, int target, double slope, float *dlogits);

/* Bins of a width; a value belongs to the bin of the nearest point, first + b width, and to the lower one of
 * two. */
typedef struct of3_bins {
  float first, width;
  int n;
} of3_bins;
int of3_nearest_bin(const of3_bins *bins, double value);
/* The bins of a confidence head from lo to hi. */
of3_bins of3_confidence_bins(float lo, float hi, int n, const of3_protocol *protocol);

/* The mean of the cross-entropies of a head [N,N,64] over the pairs (i,j) with row[i] and column[j]. */
typedef struct of3_pair_targets {
  int (*bin)(const void *user, int i, int j);
  const void *user;
  int n;
  const uint8_t *row, *column; /* [n] */
} of3_pair_targets;
OF3_MUST_CHECK of3_status of3_pair_loss(const of3_pair_targets *t, const float *logits, double slope,
                                        of3_pool *opt_pool, double *value, float *dlogits, of3_error *err);

/* of3_pool_run, or the calling thread. */
void of3_deal(of3_pool *opt_pool, of3_task *task, void *arg, int64_t n);

/* has[i]: token i has a representative atom whose mask is not 0. */
void of3_has_point(const of3_features *f, const float *atom_mask, uint8_t *has);
/* Between the representative atoms of two tokens that have them; eps below the root. */
double of3_point_distance(const of3_features *f, const float *x, int i, int j, double eps);

#endif
