#include "base/numpy.h"

#include <limits.h>
#include <string.h>

enum { TAG_RECONSTRUCT = 1, TAG_NDARRAY, TAG_DTYPE };

/* What NumPy needs to pickle an array; numpy._core since 2.0. */
static const of3_pickle_global allowed[] = {
    {"numpy._core.multiarray", "_reconstruct", TAG_RECONSTRUCT, false},
    {"numpy.core.multiarray", "_reconstruct", TAG_RECONSTRUCT, false},
    {"numpy", "ndarray", TAG_NDARRAY, false},
    {"numpy", "dtype", TAG_DTYPE, false},
};

static bool is_tuple(const of3_pickle *v, size_t n) { return v && v->type == OF3_PICKLE_TUPLE && v->n >= n; }

/* numpy.dtype('U1', ...) with state (3, '<', ...). Little-endian machines write '<' or '|'. */
static bool read_dtype(const of3_pickle *v, of3_numpy_array *out) {
  if (!v || v->type != OF3_PICKLE_CALL || v->tag != TAG_DTYPE || !is_tuple(v->args, 1)) return false;
  const of3_pickle *name = v->args->item[0];
  if (name->type != OF3_PICKLE_STRING || name->n != 2) return false;
  out->kind = name->text[0];
  out->item = (name->text[1] - '0') * (out->kind == 'U' ? 4 : 1);
  if (!is_tuple(v->state, 2)) return out->item == 1;
  const of3_pickle *order = v->state->item[1];
  return of3_pickle_equals(order, "<") || of3_pickle_equals(order, "|") || of3_pickle_equals(order, "=");
}

/* _reconstruct(ndarray, (0,), b'b') with state (version, shape, dtype, fortran, bytes). */
bool of3_numpy_read(const of3_pickle *v, of3_numpy_array *out) {
  if (!v || v->type != OF3_PICKLE_CALL || v->tag != TAG_RECONSTRUCT || !is_tuple(v->state, 5)) return false;
  of3_pickle *const *s = v->state->item;
  if (!is_tuple(s[1], 2) || s[1]->n != 2 || s[3]->type != OF3_PICKLE_BOOL || s[4]->type != OF3_PICKLE_BYTES)
    return false;
  const of3_pickle *rows = s[1]->item[0], *cols = s[1]->item[1];
  if (rows->type != OF3_PICKLE_INT || cols->type != OF3_PICKLE_INT || !read_dtype(s[2], out)) return false;
  out->rows = rows->i;
  out->cols = cols->i;
  out->fortran = s[3]->i != 0;
  out->data = (const uint8_t *)s[4]->text;
  if (out->rows < 0 || out->rows > INT_MAX || out->cols < 0 || out->cols > INT_MAX || out->item < 1)
    return false;
  uint64_t cells = (uint64_t)out->rows * (uint64_t)out->cols; /* below 2^62 */
  return s[4]->n % (size_t)out->item == 0 && s[4]->n / (size_t)out->item == cells;
}

int64_t of3_numpy_element(const of3_numpy_array *a, int64_t row, int64_t col) {
  const uint8_t *p = a->data + (a->fortran ? col * a->rows + row : row * a->cols + col) * a->item;
  uint64_t v = 0;
  for (int i = 0; i < a->item; i++) v |= (uint64_t)p[i] << 8 * i;
  int unused = 64 - 8 * a->item;
  return a->kind == 'i' ? (int64_t)(v << unused) >> unused : (int64_t)v;
}

bool of3_numpy_is_integer(const of3_numpy_array *a) {
  return (a->kind == 'i' || a->kind == 'u' || a->kind == 'b') &&
         (a->item == 1 || a->item == 2 || a->item == 4 || a->item == 8);
}

/* ---- Texts: 'U12' has 12 characters of 4 bytes */

/* The width of numpy.dtype('U12'), at most what a header may be long; 0: another type. */
static int64_t text_width(const of3_pickle *v) {
  enum { MOST_WIDTH = 100000 };
  int64_t width = 0;
  if (!v || v->type != OF3_PICKLE_CALL || v->tag != TAG_DTYPE || !is_tuple(v->args, 1)) return 0;
  const of3_pickle *name = v->args->item[0];
  if (name->type != OF3_PICKLE_STRING || name->n < 2 || name->text[0] != 'U') return 0;
  for (size_t i = 1; i < name->n && width < MOST_WIDTH; i++) {
    if (name->text[i] < '0' || name->text[i] > '9') return 0;
    width = 10 * width + (name->text[i] - '0');
  }
  return width < MOST_WIDTH ? width : 0;
}

int64_t of3_numpy_texts(const of3_pickle *v, int64_t rows, const uint8_t **ret_data) {
  if (!v || v->type != OF3_PICKLE_CALL || v->tag != TAG_RECONSTRUCT || !is_tuple(v->state, 5)) return 0;
  const int64_t width = text_width(v->state->item[2]);
  const of3_pickle *bytes = v->state->item[4];
  if (!width || bytes->type != OF3_PICKLE_BYTES || bytes->n != (size_t)(4 * width * rows)) return 0;
  *ret_data = (const uint8_t *)bytes->text;
  return width;
}

/* ---- Objects */

/* Behind the header of a .npy member whose array is one pickled object. */
static of3_status skip_header(const char *key, const uint8_t *b, size_t n, size_t *ret_at, of3_error *err) {
  static const uint8_t magic[] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
  size_t at = 10, length = 0;
  bool ok = n >= 12 && memcmp(b, magic, sizeof magic) == 0 && b[6] >= 1 && b[6] <= 3;
  if (ok && b[6] == 1) length = b[8] | (size_t)b[9] << 8;
  if (ok && b[6] > 1) {
    at = 12;
    for (int i = 0; i < 4; i++) length |= (size_t)b[8 + i] << 8 * i;
  }
  if (!ok || length > n - at || length > 4096)
    return of3_fail(err, OF3_ERR_INPUT, "member '%s' is not a NumPy array (no .npy header)", key);
  char header[4097];
  memcpy(header, b + at, length);
  header[length] = 0;
  if (!strstr(header, "'descr': '|O'") || !strstr(header, "'shape': ()"))
    return of3_fail(err, OF3_ERR_INPUT,
                    "member '%s' is an array of numbers; one pickled dictionary was expected", key);
  *ret_at = at + length;
  return OF3_OK;
}

of3_status of3_numpy_object(const char *key, const uint8_t *bytes, size_t size, size_t most, of3_arena *arena,
                            const of3_pickle **ret_object, of3_error *err) {
  const of3_pickle_policy policy = {allowed, sizeof allowed / sizeof *allowed, most};
  const of3_pickle *root = NULL;
  size_t at = 0;
  OF3_TRY(skip_header(key, bytes, size, &at, err));
  OF3_TRY(of3_pickle_parse(bytes + at, size - at, &policy, arena, &root, err));
  /* NumPy pickles an object array of shape () as _reconstruct with the state (1, (), dtype('O'), False,
   * [object]). */
  if (root->type == OF3_PICKLE_CALL && root->tag == TAG_RECONSTRUCT && is_tuple(root->state, 5) &&
      root->state->item[4]->type == OF3_PICKLE_LIST && root->state->item[4]->n == 1)
    root = root->state->item[4]->item[0];
  *ret_object = root;
  return OF3_OK;
}
