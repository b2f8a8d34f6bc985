#include "fuzz_alignment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_text(of3_a3m_parse, data, size);
  return 0;
}
