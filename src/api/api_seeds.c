#include "base/python_random.h"
#include "of3.h"

void of3_reference_seeds(uint32_t start, int n, uint64_t *out) {
  of3_python_random g;
  of3_python_seed(&g, start);
  for (int i = 0; i < n; i++) out[i] = of3_python_randint(&g, UINT32_MAX);
}
