/* What is said when the MLX backend is missing, broken or of another version. Plugins come from
 * fake_plugin.c; OF3_FAKES is their folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mlx/open.h"

static of3_status open_with(const char *plugin, of3_dtype dtype, const of3_backend **mlx, of3_error *err) {
  *err = (of3_error){0};
  if (plugin)
    setenv("OF3_MLX_PLUGIN", plugin, 1);
  else
    unsetenv("OF3_MLX_PLUGIN");
  return of3_mlx_backend(dtype, mlx, err);
}

static void refuses(const char *plugin, const char *says) {
  const of3_backend *mlx;
  of3_error err;
  assert_int_equal(open_with(plugin, OF3_F32, &mlx, &err), OF3_ERR_UNSUPPORTED);
  if (!strstr(err.text, says)) print_error("'%s' does not say '%s'\n", err.text, says);
  assert_non_null(strstr(err.text, says));
  assert_non_null(strstr(err.text, "--backend cpu"));
  assert_null(strchr(err.text, '\n'));
}

static void missing(void **state) {
  (void)state;
  refuses("/nowhere/of3_mlx.so", "OF3_MLX_PLUGIN names '/nowhere/of3_mlx.so', which cannot be read");
  refuses(NULL, "is not installed"); /* none lies beside the tests */
}

static void not_a_library(void **state) {
  (void)state;
  char path[] = "/tmp/of3-mlx-XXXXXX";
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  FILE *f = fdopen(fd, "w");
  fputs("this is not a library\n", f);
  fclose(f);
  refuses(path, "cannot be opened");
  remove(path);
}

static void wrong_plugins(void **state) {
  (void)state;
  refuses(OF3_FAKES "/fake_nameless.so", "is not a backend of of3");
  refuses(OF3_FAKES "/fake_stale.so", "belongs to another version of of3");
  refuses(OF3_FAKES "/fake_other.so", "belongs to another version of of3");
  refuses(OF3_FAKES "/fake_old.so", "was built with MLX 0.32.4 but finds MLX 0.31.2; install MLX 0.32.4");
  refuses(OF3_FAKES "/fake_broken.so", "cannot compute: Failed to load the default metallib; ");
}

/* Patch versions fit. */
static void good_plugin(void **state) {
  (void)state;
  const of3_backend *mlx;
  of3_error err;
  assert_int_equal(open_with(OF3_FAKES "/fake_good.so", OF3_F32, &mlx, &err), OF3_OK);
  assert_string_equal(mlx->name, "mlx");
  assert_int_equal(open_with(OF3_FAKES "/fake_good.so", OF3_BF16, &mlx, &err), OF3_ERR_UNSUPPORTED);
  assert_non_null(strstr(err.text, "does not multiply bf16"));
}

/* Each device of a backend that has several can be opened, and no other. */
static void several_devices(void **state) {
  (void)state;
  const of3_backend *mlx;
  of3_device d;
  of3_error err;
  assert_int_equal(open_with(OF3_FAKES "/fake_good.so", OF3_F32, &mlx, &err), OF3_OK);
  assert_int_equal(of3_device_count(mlx), 2);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(of3_device_open(&d, mlx, i, &err), OF3_OK);
    assert_int_equal(d.index, i);
    assert_int_equal(d.memory, i + 1);
    of3_device_close(&d);
  }
  assert_int_equal(of3_device_open(&d, mlx, 2, &err), OF3_ERR_USAGE);
  assert_string_equal(err.text, "the backend mlx has 2 devices here, numbered from 0; there is no device 2");
  assert_int_equal(of3_device_open(&d, mlx, -1, &err), OF3_ERR_USAGE);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(missing), cmocka_unit_test(not_a_library),
                                     cmocka_unit_test(wrong_plugins), cmocka_unit_test(good_plugin),
                                     cmocka_unit_test(several_devices)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
