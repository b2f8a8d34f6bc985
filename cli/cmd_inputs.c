#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "inputs_report.h"
#include "settings.h"
#include "terminal.h"

typedef struct inputs_options {
  bool check, json;
  bool infer_leaving_atoms, use_templates, use_msa_server;
  const char *to, *out, *checkpoint, *ccd, *user_ccd, *structures, *settings_file, *log;
  int samples, recycles, steps;
  const of3_settings *settings;
} inputs_options;

#define FIELD(name) offsetof(inputs_options, name)

static const cli_option table[] = {
    {.names = "check",
     .kind = CLI_FLAG,
     .offset = FIELD(check),
     .excludes = "to",
     .help = "Say what the files ask for, without folding; this is the default"},
    {.names = "json",
     .kind = CLI_FLAG,
     .offset = FIELD(json),
     .excludes = "to",
     .help = "Say it as JSON, a list of files"},
    {.names = "checkpoint",
     .letter = 'c',
     .kind = CLI_FILE,
     .offset = FIELD(checkpoint),
     .value = "FILE",
     .none = "a network of the published size",
     .help = "Plan memory and work for this network"},
#include "component_options.inc"
#include "leaving_option.inc"
#include "structures_option.inc"
#include "settings_option.inc"
    {.names = "use-templates",
     .kind = CLI_SWITCH,
     .offset = FIELD(use_templates),
     .value = "BOOL",
     .help = "Whether templates that the queries name are used"},
    {.names = "use-msa-server",
     .kind = CLI_SWITCH,
     .offset = FIELD(use_msa_server),
     .value = "BOOL",
     .help = "Whether 'of3 predict' is to ask a server for alignments; here none is asked"},
    {.names = "samples num-diffusion-samples",
     .letter = 'n',
     .kind = CLI_INT,
     .offset = FIELD(samples),
     .low = 1,
     .high = 10000,
     .value = "N",
     .help = "Structures of the fold that is planned"},
    {.names = "recycles num-recycles",
     .letter = 'r',
     .kind = CLI_INT,
     .offset = FIELD(recycles),
     .low = 0,
     .high = 1000,
     .value = "N",
     .help = "Passes through the trunk after the first"},
    {.names = "steps num-steps",
     .kind = CLI_INT,
     .offset = FIELD(steps),
     .low = 1,
     .high = 10000,
     .value = "N",
     .none = "200",
     .help = "Denoising steps"},
    {.names = "to",
     .kind = CLI_CHOICE,
     .offset = FIELD(to),
     .choices = "of3 af3",
     .value = "DIALECT",
     .none = "not converted",
     .help = "Write the queries of one file as JSON of OpenFold3 or AlphaFold 3"},
    {.names = "out",
     .letter = 'o',
     .kind = CLI_TEXT,
     .offset = FIELD(out),
     .value = "FILE",
     .none = "the standard output",
     .help = "What --to writes; of several queries as af3 a folder"},
#include "log_option.inc"
};

static void inputs_set(inputs_options *o, const of3_predict_options *p) {
  *o = (inputs_options){.log = "warn",
                        .use_msa_server = true,
                        .use_templates = !p->no_templates,
                        .structures = p->structures,
                        .ccd = p->ccd,
                        .samples = p->samples,
                        .recycles = p->recycles,
                        .steps = p->steps,
                        .settings = p->settings};
}

static void inputs_defaults(void *options) {
  const of3_predict_options p = of3_predict_defaults();
  inputs_set(options, &p);
}

static bool inputs_adopt(void *options) {
  inputs_options *o = options;
  of3_predict_options p = of3_predict_defaults();
  const of3_settings *s = cli_read_settings(o->settings_file, o->log);
  if (!s) return false;
  of3_settings_apply(s, &p, NULL);
  inputs_set(o, &p);
  o->checkpoint = s->checkpoint;
  o->use_msa_server = s->use_server != OF3_NO;
  return true;
}

/* shown: how many files before it were. */
static of3_status inputs_check(of3_engine *engine, const of3_model *model, const inputs_options *o,
                               const char *file, int shown, int *ret_failed, of3_error *err) {
  of3_inputs_options options = {.ccd = o->ccd,
                                .user_ccd = o->user_ccd,
                                .infer_leaving_atoms = o->infer_leaving_atoms,
                                .structures = o->structures,
                                .no_templates = !o->use_templates,
                                .settings = o->settings,
                                .samples = o->samples,
                                .recycles = o->recycles,
                                .steps = o->steps};
  of3_inputs *in = NULL;
  const of3_status status = of3_inputs_check(engine, model, file, &options, &in, err);
  if (status != OF3_OK) return status;
  *ret_failed += in->n_failed;
  if (shown) printf(o->json ? ",\n" : "\n");
  if (o->json)
    cli_json_inputs(file, in);
  else
    cli_put_inputs(file, in, o->use_msa_server);
  of3_inputs_free(in);
  return OF3_OK;
}

/* A file that cannot be read does not stop the others. */
static int inputs_check_all(const inputs_options *o, const of3_callbacks *callbacks, const char *const *arg,
                            int n) {
  of3_engine *engine = NULL;
  of3_model *model = NULL;
  of3_error err = {0};
  int failed = 0, shown = 0, code = CLI_EXIT_OK;
  of3_status status = of3_engine_open(NULL, callbacks, &engine, &err);
  if (status == OF3_OK && o->checkpoint) status = of3_model_open(engine, o->checkpoint, &model, &err);
  if (status != OF3_OK) code = cli_report(&err);
  if (status == OF3_OK && o->json) printf("[\n");
  for (int i = 0; status == OF3_OK && i < n && err.code != OF3_ERR_CANCELLED; i++) {
    if (inputs_check(engine, model, o, arg[i], shown, &failed, &err) == OF3_OK) {
      shown++;
      continue;
    }
    cli_flush_output();
    code = cli_report(&err);
  }
  if (status == OF3_OK && o->json) printf("]\n");
  of3_model_close(model);
  of3_engine_close(engine);
  return code == CLI_EXIT_OK && failed ? CLI_EXIT_FAILED : code;
}

static int inputs_convert(const inputs_options *o, const of3_callbacks *callbacks, const char *file) {
  const of3_inputs_convert_options options = {.to = o->to, .out = o->out ? o->out : "/dev/stdout"};
  of3_error err = {0};
  int failed = 0;
  if (of3_inputs_convert(file, &options, callbacks, &failed, &err) != OF3_OK) return cli_report(&err);
  return failed ? CLI_EXIT_FAILED : CLI_EXIT_OK;
}

static int inputs_run(const void *options, const char *const *arg, int n) {
  const inputs_options *o = options;
  static cli_terminal terminal; /* larger than a small stack */
  of3_callbacks callbacks = cli_callbacks(&terminal, o->log);
  if (o->to && n > 1) {
    cli_fail(&cli_inputs, "--to takes one file at a time");
    return CLI_EXIT_USAGE;
  }
  if (o->out && !o->to) {
    cli_fail(&cli_inputs, "--out FILE goes with --to DIALECT");
    return CLI_EXIT_USAGE;
  }
  const int code = o->to ? inputs_convert(o, &callbacks, arg[0]) : inputs_check_all(o, &callbacks, arg, n);
  cli_free_settings();
  return code;
}

const cli_command cli_inputs = {
    .name = "inputs",
    .usage = "FILE... [--check] [--json] | FILE --to of3|af3 [--out FILE]",
    .summary = "Say what queries ask for, without folding, or convert them",
    .least = 1,
    .most = CLI_MOST_ARGUMENTS,
    .option = table,
    .n_option = sizeof table / sizeof *table,
    .size = sizeof(inputs_options),
    .defaults = inputs_defaults,
    .adopt = inputs_adopt,
    .run = inputs_run,
    .more =
        "FILE is JSON of OpenFold3 or AlphaFold 3, YAML of Boltz or FASTA (docs/queries.md), or a sequence.\n"
        "Below each chain stand its alignment files with what they are used for, and its templates "
        "(docs/alignments.md).\n"
        "Memory and work are of a fold with one seed and the defaults of 'of3 predict'; the time is what the "
        "work takes\n"
        "at the rate of a large product of matrices on this machine, which a fold does not reach. The exit "
        "code is 1 if a\n"
        "query cannot be folded or written.\n"
        "\n"
        "Examples\n"
        "  of3 inputs complex.fasta job.json\n"
        "  of3 inputs boltz.yaml --to of3 --out query.json\n",
};
