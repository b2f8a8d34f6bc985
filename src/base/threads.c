#define _GNU_SOURCE
#include "base/threads.h"

#include <pthread.h>
#include <stdatomic.h>
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

typedef struct worker {
  of3_pool *pool;
  pthread_t thread;
  int index;
} worker;

struct of3_pool {
  int size;
  worker *workers; /* [size-1], threads 1 .. size-1 */
  int started;
  pthread_mutex_t lock;
  pthread_cond_t begin, done;
  atomic_uint_fast64_t round; /* number of the current job */
  atomic_int busy;            /* workers that have not finished it */
  bool stop;
  of3_task *task;
  void *arg;
  int64_t n;
};

static void run_share(of3_pool *p, int i) {
  int64_t a = p->n * i / p->size, b = p->n * (i + 1) / p->size;
  if (b > a) p->task(p->arg, a, b, i);
}

/* Jobs follow each other within microseconds, which a sleep and its wake-up would cost too: look this often
 * before sleeping, about 20 microseconds. */
enum { SPINS = 1000 };

static inline void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/* Waits for a job after number `seen`; false if the pool stops. */
static bool next_job(of3_pool *p, uint64_t seen) {
  for (int i = 0; i < SPINS; i++, relax())
    if (atomic_load(&p->round) != seen) return true;
  pthread_mutex_lock(&p->lock);
  while (atomic_load(&p->round) == seen && !p->stop) pthread_cond_wait(&p->begin, &p->lock);
  bool go = atomic_load(&p->round) != seen;
  pthread_mutex_unlock(&p->lock);
  return go;
}

static void *work(void *arg) {
  worker *w = arg;
  of3_pool *p = w->pool;
  for (uint64_t seen = 0; next_job(p, seen); seen++) {
    run_share(p, w->index);
    if (atomic_fetch_sub(&p->busy, 1) != 1) continue;
    pthread_mutex_lock(&p->lock);
    pthread_cond_signal(&p->done);
    pthread_mutex_unlock(&p->lock);
  }
  return NULL;
}

of3_pool *of3_pool_new(int n_thread) {
  of3_pool *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  p->size = n_thread < 1 ? 1 : n_thread;
  p->workers = calloc((size_t)p->size, sizeof *p->workers);
  pthread_mutex_init(&p->lock, NULL);
  pthread_cond_init(&p->begin, NULL);
  pthread_cond_init(&p->done, NULL);
  for (int i = 1; p->workers && i < p->size; i++) {
    worker *w = &p->workers[i - 1];
    *w = (worker){.pool = p, .index = i};
    if (pthread_create(&w->thread, NULL, work, w) != 0) break;
    p->started++;
  }
  if (p->workers && p->started == p->size - 1) return p;
  of3_pool_free(p);
  return NULL;
}

void of3_pool_free(of3_pool *p) {
  if (!p) return;
  pthread_mutex_lock(&p->lock);
  p->stop = true;
  pthread_cond_broadcast(&p->begin);
  pthread_mutex_unlock(&p->lock);
  for (int i = 0; i < p->started; i++) pthread_join(p->workers[i].thread, NULL);
  pthread_cond_destroy(&p->begin);
  pthread_cond_destroy(&p->done);
  pthread_mutex_destroy(&p->lock);
  free(p->workers);
  free(p);
}

int of3_pool_size(const of3_pool *p) { return p->size; }

void of3_pool_run(of3_pool *p, of3_task *task, void *arg, int64_t n) {
  if (n <= 0) return;
  if (p->size == 1 || n == 1) {
    task(arg, 0, n, 0);
    return;
  }
  p->task = task;
  p->arg = arg;
  p->n = n;
  atomic_store(&p->busy, p->size - 1);
  pthread_mutex_lock(&p->lock);
  atomic_fetch_add(&p->round, 1);
  pthread_cond_broadcast(&p->begin);
  pthread_mutex_unlock(&p->lock);
  run_share(p, 0);
  for (int i = 0; i < SPINS && atomic_load(&p->busy); i++) relax();
  pthread_mutex_lock(&p->lock);
  while (atomic_load(&p->busy)) pthread_cond_wait(&p->done, &p->lock);
  pthread_mutex_unlock(&p->lock);
}

/* First number of a file, or `other`; "max" counts as absent. */
static double number_in(const char *path, int field, double other) {
  FILE *f = fopen(path, "r");
  if (!f) return other;
  char line[256], *save = NULL;
  char *got = fgets(line, sizeof line, f);
  fclose(f);
  char *word = got ? strtok_r(line, " \n", &save) : NULL;
  while (word && field-- > 0) word = strtok_r(NULL, " \n", &save);
  if (!word || !strcmp(word, "max")) return other;
  char *end;
  double v = strtod(word, &end);
  return end == word || v <= 0 ? other : v;
}

int of3_usable_processors(void) {
  long n = sysconf(_SC_NPROCESSORS_ONLN);
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) n = CPU_COUNT(&set);
  const char *v2 = "/sys/fs/cgroup/cpu.max";
  double quota = number_in(v2, 0, 0), period = number_in(v2, 1, 100000);
  if (quota == 0) {
    quota = number_in("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", 0, 0);
    period = number_in("/sys/fs/cgroup/cpu/cpu.cfs_period_us", 0, 100000);
  }
  if (quota > 0 && quota / period < (double)n) n = (long)(quota / period + 0.5);
#endif
  return n < 1 ? 1 : (int)n;
}

#ifdef __linux__
static uint64_t available_memory(void) {
  FILE *f = fopen("/proc/meminfo", "r");
  if (!f) return 0;
  char line[256];
  unsigned long long kib = 0;
  while (fgets(line, sizeof line, f))
    if (sscanf(line, "MemAvailable: %llu", &kib) == 1) break;
  fclose(f);
  return (uint64_t)kib * 1024;
}

uint64_t of3_usable_memory(void) {
  uint64_t free_now = available_memory();
  double limit = number_in("/sys/fs/cgroup/memory.max", 0, 0),
         used = number_in("/sys/fs/cgroup/memory.current", 0, 0);
  if (limit == 0) {
    limit = number_in("/sys/fs/cgroup/memory/memory.limit_in_bytes", 0, 0);
    used = number_in("/sys/fs/cgroup/memory/memory.usage_in_bytes", 0, 0);
  }
  if (limit > used && limit < 1e18 && (free_now == 0 || limit - used < (double)free_now))
    return (uint64_t)(limit - used);
  return free_now;
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
