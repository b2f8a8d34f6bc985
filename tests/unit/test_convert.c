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

#include "cpu/cpu.h"
#include "io/checkpoint.h"
#include "model/convert.h"
#include "model/network.h"

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

static const char OB[] = "tests/fixtures/parity/checkpoint_ob.safetensors";

static const of3_backend *backend(void) {
  const of3_backend *b = NULL;
  of3_error err = {0};
  if (of3_cpu_backend("plain", OF3_F32, &b, &err) != OF3_OK) fail_msg("%s", err.text);
  return b;
}

static const of3_entry *find(const of3_table *t, const char *name) {
  const of3_entry *e = of3_table_find(t, name);
  if (!e) fail_msg("'%s' is missing", name);
  return e;
}

static void open_table(const char *path, of3_table *t) {
  of3_error err = {0};
  if (of3_safetensors_open(path, t, &err) != OF3_OK) fail_msg("%s", err.text);
}

static void convert(const char *in, const char *out, of3_dtype dtype, of3_converted *done, of3_table *table) {
  of3_error err = {0};
  if (of3_checkpoint_convert(backend(), in, out, dtype, NULL, done, &err) != OF3_OK) fail_msg("%s", err.text);
  open_table(out, table);
}

/* f32 -> bf16: exact, ties to even down and up, just above a tie, overflow to infinity, NaN with low bits
 * only. */
static const uint32_t F32_BITS[] = {0x3f800000, 0x3f808000, 0x3f818000, 0x3f808001,
                                    0x7f7fffff, 0x7f800001, 0x80000000, 0x00008000};
static const uint16_t BF16_BITS[] = {0x3f80, 0x3f80, 0x3f82, 0x3f81, 0x7f80, 0x7fc0, 0x8000, 0x0000};
/* f16: 1, the largest, the smallest subnormal, -infinity. */
static const uint16_t F16_BITS[] = {0x3c00, 0x7bff, 0x0001, 0xfc00};

/* Tensors of the small checkpoint whose first numbers are replaced: one of each type, a matrix and vectors.
 */
static const char SINGLE[] = "layer_norm_s.weight", NARROW[] = "layer_norm_z.weight",
                  WIDE[] = "linear_s.weight";

/* The same shape, another type; all 0 but for the first numbers. */
static of3_entry retyped(of3_entry e, of3_dtype dtype, const void *first, size_t bytes, void **kept) {
  *kept = calloc((size_t)e.count, of3_dtype_size(dtype));
  assert_non_null(*kept);
  memcpy(*kept, first, bytes);
  e.dtype = dtype;
  e.data = *kept;
  return e;
}

/* The small checkpoint with prefixes, a second denoiser and such tensors. */
static void make_input(const scratch *s) {
  static const char *const META[] = {"variant", "OB"};
  of3_table t;
  open_table(OB, &t);
  of3_entry *entry = calloc(2 * (size_t)t.n, sizeof *entry);
  char(*name)[200] = calloc(2 * (size_t)t.n, sizeof *name);
  void *kept[3] = {0};
  int n = 0, found = 0;
  assert_true(entry && name);
  for (int i = 0; i < t.n; i++) {
    of3_entry e = t.entry[i];
    if (strcmp(e.name, SINGLE) == 0) e = retyped(e, OF3_F32, F32_BITS, sizeof F32_BITS, &kept[found++]);
    if (strcmp(e.name, NARROW) == 0) e = retyped(e, OF3_F16, F16_BITS, sizeof F16_BITS, &kept[found++]);
    if (strcmp(e.name, WIDE) == 0) e = retyped(e, OF3_BF16, BF16_BITS, sizeof BF16_BITS, &kept[found++]);
    snprintf(name[n], sizeof name[n], "module.model.%s", e.name);
    e.name = name[n];
    entry[n++] = e;
    if (strncmp(t.entry[i].name, "diffusion_module.", 17) != 0) continue;
    snprintf(name[n], sizeof name[n], "module.model.sample_diffusion.%s", t.entry[i].name);
    e.name = name[n];
    entry[n++] = e;
  }
  assert_int_equal(found, 3);
  of3_error err = {0};
  if (of3_safetensors_write(s->in, entry, n, META, 1, &err) != OF3_OK) fail_msg("%s", err.text);
  for (int i = 0; i < 3; i++) free(kept[i]);
  free(entry);
  free(name);
  of3_table_close(&t);
}

static void rounds_to_bf16(void **state) {
  const scratch *s = *state;
  of3_converted done = {0};
  of3_table t = {0}, ob;
  make_input(s);
  convert(s->in, s->out, OF3_BF16, &done, &t);
  open_table(OB, &ob);
  assert_int_equal(done.n_tensor, ob.n);
  assert_true(done.n_skipped > 0);
  assert_int_equal(done.bytes_out, t.map.size);
  assert_true(done.bytes_in > done.bytes_out);
  assert_int_equal(find(&t, SINGLE)->dtype, OF3_BF16);
  assert_memory_equal(find(&t, SINGLE)->data, BF16_BITS, sizeof BF16_BITS);
  assert_memory_equal(find(&t, WIDE)->data, BF16_BITS, sizeof BF16_BITS);
  assert_memory_equal(find(&t, "version_tensor")->data, find(&ob, "version_tensor")->data, 12);
  const of3_entry *w = find(&t, "diffusion_module.diffusion_conditioning.fourier_emb.w");
  assert_int_equal(w->dtype, OF3_F32);
  assert_memory_equal(w->data, find(&ob, w->name)->data, (size_t)w->count * 4);
  assert_string_equal(of3_table_meta(&t, "variant"), "OB");
  of3_table_close(&ob);
  of3_table_close(&t);
}

static void widens_to_f32(void **state) {
  const scratch *s = *state;
  of3_table t = {0};
  make_input(s);
  convert(s->in, s->out, OF3_F32, NULL, &t);
  assert_memory_equal(find(&t, SINGLE)->data, F32_BITS, sizeof F32_BITS);
  const float *half = find(&t, NARROW)->data, *brain = find(&t, WIDE)->data;
  assert_true(brain[0] == 1 && brain[2] == 1.015625f && isnan(brain[5]));
  assert_true(half[0] == 1 && half[1] == 65504 && half[2] == 0x1p-24f && half[3] == -INFINITY);
  of3_table_close(&t);
}

/* Through the network and its table of parameters, every tensor comes out with the bytes that went in: those
 * of matrices that are kept transposed, joined or cut, too. */
static void gives_every_byte_back(void **state) {
  const scratch *s = *state;
  static const char *const files[] = {"tests/fixtures/parity/checkpoint_p1.safetensors",
                                      "tests/fixtures/parity/checkpoint_p2.safetensors", OB};
  for (int i = 0; i < 3; i++) {
    of3_table in, out;
    open_table(files[i], &in);
    convert(files[i], s->out, OF3_F32, NULL, &out);
    assert_int_equal(in.n, out.n);
    for (int k = 0; k < in.n; k++) {
      const of3_entry *a = &in.entry[k], *b = &out.entry[k];
      assert_string_equal(a->name, b->name);
      assert_int_equal(a->dtype, b->dtype);
      assert_int_equal(a->rank, b->rank);
      assert_memory_equal(a->shape, b->shape, sizeof *a->shape * (size_t)a->rank);
      assert_memory_equal(a->data, b->data, (size_t)a->count * of3_dtype_size(a->dtype));
    }
    of3_table_close(&in);
    of3_table_close(&out);
  }
}

/* Every number of the bound weights belongs to one parameter, and to one number of it. */
static void parts_cover_the_weights_once(void **state) {
  (void)state;
  of3_error err = {0};
  of3_ctx cx;
  of3_network net;
  const of3_config config = of3_config_published();
  if (of3_ctx_open(&cx, &(of3_device){.backend = backend()}, 1, 4096, true, &err) != OF3_OK ||
      of3_network_make_up(&cx, OF3_OB, &config, &net, &err) != OF3_OK)
    fail_msg("%s", err.text);
  int64_t joined = 0;
  for (int i = 0; i < net.parameters.n; i++) {
    const of3_parameter *p = &net.parameters.p[i];
    int64_t columns = 0;
    for (int k = 0; k < p->n_part; k++) {
      columns += p->part[k].n;
      joined += of3_count(p->part[k].in) != of3_parameter_count(p);
    }
    assert_int_equal(columns, p->rank == 1 ? 1 : p->shape[1]);
    if (i) assert_true(strcmp(net.parameters.p[i - 1].name, p->name) < 0);
  }
  /* element and name characters twice; two parts of linear_m; five columns of template geometry */
  assert_int_equal(joined, 2 * 2 + 2 + 5);
  of3_network_free(&net);
  of3_ctx_close(&cx);
}

/* A file that the network cannot be bound to is refused, by a sentence that names the tensor. */
static void refuses_what_cannot_fold(void **state) {
  const scratch *s = *state;
  of3_error err = {0};
  assert_int_equal(
      of3_checkpoint_convert(backend(), "tests/fixtures/io/lightning.pt", s->out, OF3_F32, NULL, NULL, &err),
      OF3_ERR_INPUT);
  assert_says(&err, "tests/fixtures/io/lightning.pt");
  assert_int_equal(access(s->out, F_OK), -1);
}

static const volatile sig_atomic_t yes = 1;

/* The input under its own name, through a link, a missing folder, an interruption: an error, and nothing
 * changes. */
static void leaves_files_alone(void **state) {
  const scratch *s = *state;
  of3_error err = {0};
  of3_table t = {0};
  char missing[96];
  make_input(s);
  assert_int_equal(of3_checkpoint_convert(backend(), s->in, s->in, OF3_BF16, NULL, NULL, &err),
                   OF3_ERR_USAGE);
  assert_says(&err, "is the file that is read; name another output");
  assert_int_equal(symlink(s->in, s->out), 0);
  assert_int_equal(of3_checkpoint_convert(backend(), s->in, s->out, OF3_BF16, NULL, NULL, &err),
                   OF3_ERR_USAGE);
  assert_int_equal(of3_checkpoint_convert(backend(), s->out, s->in, OF3_BF16, NULL, NULL, &err),
                   OF3_ERR_USAGE);
  unlink(s->out);
  assert_int_equal(of3_checkpoint_convert(backend(), s->in, s->folder, OF3_BF16, NULL, NULL, &err),
                   OF3_ERR_USAGE);
  assert_says(&err, "is a folder");
  assert_int_equal(of3_checkpoint_convert(backend(), s->in, s->out, OF3_I32, NULL, NULL, &err),
                   OF3_ERR_USAGE);
  assert_says(&err, "not to i32");
  snprintf(missing, sizeof missing, "%s/none/x", s->folder);
  assert_int_equal(of3_checkpoint_convert(backend(), s->in, missing, OF3_BF16, NULL, NULL, &err), OF3_ERR_IO);
  assert_int_equal(of3_checkpoint_convert(backend(), s->in, s->out, OF3_BF16, &yes, NULL, &err),
                   OF3_ERR_CANCELLED);
  assert_int_equal(access(s->out, F_OK), -1);
  open_table(s->in, &t); /* still the input */
  of3_table_close(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(rounds_to_bf16, begin, end),
      cmocka_unit_test_setup_teardown(widens_to_f32, begin, end),
      cmocka_unit_test_setup_teardown(gives_every_byte_back, begin, end),
      cmocka_unit_test(parts_cover_the_weights_once),
      cmocka_unit_test_setup_teardown(refuses_what_cannot_fold, begin, end),
      cmocka_unit_test_setup_teardown(leaves_files_alone, begin, end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
