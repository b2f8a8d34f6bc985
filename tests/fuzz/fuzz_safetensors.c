/* Any bytes as a safetensors file; every tensor of what is accepted lies in readable memory. */
#include <stdint.h>
#include <stdlib.h>

#include "io/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void touch(const of3_entry *e) {
  size_t n = (size_t)e->count * of3_dtype_size(e->dtype);
  const volatile uint8_t *byte = e->data;
  if (n > 0) (void)(byte[0] + byte[n / 2] + byte[n - 1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  of3_table table = {0};
  of3_error err = {0};
  if (of3_safetensors_parse(data, size, &table, &err) != OF3_OK) return 0;
  for (int i = 0; i < table.n; i++) {
    touch(&table.entry[i]);
    if (of3_table_find(&table, table.entry[i].name) != &table.entry[i]) abort();
  }
  of3_table_close(&table);
  return 0;
}
