/* of3_fold_query: one query with one seed, the result in memory. It is a job of one item that writes nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "api/job.h"
#include "feat/query_check.h"

/* ---- The result */

typedef struct owned_result {
  of3_result result; /* first, so that a pointer to it is one to the whole */
  of3_arena *arena;
  of3_prediction prediction;
} owned_result;

void of3_result_free(of3_result *result) {
  owned_result *r = (owned_result *)result;
  if (!r) return;
  of3_prediction_free(&r->prediction);
  of3_arena_free(r->arena);
  free(r);
}

static bool copy_molecules(const of3_complex *c, of3_arena *arena, of3_result *r) {
  of3_result_chain *chain = OF3_ARENA_NEW(arena, of3_result_chain, c->n_chain);
  of3_result_residue *residue = OF3_ARENA_NEW(arena, of3_result_residue, c->n_residue);
  of3_result_atom *atom = OF3_ARENA_NEW(arena, of3_result_atom, c->n_atom);
  bool ok = chain && residue && atom;
  for (int i = 0; ok && i < c->n_chain; i++) {
    const of3_chain *from = &c->chain[i];
    chain[i] = (of3_result_chain){.id = of3_arena_strdup(arena, from->id),
                                  .type = from->type,
                                  .first_residue = from->first_residue,
                                  .n_residue = from->n_residue};
    ok = chain[i].id != NULL;
  }
  for (int i = 0; ok && i < c->n_residue; i++) {
    const of3_residue *from = &c->residue[i];
    residue[i] = (of3_result_residue){.name = of3_arena_strdup(arena, from->name),
                                      .number = from->number,
                                      .chain = from->chain,
                                      .first_atom = from->first_atom,
                                      .n_atom = from->n_atom};
    ok = residue[i].name != NULL;
  }
  for (int i = 0; ok && i < c->n_atom; i++) {
    const of3_atom *from = &c->atom[i];
    atom[i] = (of3_result_atom){.name = of3_arena_strdup(arena, from->name),
                                .element = of3_arena_strdup(arena, from->element),
                                .residue = from->residue};
    ok = atom[i].name && atom[i].element;
  }
  r->chain = chain;
  r->residue = residue;
  r->atom = atom;
  return ok;
}

static bool copy_tokens(const of3_features *f, of3_arena *arena, of3_result *r) {
  int *first = OF3_ARENA_NEW(arena, int, f->n_token);
  for (int i = 0; first && i < f->n_token; i++) first[i] = f->start_atom_index[i];
  r->token_atom = first;
  return first != NULL;
}

static bool copy_scores(const of3_scores *s, int samples, int chains, of3_arena *arena, of3_result *r) {
  const size_t c = (size_t)chains;
  of3_sample_scores *out = OF3_ARENA_NEW(arena, of3_sample_scores, samples);
  float *ptm = OF3_ARENA_NEW(arena, float, (size_t)samples *c);
  float *iptm = OF3_ARENA_NEW(arena, float, (size_t)samples *c *c);
  if (!out || !ptm || !iptm) return false;
  for (int i = 0; i < samples; i++) {
    out[i] = (of3_sample_scores){.ranking_score = (double)s[i].sample_ranking_score,
                                 .ptm = (double)s[i].ptm,
                                 .iptm = (double)s[i].iptm,
                                 .avg_plddt = (double)s[i].avg_plddt,
                                 .gpde = (double)s[i].gpde,
                                 .disorder = (double)s[i].disorder,
                                 .has_clash = (double)s[i].has_clash};
    memcpy(ptm + (size_t)i * c, s[i].chain_ptm, c * sizeof *ptm);
    memcpy(iptm + (size_t)i * c * c, s[i].chain_pair_iptm, c * c * sizeof *iptm);
    if (out[i].ranking_score > out[r->best].ranking_score) r->best = i;
  }
  r->scores = out;
  r->chain_ptm = ptm;
  r->chain_pair_iptm = iptm;
  return true;
}

/* Takes over the prediction. */
static of3_status make_result(const of3_item_run *t, of3_prediction *p, const of3_scores *scores,
                              of3_result **ret_result, of3_error *err) {
  const of3_complex *c = &t->prepared->complex;
  owned_result *o = calloc(1, sizeof *o);
  if (o) o->arena = of3_arena_new(0);
  if (!o || !o->arena) {
    of3_prediction_free(p);
    free(o);
    return of3_fail_memory(err, "the result");
  }
  o->prediction = *p;
  of3_result *r = &o->result;
  *r = (of3_result){.query = of3_arena_strdup(o->arena, t->query->name),
                    .seed = t->item->seed,
                    .n_sample = p->n_sample,
                    .n_chain = c->n_chain,
                    .n_residue = c->n_residue,
                    .n_atom = p->n_atom,
                    .n_token = p->n_token,
                    .xyz = p->x,
                    .plddt = p->plddt,
                    .pae = p->pae,
                    .pde = p->pde,
                    .contact = p->contact};
  memcpy(r->seconds, t->item->seconds, sizeof r->seconds);
  if (r->query && copy_molecules(c, o->arena, r) && copy_tokens(&t->features, o->arena, r) &&
      copy_scores(scores, p->n_sample, c->n_chain, o->arena, r)) {
    *ret_result = r;
    return OF3_OK;
  }
  of3_result_free(r);
  return of3_fail_memory(err, "the result");
}

/* ---- The job */

typedef struct single_fold {
  of3_job *job;
  const of3_query *query;
  of3_item *item;
  of3_result **ret_result;
  of3_status status;
  of3_error *err;
} single_fold;

/* A batch of one. */
static of3_status fold_prepared(of3_item_run *t, of3_batch *b, of3_result **ret_result, of3_error *err) {
  of3_prediction p = {0};
  of3_scores *scores = NULL;
  OF3_TRY(of3_batch_prepare(b, err));
  OF3_TRY(of3_batch_fold(b, &p, err));
  of3_status status = of3_item_run_score(t, &p, t->arena, &scores, err);
  if (status == OF3_OK) return make_result(t, &p, scores, ret_result, err);
  of3_prediction_free(&p);
  return status;
}

static of3_status make_features(of3_item_run *t, of3_error *err) {
  const of3_job *j = t->worker->job;
  const of3_log *log = &t->worker->log;
  const double begin = of3_seconds();
  of3_worker_tell_features(t->worker, t);
  t->arena = of3_arena_new(0);
  t->prepared = of3_prepared_new(t->query);
  if (!t->arena || !t->prepared) return of3_fail_memory(err, "the features");
  OF3_TRY(of3_prepared_fill(j, t->prepared, log, err));
  OF3_TRY(of3_item_run_prepare(j, t, log, err));
  t->seconds = of3_seconds() - begin;
  of3_item_run_begin(t);
  return OF3_OK;
}

static void fold_single(void *arg, of3_task_group *tasks, int member) {
  single_fold *f = arg;
  of3_worker worker = {.job = f->job, .tasks = tasks, .pool = f->job->model->engine->pool, .n_worker = 1};
  of3_item_run t = {.worker = &worker, .query = f->query, .item = f->item};
  of3_batch b = {.worker = &worker, .item = &t, .n = 1, .n_taken = 1};
  (void)member;
  of3_worker_log(&worker);
  f->status = make_features(&t, f->err);
  if (f->status == OF3_OK) f->status = fold_prepared(&t, &b, f->ret_result, f->err);
  of3_batch_give_back(&b);
  of3_item_run_close(&t);
  of3_arena_free(t.arena);
}

of3_status of3_fold_query(of3_model *model, const of3_query *query, uint64_t seed,
                          const of3_predict_options *options, of3_result **ret_result, of3_error *err) {
  of3_job j = {
      .model = model, .o = options, .n_item = 1, .mode = of3_feature_mode_of(model->network.variant)};
  of3_item item = {.query = query->name, .seed = seed};
  of3_query asked = *query;
  asked.infer_leaving = options->infer_leaving_atoms;
  of3_feature_mode_set(&j.mode, options->settings);
  j.structures = options->structures;
  single_fold f = {.job = &j, .query = &asked, .item = &item, .ret_result = ret_result, .err = err};
  *ret_result = NULL;
  if (query->error.code != OF3_OK) return of3_fail(err, query->error.code, "%s", query->error.text);
  OF3_TRY(of3_query_check_chains(query, err));
  OF3_TRY(of3_query_check_bonds(query, err));
  OF3_TRY(of3_query_check_pocket(query, err));
  OF3_TRY(of3_job_fold_options(&j, err));
  OF3_TRY(of3_memory_budget_init(&j.budget, err));
  of3_status status = of3_job_open_components(&j, err);
  if (status == OF3_OK) status = of3_task_group_run(1, fold_single, &f, err);
  of3_chemistry_close(j.chemistry);
  of3_memory_budget_free(&j.budget);
  return status != OF3_OK ? status : f.status;
}
