#include "learn/training.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/folder_lock.h"
#include "base/number.h"
#include "featfile/feature_file.h"
#include "train/loader.h"
#include "train/train_log.h"
#include "train/train_plan.h"

typedef struct training {
  const of3_training_options *o;
  const of3_recipe *r;
  of3_ctx cx;
  of3_protocol protocol;
  of3_trainer trainer;
  of3_run_state state;
  of3_checkpoints checkpoints;
  of3_sample_source *source;
  of3_loader *loader;
  of3_train_log *log;
  of3_training_result *result;
  int64_t last;     /* step */
  int64_t saved;    /* step of the newest checkpoint; -1: none yet */
  int bad;          /* steps in a row without an entry that counted */
  of3_arena *arena; /* paths */
} training;

/* ---- Samples */

static of3_sample_set sample_set(const of3_recipe_set *s) {
  of3_sample_set out = OF3_SAMPLE_SET;
  out.path = s->file;
  out.weight = s->weight;
  out.draw = (of3_draw_weights){.chain = s->w_chain,
                                .interface = s->w_interface,
                                .protein = s->a_protein,
                                .nucleic = s->a_nucleic,
                                .ligand = s->a_ligand};
  out.crop.budget = s->budget;
  out.crop.contiguous = s->contiguous;
  out.crop.spatial = s->spatial;
  out.crop.interface = s->interface_;
  out.protein_only = s->protein_only == OF3_YES;
  return out;
}

static of3_status open_source(training *t, of3_error *err) {
  const of3_recipe *r = t->r;
  of3_sample_set *set = OF3_ARENA_NEW(t->arena, of3_sample_set, r->n_train);
  if (!set) return of3_fail_memory(err, "the data sets");
  for (int i = 0; i < r->n_train; i++) set[i] = sample_set(&r->train[i]);
  const of3_sample_options options = {.n_set = r->n_train,
                                      .set = set,
                                      .protocol = &t->protocol,
                                      .stage = t->trainer.options.stage,
                                      .opt_library = t->o->opt_library,
                                      .most_memory = t->o->memory};
  return of3_sample_source_open(&options, &t->source, err);
}

/* Threads make the samples that come next while a step is computed. */
static of3_status open_loader(training *t, of3_error *err) {
  const int slots = t->r->batch_size * t->r->accumulate, threads = t->r->n_loader > 0 ? t->r->n_loader : 1;
  const of3_loader_options options = {.source = t->source,
                                      .seed = (uint64_t)t->state.data_seed,
                                      .first_step = (uint32_t)t->state.step,
                                      .n_slot = slots,
                                      .n_thread = threads,
                                      .n_ahead = 2 * threads,
                                      .opt_log = t->o->opt_log};
  return of3_loader_open(&options, &t->loader, err);
}

/* The recipe's weights, where the resolution allows them: confidence losses that are 0 stay so. */
static void weigh(const training *t, of3_sample *s) {
  of3_loss_weights *w = &s->entry.weights;
  const of3_loss_weights *recipe = &t->r->train[s->set].loss;
  for (int l = 0; l < OF3_N_LOSS; l++)
    if (l < OF3_LOSS_PLDDT || w->of[l] > 0) w->of[l] = recipe->of[l];
  if (t->r->pae == OF3_NO) w->of[OF3_LOSS_PAE] = 0;
}

/* ---- A step */

/* Sums over the entries of a step that counted. */
typedef struct step_sums {
  of3_loss_values loss;
  int counted[OF3_N_LOSS];
  int entries, skipped;
} step_sums;

static void add_losses(step_sums *s, const of3_loss_values *v) {
  s->entries++;
  s->loss.total += v->total;
  s->loss.confidence += v->confidence;
  s->loss.diffusion += v->diffusion;
  s->loss.distogram += v->distogram;
  for (int l = 0; l < OF3_N_LOSS; l++)
    if (!isnan(v->of[l])) {
      s->loss.of[l] += v->of[l];
      s->counted[l]++;
    }
}

static of3_loss_values mean_losses(const step_sums *s) {
  of3_loss_values v = s->loss;
  const double n = s->entries ? s->entries : NAN;
  v.total /= n;
  v.confidence /= n;
  v.diffusion /= n;
  v.distogram /= n;
  for (int l = 0; l < OF3_N_LOSS; l++) v.of[l] = s->counted[l] ? v.of[l] / s->counted[l] : NAN;
  return v;
}

/* What an entry was that did not count, as features of a file, and a line of the log. */
static of3_status keep_bad(training *t, const of3_sample *s, int slot, const of3_entry_result *e,
                           of3_error *err) {
  const char *folder = of3_path_join(t->arena, t->o->output_dir, "bad");
  const char *path = folder ? of3_arena_printf(t->arena, "%s/%lld-%d-%s.safetensors", folder,
                                               (long long)t->state.step + 1, slot, s->name)
                            : NULL;
  if (!path) return of3_fail_memory(err, "a batch");
  OF3_TRY(of3_make_folder(folder, err));
  OF3_TRY(of3_features_write(path, s->crop, NULL, err));
  of3_logf(
      t->o->opt_log, OF3_LOG_WARN,
      "step %lld: '%s' does not count: its loss is %g, the norm of its gradient %g; its features are in '%s'",
      (long long)t->state.step + 1, s->name, e->loss.total, e->norm, path);
  t->result->skipped++;
  return OF3_OK;
}

static int cycles_of(const training *t) {
  const of3_stream s = {(uint64_t)t->state.seed, OF3_RANDOM_RECYCLES, 0, (uint32_t)t->state.step};
  return 1 + (int)of3_random_below(s, 0, (uint32_t)t->r->recycles + 1);
}

static of3_status run_sample(training *t, of3_sample *s, int slot, step_sums *sums, of3_error *err) {
  const of3_dropout dropout = {.seed = s->seed, .step = (uint32_t)t->state.step};
  const of3_train_draw draw = {
      .n_cycle = cycles_of(t), .random = of3_sample_random(s), .opt_dropout = &dropout};
  of3_entry_result e;
  weigh(t, s);
  OF3_TRY(of3_trainer_entry(&t->trainer, &s->entry, &draw, &e, err));
  if (of3_norm_counts(&t->trainer.optimiser, e.norm)) {
    add_losses(sums, &e.loss);
    return OF3_OK;
  }
  sums->skipped++;
  return keep_bad(t, s, slot, &e, err);
}

static of3_status run_entries(training *t, step_sums *sums, of3_error *err) {
  const int n = t->r->batch_size * t->r->accumulate;
  for (int slot = 0; slot < n; slot++) {
    of3_sample sample;
    OF3_TRY(of3_loader_next(t->loader, &sample, err));
    const of3_status status = run_sample(t, &sample, slot, sums, err);
    of3_sample_free(&sample);
    if (status != OF3_OK) return status;
  }
  return OF3_OK;
}

static of3_status take_step(training *t, of3_error *err) {
  const double begun = of3_seconds();
  step_sums sums = {0};
  of3_step_result step;
  OF3_TRY(run_entries(t, &sums, err));
  OF3_TRY(of3_trainer_step(&t->trainer, &step, err));
  t->state.step++;
  t->state.updates = t->trainer.optimiser.step;
  const of3_step_record record = {.step = t->state.step,
                                  .loss = mean_losses(&sums),
                                  .lddt = NAN,
                                  .learning_rate = step.lr,
                                  .gradient_norm = sums.entries ? step.norm : NAN,
                                  .entries = sums.entries,
                                  .skipped = sums.skipped,
                                  .seconds = of3_seconds() - begun};
  t->bad = sums.entries ? 0 : t->bad + 1;
  OF3_TRY(of3_train_log_step(t->log, &record, err));
  if (t->bad < t->r->most_bad) return OF3_OK;
  return of3_fail(
      err, OF3_ERR_INPUT,
      "in the last %d steps no entry had a gradient that counts; the run stops, and '%s/bad' holds what "
      "was computed",
      t->bad, t->o->output_dir);
}

/* ---- The run */

static void log_plan(const training *t, const of3_features *crop) {
  of3_logf(t->o->opt_log, OF3_LOG_INFO, "a step of %d tokens, %d atoms and %d rows of the MSA takes",
           crop->n_token, crop->n_atom, crop->n_msa);
  for (const char *line = t->result->plan; *line; line += strcspn(line, "\n") + 1)
    of3_logf(t->o->opt_log, OF3_LOG_INFO, "%.*s", (int)strcspn(line, "\n"), line);
}

/* What a step takes, by the sample that it begins with and all cycles that it may have. OF3_ERR_MEMORY: more
 * than is allowed. */
static of3_status plan_steps(training *t, of3_error *err) {
  of3_sample sample;
  of3_train_plan plan;
  OF3_TRY(of3_sample_make(t->source, (uint64_t)t->state.data_seed, (uint32_t)t->state.step, 0, &sample, err));
  const of3_train_question q = {.device = t->o->device,
                                .threads = t->cx.threads,
                                .net = &t->trainer.net,
                                .options = &t->trainer.options,
                                .crop = sample.crop,
                                .n_cycle = 1 + t->r->recycles,
                                .dropout = true,
                                .condition = {.copies = true, .heads = true},
                                .accumulates = t->r->batch_size * t->r->accumulate > 1};
  const of3_status status = of3_plan_training_within(&q, &plan, NULL, err);
  if (status == OF3_OK) {
    of3_train_plan_text(&plan, t->result->plan);
    if (!t->o->plan_only) log_plan(t, sample.crop);
  }
  of3_sample_free(&sample);
  return status;
}

static of3_status save(training *t, of3_error *err) {
  const char *path;
  if (t->saved == t->state.step) return OF3_OK;
  OF3_TRY(of3_train_log_sync(t->log, err));
  OF3_TRY(of3_checkpoints_save(&t->checkpoints, &t->trainer, &t->state,
                               t->state.step / of3_recipe_epoch(t->r), t->arena, &path, err));
  t->saved = t->state.step;
  of3_format(t->result->checkpoint, sizeof t->result->checkpoint, "%s", path);
  return OF3_OK;
}

static bool is_due(int64_t step, int64_t steps, int64_t epochs, int64_t epoch) {
  return step % (steps ? steps : epochs * epoch) == 0;
}

static of3_status run_steps(training *t, of3_error *err) {
  const of3_recipe *r = t->r;
  const int64_t epoch = of3_recipe_epoch(r);
  while (t->state.step < t->last) {
    OF3_TRY(take_step(t, err));
    const bool stops = of3_cancelled(t->o->opt_cancel);
    if (stops || is_due(t->state.step, r->save_steps, r->save_epochs, epoch)) OF3_TRY(save(t, err));
    if (stops)
      return of3_fail(err, OF3_ERR_CANCELLED, "interrupted; '%s' has all that was done",
                      t->result->checkpoint);
  }
  return save(t, err);
}

static of3_status open_log(training *t, of3_error *err) {
  const of3_train_log_options options = {.folder = t->o->output_dir,
                                         .step = t->state.step,
                                         .last_step = t->last,
                                         .line_every = t->r->log_every,
                                         .opt_log = t->o->opt_log};
  return of3_train_log_open(&options, &t->log, err);
}

static of3_status run_on_device(training *t, of3_error *err) {
  const of3_begin_options begin = {.recipe = t->r,
                                   .opt_resume = t->o->opt_resume,
                                   .checkpoints = &t->checkpoints,
                                   .memory = t->o->memory,
                                   .opt_log = t->o->opt_log};
  OF3_TRY(of3_begin_training(&begin, &t->cx, &t->protocol, &t->trainer, &t->state, err));
  t->result->first = t->state.step;
  t->saved = begin.opt_resume ? t->state.step : -1;
  t->last = of3_recipe_last_step(t->r);
  t->result->last = t->state.step;
  OF3_TRY(open_source(t, err));
  OF3_TRY(plan_steps(t, err));
  if (t->o->plan_only) return OF3_OK;
  OF3_TRY(open_loader(t, err));
  OF3_TRY(open_log(t, err));
  of3_status status = run_steps(t, err);
  if (status == OF3_OK) status = of3_train_log_draw(t->log, err);
  t->result->last = t->state.step;
  return status;
}

static of3_status run_in_folder(training *t, of3_error *err) {
  const of3_training_options *o = t->o;
  t->checkpoints = (of3_checkpoints){.folder = of3_path_join(t->arena, o->output_dir, "checkpoints"),
                                     .keep = t->r->keep,
                                     .opt_log = o->opt_log};
  if (!t->checkpoints.folder) return of3_fail_memory(err, "a training");
  OF3_TRY(of3_ctx_open_on(&t->cx, o->device, o->pool, o->memory, false, err));
  const of3_status status = run_on_device(t, err);
  of3_train_log_close(t->log);
  of3_loader_close(t->loader);
  of3_sample_source_close(t->source);
  of3_trainer_close(&t->trainer);
  of3_ctx_close(&t->cx);
  return status;
}

of3_status of3_run_training(const of3_training_options *o, of3_training_result *out, of3_error *err) {
  of3_lock_options lock_options = of3_lock_defaults();
  of3_folder_lock *lock;
  *out = (of3_training_result){0};
  training t = {.o = o, .r = o->recipe, .result = out, .saved = -1, .arena = of3_arena_new(0)};
  if (!t.arena) return of3_fail_memory(err, "a training");
  lock_options.opt_cancel = o->opt_cancel;
  lock_options.opt_log = o->opt_log;
  of3_status status = o->plan_only ? run_in_folder(&t, err) : of3_make_folder(o->output_dir, err);
  if (status == OF3_OK && !o->plan_only) {
    status = of3_folder_lock_take(o->output_dir, &lock_options, &lock, err);
    if (status == OF3_OK) {
      status = run_in_folder(&t, err);
      of3_folder_lock_release(lock);
    }
  }
  of3_arena_free(t.arena);
  return status;
}
