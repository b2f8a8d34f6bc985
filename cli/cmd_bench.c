#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "machine.h"
#include "of3.h"
#include "of3_bench.h"
#include "terminal.h"

typedef struct bench_options {
  const char *checkpoint, *what;
  int tokens, msa_rows, samples, passes, steps;
  cli_machine machine;
  bool processor_time, json;
} bench_options;

#define FIELD(name) offsetof(bench_options, name)

static const cli_option table[] = {
    {.group = "What is measured",
     .names = "what",
     .kind = CLI_CHOICE,
     .offset = FIELD(what),
     .choices = "peak phases kernels all",
     .value = "WHAT",
     .help = "The machine's peak, the phases of a fold, its operations by shape"},
    {.names = "tokens",
     .letter = 'N',
     .kind = CLI_INT,
     .offset = FIELD(tokens),
     .low = 1,
     .high = 100000,
     .value = "N",
     .help = "Residues of the chain that is folded"},
    {.names = "msa-rows",
     .kind = CLI_INT,
     .offset = FIELD(msa_rows),
     .low = 1,
     .high = 16384,
     .value = "N",
     .help = "Rows of its alignment"},
    {.names = "samples",
     .letter = 'n',
     .kind = CLI_INT,
     .offset = FIELD(samples),
     .low = 1,
     .high = 10000,
     .value = "N",
     .help = "Structures that the denoiser works on together"},
    {.names = "passes",
     .kind = CLI_INT,
     .offset = FIELD(passes),
     .low = 1,
     .high = 10000,
     .value = "N",
     .help = "Passes through the trunk that are timed"},
    {.names = "steps",
     .kind = CLI_INT,
     .offset = FIELD(steps),
     .low = 1,
     .high = 10000,
     .value = "N",
     .help = "Denoising steps that are timed"},
    {.names = "checkpoint",
     .letter = 'c',
     .kind = CLI_FILE,
     .offset = FIELD(checkpoint),
     .value = "FILE",
     .none = "random weights of the published sizes",
     .help = "Weights"},

#include "machine_options.inc"
    {.names = "processor-time",
     .kind = CLI_FLAG,
     .offset = FIELD(processor_time),
     .help = "Count processor time over threads, not time on the clock: for a machine that others use too"},
    {.names = "json", .kind = CLI_FLAG, .offset = FIELD(json), .help = "Print JSON instead of tables"},
};

static void bench_defaults(void *options) {
  bench_options *o = options;
  of3_bench_options b = of3_bench_defaults();
  *o = (bench_options){.what = "all",
                       .machine = cli_machine_defaults(),
                       .tokens = b.tokens,
                       .msa_rows = b.msa_rows,
                       .samples = b.samples,
                       .passes = b.passes,
                       .steps = b.steps};
}

static bool wanted(const bench_options *o, const char *part) {
  return strcmp(o->what, part) == 0 || strcmp(o->what, "all") == 0;
}

/* ---- Tables */

/* Arithmetic below this share of the whole is not worth a rate. */
static bool has_rate(double seconds, double flops) { return seconds > 0 && flops > 0; }

static void print_rate(double seconds, double flops, double peak) {
  if (has_rate(seconds, flops))
    printf(" %9.1f %6.1f", 1e-9 * flops / seconds, 100 * flops / seconds / peak);
  else
    printf(" %9s %6s", "-", "-");
}

static void print_phases(const of3_bench_report *r) {
  printf("\n%-22s %6s %10s %10s %9s %6s\n", "phase", "times", "ms", "GFLOP", "GFLOP/s", "% peak");
  for (int i = 0; i < r->n_phase; i++) {
    const of3_bench_phase *p = &r->phase[i];
    printf("%-22s %6d %10.2f %10.2f", p->name, p->count, 1e3 * p->seconds, 1e-9 * p->flops);
    print_rate(p->seconds, p->flops, r->peak);
    putchar('\n');
  }
}

enum { PASSES = 4, STEPS = 200 }; /* of the fold that is computed from the phases */

/* How often a fold of 4 passes and 200 steps does a phase: its weights are there, the first fold is another
 * one, and the whole fold is all phases. */
static int times_in_fold(const char *phase) {
  static const char *const none[] = {"making weights", "loading weights", "first fold", "whole fold"};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++)
    if (strcmp(phase, none[i]) == 0) return 0;
  return strcmp(phase, "trunk pass") == 0 ? PASSES : strcmp(phase, "denoiser step") == 0 ? STEPS : 1;
}

static void computed_fold(const of3_bench_report *r, double *seconds, double *flops) {
  *seconds = *flops = 0;
  for (int i = 0; i < r->n_phase; i++) {
    *seconds += times_in_fold(r->phase[i].name) * r->phase[i].seconds;
    *flops += times_in_fold(r->phase[i].name) * r->phase[i].flops;
  }
}

static void print_whole(const of3_bench_report *r) {
  double seconds, flops;
  computed_fold(r, &seconds, &flops);
  printf(
      "A fold of %d passes and %d steps is %.3g TFLOP: at these rates %.1f s without loading, %.0f GFLOP/s, "
      "%.1f %% of the peak.\n",
      PASSES, STEPS, 1e-12 * flops, seconds, 1e-9 * flops / seconds, 100 * flops / seconds / r->peak);
}

static double phase_seconds(const of3_bench_report *r, const char *phase) {
  double sum = 0;
  for (int i = 0; i < r->n_kernel; i++)
    if (strcmp(r->kernel[i].phase, phase) == 0) sum += r->kernel[i].seconds;
  return sum;
}

static void print_kernels(const of3_bench_report *r) {
  for (int i = 0; i < r->n_kernel; i++) {
    const of3_bench_kernel *k = &r->kernel[i];
    if (i == 0 || strcmp(k->phase, r->kernel[i - 1].phase) != 0)
      printf("\n%-22s %-44s %6s %9s %6s %9s %6s %7s\n", k->phase, "shape", "calls", "ms a call", "% time",
             "GFLOP/s", "% peak", "GB/s");
    double share = 100 * k->seconds / phase_seconds(r, k->phase);
    printf("%-22s %-44s %6" PRId64 " %9.3f %6.1f", k->operation, k->shape, k->calls,
           1e3 * k->seconds / (double)k->calls, share);
    print_rate(k->seconds, k->flops, r->peak);
    printf(" %7.1f\n", 1e-9 * k->bytes / k->seconds);
  }
}

static void print_peak(const of3_engine_info *e, const of3_bench_report *r) {
  if (r->peak_product)
    printf("%s %s on %s, %s: peak %.1f GFLOP/s, of a product of %d rows, columns and terms\n", e->backend,
           e->version, e->device, e->dtype, 1e-9 * r->peak, r->peak_product);
  else
    printf("%s, %s, %s, %d thread%s: peak %.1f GFLOP/s\n", e->backend, e->isa, e->dtype, e->threads,
           e->threads > 1 ? "s" : "", 1e-9 * r->peak);
}

static void print_tables(const bench_options *o, const of3_engine_info *e, const of3_bench_report *r) {
  char weights[CLI_SIZE_TEXT], tensors[CLI_SIZE_TEXT], held[CLI_SIZE_TEXT];
  print_peak(e, r);
  if (!r->n_token) return;
  printf("%d tokens, %d atoms, %d MSA rows, %d samples; weights %s, tensors %s", r->n_token, r->n_atom,
         r->n_msa, r->samples, cli_size((double)r->weight_bytes, weights),
         cli_size((double)r->tensor_bytes, tensors));
  if (r->held_bytes) printf(" planned, %s held", cli_size((double)r->held_bytes, held));
  putchar('\n');
  if (wanted(o, "phases")) print_phases(r);
  if (wanted(o, "phases")) print_whole(r);
  if (wanted(o, "kernels")) print_kernels(r);
}

/* ---- JSON; no text in it needs escapes */

static void json_phases(const of3_bench_report *r) {
  printf(",\n \"phases\": [");
  for (int i = 0; i < r->n_phase; i++) {
    const of3_bench_phase *p = &r->phase[i];
    printf("%s\n  {\"name\": \"%s\", \"count\": %d, \"seconds\": %.9g, \"flop\": %.9g}", i ? "," : "",
           p->name, p->count, p->seconds, p->flops);
  }
  double seconds, flops;
  computed_fold(r, &seconds, &flops);
  printf("],\n \"computed_fold\": {\"passes\": %d, \"steps\": %d, \"seconds\": %.9g, \"flop\": %.9g}", PASSES,
         STEPS, seconds, flops);
}

static void json_kernels(const of3_bench_report *r) {
  printf(",\n \"kernels\": [");
  for (int i = 0; i < r->n_kernel; i++) {
    const of3_bench_kernel *k = &r->kernel[i];
    printf("%s\n  {\"phase\": \"%s\", \"operation\": \"%s\", \"shape\": \"%s\", \"calls\": %" PRId64
           ", \"seconds\": %.9g, \"flop\": %.9g, \"bytes\": %.9g}",
           i ? "," : "", k->phase, k->operation, k->shape, k->calls, k->seconds, k->flops, k->bytes);
  }
  printf("]");
}

static void print_json(const bench_options *o, const of3_engine_info *e, const of3_bench_report *r) {
  printf("{\"version\": \"%s\", \"backend\": \"%s\", ", of3_version(), e->backend);
  if (r->peak_product)
    printf("\"backend_version\": \"%s\", \"device\": \"%s\", ", e->version, e->device);
  else
    printf("\"isa\": \"%s\", ", e->isa);
  printf("\"dtype\": \"%s\", \"threads\": %d,\n \"peak_flop_per_second\": %.9g", e->dtype, e->threads,
         r->peak);
  if (r->peak_product) printf(", \"peak_product\": %d", r->peak_product);
  if (r->n_token)
    printf(",\n \"tokens\": %d, \"atoms\": %d, \"msa_rows\": %d, \"samples\": %d, \"weight_bytes\": %" PRIu64
           ", \"tensor_bytes\": %" PRIu64,
           r->n_token, r->n_atom, r->n_msa, r->samples, r->weight_bytes, r->tensor_bytes);
  if (r->held_bytes) printf(", \"held_bytes\": %" PRIu64, r->held_bytes);
  if (wanted(o, "phases")) json_phases(r);
  if (wanted(o, "kernels")) json_kernels(r);
  printf("}\n");
}

static int bench_run(const void *options, const char *const *arg, int n) {
  const bench_options *o = options;
  (void)arg, (void)n;
  static cli_terminal terminal; /* larger than a small stack */
  of3_callbacks callbacks = cli_callbacks(&terminal, "warn");
  of3_engine_options engine_options = cli_engine_options(&o->machine);
  of3_bench_options bench = {.parts = (wanted(o, "phases") ? OF3_BENCH_PHASES : 0) |
                                      (wanted(o, "kernels") ? OF3_BENCH_KERNELS : 0),
                             .processor_time = o->processor_time,
                             .tokens = o->tokens,
                             .msa_rows = o->msa_rows,
                             .samples = o->samples,
                             .passes = o->passes,
                             .steps = o->steps};
  of3_engine *engine = NULL;
  of3_model *model = NULL;
  of3_bench_report *report = NULL;
  of3_error err = {0};
  of3_status status = of3_engine_open(&engine_options, &callbacks, &engine, &err);
  if (status == OF3_OK && o->checkpoint) status = of3_model_open(engine, o->checkpoint, &model, &err);
  if (status == OF3_OK) status = of3_bench(engine, model, &bench, &report, &err);
  if (status == OF3_OK) {
    of3_engine_info e = of3_engine_describe(engine);
    (o->json ? print_json : print_tables)(o, &e, report);
  }
  int code = status == OF3_OK ? CLI_EXIT_OK : cli_report(&err);
  of3_bench_free(report);
  of3_model_close(model);
  of3_engine_close(engine);
  return code;
}

const cli_command cli_bench = {
    .name = "bench",
    .usage = "[options]",
    .summary = "Measure this machine: peak, phases of a fold, operations by shape",
    .option = table,
    .n_option = sizeof table / sizeof *table,
    .size = sizeof(bench_options),
    .defaults = bench_defaults,
    .run = bench_run,
    .more = "A fold of a made-up chain is timed. Phases give the fastest time of each and the time of the\n"
            "whole fold, operations the mean of all their calls. Rates count the multiplications and\n"
            "additions that are needed. The CPU's peak is what the threads reach with such instructions in\n"
            "registers, MLX's what a large product of matrices reaches; other programs on the machine lower\n"
            "all of it. MLX computes when it is asked to: at the ends of phases, and for operations after\n"
            "each of them, which costs time that phases do not show. The memory that --max-memory allows is\n"
            "beside that of the weights. What MLX held for tensors at most, freed memory that it keeps\n"
            "included, is shown beside what was planned.\n"
            "\n"
            "Examples\n"
            "  of3 bench --what phases --tokens 256\n"
            "  of3 bench --what phases --passes 4 --steps 200      a whole run, but for reading and writing\n"
            "  of3 bench --backend mlx --dtype bf16\n"
            "  of3 bench -c weights.pt --json > bench.json\n",
};
