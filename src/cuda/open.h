/* The CUDA backend, in a plugin (tensor/plugin.h) that is opened when it is asked for. */
#ifndef OF3_CUDA_OPEN_H
#define OF3_CUDA_OPEN_H

#include "tensor/plugin.h"

extern const of3_plugin_kind of3_cuda_plugin_kind; /* of3_cuda.so, which OF3_CUDA_PLUGIN may name */

/* dtype: OF3_F32 or OF3_BF16, of products. */
OF3_MUST_CHECK of3_status of3_cuda_backend(of3_dtype dtype, const of3_backend **ret_backend, of3_error *err);

#endif
