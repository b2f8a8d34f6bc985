/* What paths stand for: kinds, links, descriptors; outputs that fail. (tests/cli/targets.sh sees the rest.)
 */
#define _DEFAULT_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/target.h"
#include "folder.h"

enum { PATH_BYTES = 128 };

static const char *in(void **state, const char *name) {
  static char path[4][PATH_BYTES];
  static int at;
  at = (at + 1) % 4;
  snprintf(path[at], PATH_BYTES, "%s/%s", (const char *)*state, name);
  return path[at];
}

static void put(const char *path, const char *text) {
  of3_error err;
  assert_int_equal(of3_write_file(path, text, strlen(text), &err), OF3_OK);
}

static void expect(const char *path, const char *text) {
  char found[64] = {0};
  FILE *f = fopen(path, "rb");
  assert_non_null(f);
  assert_int_equal(fread(found, 1, sizeof found - 1, f), strlen(text));
  fclose(f);
  assert_string_equal(found, text);
}

static void test_sockets_are_refused(void **state) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  of3_error err;
  of3_out out;
  of3_map map;
  snprintf(address.sun_path, sizeof address.sun_path, "%s", in(state, "socket"));
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) skip();
  assert_int_equal(of3_out_open_any(&out, address.sun_path, &err), OF3_ERR_IO);
  assert_non_null(strstr(err.text, "it is a socket, which is not replaced"));
  assert_int_equal(of3_map_open(address.sun_path, &map, &err), OF3_ERR_IO);
  assert_non_null(strstr(err.text, "it is a socket, and only regular files are read"));
  assert_string_equal(of3_path_kind(address.sun_path), "a socket");
  close(fd);
}

/* A link to a link in another folder, to a name that is not there yet. */
static void test_links_are_followed(void **state) {
  char folder[PATH_BYTES];
  snprintf(folder, sizeof folder, "%s", in(state, "folder"));
  assert_int_equal(mkdir(folder, 0700), 0);
  assert_int_equal(symlink("folder/second", in(state, "first")), 0);
  assert_int_equal(symlink("../real", in(state, "folder/second")), 0);
  put(in(state, "first"), "one");
  expect(in(state, "real"), "one");
  put(in(state, "first"), "two");
  expect(in(state, "real"), "two");
  struct stat st;
  assert_int_equal(lstat(in(state, "first"), &st), 0);
  assert_true(S_ISLNK(st.st_mode));
  assert_int_equal(lstat(in(state, "folder/second"), &st), 0);
  assert_true(S_ISLNK(st.st_mode));
}

/* Numbers of descriptors, and names that only look like them. */
static void test_descriptors(void **state) {
  char name[PATH_BYTES];
  of3_error err;
  of3_out out;
  int fd = open(in(state, "by-number"), O_WRONLY | O_CREAT, 0600);
  assert_true(fd > 2);
  for (int i = 0; i < 2; i++) {
    snprintf(name, sizeof name, "%s%d", i ? "/proc/self/fd/" : "/dev/fd/", fd);
    assert_int_equal(of3_out_open(&out, name, &err), OF3_ERR_IO);
    assert_int_equal(of3_out_open_any(&out, name, &err), OF3_OK);
    fputs("ab", out.f);
    assert_int_equal(of3_out_commit(&out, &err), OF3_OK);
  }
  close(fd);
  expect(in(state, "by-number"), "abab");
  assert_int_equal(of3_out_open_any(&out, "/dev/fd/999999", &err), OF3_ERR_IO);
  assert_int_equal(of3_out_open_any(&out, "/dev/fd/12345678901234567890", &err), OF3_ERR_IO);
  assert_int_equal(of3_out_open_any(&out, "/dev/fd/1x", &err), OF3_ERR_IO);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sockets_are_refused),
      cmocka_unit_test(test_links_are_followed),
      cmocka_unit_test(test_descriptors),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
