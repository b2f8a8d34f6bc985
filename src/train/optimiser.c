#include "train/optimiser.h"

#include <math.h>
#include <string.h>

const of3_optimiser_options of3_optimiser_published = {.lr = 1.8e-3,
                                                       .base_lr = 0,
                                                       .warmup = 1000,
                                                       .decay_start = 50000,
                                                       .decay_every = 50000,
                                                       .decay_factor = 0.95,
                                                       .beta1 = 0.9,
                                                       .beta2 = 0.95,
                                                       .eps = 1e-8,
                                                       .clip = 10,
                                                       .average_decay = 0.999};

double of3_learning_rate(const of3_optimiser_options *o, int64_t step) {
  if (step <= o->warmup) return o->base_lr + (double)step / (double)o->warmup * o->lr;
  if (step <= o->decay_start) return o->lr;
  const int64_t decays = (step - o->decay_start) / o->decay_every + 1;
  return o->lr * pow(o->decay_factor, (double)decays);
}

of3_status of3_optimiser_new(const of3_optimiser_options *options, const of3_protocol *protocol, int n_tensor,
                             of3_trained *tensor, of3_arena *arena, of3_optimiser *out, of3_error *err) {
  *out = (of3_optimiser){.options = *options, .protocol = protocol, .n_tensor = n_tensor, .tensor = tensor};
  for (int i = 0; i < n_tensor; i++) {
    tensor[i].trained = tensor[i].averaged = true;
    if (tensor[i].first + tensor[i].n > out->n) out->n = tensor[i].first + tensor[i].n;
  }
  float **array[] = {&out->value, &out->m, &out->v, &out->average};
  for (int k = 0; k < 4; k++) {
    *array[k] = OF3_ARENA_NEW(arena, float, out->n);
    if (!*array[k]) return of3_fail_memory(err, "the parameters and moments");
  }
  return OF3_OK;
}

void of3_optimiser_start(of3_optimiser *o) {
  const size_t bytes = (size_t)o->n * sizeof(float);
  memcpy(o->average, o->value, bytes);
  memset(o->m, 0, bytes);
  memset(o->v, 0, bytes);
  o->step = 0;
  for (int i = 0; i < o->n_tensor; i++) o->tensor[i].updates = 0;
}

/* ---- gradients */

double of3_gradient_norm(const of3_optimiser *o, const float *gradient) {
  double all = 0;
  for (int i = 0; i < o->n_tensor; i++) {
    const of3_trained *t = &o->tensor[i];
    double sum = 0;
    for (int64_t k = t->first; k < t->first + t->n && t->trained; k++)
      sum += (double)gradient[k] * (double)gradient[k];
    all += sum;
  }
  return sqrt(all);
}

bool of3_norm_counts(const of3_optimiser *o, double norm) {
  return isfinite(norm) && !(o->options.most_norm > 0 && norm > o->options.most_norm);
}

double of3_add_gradient(const of3_optimiser *o, of3_gradient_sum *sum, const float *gradient,
                        bool confidence_counts) {
  const double norm = of3_gradient_norm(o, gradient), clip = o->options.clip;
  const double scale = o->protocol->clip_mean_gradient || norm <= clip ? 1 : clip / norm;
  if (!of3_norm_counts(o, norm)) return norm;
  const bool first = gradient == sum->sum;
  for (int64_t k = 0; k < o->n; k++)
    sum->sum[k] = (first ? 0 : sum->sum[k]) + (float)(scale * (double)gradient[k]);
  sum->count++;
  sum->count_confidence += confidence_counts;
  return norm;
}

/* torch's clip_grad_norm_ adds 1e-6 to the norm. */
double of3_mean_gradient(const of3_optimiser *o, of3_gradient_sum *sum) {
  for (int i = 0; i < o->n_tensor; i++) {
    const of3_trained *t = &o->tensor[i];
    const bool all = !t->confidence || o->protocol->clip_mean_gradient;
    const double n = all ? sum->count : sum->count_confidence;
    for (int64_t k = t->first; k < t->first + t->n; k++)
      sum->sum[k] = (float)((double)sum->sum[k] / (n > 0 ? n : 1));
  }
  const double norm = of3_gradient_norm(o, sum->sum), scale = o->options.clip / (norm + 1e-6);
  for (int64_t k = 0; k < o->n && o->protocol->clip_mean_gradient && scale < 1; k++)
    sum->sum[k] = (float)(scale * (double)sum->sum[k]);
  return norm;
}

/* ---- the step */

typedef struct step_job {
  of3_optimiser *o;
  const float *gradient;
  double lr;
} step_job;

/* A parameter whose gradient is 0 still moves with its momentum. */
static void adam_tensor(const step_job *job, const of3_trained *t) {
  const of3_optimiser *o = job->o;
  const of3_optimiser_options *p = &o->options;
  const double rate = job->lr / (1 - pow(p->beta1, (double)t->updates)),
               root = sqrt(1 - pow(p->beta2, (double)t->updates));
  for (int64_t k = t->first; k < t->first + t->n; k++) {
    const double g = (double)job->gradient[k], m = p->beta1 * (double)o->m[k] + (1 - p->beta1) * g,
                 v = p->beta2 * (double)o->v[k] + (1 - p->beta2) * g * g;
    o->m[k] = (float)m;
    o->v[k] = (float)v;
    o->value[k] = (float)((double)o->value[k] - rate * m / (sqrt(v) / root + p->eps));
  }
}

static void average_tensor(const of3_optimiser *o, const of3_trained *t) {
  const double take = 1 - o->options.average_decay;
  for (int64_t k = t->first; k < t->first + t->n && t->averaged; k++)
    o->average[k] = (float)((double)o->average[k] - take * ((double)o->average[k] - (double)o->value[k]));
}

static void step_tensors(void *arg, int64_t begin, int64_t end, int thread) {
  const step_job *job = arg;
  const bool lags = job->o->protocol->average_lags;
  (void)thread;
  for (int64_t i = begin; i < end; i++) {
    const of3_trained *t = &job->o->tensor[i];
    if (lags) average_tensor(job->o, t);
    if (t->trained) adam_tensor(job, t);
    if (!lags) average_tensor(job->o, t);
  }
}

double of3_optimiser_step(of3_optimiser *o, const float *gradient) {
  step_job job = {o, gradient, of3_learning_rate(&o->options, o->step)};
  for (int i = 0; i < o->n_tensor; i++) o->tensor[i].updates += o->tensor[i].trained;
  if (o->opt_pool)
    of3_pool_run(o->opt_pool, step_tensors, &job, o->n_tensor);
  else
    step_tensors(&job, 0, o->n_tensor, 0);
  o->step++;
  return job.lr;
}
