/* Between tensors and panels: panel p holds rows 48 p .. of a tensor. */
#ifndef OF3_CPU_PANEL_H
#define OF3_CPU_PANEL_H

#include "cpu/kernels.h"

/* panel [channels of x][lanes]. */
void of3_read_panel(const of3_cpu_kernels *k, float *panel, const of3_tensor *x, int64_t p);

/* Where products go: y = [y +] [mask~] [gate~] product. */
typedef struct of3_panel_target {
  const of3_tensor *y, *opt_gate, *opt_mask;
  bool add;
} of3_panel_target;

/* product [channels][lanes] is channels first .. first+channels-1 of panel p. */
void of3_write_panel(const of3_cpu_kernels *k, const of3_panel_target *to, int64_t p, int64_t first,
                     int64_t channels, const float *product);

/* Makes the panel x [depth][lanes] what products with the weights w multiply: pairs in its place if both w
 * and the backend's operands are bf16. To be done once between making x and multiplying it. */
void of3_make_operand(const of3_cpu_kernels *k, const of3_tensor *w, float *x, int lanes, int64_t depth);

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
