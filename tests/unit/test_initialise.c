/* What the parameters of a new network begin with (train/initialise.h): for every tensor of the three
 * generations, the law that OpenFold3's module has (tests/fixtures/training/initialisers.txt); and the laws
 * themselves, by their moments. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/evoformer.h"
#include "tensor/backend.h"
#include "train/initialise.h"

enum { MAX_LINES = 400, ROWS = 300, COLUMNS = 400 };
typedef struct line {
  char law[24], name[128];
} line;

static int read_lines(line *out) {
  FILE *f = fopen("tests/fixtures/training/initialisers.txt", "r");
  int n = 0;
  assert_non_null(f);
  char text[200];
  while (fgets(text, sizeof text, f) && n < MAX_LINES)
    if (text[0] != '#' && sscanf(text, "%23s %127s", out[n].law, out[n].name) == 2) n++;
  fclose(f);
  return n;
}

/* The name without numbers of blocks, which are written N; and without its last part, the tensor's own. */
static const char *module_of(const char *name, char out[160]) {
  size_t n = 0;
  for (const char *c = name; *c && n < 150; c++) {
    const char *end = c;
    while (*end >= '0' && *end <= '9') end++;
    if (n && out[n - 1] == '.' && end > c && *end == '.' && !strstr(name, "pair_mlp")) {
      out[n++] = 'N';
      c = end - 1;
    } else
      out[n++] = *c;
  }
  out[n] = 0;
  char *last = strrchr(out, '.');
  *(last ? last : out) = 0;
  return last ? last + 1 : out;
}

static of3_initialiser law_of(const char *kind, bool bias) {
  if (strcmp(kind, "gating_ada_zero") == 0) return bias ? OF3_INIT_MINUS_TWO : OF3_INIT_ZERO;
  if (bias || strcmp(kind, "final") == 0 || strcmp(kind, "gating") == 0) return OF3_INIT_ZERO;
  return strcmp(kind, "relu") == 0 ? OF3_INIT_HE : OF3_INIT_LECUN;
}

/* Returns whether the file names it. */
static bool check_parameter(const of3_parameter *p, const line *lines, int n) {
  char module[160];
  const char *leaf = module_of(p->name, module);
  const of3_initialiser mine = of3_initialiser_of(p->name);
  for (int i = 0; i < n; i++) {
    if (strcmp(lines[i].name, module) != 0) continue;
    if (mine != law_of(lines[i].law, strcmp(leaf, "bias") == 0))
      fail_msg("%s: law %d, not %s", p->name, (int)mine, lines[i].law);
    return true;
  }
  if (p->constant) return false;
  if (!strstr(module, "layer_norm") && !strstr(module, "norm")) fail_msg("the file has no %s", module);
  assert_int_equal(mine, strcmp(leaf, "bias") == 0 ? OF3_INIT_ZERO : OF3_INIT_ONE);
  return false;
}

static void laws_are_the_modules(void **state) {
  static line lines[MAX_LINES];
  const int n = read_lines(lines);
  const of3_config config = of3_config_published();
  of3_device device;
  of3_ctx cx;
  of3_error err = {0};
  int found = 0;
  (void)state;
  if (of3_device_open(&device, &of3_reference_backend, 0, &err) != OF3_OK ||
      of3_ctx_open(&cx, &device, 1, 1 << 20, true, &err) != OF3_OK)
    fail_msg("%s", err.text);
  for (int v = 0; v < 3; v++) {
    of3_network net;
    if (of3_network_make_up(&cx, (const of3_variant[]){OF3_P1, OF3_P2, OF3_OB}[v], &config, &net, &err) !=
        OF3_OK)
      fail_msg("%s", err.text);
    for (int i = 0; i < net.parameters.n; i++) found += check_parameter(&net.parameters.p[i], lines, n);
    of3_network_free(&net);
  }
  print_message("%d lines, %d tensors\n", n, found);
  assert_true(n > 200 && found > 8000);
  of3_ctx_close(&cx);
  of3_device_close(&device);
}

/* The Evoformer's: of each kind of columns and transition, and of both triangle multiplications. */
static void laws_are_the_evoformers(void **state) {
  static line lines[MAX_LINES];
  const int n = read_lines(lines);
  of3_evoformer_config c = {.blocks = 1,
                            .c_m = 4,
                            .c_z = 4,
                            .c_s = 4,
                            .h_msa = 2,
                            .d_msa = 2,
                            .c_opm = 2,
                            .c_tri = 2,
                            .h_pair = 2,
                            .d_pair = 2,
                            .widening = 1,
                            .relu = true};
  of3_device device;
  of3_ctx cx;
  of3_error err = {0};
  (void)state;
  if (of3_device_open(&device, &of3_reference_backend, 0, &err) != OF3_OK ||
      of3_ctx_open(&cx, &device, 1, 1 << 20, true, &err) != OF3_OK)
    fail_msg("%s", err.text);
  for (int form = 0; form < 3; form++) {
    of3_arena *arena = of3_arena_new(0);
    of3_evoformer_w w;
    of3_parameters all = {0};
    int found = 0;
    c.columns = form == 1 ? OF3_COLUMNS_GLOBAL : OF3_COLUMNS_ATTENTION;
    c.relu = form < 2;
    c.fused_projections = form == 2;
    if (of3_evoformer_bind(&cx, NULL, "evoformer", &c, arena, &w, &all, &err) != OF3_OK)
      fail_msg("%s", err.text);
    for (int i = 0; i < all.n; i++) found += check_parameter(&all.p[i], lines, n);
    assert_true(found > 40);
    of3_arena_free(arena);
  }
  of3_ctx_close(&cx);
  of3_device_close(&device);
}

typedef struct moments {
  double mean, variance, most;
} moments;

static moments moments_of(of3_initialiser law, int64_t columns) {
  const int64_t n = columns ? ROWS * columns : ROWS * COLUMNS;
  float *x = calloc((size_t)n, sizeof *x);
  moments m = {0};
  of3_initialise(law, "a.weight", 7, columns ? ROWS : n, columns, x);
  for (int64_t i = 0; i < n; i++) {
    const double number = (double)x[i], size = fabs(number);
    m.mean += number / (double)n;
    m.variance += number * number / (double)n;
    if (size > m.most) m.most = size; /* gcc 12 for arm64 fails on fmax here */
  }
  free(x);
  return m;
}

/* 120,000 numbers: the deviation of a mean is 1/346 of that of a number, that of a variance about 1/245 of
 * it; four of these are allowed. */
static void laws_have_their_moments(void **state) {
  static const struct {
    of3_initialiser law;
    double variance, most;
  } cases[] = {{OF3_INIT_LECUN, 1.0 / COLUMNS, 2 / 0.879625661 / 20},
               {OF3_INIT_HE, 2.0 / COLUMNS, 2 / 0.879625661 / 20 * 1.41421356},
               {OF3_INIT_NORMAL, 1.0 / COLUMNS, 6.0 / 20},
               {OF3_INIT_GLOROT, 2.0 / (COLUMNS + ROWS), 0.0925820100}};
  (void)state;
  for (int i = 0; i < 4; i++) {
    const moments m = moments_of(cases[i].law, COLUMNS);
    assert_true(fabs(m.mean) < 4.0 / 346 * sqrt(cases[i].variance));
    assert_true(fabs(m.variance / cases[i].variance - 1) < 4.0 / 245);
    assert_true(m.most < cases[i].most * (1 + 1e-6) && m.most > 0.6 * cases[i].most);
  }
  assert_true(moments_of(OF3_INIT_ZERO, COLUMNS).most == 0);
  assert_true(fabs(moments_of(OF3_INIT_ONE, 0).mean - 1) < 1e-9 &&
              fabs(moments_of(OF3_INIT_MINUS_TWO, 0).mean + 2) < 1e-9);
  assert_true(fabs(moments_of(OF3_INIT_UNIFORM, 0).mean - 0.5) < 0.004);
}

static void numbers_follow_seed_and_name(void **state) {
  float a[8], b[8];
  (void)state;
  of3_initialise(OF3_INIT_LECUN, "a.weight", 7, 2, 4, a);
  of3_initialise(OF3_INIT_LECUN, "a.weight", 7, 2, 4, b);
  assert_memory_equal(a, b, sizeof a);
  of3_initialise(OF3_INIT_LECUN, "b.weight", 7, 2, 4, b);
  assert_memory_not_equal(a, b, sizeof a);
  of3_initialise(OF3_INIT_LECUN, "a.weight", 8, 2, 4, b);
  assert_memory_not_equal(a, b, sizeof a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(laws_are_the_modules), cmocka_unit_test(laws_are_the_evoformers),
      cmocka_unit_test(laws_have_their_moments), cmocka_unit_test(numbers_follow_seed_and_name)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
