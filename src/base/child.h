/* Child processes: other programs, run side by side, that end when this process does.
 *
 *   this process --- pipe --- guard (leader of a process group)
 *        |                      kills the group when the pipe closes, however this process ended
 *        +--- child, child ...  members of that group, with whatever they start themselves
 *
 * Programs are started by their arguments, without a shell. They read nothing; what they say on either output
 * is kept, the last of it, for the sentence that tells of their failure. One thread uses a set of children.
 */
#ifndef OF3_BASE_CHILD_H
#define OF3_BASE_CHILD_H

#include <stdbool.h>

#include "base/status.h"

enum { OF3_MOST_CHILDREN = 256, OF3_CHILD_WORDS = 2048 };

typedef struct of3_children of3_children;

OF3_MUST_CHECK of3_status of3_children_new(of3_children **ret_children, of3_error *err);

/* Kills those that run, with all that they started. */
void of3_children_free(of3_children *opt_children);

/* argv: ends with NULL; argv[0] is the path of the program (of3_find_program). *ret_id: 0 ..
 * OF3_MOST_CHILDREN - 1, and given again once its end was seen. */
OF3_MUST_CHECK of3_status of3_child_start(of3_children *children, const char *const *argv, int *ret_id,
                                          of3_error *err);

/* How a child ended. */
typedef struct of3_child_end {
  int id;                     /* -1: none did */
  int exit_code;              /* where signal is 0 */
  int signal;                 /* that ended it, or 0 */
  char said[OF3_CHILD_WORDS]; /* the last of what it said */
} of3_child_end;

/* Returns when a child has ended, after so many seconds at the latest; at once if none runs. */
void of3_children_wait(of3_children *children, double seconds, of3_child_end *out);

/* The sentence for a child that did not end with 0: name, how it ended, its last lines. */
of3_status of3_child_failed(const char *program, const of3_child_end *end, of3_error *err);

/* Where the shell would find the program: a name without '/' in the folders of PATH, else the path itself if
 * it can be run. NULL: nowhere. Ownership: free. */
char *of3_find_program(const char *name);

#endif
