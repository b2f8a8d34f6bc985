/* The MLX backend, in a plugin (tensor/plugin.h) that is opened when it is asked for. */
#ifndef OF3_MLX_OPEN_H
#define OF3_MLX_OPEN_H

#include "tensor/plugin.h"

extern const of3_plugin_kind of3_mlx_plugin_kind; /* of3_mlx.so, which OF3_MLX_PLUGIN may name */

/* dtype: OF3_F32, OF3_BF16 or OF3_F16, of products and stored activations. */
OF3_MUST_CHECK of3_status of3_mlx_backend(of3_dtype dtype, const of3_backend **ret_backend, of3_error *err);

#endif
