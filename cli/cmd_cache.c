#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commands.h"
#include "of3_msa.h"
#include "terminal.h"
#include "text.h"

typedef struct cache_options {
  const char *cache, *kind;
  double days;
  uint64_t keep;
  bool all;
} cache_options;

#define FIELD(name) offsetof(cache_options, name)
static const uint64_t KEEP_ALL = UINT64_MAX;

static const cli_option table[] = {
    {.names = "cache",
     .kind = CLI_TEXT,
     .offset = FIELD(cache),
     .value = "DIR",
     .none = "$OF3_CACHE, else the system's place for caches",
     .help = "Which cache"},
    {.names = "kind",
     .kind = CLI_TEXT,
     .offset = FIELD(kind),
     .value = "KIND",
     .none = "all kinds",
     .help = "list, clean: entries of this kind only: alignment, paired-alignment, structure, ..."},
    {.names = "older-than",
     .kind = CLI_REAL,
     .offset = FIELD(days),
     .high = 100000,
     .value = "DAYS",
     .none = "of any age",
     .help = "clean: remove what was not used for so long"},
    {.names = "keep",
     .kind = CLI_SIZE,
     .offset = FIELD(keep),
     .value = "SIZE",
     .none = "all",
     .help = "clean: remove what was not used for longest, until so much is left"},
    {.names = "all",
     .kind = CLI_FLAG,
     .offset = FIELD(all),
     .excludes = "keep",
     .help = "clean: remove everything (of the kind)"},
};

static void cache_defaults(void *options) { *(cache_options *)options = (cache_options){.days = -1}; }

/* ---- list */

typedef struct listing {
  const char *kind;
  int n;
  uint64_t bytes;
} listing;

static of3_status list_one(void *user, const of3_cached *e) {
  listing *l = user;
  char size[CLI_SIZE_TEXT], day[16] = "never";
  const time_t used = (time_t)e->used;
  struct tm tm;
  if (l->kind && strcmp(l->kind, e->kind) != 0) return OF3_OK;
  if (used && gmtime_r(&used, &tm)) strftime(day, sizeof day, "%Y-%m-%d", &tm);
  printf("%.12s  %-10s  %8s  %-16s  ", e->key, day, cli_size((double)e->bytes, size), e->kind);
  cli_put(stdout, e->source);
  printf("%s", *e->version ? " " : "");
  cli_put(stdout, e->version);
  printf("\n");
  l->n++;
  l->bytes += e->bytes;
  return OF3_OK;
}

static int list(const cache_options *o, const of3_callbacks *callbacks) {
  char path[1024], size[CLI_SIZE_TEXT];
  const char *by;
  listing l = {.kind = o->kind};
  of3_error err = {0};
  if (of3_cache_describe_place(o->cache, path, sizeof path, &by, &err) != OF3_OK ||
      of3_cache_list(o->cache, callbacks, list_one, &l, &err) != OF3_OK)
    return cli_report(&err);
  cli_put(stdout, path);
  printf(" (%s): %d entries, %s\n", by, l.n, cli_size((double)l.bytes, size));
  return CLI_EXIT_OK;
}

/* ---- verify, clean */

static int verify(const cache_options *o, const of3_callbacks *callbacks) {
  int n = 0, damaged = 0;
  of3_error err = {0};
  if (of3_cache_check(o->cache, callbacks, &n, &damaged, &err) != OF3_OK) return cli_report(&err);
  printf("%d entries were read; %d were damaged%s\n", n, damaged, damaged ? " and are removed" : "");
  return damaged ? CLI_EXIT_FAILED : CLI_EXIT_OK;
}

static int clean(const cache_options *o, const of3_callbacks *callbacks) {
  const of3_cache_prune_options options = {
      .older_s = o->days < 0 ? -1 : o->days * 86400, .keep = o->all ? 0 : o->keep, .kind = o->kind};
  char size[2][CLI_SIZE_TEXT];
  of3_cache_pruned n;
  of3_error err = {0};
  if (!o->all && o->days < 0 && o->keep == KEEP_ALL) {
    cli_fail(&cli_cache, "clean: say what is to go: --older-than DAYS, --keep SIZE or --all");
    return CLI_EXIT_USAGE;
  }
  if (of3_cache_prune(o->cache, &options, callbacks, &n, &err) != OF3_OK) return cli_report(&err);
  printf("%d entries removed, %s; %d left, %s\n", n.removed, cli_size((double)n.removed_bytes, size[0]),
         n.left, cli_size((double)n.left_bytes, size[1]));
  return CLI_EXIT_OK;
}

static int cache_run(const void *options, const char *const *arg, int n) {
  static cli_terminal terminal; /* larger than a small stack */
  const of3_callbacks callbacks = cli_callbacks(&terminal, "info");
  (void)n;
  if (strcmp(arg[0], "list") == 0) return list(options, &callbacks);
  if (strcmp(arg[0], "verify") == 0) return verify(options, &callbacks);
  if (strcmp(arg[0], "clean") == 0) return clean(options, &callbacks);
  cli_fail(&cli_cache, "the word after 'cache' is list, verify or clean, not '%.40s'", arg[0]);
  return CLI_EXIT_USAGE;
}

const cli_command cli_cache = {
    .name = "cache",
    .usage = "list|verify|clean [options]",
    .summary = "Show, check or clean the store of alignments, structures and conformers",
    .least = 1,
    .most = 1,
    .option = table,
    .n_option = sizeof table / sizeof *table,
    .size = sizeof(cache_options),
    .defaults = cache_defaults,
    .run = cache_run,
    .more =
        "verify reads every file and removes what is damaged; then the exit code is 1. A cache keeps itself\n"
        "within 20 GB, or the environment variable OF3_CACHE_SIZE.\n"
        "\n"
        "Examples\n"
        "  of3 cache list --kind alignment\n"
        "  of3 cache clean --older-than 90\n"
        "  of3 cache clean --keep 5GB\n",
};
