/* What a batch of folds is worth: the time that each of 1, 2, 4 .. folds takes that go through the network
 * together. Random weights of the published widths, one thread, so that what is gained is gained inside a
 * worker (docs/cpu.md); on other backends than the CPU's its device.
 *
 *   of3_batch [--backend cpu|mlx] [--dtype f32|bf16|f16] [--tokens N] [--most B] [--samples S] [--steps K]
 *             [--times T]
 *
 * Printed for each size: milliseconds for each fold, the fastest of T: trunk pass, diffusion, heads, all by
 * the clock, and all in processor time; and how many times as fast as alone (processor time; MLX: by the
 * clock). */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cpu/cpu.h"
#include "feat/build.h"
#include "mlx/open.h"
#include "model/network.h"
#include "tensor/backend.h"

enum { MOST = 64 };

typedef struct options {
  const char *backend, *dtype;
  int tokens, most, samples, steps, times;
} options;

static void check(of3_status status, const of3_error *err) {
  if (status == OF3_OK) return;
  fprintf(stderr, "of3_batch: %s\n", err->text);
  exit(1);
}

static options parse(int argc, char **argv) {
  options o = {
      .backend = "cpu", .dtype = "f32", .tokens = 16, .most = 8, .samples = 5, .steps = 4, .times = 3};
  for (int i = 1; i + 1 < argc; i += 2) {
    const char *name = argv[i], *value = argv[i + 1];
    if (!strcmp(name, "--backend")) o.backend = value;
    if (!strcmp(name, "--dtype")) o.dtype = value;
    if (!strcmp(name, "--tokens")) o.tokens = atoi(value);
    if (!strcmp(name, "--most")) o.most = atoi(value);
    if (!strcmp(name, "--samples")) o.samples = atoi(value);
    if (!strcmp(name, "--steps")) o.steps = atoi(value);
    if (!strcmp(name, "--times")) o.times = atoi(value);
  }
  if (o.tokens < 1 || o.most < 1 || o.most > MOST || o.samples < 1 || o.steps < 1 || o.times < 1) exit(2);
  return o;
}

static void open_device(const options *o, of3_device *out) {
  of3_error err = {0};
  const of3_backend *backend = NULL;
  const of3_dtype type = !strcmp(o->dtype, "bf16") ? OF3_BF16 : !strcmp(o->dtype, "f16") ? OF3_F16 : OF3_F32;
  if (!strcmp(o->backend, "mlx"))
    check(of3_mlx_backend(type, &backend, &err), &err);
  else
    check(of3_cpu_backend(NULL, type, &backend, &err), &err);
  check(of3_device_open(out, backend, 0, &err), &err);
}

static void make_features(int n, of3_features *out) {
  static const char amino[] = "ARNDCQEGHILKMFPSTWYV";
  const of3_feature_mode mode = of3_feature_mode_of(OF3_OB);
  of3_error err = {0};
  of3_query_set set = {0};
  of3_complex complex = {0};
  char *sequence = calloc((size_t)n + 1, 1);
  if (!sequence) exit(1);
  for (int i = 0; i < n; i++) sequence[i] = amino[(7 * i + 12) % 20];
  check(of3_query_from_sequence(sequence, "bench", &set, &err), &err);
  check(of3_complex_build(&set.query[0], NULL, NULL, &complex, &err), &err);
  check(of3_features_build(&complex, &set.query[0], &mode, 1, NULL, out, &err), &err);
  of3_complex_free(&complex);
  of3_query_set_free(&set);
  free(sequence);
}

/* Seconds of a batch of n: the phases and all by the clock, and all in processor time. */
enum { TRUNK, DIFFUSION, HEADS, ALL, PROCESSOR, N_TIME };

static void fold_once(of3_ctx *cx, const of3_network *net, const of3_features *f, const options *o, int n,
                      double t[N_TIME]) {
  const of3_features *all[MOST];
  uint64_t seed[MOST];
  of3_random_source random[MOST];
  of3_prediction p[MOST];
  of3_error err = {0};
  const of3_fold_options fold = {.n_cycle = 1, .n_step = o->steps, .n_sample = o->samples};
  struct timespec before, after;
  for (int b = 0; b < n; b++) {
    all[b] = f;
    seed[b] = (uint64_t)b;
    random[b] = of3_seeded_random(&seed[b]);
  }
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
  check(of3_fold_batch(cx, net, n, all, &fold, random, NULL, p, &err), &err);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
  t[TRUNK] = n * p[0].seconds_trunk;
  t[DIFFUSION] = n * p[0].seconds_diffusion;
  t[HEADS] = n * p[0].seconds_heads;
  t[ALL] = t[TRUNK] + t[DIFFUSION] + t[HEADS];
  t[PROCESSOR] = (double)(after.tv_sec - before.tv_sec) + 1e-9 * (double)(after.tv_nsec - before.tv_nsec);
  for (int b = 0; b < n; b++) of3_prediction_free(&p[b]);
}

static void measure(of3_ctx *cx, const of3_network *net, const of3_features *f, const options *o) {
  const int by = cx->backend->asynchronous ? ALL : PROCESSOR;
  double alone = 0;
  printf("%s %s, %d tokens, %d atoms, %d samples, 1 pass, %d steps; ms for each fold\n", o->backend, o->dtype,
         f->n_token, f->n_atom, o->samples, o->steps);
  printf("%5s %9s %9s %9s %9s %9s %7s\n", "batch", "trunk", "diffusion", "heads", "all", "processor", "gain");
  for (int n = 1; n <= o->most; n *= 2) {
    double least[N_TIME], t[N_TIME];
    for (int i = 0; i < o->times + (n == 1); i++) {
      fold_once(cx, net, f, o, n, t);
      for (int k = 0; k < N_TIME; k++)
        if (i <= (n == 1) || t[k] < least[k]) least[k] = t[k];
    }
    if (n == 1) alone = least[by];
    printf("%5d", n);
    for (int k = 0; k < N_TIME; k++) printf(" %9.1f", 1e3 * least[k] / n);
    printf(" %7.2f\n", alone * n / least[by]);
    fflush(stdout);
  }
}

int main(int argc, char **argv) {
  const options o = parse(argc, argv);
  const of3_config config = of3_config_published();
  const size_t room = (size_t)8 << 30;
  of3_device device;
  of3_ctx cx;
  of3_network net = {0};
  of3_features f = {0};
  of3_error err = {0};
  open_device(&o, &device);
  check(of3_ctx_open(&cx, &device, 1, room, false, &err), &err);
  check(of3_network_make_up(&cx, OF3_OB, &config, &net, &err), &err);
  make_features(o.tokens, &f);
  measure(&cx, &net, &f, &o);
  of3_features_free(&f);
  of3_network_free(&net);
  of3_ctx_close(&cx);
  of3_device_close(&device);
  return 0;
}
