/* The bounds of all parity tests: at most four times the largest deviation measured, which stands beside
 * each. */
#ifndef OF3_PARITY_BOUNDS_H
#define OF3_PARITY_BOUNDS_H

#include <stdbool.h>

#include "tensor/dtype.h"

/* What a bound depends on besides the tensor. */
typedef struct bounds_kind {
  bool trained;    /* the demonstration weights: sharper attention, larger activations */
  bool many_steps; /* sampled in more than 100 steps, each of which is in the fixture */
  bool mlx;        /* computed by MLX */
  of3_dtype type;  /* of products; with MLX also of stored activations */
} bounds_kind;

/* Bound of the largest deviation over the largest value of a tensor of a fixture. */
double bound_of(const char *name, const bounds_kind *kind);

#endif
