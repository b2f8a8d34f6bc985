/* Errors. A function that can fail returns an of3_status and fills an of3_error with one sentence that says
 * what, where, what was found, what was expected and what to do. Broken invariants assert; nothing under src/
 * exits. */
#ifndef OF3_BASE_STATUS_H
#define OF3_BASE_STATUS_H

#include <stdarg.h>

#include "of3.h" /* of3_status, of3_error, of3_level: one definition for users and for the parts */

#define OF3_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

/* Fills err (which may be NULL) and returns code, so that `return of3_fail(...)` is the way out. */
of3_status of3_fail(of3_error *err, of3_status code, const char *fmt, ...) OF3_PRINTF(3, 4);

/* The sentence for a failed allocation of `what`. */
of3_status of3_fail_memory(of3_error *err, const char *what);

/* Puts "CONTEXT: " before the sentence in err; returns err->code. Of a failure whose reason nobody asked for
 * (err is NULL) the code is not known here: OF3_ERR_INPUT, which is what fails in a place that has a name. */
of3_status of3_prefix(of3_error *err, const char *fmt, ...) OF3_PRINTF(2, 3);

#ifdef __clang_analyzer__ /* cannot see that failing is not OF3_OK */
#define of3_fail(err, code, ...)   ((void)(of3_fail)((err), (code), __VA_ARGS__), (code))
#define of3_fail_memory(err, what) ((void)(of3_fail_memory)((err), (what)), OF3_ERR_MEMORY)
#endif

#define OF3_TRY(expr)                                                                                        \
  do {                                                                                                       \
    of3_status try_status_ = (expr);                                                                         \
    if (try_status_ != OF3_OK) return try_status_;                                                           \
  } while (0)

#endif
