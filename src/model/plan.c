/* What a fold will take, and how it takes less.
 *
 * A plan is the fold itself, run on a context that is `planning`: operations make shapes, move the top of the
 * stack and add up cost, but take no memory and compute nothing (tensor/tensor.h). So what it finds is true
 * to the byte, and the network needs no second description.
 *
 *   phase       highest top of the stack
 *   trunk       |############               |
 *   diffusion   |####################       |       and the work of each, in flop
 *   heads       |################           |
 *               0                           may be used
 *
 * All phases use one stack, so the highest peak decides. If that and the results are more than may be used,
 * the phase with the highest peak takes its next step of economy (of3_economy: what is computed in smaller
 * pieces, or again instead of being kept), and all is planned anew:
 *
 *   save_until_it_fits   plan; while it is too much: one step of the highest phase; until it fits, or that
 * phase has no step left: then the plan stands, and the caller refuses the query with it plan_relax some
 * steps turn out not to be needed, since others came after them: each choice is taken back on trial, those
 * that cost most time first, and left out if it still fits
 *
 * The order of the steps of a phase is that of time lost for memory saved (docs/cpu.md, "Memory"). Whatever
 * is chosen, results are the same to the byte. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"
#include "model/run.h"

static size_t result_floats(int64_t samples, const of3_features *f) {
  const int64_t pairs = (int64_t)f->n_token * f->n_token;
  return (size_t)(samples * (4 * (int64_t)f->n_atom + 4 * pairs) + pairs);
}

/* Arguments of plan() that do not change while one economy after the other is tried. */
typedef struct planner {
  const of3_device *device;
  int threads;
  const of3_network *net;
  int n; /* complexes of the batch */
  const of3_features *const *f;
} planner;

static size_t results_of(const planner *p, int samples) {
  size_t floats = 0;
  for (int b = 0; b < p->n; b++) floats += result_floats(samples, p->f[b]);
  return sizeof(float) * floats;
}

static int64_t most_tokens(const planner *p) {
  int64_t most = 0;
  for (int b = 0; b < p->n; b++)
    if (p->f[b]->n_token > most) most = p->f[b]->n_token;
  return most;
}

static of3_status plan(const planner *p, const of3_fold_options *o, of3_plan *out, of3_parts *parts,
                       of3_error *err) {
  of3_ctx cx;
  *parts = (of3_parts){.flops = {0}};
  OF3_TRY(of3_ctx_open(&cx, p->device, p->threads, (size_t)1 << 62, true, err));
  of3_prediction *nothing = calloc((size_t)p->n, sizeof *nothing);
  of3_status status = nothing ? of3_run_network(&cx, p->net, p->n, p->f, o, NULL, NULL, nothing, parts, err)
                              : of3_fail_memory(err, "the plan");
  free(nothing);
  *out = (of3_plan){.step_bytes = cx.peak,
                    .result_bytes = results_of(p, o->n_sample) + cx.staging,
                    .flops_trunk = parts->flops[OF3_TRUNK],
                    .flops_diffusion = parts->flops[OF3_DIFFUSION] - parts->flops[OF3_TRUNK],
                    .flops_heads = parts->flops[OF3_HEADS] - parts->flops[OF3_DIFFUSION]};
  of3_ctx_close(&cx);
  return status;
}

static size_t needed(const of3_plan *p) { return p->step_bytes + p->result_bytes; }

of3_status of3_plan_batch(const of3_device *device, int threads, const of3_network *net, int n,
                          const of3_features *const *f, const of3_fold_options *o, of3_plan *out,
                          of3_error *err) {
  const planner p = {device, threads, net, n, f};
  of3_parts parts;
  return plan(&p, o, out, &parts, err);
}

of3_status of3_plan_fold(const of3_device *device, int threads, const of3_network *net, const of3_features *f,
                         const of3_fold_options *o, of3_plan *out, of3_error *err) {
  return of3_plan_batch(device, threads, net, 1, &f, o, out, err);
}

/* ---- Steps of economy: of each phase first those that cost least time for what they save. Each function
 * takes one step, and returns false if it is exhausted. */

/* What bounds the steps. */
typedef struct sizes {
  int64_t tokens, pairs; /* of all complexes, padded */
  int samples, biases;
} sizes;

/* Each pass packs and normalises the pairs again. */
static bool more_passes(of3_economy *e) {
  enum { MOST_PASSES = 8 };
  if (e->triangle_passes >= MOST_PASSES) return false;
  e->triangle_passes = e->triangle_passes ? 2 * e->triangle_passes : 2;
  return true;
}

static bool narrow_blocks(of3_economy *e) {
  if (e->narrow_blocks) return false;
  e->narrow_blocks = 1;
  return true;
}

/* Half as many samples at a time, of `all` at first, if that leaves `rows` rows. */
static bool fewer_samples(int *at_a_time, int all, const sizes *s, int64_t rows) {
  const int now = *at_a_time ? *at_a_time : all, half = (now + 1) / 2;
  if (half == now || half * s->tokens < rows) return false;
  *at_a_time = half;
  return true;
}

/* A bias is a pass over the pairs in each step. */
static bool fewer_biases(of3_economy *e, const sizes *s) {
  const int more = s->biases / 8 + 1, left = s->biases - e->remade_biases;
  if (!left) return false;
  e->remade_biases += more < left ? more : left;
  return true;
}

static bool save_in_trunk(of3_economy *e, const sizes *s) {
  (void)s;
  return more_passes(e);
}

static bool save_in_diffusion(of3_economy *e, const sizes *s) {
  enum { ENOUGH = 1024 }; /* rows that keep many threads busy for each weight that is read */
  return narrow_blocks(e) || fewer_samples(&e->denoiser_samples, s->samples, s, ENOUGH) ||
         fewer_biases(e, s) || fewer_samples(&e->denoiser_samples, s->samples, s, 1);
}

static bool save_in_heads(of3_economy *e, const sizes *s) {
  const int all = of3_confidence_group(s->pairs, s->samples);
  return fewer_samples(&e->confidence_samples, all, s, 1) || narrow_blocks(e) || more_passes(e);
}

static int largest(const of3_parts *parts) {
  int most = 0;
  for (int i = 1; i < OF3_N_PART; i++)
    if (parts->peak[i] > parts->peak[most]) most = i;
  return most;
}

/* What does not fit and can be helped no further is left as it is. */
static of3_status save_until_it_fits(const planner *p, size_t most, of3_fold_options *o, of3_plan *out,
                                     of3_error *err) {
  static bool (*const save[OF3_N_PART])(of3_economy *, const sizes *) = {
      [OF3_TRUNK] = save_in_trunk, [OF3_DIFFUSION] = save_in_diffusion, [OF3_HEADS] = save_in_heads};
  const int64_t n = most_tokens(p);
  const sizes s = {.tokens = p->n * n,
                   .pairs = p->n * n * n,
                   .samples = o->n_sample,
                   .biases = p->net->config.blocks_token};
  of3_parts parts;
  do OF3_TRY(plan(p, o, out, &parts, err));
  while (needed(out) > most && save[largest(&parts)](&o->economy, &s));
  return OF3_OK;
}

/* Takes back each choice without which it fits all the same, those that cost most time first. */
static of3_status plan_relax(const planner *p, size_t most, of3_fold_options *o, of3_plan *out,
                             of3_error *err) {
  of3_economy *e = &o->economy;
  int *const choice[] = {&e->remade_biases, &e->triangle_passes, &e->denoiser_samples, &e->confidence_samples,
                         &e->narrow_blocks};
  for (size_t i = 0; i < sizeof choice / sizeof *choice; i++) {
    const int was = *choice[i];
    of3_plan without;
    of3_parts parts;
    if (!was) continue;
    *choice[i] = 0;
    OF3_TRY(plan(p, o, &without, &parts, err));
    if (needed(&without) <= most)
      *out = without;
    else
      *choice[i] = was;
  }
  return OF3_OK;
}

of3_status of3_plan_batch_within(const of3_device *device, int threads, const of3_network *net, int n,
                                 const of3_features *const *f, size_t most, of3_fold_options *o,
                                 of3_plan *out, of3_error *err) {
  const planner p = {device, threads, net, n, f};
  o->economy = (of3_economy){0};
  OF3_TRY(save_until_it_fits(&p, most, o, out, err));
  return needed(out) <= most ? plan_relax(&p, most, o, out, err) : OF3_OK;
}

of3_status of3_plan_within(const of3_device *device, int threads, const of3_network *net,
                           const of3_features *f, size_t most, of3_fold_options *o, of3_plan *out,
                           of3_error *err) {
  return of3_plan_batch_within(device, threads, net, 1, &f, most, o, out, err);
}

/* ---- Text */

static size_t plan_put(char *out, size_t at, bool holds, const char *fmt, ...) OF3_PRINTF(4, 5);
static size_t plan_put(char *out, size_t at, bool holds, const char *fmt, ...) {
  va_list ap;
  if (!holds || at >= OF3_ECONOMY_TEXT) return at;
  if (at) at += (size_t)snprintf(out + at, OF3_ECONOMY_TEXT - at, ", ");
  if (at >= OF3_ECONOMY_TEXT) return at;
  va_start(ap, fmt);
  at += (size_t)of3_vformat(out + at, OF3_ECONOMY_TEXT - at, fmt, ap);
  va_end(ap);
  return at;
}

const char *of3_economy_text(const of3_economy *e, const of3_config *c, char out[OF3_ECONOMY_TEXT]) {
  out[0] = 0;
  size_t at = plan_put(out, 0, e->narrow_blocks, "pairs in small blocks");
  at = plan_put(out, at, e->triangle_passes, "triangle products in %d passes", e->triangle_passes);
  at = plan_put(out, at, e->confidence_samples, "confidence of %d sample%s at a time", e->confidence_samples,
                e->confidence_samples > 1 ? "s" : "");
  at = plan_put(out, at, e->denoiser_samples, "denoising %d at a time", e->denoiser_samples);
  plan_put(out, at, e->remade_biases, "%d of %d pair biases made in each step", e->remade_biases,
           c->blocks_token);
  return out;
}
