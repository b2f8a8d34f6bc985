/* What a process may use: quotas and limits of control groups, from files laid out as Linux lays them out,
 * and the affinity of this process. */
#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sched.h>
#endif

#include <cmocka.h>

#include "base/machine.h"

enum { PATH_BYTES = 256 };

typedef struct file {
  const char *path, *text; /* under sys/fs/cgroup */
} file;

/* Writes ROOT/PATH, with the folders on the way. */
static void write_file(const char *root, const char *path, const char *text) {
  char full[PATH_BYTES];
  assert_in_range(snprintf(full, sizeof full, "%s/%s", root, path), 1, sizeof full - 1);
  for (char *c = full + strlen(root) + 1; (c = strchr(c, '/')) != NULL; *c++ = '/') {
    *c = 0;
    mkdir(full, 0700);
  }
  FILE *f = fopen(full, "w");
  assert_non_null(f);
  fputs(text, f);
  fclose(f);
}

static void remove_tree(const char *root) {
  char command[PATH_BYTES];
  snprintf(command, sizeof command, "rm -r '%s'", root);
  assert_int_equal(system(command), 0);
}

/* A machine whose process is in a group, with up to 4 files. */
static void check(const char *group, const file *files, double processors, double memory) {
  char root[] = "/tmp/test_machine_XXXXXX";
  assert_non_null(mkdtemp(root));
  write_file(root, "proc/self/cgroup", group);
  for (int i = 0; i < 4 && files[i].path; i++) {
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "sys/fs/cgroup/%s", files[i].path);
    write_file(root, path, files[i].text);
  }
  double p = of3_cgroup_processors(root), m = of3_cgroup_memory(root);
  remove_tree(root);
  if (p != processors || m != memory)
    fail_msg("%s, %s: %g processors and %g bytes, expected %g and %g", group, files[0].path, p, m, processors,
             memory);
}

#define FILES(...)                                                                                           \
  (const file[4]) { __VA_ARGS__ }

static void version_2(void **state) {
  (void)state;
  check("0::/\n", FILES({"cpu.max", "150000 100000\n"}), 1.5, INFINITY);
  check("0::/\n", FILES({"cpu.max", "20000 100000\n"}), 0.2, INFINITY);
  check("0::/\n", FILES({"cpu.max", "max 100000\n"}, {"memory.max", "max\n"}), INFINITY, INFINITY);
  check("0::/\n", FILES({"memory.max", "1000000\n"}, {"memory.current", "400000\n"}), INFINITY, 600000);
  check("0::/\n",
        FILES({"memory.max", "1000000\n"}, {"memory.current", "900000\n"},
              {"memory.stat", "anon 500000\nfile 400000\ninactive_file 300000\nactive_file 100000\n"}),
        INFINITY, 400000);
  check("0::/\n", FILES({"memory.max", "1000000\n"}, {"memory.current", "1100000\n"}), INFINITY, 0);
}

/* The strictest of the process's group and those around it; other groups do not count. */
static void groups_in_groups(void **state) {
  (void)state;
  check("0::/a/b\n", FILES({"a/b/cpu.max", "400000 100000\n"}, {"a/cpu.max", "300000 100000\n"}), 3,
        INFINITY);
  check("0::/a/b\n", FILES({"a/b/cpu.max", "100000 50000\n"}, {"a/cpu.max", "max 100000\n"}), 2, INFINITY);
  check("0::/a/b\n", FILES({"a/c/cpu.max", "100000 100000\n"}, {"a/memory.max", "5000\n"}), INFINITY, 5000);
  check("0::/not/there\n", FILES({"cpu.max", "200000 100000\n"}), 2, INFINITY);
}

static void version_1(void **state) {
  (void)state;
  const char *group = "5:memory:/m\n4:cpuset:/s\n3:cpu,cpuacct:/c\n1:name=systemd:/u\n0::/u\n";
  check(group, FILES({"cpu/c/cpu.cfs_quota_us", "250000\n"}, {"cpu/c/cpu.cfs_period_us", "100000\n"}), 2.5,
        INFINITY);
  check(group, FILES({"cpu/cpu.cfs_quota_us", "50000\n"}, {"cpu/cpu.cfs_period_us", "100000\n"}), 0.5,
        INFINITY);
  check(group, FILES({"cpu/c/cpu.cfs_quota_us", "-1\n"}, {"cpu/c/cpu.cfs_period_us", "100000\n"}), INFINITY,
        INFINITY);
  check(group, FILES({"memory/m/memory.limit_in_bytes", "9223372036854771712\n"}), INFINITY, INFINITY);
  check(group,
        FILES({"memory/m/memory.limit_in_bytes", "1000000\n"}, {"memory/m/memory.usage_in_bytes", "700000\n"},
              {"memory/m/memory.stat", "inactive_file 1\ntotal_inactive_file 200000\n"}),
        INFINITY, 500000);
}

static void nonsense(void **state) {
  (void)state;
  check("", FILES({"memory.max", ""}), INFINITY, INFINITY);
  check("no colon\n:\n::\n0:\n", FILES({"cpu.max", "many 1\n"}, {"memory.max", "much\n"}), INFINITY,
        INFINITY);
  check("0::/\n", FILES({"cpu.max", "100000 0\n"}), INFINITY, INFINITY);
  check("0::/\n", FILES({"cpu.max", "100000\n"}), INFINITY, INFINITY);
  assert_true(isinf(of3_cgroup_processors("/nowhere")) && isinf(of3_cgroup_memory("/nowhere")));
}

static void whole_processors(void **state) {
  (void)state;
  assert_int_equal(of3_processors_within(8, INFINITY), 8);
  assert_int_equal(of3_processors_within(8, 16), 8);
  assert_int_equal(of3_processors_within(8, 2.4), 2);
  assert_int_equal(of3_processors_within(8, 2.5), 3);
  assert_int_equal(of3_processors_within(8, 0.2), 1);
  assert_int_equal(of3_processors_within(-1, INFINITY), 1);
}

static void this_process(void **state) {
  (void)state;
  int n = of3_usable_processors();
  assert_in_range(n, 1, 4096);
  assert_true(of3_usable_memory() > 0);
#ifdef __linux__
  cpu_set_t all, one;
  assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
  CPU_ZERO(&one);
  for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
    if (CPU_ISSET(i, &all)) CPU_SET(i, &one);
  assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
  assert_int_equal(of3_usable_processors(), 1);
  assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
  assert_int_equal(of3_usable_processors(), n);
#endif
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(version_2),        cmocka_unit_test(groups_in_groups),
                                     cmocka_unit_test(version_1),        cmocka_unit_test(nonsense),
                                     cmocka_unit_test(whole_processors), cmocka_unit_test(this_process)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
