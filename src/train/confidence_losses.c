/* Losses of the confidence heads (AF3 SI 4.3): pLDDT, PDE, PAE, experimentally resolved. Each target is made
 * from the structure that the rollout gave and the truth: a bin of a number for each atom, pair of tokens, or
 * frame and token. A loss is the mean cross entropy over what is resolved, its gradient the softmax less the
 * target. Rows are shared out among threads; their sums are added in the order of rows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "score/frames.h"
#include "train/logits.h"

static const double eps = 1e-8;

typedef struct confidence_job {
  const of3_loss_case *c;
  const of3_features *f;
  const of3_protocol *protocol;
  const of3_confidence_outputs *out;
  const of3_confidence_gradients *gradients;
  of3_pool *opt_pool;
  of3_bins bins;
  double slope;
  double *sum; /* of each token */
  /* what is read of it */
  int n_partner;
  int *partner;            /* [N] centre atoms that lDDT is over */
  uint8_t *row, *column;   /* [N] */
  int32_t *frame[2];       /* [N,3] atoms, of structure and truth */
  double (*axes[2])[4][3]; /* [N] origin and axes of these */
} confidence_job;

/* ---- pLDDT: each atom against the C-alpha or C1' of all standard residues (AF3 SI 4.3.1) */

static double atom_distance(const float *x, int l, int m) {
  double d2 = eps;
  for (size_t k = 0; k < 3; k++) {
    const double v = (double)x[3 * (size_t)l + k] - (double)x[3 * (size_t)m + k];
    d2 += v * v;
  }
  return sqrt(d2);
}

/* Counts are exact and their quotient is f32: targets are often half way between two bins. */
static float atom_lddt(const confidence_job *job, int l) {
  double hits = 0, n = 0;
  if (!(job->c->resolved[l] > 0)) return 0;
  for (int k = 0; k < job->n_partner; k++) {
    const int m = job->partner[k];
    if (m == l) continue;
    const double truth = atom_distance(job->c->truth, l, m),
                 error = fabs(truth - atom_distance(job->out->x, l, m));
    const double measure = job->protocol->radius_on_error ? error : truth;
    if (!(measure < (job->c->nucleic[m] ? 30 : 15))) continue;
    n++;
    hits += 0.25 * ((error < 0.5) + (error < 1) + (error < 2) + (error < 4));
  }
  return n > 0 ? (float)hits / (float)n : 0;
}

/* Cross-entropies of the atoms of a token, with logits of `bins` classes in the places of its atoms. */
static void atom_rows(const confidence_job *job, int64_t token, const float *logits, float *dlogits, int bins,
                      int (*target)(const confidence_job *job, int atom)) {
  const size_t each = (size_t)OF3_MAX_ATOMS_PER_TOKEN * (size_t)bins;
  memset(dlogits + (size_t)token * each, 0, each * sizeof *dlogits);
  for (int k = 0; k < job->f->num_atoms_per_token[token]; k++) {
    const size_t at = (size_t)token * each + (size_t)k * (size_t)bins;
    const int class_ = target(job, job->f->start_atom_index[token] + k);
    if (class_ >= 0)
      job->sum[token] += of3_cross_entropy(logits + at, bins, class_, job->slope, dlogits + at);
  }
}

static int plddt_bin(const confidence_job *job, int atom) {
  return job->c->resolved[atom] > 0 ? of3_nearest_bin(&job->bins, (double)atom_lddt(job, atom)) : -1;
}

static void plddt_tokens(void *arg, int64_t begin, int64_t end, int thread) {
  const confidence_job *job = arg;
  (void)thread;
  for (int64_t t = begin; t < end; t++)
    atom_rows(job, t, job->out->plddt, job->gradients->plddt, OF3_PLDDT_BINS, plddt_bin);
}

static int resolved_class(const confidence_job *job, int atom) {
  return job->f->atom_mask[atom] > 0 ? job->c->resolved[atom] > 0 : -1;
}

static void resolved_tokens(void *arg, int64_t begin, int64_t end, int thread) {
  const confidence_job *job = arg;
  (void)thread;
  for (int64_t t = begin; t < end; t++)
    atom_rows(job, t, job->out->resolved, job->gradients->resolved, OF3_RESOLVED_BINS, resolved_class);
}

/* The mean over atoms with a mask. */
static double atom_loss(confidence_job *job, of3_task *task, const float *mask, double slope) {
  double n = 0, sum = 0;
  for (int a = 0; a < job->f->n_atom; a++) n += mask[a] > 0;
  n = n > 0 ? n : 1;
  job->slope = slope / n;
  memset(job->sum, 0, (size_t)job->f->n_token * sizeof *job->sum);
  of3_deal(job->opt_pool, task, job, job->f->n_token);
  for (int t = 0; t < job->f->n_token; t++) sum += job->sum[t];
  return sum / n;
}

static double plddt_loss(confidence_job *job, double slope) {
  const of3_features *f = job->f;
  job->bins = of3_confidence_bins(0, 1, OF3_PLDDT_BINS, job->protocol);
  for (int t = 0; t < f->n_token; t++) {
    const int a = f->center_atom[t];
    const bool polymer = f->is_protein[t] || f->is_rna[t] || f->is_dna[t];
    if (a >= 0 && polymer && !f->is_atomized[t] && f->token_mask[t] > 0 && job->c->resolved[a] > 0)
      job->partner[job->n_partner++] = a;
  }
  return atom_loss(job, plddt_tokens, job->c->resolved, slope);
}

/* ---- PDE: errors of distances */

static int pde_bin(const void *user, int i, int j) {
  const confidence_job *job = user;
  const double error = of3_point_distance(job->f, job->out->x, i, j, eps) -
                       of3_point_distance(job->f, job->c->truth, i, j, eps);
  return of3_nearest_bin(&job->bins, fabs(error));
}

static of3_status pde_loss(confidence_job *job, double slope, double *value, of3_error *err) {
  job->bins = of3_confidence_bins(0, 32, OF3_PAIR_BINS, job->protocol);
  of3_has_point(job->f, job->c->resolved, job->row);
  const of3_pair_targets t = {pde_bin, job, job->f->n_token, job->row, job->row};
  return of3_pair_loss(&t, job->out->pde, slope, job->opt_pool, value, job->gradients->pde, err);
}

/* ---- PAE: where representative atoms are, seen from frames (AF3 SI Alg. 29, 30) */

static void unit(double v[3]) {
  const double n = sqrt(eps + v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
  for (int k = 0; k < 3; k++) v[k] /= n;
}

static void frame_axes(const float *x, const int32_t frame[3], double out[4][3]) {
  double u[3], v[3];
  for (size_t k = 0; k < 3; k++) {
    out[0][k] = (double)x[3 * (size_t)frame[1] + k];
    u[k] = (double)x[3 * (size_t)frame[0] + k] - out[0][k];
    v[k] = (double)x[3 * (size_t)frame[2] + k] - out[0][k];
  }
  unit(u);
  unit(v);
  for (int k = 0; k < 3; k++) {
    out[1][k] = u[k] + v[k];
    out[2][k] = v[k] - u[k];
  }
  unit(out[1]);
  unit(out[2]);
  for (int k = 0; k < 3; k++) {
    const int a = (k + 1) % 3, b = (k + 2) % 3;
    out[3][k] = out[1][a] * out[2][b] - out[1][b] * out[2][a];
  }
}

static int pae_bin(const void *user, int i, int j) {
  const confidence_job *job = user;
  const size_t atom = 3 * (size_t)job->f->representative_atom[j];
  const float *point[2] = {job->out->x + atom, job->c->truth + atom};
  double e2 = eps;
  for (int axis = 1; axis < 4; axis++) {
    double seen[2] = {0, 0};
    for (int s = 0; s < 2; s++)
      for (int k = 0; k < 3; k++)
        seen[s] += job->axes[s][i][axis][k] * ((double)point[s][k] - job->axes[s][i][0][k]);
    e2 += (seen[0] - seen[1]) * (seen[0] - seen[1]);
  }
  return of3_nearest_bin(&job->bins, sqrt(e2));
}

static of3_status pae_loss(confidence_job *job, double slope, double *value, of3_error *err) {
  const of3_features *f = job->f;
  const float *x[2] = {job->out->x, job->c->truth}, *mask[2] = {f->atom_mask, job->c->resolved};
  job->bins = of3_confidence_bins(0, 32, OF3_PAIR_BINS, job->protocol);
  for (int s = 0; s < 2; s++) of3_frame_atoms(f, x[s], mask[s], job->frame[s]);
  of3_has_point(f, f->atom_mask, job->row);
  of3_has_point(f, job->c->resolved, job->column);
  for (int t = 0; t < f->n_token; t++) {
    job->column[t] = job->column[t] && job->row[t];
    job->row[t] = job->frame[0][3 * t] >= 0 && job->frame[1][3 * t] >= 0;
    for (int s = 0; s < 2 && job->row[t]; s++)
      frame_axes(x[s], job->frame[s] + 3 * (size_t)t, job->axes[s][t]);
  }
  const of3_pair_targets t = {pae_bin, job, f->n_token, job->row, job->column};
  return of3_pair_loss(&t, job->out->pae, slope, job->opt_pool, value, job->gradients->pae, err);
}

of3_status of3_confidence_losses(const of3_loss_case *c, const of3_protocol *protocol,
                                 const of3_confidence_outputs *out, const double slope[OF3_N_LOSS],
                                 of3_pool *opt_pool, double value[OF3_N_LOSS],
                                 const of3_confidence_gradients *gradients, of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  if (!arena) return of3_fail_memory(err, "the confidence losses");
  const int n = c->f->n_token;
  confidence_job job = {.c = c,
                        .f = c->f,
                        .protocol = protocol,
                        .out = out,
                        .gradients = gradients,
                        .opt_pool = opt_pool,
                        .sum = OF3_ARENA_NEW(arena, double, n),
                        .partner = OF3_ARENA_NEW(arena, int, n),
                        .row = OF3_ARENA_NEW(arena, uint8_t, n),
                        .column = OF3_ARENA_NEW(arena, uint8_t, n)};
  bool ok = job.sum && job.partner && job.row && job.column;
  for (int s = 0; s < 2; s++) {
    job.frame[s] = OF3_ARENA_NEW(arena, int32_t, 3 * (size_t)n);
    job.axes[s] = (double(*)[4][3])of3_arena_alloc(arena, (size_t)n, sizeof *job.axes[s]);
    ok = ok && job.frame[s] && job.axes[s];
  }
  of3_status status = ok ? OF3_OK : of3_fail_memory(err, "the confidence losses");
  if (status == OF3_OK) {
    value[OF3_LOSS_PLDDT] = plddt_loss(&job, slope[OF3_LOSS_PLDDT]);
    value[OF3_LOSS_RESOLVED] = atom_loss(&job, resolved_tokens, c->f->atom_mask, slope[OF3_LOSS_RESOLVED]);
    status = pde_loss(&job, slope[OF3_LOSS_PDE], &value[OF3_LOSS_PDE], err);
  }
  if (status == OF3_OK && out->pae) status = pae_loss(&job, slope[OF3_LOSS_PAE], &value[OF3_LOSS_PAE], err);
  of3_arena_free(arena);
  return status;
}
