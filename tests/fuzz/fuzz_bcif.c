/* BinaryCIF: the first byte becomes that of a map, which tells it from text. */
#include <string.h>

#include "fuzz_cif.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  uint8_t *copy = malloc(size);
  if (!copy) return 0;
  memcpy(copy, data, size);
  if (copy[0] != 0xde && copy[0] != 0xdf) copy[0] = (uint8_t)(0x80 | (copy[0] & 0x0f));
  touch_file(copy, size);
  free(copy);
  return 0;
}
