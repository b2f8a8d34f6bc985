/* What the parameters of a new network begin with. Each tensor's law is that of OpenFold3's module, found by
 * its name.
 *
 *   lecun, he        truncated normal: of variance 1/k and 2/k, k numbers a row, cut at two
 *                    deviations of the normal
 *   glorot           uniform on +- sqrt(6 / (k + rows))
 *   normal           normal of variance 1/k
 *   final, gating    0; the bias of a gate 1, of an output gate of a conditioned block -2
 *                    (AF3 SI Alg. 24 line 12)
 *   norm             scale 1, offset 0
 *
 * Numbers come from the Philox stream of the seed and the name: a parameter gets the same ones in any network
 * that has it in this shape. */
#ifndef OF3_TRAIN_INITIALISE_H
#define OF3_TRAIN_INITIALISE_H

#include "model/network.h"

typedef enum of3_initialiser {
  OF3_INIT_LECUN,
  OF3_INIT_HE,
  OF3_INIT_GLOROT,
  OF3_INIT_NORMAL,
  OF3_INIT_ZERO,
  OF3_INIT_ONE,
  OF3_INIT_MINUS_TWO,
  OF3_INIT_UNIFORM /* 0 .. 1 */
} of3_initialiser;

/* Of the tensor of that name in a checkpoint (without prefix). */
of3_initialiser of3_initialiser_of(const char *name);

/* rows x columns numbers; a vector has columns 0. */
void of3_initialise(of3_initialiser law, const char *name, uint64_t seed, int64_t rows, int64_t columns,
                    float *out);

/* The values of p [of3_parameter_count] in a new network of the variant; constants too: the version, and the
 * Fourier constants of AF3 SI Alg. 22. */
void of3_initial_values(const of3_network *net, const of3_parameter *p, uint64_t seed, float *out);

#endif
