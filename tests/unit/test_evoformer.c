/* The Evoformer (model/evoformer.h) beside OpenFold3's modules, four stacks of two blocks on two complexes
 * (tests/fixtures/evoformer, tools/make_evoformer_fixtures.py): outputs and gradients by every weight and
 * input, on the reference, on every instruction set, on a backend with memory of its own and, with the word
 * mlx, on MLX; the same bytes with every block done again; the planned memory; what does not fit together. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cpu/cpu.h"
#include "mlx/open.h"
#include "model/evoformer.h"
#include "own_memory.h"
#include "tensor/gradient.h"

enum { B = 2, M = 5, N = 6, C_M = 12, C_Z = 10, C_S = 7, MAX_ISA = 8 };
/* gcc 12, x86-64, deviation over the largest value of a tensor, the worst of all: of outputs, of gradients.
 * The package computed in double. */
static const double MEASURED = 8.0e-7, MEASURED_GRADIENT = 5.0e-6, MEASURED_MLX = 4.7e-7,
                    MEASURED_MLX_GRADIENT = 7.5e-6;

/* Gradients of the offset of pairs before a softmax are 0 but for rounding: held to the size that the
 * smallest of the others have. */
static const double LEAST = 2;

#define SIZES                                                                                                \
  .blocks = 2, .c_m = C_M, .c_z = C_Z, .h_msa = 2, .d_msa = 6, .c_opm = 5, .c_tri = 9, .h_pair = 3,          \
  .d_pair = 4, .widening = 2, .end_bias_from_z = true, .msa_dropout = 0.15, .pair_dropout = 0.25
static const struct {
  const char *name;
  of3_evoformer_config config;
} cases[] = {
    {"plain", {SIZES, .c_s = C_S, .relu = true, .mask_transitions = true}},
    {"multimer", {SIZES, .c_s = C_S, .opm_first = true, .fused_projections = true}},
    {"sequence", {SIZES, .c_s = C_S, .columns = OF3_COLUMNS_NONE, .relu = true, .mask_transitions = true}},
    {"extra",
     {SIZES, .columns = OF3_COLUMNS_GLOBAL, .relu = true, .mask_transitions = true, .opm_first = true}}};
enum { N_CASE = sizeof cases / sizeof *cases };

static const of3_backend *opt_mlx; /* what the word mlx asks for */

/* ---- one stack */

typedef struct test {
  int i;
  of3_table table;
  of3_device device;
  of3_ctx cx;
  of3_arena *arena;
  of3_evoformer_w w;
  of3_parameters parameters;
  of3_tensor **gradient; /* of each parameter */
  of3_tensor *m, *z, *s, *msa_mask, *token_mask;
} test;

static const of3_entry *entry(const test *t, const char *name) {
  const of3_entry *e = of3_table_find(&t->table, name);
  if (!e) fail_msg("the fixture has no %s", name);
  return e;
}

static of3_tensor *upload(test *t, const char *name) {
  const of3_entry *e = of3_table_find(&t->table, name);
  return e ? of3_from_host(&t->cx, OF3_F32, e->rank, e->shape, e->data) : NULL;
}

static void open_test(test *t, int i, const of3_backend *backend, bool planning) {
  of3_error err = {0};
  char path[96];
  snprintf(path, sizeof path, "tests/fixtures/evoformer/%s.safetensors", cases[i].name);
  *t = (test){.i = i, .arena = of3_arena_new(0)};
  if (of3_safetensors_open(path, &t->table, &err) != OF3_OK ||
      of3_device_open(&t->device, backend, 0, &err) != OF3_OK ||
      of3_ctx_open(&t->cx, &t->device, 2, (size_t)1 << 28, planning, &err) != OF3_OK ||
      of3_evoformer_bind(&t->cx, &t->table, "evoformer", &cases[i].config, t->arena, &t->w, &t->parameters,
                         &err) != OF3_OK)
    fail_msg("%s", err.text);
  of3_parameters_sort(&t->parameters);
  t->m = upload(t, "in/m");
  t->z = upload(t, "in/z");
  t->msa_mask = upload(t, "in/msa_mask");
  t->token_mask = upload(t, "in/token_mask");
}

static void close_test(test *t) {
  of3_ctx_close(&t->cx);
  of3_device_close(&t->device);
  of3_table_close(&t->table);
  of3_arena_free(t->arena);
}

/* What the package kept of a complex, which is the user. */
typedef struct kept {
  const test *t;
  int complex;
} kept;

static void kept_there(void *user, const char *place, int64_t n, float *keep) {
  const kept *k = user;
  char name[128];
  snprintf(name, sizeof name, "keep/%s", place);
  const of3_entry *e = entry(k->t, name);
  assert_int_equal(e->count, B * n);
  memcpy(keep, (const float *)e->data + k->complex * n, (size_t)n * sizeof *keep);
}

static void compute(test *t) {
  kept of[B] = {{t, 0}, {t, 1}};
  const of3_dropout dropout[B] = {{.user = &of[0], .opt_keep = kept_there},
                                  {.user = &of[1], .opt_keep = kept_there}};
  const bool drops = of3_table_find(&t->table, "keep/blocks.0.msa_att_row") != NULL;
  const of3_run r = {.cx = &t->cx,
                     .dropout = drops ? dropout : NULL,
                     .in = {.n = B, .n_token = N, .token_mask = t->token_mask},
                     .scope = ""};
  t->s = of3_evoformer(&r, &cases[t->i].config, &t->w, t->m, t->z, t->msa_mask);
}

/* ---- comparison */

/* Relative to the largest number of the entry, or to `least` if that is more. */
static double deviation(const of3_entry *e, const float *x, double least) {
  double worst = 0, top = least;
  for (int64_t i = 0; i < e->count; i++) {
    const double theirs = (double)((const float *)e->data)[i];
    worst = fmax(worst, fabs((double)x[i] - theirs));
    top = fmax(top, fabs(theirs));
  }
  return worst / top;
}

/* Entry r of `rows` counts where all masks that it has are 1. */
static void mask_output(const test *t, char what, float *x, int64_t width) {
  const float *msa = t->msa_mask ? entry(t, "in/msa_mask")->data : NULL,
              *token = t->token_mask ? entry(t, "in/token_mask")->data : NULL;
  const int rows = what == 'm' ? B * M * N : what == 'z' ? B * N * N : B * N;
  for (int r = 0; token && r < rows; r++) {
    const float mask = what == 'm'   ? msa[r]
                       : what == 'z' ? token[r / (N * N) * N + r / N % N] * token[r / (N * N) * N + r % N]
                                     : token[r];
    for (int64_t i = 0; i < width; i++) x[r * width + i] *= mask;
  }
}

static double output_deviation(test *t, char what, const of3_tensor *y) {
  const char name[] = {'o', 'u', 't', '/', what, 0};
  const of3_entry *e = entry(t, name);
  float *x = malloc((size_t)e->count * sizeof *x);
  assert_int_equal(of3_count(y), e->count);
  of3_download(&t->cx, y, x);
  mask_output(t, what, x, of3_dim(y, 0));
  const double d = deviation(e, x, 1e-30);
  free(x);
  return d;
}

static double outputs_deviation(test *t) {
  double worst = fmax(output_deviation(t, 'm', t->m), output_deviation(t, 'z', t->z));
  if (t->s) worst = fmax(worst, output_deviation(t, 's', t->s));
  return worst;
}

/* ---- gradients */

static of3_tensor *zeros(of3_ctx *cx, const of3_tensor *t) {
  float *none = calloc((size_t)of3_count(t), sizeof *none);
  of3_tensor *zero = of3_from_host(cx, OF3_F32, t->rank, t->shape, none);
  free(none);
  return zero;
}

static of3_tensor *find_weight(void *user, const of3_storage *weight) {
  const test *t = user;
  for (int i = 0; i < t->parameters.n; i++)
    if (t->parameters.p[i].part[0].in->storage == weight) return t->gradient[i];
  return NULL;
}

static bool every_block(void *user, const of3_tape *tape, const of3_tape_block *b) {
  (void)user, (void)tape, (void)b;
  return true;
}

/* All gradients one after the other, if `all` is there: of weights, m and z. */
static double gradient_deviation(test *t, of3_tensor *dm, of3_tensor *dz, float *opt_all) {
  double worst = 0;
  const int n = t->parameters.n;
  for (int i = 0; i < n + 2; i++) {
    char name[320];
    const of3_tensor *g = i < n ? t->gradient[i] : i == n ? dm : dz;
    snprintf(name, sizeof name, "grad/%s", i < n ? t->parameters.p[i].name : i == n ? "m" : "z");
    const of3_entry *e = entry(t, name);
    float *x = opt_all ? opt_all : malloc((size_t)e->count * sizeof *x);
    assert_int_equal(of3_count(g), e->count);
    of3_download(&t->cx, g, x);
    worst = fmax(worst, deviation(e, x, LEAST));
    if (opt_all)
      opt_all += e->count;
    else
      free(x);
  }
  return worst;
}

static double gradients(int i, const of3_backend *backend, bool again, float *opt_all) {
  test t;
  of3_error err = {0};
  of3_tape tape = {.recomputes = again ? every_block : NULL};
  open_test(&t, i, backend, false);
  t.gradient = OF3_ARENA_NEW(t.arena, of3_tensor *, t.parameters.n);
  for (int k = 0; k < t.parameters.n; k++) t.gradient[k] = zeros(&t.cx, t.parameters.p[k].part[0].in);
  of3_tensor *dm = zeros(&t.cx, t.m), *dz = zeros(&t.cx, t.z);
  const of3_tensor *m = t.m, *z = t.z;
  of3_tape_begin(&tape, &t.cx);
  t.m = of3_new_like(&t.cx, m); /* results of a tape are its own */
  t.z = of3_new_like(&t.cx, z);
  of3_copy(&t.cx, t.m, m);
  of3_copy(&t.cx, t.z, z);
  compute(&t);
  of3_tape_stop(&tape, &t.cx);
  of3_gradient_of_result(&tape, t.m, upload(&t, "dy/m"));
  of3_gradient_of_result(&tape, t.z, upload(&t, "dy/z"));
  if (t.s) of3_gradient_of_result(&tape, t.s, upload(&t, "dy/s"));
  of3_gradient_of_argument(&tape, m, dm);
  of3_gradient_of_argument(&tape, z, dz);
  of3_tape_back(&tape, &t.cx, (of3_weight_gradients){find_weight, &t});
  if (of3_ctx_status(&t.cx, &err) != OF3_OK) fail_msg("%s", err.text);
  const double worst = gradient_deviation(&t, dm, dz, opt_all);
  of3_tape_end(&tape, &t.cx);
  close_test(&t);
  return worst;
}

/* ---- tests */

static int all_backends(const of3_backend *out[MAX_ISA + 2]) {
  const char *isa[MAX_ISA];
  of3_error err = {0};
  int n = 0;
  if (opt_mlx) {
    out[0] = opt_mlx;
    return 1;
  }
  out[n++] = &of3_reference_backend;
  out[n++] = &own_memory_backend;
  const int isas = of3_cpu_isas(isa, MAX_ISA);
  for (int i = 0; i < isas; i++)
    if (of3_cpu_backend(isa[i], OF3_F32, &out[n++], &err) != OF3_OK) fail_msg("%s", err.text);
  return n;
}

static void outputs_are_the_packages(void **state) {
  const of3_backend *backend[MAX_ISA + 2];
  const int n = all_backends(backend);
  double worst_of_all = 0;
  (void)state;
  for (int i = 0; i < N_CASE; i++) {
    double worst = 0;
    for (int k = 0; k < n; k++) {
      test t;
      of3_error err = {0};
      open_test(&t, i, backend[k], false);
      compute(&t);
      worst = fmax(worst, outputs_deviation(&t));
      if (of3_ctx_status(&t.cx, &err) != OF3_OK) fail_msg("%s", err.text);
      close_test(&t);
    }
    printf("%s: outputs %.1e\n", cases[i].name, worst);
    worst_of_all = fmax(worst_of_all, worst);
  }
  assert_true(worst_of_all <= 4 * (opt_mlx ? MEASURED_MLX : MEASURED));
}

static void gradients_are_the_packages(void **state) {
  const of3_backend *backend[MAX_ISA + 2];
  const int n = all_backends(backend);
  double worst_of_all = 0;
  (void)state;
  for (int i = 0; i < N_CASE; i++) {
    double worst = 0;
    for (int k = 0; k < n; k++) worst = fmax(worst, gradients(i, backend[k], false, NULL));
    printf("%s: gradients %.1e\n", cases[i].name, worst);
    worst_of_all = fmax(worst_of_all, worst);
  }
  assert_true(worst_of_all <= 4 * (opt_mlx ? MEASURED_MLX_GRADIENT : MEASURED_GRADIENT));
}

static void blocks_done_again_give_the_same_bytes(void **state) {
  enum { MOST = 1 << 17 };
  const of3_backend *backend[MAX_ISA + 2];
  const int n = all_backends(backend);
  (void)state;
  for (int i = 0; i < N_CASE; i++) {
    float *once = calloc(2 * MOST, sizeof *once), *again = once + MOST;
    (void)gradients(i, backend[n - 1], false, once);
    (void)gradients(i, backend[n - 1], true, again);
    assert_memory_equal(once, again, MOST * sizeof *once);
    free(once);
  }
}

/* A context that plans goes through the same code, and needs as much. */
static void planned_memory_is_used(void **state) {
  (void)state;
  for (int i = 0; i < N_CASE; i++) {
    test planned, real;
    open_test(&planned, i, &of3_reference_backend, true);
    open_test(&real, i, &of3_reference_backend, false);
    compute(&planned);
    compute(&real);
    assert_true(planned.cx.peak == real.cx.peak && planned.cx.flops == real.cx.flops);
    assert_true(planned.cx.peak > 0);
    close_test(&planned);
    close_test(&real);
  }
}

static void fails_with(int i, const of3_evoformer_config *c, const char *sentence) {
  test t;
  of3_error err = {0};
  of3_evoformer_w w;
  of3_parameters parameters = {0};
  open_test(&t, i, &of3_reference_backend, false);
  assert_int_equal(of3_evoformer_bind(&t.cx, &t.table, "evoformer", c, t.arena, &w, &parameters, &err),
                   OF3_ERR_INPUT);
  if (!strstr(err.text, sentence)) fail_msg("'%s' does not say '%s'", err.text, sentence);
  close_test(&t);
}

static void other_networks_are_named(void **state) {
  of3_evoformer_config c = cases[0].config;
  (void)state;
  c.columns = OF3_COLUMNS_GLOBAL;
  fails_with(0, &c, "lacks the tensor evoformer.blocks.0.msa_att_col.layer_norm_m.weight [12]");
  c.columns = OF3_COLUMNS_NONE;
  fails_with(0, &c, "14 tensors that the network does not have, the first is evoformer.blocks.0.msa_att_col");
  c = cases[0].config;
  c.widening = 3;
  fails_with(0, &c, "the shape [24,12]; [36,12] is expected");
}

/* Weights that are made up: as many, and outputs that are finite. */
static void weights_can_be_made_up(void **state) {
  (void)state;
  for (int i = 0; i < N_CASE; i++) {
    test t;
    of3_error err = {0};
    float y[B * N * N * C_Z];
    of3_parameters bound;
    open_test(&t, i, &of3_reference_backend, false);
    bound = t.parameters;
    t.parameters = (of3_parameters){0};
    if (of3_evoformer_bind(&t.cx, NULL, "evoformer", &cases[i].config, t.arena, &t.w, &t.parameters, &err) !=
        OF3_OK)
      fail_msg("%s", err.text);
    assert_int_equal(t.parameters.n, bound.n);
    compute(&t);
    of3_download(&t.cx, t.z, y);
    for (int e = 0; e < B * N * N * C_Z; e++) assert_true(isfinite(y[e]));
    close_test(&t);
  }
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(outputs_are_the_packages),
                                     cmocka_unit_test(gradients_are_the_packages),
                                     cmocka_unit_test(blocks_done_again_give_the_same_bytes),
                                     cmocka_unit_test(planned_memory_is_used),
                                     cmocka_unit_test(other_networks_are_named),
                                     cmocka_unit_test(weights_can_be_made_up)};
  of3_error err = {0};
  of3_device device;
  if (argc > 1 && strcmp(argv[1], "mlx") == 0) {
    if (of3_mlx_backend(OF3_F32, &opt_mlx, &err) != OF3_OK ||
        of3_device_open(&device, opt_mlx, 0, &err) != OF3_OK) {
      printf("skipped: %s\n", err.text);
      return 77;
    }
    of3_device_close(&device);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
