/* The network as a whole: binding its weights, and the parts of a fold in their order. */
#include "model/network.h"

#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "model/run.h"
#include "tensor/backend.h"

static of3_status bind(of3_ctx *cx, const of3_table *weights, of3_network *net, of3_error *err) {
  net->switches = of3_switches_of(net->variant);
  net->arena = of3_arena_new(1 << 20);
  if (!net->arena) return of3_fail_memory(err, "the network");
  of3_status status = of3_weights_bind(cx, weights, &net->config, &net->switches, net->arena, &net->weights,
                                       &net->parameters, err);
  if (status != OF3_OK) of3_network_free(net);
  return status;
}

of3_status of3_network_bind(of3_ctx *cx, const of3_table *weights, of3_network *net, of3_error *err) {
  *net = (of3_network){0};
  OF3_TRY(of3_config_find(weights, &net->variant, &net->config, err));
  return bind(cx, weights, net, err);
}

of3_status of3_network_make_up(of3_ctx *cx, of3_variant variant, const of3_config *config, of3_network *net,
                               of3_error *err) {
  *net = (of3_network){.variant = variant, .config = *config};
  return bind(cx, NULL, net, err);
}

void of3_network_free(of3_network *net) {
  of3_arena_free(net->arena);
  *net = (of3_network){0};
}

static void end_part(of3_ctx *cx, of3_parts *parts, int part) {
  parts->flops[part] = cx->flops;
  parts->peak[part] = cx->peak;
  cx->peak = cx->top;
}

/* What a phase took, a like share for each complex. */
static void note_seconds(of3_prediction *out, int n, size_t member, double seconds) {
  for (int b = 0; b < n; b++) *(double *)(void *)((char *)&out[b] + member) = seconds / n;
}

/* Masked atoms lie at the origin; what the mask left of them is 0 of either sign. */
static void clear_masked(const of3_features *f, float *x) {
  for (int64_t a = 0; a < f->n_atom; a++)
    if (f->atom_mask[a] == 0) memset(x + 3 * a, 0, 3 * sizeof *x);
}

/* Coordinates x [S,B,A,3] to the host, without padding. */
static void download_coordinates(const of3_run *r, const of3_tensor *x, of3_prediction *out) {
  of3_ctx *cx = r->cx;
  const int64_t n = r->in.n, all = x->shape[0] * n;
  const of3_tensor *flat = OF3_RESHAPE(cx, x, all, r->in.n_atom, 3);
  for (int64_t i = 0; i < all && !cx->planning; i++) {
    const int64_t atoms = r->in.f[i % n]->n_atom;
    const of3_tensor *one = OF3_RESHAPE(cx, of3_narrow(cx, flat, i, 1), r->in.n_atom, 3);
    float *host = out[i % n].x + i / n * atoms * 3;
    of3_download(cx, of3_narrow(cx, one, 0, atoms), host);
    clear_masked(r->in.f[i % n], host);
  }
}

static void run_parts(of3_run *r, int n, const of3_features *const *f, const of3_fold_options *o,
                      of3_prediction *out, of3_parts *parts) {
  of3_ctx *cx = r->cx;
  double start = of3_seconds();
  of3_make_inputs(r, n, f);
  of3_trunk t = of3_run_trunk(r, o->n_cycle);
  of3_wait(cx);
  note_seconds(out, n, offsetof(of3_prediction, seconds_trunk), of3_seconds() - start);
  end_part(cx, parts, OF3_TRUNK);
  start = of3_seconds();
  of3_tensor *x = OF3_NEW(cx, OF3_F32, o->n_sample, n, r->in.n_atom, 3);
  of3_scope scope = of3_scope_begin(cx);
  of3_denoiser_state d = of3_prepare_denoiser(r, &t);
  if (cx->error.code == OF3_OK)
    of3_sample_diffusion(r, &d, o->opt_sampler ? o->opt_sampler : &of3_sampler_reference, o->n_step, x);
  of3_scope_end(cx, scope);
  download_coordinates(r, x, out);
  note_seconds(out, n, offsetof(of3_prediction, seconds_diffusion), of3_seconds() - start);
  end_part(cx, parts, OF3_DIFFUSION);
  start = of3_seconds();
  of3_contact_probability(r, t.z, out);
  of3_confidence(r, &t, x, out);
  note_seconds(out, n, offsetof(of3_prediction, seconds_heads), of3_seconds() - start);
  end_part(cx, parts, OF3_HEADS);
  for (int i = 0; i < OF3_N_PART; i++)
    if (parts->peak[i] > cx->peak) cx->peak = parts->peak[i];
}

of3_status of3_run_network(of3_ctx *cx, const of3_network *net, int n, const of3_features *const *f,
                           const of3_fold_options *o, const of3_random_source *random,
                           const of3_observer *observer, of3_prediction *out, of3_parts *parts,
                           of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  if (!arena) return of3_fail_memory(err, "the run");
  of3_run r = {.cx = cx,
               .net = net,
               .c = &net->config,
               .w = &net->weights,
               .observer = observer,
               .random = random,
               .economy = o->economy,
               .arena = arena,
               .scope = ""};
  of3_scope scope = of3_scope_begin(cx);
  cx->flops = 0;
  run_parts(&r, n, f, o, out, parts);
  of3_scope_end(cx, scope);
  of3_arena_free(arena);
  return of3_ctx_status(cx, err);
}

of3_status of3_fold_batch(of3_ctx *cx, const of3_network *net, int n, const of3_features *const *f,
                          const of3_fold_options *o, const of3_random_source *random,
                          const of3_observer *observer, of3_prediction *out, of3_error *err) {
  of3_parts parts;
  of3_status status = OF3_OK;
  for (int b = 0; b < n; b++) out[b] = (of3_prediction){0};
  for (int b = 0; b < n && n > 1; b++)
    if (f[b]->pocket)
      return of3_fail(err, OF3_ERR_INTERNAL, "a query with a pocket is in a batch of %d; it is folded alone",
                      n);
  for (int b = 0; b < n && status == OF3_OK; b++)
    status = of3_prediction_make(f[b], o->n_sample, &out[b], err);
  if (status == OF3_OK) status = of3_run_network(cx, net, n, f, o, random, observer, out, &parts, err);
  for (int b = 0; b < n && status != OF3_OK; b++) of3_prediction_free(&out[b]);
  return status;
}

of3_status of3_fold(of3_ctx *cx, const of3_network *net, const of3_features *f, const of3_fold_options *o,
                    const of3_random_source *random, const of3_observer *observer, of3_prediction *out,
                    of3_error *err) {
  return of3_fold_batch(cx, net, 1, &f, o, random, observer, out, err);
}
