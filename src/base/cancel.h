/* The wish to stop, as of3_callbacks.cancel says it: work that may take longer than a blink looks at it. */
#ifndef OF3_BASE_CANCEL_H
#define OF3_BASE_CANCEL_H

#include <signal.h>
#include <stdbool.h>

#include "base/status.h"

typedef const volatile sig_atomic_t of3_cancel; /* not 0: stop soon, with OF3_ERR_CANCELLED */

/* Threads read while a signal handler, on any thread, writes: both in one piece (of3.h). */
static inline bool of3_cancelled(of3_cancel *opt_cancel) {
  return opt_cancel && __atomic_load_n(opt_cancel, __ATOMIC_RELAXED);
}

/* OF3_ERR_CANCELLED with its sentence if somebody asks to stop, else OF3_OK. */
OF3_MUST_CHECK of3_status of3_go_on(of3_cancel *opt_cancel, of3_error *err);

#endif
