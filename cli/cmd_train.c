#include <inttypes.h>
#include <stdio.h>

#include "commands.h"
#include "machine.h"
#include "of3_train.h"
#include "terminal.h"
#include "text.h"

typedef struct train_options {
  const char *resume, *output_dir, *ccd, *user_ccd, *log;
  bool plan;
  cli_machine machine;
} train_options;

#define FIELD(name) offsetof(train_options, name)

static const cli_option table[] = {
    {.names = "resume",
     .letter = 'r',
     .kind = CLI_TEXT,
     .offset = FIELD(resume),
     .value = "auto|FILE",
     .none = "as the YAML file says",
     .help = "Go on from a checkpoint; auto takes the newest of the output folder, if there is one"},
    {.names = "output-dir",
     .letter = 'o',
     .kind = CLI_TEXT,
     .offset = FIELD(output_dir),
     .value = "FOLDER",
     .none = "that of the YAML file",
     .help = "Where checkpoints and logs are written"},
    {.names = "plan",
     .kind = CLI_FLAG,
     .offset = FIELD(plan),
     .help = "Say what memory and work a step takes, and take none"},
#include "component_options.inc"
#include "machine_options.inc"
    {.group = "Messages",
     .names = "log",
     .kind = CLI_CHOICE,
     .offset = FIELD(log),
     .choices = "debug info warn error",
     .value = "LEVEL",
     .help = "Least important messages shown"},
};

/* What is not given is as the YAML file says. */
static void train_defaults(void *options) {
  train_options *o = options;
  o->log = "info";
  o->machine = cli_machine_defaults();
  o->machine.backend = o->machine.dtype = NULL;
}

static int train_run(const void *options, const char *const *arg, int n) {
  (void)n;
  const train_options *o = options;
  static cli_terminal terminal; /* larger than a small stack */
  const of3_callbacks callbacks = cli_callbacks(&terminal, o->log);
  const of3_engine_options engine = cli_engine_options(&o->machine);
  const of3_train_options train = {.config = arg[0],
                                   .output_dir = o->output_dir,
                                   .resume = o->resume,
                                   .ccd = o->ccd,
                                   .user_ccd = o->user_ccd,
                                   .plan_only = o->plan};
  of3_train_info info;
  of3_error err = {0};
  const of3_status status = of3_train(&train, &engine, &callbacks, &info, &err);
  if (status == OF3_OK && o->plan) printf("%s", info.plan);
  if (info.checkpoint[0]) {
    printf("%" PRId64 " steps, %" PRId64 " of them before; the last checkpoint is ", info.last, info.first);
    cli_put(stdout, info.checkpoint);
    printf("\n");
  }
  return status == OF3_OK ? CLI_EXIT_OK : cli_report(&err);
}

const cli_command cli_train = {
    .name = "train",
    .usage = "CONFIG.yaml [options]",
    .summary = "Train a network, or train one further, as a YAML file says",
    .least = 1,
    .most = 1,
    .option = table,
    .n_option = sizeof table / sizeof *table,
    .size = sizeof(train_options),
    .defaults = train_defaults,
    .run = train_run,
    .more =
        "CONFIG.yaml has OpenFold3's keys; its training sets are made by 'of3 data build'. docs/training.md "
        "lists them all.\n"
        "Ctrl-C finishes the step and writes a checkpoint; the same command with --resume auto goes on, with "
        "the bytes that an\nuninterrupted run has.\n"
        "\n"
        "Example\n  of3 train training.yaml --resume auto\n",
};
