/* What a training step is planned to take, and what it takes.
 *
 *   of3_train_plan TOKENS COPIES MEMORY_GB [--bf16] [--run CHECKPOINT]
 *
 * Without --run the network has the published size, and the step is planned alone: 8 atoms a token, 1,024
 * rows of the MSA, 4 templates, 4 cycles, 0.5.0. With it, a step of a made-up chain (2 cycles, 16 rows) is
 * computed with the checkpoint's network, and the most memory that the process held is compared with what it
 * held before and the plan; exit status 1: they differ by more than 3 %. MEMORY_GB as
 * of3_trainer_options.memory; -1: all blocks are kept. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "cpu/cpu.h"
#include "io/checkpoint.h"
#include "made_up_entry.h"
#include "tensor/backend.h"
#include "train/train_plan.h"

enum { ATOMS = 8, ROWS = 1024, TEMPLATES = 4, CYCLES = 4, RUN_ROWS = 16, RUN_CYCLES = 2 };

static void fail(const of3_error *err) {
  fprintf(stderr, "of3_train_plan: %s\n", err->text);
  exit(2);
}

/* Bytes that the process has held at most. */
static double held(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
#ifdef __APPLE__
  return (double)u.ru_maxrss;
#else
  return 1024 * (double)u.ru_maxrss;
#endif
}

static void print(const of3_train_plan *p, bool fits) {
  char text[OF3_TRAIN_PLAN_TEXT];
  printf("%lld parameters; it %s\n%s", (long long)p->parameters, fits ? "fits" : "does not fit",
         of3_train_plan_text(p, text));
}

static void plan_published(const of3_device *device, int tokens, const of3_trainer_options *o) {
  of3_arena *arena = of3_arena_new(0);
  const of3_config config = of3_config_published();
  of3_features f;
  of3_network net;
  of3_train_plan p;
  of3_error err = {0};
  of3_ctx cx;
  bool fits;
  if (!arena) abort();
  if (of3_ctx_open(&cx, device, 0, (size_t)1 << 62, true, &err) != OF3_OK ||
      of3_network_make_up(&cx, OF3_OB, &config, &net, &err) != OF3_OK ||
      of3_features_of_size(tokens, ATOMS * tokens, ROWS, TEMPLATES, arena, &f, &err) != OF3_OK)
    fail(&err);
  const of3_train_question q = {.device = device,
                                .net = &net,
                                .options = o,
                                .crop = &f,
                                .n_cycle = CYCLES,
                                .dropout = true,
                                .condition = {true, true}};
  if (of3_plan_training(&q, &p, &fits, NULL, &err) != OF3_OK) fail(&err);
  print(&p, fits);
  of3_network_free(&net);
  of3_ctx_close(&cx);
  of3_arena_free(arena);
}

static int first_rows(void *user, const of3_features *f, int cycle, uint32_t *out) {
  (void)user, (void)cycle;
  for (int i = 0; i < f->n_msa; i++) out[i] = (uint32_t)i;
  return f->n_msa;
}

static int run(const of3_device *device, int tokens, const of3_trainer_options *o, const char *path) {
  const double before = held();
  of3_checkpoint checkpoint;
  of3_trainer t;
  of3_train_plan p;
  of3_entry_result r;
  of3_error err = {0};
  of3_ctx cx;
  made_up m;
  bool fits;
  make_up_entry(&m, tokens, RUN_ROWS);
  if (of3_ctx_open(&cx, device, 0, (size_t)1 << 36, false, &err) != OF3_OK ||
      of3_checkpoint_open(path, SIZE_MAX, &checkpoint, &err) != OF3_OK ||
      of3_trainer_open(&cx, &checkpoint.weights, o, &t, &err) != OF3_OK)
    fail(&err);
  of3_checkpoint_close(&checkpoint);
  const of3_train_question q = {.device = device,
                                .net = &t.net,
                                .options = &t.options,
                                .crop = &m.f,
                                .n_cycle = RUN_CYCLES,
                                .condition = {true, true}};
  const of3_train_draw draw = {.n_cycle = RUN_CYCLES, .random = {.seed = 1, .msa_rows = first_rows}};
  if (of3_plan_training(&q, &p, &fits, NULL, &err) != OF3_OK ||
      of3_trainer_entry(&t, &m.entry, &draw, &r, &err) != OF3_OK)
    fail(&err);
  const double used = held() - before, planned = (double)of3_train_plan_bytes(&p);
  print(&p, fits);
  printf("planned %.1f MB, the process held %.1f MB more than before: %+.2f%%\n", planned * 1e-6, used * 1e-6,
         100 * (planned / used - 1));
  of3_trainer_close(&t);
  of3_features_free(&m.f);
  of3_ctx_close(&cx);
  return planned / used > 1.03 || planned / used < 0.97;
}

int main(int argc, char **argv) {
  const of3_backend *backend;
  const char *checkpoint = NULL;
  of3_dtype operand = OF3_F32;
  of3_error err = {0};
  of3_device device;
  for (int i = 4; i < argc; i++) {
    if (strcmp(argv[i], "--bf16") == 0) operand = OF3_BF16;
    if (strcmp(argv[i], "--run") == 0 && i + 1 < argc) checkpoint = argv[++i];
  }
  if (argc < 4 || atoi(argv[1]) < 1 || atoi(argv[2]) < 1) {
    fputs("of3_train_plan TOKENS COPIES MEMORY_GB [--bf16] [--run CHECKPOINT]\n", stderr);
    return 2;
  }
  of3_trainer_options o = of3_trainer_defaults(of3_protocol_of(OF3_RELEASE_05), OF3_STAGE_INITIAL);
  o.n_copy = atoi(argv[2]);
  o.memory = atof(argv[3]) < 0 ? SIZE_MAX : (size_t)(1e9 * atof(argv[3]));
  if (of3_cpu_backend("auto", operand, &backend, &err) != OF3_OK ||
      of3_device_open(&device, backend, 0, &err) != OF3_OK)
    fail(&err);
  const int code = checkpoint ? run(&device, atoi(argv[1]), &o, checkpoint) : 0;
  if (!checkpoint) plan_published(&device, atoi(argv[1]), &o);
  of3_device_close(&device);
  return code;
}
