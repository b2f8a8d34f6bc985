#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "of3.h"
#include "terminal.h"
#include "text.h"

typedef struct convert_options {
  const char *dtype;
} convert_options;

static const cli_option table[] = {
    {.names = "dtype",
     .letter = 'd',
     .kind = CLI_CHOICE,
     .offset = offsetof(convert_options, dtype),
     .choices = "f32 bf16",
     .value = "TYPE",
     .help = "Of the weights in the new file"},
};

static void convert_defaults(void *options) {
  *(convert_options *)options = (convert_options){.dtype = "f32"};
}

/* What is said about the file must not get into it. */
static FILE *beside_output(const char *path) {
  struct stat a, b;
  bool same =
      fstat(STDOUT_FILENO, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
  return same ? stderr : stdout;
}

static int convert_run(const void *options, const char *const *arg, int n) {
  (void)n;
  const convert_options *o = options;
  static cli_terminal terminal; /* larger than a small stack */
  of3_callbacks callbacks = cli_callbacks(&terminal, "info");
  of3_convert_info c = {0};
  of3_error err = {0};
  char in[CLI_SIZE_TEXT], out[CLI_SIZE_TEXT];
  if (of3_convert(arg[0], arg[1], o->dtype, &callbacks, &c, &err) != OF3_OK) return cli_report(&err);
  FILE *f = beside_output(arg[1]);
  cli_put(f, arg[1]);
  fprintf(f, ": %d tensors, %s (from %s)\n", c.n_tensor, cli_size((double)c.bytes_out, out),
          cli_size((double)c.bytes_in, in));
  if (c.n_skipped)
    fprintf(f, "%d tensors of the second denoiser were left out; of3 does not read them\n", c.n_skipped);
  return CLI_EXIT_OK;
}

const cli_command cli_convert = {
    .name = "convert",
    .usage = "IN OUT [--dtype f32|bf16]",
    .summary = "Write a checkpoint of any layout as one file",
    .least = 2,
    .most = 2,
    .option = table,
    .n_option = sizeof table / sizeof *table,
    .size = sizeof(convert_options),
    .defaults = convert_defaults,
    .run = convert_run,
    .more = "IN is a .pt file, a DeepSpeed folder or a safetensors file. EMA weights are taken where there "
            "are any. OUT is a safetensors file, which may be /dev/stdout, or, if it ends in .pt, one as "
            "torch.save "
            "writes it.\n"
            "\n"
            "Example\n  of3 convert weights.pt weights.safetensors --dtype bf16\n",
};
