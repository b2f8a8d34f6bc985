#include "score/scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "score/chain_scores.h"
#include "score/frames.h"
#include "score/rasa.h"

/* Above it the reference scores sample by sample, and its "any sample" of bespoke_iptm is that one sample. */
enum { MOST_ATOMS_TOGETHER = 10000 };

/* What all samples share, and their results. */
typedef struct job {
  const of3_complex *complex;
  const of3_features *f;
  const of3_prediction *p;
  of3_variant variant;
  of3_cancel *opt_cancel;
  int n_chain;
  int *n_in_chain;        /* [C] tokens */
  int n_token;            /* tokens with mask 1 */
  double contact_sum;     /* over all pairs */
  uint8_t *frames;        /* [S,N] */
  uint8_t *chain_framed;  /* [S,C] any token of the chain has a frame */
  double *row, *row_pair; /* [S,N,C] sums over the tokens of a chain of tm, tm_chains */
  of3_scores *scores;     /* [S] */
  of3_status *status;     /* [S] */
  of3_error *error;       /* [S] */
} job;

static int chain_of(const of3_features *f, int token) { return f->asym_id[token] - 1; }

/* A NaN wins, as in torch.max. */
static double larger(double a, double b) { return isnan(a) || a > b ? a : b; }

/* Row sums of t [N,N] over the tokens of each chain. */
static void sum_rows(const job *j, const float *t, double *row) {
  int n = j->f->n_token, n_chain = j->n_chain;
  memset(row, 0, (size_t)n * (size_t)n_chain * sizeof *row);
  for (int i = 0; i < n && !of3_cancelled(j->opt_cancel); i++, t += n, row += n_chain)
    for (int k = 0; k < n; k++)
      if (j->f->token_mask[k] > 0) row[chain_of(j->f, k)] += (double)t[k];
}

/* max over framed tokens i of the mean of t_ij over the tokens j of D (pTM), or of D's other chains (ipTM).
 */
static void complex_tm(const job *j, const uint8_t *frames, const double *row, of3_scores *s) {
  double ptm = 0, iptm = 0;
  for (int i = 0; i < j->f->n_token; i++, row += j->n_chain) {
    if (!frames[i]) continue;
    int own = chain_of(j->f, i);
    double all = 0, other = 0;
    for (int c = 0; c < j->n_chain; c++) {
      all += row[c];
      if (c != own) other += row[c];
    }
    int n_other = j->n_token - j->n_in_chain[own];
    ptm = larger(all / j->n_token, ptm);
    iptm = larger(n_other ? other / n_other : 0, iptm);
  }
  s->ptm = (float)ptm;
  s->iptm = (float)iptm;
}

/* The same with D = one chain (pTM) and D = two chains (ipTM, in which only the other chain's tokens are
 * summed). */
static void chain_tm(const job *j, const uint8_t *frames, const double *row, of3_scores *s) {
  int n_chain = j->n_chain;
  for (int i = 0; i < j->f->n_token; i++, row += n_chain) {
    if (!frames[i]) continue;
    int own = chain_of(j->f, i);
    for (int c = 0; c < n_chain; c++) {
      if (!j->n_in_chain[c]) continue;
      float *score =
          c == own ? &s->chain_ptm[c] : &s->chain_pair_iptm[(size_t)own * (size_t)n_chain + (size_t)c];
      *score = (float)larger(row[c] / j->n_in_chain[c], (double)*score);
    }
  }
  for (int a = 0; a < n_chain; a++)
    for (int b = 0; b < a; b++) {
      float *ab = &s->chain_pair_iptm[(size_t)a * (size_t)n_chain + (size_t)b];
      float *ba = &s->chain_pair_iptm[(size_t)b * (size_t)n_chain + (size_t)a];
      *ab = *ba = (float)larger((double)*ab, (double)*ba);
    }
}

static double mean_plddt(const float *plddt, int n) {
  double sum = 0;
  for (int a = 0; a < n; a++) sum += (double)plddt[a];
  return n ? sum / n : 0;
}

static double global_pde(const job *j, const float *pde) {
  size_t n = (size_t)j->f->n_token;
  double sum = 0;
  for (size_t k = 0; k < n * n; k++) sum += (double)j->p->contact[k] * (double)pde[k];
  return sum / (j->contact_sum + 1e-8);
}

static of3_status score_sample(job *j, int sample) {
  size_t s = (size_t)sample, n = (size_t)j->f->n_token, n_atom = (size_t)j->f->n_atom, c = (size_t)j->n_chain;
  of3_scores *out = &j->scores[s];
  of3_error *err = &j->error[s];
  const float *x = j->p->x + s * n_atom * 3;
  uint8_t *frames = j->frames + s * n, *framed = j->chain_framed + s * c;
  OF3_TRY(of3_go_on(j->opt_cancel, err));
  of3_token_frames(j->f, x, frames);
  for (size_t i = 0; i < n; i++)
    if (frames[i]) framed[chain_of(j->f, (int)i)] = 1;

  sum_rows(j, j->p->tm + s * n * n, j->row + s * n * c);
  sum_rows(j, j->p->tm_chains + s * n * n, j->row_pair + s * n * c);
  complex_tm(j, frames, j->row + s * n * c, out);
  chain_tm(j, frames, j->row_pair + s * n * c, out);
  OF3_TRY(of3_chain_scores(j->complex, j->f, j->p, sample, frames, j->opt_cancel, out, err));
  out->avg_plddt = (float)mean_plddt(j->p->plddt + s * n_atom, (int)n_atom);
  out->gpde = (float)global_pde(j, j->p->pde + s * n * n);
  OF3_TRY(of3_disorder(j->complex, x, j->opt_cancel, &out->disorder, err));
  bool clash = false;
  if (j->variant == OF3_OB) OF3_TRY(of3_has_clash(j->complex, x, j->opt_cancel, &clash, err));
  out->has_clash = clash ? 1.0f : 0.0f;
  out->sample_ranking_score =
      0.8f * out->iptm + 0.2f * out->ptm + 0.5f * out->disorder - 100.0f * out->has_clash;
  if (isfinite(out->sample_ranking_score) && isfinite(out->avg_plddt) && isfinite(out->gpde)) return OF3_OK;
  return of3_fail(err, OF3_ERR_INPUT, "the scores of sample %d are not finite; the checkpoint may be damaged",
                  sample + 1);
}

static void score_samples(void *arg, int64_t begin, int64_t end, int thread) {
  (void)thread;
  job *j = arg;
  for (int64_t s = begin; s < end; s++) j->status[s] = score_sample(j, (int)s);
}

/* At least half the tokens are a ligand's. */
static bool is_ligand_chain(const job *j, int chain) {
  int ligand = 0;
  for (int i = 0; i < j->f->n_token; i++)
    ligand += chain_of(j->f, i) == chain && j->f->token_mask[i] > 0 && j->f->is_ligand[i];
  return 2 * ligand >= j->n_in_chain[chain];
}

/* Mean of the pair scores of chain i, each entering once for i and once for the partner if these have a
 * frame. */
static double chain_mean(const of3_scores *s, const uint8_t *framed, int i) {
  double sum = 0;
  int entered = 0;
  for (int k = 0; k < s->n_chain; k++) {
    int times = k == i ? 0 : framed[i] + framed[k];
    sum += times * (double)s->chain_pair_iptm[(size_t)i * (size_t)s->n_chain + (size_t)k];
    entered += times;
  }
  return entered ? sum / entered : 0;
}

static void bespoke_iptm(const uint8_t *framed, const bool *ligand, double *mean, of3_scores *s) {
  for (int i = 0; i < s->n_chain; i++) mean[i] = chain_mean(s, framed, i);
  for (int i = 0; i < s->n_chain; i++)
    for (int k = 0; k < s->n_chain; k++) {
      double m = ligand[i] ? mean[i] : ligand[k] ? mean[k] : 0.5 * (mean[i] + mean[k]);
      s->bespoke_iptm[(size_t)i * (size_t)s->n_chain + (size_t)k] = i == k ? 0.0f : (float)m;
    }
}

static of3_status bespoke_of_samples(job *j, of3_error *err) {
  size_t c = (size_t)j->n_chain, n_sample = (size_t)j->p->n_sample;
  if (j->variant != OF3_OB && j->f->n_atom <= MOST_ATOMS_TOGETHER)
    for (size_t k = 0; k < c; k++) {
      uint8_t any = 0;
      for (size_t s = 0; s < n_sample; s++) any |= j->chain_framed[s * c + k];
      for (size_t s = 0; s < n_sample; s++) j->chain_framed[s * c + k] = any;
    }
  bool *ligand = calloc(c + 1, sizeof *ligand);
  double *mean = calloc(c + 1, sizeof *mean);
  of3_status status = OF3_OK;
  if (!ligand || !mean)
    status = of3_fail_memory(err, "the scores");
  else {
    for (size_t k = 0; k < c; k++) ligand[k] = is_ligand_chain(j, (int)k);
    for (size_t s = 0; s < n_sample; s++) bespoke_iptm(j->chain_framed + s * c, ligand, mean, &j->scores[s]);
  }
  free(ligand);
  free(mean);
  return status;
}

/* Results go to the arena of the caller, the rest to `scratch`. */
static bool scores_take_memory(job *j, of3_arena *results, of3_arena *scratch) {
  size_t s = (size_t)j->p->n_sample, n = (size_t)j->f->n_token, c = (size_t)j->n_chain;
  j->scores = OF3_ARENA_NEW(results, of3_scores, s);
  j->n_in_chain = OF3_ARENA_NEW(scratch, int, c);
  j->frames = OF3_ARENA_NEW(scratch, uint8_t, s * n);
  j->chain_framed = OF3_ARENA_NEW(scratch, uint8_t, s * c);
  j->row = of3_arena_alloc(scratch, s * n, c * sizeof *j->row);
  j->row_pair = of3_arena_alloc(scratch, s * n, c * sizeof *j->row_pair);
  j->status = OF3_ARENA_NEW(scratch, of3_status, s);
  j->error = OF3_ARENA_NEW(scratch, of3_error, s);
  bool ok = j->scores && j->n_in_chain && j->frames && j->chain_framed && j->row && j->row_pair &&
            j->status && j->error;
  for (size_t k = 0; ok && k < s; k++) {
    of3_scores *o = &j->scores[k];
    o->n_chain = (int)c;
    o->chain_ptm = OF3_ARENA_NEW(results, float, c);
    o->chain_pair_iptm = OF3_ARENA_NEW(results, float, c *c);
    o->bespoke_iptm = OF3_ARENA_NEW(results, float, c *c);
    o->chain_plddt = OF3_ARENA_NEW(results, float, c);
    o->chain_iptm = OF3_ARENA_NEW(results, float, c);
    o->chain_pair_pae_min = OF3_ARENA_NEW(results, float, c *c);
    ok = o->chain_ptm && o->chain_pair_iptm && o->bespoke_iptm && o->chain_plddt && o->chain_iptm &&
         o->chain_pair_pae_min;
  }
  return ok;
}

static void count_tokens(job *j) {
  size_t n = (size_t)j->f->n_token;
  for (size_t i = 0; i < n; i++)
    if (j->f->token_mask[i] > 0) {
      j->n_in_chain[chain_of(j->f, (int)i)]++;
      j->n_token++;
    }
  for (size_t k = 0; k < n * n; k++) j->contact_sum += (double)j->p->contact[k];
}

static of3_status check_shapes(const of3_complex *c, const of3_features *f, const of3_prediction *p,
                               of3_error *err) {
  bool same = c->n_atom == f->n_atom && f->n_atom == p->n_atom && f->n_token == p->n_token;
  for (int i = 0; same && i < f->n_token; i++) same = f->asym_id[i] >= 1 && f->asym_id[i] <= c->n_chain;
  if (same) return OF3_OK;
  return of3_fail(
      err, OF3_ERR_INTERNAL,
      "cannot score '%s': its structure has %d chains and %d atoms, its features %d tokens and %d atoms, "
      "the prediction %d tokens and %d atoms",
      c->name, c->n_chain, c->n_atom, f->n_token, f->n_atom, p->n_token, p->n_atom);
}

static of3_status score_all(job *j, of3_pool *opt_pool, of3_error *err) {
  count_tokens(j);
  if (opt_pool)
    of3_pool_run(opt_pool, score_samples, j, j->p->n_sample);
  else
    score_samples(j, 0, j->p->n_sample, 0);
  for (int s = 0; s < j->p->n_sample; s++)
    if (j->status[s] != OF3_OK) return of3_fail(err, j->status[s], "%s", j->error[s].text);
  return bespoke_of_samples(j, err);
}

of3_status of3_scores_compute(const of3_complex *complex, const of3_features *features,
                              const of3_prediction *p, of3_variant variant, of3_pool *opt_pool,
                              of3_cancel *opt_cancel, of3_arena *arena, of3_scores **ret_scores,
                              of3_error *err) {
  OF3_TRY(check_shapes(complex, features, p, err));
  job j = {.complex = complex,
           .f = features,
           .p = p,
           .variant = variant,
           .opt_cancel = opt_cancel,
           .n_chain = complex->n_chain};
  of3_arena *scratch = of3_arena_new(0);
  of3_status status = OF3_OK;
  if (!scratch || !scores_take_memory(&j, arena, scratch))
    status = of3_fail_memory(err, "the scores");
  else
    status = score_all(&j, opt_pool, err);
  of3_arena_free(scratch);
  *ret_scores = status == OF3_OK ? j.scores : NULL;
  return status;
}
