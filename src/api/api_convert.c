#include <string.h>

#include "api/handles.h"
#include "cpu/cpu.h"
#include "model/convert.h"

of3_status of3_convert(const char *in, const char *out, const char *dtype, const of3_callbacks *opt_callbacks,
                       of3_convert_info *opt_info, of3_error *err) {
  of3_converted done = {0};
  of3_callbacks callbacks = opt_callbacks ? *opt_callbacks : (of3_callbacks){0};
  bool f32 = strcmp(dtype, "f32") == 0;
  if (!f32 && strcmp(dtype, "bf16") != 0)
    return of3_fail(err, OF3_ERR_USAGE, "checkpoints are converted to f32 or bf16, not to '%.40s'", dtype);
  const of3_backend *backend = NULL;
  OF3_TRY(of3_cpu_backend("plain", OF3_F32, &backend, err));
  OF3_TRY(of3_checkpoint_convert(backend, in, out, f32 ? OF3_F32 : OF3_BF16, callbacks.cancel, &done, err));
  if (opt_info)
    *opt_info = (of3_convert_info){.n_tensor = done.n_tensor,
                                   .n_skipped = done.n_skipped,
                                   .bytes_in = done.bytes_in,
                                   .bytes_out = done.bytes_out};
  return OF3_OK;
}
