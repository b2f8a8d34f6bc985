#include <stdio.h>

#include "commands.h"
#include "of3.h"
#include "settings.h"
#include "terminal.h"

typedef struct features_options {
  const char *settings_file;
  const of3_settings *settings;
  const char *query, *variant, *ccd, *user_ccd, *conformers, *structures, *out, *log;
  uint64_t seed;
  bool infer_leaving_atoms;
  bool rdkit_all;
} features_options;

/* No seed of a file or of the command line has this value. */
static const uint64_t NO_SEED = UINT64_MAX;

#define FIELD(name) offsetof(features_options, name)

static const cli_option table[] = {
    {.names = "query",
     .kind = CLI_TEXT,
     .offset = FIELD(query),
     .value = "NAME",
     .none = "the only one",
     .help = "Which query of the file"},
    {.names = "variant",
     .kind = CLI_CHOICE,
     .offset = FIELD(variant),
     .choices = "P1 P2 OB",
     .value = "NAME",
     .help = "For which generation of networks"},
    {.names = "seed",
     .kind = CLI_SEED,
     .offset = FIELD(seed),
     .value = "N",
     .none = "the first of the query file, else 42",
     .help = "Chooses and rotates the reference conformers"},
#include "component_options.inc"
#include "leaving_option.inc"
    {.names = "conformers",
     .kind = CLI_FILE,
     .offset = FIELD(conformers),
     .value = "FILE",
     .none = "the built-in table",
     .help = "Safetensors file with conformers and their augmentation"},
    {.names = "rdkit-all",
     .kind = CLI_FLAG,
     .offset = FIELD(rdkit_all),
     .help = "Conformers of standard residues from RDKit too, as OpenFold3 has them"},
#include "structures_option.inc"
#include "settings_option.inc"
    {.names = "out",
     .letter = 'o',
     .kind = CLI_TEXT,
     .offset = FIELD(out),
     .value = "FILE",
     .help = "The safetensors file to write; it must be given"},
#include "log_option.inc"
};

static void features_defaults(void *options) {
  *(features_options *)options = (features_options){.variant = "OB", .log = "info", .seed = NO_SEED};
}

static bool features_adopt(void *options) {
  features_options *o = options;
  const of3_settings *s = cli_read_settings(o->settings_file, o->log);
  if (!s) return false;
  features_defaults(o);
  o->settings = s;
  o->structures = s->templates.structures;
  o->ccd = s->ccd;
  if (s->n_seed) o->seed = s->seeds[0];
  return true;
}

static int features_run(const void *options, const char *const *arg, int n) {
  (void)n;
  const features_options *o = options;
  static cli_terminal terminal; /* larger than a small stack */
  of3_callbacks callbacks = cli_callbacks(&terminal, o->log);
  of3_features_options f = {.query = arg[0],
                            .query_name = o->query,
                            .variant = o->variant,
                            .has_seed = o->seed != NO_SEED,
                            .seed = o->seed,
                            .ccd = o->ccd,
                            .user_ccd = o->user_ccd,
                            .conformers = o->conformers,
                            .rdkit_all = o->rdkit_all,
                            .infer_leaving_atoms = o->infer_leaving_atoms,
                            .structures = o->structures,
                            .settings = o->settings,
                            .out = o->out};
  of3_error err = {0};
  if (!o->out) {
    cli_fail(&cli_features, "--out FILE is missing");
    return CLI_EXIT_USAGE;
  }
  const int code = of3_features_export(&f, &callbacks, &err) == OF3_OK ? CLI_EXIT_OK : cli_report(&err);
  cli_free_settings();
  return code;
}

const cli_command cli_features = {
    .name = "features",
    .usage = "QUERY --out FILE [options]",
    .summary = "Write the network's input for a query as a safetensors file",
    .least = 1,
    .most = 1,
    .option = table,
    .n_option = sizeof table / sizeof *table,
    .size = sizeof(features_options),
    .defaults = features_defaults,
    .adopt = features_adopt,
    .run = features_run,
    .more = "Example\n  of3 features examples/demo/ubiquitin.json --variant OB --out ubiquitin.safetensors\n",
};
