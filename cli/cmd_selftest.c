/* Runs the parity program on its fixtures and sums up what it prints. Both lie in ../lib/of3/selftest of an
 * installed of3; of a build in the source tree, in its tests/parity and in ../tests/fixtures/parity. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands.h"
#include "of3.h"
#include "terminal.h"
#include "text.h"

#ifdef __APPLE__
extern char **environ;
#endif

typedef struct selftest_options {
  const char *backend, *dtype, *folder, *program;
} selftest_options;

#define FIELD(name) offsetof(selftest_options, name)
static const cli_option table[] = {
    {.names = "backend",
     .kind = CLI_CHOICE,
     .offset = FIELD(backend),
     .choices = "cpu cuda mlx reference",
     .value = "NAME",
     .help = "What is tested; reference is the plain C that the others are held to"},
    {.names = "dtype",
     .kind = CLI_CHOICE,
     .offset = FIELD(dtype),
     .choices = "f32 bf16 f16",
     .value = "TYPE",
     .help = "Numbers that are multiplied; f16 with mlx only"},
    {.names = "folder",
     .kind = CLI_FILE,
     .offset = FIELD(folder),
     .value = "FOLDER",
     .none = "the installed one, or the source tree's",
     .help = "Where fixture_NAME.safetensors and checkpoint_NAME.safetensors are"},
    {.names = "program",
     .kind = CLI_FILE,
     .offset = FIELD(program),
     .value = "FILE",
     .none = "the installed one, or the build's",
     .help = "The parity program, which compares"},
};

static void selftest_defaults(void *options) {
  *(selftest_options *)options = (selftest_options){.backend = "cpu", .dtype = "f32"};
}

/* NAME of a fixture and its checkpoint. */
typedef struct ladder_rung {
  const char *title, *name;
} ladder_rung;

static const ladder_rung ladder[] = {
    {"preview 1, small", "p1"},
    {"preview 2, small", "p2"},
    {"OpenBind, small", "ob"},
    {"ubiquitin, trained, 20 steps", "demo"},
};
enum { N_RUNG = sizeof ladder / sizeof *ladder, PATH_TEXT = PATH_MAX };

/* What one run printed. */
typedef struct outcome {
  char worst[128]; /* the tensor nearest to its bound */
  double ratio;    /* of its deviation to the bound */
  double largest;  /* deviation of any tensor, over its largest value */
  int compared, above, missing;
  bool summed;     /* the last line was seen */
  bool complained; /* an error message was passed on */
} outcome;

static void read_line(const char *line, outcome *o) {
  char name[128];
  double deviation, rms, bound;
  if (sscanf(line, "%127s %lf %lf %lf", name, &deviation, &rms, &bound) == 4) {
    double ratio = bound > 0 ? deviation / bound : deviation > 0 ? 1e9 : 0;
    if (!(deviation <= o->largest)) o->largest = deviation;
    if (!(ratio <= o->ratio)) {
      o->ratio = ratio;
      snprintf(o->worst, sizeof o->worst, "%s", name);
    }
  } else if (sscanf(line, "%d tensors compared, %d above their bound, %d not compared", &o->compared,
                    &o->above, &o->missing) == 3)
    o->summed = true;
  else if (!strncmp(line, "parity: ", 8)) {
    fputs(line, stderr);
    o->complained = true;
  }
}

/* Runs the program with its output in a pipe; false if it could not be run or did not end with exit code 0.
 */
static bool run_program(char *const *argv, outcome *o) {
  int ends[2], status = 0;
  pid_t child;
  posix_spawn_file_actions_t actions;
  if (pipe(ends) != 0) return false;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  bool started = posix_spawn(&child, argv[0], &actions, NULL, argv, environ) == 0;
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  FILE *f = fdopen(ends[0], "r");
  char line[512];
  while (started && f && fgets(line, sizeof line, f)) read_line(line, o);
  if (f)
    fclose(f);
  else
    close(ends[0]);
  return started && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The folder of this program, without a slash. */
static bool selftest_own_folder(char out[PATH_TEXT]) {
  Dl_info info;
  const char *file = NULL;
#ifdef __linux__
  file = realpath("/proc/self/exe", out);
#endif
  if (!file && dladdr((const void *)(uintptr_t)cli_report, &info) && info.dli_fname)
    file = realpath(info.dli_fname, out);
  char *slash = file ? strrchr(out, '/') : NULL;
  if (slash) *slash = 0;
  return slash != NULL;
}

/* What is tested, on which machine; refuses what the backend cannot do. */
static of3_status print_head(const selftest_options *o, of3_error *err) {
  struct utsname u;
  of3_engine *engine = NULL;
  of3_engine_options options = of3_engine_defaults();
  bool reference = strcmp(o->backend, "reference") == 0;
  options.backend = reference ? "cpu" : o->backend;
  options.dtype = o->dtype;
  if (of3_engine_open(&options, NULL, &engine, err) != OF3_OK) return err->code;
  of3_engine_info e = of3_engine_describe(engine);
  if (reference)
    printf("of3 %s, reference, %s", of3_version(), o->dtype);
  else if (*e.isa)
    printf("of3 %s, %s (%s), %s", of3_version(), e.backend, e.isa, o->dtype);
  else
    printf("of3 %s, %s (%s on %s), %s", of3_version(), e.backend, e.version, e.device, o->dtype);
  if (uname(&u) == 0) printf(", %s %s %s", u.sysname, u.release, u.machine);
  printf(
      "\n\n| fixture | tensors | above bound | largest deviation | nearest to its bound | deviation / bound |"
      "\n|---|---|---|---|---|---|\n");
  fflush(stdout);
  of3_engine_close(engine);
  return OF3_OK;
}

/* The parity program lies in another folder than of3 and its plugins. */
static void name_plugin(const char *own) {
  static const char *const places[] = {"of3_mlx.so", "of3_mlx.dylib", "../lib/of3/of3_mlx.so",
                                       "../lib/of3/of3_mlx.dylib"};
  char path[PATH_TEXT + 32];
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    snprintf(path, sizeof path, "%s/%s", own, places[i]);
    if (access(path, R_OK) == 0) setenv("OF3_MLX_PLUGIN", path, 0); /* the first one stays */
  }
}

/* Where program and fixtures are, which options name first. */
typedef struct selftest_place {
  char folder[PATH_TEXT + 32], program[PATH_TEXT + 32];
} selftest_place;

static void find_place(const selftest_options *o, const char *own, selftest_place *p) {
  char installed[PATH_TEXT + 32];
  snprintf(installed, sizeof installed, "%s/../lib/of3/selftest", own);
  const bool is_installed = access(installed, R_OK) == 0;
  if (o->folder)
    snprintf(p->folder, sizeof p->folder, "%s", o->folder);
  else
    snprintf(p->folder, sizeof p->folder, "%s%s", own,
             is_installed ? "/../lib/of3/selftest" : "/../tests/fixtures/parity");
  if (o->program)
    snprintf(p->program, sizeof p->program, "%s", o->program);
  else
    snprintf(p->program, sizeof p->program, "%s%s", own,
             is_installed ? "/../lib/of3/selftest/parity" : "/tests/parity");
}

/* One line of the table. False: something is above its bound, or nothing was compared. */
static bool compare_rung(const selftest_options *o, selftest_place *p, const ladder_rung *rung,
                         outcome *got) {
  char checkpoint[sizeof p->folder + 64], fixture[sizeof p->folder + 64];
  snprintf(checkpoint, sizeof checkpoint, "%s/checkpoint_%s.safetensors", p->folder, rung->name);
  snprintf(fixture, sizeof fixture, "%s/fixture_%s.safetensors", p->folder, rung->name);
  char *argv[] = {p->program,  "--checkpoint",     checkpoint, "--fixture",      fixture,
                  "--backend", (char *)o->backend, "--dtype",  (char *)o->dtype, NULL};
  *got = (outcome){0};
  const bool good = run_program(argv, got);
  if (got->summed) {
    printf("| %s | %d | %d | %.1e | %s | %.2f |\n", rung->title, got->compared, got->above, got->largest,
           got->worst, got->ratio);
    fflush(stdout);
  } else if (!got->complained) {
    fputs("of3: the parity program '", stderr);
    cli_put(stderr, p->program);
    fprintf(stderr, "' compared nothing for '%s'; it could not be run, or crashed\n", rung->title);
  }
  return good && got->summed;
}

static int selftest_run(const void *options, const char *const *arg, int n) {
  (void)arg, (void)n;
  const selftest_options *o = options;
  char own[PATH_TEXT] = ".";
  selftest_place place;
  selftest_own_folder(own);
  find_place(o, own, &place);
  if (access(place.program, X_OK) != 0) {
    fputs("of3: there is no parity program '", stderr);
    cli_put(stderr, place.program);
    fputs("'; make install brings it, or build it with cmake --build BUILD --target parity\n", stderr);
    return CLI_EXIT_FAILED;
  }
  of3_error err = {0};
  if (print_head(o, &err) != OF3_OK) return cli_report(&err);
  name_plugin(own);
  bool passed = true;
  for (int i = 0; i < N_RUNG; i++) {
    outcome got;
    passed &= compare_rung(o, &place, &ladder[i], &got);
    if (!got.summed) return CLI_EXIT_FAILED;
  }
  printf("\n%s\n", passed ? "passed" : "FAILED");
  return passed ? CLI_EXIT_OK : CLI_EXIT_FAILED;
}

const cli_command cli_selftest = {
    .name = "selftest",
    .usage = "[--backend cpu|cuda|mlx|reference] [--dtype TYPE]",
    .summary = "Compare the network with PyTorch's numbers on this machine; prints a table to paste",
    .option = table,
    .n_option = sizeof table / sizeof *table,
    .size = sizeof(selftest_options),
    .defaults = selftest_defaults,
    .run = selftest_run,
    .more = "The numbers and the program that compares are part of an installation.\n"
            "\n"
            "Example\n  of3 selftest --backend mlx\n",
};
