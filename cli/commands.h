/* The subcommands. */
#ifndef OF3_CLI_COMMANDS_H
#define OF3_CLI_COMMANDS_H

#include "options.h"

extern const cli_command cli_predict, cli_info, cli_convert, cli_features, cli_molecule, cli_ccd, cli_inputs,
    cli_search, cli_bench, cli_selftest, cli_data;

#endif
