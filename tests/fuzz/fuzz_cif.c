/* CIF as text. */
#include "fuzz_cif.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1 || data[0] >= 0x80) return 0; /* BinaryCIF: fuzz_bcif.c */
  touch_file(data, size);
  return 0;
}
