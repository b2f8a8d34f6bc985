/* Errors. A function that can fail returns an of3_status and fills an of3_error with one sentence that says
 * what, where, what was found, what was expected and what to do. Broken invariants assert; nothing under src/
 * exits. */
#ifndef OF3_BASE_STATUS_H
#define OF3_BASE_STATUS_H

#include <stdarg.h>

typedef enum of3_status {
  OF3_OK = 0,
  OF3_ERR_USAGE,       /* an option, or options that exclude each other */
  OF3_ERR_INPUT,       /* content of a file or query of the user's */
  OF3_ERR_UNSUPPORTED, /* valid input that this version does not serve */
  OF3_ERR_IO,          /* the file system */
  OF3_ERR_MEMORY,
  OF3_ERR_CANCELLED, /* the user interrupted */
  OF3_ERR_INTERNAL
} of3_status;

enum { OF3_ERROR_TEXT = 1024 };

typedef struct of3_error {
  of3_status code;
  char text[OF3_ERROR_TEXT]; /* one sentence, no newline, always terminated */
} of3_error;

#define OF3_MUST_CHECK         __attribute__((warn_unused_result))
#define OF3_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

/* Fills err (which may be NULL) and returns code, so that `return of3_fail(...)` is the way out. */
of3_status of3_fail(of3_error *err, of3_status code, const char *fmt, ...) OF3_PRINTF(3, 4);

/* The sentence for a failed allocation of `what`. */
of3_status of3_fail_memory(of3_error *err, const char *what);

/* Puts "CONTEXT: " before the sentence in err; returns err->code. */
of3_status of3_prefix(of3_error *err, const char *fmt, ...) OF3_PRINTF(2, 3);

#define OF3_TRY(expr)                                                                                        \
  do {                                                                                                       \
    of3_status try_status_ = (expr);                                                                         \
    if (try_status_ != OF3_OK) return try_status_;                                                           \
  } while (0)

#endif
