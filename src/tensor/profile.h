/* A backend around another one that notes how long each operation takes.
 *
 *   of3_profile_begin(p, device, clock);
 *   of3_ctx_open(&cx, &p->device, ...);       compute with cx; p->phase may be changed on the way
 *   p->row[0 .. p->n-1]                       one for each (phase, operation, shape)
 *
 * Results are those of the inner backend. An asynchronous one is waited for after every operation. */
#ifndef OF3_TENSOR_PROFILE_H
#define OF3_TENSOR_PROFILE_H

#include "tensor/backend.h"

enum { OF3_PROFILE_ROWS = 512, OF3_PROFILE_SHAPE = OF3_CALL_TEXT + 16 };

typedef struct of3_profile_row {
  const char *phase;
  of3_op op;
  char shape[OF3_PROFILE_SHAPE]; /* "5x76x768 768x768, norm": input, weights, what is fused; ", reference" if
                                    no kernel did it */
  int64_t calls;
  double seconds, flops,
      bytes; /* of all calls; flops by the operation table, bytes of arguments and results */
} of3_profile_row;

typedef struct of3_profile {
  of3_backend backend; /* first: a context's backend leads here */
  of3_device device;   /* with that backend */
  const of3_backend *inner;
  of3_kernel kernel;
  double (*seconds)(void);
  const char *phase;
  int n; /* the last row takes what finds no room */
  of3_profile_row row[OF3_PROFILE_ROWS];
} of3_profile;

/* seconds: a clock. p must outlive the contexts opened on p->device; one context at a time. */
void of3_profile_begin(of3_profile *p, const of3_device *device, double (*seconds)(void));

#endif
