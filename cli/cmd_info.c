#include <inttypes.h>
#include <stdio.h>

#include "commands.h"
#include "of3.h"
#include "of3_chem.h"
#include "terminal.h"
#include "text.h"

typedef struct info_options {
  bool cpu;
} info_options;

static const cli_option table[] = {
    {.names = "cpu backends",
     .kind = CLI_FLAG,
     .offset = offsetof(info_options, cpu),
     .help = "Describe this machine: backends, instruction sets, threads, memory"},
};

static void info_defaults(void *options) { *(info_options *)options = (info_options){0}; }

/* A line for each of several devices. */
static void describe_devices(const char *backend, int n) {
  char size[CLI_SIZE_TEXT];
  for (int i = 0; n > 1 && i < n; i++) {
    of3_backend_info d;
    of3_error why = {0};
    printf("  --device %-6d ", i);
    if (of3_backend_describe(backend, i, &d, &why) != OF3_OK)
      printf(" %s\n", why.text);
    else if (d.memory)
      printf(" %s, %s of memory\n", d.device, cli_size((double)d.memory, size));
    else
      printf(" %s\n", d.device);
  }
}

/* A backend in a plugin, or why it cannot be had. */
static void describe_plugin(const char *name, const char *library) {
  of3_backend_info b;
  of3_error why = {0};
  char size[CLI_SIZE_TEXT];
  if (of3_backend_describe(name, 0, &b, &why) != OF3_OK) {
    printf("%-17s %s\n", name, why.text);
    return;
  }
  printf("%-17s %s %s, on %s", name, library, b.version, b.device);
  if (b.memory && b.n_device == 1) printf(", %s of memory", cli_size((double)b.memory, size));
  printf("\n");
  describe_devices(name, b.n_device);
}

/* The instruction set that the backend cpu takes for a type. */
static const char *isa_for(const char *dtype) {
  of3_engine_options o = of3_engine_defaults();
  of3_engine *engine = NULL;
  of3_error err = {0};
  o.backend = "cpu";
  o.dtype = dtype;
  o.threads = 1;
  const char *isa =
      of3_engine_open(&o, NULL, &engine, &err) == OF3_OK ? of3_engine_describe(engine).isa : "none";
  of3_engine_close(engine);
  return isa;
}

static void describe_samplers(void) {
  static const char *const names[] = {"reference", "ode"};
  of3_sampler_info s;
  for (int i = 0; i < 2 && of3_sampler_describe(names[i], &s); i++) {
    printf("%-18s%s, %d steps, step scale %g, ", i ? "" : "samplers", s.name, s.steps, s.step_scale);
    if (s.adds_noise)
      printf("noise scale %g (the default)\n", s.noise_scale);
    else
      printf("no noise added (--quick)\n");
  }
}

static void describe_chemistry(void) {
  char path[1024];
  const char *by = "", *version = NULL;
  of3_error err = {0};
  printf("components        ");
  if (of3_ccd_describe_place(NULL, path, sizeof path, &by, &err) != OF3_OK)
    printf("%s", err.text);
  else if (!*path)
    printf("the built-in ones");
  else {
    cli_put(stdout, path);
    printf(" (%s)", by);
  }
  if (of3_rdkit_describe(&version, &err) == OF3_OK)
    printf("\nrdkit             RDKit %s\n", version);
  else
    printf("\nrdkit             %s\n", err.text);
}

static int describe_machine(void) {
  enum { MOST = 8 };
  const char *isa[MOST];
  char size[CLI_SIZE_TEXT];
  of3_engine *engine = NULL;
  of3_error err = {0};
  if (of3_engine_open(NULL, NULL, &engine, &err) != OF3_OK) return cli_report(&err);
  of3_engine_info e = of3_engine_describe(engine);
  int n = of3_instruction_sets(isa, MOST);
  printf("backend           %s\n", e.backend);
  printf("instruction sets ");
  for (int i = 0; i < n && i < MOST; i++) printf(" %s", isa[i]);
  printf(" (chosen: %s, with bf16 %s%s)\n", isa_for("f32"), isa_for("bf16"),
         *e.isa ? "; force one with --isa" : ", by the backend cpu");
  describe_plugin("cuda", "CUDA");
  describe_plugin("mlx", "MLX");
  printf("element type      %s\n", e.dtype);
  describe_samplers();
  describe_chemistry();
  printf("threads           %d\n", e.threads);
  printf("usable memory     %s\n", e.memory ? cli_size((double)e.memory, size) : "unknown");
  of3_engine_close(engine);
  return CLI_EXIT_OK;
}

static int describe_file(const char *path) {
  char a[CLI_SIZE_TEXT], b[CLI_SIZE_TEXT];
  of3_model_info *m = NULL;
  of3_error err = {0};
  if (of3_info(path, &m, &err) != OF3_OK) return cli_report(&err);
  printf("file          ");
  cli_put(stdout, m->file);
  printf("\n");
  printf("variant       %s (%s)\n", m->variant, m->title);
  printf("format        %s, weights in %s\n", m->format, m->layout);
  printf("tensors       %" PRId64 " (%s)\n", m->n_tensor, m->types);
  printf("parameters    %" PRId64 "\n", m->n_parameter);
  printf("bytes         %" PRIu64 " (%s) of weights in a file of %" PRIu64 " (%s)\n", m->weight_bytes,
         cli_size((double)m->weight_bytes, a), m->file_bytes, cli_size((double)m->file_bytes, b));
  if (m->n_skipped)
    printf("not read      %d tensors of the second denoiser, %s\n", m->n_skipped,
           cli_size((double)m->skipped_bytes, a));
  printf("configuration\n");
  for (int i = 0; i < m->n_config; i++) printf("  %-22s %d\n", m->config[i].name, m->config[i].value);
  of3_info_free(m);
  return CLI_EXIT_OK;
}

static int info_run(const void *options, const char *const *arg, int n) {
  const info_options *o = options;
  int code = n ? describe_file(arg[0]) : CLI_EXIT_OK;
  if (code == CLI_EXIT_OK && n && o->cpu) putchar('\n');
  return code == CLI_EXIT_OK && (o->cpu || !n) ? describe_machine() : code;
}

const cli_command cli_info = {
    .name = "info",
    .usage = "[CHECKPOINT] [--cpu]",
    .summary = "Describe a checkpoint without loading it, or this machine",
    .most = 1,
    .option = table,
    .n_option = sizeof table / sizeof *table,
    .size = sizeof(info_options),
    .defaults = info_defaults,
    .run = info_run,
    .more = "Example\n  of3 info examples/demo/of3-demo.safetensors\n",
};
