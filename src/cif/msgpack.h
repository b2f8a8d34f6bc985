/* MessagePack: values of a buffer, one head after the other. Arrays and maps are walked by their reader. */
#ifndef OF3_CIF_MSGPACK_H
#define OF3_CIF_MSGPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum msgpack_kind {
  MSGPACK_NIL,
  MSGPACK_BOOL,
  MSGPACK_INTEGER,
  MSGPACK_REAL,
  MSGPACK_TEXT,
  MSGPACK_BYTES,
  MSGPACK_ARRAY, /* n values follow */
  MSGPACK_MAP,   /* n pairs of key and value follow */
  MSGPACK_EXTENSION
} msgpack_kind;

typedef struct msgpack_value {
  msgpack_kind kind;
  int64_t integer; /* BOOL, INTEGER; those above 2^63 - 1 become that */
  double real;     /* INTEGER, REAL */
  size_t at, n;    /* TEXT, BYTES: where they are; ARRAY, MAP: n */
} msgpack_value;

typedef struct msgpack {
  const uint8_t *data;
  size_t size, at;
} msgpack;

/* Reads the head of the value at m->at and goes behind it and behind texts and bytes. false: what is there is
 * cut or no MessagePack. n of arrays and maps is never more than the bytes that are left could hold. */
bool of3_msgpack_read(msgpack *m, msgpack_value *out);

/* Goes behind a whole value, however deep; no recursion. */
bool of3_msgpack_skip(msgpack *m);

/* Reads a value of this kind. */
bool of3_msgpack_expect(msgpack *m, msgpack_kind kind, msgpack_value *out);

/* Whether a value is this text. */
bool of3_msgpack_is(const msgpack *m, const msgpack_value *value, const char *text);

#endif
