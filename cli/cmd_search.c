#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "of3_search.h"
#include "terminal.h"
#include "text.h"

typedef struct search_options {
  bool check, gpu, wait;
  int threads;
  const char *databases, *output_dir, *cache, *log;
} search_options;

#define FIELD(name) offsetof(search_options, name)

static const cli_option table[] = {
    {.names = "databases",
     .letter = 'd',
     .kind = CLI_FILE,
     .offset = FIELD(databases),
     .value = "FILE",
     .none = "must be given",
     .help = "YAML that names databases and programs"},
    {.names = "check",
     .kind = CLI_FLAG,
     .offset = FIELD(check),
     .help = "Say which programs and files of databases are missing and how to get them, and search nothing"},
    {.names = "output-dir",
     .letter = 'o',
     .kind = CLI_TEXT,
     .offset = FIELD(output_dir),
     .value = "FOLDER",
     .help = "Where alignments, template hits and query_msa.json go; created if missing"},
    {.names = "threads",
     .letter = 't',
     .kind = CLI_INT,
     .offset = FIELD(threads),
     .low = 0,
     .high = 1024,
     .value = "N",
     .none = "all processors this process may use",
     .help = "Threads of all programs together; as many programs run side by side as these suffice for"},
    {.names = "gpu",
     .kind = CLI_FLAG,
     .offset = FIELD(gpu),
     .help = "MMseqs2 searches on a graphics processor, if it was built for that"},
    {.names = "cache",
     .kind = CLI_TEXT,
     .offset = FIELD(cache),
     .value = "FOLDER",
     .none = "$OF3_CACHE, else the usual place",
     .help = "The store that all runs share (docs/alignments.md); an empty name: none"},
    {.names = "wait",
     .kind = CLI_FLAG,
     .offset = FIELD(wait),
     .help = "If another of3 writes to the folder, wait until it is done; without it of3 says which process "
             "that is, and ends"},
    {.names = "log",
     .kind = CLI_CHOICE,
     .offset = FIELD(log),
     .choices = "debug info warn error",
     .value = "LEVEL",
     .help = "Least important messages shown, with the begin and end of each search from info on"},
};

static void search_defaults(void *options) {
  *(search_options *)options = (search_options){.output_dir = "msas", .log = "info"};
}

static void show(void *user, const char *sentence) {
  (void)user;
  cli_put(stdout, sentence);
  putchar('\n');
}

static int search_check(const of3_search_settings *settings) {
  of3_error err;
  int missing = 0;
  if (of3_search_check(settings, show, NULL, &missing, &err) != OF3_OK) return cli_report(&err);
  if (!missing) printf("all programs and databases are there\n");
  return missing ? CLI_EXIT_FAILED : CLI_EXIT_OK;
}

static int search_queries(const search_options *o, const of3_search_settings *settings, const char *query) {
  static cli_terminal terminal; /* larger than a small stack */
  const of3_callbacks callbacks = cli_callbacks(&terminal, o->log);
  of3_search_report r;
  of3_error err;
  if (of3_search(query, settings, &callbacks, &r, &err) != OF3_OK) return cli_report(&err);
  printf("%d file%s searched for, %d from the store, %d there before, %d failed; %.1f s\n", r.made,
         r.made == 1 ? "" : "s", r.from_cache, r.kept, r.failed, r.seconds);
  printf("queries with their alignments: ");
  cli_put(stdout, o->output_dir);
  printf("/query_msa.json (%d of %d)\n", r.n_query - r.n_failed, r.n_query);
  return r.n_failed ? CLI_EXIT_FAILED : CLI_EXIT_OK;
}

static int search_run(const void *options, const char *const *arg, int n) {
  const search_options *o = options;
  const of3_search_settings settings = {.databases = o->databases,
                                        .output_dir = o->output_dir,
                                        .cache = o->cache,
                                        .threads = o->threads,
                                        .gpu = o->gpu,
                                        .wait = o->wait};
  if (!o->databases || (!o->check && n == 0)) {
    cli_fail(&cli_search, o->databases ? "it needs a query" : "--databases FILE must be given");
    return CLI_EXIT_USAGE;
  }
  return o->check ? search_check(&settings) : search_queries(o, &settings, arg[0]);
}

const cli_command cli_search = {
    .name = "search",
    .usage = "QUERY --databases FILE [options] | --check --databases FILE",
    .summary = "Search databases on this machine for alignments and templates",
    .least = 0,
    .most = 1,
    .option = table,
    .n_option = sizeof table / sizeof *table,
    .size = sizeof(search_options),
    .defaults = search_defaults,
    .run = search_run,
    .more = "Runs jackhmmer, nhmmer, hmmsearch, hhblits and MMseqs2 with OpenFold3's and ColabFold's "
            "parameters for\n"
            "all proteins and RNA of the query that name no alignment. FOLDER/query_msa.json is the query "
            "with the\n"
            "paths of what was found, for 'of3 predict' or OpenFold3. What is there already is not searched "
            "again.\n"
            "docs/alignments.md describes the file of databases.\n"
            "\n"
            "Examples\n"
            "  of3 search --check --databases databases.yaml\n"
            "  of3 search query.json --databases databases.yaml -o msas --threads 16\n"
            "  of3 predict msas/query_msa.json --checkpoint weights.pt\n",
};
