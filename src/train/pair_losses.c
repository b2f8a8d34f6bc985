#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/logits.h"

double of3_cross_entropy(const float *logits, int n, int target, double slope, float *dlogits) {
  double most = (double)logits[0], p[OF3_PAIR_BINS];
  for (int b = 1; b < n; b++)
    if ((double)logits[b] > most) most = (double)logits[b];
  double sum = p[0] = exp((double)logits[0] - most);
  for (int b = 1; b < n; b++) sum += p[b] = exp((double)logits[b] - most);
  for (int b = 0; b < n; b++) dlogits[b] = (float)(slope * (p[b] / sum - (b == target)));
  return log(sum) + most - (double)logits[target];
}

/* In f32, as OpenFold3 does: the lDDT of an atom is often half way between two bins. */
int of3_nearest_bin(const of3_bins *bins, double value) {
  const double guess = (value - (double)bins->first) / (double)bins->width;
  if (!(guess > 0)) return 0;
  if (!(guess < bins->n)) return isfinite(value) ? bins->n - 1 : 0;
  int best = (int)guess > 0 ? (int)guess - 1 : 0;
  for (int b = best + 1; b < bins->n && b <= (int)guess + 1; b++) {
    const double at = (double)(bins->first + (float)b * bins->width),
                 before = (double)(bins->first + (float)best * bins->width);
    if (fabs(value - at) < fabs(value - before)) best = b;
  }
  return best;
}

of3_bins of3_confidence_bins(float lo, float hi, int n, const of3_protocol *protocol) {
  const float width = (hi - lo) / (float)n;
  return (of3_bins){protocol->half_bin_shift ? lo : lo + width / 2, width, n};
}

void of3_deal(of3_pool *opt_pool, of3_task *task, void *arg, int64_t n) {
  if (opt_pool)
    of3_pool_run(opt_pool, task, arg, n);
  else
    task(arg, 0, n, 0);
}

typedef struct pair_job {
  const of3_pair_targets *t;
  const float *logits;
  float *dlogits;
  double slope;
  double *sum; /* of each row */
} pair_job;

static void pair_rows(void *arg, int64_t begin, int64_t end, int thread) {
  const pair_job *job = arg;
  const of3_pair_targets *t = job->t;
  (void)thread;
  for (int64_t i = begin; i < end; i++) {
    const size_t row = (size_t)i * (size_t)t->n * OF3_PAIR_BINS;
    memset(job->dlogits + row, 0, (size_t)t->n * OF3_PAIR_BINS * sizeof *job->dlogits);
    for (int j = 0; j < t->n && t->row[i]; j++) {
      const size_t at = row + (size_t)j * OF3_PAIR_BINS;
      if (t->column[j])
        job->sum[i] += of3_cross_entropy(job->logits + at, OF3_PAIR_BINS, t->bin(t->user, (int)i, j),
                                         job->slope, job->dlogits + at);
    }
  }
}

of3_status of3_pair_loss(const of3_pair_targets *t, const float *logits, double slope, of3_pool *opt_pool,
                         double *value, float *dlogits, of3_error *err) {
  double rows = 0, columns = 0, sum = 0;
  pair_job job = {t, logits, dlogits, 0, calloc((size_t)t->n + 1, sizeof(double))};
  if (!job.sum) return of3_fail_memory(err, "the losses of pairs");
  for (int i = 0; i < t->n; i++) {
    rows += t->row[i];
    columns += t->column[i];
  }
  const double n = rows * columns > 0 ? rows * columns : 1;
  job.slope = slope / n;
  of3_deal(opt_pool, pair_rows, &job, t->n);
  for (int i = 0; i < t->n; i++) sum += job.sum[i];
  free(job.sum);
  *value = sum / n;
  return OF3_OK;
}

void of3_has_point(const of3_features *f, const float *atom_mask, uint8_t *has) {
  for (int t = 0; t < f->n_token; t++)
    has[t] =
        f->token_mask[t] > 0 && f->representative_atom[t] >= 0 && atom_mask[f->representative_atom[t]] > 0;
}

double of3_point_distance(const of3_features *f, const float *x, int i, int j, double eps) {
  const float *p = x + 3 * (size_t)f->representative_atom[i], *q = x + 3 * (size_t)f->representative_atom[j];
  double d2 = eps;
  for (int k = 0; k < 3; k++) d2 += ((double)p[k] - (double)q[k]) * ((double)p[k] - (double)q[k]);
  return sqrt(d2);
}

static int distogram_bin(const void *user, int i, int j) {
  const of3_loss_case *c = user;
  return of3_nearest_bin(&(of3_bins){2 + 0.3125f / 2, 0.3125f, OF3_PAIR_BINS},
                         of3_point_distance(c->f, c->truth, i, j, 0));
}

of3_status of3_distogram_loss(const of3_loss_case *c, const float *logits, double slope, of3_pool *opt_pool,
                              double *value, float *dlogits, of3_error *err) {
  uint8_t *has = calloc((size_t)c->f->n_token + 1, 1);
  if (!has) return of3_fail_memory(err, "the losses of pairs");
  of3_has_point(c->f, c->resolved, has);
  const of3_pair_targets t = {distogram_bin, c, c->f->n_token, has, has};
  const of3_status status = of3_pair_loss(&t, logits, slope, opt_pool, value, dlogits, err);
  free(has);
  return status;
}
