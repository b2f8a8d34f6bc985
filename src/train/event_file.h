/* TensorBoard's event files.
 *
 *   record   u64 length, u32 masked CRC-32C of the length, the bytes, u32 masked CRC-32C of them (TFRecord)
 *   bytes    an Event: 1 wall time (double), 2 step (varint), 3 version (text) or 5 Summary (protobuf)
 *   Summary  1 Value, repeated: 1 tag (text), 2 simple_value (float)
 *
 * Numbers are little-endian. A protobuf field is a key (number << 3 | kind) and its value, kind 0 a varint,
 * 1 eight bytes, 2 a length and so many bytes, 5 four bytes. The first record is the version; every further
 * one holds the numbers of a step. */
#ifndef OF3_TRAIN_EVENT_FILE_H
#define OF3_TRAIN_EVENT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

typedef struct of3_scalar {
  const char *tag;
  double value; /* one that is not finite is left out */
} of3_scalar;

/* Appends the first record. It names no time, so that a file begins with the same bytes whenever it is made.
 */
void of3_event_version(of3_str *out);
/* Appends the record of a step; wall_time in seconds since 1970. Tags begin with the prefix. */
void of3_event_scalars(of3_str *out, double wall_time, int64_t step, const char *prefix,
                       const of3_scalar *scalar, int n);
/* The length of the records that are whole, undamaged and of steps up to `step` (of3_kept_bytes). */
size_t of3_event_kept(const uint8_t *bytes, size_t n, int64_t step);

#endif
