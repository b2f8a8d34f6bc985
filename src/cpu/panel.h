/* Between tensors and panels (kernels.h): panel p holds rows 48 p .. of a tensor. An operation is a chain of
 * these steps, each thread with panels of its own:
 *
 *   of3_read_panel     rows of x      -> panel f32 [K][lanes]
 *   of3_norm_panel                    -> the same, normalised
 *   of3_make_operand                  -> what the product multiplies: bf16x2 in its place, or as it is
 *   of3_weights_times, of3_product    -> panel f32 [n][lanes]
 *   of3_write_panel    panel          -> rows of y: y = [y +] [mask] [gate] product
 *
 * Who makes which part: with many panels each thread takes whole ones and all outputs. With few, threads
 * share panels and outputs in a grid of tiles (of3_tile):
 *
 *                 outputs of weights W_0, W_1, ..
 *               +------+------+------+------+
 *      group 0  |  0   |  1   |  2   |  3   |    item = one cell: a group of panels times some outputs;
 *     (panels)  +------+------+------+------+    items are numbered row by row, and a thread's items
 *      group 1  |  4   |  5   |  6   |  7   |    follow each other
 *               +------+------+------+------+ */
#ifndef OF3_CPU_PANEL_H
#define OF3_CPU_PANEL_H

#include "cpu/kernels.h"

/* panel [channels of x][lanes]. */
void of3_read_panel(const of3_cpu_kernels *k, float *panel, const of3_tensor *x, int64_t p);

/* The same of gate norm(x) + shift, whose gate and shift may have fewer rows. line [48][channels of x]. */
void of3_read_adaptive_panel(const of3_cpu_kernels *k, float *panel, float *line, const of3_tensor *x,
                             const of3_tensor *gate, const of3_tensor *shift, int64_t p);

/* bf16x2 [(channels of x) / 2][lanes] of x in bf16: the operand. */
void of3_read_bf16x2(const of3_cpu_kernels *k, void *bf16x2, const of3_tensor *x, int64_t p);

/* Where products go: y = [y +] [mask~] [gate~] product. */
typedef struct of3_panel_target {
  const of3_tensor *y, *opt_gate, *opt_mask;
  bool add;
  bool pairs; /* y is over pairs of tokens, the mask over tokens */
} of3_panel_target;

/* product [channels][lanes], which is used up, is channels first .. first+channels-1 of panel p. y in bf16:
 * first and channels are even, and there is nothing beside the product. */
void of3_write_panel(const of3_cpu_kernels *k, const of3_panel_target *to, int64_t p, int64_t first,
                     int64_t channels, float *product);

/* Makes the panel x [depth][lanes] what products with the weights w multiply: bf16x2 in its place if both w
 * and the backend's operands are bf16. To be done once between making x and multiplying it. */
void of3_make_operand(const of3_cpu_kernels *k, const of3_tensor *w, float *x, int lanes, int64_t depth);

/* Whether products with w multiply bf16x2, and the rows [lanes] that an operand of n terms then takes. */
bool of3_takes_bf16x2(const of3_cpu_kernels *k, const of3_tensor *w);
int64_t of3_operand_rows(const of3_cpu_kernels *k, const of3_tensor *w, int64_t n);

/* How `count` products of the same panels, each of some outputs, are shared out: in items of a group of
 * panels and a few outputs. A thread's items follow each other: all outputs of one group, then of the next.
 * For its items a thread reads (panels of a group) times 48 rows of x and (outputs of its items) rows of the
 * weights. Their product is its share of the work, so their sum is least when both are about equal: `groups`
 * is chosen so. */
typedef struct of3_tiling {
  int64_t panels, outputs, count, groups, items;
} of3_tiling;

of3_tiling of3_tile(int64_t panels, int64_t outputs, int64_t count, int threads);

/* Items that are done together: outputs first .. first+n-1 of product `which`, n <= OF3_TILE_MOST, panels p
 * .. p_end-1. */
enum { OF3_TILE_MOST = 128 };
typedef struct of3_tile_item {
  int64_t which, p, p_end, first, n;
} of3_tile_item;

/* From item *i on, before `end`; *i becomes the next one. */
of3_tile_item of3_tile_next(const of3_tiling *t, int64_t *i, int64_t end);

/* Whether sharing out pays: panels are too few to keep all threads equally busy with whole ones, and there is
 * enough to do for the additional round. weights: outputs times depth. */
static inline bool of3_few_panels(int64_t panels, int64_t weights, int threads) {
  return panels < 4 * threads + 8 && weights > 1 << 15;
}

/* y [outputs][lanes] = rows first .. first+outputs-1 of w, f32 or bf16, times the operand x [depth][lanes].
 */
of3_gemm of3_weights_times(const of3_tensor *w, int64_t first, int64_t outputs, const float *x, int lanes,
                           float *y);

/* Leaves n terms of the sum from `first` on; x stays, and is that of the first one. */
void of3_gemm_terms(of3_gemm *g, int64_t first, int64_t n);

/* Layer norm of a panel by the scale and offset of an operation. */
void of3_norm_panel(const of3_cpu_kernels *k, float *panel, int lanes, int64_t channels,
                    const of3_tensor *opt_scale, const of3_tensor *opt_offset);

#endif
