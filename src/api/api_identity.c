/* The identity of a checkpoint: SHA-256 over the size of the file, over name, type and shape of every tensor,
 * and over content: all of it up to 16 MiB, else 4 KiB at 64 places spread evenly over all bytes of weights.
 * Hashing the 2 GB of a published file would cost more than a short fold; training changes every weight, so
 * that any sample of them tells two checkpoints apart. A damaged byte inside a large file goes unnoticed. */
#include <string.h>

#include "api/handles.h"

enum { N_SAMPLE = 64, SAMPLE = 4096, WHOLE = 16 << 20 };

static size_t identity_size_of(const of3_entry *e) { return (size_t)e->count * of3_dtype_size(e->dtype); }

static void add_header(of3_sha256 *s, const of3_entry *e) {
  int64_t shape[2 + OF3_MAX_RANK] = {e->dtype, e->rank};
  for (int i = 0; i < e->rank; i++) shape[2 + i] = e->shape[i];
  of3_sha256_add(s, e->name, strlen(e->name) + 1);
  of3_sha256_add(s, shape, sizeof shape);
}

/* Samples lie at bytes k * total / N_SAMPLE of all tensors put end to end. */
static void add_samples(of3_sha256 *s, const of3_table *t, uint64_t total) {
  uint64_t begin = 0;
  uint64_t k = 0;
  for (int i = 0; i < t->n; i++) {
    size_t size = identity_size_of(&t->entry[i]);
    for (; k < N_SAMPLE && k * (total / N_SAMPLE) < begin + size; k++) {
      size_t at = (size_t)(k * (total / N_SAMPLE) - begin), n = size - at < SAMPLE ? size - at : SAMPLE;
      of3_sha256_add(s, (const uint8_t *)t->entry[i].data + at, n);
    }
    begin += size;
  }
}

void of3_checkpoint_identity(const of3_checkpoint *c, char out[OF3_SHA256_HEX]) {
  const of3_table *t = &c->weights;
  of3_sha256 s;
  uint64_t total = 0;
  of3_sha256_init(&s);
  of3_sha256_add(&s, &c->file_bytes, sizeof c->file_bytes);
  for (int i = 0; i < t->n; i++) {
    add_header(&s, &t->entry[i]);
    total += identity_size_of(&t->entry[i]);
  }
  for (int i = 0; total <= WHOLE && i < t->n; i++)
    of3_sha256_add(&s, t->entry[i].data, identity_size_of(&t->entry[i]));
  if (total > WHOLE) add_samples(&s, t, total);
  of3_sha256_hex(&s, out);
}
