/* Training: the YAML file, an engine to compute on, chemistry, and the run. */
#include "of3_train.h"

#include <string.h>

#include "api/chemistry.h"
#include "api/handles.h"
#include "dialect/text.h"
#include "learn/training.h"

typedef struct train_job {
  const of3_train_options *o;
  of3_log log;
  of3_recipe recipe;
  of3_engine *engine;
  of3_chemistry *chemistry;
  of3_arena *arena;
} train_job;

static of3_status read_recipe(train_job *j, of3_error *err) {
  char *text;
  of3_settings_file file = {.path = j->o->config};
  OF3_TRY(of3_read_text(j->o->config, j->arena, &text, &file.size, err));
  file.text = text;
  return of3_recipe_parse(&file, &j->log, j->arena, &j->recipe, err);
}

/* What the caller leaves open is as the file says. */
static of3_engine_options engine_options(const of3_recipe *r, const of3_engine_options *opt_engine) {
  const of3_engine_options d = of3_engine_defaults();
  of3_engine_options o = opt_engine ? *opt_engine : d;
  const bool cpu = r->accelerator && strcmp(r->accelerator, "cpu") == 0,
             mps = r->accelerator && strcmp(r->accelerator, "mps") == 0,
             cuda = r->accelerator && strcmp(r->accelerator, "cuda") == 0;
  if (!o.backend) o.backend = cpu ? "cpu" : mps ? "mlx" : cuda ? "cuda" : d.backend;
  if (!o.dtype) o.dtype = r->precision && strcmp(r->precision, "bf16-mixed") == 0 ? "bf16" : "f32";
  if (!o.isa) o.isa = d.isa;
  return o;
}

static const char *ccd_of(const train_job *j) {
  const of3_recipe *r = &j->recipe;
  const char *ccd = j->o->ccd;
  for (int i = 0; i < r->n_train && !ccd; i++) ccd = r->train[i].ccd;
  return ccd;
}

static of3_status train(train_job *j, const of3_callbacks *callbacks, of3_train_info *out, of3_error *err) {
  const char *folder = j->o->output_dir ? j->o->output_dir : j->recipe.output_dir;
  const of3_library library = of3_chemistry_library(j->chemistry);
  const uint64_t memory = of3_engine_memory(j->engine, 0);
  const of3_training_options options = {.recipe = &j->recipe,
                                        .output_dir = folder ? folder : ".",
                                        .opt_resume = j->o->resume,
                                        .device = &j->engine->device,
                                        .pool = j->engine->pool,
                                        .memory = memory ? (size_t)memory : SIZE_MAX / 4,
                                        .plan_only = j->o->plan_only,
                                        .opt_library = &library,
                                        .opt_cancel = callbacks->cancel,
                                        .opt_log = &j->log};
  of3_training_result result;
  const of3_status status = of3_run_training(&options, &result, err);
  *out = (of3_train_info){.first = result.first, .last = result.last, .skipped = result.skipped};
  memcpy(out->checkpoint, result.checkpoint, sizeof out->checkpoint);
  memcpy(out->plan, result.plan, sizeof out->plan);
  return status;
}

of3_status of3_train(const of3_train_options *o, const of3_engine_options *opt_engine,
                     const of3_callbacks *opt_callbacks, of3_train_info *opt_info, of3_error *err) {
  const of3_callbacks callbacks = opt_callbacks ? *opt_callbacks : (of3_callbacks){0};
  train_job j = {.o = o, .log = of3_log_of(&callbacks), .arena = of3_arena_new(0)};
  of3_train_info info = {0};
  if (!j.arena) return of3_fail_memory(err, "a training");
  of3_status status = read_recipe(&j, err);
  const of3_engine_options e = engine_options(&j.recipe, opt_engine);
  if (status == OF3_OK) status = of3_engine_open(&e, &callbacks, &j.engine, err);
  if (status == OF3_OK) status = of3_open_chemistry(ccd_of(&j), o->user_ccd, &j.log, &j.chemistry, err);
  if (status == OF3_OK) status = train(&j, &callbacks, &info, err);
  of3_chemistry_close(j.chemistry);
  of3_engine_close(j.engine);
  of3_arena_free(j.arena);
  if (opt_info) *opt_info = info;
  return status;
}
