#include "cif/msgpack.h"

#include <string.h>

/* n bytes, most significant first. */
static bool msgpack_number(msgpack *m, int n, uint64_t *out) {
  *out = 0;
  if (m->size - m->at < (size_t)n) return false;
  for (int i = 0; i < n; i++) *out = *out << 8 | m->data[m->at++];
  return true;
}

static bool msgpack_bytes(msgpack *m, msgpack_kind kind, uint64_t n, msgpack_value *out) {
  if (n > m->size - m->at) return false;
  *out = (msgpack_value){.kind = kind, .at = m->at, .n = (size_t)n};
  m->at += (size_t)n;
  return true;
}

/* Each value has one byte at least. */
static bool msgpack_many(const msgpack *m, msgpack_kind kind, uint64_t n, msgpack_value *out) {
  *out = (msgpack_value){.kind = kind, .n = (size_t)n};
  return n <= (m->size - m->at) / (kind == MSGPACK_MAP ? 2 : 1);
}

static bool msgpack_integer(msgpack_value *out, int64_t i) {
  *out = (msgpack_value){.kind = MSGPACK_INTEGER, .integer = i, .real = (double)i};
  return true;
}

static int64_t msgpack_extend(uint64_t bits, int bytes) {
  uint64_t sign = (uint64_t)1 << (8 * bytes - 1);
  return (int64_t)((bits ^ sign) - sign);
}

static bool msgpack_real(msgpack *m, int bytes, msgpack_value *out) {
  uint64_t bits;
  if (!msgpack_number(m, bytes, &bits)) return false;
  *out = (msgpack_value){.kind = MSGPACK_REAL};
  if (bytes == 4) {
    float x;
    uint32_t word = (uint32_t)bits;
    memcpy(&x, &word, 4);
    out->real = x;
  } else
    memcpy(&out->real, &bits, 8);
  return true;
}

/* Heads 0xc0 ... 0xdf. */
static bool msgpack_read_long(msgpack *m, uint8_t head, msgpack_value *out) {
  uint64_t n = 0;
  int width = 1 << (head & 3);
  *out = (msgpack_value){.kind = MSGPACK_NIL};
  switch (head) {
  case 0xc0:
    return true;
  case 0xc2:
  case 0xc3:
    *out = (msgpack_value){.kind = MSGPACK_BOOL, .integer = head & 1};
    return true;
  case 0xc4:
  case 0xc5:
  case 0xc6:
    return msgpack_number(m, width, &n) && msgpack_bytes(m, MSGPACK_BYTES, n, out);
  case 0xc7:
  case 0xc8:
  case 0xc9:
    width = 1 << (head - 0xc7);
    return msgpack_number(m, width, &n) && msgpack_bytes(m, MSGPACK_EXTENSION, n + 1, out);
  case 0xca:
  case 0xcb:
    return msgpack_real(m, head == 0xca ? 4 : 8, out);
  case 0xcc:
  case 0xcd:
  case 0xce:
  case 0xcf:
    if (!msgpack_number(m, width, &n)) return false;
    return msgpack_integer(out, n > INT64_MAX ? INT64_MAX : (int64_t)n);
  case 0xd0:
  case 0xd1:
  case 0xd2:
  case 0xd3:
    return msgpack_number(m, width, &n) && msgpack_integer(out, msgpack_extend(n, width));
  case 0xd9:
  case 0xda:
  case 0xdb:
    width = 1 << (head - 0xd9);
    return msgpack_number(m, width, &n) && msgpack_bytes(m, MSGPACK_TEXT, n, out);
  case 0xdc:
  case 0xdd:
    return msgpack_number(m, head == 0xdc ? 2 : 4, &n) && msgpack_many(m, MSGPACK_ARRAY, n, out);
  case 0xde:
  case 0xdf:
    return msgpack_number(m, head == 0xde ? 2 : 4, &n) && msgpack_many(m, MSGPACK_MAP, n, out);
  default: /* 0xd4 ... 0xd8: extensions of 1, 2, 4, 8, 16 bytes; 0xc1 is none */
    return head >= 0xd4 && msgpack_bytes(m, MSGPACK_EXTENSION, 1 + (1u << (head - 0xd4)), out);
  }
}

bool of3_msgpack_read(msgpack *m, msgpack_value *out) {
  if (m->at >= m->size) return false;
  uint8_t head = m->data[m->at++];
  if (head < 0x80) return msgpack_integer(out, head);
  if (head >= 0xe0) return msgpack_integer(out, (int)head - 256);
  if (head < 0x90) return msgpack_many(m, MSGPACK_MAP, head & 15, out);
  if (head < 0xa0) return msgpack_many(m, MSGPACK_ARRAY, head & 15, out);
  if (head < 0xc0) return msgpack_bytes(m, MSGPACK_TEXT, head & 31, out);
  return msgpack_read_long(m, head, out);
}

bool of3_msgpack_skip(msgpack *m) {
  size_t open = 1;
  while (open) {
    msgpack_value v;
    if (!of3_msgpack_read(m, &v)) return false;
    open--;
    if (v.kind == MSGPACK_ARRAY) open += v.n;
    if (v.kind == MSGPACK_MAP) open += 2 * v.n;
    if (open > m->size - m->at) return false;
  }
  return true;
}

bool of3_msgpack_expect(msgpack *m, msgpack_kind kind, msgpack_value *out) {
  return of3_msgpack_read(m, out) && out->kind == kind;
}

bool of3_msgpack_is(const msgpack *m, const msgpack_value *v, const char *text) {
  return v->kind == MSGPACK_TEXT && v->n == strlen(text) && memcmp(m->data + v->at, text, v->n) == 0;
}
