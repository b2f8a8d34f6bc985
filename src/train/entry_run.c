/* An entry forward and back: see entry_run.h, and train/trainer.h for the order.
 *
 *   stack of the context, from below            host
 *   gradients of weights (those that are no
 *   parameter as it is), inputs                 structure, truth, copies: some numbers for each atom
 *   last cycle: z, s, boundaries of blocks      pairs of near atoms (losses.h)
 *   heads, copies: boundaries of blocks
 *   logits and their gradients                  the same again where the device's memory is its own
 *   gradients between blocks, one block
 *
 * The losses read logits and write gradients where these lie if the host reaches them; else they are copied.
 */
#include "train/entry_run.h"

#include <math.h>

#include "tensor/backend.h"
#include "train/noised_copies.h"

/* An output that the losses look at, and its gradient. */
typedef struct output {
  const of3_tensor *t;
  of3_tensor *dt; /* NULL: made of d on the way back */
  const float *x;
  float *d;
} output;

typedef struct entry_run {
  of3_entry_run *e;
  of3_run r;
  of3_tape tape;
  bool confidence_only;
  of3_tensor *rollout;
  output plddt, resolved, pde, pae, distogram, copies;
  /* on the host */
  float *x, *truth, *is_resolved, *noise, *noisy;
  double *level;
  of3_loss_case loss_case;
  of3_loss_entry loss;
} entry_run;

/* n numbers on the host; NULL while planning, and where there is no memory, which is an error of the context.
 */
static float *take(entry_run *run, int64_t n) {
  of3_ctx *cx = run->r.cx;
  if (cx->planning) {
    run->e->host += (size_t)n * sizeof(float);
    return NULL;
  }
  float *x = OF3_ARENA_NEW(run->r.arena, float, n);
  if (!x) of3_ctx_fail(cx, OF3_ERR_MEMORY, "out of memory for an entry");
  return x;
}

static void make_room(entry_run *run) {
  const int64_t n = run->e->entry->crop.f->n_atom, copies = run->e->options->n_copy;
  run->x = take(run, 3 * n);
  run->truth = take(run, 3 * n);
  run->is_resolved = take(run, n);
  run->noise = take(run, copies);
  run->noisy = take(run, copies * 3 * n);
  run->level = of3_run_objects(&run->r, (size_t)copies, sizeof *run->level); /* looked at while planning */
}

/* Adds the work since the last call to a part. */
static void count_work(entry_run *run, of3_entry_part part) {
  double before = 0;
  for (int i = 0; i < OF3_N_ENTRY_PART; i++) before += run->e->flops[i];
  run->e->flops[part] += run->r.cx->flops - before;
}

/* ---- forward */

/* Cycles before the last, without a tape. s_input of the result is not used. */
static of3_trunk earlier_cycles(const entry_run *run) {
  const of3_run *r = &run->r;
  of3_ctx *cx = r->cx;
  of3_trunk kept = {.s = OF3_NEW(cx, OF3_F32, 1, r->in.n_token, r->c->c_s),
                    .z = OF3_NEW(cx, OF3_F32, 1, r->in.n_token, r->in.n_token, r->c->c_z)};
  const of3_scope scope = of3_scope_begin(cx);
  const of3_trunk t = of3_run_trunk(r, run->e->draw->n_cycle - 1);
  of3_copy(cx, kept.s, t.s);
  of3_copy(cx, kept.z, t.z);
  of3_scope_end(cx, scope);
  return kept;
}

static of3_trunk run_last_cycle(entry_run *run) {
  const int n_cycle = run->e->draw->n_cycle;
  of3_trunk before = {0};
  if (n_cycle > 1) before = earlier_cycles(run);
  count_work(run, OF3_PART_CYCLES);
  if (!run->confidence_only) of3_tape_begin(&run->tape, run->r.cx);
  const of3_trunk t = of3_continue_trunk(&run->r, n_cycle > 1 ? &before : NULL, n_cycle - 1, n_cycle);
  if (!run->confidence_only) run->distogram.t = of3_distogram_logits(&run->r, t.z);
  of3_tape_stop(&run->tape, run->r.cx);
  count_work(run, OF3_PART_FORWARD);
  return t;
}

static void run_rollout(entry_run *run, const of3_trunk *t) {
  of3_ctx *cx = run->r.cx;
  run->rollout = OF3_NEW(cx, OF3_F32, 1, 1, run->r.in.n_atom, 3);
  const of3_scope scope = of3_scope_begin(cx);
  const of3_denoiser_state d = of3_prepare_denoiser(&run->r, t);
  if (cx->error.code == OF3_OK)
    of3_sample_diffusion(&run->r, &d, &of3_sampler_reference, run->e->options->n_rollout_step, run->rollout);
  of3_scope_end(cx, scope);
  of3_download(cx, run->rollout, run->x);
  count_work(run, OF3_PART_ROLLOUT);
}

static of3_status align(entry_run *run, of3_entry_result *out, of3_error *err) {
  const of3_train_entry *entry = run->e->entry;
  const of3_features *f = entry->crop.f;
  int32_t *index = (int32_t *)(void *)take(run, f->n_atom);
  OF3_TRY(of3_ctx_status(run->r.cx, err));
  if (run->r.cx->planning) return OF3_OK;
  OF3_TRY(of3_align_truth(&entry->crop, run->x, &entry->truth, entry->truth_x, entry->resolved, &out->aligned,
                          index, err));
  of3_take_aligned(f, index, entry->truth_x, entry->resolved, run->truth, run->is_resolved);
  run->loss.weights = entry->weights;
  if (out->aligned == OF3_ALIGNED_NOT) run->loss.weights = (of3_loss_weights){{0}};
  return of3_loss_case_new(f, run->truth, run->is_resolved, entry->protein_only, run->r.arena,
                           &run->loss_case, err);
}

static void draw_copies(entry_run *run, int n) {
  of3_noise_copies(&run->e->draw->random, n, run->e->entry->crop.f->n_atom, run->truth, run->is_resolved,
                   run->noisy, run->level);
  for (int s = 0; s < n; s++) run->noise[s] = (float)run->level[s];
}

static void run_copies(entry_run *run, const of3_trunk *t) {
  const of3_run *r = &run->r;
  of3_ctx *cx = r->cx;
  const int n = run->e->options->n_copy;
  if (!cx->planning) draw_copies(run, n);
  of3_denoiser_state d = of3_prepare_denoiser(r, t);
  if (!run->e->options->protocol->copies_see_all)
    d.coordinates = OF3_FROM_HOST(cx, OF3_F32, run->is_resolved, 1, r->in.n_atom);
  if (cx->error.code != OF3_OK) return;
  const of3_noise_levels levels = of3_upload_levels(r, run->level, n);
  run->copies.t = of3_denoise(r, &d, OF3_FROM_HOST(cx, OF3_F32, run->noisy, n, 1, r->in.n_atom, 3), &levels);
}

static void run_recorded_heads(entry_run *run, const of3_trunk *t) {
  if (run->confidence_only)
    of3_tape_begin(&run->tape, run->r.cx);
  else
    of3_tape_resume(&run->tape, run->r.cx);
  const of3_confidence_logits l = of3_run_confidence_heads(&run->r, t, run->rollout);
  run->plddt.t = l.plddt;
  run->resolved.t = l.resolved;
  run->pde.t = l.pde;
  if (of3_stage_has_pae(run->e->options->stage, run->e->options->protocol)) run->pae.t = l.pae;
  if (!run->confidence_only && run->e->options->n_copy) run_copies(run, t);
  of3_tape_stop(&run->tape, run->r.cx);
  count_work(run, OF3_PART_FORWARD);
}

/* ---- losses */

/* The numbers of an output, and room for their gradient. */
static void fetch(entry_run *run, output *o) {
  of3_ctx *cx = run->r.cx;
  if (!o->t) return;
  if (cx->backend->host_memory) {
    o->dt = of3_new_exact(cx, OF3_F32, o->t->rank, o->t->shape);
    if (cx->planning || cx->error.code != OF3_OK) return;
    o->x = of3_f32(o->t);
    o->d = of3_f32(o->dt);
    return;
  }
  float *x = take(run, of3_count(o->t));
  of3_download(cx, o->t, x);
  o->x = x;
  o->d = take(run, of3_count(o->t));
}

static of3_status run_losses(entry_run *run, of3_entry_result *out, of3_error *err) {
  of3_loss_entry *l = &run->loss;
  output *all[] = {&run->plddt, &run->resolved, &run->pde, &run->pae, &run->distogram, &run->copies};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) fetch(run, all[i]);
  l->c = &run->loss_case;
  l->confidence = (of3_confidence_outputs){
      .x = run->x, .plddt = run->plddt.x, .resolved = run->resolved.x, .pde = run->pde.x, .pae = run->pae.x};
  l->d_confidence = (of3_confidence_gradients){
      .plddt = run->plddt.d, .resolved = run->resolved.d, .pde = run->pde.d, .pae = run->pae.d};
  l->distogram = run->distogram.x;
  l->d_distogram = run->distogram.d;
  l->copies = run->copies.x;
  l->d_copies = run->copies.d;
  l->n_copy = run->copies.t ? run->e->options->n_copy : 0;
  l->noise = run->noise;
  OF3_TRY(of3_ctx_status(run->r.cx, err));
  if (run->r.cx->planning) return OF3_OK;
  return of3_total_loss(1, l, run->e->options->protocol, run->confidence_only, run->r.cx->opt_pool,
                        &out->loss, err);
}

/* ---- back */

static void begin_at(entry_run *run, const output *o) {
  if (!o->t) return;
  of3_tensor *dt = o->dt ? o->dt : of3_from_host(run->r.cx, OF3_F32, o->t->rank, o->t->shape, o->d);
  of3_gradient_of_result(&run->tape, o->t, dt);
}

static of3_status go_back(entry_run *run, of3_weight_gradients weights, of3_error *err) {
  of3_entry_run *e = run->e;
  const output *all[] = {&run->plddt, &run->resolved, &run->pde, &run->pae, &run->distogram, &run->copies};
  if (run->r.cx->planning && e->opt_recorded) e->opt_recorded(e->user, &run->tape);
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) begin_at(run, all[i]);
  of3_tape_back(&run->tape, run->r.cx, weights);
  of3_read_gradients(e->weights, run->r.cx, e->gradient);
  count_work(run, OF3_PART_BACK);
  return of3_ctx_status(run->r.cx, err);
}

/* ---- all of it */

static of3_status forward_and_back(entry_run *run, of3_entry_result *out, of3_error *err) {
  of3_entry_run *e = run->e;
  make_room(run);
  OF3_TRY(of3_ctx_status(e->cx, err));
  const of3_weight_gradients weights = of3_new_weight_gradients(e->weights, e->cx, e->gradient);
  of3_make_inputs(&run->r, 1, &e->entry->crop.f);
  const of3_trunk t = run_last_cycle(run);
  run_rollout(run, &t);
  OF3_TRY(of3_ctx_status(e->cx, err));
  OF3_TRY(align(run, out, err));
  run_recorded_heads(run, &t);
  OF3_TRY(run_losses(run, out, err));
  if (!isfinite(out->loss.total)) return OF3_OK;
  return go_back(run, weights, err);
}

of3_status of3_run_entry(of3_entry_run *e, of3_entry_result *out, bool *confidence, of3_error *err) {
  entry_run run = {.e = e,
                   .confidence_only = e->options->stage == OF3_STAGE_FINE_3,
                   .tape = {.recomputes = e->recomputes, .user = e->user}};
  run.r = (of3_run){.cx = e->cx,
                    .net = e->net,
                    .c = &e->net->config,
                    .w = &e->net->weights,
                    .random = e->cx->planning ? NULL : &e->draw->random,
                    .dropout = e->draw->opt_dropout,
                    .arena = of3_arena_new(0),
                    .scope = ""};
  *out = (of3_entry_result){.norm = NAN};
  if (!run.r.arena) return of3_fail_memory(err, "an entry");
  e->host = 0;
  for (int i = 0; i < OF3_N_ENTRY_PART; i++) e->flops[i] = 0;
  e->cx->flops = 0;
  e->cx->peak = e->cx->top;
  const of3_scope scope = of3_scope_begin(e->cx);
  const of3_status status = forward_and_back(&run, out, err);
  e->host += of3_arena_used(run.r.arena);
  if (run.tape.arena) {
    e->host += of3_tape_bytes(&run.tape);
    of3_tape_end(&run.tape, e->cx);
  }
  of3_scope_end(e->cx, scope);
  of3_arena_free(run.r.arena);
  out->tensors = e->cx->peak;
  out->host = e->host;
  *confidence = false;
  for (int l = OF3_LOSS_PLDDT; l < OF3_N_LOSS; l++) *confidence |= run.loss.weights.of[l] > 0;
  return status;
}
