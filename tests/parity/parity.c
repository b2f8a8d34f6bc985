/* Runs the network on the inputs and random numbers of a fixture (shared/oracle/make_fixtures.py) and
 * compares every number in it.
 *
 *   parity --checkpoint W --fixture FX.safetensors [--backend cpu|cuda|reference|mlx|own-memory] [--isa NAME]
 *          [--dtype f32|bf16|f16] [--threads N] [--tape poison|recompute] [--log debug]
 *
 * --tape: a tape records it all (tensor/tape.h). poison: every write makes a version, and the one before
 * becomes NaN, so that whoever still looks there is found out; recompute: every scope gives back its memory.
 * own-memory: a backend with memory of its own and without kernels (tests/unit/own_memory.h).
 *
 * Gradients: a fixture with loss/ is recorded in any case, and gone through backwards (gradients.h).
 *
 * Prints, for each tensor, its name, the largest deviation over the largest value, the ratio of r.m.s.
 * deviation to r.m.s. value, and the bound of the former. Exits with 1 above a bound, or if a tensor of the
 * fixture was not compared. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "gradients.h"
#include "cpu/cpu.h"
#include "feat/build.h"
#include "io/checkpoint.h"
#include "cuda/open.h"
#include "mlx/open.h"
#include "featfile/feature_file.h"
#include "model/run.h"
#include "own_memory.h"
#include "scores_of.h"
#include "tensor/backend.h"
#include "tensor/tape.h"

typedef struct options {
  const char *checkpoint, *fixture, *backend, *isa, *dtype, *tape, *log;
  int threads;
} options;

/* The random numbers of the fixture. */
typedef struct recorded {
  const of3_table *table;
} recorded;

/* n numbers of `sample` in a step, from [steps,samples,n]; of what has no steps from [samples,n]. */
static void copy_recorded(const of3_table *t, const char *name, int step, int sample, float *out, size_t n) {
  const of3_entry *e = of3_table_find(t, name), *init = of3_table_find(t, "rand/noise.init");
  int64_t samples = init->shape[0], at = e == init ? sample : step * samples + sample;
  memcpy(out, (const float *)e->data + at * (int64_t)n, n * sizeof *out);
}

static void recorded_normal(void *user, of3_purpose what, int step, int sample, float *out, size_t n) {
  const of3_table *t = ((const recorded *)user)->table;
  if (what == OF3_RANDOM_NOISE_POSE) {
    copy_recorded(t, "rand/noise.quaternion", step, sample, out, 4);
    copy_recorded(t, "rand/noise.translation", step, sample, out + 4, 3);
  } else
    copy_recorded(t, what == OF3_RANDOM_NOISE_INIT ? "rand/noise.init" : "rand/noise.step", step, sample, out,
                  n);
}

static void recorded_keep(void *user, const char *place, int64_t n, float *keep) {
  char name[320];
  snprintf(name, sizeof name, "rand/dropout/%s", place);
  const of3_entry *e = of3_table_find(((const recorded *)user)->table, name);
  for (int64_t i = 0; i < n; i++) keep[i] = e && e->count == n ? (float)entry_value(e, i) : NAN;
}

/* Whether the fixture has masks. */
static bool has_dropout(const of3_table *t) {
  for (int i = 0; i < t->n; i++)
    if (!strncmp(t->entry[i].name, "rand/dropout/", 13)) return true;
  return false;
}

static int recorded_rows(void *user, const of3_features *f, int cycle, uint32_t *out) {
  char name[64];
  snprintf(name, sizeof name, "rand/msa_rows.%d", cycle);
  const of3_entry *e = of3_table_find(((const recorded *)user)->table, name);
  (void)f;
  for (int64_t i = 0; i < e->count; i++)
    out[i] = e->dtype == OF3_I64 ? (uint32_t)((const int64_t *)e->data)[i]
                                 : (uint32_t)((const int32_t *)e->data)[i];
  return (int)e->count;
}

/* Coordinates [S,A,3], stored as f32 or, where the oracle computed them so, as f64: [S,1,A,3] of one complex.
 */
static of3_tensor *upload(of3_ctx *cx, const of3_entry *e) {
  float *host = malloc((size_t)e->count * sizeof *host + 1);
  for (int64_t i = 0; i < e->count; i++) host[i] = (float)entry_value(e, i);
  of3_tensor *t = OF3_FROM_HOST(cx, OF3_F32, host, e->shape[0], 1, e->shape[1], e->shape[2]);
  free(host);
  return t;
}

/* What the network shows goes to both. */
typedef struct watcher {
  comparison *c;
  gradients *opt_gradients;
} watcher;

static void trace(void *user, of3_ctx *cx, const char *name, const of3_tensor *t) {
  const watcher *w = user;
  comparison *c = w->c;
  if (w->opt_gradients) {
    note_head(w->opt_gradients, cx, name, t);
    note_shown(w->opt_gradients, name, t);
  }
  float *host = malloc(of3_bytes(t) + 1);
  of3_download(cx, t, host);
  compare_trace(c, name, host, of3_count(t), t->rank, t->shape);
  free(host);
}

/* Compares a result on the host with out/NAME. */
static void compare_output(comparison *c, const char *name, const float *x) {
  const of3_entry *e = of3_table_find(c->table, name);
  if (e) compare_entry(c, e, x);
}

static void compare_tensor(comparison *c, of3_ctx *cx, const char *name, const of3_tensor *t) {
  float *host = malloc(of3_bytes(t) + 1);
  of3_download(cx, t, host);
  compare_output(c, name, host);
  free(host);
}

static of3_prediction new_prediction(const of3_features *f, int samples) {
  size_t s = (size_t)samples, n2 = (size_t)f->n_token * (size_t)f->n_token, a = (size_t)f->n_atom;
  return (of3_prediction){.n_sample = samples,
                          .n_token = f->n_token,
                          .n_atom = f->n_atom,
                          .x = calloc(s * a * 3, sizeof(float)),
                          .plddt = calloc(s * a, sizeof(float)),
                          .pae = calloc(s * n2, sizeof(float)),
                          .pde = calloc(s * n2, sizeof(float)),
                          .tm = calloc(s * n2, sizeof(float)),
                          .tm_chains = calloc(s * n2, sizeof(float)),
                          .contact = calloc(n2, sizeof(float))};
}

/* The denoiser alone, at the noise levels of the fixture, one for each sample. */
static void run_denoiser(of3_run *r, const of3_denoiser_state *d, comparison *c, gradients *opt_gradients) {
  const of3_entry *noisy = of3_table_find(c->table, "rand/x_noisy"), *t = of3_table_find(c->table, "rand/t");
  if (!noisy || !t) return;
  of3_scope scope = of3_scope_begin(r->cx);
  r->scope = "denoise/";
  double *level = OF3_ARENA_NEW(r->arena, double, t->count);
  for (int64_t i = 0; i < t->count; i++) level[i] = entry_value(t, i);
  of3_noise_levels levels = of3_upload_levels(r, level, (int)t->count, 1);
  of3_tensor *x = of3_denoise(r, d, upload(r->cx, noisy), &levels);
  compare_tensor(c, r->cx, "out/x_denoised", x);
  if (opt_gradients) note_head(opt_gradients, r->cx, "x_denoised", x);
  of3_scope_end(r->cx, scope);
}

static void run_sampler(of3_run *r, const of3_denoiser_state *d, comparison *c) {
  const of3_entry *init = of3_table_find(c->table, "rand/noise.init"),
                  *step = of3_table_find(c->table, "rand/noise.step");
  if (!init || !step || !step->count) return;
  of3_scope scope = of3_scope_begin(r->cx);
  of3_tensor *x = OF3_NEW(r->cx, OF3_F32, init->shape[0], 1, init->shape[1], init->shape[2]);
  r->scope = "sample/";
  of3_sample_diffusion(r, d, &of3_sampler_reference, (int)step->shape[0], x);
  compare_tensor(c, r->cx, "out/x_sampled", x);
  of3_scope_end(r->cx, scope);
}

/* The confidence of the structure that the fixture gave to its head: rand/x_conf, or with --fold
 * out/x_sampled. Not of our own samples: distance bins jump, and one pair within rounding of an edge would
 * change every score a little. */
static void run_heads(of3_run *r, const of3_trunk *t, comparison *c) {
  const of3_entry *given = of3_table_find(c->table, "rand/x_conf");
  if (!given) given = of3_table_find(c->table, "out/x_sampled");
  if (!given) return;
  of3_tensor *x = upload(r->cx, given);
  of3_prediction p = new_prediction(r->in.f[0], (int)x->shape[0]);
  r->scope = "confidence/";
  of3_download(r->cx, x, p.x);
  of3_contact_probability(r, t->z, &p);
  of3_confidence(r, t, x, &p);
  compare_output(c, "out/value/plddt", p.plddt);
  compare_output(c, "out/value/pae", p.pae);
  compare_output(c, "out/value/pde", p.pde);
  compare_output(c, "out/value/contact", p.contact);
  compare_scores(c, r->in.f[0], &p, r->net->variant);
  of3_prediction_free(&p);
}

static bool recompute_all(void *user, const of3_tape *tape, const of3_tape_block *b) {
  (void)user, (void)tape, (void)b;
  return true;
}

static void begin_tape(of3_tape *tape, of3_ctx *cx, const char *how, gradients *opt_gradients) {
  *tape = (of3_tape){.poison = !strcmp(how, "poison"),
                     .recomputes = !strcmp(how, "recompute") ? recompute_all : NULL,
                     .opt_gradient = opt_gradients ? compare_shown : NULL,
                     .user = opt_gradients};
  of3_tape_begin(tape, cx);
}

static void end_tape(of3_tape *tape, of3_ctx *cx) {
  int64_t moved = 0;
  for (int64_t i = 0; i < tape->n_version; i++) moved += tape->version[i]->number > 0;
  printf("tape: %lld entries, %lld versions, %lld of them updates, %lld blocks, %.1f MB\n",
         (long long)tape->n_entry, (long long)tape->n_version, (long long)moved, (long long)tape->n_block,
         1e-6 * (double)cx->peak);
  of3_tape_end(tape, cx);
}

static void run_all(of3_run *r, const watcher *w, int cycles) {
  comparison *c = w->c;
  of3_trunk t = of3_run_trunk(r, cycles);
  compare_tensor(c, r->cx, "out/s_input", t.s_input);
  compare_tensor(c, r->cx, "out/s", t.s);
  compare_tensor(c, r->cx, "out/z", t.z);
  r->scope = "denoise/";
  of3_denoiser_state d = of3_prepare_denoiser(r, &t);
  run_denoiser(r, &d, c, w->opt_gradients);
  run_sampler(r, &d, c);
  run_heads(r, &t, c);
}

static of3_dtype dtype_of(const options *o) {
  return !strcmp(o->dtype, "bf16") ? OF3_BF16 : !strcmp(o->dtype, "f16") ? OF3_F16 : OF3_F32;
}

static of3_status choose_backend(const options *o, const of3_backend **out, of3_error *err) {
  *out = dtype_of(o) == OF3_BF16 ? &of3_reference_backend_bf16 : &of3_reference_backend;
  if (!strcmp(o->backend, "cpu")) return of3_cpu_backend(o->isa, dtype_of(o), out, err);
  if (!strcmp(o->backend, "own-memory"))
    *out = dtype_of(o) == OF3_BF16 ? &own_memory_backend_bf16 : &own_memory_backend;
  if (!strcmp(o->backend, "cuda")) return of3_cuda_backend(dtype_of(o), out, err);
  if (strcmp(o->backend, "mlx") != 0) return OF3_OK;
  return of3_mlx_backend(dtype_of(o), out, err);
}

static of3_status open_device(const options *o, of3_device *out, of3_error *err) {
  const of3_backend *backend = NULL;
  char text[OF3_DEVICE_TEXT];
  OF3_TRY(choose_backend(o, &backend, err));
  OF3_TRY(of3_device_open(out, backend, 0, err));
  printf("%s, %s\n", of3_device_text(out, o->threads, text), of3_dtype_name(dtype_of(o)));
  return OF3_OK;
}

static void print_message(void *user, of3_level level, const char *text) {
  (void)user, (void)level;
  printf("%s\n", text);
}

static of3_status run(const options *o, const of3_device *device, comparison *c, of3_error *err) {
  of3_checkpoint ckpt = {0};
  of3_network net = {0};
  of3_features f = {0};
  of3_ctx cx = {0};
  OF3_TRY(of3_checkpoint_open(o->checkpoint, SIZE_MAX, &ckpt, err));
  OF3_TRY(of3_features_from_table(c->table, &f, err));
  OF3_TRY(of3_ctx_open(&cx, device, o->threads, (size_t)16 << 30, false, err));
  OF3_TRY(of3_network_bind(&cx, &ckpt.weights, &net, err));
  const of3_log log = {.sink = print_message, .least = OF3_LOG_DEBUG};
  if (o->log) cx.log = &log;
  const char *variant = of3_table_meta(c->table, "variant"), *cycles = of3_table_meta(c->table, "cycles");
  if (!variant || !cycles)
    return of3_fail(err, OF3_ERR_INPUT, "'%s' has no variant and cycles among its metadata", o->fixture);
  if (!strcmp(variant, "P1t")) net.switches.template_truncated = false; /* preview 1 as it was trained */
  recorded rec = {.table = c->table};
  of3_random_source random = {.user = &rec, .opt_normal = recorded_normal, .msa_rows = recorded_rows};
  const of3_dropout dropout = {.user = &rec, .opt_keep = recorded_keep};
  static gradients back;
  back = (gradients){.table = c->table, .comparison = c};
  watcher w = {c, has_gradients(c->table) ? &back : NULL};
  of3_observer observer = {.user = &w, .trace = trace};
  of3_run r = {.cx = &cx,
               .net = &net,
               .c = &net.config,
               .w = &net.weights,
               .observer = &observer,
               .random = &random,
               .dropout = has_dropout(c->table) ? &dropout : NULL,
               .arena = of3_arena_new(0),
               .scope = ""};
  of3_tape tape;
  const bool recorded_too = o->tape || w.opt_gradients;
  if (recorded_too) begin_tape(&tape, &cx, o->tape ? o->tape : "", w.opt_gradients);
  of3_make_inputs(&r, 1, &(const of3_features *){&f});
  back.slots = r.in.of_complex;
  run_all(&r, &w, atoi(cycles));
  if (w.opt_gradients) {
    of3_tape_stop(&tape, &cx);
    compare_gradients(w.opt_gradients, &tape, &cx, &net, c);
  }
  if (recorded_too) end_tape(&tape, &cx);
  of3_status status = of3_ctx_status(&cx, err);
  of3_arena_free(r.arena);
  of3_network_free(&net);
  of3_ctx_close(&cx);
  of3_features_free(&f);
  of3_checkpoint_close(&ckpt);
  return status;
}

static bool parse(int argc, char **argv, options *o) {
  *o = (options){.backend = "cpu", .dtype = "f32"};
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!strcmp(argv[i], "--checkpoint"))
      o->checkpoint = argv[i + 1];
    else if (!strcmp(argv[i], "--fixture"))
      o->fixture = argv[i + 1];
    else if (!strcmp(argv[i], "--backend"))
      o->backend = argv[i + 1];
    else if (!strcmp(argv[i], "--isa"))
      o->isa = argv[i + 1];
    else if (!strcmp(argv[i], "--dtype"))
      o->dtype = argv[i + 1];
    else if (!strcmp(argv[i], "--tape"))
      o->tape = argv[i + 1];
    else if (!strcmp(argv[i], "--threads"))
      o->threads = atoi(argv[i + 1]);
    else if (!strcmp(argv[i], "--log") && !strcmp(argv[i + 1], "debug"))
      o->log = argv[i + 1];
    else
      return false;
  }
  bool known = !strcmp(o->backend, "cpu") || !strcmp(o->backend, "reference") || !strcmp(o->backend, "mlx") ||
               !strcmp(o->backend, "own-memory") || !strcmp(o->backend, "cuda");
  known = known && (!o->tape || !strcmp(o->tape, "poison") || !strcmp(o->tape, "recompute"));
  return argc % 2 == 1 && o->checkpoint && o->fixture && known;
}

int main(int argc, char **argv) {
  options o;
  of3_error err = {0};
  of3_table table;
  if (!parse(argc, argv, &o)) {
    fprintf(
        stderr,
        "usage: parity --checkpoint W --fixture FX.safetensors [--backend cpu|cuda|reference|mlx|own-memory] "
        "[--isa NAME] [--dtype f32|bf16|f16] [--threads N] [--tape poison|recompute] [--log debug]\n");
    return 2;
  }
  of3_device device;
  if (open_device(&o, &device, &err) != OF3_OK) {
    fprintf(stderr, "parity: skipped: %s\n", err.text);
    return 77;
  }
  if (of3_safetensors_open(o.fixture, &table, &err) != OF3_OK) {
    fprintf(stderr, "parity: %s\n", err.text);
    return 1;
  }
  comparison c = comparison_begin(&table);
  c.kind.mlx = !strcmp(o.backend, "mlx");
  c.kind.type = dtype_of(&o);
  if (run(&o, &device, &c, &err) != OF3_OK) {
    fprintf(stderr, "parity: %s\n", err.text);
    return 1;
  }
  bool good = comparison_end(&c);
  of3_table_close(&table);
  of3_device_close(&device);
  return good ? 0 : 1;
}
