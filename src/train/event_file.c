#include "train/event_file.h"

#include <math.h>
#include <string.h>

#include "base/le.h"

enum {
  EVENT_TIME = 1 << 3 | 1,
  EVENT_STEP = 2 << 3 | 0,
  EVENT_VERSION = 3 << 3 | 2,
  EVENT_SUMMARY = 5 << 3 | 2
};
enum { SUMMARY_VALUE = 1 << 3 | 2, VALUE_TAG = 1 << 3 | 2, VALUE_SIMPLE = 2 << 3 | 5 };
enum { RECORD_HEAD = 12, RECORD_TAIL = 4, TIME_BYTES = 9 };

/* CRC-32C (Castagnoli, reflected), masked as in TFRecord. */
static uint32_t masked_crc(const void *bytes, size_t n) {
  const uint8_t *p = bytes;
  uint32_t crc = UINT32_MAX;
  for (size_t i = 0; i < n; i++) {
    crc ^= p[i];
    for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78u : 0);
  }
  crc = ~crc;
  return (crc >> 15 | crc << 17) + 0xA282EAD8u;
}

static void put_fixed(of3_str *out, uint64_t v, int bytes) {
  char b[8];
  for (int k = 0; k < bytes; k++) b[k] = (char)(v >> (8 * k) & 255);
  of3_str_addn(out, b, (size_t)bytes);
}

static void put_varint(of3_str *out, uint64_t v) {
  for (; v >= 128; v >>= 7) of3_str_addc(out, (char)(v | 128), 1);
  of3_str_addc(out, (char)v, 1);
}

static void put_bytes(of3_str *out, int key, const char *bytes, size_t n) {
  put_varint(out, (uint64_t)key);
  put_varint(out, n);
  of3_str_addn(out, bytes, n);
}

static void put_time(of3_str *out, double seconds) {
  uint64_t bits;
  memcpy(&bits, &seconds, sizeof bits);
  put_varint(out, EVENT_TIME);
  put_fixed(out, bits, 8);
}

static void put_record(of3_str *out, const of3_str *event) {
  uint8_t length[8];
  of3_put_le(length, 4, (uint32_t)event->len);
  of3_put_le(length + 4, 4, (uint32_t)((uint64_t)event->len >> 32));
  out->failed |= event->failed;
  of3_str_addn(out, (const char *)length, sizeof length);
  put_fixed(out, masked_crc(length, sizeof length), 4);
  of3_str_addn(out, event->text, event->len);
  put_fixed(out, masked_crc(event->text, event->len), 4);
}

void of3_event_version(of3_str *out) {
  static const char version[] = "brain.Event:2";
  of3_str event = {0};
  put_time(&event, 0);
  put_bytes(&event, EVENT_VERSION, version, sizeof version - 1);
  put_record(out, &event);
  of3_str_free(&event);
}

static void put_value(of3_str *summary, const char *prefix, const of3_scalar *s) {
  of3_str value = {0}, tag = {0};
  const float number = (float)s->value;
  uint32_t bits;
  memcpy(&bits, &number, sizeof bits);
  of3_str_add(&tag, prefix);
  of3_str_add(&tag, s->tag);
  put_bytes(&value, VALUE_TAG, tag.text ? tag.text : "", tag.len);
  put_varint(&value, VALUE_SIMPLE);
  put_fixed(&value, bits, 4);
  summary->failed |= value.failed || tag.failed;
  put_bytes(summary, SUMMARY_VALUE, value.text, value.len);
  of3_str_free(&value);
  of3_str_free(&tag);
}

void of3_event_scalars(of3_str *out, double wall_time, int64_t step, const char *prefix,
                       const of3_scalar *scalar, int n) {
  of3_str event = {0}, summary = {0};
  for (int i = 0; i < n; i++)
    if (isfinite(scalar[i].value)) put_value(&summary, prefix, &scalar[i]);
  put_time(&event, wall_time);
  put_varint(&event, EVENT_STEP);
  put_varint(&event, (uint64_t)step);
  event.failed |= summary.failed;
  put_bytes(&event, EVENT_SUMMARY, summary.text ? summary.text : "", summary.len);
  put_record(out, &event);
  of3_str_free(&event);
  of3_str_free(&summary);
}

/* ---- reading */

/* The step of an event as of3_event_scalars writes it: after the time. False: there is none. */
static bool read_step(const uint8_t *event, size_t n, int64_t *ret_step) {
  uint64_t step = 0;
  if (n < TIME_BYTES + 2 || event[0] != EVENT_TIME || event[TIME_BYTES] != EVENT_STEP) return false;
  for (size_t i = TIME_BYTES + 1, shift = 0; i < n && shift < 63; i++, shift += 7) {
    step |= (uint64_t)(event[i] & 127) << shift;
    if (event[i] >= 128) continue;
    *ret_step = (int64_t)step;
    return true;
  }
  return false;
}

size_t of3_event_kept(const uint8_t *bytes, size_t n, int64_t step) {
  size_t at = 0;
  while (n - at >= RECORD_HEAD + RECORD_TAIL) {
    const uint8_t *r = bytes + at;
    const uint64_t length = of3_le64(r);
    int64_t of;
    if (of3_le32(r + 8) != masked_crc(r, 8) || length > n - at - RECORD_HEAD - RECORD_TAIL) break;
    const uint8_t *event = r + RECORD_HEAD;
    if (of3_le32(event + length) != masked_crc(event, (size_t)length)) break;
    if (!read_step(event, (size_t)length, &of) || of > step) break;
    at += RECORD_HEAD + (size_t)length + RECORD_TAIL;
  }
  return at;
}
