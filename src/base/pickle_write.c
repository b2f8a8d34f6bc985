/* Pickles of NumPy's arrays, protocol 4, as numpy.savez writes them but for frames and memos, which say
 * nothing.
 *
 *   object array of shape (), of one value:
 *     _reconstruct(ndarray, (0,), b'b'), then BUILD (1, (), dtype('O8'), False, [value])
 *   array:
 *     the same, then BUILD (1, shape, dtype('U1') | dtype('i8'), False, bytes) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/le.h"
#include "base/npz_writer.h"

static void op(of3_npz_writer *w, char c) { of3_npz_put(w, &c, 1); }

void of3_pickle_mark(of3_npz_writer *w) { op(w, '('); }
void of3_pickle_tuple(of3_npz_writer *w) { op(w, 't'); }
void of3_pickle_none(of3_npz_writer *w) { op(w, 'N'); }

/* The pairs above the mark, into a dictionary: EMPTY_DICT stands below the mark. */
void of3_pickle_dict(of3_npz_writer *w) { op(w, 'd'); }

void of3_pickle_int(of3_npz_writer *w, int64_t v) {
  unsigned char b[10] = {0};
  if (v >= 0 && v < 256) {
    b[0] = 'K';
    b[1] = (unsigned char)v;
    of3_npz_put(w, b, 2);
  } else if (v >= INT32_MIN && v <= INT32_MAX) {
    b[0] = 'J';
    of3_put_le(b + 1, 4, (uint32_t)v);
    of3_npz_put(w, b, 5);
  } else { /* LONG1, 8 bytes */
    b[0] = 0x8a;
    b[1] = 8;
    of3_put_le(b + 2, 4, (uint32_t)((uint64_t)v & UINT32_MAX));
    of3_put_le(b + 6, 4, (uint32_t)((uint64_t)v >> 32));
    of3_npz_put(w, b, 10);
  }
}

/* SHORT_BINUNICODE, BINUNICODE. */
void of3_pickle_text(of3_npz_writer *w, const char *text) {
  const size_t n = strlen(text);
  unsigned char b[5] = {0x8c, (unsigned char)n};
  if (n > 255) {
    b[0] = 'X';
    of3_put_le(b + 1, 4, (uint32_t)n);
  }
  of3_npz_put(w, b, n > 255 ? 5 : 2);
  of3_npz_put(w, text, n);
}

/* BINBYTES; members have less than 4 GiB. */
static void begin_bytes(of3_npz_writer *w, uint64_t n) {
  unsigned char b[5] = {'B'};
  of3_put_le(b + 1, 4, (uint32_t)n);
  of3_npz_put(w, b, sizeof b);
}

void of3_pickle_bytes(of3_npz_writer *w, const void *bytes, size_t n) {
  begin_bytes(w, n);
  of3_npz_put(w, bytes, n);
}

static void put_global(of3_npz_writer *w, const char *module, const char *name) {
  of3_pickle_text(w, module);
  of3_pickle_text(w, name);
  op(w, (char)0x93);
}

/* _reconstruct(ndarray, (0,), b'b'), and the beginning of its state. */
static void begin_reconstruct(of3_npz_writer *w) {
  put_global(w, "numpy._core.multiarray", "_reconstruct");
  put_global(w, "numpy", "ndarray");
  of3_pickle_int(w, 0);
  op(w, (char)0x85); /* TUPLE1 */
  of3_npz_put(w, "C\001b", 3);
  op(w, (char)0x87); /* TUPLE3 */
  op(w, 'R');
  of3_pickle_mark(w);
  of3_pickle_int(w, 1);
}

/* dtype(name, False, True) with state (3, order, None, None, None, size, alignment, flags). */
static void put_dtype(of3_npz_writer *w, const char *name, const char *order, int size, int alignment,
                      int flags) {
  put_global(w, "numpy", "dtype");
  of3_pickle_text(w, name);
  op(w, (char)0x89); /* False */
  op(w, (char)0x88); /* True */
  op(w, (char)0x87);
  op(w, 'R');
  of3_pickle_mark(w);
  of3_pickle_int(w, 3);
  of3_pickle_text(w, order);
  for (int i = 0; i < 3; i++) of3_pickle_none(w);
  of3_pickle_int(w, size);
  of3_pickle_int(w, alignment);
  of3_pickle_int(w, flags);
  of3_pickle_tuple(w);
  op(w, 'b');
}

void of3_pickle_begin_object(of3_npz_writer *w) {
  enum { OBJECT_FLAGS = 63 };
  of3_npz_put(w, "\x80\x04", 2);
  begin_reconstruct(w);
  op(w, ')');
  put_dtype(w, "O8", "|", -1, -1, OBJECT_FLAGS);
  op(w, (char)0x89);
  op(w, ']');
}

void of3_pickle_end_object(of3_npz_writer *w) {
  op(w, 'a');
  of3_pickle_tuple(w);
  op(w, 'b');
  op(w, '.');
}

void of3_pickle_begin_array(of3_npz_writer *w, int width, const int64_t *shape, int n_dim) {
  enum { BYTES_OF_LETTER = 4, BYTES_OF_INT = 8, TEXT_FLAGS = 8 };
  uint64_t n = width ? (uint64_t)width * BYTES_OF_LETTER : BYTES_OF_INT;
  char name[16];
  begin_reconstruct(w);
  of3_pickle_mark(w);
  for (int i = 0; i < n_dim; i++) {
    of3_pickle_int(w, shape[i]);
    n *= (uint64_t)shape[i];
  }
  of3_pickle_tuple(w);
  snprintf(name, sizeof name, width ? "U%d" : "i8", width);
  put_dtype(w, name, "<", width ? width * BYTES_OF_LETTER : -1, width ? BYTES_OF_LETTER : -1,
            width ? TEXT_FLAGS : 0);
  op(w, (char)0x89);
  begin_bytes(w, n);
}

void of3_pickle_end_array(of3_npz_writer *w) {
  of3_pickle_tuple(w);
  op(w, 'b');
}

void of3_pickle_date(of3_npz_writer *w, const char *day) {
  const int year = atoi(day), month = atoi(day + 5), date = atoi(day + 8);
  const unsigned char b[10] = {(unsigned char)(year >> 8), (unsigned char)year, (unsigned char)month,
                               (unsigned char)date};
  put_global(w, "datetime", "datetime");
  of3_pickle_bytes(w, b, sizeof b);
  op(w, (char)0x85);
  op(w, 'R');
}
