/* of3: finds the subcommand, and knows --version and help. */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "of3.h"
#include "terminal.h"
#include "text.h"

static const cli_command *const commands[] = {
    &cli_predict,  &cli_info, &cli_convert, &cli_features, &cli_inputs, &cli_search, &cli_align,   &cli_cache,
    &cli_molecule, &cli_plot, &cli_ccd,     &cli_data,     &cli_train,  &cli_bench,  &cli_selftest};
enum { N_COMMAND = sizeof commands / sizeof *commands };

static const cli_command *find_command(const char *name) {
  for (int i = 0; i < N_COMMAND; i++)
    if (strcmp(commands[i]->name, name) == 0) return commands[i];
  return NULL;
}

static int print_overview(void) {
  printf("of3 %s: OpenFold3 in C, structures of proteins, RNA and DNA from their sequences\n\nusage: of3 "
         "COMMAND ...\n\n",
         of3_version());
  for (int i = 0; i < N_COMMAND; i++) printf("  %-16s %s\n", commands[i]->name, commands[i]->summary);
  printf("  %-16s %s\n", "help", "This page, or the options of a command: of3 help COMMAND");
  printf("\nof3 COMMAND --help describes a command, of3 --version names the version.\n");
  return CLI_EXIT_OK;
}

static int unknown_command(const char *name) {
  char clean[128];
  fprintf(stderr, "of3: unknown command '%s'; the commands are", cli_clean(name, clean, sizeof clean));
  for (int i = 0; i < N_COMMAND; i++) fprintf(stderr, " %s", commands[i]->name);
  fprintf(stderr, " help\n");
  return CLI_EXIT_USAGE;
}

static int help(int argc, char **argv) {
  if (argc == 0) return print_overview();
  const cli_command *c = find_command(argv[0]);
  if (!c) return unknown_command(argv[0]);
  cli_print_help(c);
  return CLI_EXIT_OK;
}

static int run_command(const cli_command *c, int argc, char **argv) {
  const char *arg[CLI_MOST_ARGUMENTS] = {0};
  int n = 0, code = CLI_EXIT_USAGE;
  void *options = calloc(1, c->size);
  if (!options) {
    fprintf(stderr, "of3: out of memory\n");
    return CLI_EXIT_FAILED;
  }
  switch (cli_parse(c, argc, argv, options, arg, &n)) {
  case CLI_RUN:
    code = c->run(options, arg, n);
    break;
  case CLI_HELP:
    cli_print_help(c);
    code = CLI_EXIT_OK;
    break;
  case CLI_FAILED:
    code = CLI_EXIT_FAILED;
    break;
  case CLI_ERROR:
    break;
  }
  free(options);
  return code;
}

static int dispatch(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: of3 COMMAND ...; of3 help lists the commands\n");
    return CLI_EXIT_USAGE;
  }
  const char *name = argv[1];
  if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
    printf("of3 %s\n", of3_version());
    return CLI_EXIT_OK;
  }
  if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
    return help(argc - 2, argv + 2);
  const cli_command *c = find_command(name);
  return c ? run_command(c, argc - 2, argv + 2) : unknown_command(name);
}

/* Where a standard stream is closed, a result would be opened under its number and messages would land in it.
 * What takes the place cannot be written, so that a closed standard output stays an error. */
static void fill_standard_streams(void) {
  int fd;
  do fd = open("/dev/null", O_RDONLY);
  while (fd >= STDIN_FILENO && fd <= STDERR_FILENO);
  if (fd > STDERR_FILENO) close(fd);
}

int main(int argc, char **argv) {
  fill_standard_streams();
  cli_prepare_signals();
  return cli_end_output(dispatch(argc, argv));
}
