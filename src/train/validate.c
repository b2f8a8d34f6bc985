#include "train/validate.h"

typedef struct validation {
  const of3_sample *sample;
  const of3_prediction *p;
  float *truth, *resolved;          /* [S,A,3], [S,A] in the order that suits each structure */
  of3_metric_case *compared;        /* [S] */
  of3_metric_values *metric, entry; /* [S] */
  double *gpde;                     /* [S] */
} validation;

/* AF3 SI 5.7.3: the error of distances that is expected, over pairs that are expected in contact. */
static double expected_error(const of3_prediction *p, int sample) {
  const int64_t n = (int64_t)p->n_token * p->n_token;
  double sum = 0, weights = 1e-8;
  for (int64_t i = 0; i < n; i++) {
    sum += (double)p->contact[i] * (double)p->pde[n * sample + i];
    weights += (double)p->contact[i];
  }
  return sum / weights;
}

static of3_status align_structure(validation *v, int s, int32_t *index, bool *ret_counts, of3_error *err) {
  const of3_train_entry *e = &v->sample->entry;
  const int64_t a = v->p->n_atom;
  of3_aligned how;
  OF3_TRY(
      of3_align_truth(&e->crop, v->p->x + 3 * a * s, &e->truth, e->truth_x, e->resolved, &how, index, err));
  *ret_counts = *ret_counts && how != OF3_ALIGNED_NOT;
  of3_take_aligned(e->crop.f, index, e->truth_x, e->resolved, v->truth + 3 * a * s, v->resolved + a * s);
  v->compared[s] = (of3_metric_case){.f = e->crop.f,
                                     .opt_complex = &v->sample->complex,
                                     .truth = v->truth + 3 * a * s,
                                     .resolved = v->resolved + a * s,
                                     .x = v->p->x + 3 * a * s,
                                     .opt_plddt = v->p->plddt + a * s};
  v->gpde[s] = expected_error(v->p, s);
  return OF3_OK;
}

static of3_status compare(validation *v, of3_arena *arena, of3_metric_means *means, bool *ret_counts,
                          of3_error *err) {
  const int64_t n = v->p->n_sample, a = v->p->n_atom;
  int32_t *index = OF3_ARENA_NEW(arena, int32_t, a);
  v->truth = OF3_ARENA_NEW(arena, float, 3 * a * n);
  v->resolved = OF3_ARENA_NEW(arena, float, a *n);
  v->compared = OF3_ARENA_NEW(arena, of3_metric_case, n);
  v->metric = OF3_ARENA_NEW(arena, of3_metric_values, n);
  v->gpde = OF3_ARENA_NEW(arena, double, n);
  if (!index || !v->truth || !v->resolved || !v->compared || !v->metric || !v->gpde)
    return of3_fail_memory(err, "a validation");
  *ret_counts = true;
  for (int s = 0; s < n && *ret_counts; s++) OF3_TRY(align_structure(v, s, index, ret_counts, err));
  if (!*ret_counts) return OF3_OK;
  for (int s = 0; s < n; s++) OF3_TRY(of3_sample_metrics(&v->compared[s], &v->metric[s], err));
  OF3_TRY(of3_entry_metrics((int)n, v->compared, v->gpde, v->metric, &v->entry, err));
  of3_metric_means_add(means, &v->entry, (int)n, v->metric);
  return OF3_OK;
}

of3_status of3_validate_sample(of3_ctx *cx, const of3_network *net, const of3_sample *sample,
                               const of3_fold_options *options, of3_metric_means *means, bool *ret_counts,
                               of3_error *err) {
  const of3_random_source random = of3_sample_random(sample);
  of3_prediction p = {0};
  validation v = {.sample = sample, .p = &p};
  of3_arena *arena = of3_arena_new(0);
  of3_status status = arena ? OF3_OK : of3_fail_memory(err, "a validation");
  *ret_counts = false;
  if (status == OF3_OK) status = of3_fold(cx, net, sample->crop, options, &random, NULL, &p, err);
  if (status == OF3_OK) status = compare(&v, arena, means, ret_counts, err);
  of3_prediction_free(&p);
  of3_arena_free(arena);
  return status;
}
