#include <stdio.h>

#include "tensor/backend.h"

int of3_device_count(const of3_backend *b) { return b->count_devices ? b->count_devices(b) : 1; }

of3_status of3_device_open(of3_device *out, const of3_backend *b, int index, of3_error *err) {
  const int n = of3_device_count(b);
  *out = (of3_device){0};
  if (index < 0 || index >= n)
    return of3_fail(err, OF3_ERR_USAGE,
                    "the backend %s has %d device%s here, numbered from 0; there is no device %d", b->name, n,
                    n == 1 ? "" : "s", index);
  of3_device d = {.backend = b, .index = index, .name = "cpu", .version = ""};
  if (b->open_device) OF3_TRY(b->open_device(&d, err));
  *out = d;
  return OF3_OK;
}

void of3_device_close(of3_device *d) {
  if (d->backend && d->backend->close_device) d->backend->close_device(d);
  *d = (of3_device){0};
}

const char *of3_device_text(const of3_device *d, int threads, char out[OF3_DEVICE_TEXT]) {
  if (d->backend->describe)
    d->backend->describe(d, threads, out, OF3_DEVICE_TEXT);
  else
    snprintf(out, OF3_DEVICE_TEXT, "%s", d->backend->name);
  return out;
}

uint64_t of3_device_usable(const of3_device *d, uint64_t machine) {
  return d->backend->usable_memory ? d->backend->usable_memory(d, machine) : machine;
}
