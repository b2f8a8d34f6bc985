#define _POSIX_C_SOURCE 200809L
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "machine.h"
#include "settings.h"
#include "terminal.h"

typedef struct predict_options {
  const char *settings_file;
  const of3_settings *settings;
  const char *query_json, *ligands, *ligand_chain, *checkpoint, *ccd, *user_ccd, *structures;
  bool infer_leaving_atoms, use_templates, use_msa_server;
  cli_server server;
  const char *cache;
  const char *output_dir, *format, *cif_style, *confidences;
  bool overwrite, no_record, wait;
  int samples, recycles, steps, model_seeds;
  const char *sampler;
  bool quick;
  double noise_scale, step_scale;
  cli_seeds seeds;
  cli_machine machine;
  int jobs, batch;
  const char *log;
} predict_options;

#define FIELD(name) offsetof(predict_options, name)

static const cli_option table[] = {
    {.group = "Input",
     .names = "query-json",
     .kind = CLI_FILE,
     .offset = FIELD(query_json),
     .value = "FILE",
     .help = "The query file, if it is not the argument QUERY"},
    {.names = "ligands",
     .kind = CLI_FILE,
     .offset = FIELD(ligands),
     .value = "FILE",
     .help = "Fold the query with each ligand of a list: SMILES, a table (CSV) or SDF (docs/screening.md)"},
    {.names = "ligand-chain",
     .kind = CLI_TEXT,
     .offset = FIELD(ligand_chain),
     .value = "ID",
     .none = "L, or the first letter that is free",
     .help = "The chain of these ligands; a ligand of the query that has it gives way"},
    {.names = "checkpoint inference-ckpt-path",
     .letter = 'c',
     .kind = CLI_FILE,
     .offset = FIELD(checkpoint),
     .value = "FILE",
     .none = "the environment variable OF3_CHECKPOINT",
     .help = "Weights: .pt, .safetensors or DeepSpeed folder"},
#include "component_options.inc"
#include "leaving_option.inc"
#include "structures_option.inc"
#include "settings_option.inc"
    {.names = "inference-ckpt-name",
     .kind = CLI_REFUSED,
     .value = "NAME",
     .refusal = "it has no registry of weights; name the file with --checkpoint",
     .help = "Not served: name a file instead"},
    {.names = "use-msa-server",
     .kind = CLI_SWITCH,
     .offset = FIELD(use_msa_server),
     .value = "BOOL",
     .help = "Whether proteins for which the query names no alignment get one from an MSA server; false: "
             "they are "
             "folded without"},
#include "server_options.inc"
    {.names = "use-templates",
     .kind = CLI_SWITCH,
     .offset = FIELD(use_templates),
     .value = "BOOL",
     .help = "Whether templates that the query names, and the MSA server finds, are used"},

    {.group = "What is computed",
     .names = "samples num-diffusion-samples",
     .letter = 'n',
     .kind = CLI_INT,
     .offset = FIELD(samples),
     .low = 1,
     .high = 10000,
     .value = "N",
     .help = "Structures for each query and seed"},
    {.names = "seeds",
     .letter = 's',
     .kind = CLI_SEEDS,
     .offset = FIELD(seeds),
     .excludes = "num-model-seeds",
     .value = "A,B,...",
     .none = "those of the query file, else 42",
     .help = "Seeds; each gives its own samples"},
    {.names = "num-model-seeds",
     .kind = CLI_INT,
     .offset = FIELD(model_seeds),
     .low = 1,
     .high = CLI_MOST_SEEDS,
     .value = "N",
     .none = "--seeds",
     .help = "The N seeds that OpenFold3 takes: 2746317213, 1181241943, ..."},
    {.names = "recycles num-recycles",
     .letter = 'r',
     .kind = CLI_INT,
     .offset = FIELD(recycles),
     .low = 0,
     .high = 1000,
     .value = "N",
     .help = "Passes through the trunk after the first"},
    {.names = "quick",
     .kind = CLI_FLAG,
     .offset = FIELD(quick),
     .excludes = "sampler",
     .help = "Sample ten times as fast: --sampler ode. What that is worth: docs/sampling.md"},
    {.names = "sampler",
     .kind = CLI_CHOICE,
     .offset = FIELD(sampler),
     .choices = "reference ode",
     .value = "NAME",
     .help = "As AlphaFold 3 and OpenFold3 do, with noise added in each step; or without, in few steps"},
    {.names = "steps num-steps",
     .kind = CLI_INT,
     .offset = FIELD(steps),
     .low = 1,
     .high = 10000,
     .value = "N",
     .none = "200; 20 of the sampler ode",
     .help = "Denoising steps"},
    {.names = "noise-scale",
     .kind = CLI_REAL,
     .offset = FIELD(noise_scale),
     .high = 10,
     .value = "X",
     .none = "1.003",
     .help = "Factor of the noise that steps add (the sampler ode adds none)"},
    {.names = "step-scale",
     .kind = CLI_REAL,
     .offset = FIELD(step_scale),
     .high = 10,
     .value = "X",
     .none = "1.5",
     .help = "Factor of each step towards the denoised structure"},

    {.group = "Output",
     .names = "output-dir",
     .letter = 'o',
     .kind = CLI_TEXT,
     .offset = FIELD(output_dir),
     .value = "FOLDER",
     .help = "Where the results go; created if missing"},
    {.names = "format structure-format",
     .letter = 'f',
     .kind = CLI_CHOICE,
     .offset = FIELD(format),
     .choices = "cif cif.gz pdb",
     .value = "FORMAT",
     .help = "Of the structures"},
    {.names = "cif-style",
     .kind = CLI_CHOICE,
     .offset = FIELD(cif_style),
     .choices = "modelcif reference",
     .value = "STYLE",
     .help = "Of mmCIF and PDB: modelcif has what programs expect of a prediction (sequences, quality); "
             "reference is "
             "OpenFold3's, byte for byte"},
    {.names = "confidences full-confidence-output-format",
     .kind = CLI_CHOICE,
     .offset = FIELD(confidences),
     .choices = "json npz npz32 none",
     .value = "FORMAT",
     .help = "Of pLDDT, PAE and PDE in full (npz holds float16, npz32 float32)"},
    {.names = "overwrite",
     .kind = CLI_FLAG,
     .offset = FIELD(overwrite),
     .help = "Recompute results that are complete; without it a re-run recomputes only what is missing, "
             "broken or "
             "made from another query, checkpoint, seed, option or version"},
    {.names = "no-record",
     .kind = CLI_FLAG,
     .offset = FIELD(no_record),
     .help = "Keep no of3_record.bin, from which --format and --confidences write other files later without "
             "computing (docs/output.md says how large it is)"},
    {.names = "wait",
     .kind = CLI_FLAG,
     .offset = FIELD(wait),
     .help = "If another of3 writes to the folder, wait until it is done; without it of3 says which process "
             "that is, and ends"},

#include "machine_options.inc"
    {.names = "jobs",
     .letter = 'j',
     .kind = CLI_INT,
     .offset = FIELD(jobs),
     .low = 0,
     .high = 1024,
     .value = "N",
     .none = "as many as their sizes and memory make sensible",
     .help = "Folds (of queries and seeds) side by side, which share threads and memory; 1 is one after the "
             "other. Results do not depend on it"},
    {.names = "batch",
     .kind = CLI_INT,
     .offset = FIELD(batch),
     .low = 0,
     .high = 64,
     .value = "N",
     .none = "as many as is faster",
     .help =
         "Folds that go through the network together, padded to the largest; 1 is each on its own. Results "
         "do not depend on it on the CPU"},
    {.names = "use-tf32",
     .kind = CLI_OFF,
     .value = "BOOL",
     .refusal = "it multiplies float32 numbers in full",
     .help = "Only false is served: float32 products are exact"},
    {.names = "log",
     .kind = CLI_CHOICE,
     .offset = FIELD(log),
     .choices = "debug info warn error",
     .value = "LEVEL",
     .help = "Least important messages shown, with progress from info on"},
};

static void set_options(predict_options *o, const of3_predict_options *p, const of3_engine_options *e) {
  o->settings = p->settings;
  o->ccd = p->ccd;
  o->structures = p->structures;
  o->use_templates = !p->no_templates;
  o->use_msa_server = true;
  o->server = cli_server_defaults();
  o->samples = p->samples;
  o->recycles = p->recycles;
  o->sampler = p->sampler;
  o->steps = p->steps;
  o->noise_scale = p->noise_scale;
  o->step_scale = p->step_scale;
  o->seeds.n = p->n_seed;
  if (p->n_seed) memcpy(o->seeds.seed, p->seeds, (size_t)p->n_seed * sizeof *p->seeds);
  o->output_dir = p->output_dir;
  o->format = p->format;
  o->cif_style = p->cif_style;
  o->confidences = p->confidences;
  o->overwrite = p->overwrite;
  o->machine = cli_machine_of(e);
  o->jobs = p->jobs;
  o->batch = p->batch;
  o->log = "info";
}

static void predict_defaults(void *options) {
  const of3_predict_options p = of3_predict_defaults();
  const of3_engine_options e = of3_engine_defaults();
  set_options(options, &p, &e);
}

static bool predict_adopt(void *options) {
  predict_options *o = options;
  of3_predict_options p = of3_predict_defaults();
  of3_engine_options e = of3_engine_defaults();
  const of3_settings *s = cli_read_settings(o->settings_file, o->log);
  if (!s) return false;
  of3_settings_apply(s, &p, &e);
  memset(o, 0, sizeof *o);
  set_options(o, &p, &e);
  o->checkpoint = s->checkpoint;
  o->use_msa_server = s->use_server != OF3_NO;
  o->server.url = s->server.url;
  o->server.user_agent = s->server.user_agent;
  return true;
}

/* Seeds of --seeds or --num-model-seeds; out->n 0: of the query. */
static void choose_seeds(const predict_options *o, cli_seeds *out) {
  *out = o->seeds;
  if (!o->model_seeds) return;
  of3_reference_seeds(42, o->model_seeds, out->seed);
  out->n = o->model_seeds;
}

static int predict_fold(const predict_options *o, const char *query, const char *checkpoint,
                        const cli_seeds *seeds) {
  static cli_terminal terminal; /* larger than a small stack */
  of3_callbacks callbacks = cli_callbacks(&terminal, o->log);
  of3_engine_options engine_options = cli_engine_options(&o->machine);
  of3_predict_options options = {.output_dir = o->output_dir,
                                 .ligands = o->ligands,
                                 .ligand_chain = o->ligand_chain,
                                 .samples = o->samples,
                                 .recycles = o->recycles,
                                 .sampler = o->quick ? "ode" : o->sampler,
                                 .steps = o->steps,
                                 .noise_scale = o->noise_scale,
                                 .step_scale = o->step_scale,
                                 .seeds = seeds->seed,
                                 .n_seed = seeds->n,
                                 .format = o->format,
                                 .cif_style = o->cif_style,
                                 .confidences = o->confidences,
                                 .overwrite = o->overwrite,
                                 .no_record = o->no_record,
                                 .wait = o->wait,
                                 .ccd = o->ccd,
                                 .user_ccd = o->user_ccd,
                                 .infer_leaving_atoms = o->infer_leaving_atoms,
                                 .no_templates = !o->use_templates,
                                 .structures = o->structures,
                                 .settings = o->settings,
                                 .cache = o->cache,
                                 .jobs = o->jobs,
                                 .batch = o->batch};
  if (o->use_msa_server) options.msa_server = cli_msa_server(&o->server);
  of3_engine *engine = NULL;
  of3_model *model = NULL;
  of3_report *report = NULL;
  of3_error err = {0};
  of3_status status = of3_engine_open(&engine_options, &callbacks, &engine, &err);
  if (status == OF3_OK) status = of3_model_open(engine, checkpoint, &model, &err);
  if (status == OF3_OK) status = of3_predict(model, query, &options, &report, &err);
  cli_clear(&terminal);
  if (report && (report->n_failed == 0 || report->n_item > 1)) cli_print_report(report);
  cli_flush_output(); /* the sentence of a failure comes last */
  int code = status == OF3_OK ? CLI_EXIT_OK : cli_report(&err);
  of3_report_free(report);
  of3_model_close(model);
  of3_engine_close(engine);
  return code;
}

static int predict_run(const void *options, const char *const *arg, int n) {
  const predict_options *o = options;
  const char *query = n ? arg[0] : o->query_json, *checkpoint = o->checkpoint;
  if (!query || (n && o->query_json)) {
    cli_fail(&cli_predict, query ? "QUERY and --query-json cannot be given together"
                                 : "a query is missing: a JSON file, a FASTA file or a protein sequence");
    return CLI_EXIT_USAGE;
  }
  if (!checkpoint) checkpoint = getenv("OF3_CHECKPOINT");
  if (!checkpoint || !*checkpoint) {
    cli_fail(&cli_predict,
             "no weights: give --checkpoint FILE, or set the environment variable OF3_CHECKPOINT");
    return CLI_EXIT_USAGE;
  }
  cli_seeds *seeds = malloc(sizeof *seeds);
  if (!seeds) {
    fprintf(stderr, "of3: out of memory\n");
    return CLI_EXIT_FAILED;
  }
  choose_seeds(o, seeds);
  int code = predict_fold(o, query, checkpoint, seeds);
  free(seeds);
  cli_free_settings();
  return code;
}

const cli_command cli_predict = {
    .name = "predict",
    .usage = "QUERY --checkpoint FILE [options]",
    .summary = "Fold the molecules of a query and write structures and confidences",
    .most = 1,
    .option = table,
    .n_option = sizeof table / sizeof *table,
    .size = sizeof(predict_options),
    .defaults = predict_defaults,
    .adopt = predict_adopt,
    .run = predict_run,
    .more =
        "QUERY is a query (JSON of OpenFold3 or AlphaFold 3, YAML of Boltz, FASTA; docs/queries.md), or a "
        "protein sequence\n"
        "in capital letters. 'of3 inputs QUERY' says what it asks for.\n"
        "Queries run by size, seeds fastest, small ones side by side; one that fails does not stop the "
        "others.\n"
        "Exit code: 0 all done, 1 something failed, 2 wrong options, 130 interrupted, 141 nobody read the "
        "table.\n"
        "\n"
        "Examples\n"
        "  of3 predict examples/demo/ubiquitin.json -c examples/demo/of3-demo.safetensors -o out\n"
        "  of3 predict MQIFVKTLTGKTITLEVEPSDTIENVK -c weights.pt -o out --samples 1 --steps 50\n"
        "  of3 predict kinase.json --ligands library.csv -c weights.pt -o screen\n"
        "  of3 predict proteins.fasta -c weights.pt -o out --num-model-seeds 3 --format cif.gz\n",
};
