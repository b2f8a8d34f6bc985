/* What commands that compute can be told about the machine. */
#ifndef OF3_CLI_MACHINE_H
#define OF3_CLI_MACHINE_H

#include <stdint.h>

#include "of3.h"

/* A command's struct of options has a member `machine` of this type, and its table includes
 * machine_options.inc, which fills it by the command's macro FIELD. */
typedef struct cli_machine {
  const char *backend, *isa, *dtype;
  int device, threads;
  uint64_t max_memory;
} cli_machine;

cli_machine cli_machine_of(const of3_engine_options *options);
cli_machine cli_machine_defaults(void);
of3_engine_options cli_engine_options(const cli_machine *m);

#endif
