/* The parts of a fold, timed: phases by the events of the network's observer, operations by a backend around
 * the engine's (tensor/profile.h). On a backend that computes at once both come from one fold. An
 * asynchronous one would not be itself if every operation were waited for, so it folds once for the phases,
 * whose ends are waited for, and once more for the operations; and once before, since it may compile what it
 * is asked for.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/handles.h"
#include "of3_bench.h"
#include "cpu/peak.h"
#include "feat/build.h"
#include "feat/msa_rows.h"
#include "tensor/profile.h"

enum { N_PHASE = 9, MOST_TOKENS = 100000, MOST_MSA = 16384, MOST_TIMES = 10000 };

/* In the order in which they are done; the first three and the last are timed from outside. Weights are made
 * or loaded. */
static const char *const phase_names[N_PHASE] = {"making weights", "loading weights", "first fold",
                                                 "inputs",         "trunk pass",      "denoiser preparation",
                                                 "denoiser step",  "heads",           "whole fold"};
enum { MAKING_WEIGHTS, LOADING_WEIGHTS, FIRST_FOLD, INPUTS, TRUNK_PASS, PREPARATION, STEP, HEADS, WHOLE };

/* The report with all that it points to. */
typedef struct bench_box {
  of3_bench_report report; /* first, so that a pointer to it is one to the box */
  of3_bench_phase phase[N_PHASE];
  of3_bench_kernel kernel[OF3_PROFILE_ROWS];
  of3_profile profile;
} bench_box;

/* One benchmark. */
typedef struct bench {
  of3_engine *engine;
  const of3_bench_options *o;
  bench_box *box;
  of3_ctx *cx;
  unsigned noted; /* of OF3_BENCH_*, in the fold at hand */
  int running;    /* phase; N_PHASE: none */
  double began, flops_began;
  size_t held_before; /* by the backend, before the first fold */
} bench;

of3_bench_options of3_bench_defaults(void) {
  return (of3_bench_options){.parts = OF3_BENCH_PHASES | OF3_BENCH_KERNELS,
                             .tokens = 76,
                             .msa_rows = 2,
                             .samples = 5,
                             .passes = 2,
                             .steps = 5};
}

void of3_bench_free(of3_bench_report *report) { free(report); }

/* ---- Clocks */

static double processor_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef double clock_function(void);

static clock_function *clock_of(const of3_bench_options *o) {
  return o->processor_time ? processor_seconds : of3_seconds;
}

static bool is_asynchronous(const of3_engine *e) { return e->device.backend->asynchronous; }

/* Of what a clock says, to make processor time comparable. */
static double share(const bench *b) { return b->o->processor_time ? 1.0 / b->engine->threads : 1; }

/* ---- Phases */

static void note_phase(of3_bench_phase *p, double seconds, double flops) {
  if (p->count++ == 0 || seconds < p->seconds) p->seconds = seconds;
  p->flops = flops;
}

static void note_held(const bench *b) {
  const of3_device *d = &b->engine->device;
  if (!d->backend->held) return;
  const of3_held h = d->backend->held(d, false);
  const size_t all = h.most > h.now + h.kept ? h.most : h.now + h.kept;
  const size_t held = all > b->held_before ? all - b->held_before : 0;
  if (held > b->box->report.held_bytes) b->box->report.held_bytes = held;
}

/* Ends the running phase and begins the next. */
static void begin_phase(bench *b, int next) {
  of3_wait(b->cx);
  note_held(b);
  if (b->running < N_PHASE && b->noted & OF3_BENCH_PHASES)
    note_phase(&b->box->phase[b->running], (clock_of(b->o)() - b->began) * share(b),
               b->cx->flops - b->flops_began);
  b->running = next;
  if (next < N_PHASE) b->box->profile.phase = phase_names[next];
  b->flops_began = b->cx->flops;
  b->began = clock_of(b->o)();
}

/* The network tells when something begins and, with done = total, when all of it is over. */
static void bench_watch(void *user, const char *phase, int done, int total) {
  bench *b = user;
  if (strcmp(phase, "trunk") == 0)
    begin_phase(b, done < total ? TRUNK_PASS : PREPARATION);
  else if (strcmp(phase, "diffusion") == 0)
    begin_phase(b, done < total ? STEP : HEADS);
  else if (done == total)
    begin_phase(b, N_PHASE);
}

/* ---- What is folded */

/* A chain of ubiquitin's residues over and over. */
static of3_status make_query(int n, of3_query_set *out, of3_error *err) {
  static const char unit[] = "MQIFVKTLTGKTITLEVEPSDTIENVKAKIQDKEGIPPDQQRLIFAGKQLEDGRTLSDYNIQKESTLHLVLRLRGG";
  char *sequence = malloc((size_t)n + 1);
  if (!sequence) return of3_fail_memory(err, "the sequence");
  for (int i = 0; i < n; i++) sequence[i] = unit[i % (int)(sizeof unit - 1)];
  sequence[n] = 0;
  of3_status status = of3_query_from_sequence(sequence, "bench", out, err);
  free(sequence);
  return status;
}

/* An alignment of the given depth: row r is the sequence with every residue shifted by r classes. */
static of3_status make_msa(of3_features *f, int rows, of3_error *err) {
  const size_t n = (size_t)f->n_token, all = n * (size_t)rows;
  of3_msa_cells cells = {.class_ = OF3_ARENA_NEW(f->arena, uint8_t, all)};
  if (!cells.class_) return of3_fail_memory(err, "the alignment");
  for (size_t i = 0; i < all; i++) cells.class_[i] = (uint8_t)((f->restype[i % n] + i / n) % OF3_N_RESTYPE);
  return of3_msa_from_cells(f, rows, &cells, err);
}

static of3_status bench_make_features(const of3_bench_options *o, of3_variant variant, of3_features *out,
                                      of3_error *err) {
  of3_query_set set = {0};
  of3_complex complex = {0};
  of3_feature_mode mode = of3_feature_mode_of(variant);
  of3_status status = make_query(o->tokens, &set, err);
  if (status == OF3_OK) status = of3_complex_build(&set.query[0], NULL, NULL, &complex, err);
  if (status == OF3_OK) status = of3_features_build(&complex, &set.query[0], &mode, 1, NULL, out, err);
  if (status == OF3_OK) status = make_msa(out, o->msa_rows, err);
  of3_complex_free(&complex);
  of3_query_set_free(&set);
  return status;
}

/* ---- The fold */

static of3_status make_plan(const bench *b, const of3_network *net, const of3_features *f,
                            of3_fold_options *o, of3_plan *plan, of3_error *err) {
  const of3_engine *e = b->engine;
  uint64_t allowed = of3_engine_memory(e, 0);
  size_t most = allowed ? allowed : SIZE_MAX;
  OF3_TRY(of3_plan_within(&e->device, e->threads, net, f, most, o, plan, err));
  uint64_t need = plan->step_bytes + plan->result_bytes;
  if (need <= most) return OF3_OK;
  char least[OF3_SIZE_TEXT], given[OF3_SIZE_TEXT];
  return of3_fail(err, OF3_ERR_MEMORY,
                  "%d token%s need%s at least %s of memory beside the weights, and %s may be used; use fewer",
                  b->o->tokens, b->o->tokens > 1 ? "s" : "", b->o->tokens > 1 ? "" : "s",
                  of3_size_text(of3_size_shown(need), least), of3_size_text(allowed, given));
}

static void begin(bench *b, of3_ctx *cx, unsigned noted) {
  b->cx = cx;
  b->noted = noted;
  b->running = N_PHASE;
  begin_phase(b, INPUTS);
}

static of3_status bench_fold(bench *b, const of3_network *net, const of3_features *f, int passes, int steps,
                             unsigned noted, of3_error *err) {
  enum { ROUNDING = 4096 };
  const uint64_t seed = 1;
  const of3_engine *e = b->engine;
  of3_fold_options o = {.n_cycle = passes, .n_step = steps, .n_sample = b->o->samples};
  const of3_random_source random = of3_seeded_random(&seed);
  const of3_observer observer = {.user = b, .progress = bench_watch};
  const of3_device *device = noted & OF3_BENCH_KERNELS ? &b->box->profile.device : &e->device;
  of3_prediction prediction = {0};
  of3_plan plan;
  of3_ctx cx;
  OF3_TRY(make_plan(b, net, f, &o, &plan, err));
  of3_profile_begin(&b->box->profile, &e->device, clock_of(b->o));
  OF3_TRY(of3_ctx_open_on(&cx, device, e->pool, plan.step_bytes + ROUNDING, false, err));
  cx.opt_cancel = e->callbacks.cancel;
  begin(b, &cx, noted);
  const double began = b->began;
  of3_status status = of3_fold(&cx, net, f, &o, &random, &observer, &prediction, err);
  if (noted & OF3_BENCH_PHASES)
    note_phase(&b->box->phase[WHOLE], (clock_of(b->o)() - began) * share(b), cx.flops);
  b->box->report.tensor_bytes = plan.step_bytes;
  of3_prediction_free(&prediction);
  of3_ctx_close(&cx);
  b->cx = NULL;
  return status;
}

static of3_status folds(bench *b, const of3_network *net, const of3_features *f, of3_error *err) {
  const of3_bench_options *o = b->o;
  const of3_device *d = &b->engine->device;
  if (d->backend->held) b->held_before = d->backend->held(d, true).now;
  if (!is_asynchronous(b->engine)) return bench_fold(b, net, f, o->passes, o->steps, o->parts, err);
  double begin = of3_seconds();
  OF3_TRY(bench_fold(b, net, f, 1, 1, 0, err));
  note_phase(&b->box->phase[FIRST_FOLD], of3_seconds() - begin, 0);
  if (o->parts & OF3_BENCH_PHASES) OF3_TRY(bench_fold(b, net, f, o->passes, o->steps, OF3_BENCH_PHASES, err));
  return o->parts & OF3_BENCH_KERNELS ? bench_fold(b, net, f, o->passes, o->steps, OF3_BENCH_KERNELS, err)
                                      : OF3_OK;
}

static int by_time(const void *pa, const void *pb) {
  const of3_bench_kernel *a = pa, *b = pb;
  int order = 0;
  for (int i = 0; i < N_PHASE; i++)
    order += (a->phase == phase_names[i]) * i - (b->phase == phase_names[i]) * i;
  return order ? order : (a->seconds < b->seconds) - (a->seconds > b->seconds);
}

/* Those that were timed, moved together. */
static void list_phases(bench_box *box) {
  of3_bench_report *r = &box->report;
  for (int i = 0; i < N_PHASE; i++) {
    if (!box->phase[i].count) continue;
    box->phase[r->n_phase] = box->phase[i];
    box->phase[r->n_phase++].name = phase_names[i];
  }
  r->phase = box->phase;
}

static void list_kernels(const bench *b) {
  bench_box *box = b->box;
  of3_bench_report *r = &box->report;
  for (int i = 0; i < box->profile.n; i++) {
    const of3_profile_row *row = &box->profile.row[i];
    box->kernel[i] = (of3_bench_kernel){.phase = row->phase,
                                        .operation = of3_op_table()[row->op].name,
                                        .shape = row->shape,
                                        .calls = row->calls,
                                        .seconds = row->seconds * share(b),
                                        .flops = row->flops,
                                        .bytes = row->bytes};
  }
  r->n_kernel = box->profile.n;
  r->kernel = box->kernel;
  qsort(box->kernel, (size_t)r->n_kernel, sizeof *box->kernel, by_time);
}

static of3_status measure(bench *b, const of3_network *net, of3_error *err) {
  of3_features f = {0};
  of3_bench_report *r = &b->box->report;
  of3_status status = bench_make_features(b->o, net->variant, &f, err);
  if (status == OF3_OK) status = folds(b, net, &f, err);
  r->n_token = f.n_token;
  r->n_atom = f.n_atom;
  r->n_msa = f.n_msa;
  r->samples = b->o->samples;
  of3_features_free(&f);
  if (status != OF3_OK) return status;
  list_phases(b->box);
  list_kernels(b);
  return OF3_OK;
}

static of3_status with_random_weights(bench *b, of3_error *err) {
  const of3_config config = of3_config_published();
  of3_network net = {0};
  of3_ctx cx;
  double begin = of3_seconds();
  OF3_TRY(of3_engine_bind(b->engine, &cx, err));
  of3_status status = of3_network_make_up(&cx, OF3_OB, &config, &net, err);
  note_phase(&b->box->phase[MAKING_WEIGHTS], of3_seconds() - begin, 0);
  if (status == OF3_OK) {
    b->box->report.weight_bytes = of3_arena_used(net.arena);
    status = measure(b, &net, err);
  }
  of3_ctx_close(&cx);
  of3_network_free(&net);
  return status;
}

static of3_status with_model(bench *b, const of3_model *m, of3_error *err) {
  note_phase(&b->box->phase[LOADING_WEIGHTS], m->seconds_load, 0);
  b->box->report.weight_bytes = m->mapped_bytes + of3_arena_used(m->network.arena);
  return measure(b, &m->network, err);
}

static of3_status bench_check_range(const char *what, int value, int high, of3_error *err) {
  if (value >= 1 && value <= high) return OF3_OK;
  return of3_fail(err, OF3_ERR_USAGE, "%d %s were asked for; 1 to %d are allowed", value, what, high);
}

static of3_status check_options(const of3_engine *e, const of3_bench_options *o, of3_error *err) {
  if (o->processor_time && is_asynchronous(e))
    return of3_fail(err, OF3_ERR_USAGE,
                    "the backend %s computes on the device %s, whose time is not processor time; leave out "
                    "--processor-time, or use --backend cpu",
                    e->device.backend->name, e->device.name);
  OF3_TRY(bench_check_range("tokens", o->tokens, MOST_TOKENS, err));
  OF3_TRY(bench_check_range("MSA rows", o->msa_rows, MOST_MSA, err));
  OF3_TRY(bench_check_range("samples", o->samples, MOST_TIMES, err));
  OF3_TRY(bench_check_range("passes", o->passes, MOST_TIMES, err));
  return bench_check_range("steps", o->steps, MOST_TIMES, err);
}

static of3_status measure_peak(bench *b, of3_error *err) {
  const of3_engine *e = b->engine;
  of3_bench_report *r = &b->box->report;
  if (is_asynchronous(e)) return of3_product_peak(e, &r->peak_product, &r->peak, err);
  r->peak = of3_cpu_peak(e->device.backend->isa, e->device.backend->operand, e->pool, b->o->processor_time);
  return r->peak > 0 ? OF3_OK : of3_fail_memory(err, "the times of the threads");
}

of3_status of3_bench(of3_engine *engine, const of3_model *opt_model, const of3_bench_options *o,
                     of3_bench_report **ret_report, of3_error *err) {
  *ret_report = NULL;
  OF3_TRY(check_options(engine, o, err));
  bench b = {.engine = engine, .o = o, .box = calloc(1, sizeof *b.box)};
  if (!b.box) return of3_fail_memory(err, "the report");
  of3_status status = measure_peak(&b, err);
  if (status == OF3_OK && o->parts)
    status = opt_model ? with_model(&b, opt_model, err) : with_random_weights(&b, err);
  if (status != OF3_OK)
    free(b.box);
  else
    *ret_report = &b.box->report;
  return status;
}
