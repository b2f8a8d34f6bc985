#include "train/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/backend.h"
#include "train/block_choice.h"
#include "train/entry_run.h"
#include "train/train_plan.h"
#include "train/trained_weights.h"

/* Without padding, so that two can be compared byte by byte. */
typedef struct shape_of_entry {
  int n, tokens, atoms, msa, templates, bonds, masked;
  int recycled, dropout, unconditioned, without_pairs, accumulates;
} shape_of_entry;

typedef struct of3_step_plan {
  shape_of_entry shape;
  of3_block_choice choice;
} step_plan;

of3_trainer_options of3_trainer_defaults(const of3_protocol *protocol, of3_train_stage stage) {
  return (of3_trainer_options){.protocol = protocol,
                               .stage = stage,
                               .optimiser = of3_optimiser_published,
                               .n_copy = stage == OF3_STAGE_INITIAL  ? 48
                                         : stage == OF3_STAGE_FINE_3 ? 0
                                                                     : 32,
                               .n_rollout_step = 20,
                               .conditioning = 1,
                               .confidence_pairs = 1};
}

/* ---- open and close */

static void widen(const of3_entry *e, float *out) {
  for (int64_t i = 0; i < e->count; i++) {
    if (e->dtype == OF3_F32)
      memcpy(&out[i], (const char *)e->data + (size_t)i * sizeof *out, sizeof *out);
    else
      out[i] = e->dtype == OF3_BF16 ? of3_bf16_to_f32(((const uint16_t *)e->data)[i])
                                    : of3_f16_to_f32(((const uint16_t *)e->data)[i]);
  }
}

/* A table like `from` whose numbers are f32, behind each other in the order of names from `values` on. */
static of3_status copy_table(const of3_table *from, of3_arena *arena, float *values, of3_table *out,
                             of3_error *err) {
  *out = (of3_table){.n = from->n,
                     .entry = OF3_ARENA_NEW(arena, of3_entry, from->n),
                     .n_meta = from->n_meta,
                     .meta_key = from->meta_key,
                     .meta_value = from->meta_value};
  if (!out->entry) return of3_fail_memory(err, "the weights");
  for (int i = 0; i < from->n; i++) {
    const of3_entry *e = &from->entry[i];
    char *name = of3_arena_strdup(arena, e->name);
    if (!name) return of3_fail_memory(err, "the weights");
    if (e->dtype != OF3_F32 && e->dtype != OF3_BF16 && e->dtype != OF3_F16)
      return of3_fail(err, OF3_ERR_INPUT, "the tensor %s is of type %s; f32, bf16 or f16 is expected",
                      e->name, of3_dtype_name(e->dtype));
    widen(e, values);
    out->entry[i] = *e;
    out->entry[i].name = name;
    out->entry[i].dtype = OF3_F32;
    out->entry[i].data = values;
    values += e->count;
  }
  return OF3_OK;
}

static void choose_trained(const of3_trainer *t) {
  for (int i = 0; i < t->net.parameters.n; i++) {
    const of3_parameter *p = &t->net.parameters.p[i];
    of3_trained *to = &t->optimiser.tensor[i];
    to->confidence = of3_is_confidence(p);
    to->trained = of3_is_trained(p, t->options.stage, t->options.protocol);
    to->averaged = to->trained || t->options.stage != OF3_STAGE_FINE_3;
  }
}

/* Binds the network to the master values. Parameters have the order of the table: that of names. */
static of3_status bind_to_values(of3_trainer *t, const of3_table *weights, float *values, of3_error *err) {
  OF3_TRY(copy_table(weights, t->arena, values, &t->table, err));
  OF3_TRY(of3_network_bind(t->cx, &t->table, &t->net, err));
  for (int i = 0; i < t->net.parameters.n; i++)
    if (i >= weights->n || strcmp(t->net.parameters.p[i].name, t->table.entry[i].name) != 0)
      return of3_fail(err, OF3_ERR_INTERNAL, "the parameter %s of the network is not in the order of names",
                      t->net.parameters.p[i].name);
  return OF3_OK;
}

static of3_status open_optimiser(of3_trainer *t, const of3_table *weights, of3_error *err) {
  of3_trained *tensor = OF3_ARENA_NEW(t->arena, of3_trained, weights->n);
  if (!tensor) return of3_fail_memory(err, "the parameters");
  for (int i = 0; i < weights->n; i++) {
    tensor[i].first = i ? tensor[i - 1].first + tensor[i - 1].n : 0;
    tensor[i].n = weights->entry[i].count;
  }
  OF3_TRY(of3_optimiser_new(&t->options.optimiser, t->options.protocol, weights->n, tensor, t->arena,
                            &t->optimiser, err));
  t->batch.sum = OF3_ARENA_NEW(t->arena, float, t->optimiser.n);
  t->plan = OF3_ARENA_NEW(t->arena, step_plan, 1);
  if (!t->batch.sum || !t->plan) return of3_fail_memory(err, "the gradients");
  OF3_TRY(bind_to_values(t, weights, t->optimiser.value, err));
  choose_trained(t);
  t->optimiser.opt_pool = t->cx->opt_pool;
  of3_optimiser_start(&t->optimiser);
  return of3_trained_weights_new(&t->net, tensor, t->arena, &t->weights, err);
}

of3_status of3_trainer_open(of3_ctx *cx, const of3_table *weights, const of3_trainer_options *options,
                            of3_trainer *out, of3_error *err) {
  *out = (of3_trainer){.cx = cx, .options = *options, .arena = of3_arena_new(1 << 20)};
  if (!out->arena) return of3_fail_memory(err, "the network");
  OF3_TRY(open_optimiser(out, weights, err));
  return of3_ctx_status(cx, err);
}

void of3_trainer_close(of3_trainer *t) {
  if (t->plan) of3_block_choice_free(&t->plan->choice);
  of3_network_free(&t->net);
  of3_arena_free(t->arena);
  *t = (of3_trainer){0};
}

void of3_trainer_refresh(of3_trainer *t) { of3_write_weights(t->weights, t->cx, t->optimiser.value); }

/* ---- entries */

/* What memory depends on. */
static shape_of_entry shape_of(const of3_entry_run *e, bool accumulates) {
  shape_of_entry s = {.n = e->n,
                      .recycled = e->draw[0]->n_cycle > 1,
                      .dropout = e->draw[0]->opt_dropout != NULL,
                      .unconditioned = !e->condition.copies,
                      .without_pairs = !e->condition.heads,
                      .accumulates = accumulates};
  for (int b = 0; b < e->n; b++) {
    const of3_features *f = e->entry[b]->crop.f;
    const int size[] = {f->n_token, f->n_atom, f->n_msa, f->n_templ, f->n_bond, f->msa_masked};
    int *most[] = {&s.tokens, &s.atoms, &s.msa, &s.templates, &s.bonds, &s.masked};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
      if (size[i] > *most[i]) *most[i] = size[i];
  }
  return s;
}

/* The crop that most atoms are in, by which a batch is planned. */
static const of3_features *largest_crop(const of3_entry_run *e) {
  const of3_features *f = e->entry[0]->crop.f;
  for (int b = 1; b < e->n; b++)
    if (e->entry[b]->crop.f->n_atom > f->n_atom) f = e->entry[b]->crop.f;
  return f;
}

/* The blocks are chosen anew where entries are not as large as those before. fits false: a batch of several
 * that is too large; one entry that is too large is an error. */
static of3_status plan_entries(of3_trainer *t, const of3_entry_run *e, bool *fits, of3_error *err) {
  step_plan *plan = t->plan;
  const bool accumulates = t->opt_gradient || t->batch.count > 0;
  const shape_of_entry shape = shape_of(e, accumulates);
  *fits = true;
  if (t->options.memory == SIZE_MAX || memcmp(&shape, &plan->shape, sizeof shape) == 0) return OF3_OK;
  const of3_train_question q = {.device = t->cx->device,
                                .threads = t->cx->threads,
                                .net = &t->net,
                                .options = &t->options,
                                .crop = largest_crop(e),
                                .batch = e->n,
                                .n_cycle = shape.recycled ? 2 : 1,
                                .dropout = shape.dropout,
                                .condition = e->condition,
                                .accumulates = accumulates};
  of3_train_plan nothing;
  of3_block_choice_free(&plan->choice);
  plan->shape = (shape_of_entry){0};
  if (e->n > 1)
    OF3_TRY(of3_plan_training(&q, &nothing, fits, &plan->choice, err));
  else
    OF3_TRY(of3_plan_training_within(&q, &nothing, &plan->choice, err));
  if (*fits) plan->shape = shape;
  return OF3_OK;
}

/* Zeros for the gradient of the next entries of the step; NULL: there is no memory. */
static float *new_gradient(of3_trainer *t) {
  float *g = t->batch.sum;
  if (t->batch.count > 0) {
    if (!t->opt_gradient) t->opt_gradient = OF3_ARENA_NEW(t->arena, float, t->optimiser.n);
    g = t->opt_gradient;
  }
  return g ? memset(g, 0, (size_t)t->optimiser.n * sizeof *g) : NULL;
}

of3_condition of3_draw_condition(const of3_trainer_options *o, const of3_train_draw *draw) {
  const of3_stream s = {.seed = draw->random.seed, .purpose = OF3_RANDOM_CONDITION};
  uint32_t word[4];
  of3_random_block(s, 0, word);
  return (of3_condition){.copies = (word[0] >> 8) * 0x1p-24 < o->conditioning,
                         .heads = (word[1] >> 8) * 0x1p-24 < o->confidence_pairs};
}

/* Adds the gradient of a batch to that of the step. */
static void add_batch(of3_trainer *t, const float *gradient, int n, of3_entry_result *out,
                      const bool *confidence) {
  double finite = 0, with_confidence = 0;
  for (int b = 0; b < n; b++) {
    finite += isfinite(out[b].loss.total);
    with_confidence += isfinite(out[b].loss.total) && confidence[b];
  }
  if (finite == 0) return;
  const double before = t->batch.count,
               norm = of3_add_gradient(&t->optimiser, &t->batch, gradient, with_confidence > 0);
  if (t->batch.count > before) { /* one entry was counted */
    t->batch.count += finite - 1;
    t->batch.count_confidence += with_confidence - (with_confidence > 0);
  }
  for (int b = 0; b < n; b++)
    if (isfinite(out[b].loss.total)) out[b].norm = norm;
}

/* done false: a batch that does not fit. */
static of3_status run_batch(of3_trainer *t, int n, const of3_train_entry *const *entry,
                            const of3_train_draw *const *draw, of3_entry_result *out, bool *done,
                            of3_error *err) {
  of3_entry_run e = {.cx = t->cx,
                     .net = &t->net,
                     .options = &t->options,
                     .weights = t->weights,
                     .n = n,
                     .entry = entry,
                     .draw = draw,
                     .condition = of3_draw_condition(&t->options, draw[0]),
                     .recomputes = of3_block_is_done_again,
                     .user = &t->plan->choice};
  for (int b = 0; b < n; b++) out[b] = (of3_entry_result){.norm = NAN};
  OF3_TRY(plan_entries(t, &e, done, err));
  if (!*done) return OF3_OK;
  bool *confidence = calloc((size_t)n, sizeof *confidence);
  e.gradient = new_gradient(t);
  of3_status status = confidence && e.gradient ? of3_run_entries(&e, out, confidence, err)
                                               : of3_fail_memory(err, "the gradients of a second entry");
  if (status == OF3_OK) add_batch(t, e.gradient, n, out, confidence);
  free(confidence);
  return status;
}

of3_status of3_trainer_entry(of3_trainer *t, const of3_train_entry *entry, const of3_train_draw *draw,
                             of3_entry_result *out, of3_error *err) {
  bool done;
  return run_batch(t, 1, &entry, &draw, out, &done, err);
}

static bool may_go_together(const of3_trainer *t, int n, const of3_train_entry *const *entry,
                            const of3_train_draw *const *draw) {
  const of3_condition first = of3_draw_condition(&t->options, draw[0]);
  bool same = t->options.protocol->clip_mean_gradient;
  for (int b = 1; b < n; b++) {
    const of3_condition own = of3_draw_condition(&t->options, draw[b]);
    same = same && entry[b]->crop.f->n_token == entry[0]->crop.f->n_token &&
           draw[b]->n_cycle == draw[0]->n_cycle && !draw[b]->opt_dropout == !draw[0]->opt_dropout &&
           own.copies == first.copies && own.heads == first.heads;
  }
  return same;
}

of3_status of3_trainer_entries(of3_trainer *t, int n, const of3_train_entry *const *entry,
                               const of3_train_draw *const *draw, of3_entry_result *out, of3_error *err) {
  bool done = false;
  if (n > 1 && may_go_together(t, n, entry, draw)) OF3_TRY(run_batch(t, n, entry, draw, out, &done, err));
  for (int b = 0; !done && b < n; b++) OF3_TRY(of3_trainer_entry(t, entry[b], draw[b], &out[b], err));
  return OF3_OK;
}

of3_status of3_trainer_step(of3_trainer *t, of3_step_result *out, of3_error *err) {
  *out = (of3_step_result){.entries = t->batch.count};
  if (t->batch.count == 0) return OF3_OK;
  out->norm = of3_mean_gradient(&t->optimiser, &t->batch);
  out->lr = of3_optimiser_step(&t->optimiser, t->batch.sum);
  of3_trainer_refresh(t);
  t->batch.count = t->batch.count_confidence = 0;
  return of3_ctx_status(t->cx, err);
}
