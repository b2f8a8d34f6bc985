/* The summary of of3 predict. */
#ifndef OF3_CLI_REPORT_H
#define OF3_CLI_REPORT_H

#include "of3.h"

/* The summary at the end, on stdout: a table over pairs of query and seed, times, files. */
void cli_print_report(const of3_report *report);

#endif
