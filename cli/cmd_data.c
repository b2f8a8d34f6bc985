#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "of3_data.h"
#include "terminal.h"
#include "text.h"

typedef struct data_options {
  const char *out, *alignments, *clusters, *ccd, *user_ccd, *from, *until, *log;
  double worst_resolution;
  int most_chains;
} data_options;

#define FIELD(name) offsetof(data_options, name)

static const cli_option table[] = {
    {.names = "output",
     .letter = 'o',
     .kind = CLI_TEXT,
     .offset = FIELD(out),
     .value = "FILE",
     .help = "The training set to write; it must be given with 'build'"},
    {.names = "alignments",
     .kind = CLI_FILE,
     .offset = FIELD(alignments),
     .value = "DIR",
     .none = "none",
     .help = "Folder of <entry>_<chain>.a3m, .a3m.gz, or folders <entry>_<chain> of such"},
    {.names = "clusters",
     .kind = CLI_FILE,
     .offset = FIELD(clusters),
     .value = "FILE",
     .none = "equal sequences are a cluster",
     .help = "Table of MMseqs2: cluster, tab, <entry>_<chain>"},
    {.names = "worst-resolution",
     .kind = CLI_REAL,
     .high = 1000,
     .offset = FIELD(worst_resolution),
     .value = "ANGSTROM",
     .help = "Leave out entries of a worse resolution; those without one stay"},
    {.names = "from",
     .kind = CLI_TEXT,
     .offset = FIELD(from),
     .value = "DATE",
     .none = "any",
     .help = "Leave out what was released earlier, or has no date"},
    {.names = "until",
     .kind = CLI_TEXT,
     .offset = FIELD(until),
     .value = "DATE",
     .none = "any",
     .help = "Leave out what was released later, or has no date"},
    {.names = "most-chains",
     .kind = CLI_INT,
     .low = 1,
     .high = 100000,
     .offset = FIELD(most_chains),
     .value = "N",
     .help = "Leave out entries of more polymer chains"},
#include "component_options.inc"
#include "log_option.inc"
};

static void data_defaults(void *options) {
  const of3_data_options d = of3_data_defaults();
  *(data_options *)options =
      (data_options){.worst_resolution = d.worst_resolution, .most_chains = d.most_chains, .log = "info"};
}

static int data_build(const data_options *o, const char *folder) {
  static cli_terminal terminal; /* larger than a small stack */
  of3_callbacks callbacks = cli_callbacks(&terminal, o->log);
  const of3_data_options options = {.folder = folder,
                                    .out = o->out,
                                    .alignments = o->alignments,
                                    .clusters = o->clusters,
                                    .ccd = o->ccd,
                                    .user_ccd = o->user_ccd,
                                    .worst_resolution = o->worst_resolution,
                                    .from = o->from,
                                    .until = o->until,
                                    .most_chains = o->most_chains};
  of3_data_info n;
  of3_error err = {0};
  char size[CLI_SIZE_TEXT];
  if (!o->out) {
    cli_fail(&cli_data, "--output FILE is missing");
    return CLI_EXIT_USAGE;
  }
  if (of3_data_build(&options, &callbacks, &n, &err) != OF3_OK) return cli_report(&err);
  cli_put(stdout, o->out);
  printf(": %d entries of %d chains and %" PRId64
         " tokens, %d chains and interfaces to draw from, %d alignments, %s\n",
         n.entries, n.chains, n.tokens, n.points, n.alignments, cli_size((double)n.bytes, size));
  printf("%" PRId64 " of %" PRId64
         " atoms have coordinates; of the files %d were left out by filters, %d could not be "
         "used\n",
         n.resolved, n.atoms, n.filtered, n.failed);
  return CLI_EXIT_OK;
}

static bool print_entry(void *user, const of3_data_entry *e) {
  char resolution[16] = "-";
  bool *begun = user;
  if (!*begun)
    printf("entry\treleased\tresolution\ttokens\tchains\tproteins\tnucleic\tligands\taligned\tatoms\n");
  *begun = true;
  if (e->resolution > 0) snprintf(resolution, sizeof resolution, "%.2f", e->resolution);
  cli_put(stdout, e->name);
  printf("\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%" PRId64 "\n", e->released[0] ? e->released : "-", resolution,
         e->tokens, e->chains, e->proteins, e->nucleic, e->ligands, e->aligned, e->resolved);
  return true;
}

static int data_list(const char *path) {
  of3_error err = {0};
  bool begun = false;
  return of3_data_list(path, print_entry, &begun, &err) == OF3_OK ? CLI_EXIT_OK : cli_report(&err);
}

static int data_run(const void *options, const char *const *arg, int n) {
  (void)n;
  if (strcmp(arg[0], "build") == 0) return data_build(options, arg[1]);
  if (strcmp(arg[0], "list") == 0) return data_list(arg[1]);
  cli_fail(&cli_data, "the first word is 'build' or 'list', not '%.40s'", arg[0]);
  return CLI_EXIT_USAGE;
}

const cli_command cli_data = {
    .name = "data",
    .usage = "build FOLDER --output FILE [options] | list FILE",
    .summary = "Make a training set of a folder of structures, or list what is in one",
    .least = 2,
    .most = 2,
    .option = table,
    .n_option = sizeof table / sizeof *table,
    .size = sizeof(data_options),
    .defaults = data_defaults,
    .run = data_run,
    .more = "FOLDER holds mmCIF or BinaryCIF files, packed or not; each becomes an entry of its name, "
            "cleaned as AlphaFold "
            "3 does.\nFiles that cannot be used are left out, which the log says. docs/training-data.md says "
            "more.\n"
            "\n"
            "Example\n  of3 data build structures --alignments msas --until 2021-09-30 -o pdb.of3set\n",
};
