/* NumPy's arrays inside the members of an archive: .npy headers, and arrays in pickles. The pickles are read
 * by the restricted reader (base/pickle.h), which executes nothing: the few globals that are allowed are the
 * pieces of arrays. */
#ifndef OF3_BASE_NUMPY_H
#define OF3_BASE_NUMPY_H

#include "base/pickle.h"

/* An array of two dimensions, in either memory order. */
typedef struct of3_numpy_array {
  char kind; /* of the dtype: 'U', 'i', 'u', 'b' */
  int item;  /* bytes of an element */
  int64_t rows, cols;
  bool fortran;
  const uint8_t *data;
} of3_numpy_array;

/* Of a .npy member whose array is one pickled object, that object. key: for messages; most: bytes of the
 * tree, which belongs to the arena. */
OF3_MUST_CHECK of3_status of3_numpy_object(const char *key, const uint8_t *bytes, size_t size, size_t most,
                                           of3_arena *arena, const of3_pickle **ret_object, of3_error *err);

/* False: it is no such array, or one of others than single letters and numbers. */
bool of3_numpy_read(const of3_pickle *opt_value, of3_numpy_array *out);
bool of3_numpy_is_integer(const of3_numpy_array *a); /* of 1, 2, 4 or 8 bytes */
int64_t of3_numpy_element(const of3_numpy_array *a, int64_t row, int64_t col);

/* The bytes of a list of texts, an array of one dimension, and how many characters of 4 bytes each has; 0: it
 * is none. */
int64_t of3_numpy_texts(const of3_pickle *opt_value, int64_t rows, const uint8_t **ret_data);

#endif
