/* Products of matrices, of which all heavy operations consist: y[m,n] = sum_k a[m,k] b[n,k], and what is done
 * to each number before it is written. Rows of a and b run along k, so a product of weights needs no copy of
 * them, and one of two activations (over k in a triangle, over rows of an alignment) wants them written that
 * way. */
#ifndef OF3_CUDA_PRODUCTS_HPP
#define OF3_CUDA_PRODUCTS_HPP

#include "cuda/state.hpp"

namespace of3 {

enum { MOST_PRODUCTS = 4 };

/* Rows [.., k] of numbers in the type of products. ld: from row to row, in numbers. */
struct Matrix {
  void *p = nullptr;
  int64_t ld = 0;
  int64_t batch = 0; /* from one product of a batch to the next */
};

/* Where y[m,n] of product z lies: z batch + row(m) + column(n), with row(m) = (m / rows) outer + (m mod rows)
 * inner, or m inner where rows is 0; columns likewise. */
struct Axis {
  int64_t inner = 1, outer = 0;
  int32_t rows = 0;
};

struct Product {
  int64_t m = 0, n = 0, k = 0;
  int32_t products = 1;
  bool bf16 = false; /* a and b are bf16, else f32 */
  Matrix a;
  const void *b[MOST_PRODUCTS] = {}; /* of each product; with b_batch one pointer, and steps */
  int64_t b_ld = 0, b_batch = 0;
  const void *dual = nullptr; /* a second b: y = dual_act(a b^T) (a dual^T) */
  int dual_act = OF3_ACT_NONE;

  /* y = [y +] [mask] [gate] (act(sum + bias) + key) */
  void *y = nullptr;
  bool y_bf16 = false, accumulate = false;
  int64_t y_batch = 0;
  Axis row, column;
  const float *bias[MOST_PRODUCTS] = {};
  int act[MOST_PRODUCTS] = {};
  const void *gate = nullptr; /* [gate_rows, n]; gate_rows 0: it lies as y does */
  bool gate_bf16 = false;
  int64_t gate_rows = 0;
  const float *mask = nullptr; /* [mask_rows], of rows; */
  int64_t mask_rows = 1;
  const float *tokens = nullptr; /* [token_entries, n_tokens]: rows are pairs of tokens */
  int64_t n_tokens = 0, token_entries = 1;
  const float *keys = nullptr; /* [key_rows]: 1e9 (keys - 1) is added */
  int64_t key_rows = 1;
  int64_t first = 0; /* of the rows: for gate, mask and keys */
};

void product(const Run &r, const Product &p);

inline int64_t bytes_of(bool bf16) { return bf16 ? 2 : 4; }

/* m rows of a times the rows of a weight; y is [m, n] if nothing else is said. */
inline Product product_of(const Matrix &a, int64_t m, const Tensor *w) {
  Product p;
  p.m = m, p.n = w->shape[0], p.k = w->shape[1];
  p.bf16 = is_bf16(w);
  p.a = a;
  p.b[0] = at<void>(w);
  p.b_ld = p.k;
  p.row.inner = p.n;
  return p;
}

/* Rows as operands of products: `n` rows of x from `first` on, as they are or normalised, in f32 or bf16. */
struct Rows {
  const void *x = nullptr;
  bool x_bf16 = false;
  int64_t n = 0, first = 0, width = 0;
  bool norm = false;
  const float *scale = nullptr, *offset = nullptr; /* [width] */
  const float *gate = nullptr, *shift = nullptr;   /* [gate_rows, width]: gate norm(x) + shift */
  int64_t gate_rows = 1;
  int64_t tokens = 0; /* rows are pairs; row (i,j) is read at (j,i) */
  bool bf16 = false;
};
Matrix operand(Run &r, const Rows &x);
/* The same to memory that is given. */
void rows_to(const Run &r, const Rows &x, void *to, int64_t ld);

/* Norm over the channels of x [channels, rows], f32: rows of operands. */
Matrix operand_of_columns(Run &r, const float *x, int64_t channels, int64_t n, const float *scale,
                          const float *offset, bool bf16);

/* Leading dimension of rows of k numbers that the kernels read 16 bytes at a time. */
inline int64_t padded(int64_t k) { return (k + 7) / 8 * 8; }

} // namespace of3

#endif
