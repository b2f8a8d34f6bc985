/* ccd_conformers DICTIONARY RESULTS [SECONDS [MOST [PART PARTS [FIRST]]]]: makes a conformer of every
 * component of a dictionary that of3 ccd build wrote, with at most SECONDS (15) for the three strategies
 * together, and counts what became of them. PART of PARTS (0 of 1): a process that does its share of the
 * components. FIRST (0): the place in the order at which it begins.
 *
 * RESULTS gets one line for each component: code, outcome, seconds, why. Components that have a line are left
 * alone, so that a run that was stopped goes on where it was; MOST ends a run after so many components. The
 * order strides over the dictionary: any part of it is a sample of the whole. Each component is tried in a
 * process of its own, which may crash, and is killed if it takes longer than WAIT_SECONDS. Outcomes: made (by
 * RDKit), dictionary (its coordinates), none (no coordinates either), crashed, hung.
 * OF3_RDKIT_PLUGIN may name the plugin. */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ccd/ccd_library.h"
#include "rdkit/rdkit.h"

/* STRIDE is a prime; dictionaries of a multiple of it are visited in their own order. */
enum { STRIDE = 7919, WAIT_SECONDS = 120, WHY = 200 };

typedef enum outcome { MADE, DICTIONARY, NONE, CRASHED, HUNG, N_OUTCOME } outcome;
static const char *const outcome_name[N_OUTCOME] = {"made", "dictionary", "none", "crashed", "hung"};

typedef struct tally {
  long count[N_OUTCOME];
  double seconds, slowest;
  char slowest_code[8];
} tally;

typedef struct attempt {
  outcome outcome;
  double seconds;
  char why[WHY];
} attempt;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* In the child. Where no conformer is found, why. */
static attempt try_component(const of3_rdkit *r, const of3_component *c, unsigned seconds, of3_arena *arena) {
  attempt a = {.outcome = MADE};
  of3_error why = {0}, err = {0};
  of3_rdkit_mol *mol = NULL;
  bool found = false;
  int attempts = 0;
  const of3_embedding how = {.stereo = true, .small_rings = true, .seed = {42, 43, 44}};
  float *xyz = OF3_ARENA_NEW(arena, float, 3 * (size_t)c->n_atom);
  const double start = now();
  if (!xyz || of3_rdkit_component(r, c, true, &mol, &why) == OF3_ERR_MEMORY) abort();
  if (mol && of3_rdkit_search(r, mol, &how, seconds, xyz, &attempts, &found, &why, &err) != OF3_OK) abort();
  a.seconds = now() - start;
  if (found) return a;
  a.outcome = c->ideal ? DICTIONARY : NONE;
  snprintf(a.why, sizeof a.why, "%.*s", WHY - 1, why.text);
  return a;
}

/* Waits for the child, at most WAIT_SECONDS; kills it then. */
static bool await_child(pid_t child, int *status) {
  const double end = now() + WAIT_SECONDS;
  struct timespec nap = {.tv_nsec = 200000};
  for (;;) {
    if (waitpid(child, status, WNOHANG) == child) return true;
    if (now() > end) break;
    nanosleep(&nap, NULL);
    if (nap.tv_nsec < 20000000) nap.tv_nsec *= 2;
  }
  kill(child, SIGKILL);
  waitpid(child, status, 0);
  return false;
}

static attempt try_apart(const of3_rdkit *r, const of3_component *c, unsigned seconds, of3_arena *arena) {
  attempt a = {.outcome = CRASHED};
  int ends[2], status = 0;
  const double start = now();
  if (pipe(ends) != 0) abort();
  const pid_t child = fork();
  if (child < 0) abort();
  if (child == 0) {
    const attempt mine = try_component(r, c, seconds, arena);
    _exit(write(ends[1], &mine, sizeof mine) == (ssize_t)sizeof mine ? 0 : 1);
  }
  close(ends[1]);
  const bool ended = await_child(child, &status);
  attempt got;
  if (ended && status == 0 && read(ends[0], &got, sizeof got) == (ssize_t)sizeof got) a = got;
  if (!ended) a.outcome = HUNG;
  if (!ended || status != 0) a.seconds = now() - start;
  close(ends[0]);
  return a;
}

static void count(tally *t, const char *code, const attempt *a) {
  t->count[a->outcome]++;
  t->seconds += a->seconds;
  if (a->seconds <= t->slowest) return;
  t->slowest = a->seconds;
  snprintf(t->slowest_code, sizeof t->slowest_code, "%.7s", code);
}

/* The place of a code in the order of the dictionary, or -1. */
static int index_of(const of3_ccd *ccd, const char *code) {
  int low = 0, high = of3_ccd_count(ccd) - 1, found = -1;
  of3_error err = {0};
  of3_arena *arena = of3_arena_new(0);
  while (arena && found < 0 && low <= high) {
    const int middle = low + (high - low) / 2;
    of3_ccd_entry *e = NULL;
    if (of3_ccd_get(ccd, middle, arena, &e, &err) != OF3_OK) break;
    const int order = strcmp(code, e->code);
    if (order == 0) found = middle;
    if (order < 0) high = middle - 1;
    if (order > 0) low = middle + 1;
  }
  of3_arena_free(arena);
  return found;
}

/* Lines of an earlier run: counts them and marks their components in done[]. */
static void read_results(const char *path, const of3_ccd *ccd, bool *done, tally *t) {
  FILE *f = fopen(path, "r");
  char line[400], code[8], what[16];
  while (f && fgets(line, sizeof line, f)) {
    attempt a = {.outcome = MADE};
    if (sscanf(line, "%7s %15s %lf", code, what, &a.seconds) != 3) continue;
    const int i = index_of(ccd, code);
    while (a.outcome < N_OUTCOME && strcmp(what, outcome_name[a.outcome]) != 0) a.outcome++;
    if (i < 0 || a.outcome == N_OUTCOME) continue;
    count(t, code, &a);
    done[i] = true;
  }
  if (f) fclose(f);
}

static of3_status visit(const of3_rdkit *r, const of3_ccd *ccd, int i, unsigned seconds, FILE *out, tally *t,
                        of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  of3_ccd_entry *e = NULL;
  of3_status status = arena ? of3_ccd_get(ccd, i, arena, &e, err) : of3_fail_memory(err, "a component");
  const of3_component *c = status == OF3_OK ? of3_ccd_component(e, arena) : NULL;
  if (status == OF3_OK && !c) status = of3_fail_memory(err, "a component");
  if (status == OF3_OK) {
    const attempt a = try_apart(r, c, seconds, arena);
    count(t, c->code, &a);
    fprintf(out, "%s %s %.3f %s\n", c->code, outcome_name[a.outcome], a.seconds, a.why);
    fflush(out);
  }
  of3_arena_free(arena);
  return status;
}

/* What the command line asks for. */
typedef struct conformers_task {
  const char *dictionary, *results;
  unsigned seconds;
  int most, part, parts, first;
} conformers_task;

static of3_status visit_all(const conformers_task *task, tally *t, of3_error *err) {
  const of3_rdkit *r = NULL;
  of3_ccd *ccd = NULL;
  OF3_TRY(of3_rdkit_open(&r, err));
  OF3_TRY(of3_ccd_open(task->dictionary, &ccd, err));
  const int n = of3_ccd_count(ccd), stride = n % STRIDE ? STRIDE : 1;
  bool *done = calloc((size_t)n + 1, sizeof *done);
  of3_status status = done ? OF3_OK : of3_fail_memory(err, "results");
  if (done) read_results(task->results, ccd, done, t);
  FILE *out = status == OF3_OK ? fopen(task->results, "a") : NULL;
  if (status == OF3_OK && !out) status = of3_fail(err, OF3_ERR_IO, "'%s' cannot be written", task->results);
  int left = task->most;
  for (int k = task->first + task->part; status == OF3_OK && k < n && left > 0; k += task->parts) {
    const int i = (int)((int64_t)k * stride % n);
    if (done[i]) continue;
    status = visit(r, ccd, i, task->seconds, out, t, err);
    left--;
  }
  if (out) fclose(out);
  free(done);
  of3_ccd_close(ccd);
  return status;
}

static int number(int argc, char **argv, int i, int otherwise) {
  return argc > i ? atoi(argv[i]) : otherwise;
}

int main(int argc, char **argv) {
  tally t = {0};
  of3_error err = {0};
  if (argc < 3 || argc > 8 || argc == 6) {
    fprintf(stderr, "usage: ccd_conformers DICTIONARY RESULTS [SECONDS [MOST [PART PARTS [FIRST]]]]\n");
    return 2;
  }
  const conformers_task task = {argv[1],
                                argv[2],
                                (unsigned)number(argc, argv, 3, 15),
                                number(argc, argv, 4, 1000000),
                                number(argc, argv, 5, 0),
                                number(argc, argv, 6, 1),
                                number(argc, argv, 7, 0)};
  if (task.seconds < 1 || task.most < 1 || task.part < 0 || task.part >= task.parts || task.first < 0) {
    fprintf(stderr, "SECONDS, MOST and PARTS are at least 1, PART is below PARTS, FIRST is at least 0\n");
    return 2;
  }
  if (visit_all(&task, &t, &err) != OF3_OK) {
    fprintf(stderr, "%s\n", err.text);
    return 1;
  }
  for (int o = 0; o < N_OUTCOME; o++) printf("%s %ld, ", outcome_name[o], t.count[o]);
  printf("%.0f s in all, slowest %s %.1f s\n", t.seconds, t.slowest_code, t.slowest);
  return 0;
}
