/* Confidences as a NumPy archive (base/npz_writer.h). */
#include <stdio.h>
#include <string.h>

#include "base/le.h"
#include "base/npz_writer.h"
#include "tensor/dtype.h"
#include "write/confidences.h"

enum { N_MEMBER = 3, PIECE = 1 << 14 };

typedef struct member {
  const char *key; /* "pde" */
  const float *x;
  int rank, n; /* shape (n,) or (n, n) */
} member;

static size_t elements(const member *m) { return m->rank == 1 ? (size_t)m->n : (size_t)m->n * (size_t)m->n; }

static void put_numbers(of3_npz_writer *w, const float *x, size_t n, bool half) {
  unsigned char out[2 * PIECE];
  if (!half) {
    of3_npz_put(w, x, n * sizeof *x);
    return;
  }
  for (size_t k = 0; k < n; k++) of3_put_le(out + 2 * k, 2, of3_f32_to_f16(x[k]));
  of3_npz_put(w, out, 2 * n);
}

static of3_status write_member(of3_npz_writer *w, const member *m, bool half, of3_error *err) {
  const size_t total = elements(m);
  char shape[32];
  snprintf(shape, sizeof shape, m->rank == 1 ? "(%d,)" : "(%d, %d)", m->n, m->n);
  of3_npz_begin(w, m->key);
  of3_npz_put_header(w, half ? "<f2" : "<f4", shape);
  for (size_t at = 0; at < total; at += PIECE)
    put_numbers(w, m->x + at, total - at < PIECE ? total - at : PIECE, half);
  return of3_npz_end(w, err);
}

of3_status of3_confidences_write_npz(const char *path, const of3_confidences *c, bool half, of3_error *err) {
  const member m[N_MEMBER] = {{.key = "plddt", .x = c->plddt, .rank = 1, .n = c->n_atom},
                              {.key = "pde", .x = c->pde, .rank = 2, .n = c->n_token},
                              {.key = "pae", .x = c->pae, .rank = 2, .n = c->n_token}};
  of3_npz_writer *w = NULL;
  if (elements(&m[1]) >= UINT32_MAX / 8)
    return of3_fail(err, OF3_ERR_UNSUPPORTED,
                    "'%s' would exceed the 4 GiB of a zip file: %d x %d values; choose json", path,
                    c->n_token, c->n_token);
  OF3_TRY(of3_npz_create(path, c->opt_cancel, &w, err));
  of3_status status = OF3_OK;
  for (int k = 0; status == OF3_OK && k < N_MEMBER; k++) status = write_member(w, &m[k], half, err);
  if (status == OF3_OK) return of3_npz_commit(w, err);
  of3_npz_abort(w);
  return status;
}
