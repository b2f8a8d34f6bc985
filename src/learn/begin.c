#include "learn/begin.h"

#include <math.h>
#include <string.h>

#include "io/checkpoint.h"
#include "learn/new_network.h"
#include "learn/recipe_table.h"
#include "tensor/backend.h"

typedef struct begin {
  const of3_begin_options *o;
  const of3_recipe *r;
  of3_beginning how;
  const char *file; /* NULL: a new network */
  of3_variant variant;
  of3_config config; /* of the file */
  of3_checkpoint checkpoint;
  of3_table state;  /* of the same file, with the tensors of a training */
  of3_table merged; /* the recipe's network with what the file has of it */
  of3_arena *arena;
} begin;

/* ---- Which file */

static of3_status choose(begin *b, of3_error *err) {
  const char *said = b->o->opt_resume ? b->o->opt_resume : b->r->restart, *newest;
  const bool newest_wanted = said && (strcmp(said, "auto") == 0 || strcmp(said, "last") == 0);
  OF3_TRY(of3_checkpoints_newest(b->o->checkpoints, b->arena, &newest, err));
  if (!newest_wanted && newest && !b->o->opt_resume)
    return of3_fail(
        err, OF3_ERR_USAGE,
        "'%s' has checkpoints of a training; --resume auto goes on from the newest, or name another "
        "output folder",
        b->o->checkpoints->folder);
  b->file = newest_wanted ? newest : said;
  /* --resume auto before the first checkpoint: as the recipe says. */
  if (newest_wanted && !newest && b->o->opt_resume && b->r->restart && strcmp(b->r->restart, "last") != 0)
    b->file = b->r->restart;
  const bool own = b->file && (b->o->opt_resume || newest_wanted) && b->file != b->r->restart;
  b->how = !b->file                                ? OF3_BEGIN_NEW
           : b->r->weights_only == OF3_YES && !own ? OF3_BEGIN_WEIGHTS
                                                   : OF3_BEGIN_RESUME;
  return OF3_OK;
}

/* ---- Its network */

/* A size of a network that the recipe can name: row i of its table. NULL: the row is of something else. */
static const char *size_name(int i) {
  const size_t n = strlen(OF3_RECIPE_SIZES);
  const char *path = of3_recipe_table.row[i].path;
  return strncmp(path, OF3_RECIPE_SIZES, n) == 0 ? path + n : NULL;
}

static int *size_in(of3_config *c, int i) {
  return (int *)((char *)c + (of3_recipe_table.row[i].offset - offsetof(of3_recipe, network)));
}

/* The sizes that the recipe names are those of the file, as far as its tensors tell them. */
static of3_status check_sizes(begin *b, of3_error *err) {
  of3_config wanted = b->r->network;
  for (int i = 0; i < of3_recipe_table.n; i++) {
    const char *name = size_name(i);
    if (!name || !*size_in(&wanted, i) || !*size_in(&b->config, i)) continue;
    if (*size_in(&wanted, i) == *size_in(&b->config, i)) continue;
    return of3_fail(
        err, OF3_ERR_INPUT,
        "'%s' is a checkpoint of another network: its %s is %d, of3.network.%s of the YAML file is %d",
        b->file, name, *size_in(&b->config, i), name, *size_in(&wanted, i));
  }
  return OF3_OK;
}

/* The recipe's sizes, and else those of `c`. */
static of3_config new_config(const of3_recipe *r, of3_config c) {
  of3_config wanted = r->network;
  for (int i = 0; i < of3_recipe_table.n; i++)
    if (size_name(i) && *size_in(&wanted, i)) *size_in(&c, i) = *size_in(&wanted, i);
  return c;
}

static of3_variant variant_named(const char *name) {
  return !name || strcmp(name, "OB") == 0 ? OF3_OB : strcmp(name, "P2") == 0 ? OF3_P2 : OF3_P1;
}

static of3_status open_file(begin *b, of3_error *err) {
  OF3_TRY(of3_checkpoint_open(b->file, b->o->memory, &b->checkpoint, err));
  if (b->checkpoint.format == OF3_FORMAT_SAFETENSORS) OF3_TRY(of3_safetensors_open(b->file, &b->state, err));
  if (of3_config_find(&b->checkpoint.weights, &b->variant, &b->config, err) != OF3_OK)
    return of3_prefix(err, "'%s'", b->file);
  if (b->r->variant && b->variant != variant_named(b->r->variant))
    return of3_fail(err, OF3_ERR_INPUT,
                    "'%s' is a checkpoint of another network: it is of %s, of3.variant is %s", b->file,
                    of3_variant_name(b->variant), b->r->variant);
  return b->r->strict == OF3_NO ? OF3_OK : check_sizes(b, err);
}

/* A whole network of the recipe's sizes, of which the file has some. */
static of3_status merge(begin *b, const of3_device *device, of3_error *err) {
  const of3_config config = new_config(b->r, b->file ? b->config : of3_config_published());
  OF3_TRY(of3_new_weights(device, b->variant, &config, (uint64_t)b->r->seed, b->arena, &b->merged, err));
  if (!b->file) return OF3_OK;
  const int stay = of3_overlay_weights(&b->merged, &b->checkpoint.weights);
  of3_logf(b->o->opt_log, stay ? OF3_LOG_WARN : OF3_LOG_INFO,
           "%d of %d tensors are those of '%s', the others begin anew", b->merged.n - stay, b->merged.n,
           b->file);
  return OF3_OK;
}

/* ---- The trainer */

static void set_protocol(const begin *b, of3_protocol *out) {
  const of3_release release = b->variant == OF3_P1   ? OF3_RELEASE_031
                              : b->variant == OF3_P2 ? OF3_RELEASE_04
                                                     : OF3_RELEASE_05;
  *out = *of3_protocol_of(release);
  if (b->r->clip_each) out->clip_mean_gradient = b->r->clip_each == OF3_NO;
}

static of3_trainer_options options_of(const begin *b, const of3_protocol *protocol) {
  const of3_recipe *r = b->r;
  const of3_train_stage stage = r->confidence_only == OF3_YES ? OF3_STAGE_FINE_3 : OF3_STAGE_INITIAL;
  of3_trainer_options o = of3_trainer_defaults(protocol, stage);
  o.optimiser = r->optimiser;
  o.optimiser.most_norm = r->most_norm;
  if (r->copies >= 0 && stage != OF3_STAGE_FINE_3) o.n_copy = r->copies;
  o.n_rollout_step = r->rollout_steps;
  o.conditioning = r->conditioning;
  o.confidence_pairs = r->confidence_pairs;
  o.memory = b->o->memory;
  return o;
}

/* ema.submodules_to_update: names of parts, or of tensors. */
static void choose_averaged(const of3_recipe *r, of3_trainer *t) {
  for (int i = 0; i < t->optimiser.n_tensor && r->averaged.given; i++) {
    const char *name = t->net.parameters.p[i].name;
    bool any = false;
    for (int k = 0; k < r->averaged.n; k++) {
      const size_t n = strlen(r->averaged.name[k]);
      any |= strncmp(name, r->averaged.name[k], n) == 0 && (name[n] == 0 || name[n] == '.');
    }
    t->optimiser.tensor[i].averaged = any;
  }
}

/* What ckpt_load_settings takes beside the moving average of a checkpoint. */
static of3_status take_parts(const begin *b, of3_trainer *t, of3_run_state *state, of3_error *err) {
  const of3_recipe *r = b->r;
  of3_run_state was;
  if (of3_is_state(&b->state) && r->from_average != OF3_YES)
    OF3_TRY(of3_state_restore_values(&b->state, t, err));
  if (r->restore_schedule != OF3_YES && r->restore_step != OF3_YES) return OF3_OK;
  if (!of3_is_state(&b->state))
    return of3_fail(
        err, OF3_ERR_INPUT,
        "'%s' holds weights alone; restore_lr_scheduler and restore_time_step need a checkpoint of a "
        "training of of3",
        b->file);
  OF3_TRY(of3_state_describe(&b->state, &was, err));
  if (r->restore_schedule == OF3_YES) t->optimiser.step = was.updates;
  if (r->restore_step == OF3_YES) state->step = was.step;
  return OF3_OK;
}

static of3_status resume(const begin *b, of3_trainer *t, of3_run_state *state, of3_error *err) {
  if (!of3_is_state(&b->state))
    return of3_fail(err, OF3_ERR_INPUT,
                    "'%s' holds weights alone, not the state of a training of of3; "
                    "ckpt_load_settings.manual_checkpoint_loading: true begins with them",
                    b->file);
  const of3_run_state now = *state;
  if (of3_state_describe(&b->state, state, err) != OF3_OK || of3_state_restore(&b->state, t, err) != OF3_OK)
    return of3_prefix(err, "'%s'", b->file);
  if (state->seed != now.seed || state->data_seed != now.data_seed)
    of3_logf(b->o->opt_log, OF3_LOG_WARN,
             "'%s' was trained with the seeds %lld and %lld, and goes on with %lld and %lld", b->file,
             (long long)state->seed, (long long)state->data_seed, (long long)now.seed,
             (long long)now.data_seed);
  if (strcmp(state->settings, now.settings) != 0)
    of3_logf(b->o->opt_log, OF3_LOG_INFO, "the settings are not those that '%s' was trained with", b->file);
  memcpy(state->settings, now.settings, sizeof state->settings);
  state->seed = now.seed;
  state->data_seed = now.data_seed;
  return OF3_OK;
}

static of3_status open_trainer(begin *b, of3_ctx *cx, of3_protocol *protocol, of3_trainer *out,
                               of3_run_state *state, of3_error *err) {
  if (b->file) OF3_TRY(open_file(b, err));
  const bool merges = !b->file || (b->how == OF3_BEGIN_WEIGHTS && b->r->strict == OF3_NO);
  if (merges) OF3_TRY(merge(b, cx->device, err));
  set_protocol(b, protocol);
  const of3_trainer_options options = options_of(b, protocol);
  if (b->r->pae == OF3_YES && !of3_stage_has_pae(options.stage, protocol))
    return of3_fail(err, OF3_ERR_UNSUPPORTED,
                    "heads.pae.enabled: a network of %s learns the PAE head in the last stage alone, with "
                    "train_confidence_only",
                    of3_variant_name(b->variant));
  const of3_table *weights = merges ? &b->merged : &b->checkpoint.weights;
  if (of3_trainer_open(cx, weights, &options, out, err) != OF3_OK)
    return b->file ? of3_prefix(err, "'%s'", b->file) : err ? err->code : OF3_ERR_INPUT;
  out->net.switches.template_truncated = false; /* preview 1 as it was trained */
  choose_averaged(b->r, out);
  if (b->how == OF3_BEGIN_RESUME) return resume(b, out, state, err);
  return b->how == OF3_BEGIN_WEIGHTS ? take_parts(b, out, state, err) : OF3_OK;
}

of3_status of3_begin_training(const of3_begin_options *o, of3_ctx *cx, of3_protocol *protocol,
                              of3_trainer *out, of3_run_state *ret_state, of3_error *err) {
  const of3_recipe *r = o->recipe;
  begin b = {.o = o, .r = r, .variant = variant_named(r->variant), .arena = of3_arena_new(0)};
  *out = (of3_trainer){0};
  *ret_state =
      (of3_run_state){.seed = r->seed, .data_seed = r->data_seed < 0 ? r->seed : r->data_seed, .metric = NAN};
  memcpy(ret_state->settings, r->identity, sizeof ret_state->settings);
  if (!b.arena) return of3_fail_memory(err, "a training");
  of3_status status = choose(&b, err);
  if (status == OF3_OK) status = open_trainer(&b, cx, protocol, out, ret_state, err);
  if (status == OF3_OK && b.file)
    of3_logf(o->opt_log, OF3_LOG_INFO, "begins with '%s', step %lld", b.file, (long long)ret_state->step);
  of3_checkpoint_close(&b.checkpoint);
  of3_table_close(&b.state);
  of3_arena_free(b.arena);
  return status;
}
