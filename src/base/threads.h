/* The thread pool. Work is split into contiguous ranges that depend on the number of items and threads only;
 * kernels are written so that an item's result does not depend on the range it falls into. */
#ifndef OF3_BASE_THREADS_H
#define OF3_BASE_THREADS_H

#include <stdint.h>

#include "base/cancel.h"

typedef struct of3_pool of3_pool;

/* Does items begin .. end-1. thread: 0 .. size-1, for scratch memory. */
typedef void of3_task(void *arg, int64_t begin, int64_t end, int thread);

/* n_thread counts the calling thread too. NULL if out of memory or threads. */
of3_pool *of3_pool_new(int n_thread);
/* The same for a pool beside which others compute: n_all threads in all, its own among them. Threads look for
 * work before they sleep only if a processor is there for each of n_all. */
of3_pool *of3_pool_new_beside(int n_thread, int n_all);
void of3_pool_free(of3_pool *opt_pool);
int of3_pool_size(const of3_pool *pool);

/* Runs the task over 0 .. n-1 and returns when all is done. Not to be called from inside a task. */
void of3_pool_run(of3_pool *pool, of3_task *task, void *arg, int64_t n);

/* Until of3_pool_unwatch, work is dealt out in at least so many pieces, if it has as many items, and a piece
 * that has not begun when the flag is set is left out, as is all that would come after it. */
void of3_pool_watch(of3_pool *pool, of3_cancel *opt_cancel, int64_t pieces);
/* Whether anything was left out, so that the results are not to be used. */
bool of3_pool_unwatch(of3_pool *pool);

#endif
