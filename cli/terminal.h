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
  char label[72];  /* query and seed */
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

/* level: "debug", "info", "warn", "error". cancel is the flag that signals set. */
of3_callbacks cli_callbacks(cli_terminal *terminal, const char *level);

/* Ends the progress line, if one is showing. */
void cli_clear(cli_terminal *terminal);

/* Installs the handlers of SIGINT and SIGTERM (the second signal ends the process), ignores SIGPIPE. */
void cli_catch_signals(void);

/* Prints the sentence and returns the exit code that goes with it. */
int cli_report(const of3_error *err);

#endif
