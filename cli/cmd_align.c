#include <stdio.h>
#include <stdlib.h>

#include "commands.h"
#include "of3_msa.h"
#include "settings.h"
#include "terminal.h"

typedef struct align_options {
  const char *settings_file;
  const of3_settings *settings;
  const char *query_json, *output_dir, *cache, *log;
  bool structures;
  cli_server server;
} align_options;

#define FIELD(name) offsetof(align_options, name)

static const cli_option table[] = {
    {.names = "query-json",
     .kind = CLI_FILE,
     .offset = FIELD(query_json),
     .value = "FILE",
     .help = "The query file, if it is not the argument QUERY"},
    {.names = "output-dir",
     .letter = 'o',
     .kind = CLI_TEXT,
     .offset = FIELD(output_dir),
     .value = "FOLDER",
     .help = "Where alignments and query_msa.json go; created if missing; it must be given"},
    {.names = "structures",
     .kind = CLI_FLAG,
     .offset = FIELD(structures),
     .help = "Get the structures of template hits, too, for --structures FOLDER/structures of 'of3 predict'"},
#include "server_options.inc"
#include "settings_option.inc"
#include "log_option.inc"
};

static void align_defaults(void *options) {
  *(align_options *)options = (align_options){.server = cli_server_defaults(), .log = "info"};
}

static bool align_adopt(void *options) {
  align_options *o = options;
  const of3_settings *s = cli_read_settings(o->settings_file, o->log);
  if (!s) return false;
  align_defaults(o);
  o->settings = s;
  o->output_dir = s->server.folder ? s->server.folder : s->output_dir;
  o->server.url = s->server.url;
  o->server.user_agent = s->server.user_agent;
  return true;
}

static int align_run(const void *options, const char *const *arg, int n) {
  static cli_terminal terminal; /* larger than a small stack */
  const align_options *o = options;
  const char *query = n ? arg[0] : o->query_json;
  if (!query || (n && o->query_json) || !o->output_dir) {
    cli_fail(&cli_align, !query           ? "a query is missing"
                         : !o->output_dir ? "no folder is named; give --output-dir"
                                          : "QUERY and --query-json cannot be given together");
    return CLI_EXIT_USAGE;
  }
  of3_callbacks callbacks = cli_callbacks(&terminal, o->log);
  const of3_align_options align = {.server = cli_msa_server(&o->server),
                                   .cache = o->cache,
                                   .structures = o->structures,
                                   .settings = o->settings};
  of3_error err = {0};
  int failed = 0;
  const of3_status status = of3_align_msa_server(query, o->output_dir, &align, &callbacks, &failed, &err);
  cli_free_settings();
  return status == OF3_OK ? CLI_EXIT_OK : cli_report(&err);
}

const cli_command cli_align = {
    .name = "align-msa-server",
    .usage = "QUERY --output-dir FOLDER [options]",
    .summary = "Get alignments and template hits from a ColabFold server, without folding",
    .most = 1,
    .option = table,
    .n_option = sizeof table / sizeof *table,
    .size = sizeof(align_options),
    .defaults = align_defaults,
    .adopt = align_adopt,
    .run = align_run,
    .more = "FOLDER/query_msa.json is the query with its alignments: fold it with 'of3 predict', or with "
            "OpenFold3. "
            "Chains\nthat name an alignment keep theirs. docs/alignments.md says what is where.\n",
};
