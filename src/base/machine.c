#define _GNU_SOURCE
#include "base/machine.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sched.h>
#endif
#ifdef __APPLE__
#include <sys/sysctl.h>
#endif

#include "base/number.h"

enum { PATH_BYTES = 4096 };

/* A number of a file FOLDER/NAME: the one at a place in its first line, or the one behind a key. */
static double number_at(const char *folder, const char *name, int field, const char *opt_key, double other) {
  char path[PATH_BYTES + 64], line[256];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *f = fopen(path, "r");
  if (!f) return other;
  double value = other;
  while (fgets(line, sizeof line, f)) {
    char *save = NULL, *word = strtok_r(line, " \n", &save);
    if (opt_key && (!word || strcmp(word, opt_key) != 0)) continue;
    while (word && field-- > 0) word = strtok_r(NULL, " \n", &save);
    char *end = word;
    double v = word ? of3_parse_f64(word, &end) : 0;
    if (end != word) value = v;
    break;
  }
  fclose(f);
  return value;
}

/* What one group's folder allows; INFINITY: no limit ("max" in version 2, -1 or an absurd number in 1). */
typedef double limit(const char *folder);

static double quota(double time, double period) {
  return time > 0 && isfinite(time) && period > 0 ? time / period : INFINITY;
}

static double processors_v2(const char *folder) {
  return quota(number_at(folder, "cpu.max", 0, NULL, 0), number_at(folder, "cpu.max", 1, NULL, 0));
}

static double processors_v1(const char *folder) {
  return quota(number_at(folder, "cpu.cfs_quota_us", 0, NULL, 0),
               number_at(folder, "cpu.cfs_period_us", 0, NULL, 0));
}

static double left(double most, double used, double cached) {
  const double absurd = 1e18;
  if (most >= absurd) return INFINITY;
  double free_now = most - used + (cached < used ? cached : used);
  return free_now > 0 ? free_now : 0;
}

static double memory_v2(const char *folder) {
  return left(number_at(folder, "memory.max", 0, NULL, INFINITY),
              number_at(folder, "memory.current", 0, NULL, 0),
              number_at(folder, "memory.stat", 1, "inactive_file", 0));
}

static double memory_v1(const char *folder) {
  return left(number_at(folder, "memory.limit_in_bytes", 0, NULL, INFINITY),
              number_at(folder, "memory.usage_in_bytes", 0, NULL, 0),
              number_at(folder, "memory.stat", 1, "total_inactive_file", 0));
}

static bool lists(const char *controllers, const char *name) {
  size_t n = strlen(name);
  for (const char *c = controllers; c; c = strchr(c, ',') ? strchr(c, ',') + 1 : NULL)
    if (strncmp(c, name, n) == 0 && (c[n] == ',' || c[n] == 0)) return true;
  return false;
}

/* The process's group: the path behind the controller's name in proc/self/cgroup, lines of NUMBER:NAMES:PATH.
 * Version 2 has one line without names. "" if there is none. */
static void group_of(const char *root, const char *controller, char path[PATH_BYTES]) {
  char file[PATH_BYTES], line[PATH_BYTES];
  path[0] = 0;
  snprintf(file, sizeof file, "%s/proc/self/cgroup", root);
  FILE *f = fopen(file, "r");
  if (!f) return;
  while (!path[0] && fgets(line, sizeof line, f)) {
    char *names = strchr(line, ':'), *group = names ? strchr(names + 1, ':') : NULL;
    if (!group) continue;
    *group++ = 0;
    group[strcspn(group, "\n")] = 0;
    if (lists(names + 1, controller)) snprintf(path, PATH_BYTES, "%s", group);
  }
  fclose(f);
}

/* The least that the process's group and those around it allow, up to the one that is mounted. (In a
 * container the path may be the host's, which is not there; then the mounted one is the container's.) */
static double least(const char *root, const char *mount, const char *controller, limit *allows) {
  char group[PATH_BYTES], folder[PATH_BYTES];
  group_of(root, controller, group);
  double value = INFINITY;
  for (;;) {
    int n = snprintf(folder, sizeof folder, "%s/sys/fs/cgroup%s%s", root, mount, group);
    double v = n < PATH_BYTES ? allows(folder) : INFINITY;
    if (v < value) value = v;
    char *slash = strrchr(group, '/');
    if (!slash) return value;
    *slash = 0;
  }
}

double of3_cgroup_processors(const char *root) {
  return fmin(least(root, "", "", processors_v2), least(root, "/cpu", "cpu", processors_v1));
}

double of3_cgroup_memory(const char *root) {
  return fmin(least(root, "", "", memory_v2), least(root, "/memory", "memory", memory_v1));
}

int of3_processors_within(long n, double quota) {
  if (quota < (double)n) n = lround(quota);
  return n < 1 ? 1 : (int)n;
}

int of3_usable_processors(void) {
  long n = sysconf(_SC_NPROCESSORS_ONLN);
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) n = CPU_COUNT(&set);
#endif
  return of3_processors_within(n, of3_cgroup_processors(""));
}

#if defined(__linux__)
uint64_t of3_usable_memory(void) {
  const double kib = 1024;
  double free_now = kib * number_at("/proc", "meminfo", 1, "MemAvailable:", 0);
  double allowed = of3_cgroup_memory("");
  if (!isfinite(allowed)) return (uint64_t)free_now;
  if (free_now > 0) allowed = fmin(allowed, free_now);
  return (uint64_t)fmax(allowed, 1); /* 0 says that it is unknown */
}
#elif defined(__APPLE__)
uint64_t of3_usable_memory(void) {
  uint64_t bytes = 0;
  size_t n = sizeof bytes;
  return sysctlbyname("hw.memsize", &bytes, &n, NULL, 0) == 0 ? bytes : 0;
}
#else
uint64_t of3_usable_memory(void) { return 0; }
#endif
