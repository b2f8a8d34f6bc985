/* Converting a checkpoint of any layout to one safetensors file. */
#ifndef OF3_MODEL_CONVERT_H
#define OF3_MODEL_CONVERT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "tensor/backend.h"

typedef struct of3_converted {
  int n_tensor, n_skipped; /* written; of the second denoiser, left out */
  uint64_t bytes_in, bytes_out;
} of3_converted;

/* Writes the weights of `in` (file or DeepSpeed folder) to the safetensors file `out`: binds them to a
 * network on the backend, as for a fold, and writes the network's table of parameters (model/parameters.h).
 * So what is converted can be folded with, and what cannot be is refused with a sentence that names the
 * tensor.
 *
 *   - dtype is OF3_F32 or OF3_BF16 (rounded to nearest even). The version tensor and the 512 Fourier
 * constants of the noise level stay f32: at 2 KB they save nothing, and their rounding would shift every
 * phase.
 *   - Names lose their prefix, EMA weights are taken where there are any, and the second denoiser
 *     (`sample_diffusion.*`), which the published files hold as a copy of the first, is left out: a third of
 *     the bytes.
 *   - The metadata of a safetensors file are kept.
 *
 * backend: one with f32 operands and host memory. Where it uses bf16 matrices as they lie (`widens`), f32 and
 * bf16 files stay mapped and are read a tensor at a time; else weights take their size in f32. `out` appears
 * when complete, and is never the file that is being read. */
OF3_MUST_CHECK of3_status of3_checkpoint_convert(const of3_backend *backend, const char *in, const char *out,
                                                 of3_dtype dtype, of3_cancel *opt_cancel,
                                                 of3_converted *opt_done, of3_error *err);

#endif
