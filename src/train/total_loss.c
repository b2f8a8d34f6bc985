/* The protocols of OpenFold3's releases, weights of losses by stage, and the total: each loss over its
 * outputs, its gradient scaled by its weight (docs/training.md). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/logits.h"

static const of3_protocol protocols[OF3_N_RELEASE] = {
    [OF3_RELEASE_031] = {"0.3.1", OF3_RELEASE_031, .half_bin_shift = true, .radius_on_error = true,
                         .pae_in_last_stage = true, .copies_see_all = true, .average_lags = true,
                         .clip_mean_gradient = true},
    [OF3_RELEASE_04] = {"0.4", OF3_RELEASE_04, .half_bin_shift = true},
    [OF3_RELEASE_05] = {"0.5.0", OF3_RELEASE_05, .half_bin_shift = false}};

const of3_protocol *of3_protocol_of(of3_release release) { return &protocols[release]; }

const of3_protocol *of3_protocol_named(const char *name) {
  for (int r = 0; r < OF3_N_RELEASE; r++)
    if (strcmp(protocols[r].name, name) == 0) return &protocols[r];
  return NULL;
}

const char *of3_loss_name(of3_loss loss) {
  static const char *const name[OF3_N_LOSS] = {
      "mse", "bond", "smooth_lddt", "distogram", "plddt", "pde", "experimentally_resolved", "pae"};
  return name[loss];
}

bool of3_stage_has_pae(of3_train_stage stage, const of3_protocol *protocol) {
  return stage == OF3_STAGE_FINE_3 || !protocol->pae_in_last_stage;
}

of3_loss_weights of3_stage_weights(of3_train_stage stage, const of3_protocol *protocol, double resolution,
                                   bool distilled) {
  of3_loss_weights w = {{0}};
  if (stage != OF3_STAGE_FINE_3) {
    w.of[OF3_LOSS_MSE] = 4;
    w.of[stage == OF3_STAGE_INITIAL ? OF3_LOSS_SMOOTH_LDDT : OF3_LOSS_BOND] = 4;
    w.of[OF3_LOSS_DISTOGRAM] = 0.03;
  }
  if (distilled || !(resolution >= 0.1 && resolution <= 4)) return w;
  w.of[OF3_LOSS_PLDDT] = w.of[OF3_LOSS_PDE] = w.of[OF3_LOSS_RESOLVED] = 1e-4;
  if (of3_stage_has_pae(stage, protocol)) w.of[OF3_LOSS_PAE] = 1e-4;
  return w;
}

/* ---- the copies of an entry, a thread for each */

typedef struct copy_value {
  double of[OF3_LOSS_SMOOTH_LDDT + 1];
  double combined;
} copy_value;

typedef struct copies_job {
  const of3_loss_entry *e;
  double scale;      /* d total / d mean over copies */
  copy_value *value; /* [S] */
} copies_job;

static void copies_losses(void *arg, int64_t begin, int64_t end, int thread) {
  const copies_job *job = arg;
  const of3_loss_entry *e = job->e;
  const double *w = e->weights.of;
  (void)thread;
  for (int64_t s = begin; s < end; s++) {
    const size_t at = (size_t)s * 3 * (size_t)e->c->f->n_atom;
    const double t = (double)e->noise[s], sd = 16, each = job->scale / e->n_copy,
                 f = (t * t + sd * sd) / (t * sd * t * sd);
    const float *x = e->copies + at;
    float *dx = e->d_copies + at;
    double *v = job->value[s].of;
    memset(dx, 0, 3 * (size_t)e->c->f->n_atom * sizeof *dx);
    v[OF3_LOSS_MSE] = of3_mse_loss(e->c, x, each * f * w[OF3_LOSS_MSE], dx);
    if (w[OF3_LOSS_BOND] != 0) v[OF3_LOSS_BOND] = of3_bond_loss(e->c, x, each * f * w[OF3_LOSS_BOND], dx);
    if (w[OF3_LOSS_SMOOTH_LDDT] != 0)
      v[OF3_LOSS_SMOOTH_LDDT] = of3_smooth_lddt_loss(e->c, x, each * w[OF3_LOSS_SMOOTH_LDDT], dx);
    job->value[s].combined = f * (w[OF3_LOSS_MSE] * v[OF3_LOSS_MSE] + w[OF3_LOSS_BOND] * v[OF3_LOSS_BOND]) +
                             w[OF3_LOSS_SMOOTH_LDDT] * v[OF3_LOSS_SMOOTH_LDDT];
  }
}

/* The means over copies. */
static of3_status diffusion_losses(const of3_loss_entry *e, double scale, of3_pool *opt_pool,
                                   copy_value *mean, of3_error *err) {
  copies_job job = {e, scale, calloc((size_t)e->n_copy, sizeof *job.value)};
  if (!job.value) return of3_fail_memory(err, "the losses of noised copies");
  of3_deal(opt_pool, copies_losses, &job, e->n_copy);
  for (int s = 0; s < e->n_copy; s++) {
    for (int l = 0; l <= OF3_LOSS_SMOOTH_LDDT; l++) mean->of[l] += job.value[s].of[l] / e->n_copy;
    mean->combined += job.value[s].combined / e->n_copy;
  }
  free(job.value);
  return OF3_OK;
}

/* ---- a batch */

typedef struct batch {
  double count[OF3_N_LOSS]; /* entries with a positive weight */
  of3_loss_values *out;
  const of3_protocol *protocol;
  of3_pool *opt_pool;
} batch;

/* d total / d value of an entry's loss, where the loss is a weighted mean over entries */
static double slope_of(const batch *b, const of3_loss_entry *e, of3_loss l) {
  return e->weights.of[l] > 0 ? e->weights.of[l] / b->count[l] : 0;
}

static void add_value(batch *b, const of3_loss_entry *e, of3_loss l, double value) {
  if (e->weights.of[l] > 0) b->out->of[l] += value / b->count[l];
}

static of3_status add_confidence(batch *b, const of3_loss_entry *e, of3_error *err) {
  double slope[OF3_N_LOSS], value[OF3_N_LOSS] = {0};
  for (int l = 0; l < OF3_N_LOSS; l++) slope[l] = slope_of(b, e, (of3_loss)l);
  OF3_TRY(of3_confidence_losses(e->c, b->protocol, &e->confidence, slope, b->opt_pool, value,
                                &e->d_confidence, err));
  for (int l = OF3_LOSS_PLDDT; l < OF3_N_LOSS; l++) {
    if (l == OF3_LOSS_PAE && !e->confidence.pae) continue;
    add_value(b, e, (of3_loss)l, value[l]);
    if (slope[l] != 0) b->out->confidence += slope[l] * value[l];
  }
  return OF3_OK;
}

static of3_status add_structure(batch *b, const of3_loss_entry *e, of3_error *err) {
  copy_value mean = {{0}, 0};
  double distogram = 0;
  const double slope = slope_of(b, e, OF3_LOSS_DISTOGRAM);
  if (e->n_copy) {
    const double scale = e->weights.of[OF3_LOSS_MSE] > 0 ? 1 / b->count[OF3_LOSS_MSE] : 0;
    OF3_TRY(diffusion_losses(e, scale, b->opt_pool, &mean, err));
    for (int l = 0; l <= OF3_LOSS_SMOOTH_LDDT; l++) add_value(b, e, (of3_loss)l, mean.of[l]);
    if (scale > 0) b->out->diffusion += scale * mean.combined;
  }
  OF3_TRY(of3_distogram_loss(e->c, e->distogram, slope, b->opt_pool, &distogram, e->d_distogram, err));
  add_value(b, e, OF3_LOSS_DISTOGRAM, distogram);
  if (slope != 0) b->out->distogram += slope * distogram;
  return OF3_OK;
}

of3_status of3_total_loss(int n, const of3_loss_entry *entry, const of3_protocol *protocol,
                          bool confidence_only, of3_pool *opt_pool, of3_loss_values *out, of3_error *err) {
  batch b = {.out = out, .protocol = protocol, .opt_pool = opt_pool};
  *out = (of3_loss_values){0};
  for (int l = 0; l < OF3_N_LOSS; l++)
    for (int k = 0; k < n; k++) b.count[l] += entry[k].weights.of[l] > 0;
  for (int k = 0; k < n; k++) {
    OF3_TRY(add_confidence(&b, &entry[k], err));
    if (!confidence_only) OF3_TRY(add_structure(&b, &entry[k], err));
  }
  for (int l = 0; l < OF3_N_LOSS; l++)
    if (b.count[l] == 0 || (confidence_only && l < OF3_LOSS_PLDDT)) out->of[l] = NAN;
  out->total = out->confidence + out->diffusion + out->distogram;
  return OF3_OK;
}
