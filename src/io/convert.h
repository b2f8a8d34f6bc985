/* Converting a checkpoint of any layout to one safetensors file. */
#ifndef OF3_IO_CONVERT_H
#define OF3_IO_CONVERT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "io/safetensors.h"

typedef struct of3_converted {
  int n_tensor, n_skipped; /* written; of the second denoiser, left out */
  uint64_t bytes_in, bytes_out;
} of3_converted;

/* Asked before each tensor; true stops the conversion with OF3_ERR_CANCELLED. */
typedef bool of3_cancel(void *user);

/* Writes the weights of `in` (file or DeepSpeed folder) to the safetensors file `out`.
 *
 *   - dtype is OF3_F32 or OF3_BF16 (rounded to nearest even; f64 by way of f32). Integer tensors stay as they
 * are, and so, in f32, do the version tensor and the 512 Fourier constants of the noise level: at 2 KB they
 * save nothing, and their rounding would shift every phase.
 *   - Names lose their prefix, EMA weights are taken where there are any, and the second denoiser
 *     (`sample_diffusion.*`), which the published files hold as a copy of the first, is left out: a third of
 * the bytes.
 *   - The metadata of a safetensors file are kept.
 *
 * Tensors are converted one at a time in pieces: nothing is held whole in memory. `out` appears when
 * complete, and is never the file that is being read. opt_cancel may be NULL. */
OF3_MUST_CHECK of3_status of3_checkpoint_convert(const char *in, const char *out, of3_dtype dtype,
                                                 of3_cancel *opt_cancel, void *user, of3_converted *opt_done,
                                                 of3_error *err);

#endif
