/* The subcommands. */
#ifndef OF3_CLI_COMMANDS_H
#define OF3_CLI_COMMANDS_H

#include "of3.h"
#include "options.h"

extern const cli_command cli_predict, cli_info, cli_convert, cli_features, cli_molecule, cli_ccd, cli_inputs,
    cli_search, cli_align, cli_cache, cli_bench, cli_selftest, cli_data, cli_plot, cli_train;

/* An MSA server: a command's struct of options has a member `server` of this type and `cache`, and its table
 * includes server_options.inc, which fills them by the command's macro FIELD. */
typedef struct cli_server {
  const char *url, *user_agent, *chains_url;
  double poll_s;
} cli_server;

cli_server cli_server_defaults(void);
of3_msa_server cli_msa_server(const cli_server *server);

#endif
