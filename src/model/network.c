/* The network as a whole: binding its weights, and the parts of a fold in their order. */
#define _POSIX_C_SOURCE 200809L
#include "model/network.h"

#include <time.h>

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

static double network_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void end_part(of3_ctx *cx, of3_parts *parts, int part) {
  parts->flops[part] = cx->flops;
  parts->peak[part] = cx->peak;
  cx->peak = cx->top;
}

static void run_parts(of3_run *r, const of3_features *f, const of3_fold_options *o, of3_prediction *out,
                      of3_parts *parts) {
  of3_ctx *cx = r->cx;
  double start = network_now();
  of3_make_inputs(r, f);
  of3_trunk t = of3_run_trunk(r, o->n_cycle);
  of3_wait(cx);
  out->seconds_trunk = network_now() - start;
  end_part(cx, parts, OF3_TRUNK);
  start = network_now();
  of3_tensor *x = OF3_NEW(cx, OF3_F32, o->n_sample, f->n_atom, 3);
  of3_scope scope = of3_scope_begin(cx);
  of3_denoiser_state d = of3_prepare_denoiser(r, &t);
  if (cx->error.code == OF3_OK)
    of3_sample_diffusion(r, &d, o->opt_sampler ? o->opt_sampler : &of3_sampler_reference, o->n_step, x);
  of3_scope_end(cx, scope);
  of3_download(cx, x, out->x);
  out->seconds_diffusion = network_now() - start;
  end_part(cx, parts, OF3_DIFFUSION);
  start = network_now();
  of3_contact_probability(r, t.z, out->contact);
  of3_confidence(r, &t, x, out);
  out->seconds_heads = network_now() - start;
  end_part(cx, parts, OF3_HEADS);
  for (int i = 0; i < OF3_N_PART; i++)
    if (parts->peak[i] > cx->peak) cx->peak = parts->peak[i];
}

of3_status of3_run_network(of3_ctx *cx, const of3_network *net, const of3_features *f,
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
  run_parts(&r, f, o, out, parts);
  of3_scope_end(cx, scope);
  of3_arena_free(arena);
  return of3_ctx_status(cx, err);
}

of3_status of3_fold(of3_ctx *cx, const of3_network *net, const of3_features *f, const of3_fold_options *o,
                    const of3_random_source *random, const of3_observer *observer, of3_prediction *out,
                    of3_error *err) {
  of3_parts parts;
  OF3_TRY(of3_prediction_make(f, o->n_sample, out, err));
  of3_status status = of3_run_network(cx, net, f, o, random, observer, out, &parts, err);
  if (status != OF3_OK) of3_prediction_free(out);
  return status;
}
