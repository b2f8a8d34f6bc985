/* The built-in components are a dictionary that was packed by zlib; it is unpacked when it is opened. */
#include <stdlib.h>
#include <zlib.h>

#include "ccd/ccd_builtin.h"
#include "ccd/ccd_library.h"
#include "ccd/ccd_record.h"

of3_status of3_ccd_open_builtin(of3_ccd **ret_ccd, of3_error *err) {
  uLongf n = (uLongf)of3_ccd_builtin_size;
  void *bytes = malloc(n);
  *ret_ccd = NULL;
  if (!bytes) return of3_fail_memory(err, "the built-in components");
  if (uncompress(bytes, &n, (const Bytef *)of3_ccd_builtin_packed, (uLong)of3_ccd_builtin_packed_size) !=
      Z_OK) {
    free(bytes);
    return of3_fail(err, OF3_ERR_INTERNAL, "the built-in components cannot be unpacked; build of3 again");
  }
  return of3_ccd_open_owned("the built-in components", bytes, n, ret_ccd, err);
}
