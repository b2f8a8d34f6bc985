#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "of3_chem.h"
#include "terminal.h"
#include "text.h"

typedef struct ccd_options {
  const char *out, *only;
  bool compact;
} ccd_options;

static const cli_option table[] = {
    {.names = "output",
     .letter = 'o',
     .kind = CLI_TEXT,
     .offset = offsetof(ccd_options, out),
     .value = "FILE",
     .none = "the default place",
     .help = "The file to write"},
    {.names = "only",
     .kind = CLI_FILE,
     .offset = offsetof(ccd_options, only),
     .value = "FILE",
     .none = "all components",
     .help = "Keep the components whose codes stand in this file"},
    {.names = "compact",
     .kind = CLI_FLAG,
     .offset = offsetof(ccd_options, compact),
     .help = "Leave out model coordinates where there are ideal ones"},
};

static void ccd_defaults(void *options) { *(ccd_options *)options = (ccd_options){0}; }

static int ccd_build(const ccd_options *o, const char *in) {
  static cli_terminal terminal; /* larger than a small stack */
  of3_callbacks callbacks = cli_callbacks(&terminal, "info");
  of3_ccd_build_options options = {.only = o->only, .compact = o->compact};
  of3_ccd_info n;
  of3_error err = {0};
  if (of3_ccd_build(in, o->out, &options, &callbacks, &n, &err) != OF3_OK) return cli_report(&err);
  cli_put(stdout, n.path);
  printf(": %d components (newest %s), %" PRId64 " atoms, %" PRId64 " bonds\n", n.components, n.newest,
         n.atoms, n.bonds);
  printf("%d are obsolete, %d have no ideal coordinates, %d have no coordinates\n", n.obsolete,
         n.without_ideal, n.without_coordinates);
  return CLI_EXIT_OK;
}

static int ccd_run(const void *options, const char *const *arg, int n) {
  const ccd_options *o = options;
  const cli_command *c = &cli_ccd;
  (void)n;
  if (strcmp(arg[0], "build") != 0)
    cli_fail(c, "the first word is 'build', not '%.40s'", arg[0]);
  else
    return ccd_build(o, arg[1]);
  return CLI_EXIT_USAGE;
}

const cli_command cli_ccd = {
    .name = "ccd",
    .usage = "build COMPONENTS [-o FILE] [--only FILE] [--compact]",
    .summary = "Convert the PDB's dictionary of chemical components into one indexed file",
    .least = 2,
    .most = 2,
    .option = table,
    .n_option = sizeof table / sizeof *table,
    .size = sizeof(ccd_options),
    .defaults = ccd_defaults,
    .run = ccd_run,
    .more =
        "COMPONENTS is components.cif or components.cif.gz of the PDB (Debian's package openstructure has a "
        "copy), or a\nBinaryCIF file of components (the Python package biotite has one). docs/components.md "
        "says more.\n"
        "\n"
        "The default place is $XDG_DATA_HOME/of3/components.ccd, without that variable\n"
        "~/.local/share/of3/components.ccd: a dictionary there is used without being named. OF3_CCD names "
        "another one; empty:\nthe built-in components alone. 'of3 info' says which is used.\n"
        "\n"
        "Example\n  of3 ccd build components.cif.gz\n",
};
