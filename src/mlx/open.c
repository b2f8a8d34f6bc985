#include "mlx/open.h"

const of3_plugin_kind of3_mlx_plugin_kind = {.library = "MLX",
                                             .file = "of3_mlx",
                                             .variable = "OF3_MLX_PLUGIN",
                                             .advice = "see docs/apple.md, or use --backend cpu"};

of3_status of3_mlx_backend(of3_dtype dtype, const of3_backend **ret_backend, of3_error *err) {
  return of3_plugin_open(&of3_mlx_plugin_kind, dtype, ret_backend, err);
}
