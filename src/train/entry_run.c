/* Entries forward and back: see entry_run.h, and train/trainer.h for the order.
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
 * An output has an axis of entries in front, so that each entry's share lies together; only copies [S,B,A,3]
 * have samples outside, and are copied for a batch of several.
 */
#include "train/entry_run.h"

#include <math.h>
#include <string.h>

#include "tensor/backend.h"
#include "train/noised_copies.h"

/* An output that the losses look at, and its gradient. */
typedef struct output {
  const of3_tensor *t;
  of3_tensor *dt; /* NULL: made of d on the way back */
  const float *x;
  float *d;
} output;

/* An entry's own. */
typedef struct own {
  const of3_features *f;
  float *x, *truth, *resolved; /* [A,3], [A,3], [A]: its part of what the batch has */
  float *noise;                /* [S] */
  float *copies, *d_copies;    /* [S,atoms,3] */
  of3_loss_case loss_case;
  of3_loss_entry loss;
} own;

typedef struct entry_run {
  of3_entry_run *e;
  of3_run r;
  of3_tape tape;
  bool confidence_only;
  of3_tensor *rollout;
  output plddt, resolved, pde, pae, distogram, copies;
  /* on the host */
  own *own;                               /* [B] */
  float *x, *truth, *is_resolved, *noisy; /* [B,A,3], [B,A,3], [B,A], [S,B,A,3] */
  double *level;                          /* [S,B] */
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

static float *part_of(float *all, int64_t each, int b) { return all ? all + b * each : NULL; }

/* After of3_make_inputs. */
static void make_room(entry_run *run) {
  const of3_inputs *in = &run->r.in;
  const int64_t atoms = in->n_atom, copies = run->e->options->n_copy;
  run->own = OF3_RUN_NEW(&run->r, own, in->n);
  run->level = OF3_RUN_NEW(&run->r, double, copies * in->n); /* looked at while planning */
  run->x = take(run, in->n * atoms * 3);
  run->truth = take(run, in->n * atoms * 3);
  run->is_resolved = take(run, in->n * atoms);
  run->noisy = take(run, copies * in->n * atoms * 3);
  for (int b = 0; run->own && b < in->n; b++) {
    own *o = &run->own[b];
    *o = (own){.f = in->f[b],
               .x = part_of(run->x, atoms * 3, b),
               .truth = part_of(run->truth, atoms * 3, b),
               .resolved = part_of(run->is_resolved, atoms, b),
               .noise = take(run, copies)};
    if (in->n == 1) continue;
    o->copies = take(run, copies * o->f->n_atom * 3);
    o->d_copies = take(run, copies * o->f->n_atom * 3);
  }
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
  const int64_t all = r->in.n, n = r->in.n_token;
  of3_trunk kept = {.s = OF3_NEW(cx, OF3_F32, all, n, r->c->c_s),
                    .z = OF3_NEW(cx, OF3_F32, all, n, n, r->c->c_z)};
  const of3_scope scope = of3_scope_begin(cx);
  const of3_trunk t = of3_run_trunk(r, run->e->draw[0]->n_cycle - 1);
  of3_copy(cx, kept.s, t.s);
  of3_copy(cx, kept.z, t.z);
  of3_scope_end(cx, scope);
  return kept;
}

static of3_trunk run_last_cycle(entry_run *run) {
  const int n_cycle = run->e->draw[0]->n_cycle;
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
  run->rollout = OF3_NEW(cx, OF3_F32, 1, run->r.in.n, run->r.in.n_atom, 3);
  const of3_scope scope = of3_scope_begin(cx);
  const of3_denoiser_state d = of3_prepare_denoiser(&run->r, t);
  if (cx->error.code == OF3_OK)
    of3_sample_diffusion(&run->r, &d, &of3_sampler_reference, run->e->options->n_rollout_step, run->rollout);
  of3_scope_end(cx, scope);
  of3_download(cx, run->rollout, run->x);
  count_work(run, OF3_PART_ROLLOUT);
}

static of3_status align(entry_run *run, int b, of3_entry_result *out, of3_error *err) {
  const of3_train_entry *entry = run->e->entry[b];
  own *o = &run->own[b];
  int32_t *index = (int32_t *)(void *)take(run, o->f->n_atom);
  OF3_TRY(of3_ctx_status(run->r.cx, err));
  if (run->r.cx->planning) return OF3_OK;
  OF3_TRY(of3_align_truth(&entry->crop, o->x, &entry->truth, entry->truth_x, entry->resolved, &out->aligned,
                          index, err));
  of3_take_aligned(o->f, index, entry->truth_x, entry->resolved, o->truth, o->resolved);
  o->loss.weights = entry->weights;
  if (out->aligned == OF3_ALIGNED_NOT) o->loss.weights = (of3_loss_weights){{0}};
  return of3_loss_case_new(o->f, o->truth, o->resolved, entry->protein_only, run->r.arena, &o->loss_case,
                           err);
}

/* Copies of an entry [S,atoms,3] into, or out of, those of the batch [S,B,A,3]. */
static void spread_copies(const entry_run *run, int b, const float *from, float *to, bool out) {
  const int64_t all = run->r.in.n, atoms = run->r.in.n_atom, width = run->own[b].f->n_atom * (int64_t)3;
  for (int64_t s = 0; s < run->e->options->n_copy; s++) {
    const int64_t one = s * width, batch = (s * all + b) * atoms * 3;
    memcpy(to + (out ? one : batch), from + (out ? batch : one), (size_t)width * sizeof *to);
  }
}

static void draw_copies(entry_run *run) {
  const int n = run->e->options->n_copy, all = (int)run->r.in.n;
  for (int b = 0; b < all; b++) {
    own *o = &run->own[b];
    double *level = OF3_RUN_NEW(&run->r, double, n);
    if (!level) return;
    of3_noise_copies(&run->e->draw[b]->random, n, o->f->n_atom, o->truth, o->resolved,
                     all == 1 ? run->noisy : o->copies, level);
    for (int s = 0; s < n; s++) {
      o->noise[s] = (float)level[s];
      run->level[s * all + b] = level[s];
    }
    if (all > 1) spread_copies(run, b, o->copies, run->noisy, false);
  }
}

static void run_copies(entry_run *run, const of3_trunk *t) {
  const of3_run *r = &run->r;
  of3_ctx *cx = r->cx;
  const int n = run->e->options->n_copy, all = (int)r->in.n;
  if (!cx->planning) draw_copies(run);
  of3_denoiser_state d =
      run->e->condition.copies ? of3_prepare_denoiser(r, t) : of3_prepare_unconditioned(r, t);
  if (!run->e->options->protocol->copies_see_all)
    d.coordinates = OF3_FROM_HOST(cx, OF3_F32, run->is_resolved, all, r->in.n_atom);
  if (cx->error.code != OF3_OK) return;
  const of3_noise_levels levels = of3_upload_levels(r, run->level, n, all);
  run->copies.t =
      of3_denoise(r, &d, OF3_FROM_HOST(cx, OF3_F32, run->noisy, n, all, r->in.n_atom, 3), &levels);
}

static void run_recorded_heads(entry_run *run, const of3_trunk *t) {
  of3_trunk seen = *t;
  if (run->confidence_only)
    of3_tape_begin(&run->tape, run->r.cx);
  else
    of3_tape_resume(&run->tape, run->r.cx);
  if (!run->e->condition.heads) seen.z = of3_zero_like(&run->r, t->z);
  const of3_confidence_logits l = of3_run_confidence_heads(&run->r, &seen, run->rollout);
  run->plddt.t = l.plddt;
  run->resolved.t = l.resolved;
  run->pde.t = l.pde;
  if (of3_stage_has_pae(run->e->options->stage, run->e->options->protocol)) run->pae.t = l.pae;
  if (!run->confidence_only && run->e->options->n_copy) run_copies(run, t);
  of3_tape_stop(&run->tape, run->r.cx);
  count_work(run, OF3_PART_FORWARD);
}

/* ---- losses */

enum { N_OUTPUT = 6 };
static void list_outputs(entry_run *run, output *all[N_OUTPUT]) {
  output *const list[N_OUTPUT] = {&run->plddt, &run->resolved,  &run->pde,
                                  &run->pae,   &run->distogram, &run->copies};
  memcpy(all, list, sizeof list);
}

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

/* Those of entry b, of an output with the axis of entries in front. */
static const float *x_of(const entry_run *run, const output *o, int b) {
  return o->t ? o->x + of3_count(o->t) / run->r.in.n * b : NULL;
}
static float *d_of(const entry_run *run, const output *o, int b) {
  return o->t ? o->d + of3_count(o->t) / run->r.in.n * b : NULL;
}

static void describe_loss(entry_run *run, int b) {
  own *o = &run->own[b];
  const bool alone = run->r.in.n == 1;
  of3_loss_entry *l = &o->loss;
  l->c = &o->loss_case;
  l->confidence = (of3_confidence_outputs){.x = o->x,
                                           .plddt = x_of(run, &run->plddt, b),
                                           .resolved = x_of(run, &run->resolved, b),
                                           .pde = x_of(run, &run->pde, b),
                                           .pae = x_of(run, &run->pae, b)};
  l->d_confidence = (of3_confidence_gradients){.plddt = d_of(run, &run->plddt, b),
                                               .resolved = d_of(run, &run->resolved, b),
                                               .pde = d_of(run, &run->pde, b),
                                               .pae = d_of(run, &run->pae, b)};
  l->distogram = x_of(run, &run->distogram, b);
  l->d_distogram = d_of(run, &run->distogram, b);
  l->copies = alone ? run->copies.x : o->copies;
  l->d_copies = alone ? run->copies.d : o->d_copies;
  l->n_copy = run->copies.t ? run->e->options->n_copy : 0;
  l->noise = o->noise;
}

/* Nothing goes back from an entry whose loss is not finite. */
static void forget_gradients(entry_run *run, int b) {
  const output *const of_entry[] = {&run->plddt, &run->resolved, &run->pde, &run->pae, &run->distogram};
  for (size_t i = 0; i < sizeof of_entry / sizeof *of_entry; i++)
    if (of_entry[i]->t)
      memset(d_of(run, of_entry[i], b), 0, (size_t)(of3_count(of_entry[i]->t) / run->r.in.n) * sizeof(float));
  of3_loss_entry *l = &run->own[b].loss;
  if (l->n_copy)
    memset(l->d_copies, 0, (size_t)l->n_copy * 3 * (size_t)run->own[b].f->n_atom * sizeof(float));
}

static of3_status loss_of(entry_run *run, int b, of3_entry_result *out, of3_error *err) {
  const bool spread = run->r.in.n > 1 && run->copies.t;
  describe_loss(run, b);
  if (spread) spread_copies(run, b, run->copies.x, run->own[b].copies, true);
  OF3_TRY(of3_total_loss(1, &run->own[b].loss, run->e->options->protocol, run->confidence_only,
                         run->r.cx->opt_pool, &out->loss, err));
  if (!isfinite(out->loss.total)) forget_gradients(run, b);
  if (spread) spread_copies(run, b, run->own[b].d_copies, run->copies.d, false);
  return OF3_OK;
}

/* any: whether some entry's loss is finite. */
static of3_status run_losses(entry_run *run, of3_entry_result *out, bool *any, of3_error *err) {
  output *all[N_OUTPUT];
  list_outputs(run, all);
  for (int i = 0; i < N_OUTPUT; i++) fetch(run, all[i]);
  OF3_TRY(of3_ctx_status(run->r.cx, err));
  *any = run->r.cx->planning;
  if (run->r.cx->planning) return OF3_OK;
  if (run->r.in.n > 1 && run->copies.t) memset(run->copies.d, 0, of3_bytes(run->copies.t));
  for (int b = 0; b < run->r.in.n; b++) {
    OF3_TRY(loss_of(run, b, &out[b], err));
    *any |= isfinite(out[b].loss.total);
  }
  return OF3_OK;
}

/* ---- back */

static void begin_at(entry_run *run, const output *o) {
  if (!o->t) return;
  of3_tensor *dt = o->dt ? o->dt : of3_from_host(run->r.cx, OF3_F32, o->t->rank, o->t->shape, o->d);
  of3_gradient_of_result(&run->tape, o->t, dt);
}

static of3_status go_back(entry_run *run, of3_weight_gradients weights, of3_error *err) {
  of3_entry_run *e = run->e;
  output *all[N_OUTPUT];
  list_outputs(run, all);
  if (run->r.cx->planning && e->opt_recorded) e->opt_recorded(e->user, &run->tape);
  for (int i = 0; i < N_OUTPUT; i++) begin_at(run, all[i]);
  of3_tape_back(&run->tape, run->r.cx, weights);
  of3_read_gradients(e->weights, run->r.cx, e->gradient);
  count_work(run, OF3_PART_BACK);
  return of3_ctx_status(run->r.cx, err);
}

/* ---- all of it */

static of3_status forward_and_back(entry_run *run, const of3_features *const *f, of3_entry_result *out,
                                   of3_error *err) {
  of3_entry_run *e = run->e;
  bool any;
  const of3_weight_gradients weights = of3_new_weight_gradients(e->weights, e->cx, e->gradient);
  of3_make_inputs(&run->r, e->n, f);
  make_room(run);
  OF3_TRY(of3_ctx_status(e->cx, err));
  const of3_trunk t = run_last_cycle(run);
  run_rollout(run, &t);
  OF3_TRY(of3_ctx_status(e->cx, err));
  for (int b = 0; b < e->n; b++) OF3_TRY(align(run, b, &out[b], err));
  run_recorded_heads(run, &t);
  OF3_TRY(run_losses(run, out, &any, err));
  return any ? go_back(run, weights, err) : OF3_OK;
}

/* What the model takes of the entries: features, random numbers and dropout, [n] each. */
static of3_status lay_out(entry_run *run, const of3_features ***ret_f, of3_error *err) {
  const of3_entry_run *e = run->e;
  const of3_features **f = *ret_f = OF3_ARENA_NEW(run->r.arena, const of3_features *, e->n);
  of3_random_source *random = OF3_ARENA_NEW(run->r.arena, of3_random_source, e->n);
  of3_dropout *dropout = OF3_ARENA_NEW(run->r.arena, of3_dropout, e->n);
  if (!f || !random || !dropout) return of3_fail_memory(err, "an entry");
  for (int b = 0; b < e->n; b++) {
    f[b] = e->entry[b]->crop.f;
    random[b] = e->draw[b]->random;
    if (e->draw[b]->opt_dropout) dropout[b] = *e->draw[b]->opt_dropout;
  }
  run->r.random = e->cx->planning ? NULL : random;
  run->r.dropout = e->draw[0]->opt_dropout ? dropout : NULL;
  return OF3_OK;
}

static void begin_to_count(of3_entry_run *e) {
  e->host = 0;
  for (int i = 0; i < OF3_N_ENTRY_PART; i++) e->flops[i] = 0;
  e->cx->flops = 0;
  e->cx->peak = e->cx->top;
}

/* Closes the run; an entry of several has its share of the memory. */
static void close_run(entry_run *run, of3_scope scope, of3_entry_result *out, bool *confidence) {
  of3_entry_run *e = run->e;
  e->host += of3_arena_used(run->r.arena);
  if (run->tape.arena) {
    e->host += of3_tape_bytes(&run->tape);
    of3_tape_end(&run->tape, e->cx);
  }
  of3_scope_end(e->cx, scope);
  for (int b = 0; b < e->n; b++) {
    out[b].tensors = e->cx->peak / (size_t)e->n;
    out[b].host = e->host / (size_t)e->n;
    confidence[b] = false;
    for (int l = OF3_LOSS_PLDDT; run->own && l < OF3_N_LOSS; l++)
      confidence[b] |= run->own[b].loss.weights.of[l] > 0;
  }
  of3_arena_free(run->r.arena);
}

of3_status of3_run_entries(of3_entry_run *e, of3_entry_result *out, bool *confidence, of3_error *err) {
  entry_run run = {.e = e,
                   .confidence_only = e->options->stage == OF3_STAGE_FINE_3,
                   .tape = {.recomputes = e->recomputes, .user = e->user}};
  const of3_features **f;
  run.r = (of3_run){.cx = e->cx,
                    .net = e->net,
                    .c = &e->net->config,
                    .w = &e->net->weights,
                    .arena = of3_arena_new(0),
                    .scope = ""};
  for (int b = 0; b < e->n; b++) out[b] = (of3_entry_result){.norm = NAN};
  if (!run.r.arena) return of3_fail_memory(err, "an entry");
  begin_to_count(e);
  const of3_scope scope = of3_scope_begin(e->cx);
  of3_status status = lay_out(&run, &f, err);
  if (status == OF3_OK) status = forward_and_back(&run, f, out, err);
  close_run(&run, scope, out, confidence);
  return status;
}
