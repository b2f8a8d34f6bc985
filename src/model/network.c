#define _POSIX_C_SOURCE 200809L
#include "model/network.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model/run.h"
#include "tensor/backend.h"

static of3_status bind(of3_ctx *cx, const of3_table *weights, of3_network *net, of3_error *err) {
  net->switches = of3_switches_of(net->variant);
  net->arena = of3_arena_new(1 << 20);
  if (!net->arena) return of3_fail_memory(err, "the network");
  of3_status status =
      of3_weights_bind(cx, weights, &net->config, &net->switches, net->arena, &net->weights, err);
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

static void seeded_normal(void *user, of3_purpose what, int step, int sample, float *out, size_t n) {
  of3_stream s = {
      .seed = *(const uint64_t *)user, .purpose = what, .sample = (uint32_t)sample, .step = (uint32_t)step};
  of3_random_normal(s, out, n);
}

static bool row_is_valid(const of3_features *f, int row) {
  for (int i = 0; i < f->n_token; i++)
    if (f->msa_mask[(int64_t)row * f->n_token + i]) return true;
  return false;
}

/* Puts `take` of the n entries of list, chosen at random, in front. */
static void shuffle(of3_stream s, uint32_t *list, int n, int take) {
  for (int i = 0; i < take && i + 1 < n; i++) {
    uint32_t j = (uint32_t)i + of3_random_below(s, (uint32_t)i, (uint32_t)(n - i)), old = list[i];
    list[i] = list[j];
    list[j] = old;
  }
}

static int seeded_rows(void *user, const of3_features *f, int cycle, uint32_t *out) {
  of3_stream s = {.seed = *(const uint64_t *)user, .purpose = OF3_RANDOM_MSA_ROWS, .step = (uint32_t)cycle};
  int valid = 0, used = f->n_msa < OF3_MSA_ROWS ? f->n_msa : OF3_MSA_ROWS, at = 0;
  for (int m = 0; m < f->n_msa; m++)
    if (row_is_valid(f, m)) out[valid++] = (uint32_t)m;
  if (valid >= used) {
    if (valid > OF3_MSA_ROWS) shuffle(s, out, valid, OF3_MSA_ROWS);
    return used;
  }
  at = valid;
  for (int m = 0; m < f->n_msa; m++)
    if (!row_is_valid(f, m)) out[at++] = (uint32_t)m;
  shuffle(s, out + valid, at - valid, used - valid);
  return used;
}

of3_random_source of3_seeded_random(const uint64_t *seed) {
  return (of3_random_source){
      .user = (void *)(uintptr_t)seed, .normal = seeded_normal, .msa_rows = seeded_rows};
}

static of3_status make_prediction(const of3_features *f, int samples, of3_prediction *p, of3_error *err) {
  size_t s = (size_t)samples, n2 = (size_t)f->n_token * (size_t)f->n_token, atoms = (size_t)f->n_atom;
  *p = (of3_prediction){.n_sample = samples, .n_token = f->n_token, .n_atom = f->n_atom};
  p->x = calloc(s * atoms * 3, sizeof(float));
  p->plddt = calloc(s * atoms, sizeof(float));
  p->pae = calloc(s * n2, sizeof(float));
  p->pde = calloc(s * n2, sizeof(float));
  p->tm = calloc(s * n2, sizeof(float));
  p->tm_chains = calloc(s * n2, sizeof(float));
  p->contact = calloc(n2, sizeof(float));
  if (p->x && p->plddt && p->pae && p->pde && p->tm && p->tm_chains && p->contact) return OF3_OK;
  of3_prediction_free(p);
  return of3_fail_memory(err, "the results");
}

void of3_prediction_free(of3_prediction *p) {
  free(p->x);
  free(p->plddt);
  free(p->pae);
  free(p->pde);
  free(p->tm);
  free(p->tm_chains);
  free(p->contact);
  *p = (of3_prediction){0};
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
  out->seconds_trunk = network_now() - start;
  end_part(cx, parts, OF3_TRUNK);
  start = network_now();
  of3_tensor *x = OF3_NEW(cx, OF3_F32, o->n_sample, f->n_atom, 3);
  of3_scope scope = of3_scope_begin(cx);
  of3_denoiser_state d = of3_prepare_denoiser(r, &t);
  if (cx->error.code == OF3_OK) of3_sample_diffusion(r, &d, o->n_step, x);
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

int64_t of3_block_rows(const of3_run *r, int64_t n, int64_t floats) {
  const int64_t rows = ((int64_t)1 << (r->economy.narrow_blocks ? 18 : 22)) / floats + 1;
  return rows < n ? rows : n;
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
  OF3_TRY(make_prediction(f, o->n_sample, out, err));
  of3_status status = of3_run_network(cx, net, f, o, random, observer, out, &parts, err);
  if (status != OF3_OK) of3_prediction_free(out);
  return status;
}
