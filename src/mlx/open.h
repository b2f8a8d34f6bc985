/* The MLX backend, in a plugin that is opened when it is asked for. */
#ifndef OF3_MLX_OPEN_H
#define OF3_MLX_OPEN_H

#include "tensor/backend.h"

typedef struct of3_mlx {
  const of3_backend *backend; /* of the element type asked for */
  const char *version;        /* of the MLX library that was found, "0.32.4" */
  const char *device;         /* where it computes: "cpu", "metal" or "cuda" */
  /* Bytes that may be in use in all, weights and all else, if `machine` bytes of the machine's memory may be
   * (0: unknown, both ways). */
  uint64_t (*usable_memory)(uint64_t machine);
  of3_held (*held)(bool restart); /* restart: MLX gives back what it keeps, and `most` begins anew */
} of3_mlx;

/* Opens of3_mlx.so: the file that the environment variable OF3_MLX_PLUGIN names, else the one beside the
 * program, else the one in ../lib/of3. dtype: OF3_F32, OF3_BF16 or OF3_F16, of products and stored
 * activations. OF3_ERR_UNSUPPORTED: there is none, or it or its MLX library does not fit. It stays open until
 * the process ends, as MLX's threads do. */
OF3_MUST_CHECK of3_status of3_mlx_open(of3_dtype dtype, of3_mlx *out, of3_error *err);

#endif
