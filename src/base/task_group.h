/* A group of threads that do long work side by side. Meanwhile the calling thread executes the functions that
 * they send to it (of3_task_group_call), one at a time. So what belongs to the caller, its callbacks and its
 * report, is touched by the caller's thread only and needs no lock. */
#ifndef OF3_BASE_TASK_GROUP_H
#define OF3_BASE_TASK_GROUP_H

#include "base/status.h"

typedef struct of3_task_group of3_task_group;

typedef void of3_task_group_work(void *arg, of3_task_group *group, int member);

/* Runs work(arg, group, 0), ... work(arg, group, n - 1), each on a thread of its own, and returns when all
 * have returned. n = 1: on the calling thread. OF3_ERR_MEMORY: the threads cannot be started, and nothing
 * ran. */
OF3_MUST_CHECK of3_status of3_task_group_run(int n, of3_task_group_work *work, void *arg, of3_error *err);

/* Called by a member: f(arg) is done on the thread that called of3_task_group_run; returns when it is done.
 * Requests of one member are done in its order. f may not ask. */
void of3_task_group_call(of3_task_group *group, void (*f)(void *arg), void *arg);

#endif
