/* Weights that are converted at load do not stay in memory as they lie in the file, too. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cpu/cpu.h"
#include "io/checkpoint.h"
#include "model/convert.h"
#include "model/network.h"

static const char DEMO[] = "examples/demo/of3-demo.safetensors"; /* bf16, 6.9 M parameters */

/* Bytes of this process that are in memory; 0: unknown. */
static double resident(void) {
  unsigned long long all, in_memory;
  FILE *f = fopen("/proc/self/statm", "r");
  if (!f) return 0;
  int n = fscanf(f, "%llu %llu", &all, &in_memory);
  fclose(f);
  return n == 2 ? (double)in_memory * (double)sysconf(_SC_PAGESIZE) : 0;
}

/* How much memory binding takes, in sizes of the file. */
static double taken_by_binding(const char *file, of3_dtype operand) {
  const of3_backend *backend = NULL;
  of3_error err = {0};
  of3_ctx cx;
  of3_checkpoint c;
  of3_network net;
  if (of3_cpu_backend(NULL, operand, &backend, &err) != OF3_OK ||
      of3_ctx_open(&cx, &(of3_device){.backend = backend}, 1, 4096, false, &err) != OF3_OK ||
      of3_checkpoint_open(file, SIZE_MAX, &c, &err) != OF3_OK)
    fail_msg("%s", err.text);
  const double before = resident();
  if (of3_network_bind(&cx, &c.weights, &net, &err) != OF3_OK) fail_msg("%s", err.text);
  const double taken = (resident() - before) / (double)c.file_bytes;
  of3_network_free(&net);
  of3_checkpoint_close(&c);
  of3_ctx_close(&cx);
  return taken;
}

static void one_copy_of_converted_weights(void **state) {
  char folder[] = "/tmp/of3-test-XXXXXX", file[64];
  of3_error err = {0};
  (void)state;
  if (resident() == 0) skip();
  assert_non_null(mkdtemp(folder));
  snprintf(file, sizeof file, "%s/f32.safetensors", folder);
  if (of3_checkpoint_convert(&of3_reference_backend, DEMO, file, OF3_F32, NULL, NULL, &err) != OF3_OK)
    fail_msg("%s", err.text);
  double half = taken_by_binding(file, OF3_BF16);
  print_message("a file of f32, bound as bf16: %.2f of its size in memory\n", half);
  unlink(file);
  rmdir(folder);
  assert_true(half > 0.4 && half < 0.8); /* 0.5 are the copies; 1.5 if the file's pages stayed */
}

/* Bytes that were given back are those of the file when they are read again. */
static void released_bytes_are_read_again(void **state) {
  of3_error err = {0};
  of3_table t;
  (void)state;
  if (of3_safetensors_open(DEMO, &t, &err) != OF3_OK) fail_msg("%s", err.text);
  for (int i = 0; i < t.n; i += 97) {
    const of3_entry *e = &t.entry[i];
    size_t n = (size_t)e->count * of3_dtype_size(e->dtype);
    void *copy = malloc(n);
    assert_non_null(copy);
    memcpy(copy, e->data, n);
    of3_table_release(&t, e);
    assert_memory_equal(copy, e->data, n);
    free(copy);
  }
  of3_map_release(&t.map, &t, sizeof t); /* not of the file: left alone */
  assert_true(t.n > 1000);
  of3_table_close(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(one_copy_of_converted_weights),
                                     cmocka_unit_test(released_bytes_are_read_again)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
