/* The record of a seed, and the files of other formats that are made from it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "write/names.h"
#include "write/record.h"
#include "written.h"

/* ---- Files of other formats, from the record */

/* The files of `from` with the formats of b become those of b, byte for byte. */
static void check_rewrite(const written *a, const written *b) {
  of3_error err = {0};
  of3_manifest m;
  of3_seed_output o = b->o;
  of3_replacement stage = a->stage;
  o.folder = stage.folder;
  assert_int_equal(of3_replacement_begin(&stage, &err), OF3_OK);
  if (of3_seed_rewrite(&o, a->stage.home, &a->m, 0, a->fx.arena, &m, &err) != OF3_OK)
    fail_msg("%s", err.text);
  assert_int_equal(m.n_file, b->m.n_file);
  for (int k = 0; k < b->m.n_file; k++) {
    size_t n, wanted;
    const char *name = b->m.file[k].name;
    char *made = read_all(a->fx.arena, of3_path_join(a->fx.arena, stage.folder, name), &n);
    char *fresh = read_all(a->fx.arena, of3_path_join(a->fx.arena, b->stage.home, name), &wanted);
    if (n != wanted || memcmp(made, fresh, n) != 0) fail_msg("%s differs from that of a new run", name);
  }
  of3_replacement_drop(&stage);
  of3_replacement_close(a->out);
  assert_false(of3_is_folder(of3_path_join(a->fx.arena, a->out, OF3_STAGE_NAME)));
}

enum { N_STRUCTURE = 3, N_FULL = 4 };

static void rewrite_each(const char *name) {
  static written w[N_STRUCTURE][N_FULL];
  for (int f = 0; f < N_STRUCTURE; f++)
    for (int c = 0; c < N_FULL; c++)
      write_case(&w[f][c], name, (of3_structure_format)f, (of3_full_confidences)c);
  for (int a = 0; a < N_STRUCTURE * N_FULL; a++)
    for (int b = 0; b < N_STRUCTURE * N_FULL; b++)
      check_rewrite(&w[a / N_FULL][a % N_FULL], &w[b / N_FULL][b % N_FULL]);
  for (int k = 0; k < N_STRUCTURE * N_FULL; k++) clean(&w[k / N_FULL][k % N_FULL]);
}

static void test_rewrite(void **state) {
  (void)state;
  rewrite_each("peptide5");
  rewrite_each("dimer");
}

/* Numbers of any kind come back bit for bit, over the edges of blocks, symmetric or not. */
static void check_record(int n_token, bool symmetric) {
  enum { ATOMS = 31, SAMPLES = 3 };
  const size_t n = (size_t)n_token;
  of3_arena *arena = of3_arena_new(0);
  of3_error err = {0};
  of3_record *record = NULL;
  of3_record_size size;
  uint32_t state = 1;
  char *folder = new_folder(arena), *path = of3_path_join(arena, folder, "r");
  of3_prediction p = {.n_sample = SAMPLES, .n_token = n_token, .n_atom = ATOMS};
  p.x = OF3_ARENA_NEW(arena, float, SAMPLES * 3 * ATOMS);
  p.plddt = OF3_ARENA_NEW(arena, float, SAMPLES *ATOMS);
  p.pae = OF3_ARENA_NEW(arena, float, SAMPLES *n *n);
  p.pde = OF3_ARENA_NEW(arena, float, SAMPLES *n *n);
  for (size_t k = 0; k < SAMPLES * n * n; k++) {
    uint32_t bits[2];
    for (int b = 0; b < 2; b++) bits[b] = state = state * 1664525u + 1013904223u;
    memcpy(&p.pae[k], &bits[0], 4);
    memcpy(&p.pde[k], &bits[1], 4);
    size_t i = k / n % n, j = k % n, s = k / (n * n);
    if (symmetric && j < i) p.pde[k] = p.pde[s * n * n + j * n + i];
  }
  for (int k = 0; k < SAMPLES * 3 * ATOMS; k++) p.x[k] = -1.5f * (float)k;
  p.x[5] = NAN;
  assert_int_equal(of3_record_write(path, &p, NULL, &err), OF3_OK);
  assert_int_equal(of3_record_open(path, &record, &size, &err), OF3_OK);
  assert_int_equal(size.n_sample, SAMPLES);
  assert_int_equal(size.n_token, n_token);
  assert_int_equal(size.n_atom, ATOMS);
  of3_prediction one = {.x = OF3_ARENA_NEW(arena, float, 3 * ATOMS),
                        .plddt = OF3_ARENA_NEW(arena, float, ATOMS),
                        .pae = OF3_ARENA_NEW(arena, float, n *n),
                        .pde = OF3_ARENA_NEW(arena, float, n *n)};
  for (size_t s = 0; s < SAMPLES; s++) {
    if (of3_record_next(record, &one, &err) != OF3_OK) fail_msg("%s", err.text);
    assert_memory_equal(one.x, p.x + s * 3 * ATOMS, 3 * ATOMS * sizeof(float));
    assert_memory_equal(one.plddt, p.plddt + s * ATOMS, ATOMS * sizeof(float));
    assert_memory_equal(one.pae, p.pae + s * n * n, n * n * sizeof(float));
    assert_memory_equal(one.pde, p.pde + s * n * n, n * n * sizeof(float));
  }
  assert_int_equal(of3_record_next(record, &one, &err), OF3_ERR_INPUT); /* there are no more */
  of3_record_close(record);
  remove_folder(folder);
  of3_arena_free(arena);
}

static void test_record(void **state) {
  (void)state;
  check_record(1, true);
  check_record(7, false);
  check_record(256, true);
  check_record(256, false);
}

/* Cut and damaged records are errors, whatever the sizes that they claim. */
static void test_record_broken(void **state) {
  (void)state;
  written w;
  of3_error err = {0};
  size_t size;
  write_case(&w, "peptide5", OF3_CIF, OF3_FULL_NONE);
  char *path = of3_path_join(w.fx.arena, w.stage.home, OF3_RECORD_NAME);
  char *bytes = read_all(w.fx.arena, path, &size);
  of3_prediction one = {0};
  one.x = calloc(3 * (size_t)w.fx.p.n_atom, 4);
  one.plddt = calloc((size_t)w.fx.p.n_atom, 4);
  one.pae = calloc((size_t)w.fx.p.n_token * (size_t)w.fx.p.n_token, 4);
  one.pde = calloc((size_t)w.fx.p.n_token * (size_t)w.fx.p.n_token, 4);
  for (size_t n = 0; n < size; n += n < 64 ? 1 : 97) {
    of3_record *record = NULL;
    of3_record_size sizes;
    assert_int_equal(of3_write_file(path, bytes, n, &err), OF3_OK);
    of3_status status = of3_record_open(path, &record, &sizes, &err);
    for (int s = 0; s < w.fx.p.n_sample && status == OF3_OK; s++)
      status = of3_record_next(record, &one, &err);
    assert_int_equal(status, OF3_ERR_INPUT);
    assert_non_null(strstr(err.text, "is not the record that was written"));
    of3_record_close(record);
  }
  for (int k = 10; k < 22; k++) { /* sizes larger than the file */
    of3_record *record = NULL;
    of3_record_size sizes;
    char was = bytes[k];
    bytes[k] = 0x7f;
    assert_int_equal(of3_write_file(path, bytes, size, &err), OF3_OK);
    if (k % 4 != 2) assert_int_equal(of3_record_open(path, &record, &sizes, &err), OF3_ERR_INPUT);
    of3_record_close(record);
    bytes[k] = was;
  }
  free(one.x);
  free(one.plddt);
  free(one.pae);
  free(one.pde);
  clean(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_rewrite), cmocka_unit_test(test_record),
                                     cmocka_unit_test(test_record_broken)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
