#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "of3_plot.h"
#include "terminal.h"
#include "text.h"

typedef struct plot_options {
  const char *out, *title, *format;
} plot_options;

static const cli_option table[] = {
    {.names = "output-dir",
     .letter = 'o',
     .kind = CLI_TEXT,
     .offset = offsetof(plot_options, out),
     .value = "FOLDER",
     .none = "beside what is drawn",
     .help = "Where the pictures go"},
    {.names = "format",
     .letter = 'f',
     .kind = CLI_CHOICE,
     .offset = offsetof(plot_options, format),
     .choices = "svg png both",
     .value = "FORMAT",
     .help = "Which files to write"},
    {.names = "title",
     .kind = CLI_TEXT,
     .offset = offsetof(plot_options, title),
     .value = "TEXT",
     .none = "the name of the file",
     .help = "What stands above the picture"},
};

static void plot_defaults(void *options) { *(plot_options *)options = (plot_options){.format = "svg"}; }

static void plot_put_path(void *user, const char *path) {
  (void)user;
  cli_put(stdout, path);
  putchar('\n');
}

static int plot_run(const void *options, const char *const *arg, int n) {
  const plot_options *o = options;
  const of3_plot_options plot = {.out = o->out,
                                 .title = o->title,
                                 .svg = strcmp(o->format, "png") != 0,
                                 .png = strcmp(o->format, "svg") != 0,
                                 .wrote = plot_put_path};
  for (int i = 0; i < n; i++) {
    of3_error err = {0};
    if (of3_plot(arg[i], &plot, &err) != OF3_OK) return cli_report(&err);
  }
  return CLI_EXIT_OK;
}

const cli_command cli_plot = {
    .name = "plot",
    .usage = "FILE|FOLDER ... [options]",
    .summary = "Draw expected errors, pLDDT, alignments and training curves as SVG or PNG",
    .least = 1,
    .most = CLI_MOST_ARGUMENTS,
    .option = table,
    .n_option = sizeof table / sizeof *table,
    .size = sizeof(plot_options),
    .defaults = plot_defaults,
    .run = plot_run,
    .more = "What a file shows is known by its name; of a folder all such files are drawn:\n"
            "  .._confidences.json   expected errors of positions (PAE)     NAME_pae\n"
            "  .._model.cif[.gz]     pLDDT along the residues               NAME_plddt\n"
            "  .a3m[.gz]             coverage of an alignment               NAME_coverage\n"
            "  train.csv             curves of a training run               loss\n"
            "The files that were written are listed.\n"
            "\n"
            "Examples\n  of3 plot out/ubiquitin/seed_42\n  of3 plot run/train.csv --format png\n",
};
