#include "cuda/open.h"

const of3_plugin_kind of3_cuda_plugin_kind = {.library = "CUDA",
                                              .file = "of3_cuda",
                                              .variable = "OF3_CUDA_PLUGIN",
                                              .advice = "see docs/backends.md, or use --backend cpu"};

of3_status of3_cuda_backend(of3_dtype dtype, const of3_backend **ret_backend, of3_error *err) {
  return of3_plugin_open(&of3_cuda_plugin_kind, dtype, ret_backend, err);
}
