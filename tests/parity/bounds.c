#include "bounds.h"

#include <fnmatch.h>
#include <stddef.h>

/* Largest deviation over largest value, against results computed in float64. Measured: the worst of the tiny
 * (24 and 40 tokens), wide and full fixtures, of all three variants, by the reference and by the CPU backend
 * with plain C, AVX2 and AVX-512 kernels (x86-64, gcc 12, 2026-11-24). float32 PyTorch on the same inputs
 * deviates as much (shared/oracle/README.md). The first pattern that fits counts. */
typedef struct row {
  const char *pattern;
  double measured, bound;
} row;

static const row random_weights[] = {
    {"act/input_embedder*", 4.3e-7, 1.5e-6},
    {"act/cycle*/recycling/*", 4.3e-7, 1.5e-6},
    {"act/cycle*/template*/template_embedder/normed", 1.3e-6, 4e-6},
    {"act/cycle*/template*", 7.2e-7, 2.5e-6},
    {"act/cycle*/msa_module*", 4.8e-7, 1.5e-6},
    {"act/cycle*/pairformer_stack*", 1.3e-6, 4e-6},
    {"act/trunk/*", 2.6e-6, 8e-6},
    /* one pair of the tiny network, whose 155 channels are nearly constant before the norm; r.m.s. 6e-7 */
    {"act/denoise/diffusion_module.diffusion_conditioning/z", 7.5e-6, 2.5e-5},
    {"act/denoise/*", 1.2e-6, 4e-6},
    {"act/confidence/*", 2.4e-6, 8e-6},
    {"out/s_input", 4.2e-7, 1.5e-6},
    {"out/s", 1.1e-6, 4e-6},
    {"out/z", 2.6e-6, 8e-6},
    {"out/x_*", 1.1e-6, 4e-6},
    {"out/pae", 4.5e-6, 1.6e-5},
    {"out/pde", 3.0e-6, 1.2e-5},
    {"out/value/contact", 3.6e-6, 1.2e-5},
    {"out/value/frames", 0, 0},
    {"out/value/*", 9.7e-7, 3.5e-6},
    {"out/*", 1.6e-6, 6e-6},
    {NULL, 0, 0},
};

/* The demonstration checkpoint: sharper attention, larger activations; 200 steps accumulate (coordinates,
 * from step 100 on). */
static const row demonstration[] = {
    {"out/x_step*", 1.0e-5, 4e-5},
    {"out/x_sampled", 6.9e-6, 2e-5},
    {"out/value/frames", 0, 0},
    {"*", 2.6e-6, 6e-6},
    {NULL, 0, 0},
};

/* MLX 0.32.4, CPU device with OpenBLAS, f32: what deviates more than above. All else is within those bounds.
 */
static const row mlx_random_weights[] = {
    {"act/denoise/diffusion_module.diffusion_conditioning/s", 3.5e-6, 1e-5},
    {NULL, 0, 0},
};
static const row mlx_demonstration[] = {
    {"out/x_step*", 2.2e-5, 6e-5},
    {"out/x_sampled", 2.0e-5, 6e-5},
    {NULL, 0, 0},
};

/* MLX with products and stored activations in half precision. A bf16 has 8 digits of 2, an f16 has 11. */
static const row mlx_bf16[] = {
    {"out/value/frames", 0, 0},
    {"out/x_sampled", 7.7e-2, 0.2},
    {"*", 6.2e-2, 0.15},
    {NULL, 0, 0},
};
static const row mlx_f16[] = {
    {"out/value/frames", 0, 0},
    {"*", 6.6e-3, 2e-2},
    {NULL, 0, 0},
};

/* bf16 on the CPU (unit roundoff 2^-9 = 0.002). Measured: the worst of the tiny, wide and full fixtures, by
 * the reference and by every instruction set of x86-64, AMX included, which differ little. */
static const row cpu_bf16_random_weights[] = {
    {"act/input_embedder*", 4.4e-3, 1.4e-2},
    {"act/cycle*/recycling/*", 4.9e-3, 1.5e-2},
    {"act/cycle*/template*", 2.3e-2, 7e-2},
    {"act/cycle*/msa_module*", 6.5e-3, 2e-2},
    {"act/cycle*/pairformer_stack*", 7.7e-3, 2.4e-2},
    {"act/trunk/*", 3.4e-2, 0.1},
    {"act/denoise/diffusion_module.diffusion_conditioning/z", 4.6e-2, 0.14},
    {"act/denoise/*", 1.0e-2, 3e-2},
    {"act/confidence/*", 3.0e-2, 9e-2},
    {"out/s_input", 3.8e-3, 1.2e-2},
    {"out/s", 1.2e-2, 3.6e-2},
    {"out/z", 3.4e-2, 0.1},
    {"out/x_*", 8.7e-3, 2.7e-2},
    {"out/pae", 5.4e-2, 0.16},
    {"out/pde", 2.9e-2, 9e-2},
    {"out/value/contact", 3.9e-2, 0.12},
    {"out/value/frames", 0, 0},
    {"out/value/*tm*", 2.2e-2, 7e-2},
    {"out/value/*", 9.5e-3, 3e-2},
    {"out/*", 1.5e-2, 4.5e-2},
    {NULL, 0, 0},
};
static const row cpu_bf16_demonstration[] = {
    {"out/x_denoised", 9.7e-3, 3e-2},
    {"out/x_sampled", 1.1e-2, 4e-2},
    {"out/value/frames", 0, 0},
    {"*", 3.9e-3, 1.4e-2},
    {NULL, 0, 0},
};

static const row *find(const row *r, const char *name) {
  while (r->pattern && fnmatch(r->pattern, name, 0) != 0) r++;
  return r;
}

double bound_of(const char *name, bool trained, bool mlx, of3_dtype type) {
  if (mlx && type == OF3_BF16) return find(mlx_bf16, name)->bound;
  if (mlx && type == OF3_F16) return find(mlx_f16, name)->bound;
  if (type == OF3_BF16) return find(trained ? cpu_bf16_demonstration : cpu_bf16_random_weights, name)->bound;
  const row *own = find(trained ? mlx_demonstration : mlx_random_weights, name);
  if (mlx && own->pattern) return own->bound;
  return find(trained ? demonstration : random_weights, name)->bound; /* the row at the end allows nothing */
}
