#include "train/trainer.h"

#include <math.h>
#include <string.h>

#include "model/run.h"
#include "tensor/backend.h"
#include "tensor/tape.h"
#include "train/noised_copies.h"
#include "train/trained_weights.h"

of3_trainer_options of3_trainer_defaults(const of3_protocol *protocol, of3_train_stage stage) {
  return (of3_trainer_options){.protocol = protocol,
                               .stage = stage,
                               .optimiser = of3_optimiser_published,
                               .n_copy = stage == OF3_STAGE_INITIAL  ? 48
                                         : stage == OF3_STAGE_FINE_3 ? 0
                                                                     : 32,
                               .n_rollout_step = 20};
}

/* ---- open and close */

static void widen(const of3_entry *e, float *out) {
  for (int64_t i = 0; i < e->count; i++) {
    if (e->dtype == OF3_F32)
      out[i] = ((const float *)e->data)[i];
    else
      out[i] = e->dtype == OF3_BF16 ? of3_bf16_to_f32(((const uint16_t *)e->data)[i])
                                    : of3_f16_to_f32(((const uint16_t *)e->data)[i]);
  }
}

/* A table like `from` whose numbers are f32 in the arena. */
static of3_status copy_table(const of3_table *from, of3_arena *arena, of3_table *out, of3_error *err) {
  *out = (of3_table){.n = from->n,
                     .entry = OF3_ARENA_NEW(arena, of3_entry, from->n),
                     .n_meta = from->n_meta,
                     .meta_key = from->meta_key,
                     .meta_value = from->meta_value};
  if (!out->entry) return of3_fail_memory(err, "the weights");
  for (int i = 0; i < from->n; i++) {
    const of3_entry *e = &from->entry[i];
    float *data = OF3_ARENA_NEW(arena, float, e->count);
    char *name = of3_arena_strdup(arena, e->name);
    if (!data || !name) return of3_fail_memory(err, "the weights");
    if (e->dtype != OF3_F32 && e->dtype != OF3_BF16 && e->dtype != OF3_F16)
      return of3_fail(err, OF3_ERR_INPUT, "the tensor %s is of type %s; f32, bf16 or f16 is expected",
                      e->name, of3_dtype_name(e->dtype));
    widen(e, data);
    out->entry[i] = *e;
    out->entry[i].name = name;
    out->entry[i].dtype = OF3_F32;
    out->entry[i].data = data;
  }
  return OF3_OK;
}

static bool is_confidence(const char *name) {
  return strncmp(name, "aux_heads.", 10) == 0 && strncmp(name, "aux_heads.distogram.", 20) != 0;
}

/* What a stage trains: all but constants, or the confidence heads; PAE where it has a head. */
static void choose_trained(const of3_trainer *t) {
  const bool last = t->options.stage == OF3_STAGE_FINE_3,
             pae = of3_stage_has_pae(t->options.stage, t->options.protocol);
  for (int i = 0; i < t->net.parameters.n; i++) {
    const of3_parameter *p = &t->net.parameters.p[i];
    of3_trained *to = &t->optimiser.tensor[i];
    to->confidence = is_confidence(p->name);
    to->trained =
        !p->constant && (to->confidence || !last) && (pae || strncmp(p->name, "aux_heads.pae.", 14) != 0);
    to->averaged = to->trained || !last;
  }
}

static of3_status open_optimiser(of3_trainer *t, of3_error *err) {
  const of3_parameters *all = &t->net.parameters;
  of3_trained *tensor = OF3_ARENA_NEW(t->arena, of3_trained, all->n);
  if (!tensor) return of3_fail_memory(err, "the parameters");
  for (int i = 0; i < all->n; i++) {
    tensor[i].first = i ? tensor[i - 1].first + tensor[i - 1].n : 0;
    tensor[i].n = of3_parameter_count(&all->p[i]);
  }
  OF3_TRY(of3_optimiser_new(&t->options.optimiser, t->options.protocol, all->n, tensor, t->arena,
                            &t->optimiser, err));
  choose_trained(t);
  t->gradient = OF3_ARENA_NEW(t->arena, float, t->optimiser.n);
  t->batch.sum = OF3_ARENA_NEW(t->arena, float, t->optimiser.n);
  float *scratch = OF3_ARENA_NEW(t->arena, float, of3_parameter_scratch(all));
  if (!t->gradient || !t->batch.sum || !scratch) return of3_fail_memory(err, "the gradients");
  for (int i = 0; i < all->n; i++)
    of3_parameter_gather(t->cx, &all->p[i], scratch, t->optimiser.value + tensor[i].first);
  t->optimiser.opt_pool = t->cx->opt_pool;
  of3_optimiser_start(&t->optimiser);
  return of3_trained_weights_new(&t->net, tensor, t->arena, &t->weights, err);
}

of3_status of3_trainer_open(of3_ctx *cx, const of3_table *weights, const of3_trainer_options *options,
                            of3_trainer *out, of3_error *err) {
  *out = (of3_trainer){.cx = cx, .options = *options, .arena = of3_arena_new(1 << 20)};
  if (!out->arena) return of3_fail_memory(err, "the network");
  OF3_TRY(copy_table(weights, out->arena, &out->table, err));
  OF3_TRY(of3_network_bind(cx, &out->table, &out->net, err));
  for (int i = 0; i < out->net.parameters.n; i++)
    for (int k = 0; k < out->net.parameters.p[i].n_part; k++)
      if (out->net.parameters.p[i].part[k].in->dtype != OF3_F32)
        return of3_fail(err, OF3_ERR_INPUT, "weights are rounded to %s; training needs a device in f32",
                        of3_dtype_name(out->net.parameters.p[i].part[k].in->dtype));
  OF3_TRY(open_optimiser(out, err));
  return of3_ctx_status(cx, err);
}

void of3_trainer_close(of3_trainer *t) {
  of3_network_free(&t->net);
  of3_arena_free(t->arena);
  *t = (of3_trainer){0};
}

/* ---- an entry */

typedef struct entry_run {
  of3_trainer *t;
  const of3_train_entry *entry;
  const of3_train_draw *draw;
  of3_run r;
  of3_tape tape;
  bool confidence_only;
  /* what is compared with the truth */
  of3_tensor *distogram, *copies, *rollout;
  of3_confidence_logits logits;
  /* on the host */
  float *x, *truth, *resolved, *noise, *noisy;
  double *level;
  of3_loss_case loss_case;
  of3_loss_entry loss;
} entry_run;

static bool recompute_blocks(void *user, const of3_tape *tape, const of3_tape_block *b) {
  (void)user, (void)tape, (void)b;
  return true;
}

static bool recompute_none(void *user, const of3_tape *tape, const of3_tape_block *b) {
  (void)user, (void)tape, (void)b;
  return false;
}

/* Cycles before the last, without a tape. s_input of the result is not used. */
static of3_trunk earlier_cycles(const entry_run *e) {
  const of3_run *r = &e->r;
  of3_ctx *cx = r->cx;
  of3_trunk kept = {.s = OF3_NEW(cx, OF3_F32, 1, r->in.n_token, r->c->c_s),
                    .z = OF3_NEW(cx, OF3_F32, 1, r->in.n_token, r->in.n_token, r->c->c_z)};
  const of3_scope scope = of3_scope_begin(cx);
  const of3_trunk t = of3_run_trunk(r, e->draw->n_cycle - 1);
  of3_copy(cx, kept.s, t.s);
  of3_copy(cx, kept.z, t.z);
  of3_scope_end(cx, scope);
  return kept;
}

static of3_trunk run_last_cycle(entry_run *e) {
  const bool recycled = e->draw->n_cycle > 1;
  of3_trunk before = {0};
  if (recycled) before = earlier_cycles(e);
  if (!e->confidence_only) of3_tape_begin(&e->tape, e->r.cx);
  const of3_trunk t =
      of3_continue_trunk(&e->r, recycled ? &before : NULL, e->draw->n_cycle - 1, e->draw->n_cycle);
  if (!e->confidence_only) e->distogram = of3_distogram_logits(&e->r, t.z);
  of3_tape_stop(&e->tape, e->r.cx);
  return t;
}

static void run_rollout(entry_run *e, const of3_trunk *t) {
  of3_ctx *cx = e->r.cx;
  e->rollout = OF3_NEW(cx, OF3_F32, 1, 1, e->r.in.n_atom, 3);
  const of3_scope scope = of3_scope_begin(cx);
  const of3_denoiser_state d = of3_prepare_denoiser(&e->r, t);
  if (cx->error.code == OF3_OK)
    of3_sample_diffusion(&e->r, &d, &of3_sampler_reference, e->t->options.n_rollout_step, e->rollout);
  of3_scope_end(cx, scope);
  of3_download(cx, e->rollout, e->x);
}

static of3_status align(entry_run *e, of3_entry_result *out, of3_error *err) {
  const of3_train_entry *entry = e->entry;
  const of3_features *f = entry->crop.f;
  int32_t *index = OF3_ARENA_NEW(e->r.arena, int32_t, f->n_atom);
  if (!index) return of3_fail_memory(err, "the symmetry alignment");
  OF3_TRY(of3_align_truth(&entry->crop, e->x, &entry->truth, entry->truth_x, entry->resolved, &out->aligned,
                          index, err));
  of3_take_aligned(f, index, entry->truth_x, entry->resolved, e->truth, e->resolved);
  e->loss.weights = entry->weights;
  if (out->aligned == OF3_ALIGNED_NOT) e->loss.weights = (of3_loss_weights){{0}};
  return of3_loss_case_new(f, e->truth, e->resolved, entry->protein_only, e->r.arena, &e->loss_case, err);
}

static void run_copies(entry_run *e, const of3_trunk *t) {
  const of3_run *r = &e->r;
  of3_ctx *cx = r->cx;
  const int n = e->t->options.n_copy;
  of3_noise_copies(&e->draw->random, n, e->entry->crop.f->n_atom, e->truth, e->resolved, e->noisy, e->level);
  for (int s = 0; s < n; s++) e->noise[s] = (float)e->level[s];
  of3_denoiser_state d = of3_prepare_denoiser(r, t);
  if (!e->t->options.protocol->copies_see_all)
    d.coordinates = OF3_FROM_HOST(cx, OF3_F32, e->resolved, 1, r->in.n_atom);
  if (cx->error.code != OF3_OK) return;
  const of3_noise_levels levels = of3_upload_levels(r, e->level, n);
  e->copies = of3_denoise(r, &d, OF3_FROM_HOST(cx, OF3_F32, e->noisy, n, 1, r->in.n_atom, 3), &levels);
}

static void run_recorded_heads(entry_run *e, const of3_trunk *t) {
  if (e->confidence_only)
    of3_tape_begin(&e->tape, e->r.cx);
  else
    of3_tape_resume(&e->tape, e->r.cx);
  e->logits = of3_run_confidence_heads(&e->r, t, e->rollout);
  if (!e->confidence_only && e->t->options.n_copy) run_copies(e, t);
  of3_tape_stop(&e->tape, e->r.cx);
}

/* ---- losses */

/* The numbers of a result, and room for their gradient; NULL: there is no memory. */
static const float *fetch(entry_run *e, const of3_tensor *t, float **gradient) {
  float *x = OF3_ARENA_NEW(e->r.arena, float, of3_count(t));
  *gradient = OF3_ARENA_NEW(e->r.arena, float, of3_count(t));
  if (!x || !*gradient)
    of3_ctx_fail(e->r.cx, OF3_ERR_MEMORY, "out of memory for the losses");
  else
    of3_download(e->r.cx, t, x);
  return x;
}

static of3_status run_losses(entry_run *e, of3_entry_result *out, of3_error *err) {
  const of3_trainer *t = e->t;
  of3_loss_entry *l = &e->loss;
  l->c = &e->loss_case;
  l->confidence =
      (of3_confidence_outputs){.x = e->x,
                               .plddt = fetch(e, e->logits.plddt, &l->d_confidence.plddt),
                               .resolved = fetch(e, e->logits.resolved, &l->d_confidence.resolved),
                               .pde = fetch(e, e->logits.pde, &l->d_confidence.pde)};
  if (of3_stage_has_pae(t->options.stage, t->options.protocol))
    l->confidence.pae = fetch(e, e->logits.pae, &l->d_confidence.pae);
  if (e->distogram) l->distogram = fetch(e, e->distogram, &l->d_distogram);
  if (e->copies) l->copies = fetch(e, e->copies, &l->d_copies);
  l->n_copy = e->copies ? t->options.n_copy : 0;
  l->noise = e->noise;
  OF3_TRY(of3_ctx_status(e->r.cx, err));
  return of3_total_loss(1, l, t->options.protocol, e->confidence_only, e->r.cx->opt_pool, &out->loss, err);
}

static void begin_at(entry_run *e, const of3_tensor *t, const float *gradient) {
  if (t && gradient)
    of3_gradient_of_result(&e->tape, t, of3_from_host(e->r.cx, OF3_F32, t->rank, t->shape, gradient));
}

static of3_status go_back(entry_run *e, of3_weight_gradients weights, of3_error *err) {
  const of3_loss_entry *l = &e->loss;
  begin_at(e, e->logits.plddt, l->d_confidence.plddt);
  begin_at(e, e->logits.resolved, l->d_confidence.resolved);
  begin_at(e, e->logits.pde, l->d_confidence.pde);
  if (l->confidence.pae) begin_at(e, e->logits.pae, l->d_confidence.pae);
  begin_at(e, e->distogram, l->d_distogram);
  begin_at(e, e->copies, l->d_copies);
  of3_tape_back(&e->tape, e->r.cx, weights);
  of3_read_gradients(e->t->weights, e->r.cx, e->t->gradient);
  return of3_ctx_status(e->r.cx, err);
}

/* ---- all of it */

static of3_status make_room(entry_run *e, of3_error *err) {
  const size_t n = (size_t)e->entry->crop.f->n_atom, copies = (size_t)e->t->options.n_copy;
  e->x = OF3_ARENA_NEW(e->r.arena, float, 3 * n);
  e->truth = OF3_ARENA_NEW(e->r.arena, float, 3 * n);
  e->resolved = OF3_ARENA_NEW(e->r.arena, float, n);
  e->noise = OF3_ARENA_NEW(e->r.arena, float, copies);
  e->noisy = OF3_ARENA_NEW(e->r.arena, float, copies * 3 * n);
  e->level = OF3_ARENA_NEW(e->r.arena, double, copies);
  return e->x && e->truth && e->resolved && e->noise && e->noisy && e->level
             ? OF3_OK
             : of3_fail_memory(err, "an entry");
}

static of3_status run_entry(entry_run *e, of3_entry_result *out, of3_error *err) {
  of3_ctx *cx = e->r.cx;
  OF3_TRY(make_room(e, err));
  const of3_weight_gradients weights = of3_new_weight_gradients(e->t->weights, cx);
  of3_make_inputs(&e->r, 1, &e->entry->crop.f);
  const of3_trunk t = run_last_cycle(e);
  run_rollout(e, &t);
  OF3_TRY(of3_ctx_status(cx, err));
  OF3_TRY(align(e, out, err));
  run_recorded_heads(e, &t);
  OF3_TRY(run_losses(e, out, err));
  if (!isfinite(out->loss.total)) return OF3_OK;
  return go_back(e, weights, err);
}

of3_status of3_trainer_entry(of3_trainer *t, const of3_train_entry *entry, const of3_train_draw *draw,
                             of3_entry_result *out, of3_error *err) {
  entry_run e = {.t = t,
                 .entry = entry,
                 .draw = draw,
                 .confidence_only = t->options.stage == OF3_STAGE_FINE_3,
                 .tape = {.recomputes = t->options.keep_blocks ? recompute_none : recompute_blocks}};
  e.r = (of3_run){.cx = t->cx,
                  .net = &t->net,
                  .c = &t->net.config,
                  .w = &t->net.weights,
                  .random = &draw->random,
                  .dropout = draw->opt_dropout,
                  .arena = of3_arena_new(0),
                  .scope = ""};
  *out = (of3_entry_result){.norm = NAN};
  if (!e.r.arena) return of3_fail_memory(err, "an entry");
  const of3_scope scope = of3_scope_begin(t->cx);
  const of3_status status = run_entry(&e, out, err);
  if (e.tape.arena) of3_tape_end(&e.tape, t->cx);
  of3_scope_end(t->cx, scope);
  of3_arena_free(e.r.arena);
  if (status != OF3_OK || !isfinite(out->loss.total)) return status;
  bool confidence = false;
  for (int l = OF3_LOSS_PLDDT; l < OF3_N_LOSS; l++) confidence |= e.loss.weights.of[l] > 0;
  out->norm = of3_add_gradient(&t->optimiser, &t->batch, t->gradient, confidence);
  return OF3_OK;
}

of3_status of3_trainer_step(of3_trainer *t, of3_step_result *out, of3_error *err) {
  *out = (of3_step_result){.entries = t->batch.count};
  if (t->batch.count == 0) return OF3_OK;
  out->norm = of3_mean_gradient(&t->optimiser, &t->batch);
  out->lr = of3_optimiser_step(&t->optimiser, t->batch.sum);
  of3_write_weights(t->weights, t->cx, t->optimiser.value);
  t->batch.count = t->batch.count_confidence = 0;
  memset(t->batch.sum, 0, (size_t)t->optimiser.n * sizeof *t->batch.sum);
  return of3_ctx_status(t->cx, err);
}
