/* Runs the cases of ops_cases.inc on a backend and compares results; shared by test_ops.c and
 * test_ops_mlx.c. */
#ifndef OF3_TESTS_OPS_RUN_H
#define OF3_TESTS_OPS_RUN_H

#include "ops_inputs.h"
#include "tensor/backend.h"

typedef struct ops_case {
  of3_op op;
  int64_t param[OPS_MAX_PARAM];
} ops_case;

typedef struct ops_result {
  of3_dtype dtype;
  int64_t count;
  size_t bytes;
  void *value; /* the caller's to free; NULL while planning */
  double flops;
  int64_t n_ops, n_by_reference; /* of these the reference did */
  size_t peak;
} ops_result;

int ops_n_case(void);
const ops_case *ops_cases(void);

/* Prints what is wrong with a case; returns false. */
bool ops_complain(const ops_case *k, const char *isa, int threads, const char *what);

/* Runs a case in a context of `limit` bytes whose memory, if it is the host's, is NaN. Weights are bf16 if
 * the backend's operands are. */
bool ops_run(const of3_device *device, int threads, const ops_case *k, bool planning, size_t limit,
             ops_result *r);

/* Whether a case gives the bytes of `plain` while a tape records, and leaves what it updates where it was:
 * which is so if ops.def says right what it does to its output. */
bool ops_check_recorded(const of3_device *device, int threads, const ops_case *k, const ops_result *plain);

/* The largest difference over the largest reference value must be within 4 times the measured one of the
 * operation, integers equal; *worst takes up the difference. */
bool ops_compare(const ops_case *k, const char *isa, const ops_result *r, const ops_result *reference,
                 const double *measured, double *worst);

/* The plan counts the same operations and FLOPs, and its peak suffices. */
bool ops_check_plan(const ops_case *k, const char *isa, int threads, const ops_result *plan,
                    const ops_result *real);

/* For each selected operation and all of its cases, how many of these the backend's kernels accept. */
void ops_print_support(const of3_device *device, const char *title, int argc, char **argv, int first);

/* Whether an operation is among argv[first..], or these are none. */
bool ops_selected(const char *name, int argc, char **argv, int first);

#endif
