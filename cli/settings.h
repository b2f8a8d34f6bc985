/* The file of settings of a command. */
#ifndef OF3_CLI_SETTINGS_H
#define OF3_CLI_SETTINGS_H

#include "of3_settings.h"

/* Those of the user's cache, and of opt_path before them. log: least important messages shown. NULL: an error
 * has been printed. Ownership: cli_free_settings. */
const of3_settings *cli_read_settings(const char *opt_path, const char *log);
void cli_free_settings(void);

#endif
