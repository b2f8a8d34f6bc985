/* A batch of different members gives each what it gets alone (test_ops.c, test_ops_mlx.c). */
#ifndef OF3_TESTS_OPS_BATCH_H
#define OF3_TESTS_OPS_BATCH_H

#include "ops_run.h"

/* Makes a case with OPS_MEMBERS sets of numbers, runs each alone and all in one call, whose arguments with
 * leading axes have one more: as complexes, behind the others, or (`shared`) as samples, in front of them,
 * which then have in common what is marked ~ in ops_axes.def. Each member's part of the result is what it
 * gets alone: the same bytes, or with `opt_measured` within its bounds. The plan of the batch suffices. Cases
 * that take long are left out. */
enum { OPS_MEMBERS = 3 };
bool ops_check_batch(const of3_device *device, int threads, const ops_case *k, bool shared,
                     const double *opt_measured);

#endif
