#include "cpu/matrix.h"

#include <string.h>

/* A block of columns and terms of the product; panel [depth][lanes] is that part of b. */
typedef struct block {
  const of3_cpu_kernels *k;
  const of3_matmul *p;
  float *panel, *edge; /* edge: [OF3_MATMUL_ROWS][lanes] of y, where its rows are not whole vectors */
  int64_t first, term, depth;
  int columns, lanes;
} block;

/* Columns that are taken together from `left` ones on: 48, but 2 x 32 rather than 48 and 16. */
static int columns_of_block(int64_t left) {
  if (left > OF3_LANES && left <= 64) return 32;
  return left < OF3_LANES ? (int)left : OF3_LANES;
}

static void copy_panel(const block *b) {
  const of3_factor *f = &b->p->b;
  const float *row[OF3_LANES];
  if (f->col != 1) {
    of3_rows_at(row, f->at + b->term + b->first * f->col, f->col, b->columns);
    b->k->pack(b->panel, b->lanes, b->lanes, row, b->columns, b->depth);
    return;
  }
  for (int64_t t = 0; t < b->depth; t++) {
    float *to = b->panel + t * b->lanes;
    memcpy(to, f->at + (b->term + t) * f->row + b->first, (size_t)b->columns * sizeof *to);
    for (int l = b->columns; l < b->lanes; l++) to[l] = 0;
  }
}

static of3_gemm gemm_of(const block *b) {
  const of3_matmul *p = b->p;
  return (of3_gemm){.a = p->a.at + b->term * p->a.col,
                    .a_type = OF3_F32,
                    .a_row = p->a.row,
                    .a_col = p->a.col,
                    .x = b->panel,
                    .ldx = b->lanes,
                    .y = p->y + b->first,
                    .ldy = p->ldy,
                    .rows = p->m,
                    .depth = b->depth,
                    .lanes = b->lanes,
                    .accumulate = p->add || b->term > 0};
}

/* The columns behind the last whole vector: by a copy, since the product writes whole ones. */
static void multiply_edge(const block *b) {
  of3_gemm g = gemm_of(b);
  const float *a = g.a;
  float *y = g.y;
  g.y = b->edge;
  g.ldy = b->lanes;
  const size_t bytes = (size_t)b->columns * sizeof *y;
  for (int64_t r = 0; r < b->p->m; r += OF3_MATMUL_ROWS) {
    g.rows = b->p->m - r < OF3_MATMUL_ROWS ? b->p->m - r : OF3_MATMUL_ROWS;
    g.a = a + r * g.a_row;
    memset(b->edge, 0, (size_t)(g.rows * b->lanes) * sizeof *y);
    for (int64_t i = 0; i < g.rows && g.accumulate; i++)
      memcpy(b->edge + i * b->lanes, y + (r + i) * b->p->ldy, bytes);
    b->k->gemm(&g);
    for (int64_t i = 0; i < g.rows; i++) memcpy(y + (r + i) * b->p->ldy, b->edge + i * b->lanes, bytes);
  }
}

void of3_matmul_do(const of3_cpu_kernels *kernels, const of3_matmul *p, float *work) {
  block b = {.k = kernels, .p = p, .panel = work, .edge = work + OF3_GEMM_DEPTH * OF3_LANES};
  do { /* once if there are no terms, to set y */
    b.depth = p->k - b.term < OF3_GEMM_DEPTH ? p->k - b.term : OF3_GEMM_DEPTH;
    for (b.first = 0; b.first < p->n; b.first += b.columns) {
      b.columns = columns_of_block(p->n - b.first);
      b.lanes = of3_lanes(b.columns);
      copy_panel(&b);
      if (b.columns == b.lanes) {
        const of3_gemm g = gemm_of(&b);
        kernels->gemm(&g);
      } else
        multiply_edge(&b);
    }
    b.term += b.depth;
  } while (b.term < p->k);
}
