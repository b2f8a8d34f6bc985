/* Tapes (tensor/tape.h) on the reference, the CPU backend, one with memory of its own and, where it is, MLX:
 * views and versions, what entries hold, what a tape leaves behind, what it refuses; and a whole fold, each
 * of whose blocks gives back its memory and is done again to the same bytes, in the memory that was planned.
 *
 *   test_tape [mlx]      mlx: that backend only; exits with 77 where there is none */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cpu/cpu.h"
#include "feat/build.h"
#include "mlx/open.h"
#include "model/run.h"
#include "own_memory.h"
#include "tensor/backend.h"
#include "tensor/tape.h"

static void open_on(const of3_device *d, of3_ctx *cx, size_t limit, bool planning) {
  of3_error err = {0};
  if (of3_ctx_open(cx, d, 2, limit, planning, &err) != OF3_OK) fail_msg("%s", err.text);
}

static void expect_values(of3_ctx *cx, const of3_tensor *t, const float *expected) {
  float x[16];
  assert_true(of3_count(t) <= 16);
  of3_download(cx, t, x);
  assert_int_equal(of3_ctx_status(cx, NULL), OF3_OK);
  for (int64_t i = 0; i < of3_count(t); i++) assert_true(x[i] == expected[i]);
}
#define EXPECT(cx, t, ...) expect_values((cx), (t), (float[]){__VA_ARGS__})

static of3_tensor *rows_of(of3_ctx *cx, float a, float b) {
  return OF3_FROM_HOST(cx, OF3_F32, ((float[]){a, a, b, b}), 2, 2);
}

/* ---- versions */

/* z and a view of its first row, written in turn: both mean the same, and entries keep what was. */
static void views_follow(const of3_device *d) {
  of3_ctx cx;
  of3_tape tape = {0};
  open_on(d, &cx, 1 << 20, false);
  of3_tensor *z = rows_of(&cx, 1, 2), *x = OF3_FROM_HOST(&cx, OF3_F32, ((float[]){10, 20}), 1, 2);
  of3_tape_begin(&tape, &cx);
  of3_tensor *row = of3_narrow(&cx, z, 0, 1);
  of3_scope scope = of3_scope_begin(&cx);
  of3_add(&cx, row, x);
  of3_add(&cx, z, z); /* it reads what it writes */
  of3_copy(&cx, of3_narrow(&cx, z, 1, 1), row);
  of3_scope_end(&cx, scope);
  EXPECT(&cx, row, 22, 42);
  EXPECT(&cx, z, 22, 42, 22, 42);
  assert_int_equal(tape.n_entry, 3);
  of3_call *c = &tape.entry[0].call;
  EXPECT(&cx, c->in[ADD_Y], 1, 1);
  EXPECT(&cx, c->in[ADD_X], 10, 20);
  EXPECT(&cx, c->out, 11, 21);
  c = &tape.entry[1].call;
  EXPECT(&cx, c->in[ADD_Y], 11, 21, 2, 2);
  EXPECT(&cx, c->in[ADD_X], 11, 21, 2, 2);
  EXPECT(&cx, c->out, 22, 42, 4, 4);
  c = &tape.entry[2].call;
  assert_null(c->in[COPY_Y]);
  EXPECT(&cx, &c->out->storage->version->was->whole, 22, 42, 4, 4);
  assert_int_equal(c->out->storage->version->number, 3);
  of3_tape_end(&tape, &cx);
  EXPECT(&cx, z, 22, 42, 22, 42); /* back in the memory that it had */
  of3_add(&cx, z, z);
  EXPECT(&cx, z, 44, 84, 44, 84);
  of3_ctx_close(&cx);
}

/* What nobody has seen is written where it lies; what is overwritten as a whole is not copied. */
static void no_version_for_nothing(const of3_device *d) {
  of3_ctx cx;
  of3_tape tape = {0};
  open_on(d, &cx, 1 << 20, false);
  of3_tape_begin(&tape, &cx);
  of3_tensor *y = OF3_NEW(&cx, OF3_F32, 2, 2), *x = rows_of(&cx, 1, 2);
  of3_copy(&cx, y, x);
  assert_int_equal(tape.n_version, 2);
  of3_copy(&cx, y, rows_of(&cx, 3, 4));
  assert_false(tape.entry[1].moved);
  assert_int_equal(y->storage->version->number, 1);
  of3_upload(&cx, of3_narrow(&cx, y, 0, 1), ((float[]){5, 6}));
  assert_int_equal(y->storage->version->entry, -1);
  EXPECT(&cx, tape.entry[0].call.out, 1, 1, 2, 2);
  EXPECT(&cx, tape.entry[1].call.out, 3, 3, 4, 4);
  EXPECT(&cx, y, 5, 6, 4, 4);
  of3_tape_end(&tape, &cx);
  of3_ctx_close(&cx);
}

static void expect_error(of3_ctx *cx, of3_tape *tape, const char *text) {
  of3_error err = {0};
  assert_int_equal(of3_ctx_status(cx, &err), OF3_ERR_INTERNAL);
  assert_non_null(strstr(err.text, text));
  of3_tape_end(tape, cx);
  of3_ctx_close(cx);
}

static void refused(const of3_device *d) {
  const float host[4] = {1, 2, 3, 4};
  of3_ctx cx;
  of3_tape tape = {0}, other = {0};
  of3_arena *arena = of3_arena_new(0);
  open_on(d, &cx, 1 << 20, false);
  of3_tape_begin(&tape, &cx);
  of3_tensor *z = rows_of(&cx, 1, 2);
  of3_add(&cx, z, z);
  of3_tape_stop(&tape, &cx);
  of3_add(&cx, z, z);
  expect_error(&cx, &tape, "written that a tape knows");

  open_on(d, &cx, 1 << 20, false);
  of3_tensor *w = of3_constant(&cx, arena, OF3_F32, 2, (int64_t[]){2, 2}, host);
  of3_tape_begin(&tape, &cx);
  of3_activate(&cx, w, OF3_ACT_RELU);
  expect_error(&cx, &tape, "writes a weight");

  open_on(d, &cx, 1 << 20, false);
  const of3_scope scope = of3_scope_begin(&cx);
  of3_tape_begin(&tape, &cx);
  of3_scope_end(&cx, scope);
  expect_error(&cx, &tape, "older than the tape");

  open_on(d, &cx, 1 << 20, false);
  of3_tape_begin(&tape, &cx);
  of3_tape_begin(&other, &cx);
  of3_tape_end(&other, &cx);
  expect_error(&cx, &tape, "records already");
  of3_arena_free(arena);
}

/* ---- a block */

static bool recompute_all(void *user, const of3_tape *tape, const of3_tape_block *b) {
  (void)user, (void)tape, (void)b;
  return true;
}

/* z += (z + x) and a tensor that was uploaded in the block. */
static void block_body(of3_ctx *cx, of3_tensor *z, const of3_tensor *x) {
  of3_scope scope = of3_scope_begin(cx);
  of3_tensor *y = of3_new_like(cx, z), *u = rows_of(cx, 100, 200);
  of3_copy(cx, y, z);
  of3_add(cx, y, x);
  of3_add(cx, y, u);
  of3_add(cx, z, y);
  of3_scope_end(cx, scope);
}

static void block_by_block(const of3_device *d) {
  enum { BLOCKS = 3 };
  of3_ctx cx;
  of3_tape tape = {.recomputes = recompute_all};
  open_on(d, &cx, 1 << 20, false);
  of3_tensor *x = rows_of(&cx, 1, 2);
  of3_tape_begin(&tape, &cx);
  of3_tensor *z = rows_of(&cx, 3, 4);
  const size_t top = cx.top;
  for (int i = 0; i < BLOCKS; i++) block_body(&cx, z, x);
  EXPECT(&cx, z, 24 + 7 + 700, 24 + 7 + 700, 32 + 14 + 1400, 32 + 14 + 1400);
  assert_int_equal(cx.top - top, 64 * 2 * BLOCKS); /* of each z and what was uploaded */
  of3_tape_stop(&tape, &cx);
  for (int64_t i = BLOCKS - 1; i >= 0; i--) {
    of3_tape_block *block = &tape.block[i];
    of3_tensor_version *in[8];
    const size_t before = cx.top;
    assert_true(block->released && block->end - block->first == 4);
    assert_int_equal(of3_block_inputs(&tape, block, in, 8), 3); /* z, x, what was uploaded */
    assert_false(tape.entry[block->first].call.out->storage->version->held);
    const of3_scope scope = of3_block_redo(&tape, &cx, i);
    const float was = i == 0 ? 3 : i == 1 ? 3 + 3 + 101 : 2 * (3 + 3 + 101) + 101;
    EXPECT(&cx, of3_narrow(&cx, tape.entry[block->first].call.out, 0, 1), was, was);
    EXPECT(&cx, of3_narrow(&cx, tape.entry[block->first + 2].call.out, 0, 1), was + 101, was + 101);
    of3_block_drop(&tape, &cx, i, scope);
    assert_int_equal(cx.top, before);
    assert_false(tape.entry[block->first].call.out->storage->version->held);
  }
  of3_tape_end(&tape, &cx);
  EXPECT(&cx, x, 1, 1, 2, 2);
  of3_ctx_close(&cx);
}

/* ---- a fold */

typedef struct fold {
  of3_table weights;
  of3_features f;
  of3_network net;
  of3_ctx cx;
  uint64_t *hash; /* of the output of each entry, as it was when its block ended */
  int64_t n_hash;
} fold;

static uint64_t hash_of(of3_ctx *cx, const of3_tensor *t) {
  const size_t n = of3_bytes(t);
  unsigned char *x = malloc(n ? n : 1);
  uint64_t h = 14695981039346656037u; /* FNV-1a */
  assert_non_null(x);
  const bool in_region = cx->in_region; /* which the model's code may not copy from */
  cx->in_region = false;
  of3_download(cx, t, x);
  cx->in_region = in_region;
  for (size_t i = 0; i < n; i++) h = (h ^ x[i]) * 1099511628211u;
  free(x);
  return h;
}

static int depth_of(const of3_tape *tape, const of3_tape_block *b) {
  return b->parent < 0 ? 0 : 1 + depth_of(tape, &tape->block[b->parent]);
}

/* All but the outermost, which is the fold as a whole. */
static bool recompute_parts(void *user, const of3_tape *tape, const of3_tape_block *b) {
  fold *s = user;
  if (!s->cx.planning) {
    s->hash = realloc(s->hash, (size_t)tape->n_entry * sizeof *s->hash);
    assert_non_null(s->hash);
    for (; s->n_hash < tape->n_entry; s->n_hash++)
      s->hash[s->n_hash] = hash_of(&s->cx, tape->entry[s->n_hash].call.out);
  }
  return depth_of(tape, b) > 0;
}

static void prepare(fold *s) {
  of3_query_set set = {0};
  of3_complex complex = {0};
  of3_error err = {0};
  if (of3_safetensors_open("tests/fixtures/parity/checkpoint_p2.safetensors", &s->weights, &err) != OF3_OK)
    fail_msg("%s", err.text);
  const of3_feature_mode mode = of3_feature_mode_of(OF3_P2);
  if (of3_query_from_sequence("MKTAYIAKQRQISFVKSHFSRQ", "q", &set, &err) != OF3_OK ||
      of3_complex_build(&set.query[0], NULL, NULL, &complex, &err) != OF3_OK ||
      of3_features_build(&complex, &set.query[0], &mode, 1, NULL, &s->f, &err) != OF3_OK)
    fail_msg("%s", err.text);
  of3_complex_free(&complex);
  of3_query_set_free(&set);
}

static void record(fold *s, const of3_device *d, bool planning, of3_tape *tape, float *x) {
  const uint64_t seed = 7;
  const of3_fold_options o = {.n_cycle = 2, .n_step = 1, .n_sample = 2};
  const of3_random_source random = of3_seeded_random(&seed);
  of3_prediction p = {0};
  of3_parts parts;
  of3_error err = {0};
  open_on(d, &s->cx, (size_t)1 << 30, planning);
  if (of3_network_bind(&s->cx, &s->weights, &s->net, &err) != OF3_OK) fail_msg("%s", err.text);
  if (tape) of3_tape_begin(tape, &s->cx);
  const of3_features *f = &s->f;
  of3_status status = planning ? of3_run_network(&s->cx, &s->net, 1, &f, &o, NULL, NULL, &p, &parts, &err)
                               : of3_fold(&s->cx, &s->net, &s->f, &o, &random, NULL, &p, &err);
  if (status != OF3_OK) fail_msg("%s", err.text);
  if (x) memcpy(x, p.x, 4 * sizeof *x);
  of3_prediction_free(&p);
}

static void close_fold(fold *s) {
  of3_network_free(&s->net);
  of3_ctx_close(&s->cx);
}

/* Does the block again; how many of its tensors were made. */
static int64_t redo(fold *s, of3_tape *tape, int64_t block) {
  const of3_tape_block *b = &tape->block[block];
  const size_t top = s->cx.top;
  int64_t made = 0;
  bool *was_held = calloc((size_t)(b->end - b->first) + 1, sizeof *was_held);
  assert_non_null(was_held);
  for (int64_t e = b->first; e < b->end; e++)
    was_held[e - b->first] = tape->entry[e].call.out->storage->version->held;
  const of3_scope scope = of3_block_redo(tape, &s->cx, block);
  for (int64_t e = b->first; e < b->end; e++) {
    if (was_held[e - b->first]) continue;
    made++;
    if (hash_of(&s->cx, tape->entry[e].call.out) != s->hash[e])
      fail_msg("entry %lld, %s: other bytes when done again", (long long)e,
               of3_op_table()[tape->entry[e].call.op].name);
  }
  of3_block_drop(tape, &s->cx, block, scope);
  assert_int_equal(s->cx.top, top);
  free(was_held);
  return made;
}

static void a_fold(const of3_device *d) {
  fold s = {0};
  float plain[4], recorded[4];
  prepare(&s);
  record(&s, d, false, NULL, plain);
  close_fold(&s);
  of3_tape tape = {.recomputes = recompute_parts, .user = &s};
  record(&s, d, true, &tape, NULL);
  const size_t planned = s.cx.peak;
  const int64_t entries = tape.n_entry;
  of3_tape_end(&tape, &s.cx);
  close_fold(&s);
  record(&s, d, false, &tape, recorded);
  assert_memory_equal(plain, recorded, sizeof plain);
  assert_int_equal(planned, s.cx.peak);
  assert_int_equal(entries, tape.n_entry);
  of3_tape_stop(&tape, &s.cx);
  int64_t made = 0;
  for (int64_t i = tape.n_block - 1; i >= 0; i--)
    if (depth_of(&tape, &tape.block[i]) == 1) made += redo(&s, &tape, i);
  assert_int_equal(of3_ctx_status(&s.cx, NULL), OF3_OK);
  assert_true(made > tape.n_entry / 2);
  print_message("%s: %lld entries, %lld made again, %.2f MB as planned\n", d->backend->name,
                (long long)tape.n_entry, (long long)made, 1e-6 * (double)planned);
  of3_tape_end(&tape, &s.cx);
  close_fold(&s);
  free(s.hash);
  of3_features_free(&s.f);
  of3_table_close(&s.weights);
}

static void check(const of3_device *d) {
  views_follow(d);
  no_version_for_nothing(d);
  refused(d);
  block_by_block(d);
  a_fold(d);
}

static void on_host_memory(void **state) {
  const of3_backend *cpu;
  of3_error err = {0};
  (void)state;
  check(&(of3_device){.backend = &of3_reference_backend});
  for (int type = OF3_F32; type <= OF3_BF16; type++) {
    if (of3_cpu_backend(NULL, (of3_dtype)type, &cpu, &err) != OF3_OK) fail_msg("%s", err.text);
    check(&(of3_device){.backend = cpu});
  }
}

/* Whose buffers are no addresses, and all of whose operations go to the reference on copies. */
static void on_own_memory(void **state) {
  of3_error err = {0};
  of3_device own;
  (void)state;
  if (of3_device_open(&own, &own_memory_backend, 0, &err) != OF3_OK) fail_msg("%s", err.text);
  check(&own);
  of3_device_close(&own);
}

static void on_mlx(void **state) { check(*state); }

int main(int argc, char **argv) {
  of3_error err = {0};
  const of3_backend *backend;
  of3_device mlx;
  const struct CMUnitTest plain[] = {cmocka_unit_test(on_host_memory), cmocka_unit_test(on_own_memory)};
  if (argc < 2 || strcmp(argv[1], "mlx") != 0) return cmocka_run_group_tests(plain, NULL, NULL);
  if (of3_mlx_backend(OF3_F32, &backend, &err) != OF3_OK ||
      of3_device_open(&mlx, backend, 0, &err) != OF3_OK) {
    printf("skipped: %s\n", err.text);
    return 77;
  }
  const struct CMUnitTest on[] = {cmocka_unit_test_prestate(on_mlx, &mlx)};
  return cmocka_run_group_tests(on, NULL, NULL);
}
