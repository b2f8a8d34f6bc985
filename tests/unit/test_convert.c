/* Conversion to safetensors: numbers, what is kept, and what is never overwritten. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/checkpoint.h"
#include "io/convert.h"

typedef struct scratch {
  char folder[32], in[64], out[64];
} scratch;

static void assert_says(const of3_error *err, const char *part) {
  if (!strstr(err->text, part)) fail_msg("expected '...%s...', got '%s'", part, err->text);
}

static int begin(void **state) {
  scratch *s = calloc(1, sizeof *s);
  assert_non_null(s);
  strcpy(s->folder, "/tmp/of3-test-XXXXXX");
  assert_non_null(mkdtemp(s->folder));
  snprintf(s->in, sizeof s->in, "%s/in.safetensors", s->folder);
  snprintf(s->out, sizeof s->out, "%s/out.safetensors", s->folder);
  *state = s;
  return 0;
}

static int end(void **state) {
  scratch *s = *state;
  unlink(s->in);
  unlink(s->out);
  int left = rmdir(s->folder); /* fails if anything else is left */
  free(s);
  return left;
}

static of3_entry row(const char *name, of3_dtype dtype, int64_t n, const void *data) {
  return (of3_entry){.name = name, .dtype = dtype, .rank = 1, .shape = {n}, .count = n, .data = data};
}

static const of3_entry *find(const of3_table *t, const char *name) {
  const of3_entry *e = of3_table_find(t, name);
  if (!e) fail_msg("'%s' is missing", name);
  return e;
}

static void convert(const char *in, const char *out, of3_dtype dtype, of3_converted *done, of3_table *table) {
  of3_error err = {0};
  if (of3_checkpoint_convert(in, out, dtype, NULL, NULL, done, &err) != OF3_OK) fail_msg("%s", err.text);
  if (of3_safetensors_open(out, table, &err) != OF3_OK) fail_msg("%s", err.text);
}

/* f32 -> bf16: exact, ties to even down and up, just above a tie, overflow to infinity, NaN with low bits
 * only. */
static const uint32_t F32_BITS[] = {0x3f800000, 0x3f808000, 0x3f818000, 0x3f808001,
                                    0x7f7fffff, 0x7f800001, 0x80000000, 0x00008000};
static const uint16_t BF16_BITS[] = {0x3f80, 0x3f80, 0x3f82, 0x3f81, 0x7f80, 0x7fc0, 0x8000, 0x0000};
/* f16: 1, the largest, the smallest subnormal, -infinity. */
static const uint16_t F16_BITS[] = {0x3c00, 0x7bff, 0x0001, 0xfc00};
static const double F64_VALUES[] = {0.1, -2};

static void make_input(const scratch *s) {
  static const char *const META[] = {"variant", "OB"};
  const of3_entry entry[] = {
      row("module.model.f32", OF3_F32, 8, F32_BITS),
      row("f16", OF3_F16, 4, F16_BITS),
      row("bf16", OF3_BF16, 8, BF16_BITS),
      row("f64", OF3_F64, 2, F64_VALUES),
      row("i32", OF3_I32, 4, F32_BITS),
      row("version_tensor", OF3_F32, 3, F32_BITS),
      row("diffusion_module.diffusion_conditioning.fourier_emb.w", OF3_F32, 8, F32_BITS),
      row("sample_diffusion.diffusion_module.f32", OF3_F32, 8, F32_BITS)};
  of3_error err = {0};
  if (of3_safetensors_write(s->in, entry, 8, META, 1, &err) != OF3_OK) fail_msg("%s", err.text);
}

static void rounds_to_bf16(void **state) {
  const scratch *s = *state;
  of3_converted done = {0};
  of3_table t = {0};
  make_input(s);
  convert(s->in, s->out, OF3_BF16, &done, &t);
  assert_int_equal(done.n_tensor, 7);
  assert_int_equal(done.n_skipped, 1);
  assert_int_equal(done.bytes_out, t.map.size);
  assert_true(done.bytes_in > done.bytes_out);
  assert_int_equal(find(&t, "f32")->dtype, OF3_BF16);
  assert_memory_equal(find(&t, "f32")->data, BF16_BITS, sizeof BF16_BITS);
  assert_int_equal(find(&t, "f64")->dtype, OF3_BF16);
  assert_memory_equal(find(&t, "f64")->data, ((const uint16_t[]){0x3dcd, 0xc000}), 4);
  assert_int_equal(find(&t, "i32")->dtype, OF3_I32);
  assert_memory_equal(find(&t, "version_tensor")->data, F32_BITS, 12);
  const of3_entry *w = find(&t, "diffusion_module.diffusion_conditioning.fourier_emb.w");
  assert_int_equal(w->dtype, OF3_F32);
  assert_memory_equal(w->data, F32_BITS, sizeof F32_BITS);
  assert_string_equal(of3_table_meta(&t, "variant"), "OB");
  of3_table_close(&t);
}

static void widens_to_f32(void **state) {
  const scratch *s = *state;
  of3_table t = {0};
  make_input(s);
  convert(s->in, s->out, OF3_F32, NULL, &t);
  assert_memory_equal(find(&t, "f32")->data, F32_BITS, sizeof F32_BITS);
  const float *half = find(&t, "f16")->data, *wide = find(&t, "f64")->data;
  const float *brain = find(&t, "bf16")->data;
  assert_true(brain[0] == 1 && brain[2] == 1.015625f && isnan(brain[5]));
  assert_true(half[0] == 1 && half[1] == 65504 && half[2] == 0x1p-24f && half[3] == -INFINITY);
  assert_true(wide[0] == 0.1f && wide[1] == -2);
  of3_table_close(&t);
}

/* More than one piece, and a size that is no multiple of it. */
static void converts_in_pieces(void **state) {
  const scratch *s = *state;
  enum { N = 100003 };
  float *x = malloc(N * sizeof *x);
  of3_error err = {0};
  of3_table t = {0};
  assert_non_null(x);
  for (int i = 0; i < N; i++) x[i] = (float)(i % 256);
  const of3_entry entry = row("w", OF3_F32, N, x);
  if (of3_safetensors_write(s->in, &entry, 1, NULL, 0, &err) != OF3_OK) fail_msg("%s", err.text);
  convert(s->in, s->out, OF3_BF16, NULL, &t);
  const uint16_t *y = find(&t, "w")->data;
  for (int i = 0; i < N; i++) assert_true(of3_bf16_to_f32(y[i]) == x[i]);
  of3_table_close(&t);
  free(x);
}

static void takes_what_torch_writes(void **state) {
  const scratch *s = *state;
  of3_table t = {0};
  convert("tests/fixtures/io/lightning.pt", s->out, OF3_F32, NULL, &t);
  assert_int_equal(t.n, 3);
  assert_true(((const float *)find(&t, "linear_z.weight")->data)[5] == 5); /* EMA: 5, raw: 1005 */
  of3_table_close(&t);
  convert("tests/fixtures/io/strided.pt", s->out, OF3_F32, NULL, &t);
  assert_true(((const float *)find(&t, "column")->data)[3] == 19);
  of3_table_close(&t);
}

static bool yes(void *user) {
  (void)user;
  return true;
}

/* The input under its own name, through a link, a missing folder, an interruption: an error, and nothing
 * changes. */
static void leaves_files_alone(void **state) {
  const scratch *s = *state;
  of3_error err = {0};
  of3_table t = {0};
  char missing[96];
  make_input(s);
  assert_int_equal(of3_checkpoint_convert(s->in, s->in, OF3_BF16, NULL, NULL, NULL, &err), OF3_ERR_USAGE);
  assert_says(&err, "is the file that is read; name another output");
  assert_int_equal(symlink(s->in, s->out), 0);
  assert_int_equal(of3_checkpoint_convert(s->in, s->out, OF3_BF16, NULL, NULL, NULL, &err), OF3_ERR_USAGE);
  assert_int_equal(of3_checkpoint_convert(s->out, s->in, OF3_BF16, NULL, NULL, NULL, &err), OF3_ERR_USAGE);
  unlink(s->out);
  assert_int_equal(of3_checkpoint_convert(s->in, s->folder, OF3_BF16, NULL, NULL, NULL, &err), OF3_ERR_USAGE);
  assert_says(&err, "is a folder");
  assert_int_equal(of3_checkpoint_convert(s->in, s->out, OF3_I32, NULL, NULL, NULL, &err), OF3_ERR_USAGE);
  assert_says(&err, "not to i32");
  snprintf(missing, sizeof missing, "%s/none/x", s->folder);
  assert_int_equal(of3_checkpoint_convert(s->in, missing, OF3_BF16, NULL, NULL, NULL, &err), OF3_ERR_IO);
  assert_int_equal(of3_checkpoint_convert(s->in, s->out, OF3_BF16, yes, NULL, NULL, &err), OF3_ERR_CANCELLED);
  assert_int_equal(access(s->out, F_OK), -1);
  if (of3_safetensors_open(s->in, &t, &err) != OF3_OK) fail_msg("%s", err.text);
  assert_int_equal(t.n, 8);
  of3_table_close(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(rounds_to_bf16, begin, end),
      cmocka_unit_test_setup_teardown(widens_to_f32, begin, end),
      cmocka_unit_test_setup_teardown(converts_in_pieces, begin, end),
      cmocka_unit_test_setup_teardown(takes_what_torch_writes, begin, end),
      cmocka_unit_test_setup_teardown(leaves_files_alone, begin, end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
