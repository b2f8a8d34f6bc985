/* What comes before the network: the features of an item, and the memory for it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/job.h"

/* ---- Features */

void of3_prepared_leave(of3_prepared *p) {
  if (!p || atomic_fetch_sub(&p->users, 1) > 1) return;
  of3_features_free(&p->features);
  of3_complex_free(&p->complex);
  free(p);
}

of3_prepared *of3_prepared_new(const of3_query *query) {
  of3_prepared *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  p->query = query;
  atomic_init(&p->users, 1);
  return p;
}

of3_status of3_prepared_fill(const of3_job *j, of3_prepared *p, const of3_log *log, of3_error *err) {
  of3_query_log_notes(p->query, log);
  OF3_TRY(of3_job_await(j, p->query, err));
  OF3_TRY(of3_complex_build(p->query, &j->components, log, &p->complex, err));
  if (j->tree.folder && j->tree.format == OF3_PDB) OF3_TRY(of3_pdb_check(&p->complex, err));
  of3_feature_mode mode = j->mode;
  mode.most_memory = of3_job_free_host_memory(j);
  mode.opt_cancel = j->model->engine->callbacks.cancel;
  mode.opt_kept = j->kept;
  mode.opt_structures = j->structures;
  mode.opt_library = &j->components;
  mode.no_conformers = true; /* each seed has its own */
  return of3_features_build(&p->complex, p->query, &mode, 0, log, &p->features, err);
}

of3_status of3_item_run_prepare(const of3_job *j, of3_item_run *t, const of3_log *log, of3_error *err) {
  of3_feature_mode mode = j->mode;
  mode.opt_cancel = j->model->engine->callbacks.cancel;
  if (j->tree.folder) /* not in memory alone */
    OF3_TRY(of3_replacement_of(j->tree.folder, t->query->name, t->item->seed, t->arena, &t->stage, err));
  t->features = t->prepared->features;
  t->features.ref_pos = OF3_ARENA_NEW(t->arena, float, 3 * (size_t)t->features.n_atom);
  if (!t->features.ref_pos) return of3_fail_memory(err, "the features");
  return of3_features_reseed(&t->prepared->complex, &mode, t->item->seed, log, &t->features, err);
}

void of3_item_run_begin(of3_item_run *t) {
  t->begin = of3_seconds() - t->seconds;
  t->item->seconds[OF3_PHASE_FEATURES] = t->seconds;
  t->item->n_token = t->features.n_token;
  t->item->n_atom = t->features.n_atom;
}

void of3_item_run_close(of3_item_run *t) { of3_prepared_leave(t->prepared); }

/* ---- Passes */

static of3_fold_options fold_options(const of3_job *j) {
  return (of3_fold_options){.n_cycle = j->o->recycles + 1,
                            .n_step = j->sampler.n_step,
                            .n_sample = j->o->samples,
                            .opt_sampler = &j->sampler};
}

/* Of seeds of one query only the first has its own lines. */
static void announce_new(of3_batch *b) {
  bool any = b->n > 1;
  for (int i = 0; i < b->n; i++) any |= !b->item[i].prepared->announced;
  if (any) of3_batch_announce(b);
  for (int i = 0; i < b->n; i++) b->item[i].prepared->announced = true;
}

of3_status of3_batch_prepare(of3_batch *b, of3_error *err) {
  const double begin = of3_seconds();
  bool fits = false;
  b->fold = fold_options(b->worker->job);
  OF3_TRY(of3_batch_plan(b, &fits, err));
  while (b->n > 1 && !fits) {
    b->n = (b->n + 1) / 2;
    OF3_TRY(of3_batch_plan(b, &fits, err));
  }
  const double each = (of3_seconds() - begin) / b->n;
  for (int i = 0; i < b->n; i++) {
    b->item[i].item->memory = b->need.total;
    b->item[i].item->seconds[OF3_PHASE_FEATURES] += each;
  }
  announce_new(b);
  return of3_batch_get_memory(b, err);
}

/* ---- Estimate */

/* Of an alignment: letter, how many residues are left out before it. */
enum { BYTES_OF_A_CELL = 2 };

/* The largest sizes that alignments may give. */
static void assume_alignment(const of3_query *q, bool comes, of3_features *f) {
  bool any = comes;
  for (int i = 0; !comes && i < q->n_chain; i++) any |= q->chain[i].n_msa + q->chain[i].n_msa_text > 0;
  if (!any || !q->use_msas) return;
  f->n_msa = OF3_MSA_MOST_ROWS;
  f->msa_masked = true; /* not known yet */
}

of3_status of3_job_estimate(const of3_job *j, const of3_query *query, int threads, uint64_t *ret_bytes,
                            of3_error *err) {
  const of3_model *m = j->model;
  const of3_fold_options o = fold_options(j);
  of3_query bare = *query;
  of3_complex complex = {0};
  of3_features f = {0};
  of3_plan plan = {0};
  of3_feature_mode mode = j->mode;
  bare.use_msas = false;
  mode.no_conformers = true;
  OF3_TRY(of3_complex_build(&bare, &j->components, NULL, &complex, err));
  of3_status status = of3_features_build(&complex, &bare, &mode, 0, NULL, &f, err);
  if (status == OF3_OK) {
    assume_alignment(query, j->aligner != NULL, &f);
    status = of3_plan_fold(&m->engine->device, threads, &m->network, &f, &o, &plan, err);
  }
  if (status == OF3_OK)
    *ret_bytes = plan.step_bytes + plan.result_bytes + of3_arena_used(f.arena) +
                 (uint64_t)f.n_msa * (uint64_t)f.n_token * BYTES_OF_A_CELL;
  of3_features_free(&f);
  of3_complex_free(&complex);
  return status;
}
