/* A lock on a folder: one process at a time writes there, on this machine, in another container, or on
 * another machine that has the same folder over the network.
 *
 *   FOLDER/.of3-lock     a record: who holds the folder, with a counter that the holder raises every few
 *                        seconds while it lives
 *
 * Three things guard it, since no single one works everywhere:
 *
 *   1. The file is made under another name, record and all, and linked to its own: one process succeeds. That
 *      holds on local and network file systems. (Where there are no hard links: created exclusively.)
 *   2. The holder keeps a lock of the system on it (flock), which ends with the process, however it ends. It
 *      is seen by all processes of one kernel, whatever their container, and over NFS where the server has
 *      locks. A file without such a lock, whose record names this machine and this mount, is left by a
 * process that has died: the next one takes it at once.
 *   3. Where that lock tells nothing (a record of another machine, a file system without locks), the counter
 *      does: a record whose counter stands still for `stale_s`, by the clock of the one who watches it, is
 *      taken over. Two who do so at the same moment both write their record and wait `settle_s`; who then
 *      still finds its own holds the folder.
 *
 * A holder that was stopped for longer than stale_s may lose the folder by the third rule.
 * of3_folder_lock_held tells it, and is to be asked before results are changed. */
#ifndef OF3_BASE_FOLDER_LOCK_H
#define OF3_BASE_FOLDER_LOCK_H

#include <signal.h>
#include <stdbool.h>

#include "base/log.h"
#include "base/status.h"

#define OF3_LOCK_NAME ".of3-lock"

typedef struct of3_folder_lock of3_folder_lock;

typedef struct of3_lock_options {
  bool wait;                        /* until the folder is free; else say who holds it */
  double beat_s, stale_s, settle_s; /* seconds; see of3_lock_defaults */
  const volatile sig_atomic_t *opt_cancel;
  const of3_log *opt_log;
} of3_lock_options;

of3_lock_options of3_lock_defaults(void); /* 5, 30 and 2 s */

/* The folder must exist. An error that names the holder if it is held and `wait` is not set. */
OF3_MUST_CHECK of3_status of3_folder_lock_take(const char *folder, const of3_lock_options *options,
                                               of3_folder_lock **ret_lock, of3_error *err);

/* An error if another process has taken the folder meanwhile. */
OF3_MUST_CHECK of3_status of3_folder_lock_held(const of3_folder_lock *lock, of3_error *err);

/* Removes a file that a process left while it tried to take the folder; name: its name in the folder, which
 * begins with OF3_LOCK_NAME. Those of processes that live, or of other machines, stay; one without a record
 * is of a process that was killed before it wrote it. */
void of3_folder_lock_clean(const of3_folder_lock *lock, const char *name);

/* Removes the file, unless another process has taken it. */
void of3_folder_lock_release(of3_folder_lock *opt_lock);

#endif
