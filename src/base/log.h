/* Messages to the user go through a sink that the caller of the library supplies; nothing under src/ prints.
 */
#ifndef OF3_BASE_LOG_H
#define OF3_BASE_LOG_H

#include "base/status.h"

typedef struct of3_log {
  void (*sink)(void *user, of3_level level, const char *text); /* text: one line without newline */
  void *user;
  of3_level least; /* messages below it are not formatted */
} of3_log;

/* log may be NULL: nothing happens. Lines over 1,023 bytes are cut. */
void of3_logf(const of3_log *opt_log, of3_level level, const char *fmt, ...) OF3_PRINTF(3, 4);

#endif
