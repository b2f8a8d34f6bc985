/* Options of the command line. One table for each subcommand gives parsing, ranges, conflicts and help. */
#ifndef OF3_CLI_OPTIONS_H
#define OF3_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum cli_kind {
  CLI_FLAG,   /* bool; takes no value */
  CLI_TEXT,   /* const char * */
  CLI_FILE,   /* const char *: an existing file or folder */
  CLI_CHOICE, /* const char *: one of `choices` */
  CLI_INT,    /* int, low .. high */
  CLI_REAL,   /* double, low .. high; negative by default where `none` says what that means */
  CLI_SEED,   /* uint64_t below 2^63 */
  CLI_SEEDS,  /* cli_seeds: distinct seeds with commas between them */
  CLI_SIZE,   /* uint64_t bytes, "1500000000", "8GB", "512MiB" */
  CLI_SWITCH, /* bool; takes true or false */
  CLI_OFF, /* a switch of the reference that can only be off here: false is taken; `refusal` says why not */
  CLI_REFUSED /* an option of the reference that is not served; `refusal` says what to do */
} cli_kind;

enum { CLI_MOST_SEEDS = 10000, CLI_MOST_ARGUMENTS = 1000 };

typedef struct cli_seeds {
  int n;
  uint64_t seed[CLI_MOST_SEEDS];
} cli_seeds;

typedef struct cli_option {
  const char *group; /* begins a group of the help */
  const char *names; /* long names with blanks between them, ours first; written here with hyphens */
  char letter;       /* or 0 */
  cli_kind kind;
  size_t offset;        /* of the value in the struct of options */
  int low, high;        /* INT, REAL */
  const char *choices;  /* CHOICE: with blanks between them */
  const char *excludes; /* first name of an option that cannot be given together with this one */
  const char *refusal;  /* OFF, REFUSED */
  const char *value;    /* how the help calls the value */
  const char *none;     /* what 0 or NULL as a default means, in the help */
  const char *help;
} cli_option;

typedef struct cli_command {
  const char *name;
  const char *usage;   /* what follows "of3 NAME" */
  const char *summary; /* one line */
  int least, most;     /* arguments that are no options */
  const cli_option *option;
  int n_option;
  size_t size;                     /* of the struct of options */
  void (*defaults)(void *options); /* fills a zeroed struct */
  /* Reads the file of settings that the options name, and makes options what `defaults` and that file say;
   * the command line is then read once more. False: an error has been printed. NULL: there is no such file.
   */
  bool (*adopt)(void *options);
  int (*run)(const void *options, const char *const *arg, int n); /* returns the exit code */
  const char *more; /* text after the options: what is written, examples */
} cli_command;

typedef enum cli_outcome { CLI_RUN, CLI_HELP, CLI_ERROR, CLI_FAILED /* no error of usage */ } cli_outcome;

/* Fills options (command->size zeroed bytes) and arg (CLI_MOST_ARGUMENTS). An error has been printed. */
cli_outcome cli_parse(const cli_command *command, int argc, char **argv, void *options, const char **arg,
                      int *ret_n);

/* "of3 NAME: SENTENCE" and the short usage, on stderr. Returns false. */
__attribute__((format(printf, 2, 3))) bool cli_fail(const cli_command *command, const char *fmt, ...);

/* help.c */
void cli_print_help(const cli_command *command);
void cli_print_usage(const cli_command *command); /* the short form, on stderr */

/* "a b c" as "a, b or c"; last: the word before the last one, or NULL for a comma. Returns out. */
const char *cli_list(const char *words, const char *last, char *out, size_t size);

/* Size as the help and messages write it: "8.0 GB". */
enum { CLI_SIZE_TEXT = 32 };
const char *cli_size(double bytes, char out[CLI_SIZE_TEXT]);

#endif
