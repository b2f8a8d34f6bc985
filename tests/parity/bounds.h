/* The bounds of all parity tests: at most four times the largest deviation measured, which stands beside
 * each. */
#ifndef OF3_PARITY_BOUNDS_H
#define OF3_PARITY_BOUNDS_H

#include <stdbool.h>

#include "tensor/dtype.h"

/* Bound of the largest deviation over the largest value of a tensor of a fixture. trained: the demonstration
 * weights. mlx: computed by MLX; type: of its products and stored activations. */
double bound_of(const char *name, bool trained, bool mlx, of3_dtype type);

#endif
