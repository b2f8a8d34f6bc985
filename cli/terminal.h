/* What the command line shows: messages and progress on stderr, and the exit codes. */
#ifndef OF3_CLI_TERMINAL_H
#define OF3_CLI_TERMINAL_H

#include <stdbool.h>

#include "of3.h"

enum { CLI_EXIT_OK = 0, CLI_EXIT_FAILED = 1, CLI_EXIT_USAGE = 2, CLI_EXIT_SIGNAL = 128 /* + its number */ };

enum { CLI_MOST_WORKERS = 1024 };

/* The progress of a worker (of3_progress_info). */
typedef struct cli_worker {
  int item;        /* of the last progress; 0: none */
  char label[192]; /* query and seed */
  double fraction; /* of it */
  double shown;    /* when it was shown last, seconds on the clock */
  const char *phase;
  double phase_began; /* on the clock of the pair */
  int phase_from;     /* `done` at that time */
} cli_worker;

typedef struct cli_terminal {
  bool is_terminal; /* stderr: one progress line that is written over; else plain lines now and then */
  bool line;        /* a progress line is showing */
  double shown;     /* when it was written */
  int n_worker;
  cli_worker worker[CLI_MOST_WORKERS];
} cli_terminal;

/* level: "debug", "info", "warn", "error". From now on the first SIGINT or SIGTERM sets the flag `cancel`,
 * and the second ends the process; before, the first did. */
of3_callbacks cli_callbacks(cli_terminal *terminal, const char *level);

/* Ends the progress line, if one is showing. */
void cli_clear(cli_terminal *terminal);

/* A closed pipe and the limit on the size of files become errors of the writes that meet them; a mapped file
 * that was cut short ends the process with a sentence. */
void cli_prepare_signals(void);

/* Writes out what is held back of the standard output. */
void cli_flush_output(void);

/* The same, at the end; returns the exit code of a command that would end with `code`: if its output was
 * lost, no longer 0. Where the reader went away it is that of SIGPIPE, without a sentence, as with other
 * programs. */
int cli_end_output(int code);

/* Prints the sentence and returns the exit code that goes with it. */
int cli_report(const of3_error *err);

#endif
