#include "settings.h"

#include "report.h"
#include "terminal.h"

static of3_settings *held; /* one command runs, once */

const of3_settings *cli_read_settings(const char *opt_path, const char *log) {
  static cli_terminal terminal; /* larger than a small stack */
  of3_callbacks callbacks = cli_callbacks(&terminal, log);
  of3_error err = {0};
  if (of3_settings_read(opt_path, &callbacks, &held, &err) != OF3_OK) cli_report(&err);
  return held;
}

void cli_free_settings(void) {
  of3_settings_free(held);
  held = NULL;
}
