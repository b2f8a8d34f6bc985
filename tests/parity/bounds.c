#include "bounds.h"

#include <fnmatch.h>
#include <stddef.h>

/* Largest deviation over largest value, against results computed in float64. Measured: the worst of the tiny
 * (24 and 40 tokens), wide and full fixtures, of all three variants, by the reference and by the CPU backend
 * with plain C, AVX2 and AVX-512 kernels (x86-64, gcc 12, 2026-11-24). float32 PyTorch on the same inputs
 * deviates as much. The first pattern that fits counts. */
typedef struct row {
  const char *pattern;
  double measured, bound;
} row;

static const row random_weights[] = {
    {"grad/*attn_pair_bias.layer_norm_z.bias", 4.8e-5, 1.5e-4}, /* 0 but for rounding */
    {"grad/*", 1.25e-5, 4e-5},
    {"gradact/*", 2.1e-5, 6e-5},
    {"loss/*", 6.5e-7, 2e-6},
    {"act/input_embedder*", 5.1e-7, 1.5e-6},
    {"act/cycle*/recycling/*", 5.2e-7, 1.5e-6},
    {"act/cycle*/template*/template_embedder/normed", 1.4e-6, 4e-6},
    {"act/cycle*/template*", 7.2e-7, 2.5e-6},
    {"act/cycle*/msa_module*", 4.8e-7, 1.5e-6},
    {"act/cycle*/pairformer_stack*", 1.3e-6, 4e-6},
    {"act/trunk/*", 3.7e-6, 8e-6},
    /* one pair of the tiny network, whose 155 channels are nearly constant before the norm; r.m.s. 6e-7 */
    {"act/denoise/diffusion_module.diffusion_conditioning/z", 9.3e-6, 2.5e-5},
    {"act/denoise/*", 1.2e-6, 4e-6},
    {"act/confidence/*", 3.2e-6, 8e-6},
    {"out/s_input", 4.2e-7, 1.5e-6},
    {"out/s", 1.1e-6, 4e-6},
    {"out/z", 3.7e-6, 8e-6},
    {"out/x_*", 1.1e-6, 4e-6},
    {"out/pae", 5.9e-6, 1.6e-5},
    {"out/pde", 4.1e-6, 1.2e-5},
    {"out/value/contact", 3.7e-6, 1.2e-5},
    {"out/value/frames", 0, 0},
    {"out/value/*", 9.7e-7, 3.5e-6},
    {"out/*", 1.6e-6, 6e-6},
    {NULL, 0, 0},
};

/* The demonstration checkpoint: sharper attention, larger activations; 200 steps accumulate (coordinates,
 * from step 100 on). */
static const row demonstration[] = {
    {"out/x_step*", 1.2e-5, 4e-5},
    {"out/x_sampled", 7.7e-6, 2e-5},
    {"out/value/frames", 0, 0},
    {"*", 4.0e-6, 6e-6},
    {NULL, 0, 0},
};

/* MLX 0.32.4, CPU device with OpenBLAS, f32: what deviates more than above. All else is within those bounds.
 */
static const row mlx_random_weights[] = {
    {"act/denoise/diffusion_module.diffusion_conditioning/s", 3.5e-6, 1e-5},
    {NULL, 0, 0},
};
static const row mlx_demonstration[] = {
    {"out/x_sampled", 2.1e-6, 8e-6}, /* 20 steps */
    {NULL, 0, 0},
};
static const row mlx_many_steps[] = {
    {"out/x_step*", 8.5e-6, 3e-5},
    {"out/x_sampled", 5.9e-6, 2e-5},
    {NULL, 0, 0},
};

/* MLX with products and stored activations in half precision. A bf16 has 8 digits of 2, an f16 has 11.
 * Measured on the committed fixtures, and that of 200 steps, on the CPU device; an H200 stays within the
 * bounds of the former. */
static const row mlx_bf16_random_weights[] = {
    {"act/input_embedder*", 7.7e-3, 2.5e-2},
    {"act/cycle*/recycling/*", 7.3e-3, 2.5e-2},
    {"act/cycle*/template*", 3.0e-2, 9e-2},
    {"act/cycle*/msa_module*", 1.6e-2, 6e-2},
    {"act/cycle*/pairformer_stack*", 2.4e-2, 9e-2},
    {"act/denoise/diffusion_module.diffusion_conditioning/z", 6.9e-2, 0.15},
    {"act/denoise/*", 1.3e-2, 3.5e-2},
    {"act/confidence/*", 3.2e-2, 0.12},
    {"out/s_input", 5.0e-3, 2e-2},
    {"out/s", 1.0e-2, 3.5e-2},
    {"out/x_*", 9.9e-3, 3.5e-2},
    {"out/value/contact", 5.2e-2, 0.13},
    {"out/value/frames", 0, 0},
    {"out/value/chain_*", 5.6e-2, 0.12},
    {"out/value/*", 1.3e-2, 4e-2},
    {"*", 5.4e-2, 0.13},
    {NULL, 0, 0},
};
static const row mlx_bf16_demonstration[] = {
    {"out/x_denoised", 2.4e-2, 9e-2},
    {"out/x_sampled", 7.7e-2, 0.2}, /* r.m.s. 2.4e-2; rounding of all steps is amplified, see below */
    {"out/value/frames", 0, 0},
    {"out/value/pae", 9.3e-3, 2.5e-2},
    {"out/value/pde", 9.8e-3, 3e-2},
    {"out/value/contact", 1.3e-2, 4e-2},
    {"act/denoise/diffusion_module.atom_attn_dec/update", 9.4e-2, 0.3},
    {"out/value/*", 1.6e-3, 6e-3},
    {"*", 1.0e-2, 3.5e-2},
    {NULL, 0, 0},
};
/* From step 100 on what differs in rounding goes other ways: r.m.s. 7.9e-2 at the end. */
static const row mlx_bf16_many_steps[] = {
    {"out/x_step.?", 2.4e-4, 9e-4}, {"out/x_step.[1-5]?", 2.7e-3, 1e-2}, {"out/x_step.[6-9]?", 2.4e-2, 8e-2},
    {"out/x_step.1??", 0.62, 1},    {"out/x_sampled", 0.5, 1},           {NULL, 0, 0},
};
static const row mlx_f16_random_weights[] = {
    {"act/input_embedder*", 1.1e-3, 4e-3},
    {"act/cycle*/recycling/*", 1.2e-3, 4e-3},
    {"act/cycle*/template*", 4.0e-3, 1.2e-2},
    {"act/cycle*/msa_module*", 2.5e-3, 9e-3},
    {"act/cycle*/pairformer_stack*", 3.2e-3, 9e-3},
    {"act/denoise/diffusion_module.diffusion_conditioning/z", 6.3e-3, 2e-2},
    {"act/denoise/*", 1.5e-3, 6e-3},
    {"act/confidence/*", 3.4e-3, 1.3e-2},
    {"out/s_input", 9.8e-4, 3.5e-3},
    {"out/s", 1.1e-3, 4e-3},
    {"out/x_*", 1.3e-3, 4e-3},
    {"out/value/contact", 7.4e-3, 2.5e-2},
    {"out/value/frames", 0, 0},
    {"out/value/chain_*", 2.9e-3, 1.1e-2},
    {"out/value/*", 2.2e-3, 8e-3},
    {"*", 5.5e-3, 2e-2},
    {NULL, 0, 0},
};
static const row mlx_f16_demonstration[] = {
    {"out/x_denoised", 2.4e-3, 9e-3},
    {"out/x_sampled", 3.8e-3, 1.5e-2},
    {"out/value/frames", 0, 0},
    {"out/value/pae", 1.1e-3, 3.5e-3},
    {"out/value/pde", 1.5e-3, 5e-3},
    {"out/value/contact", 1.9e-3, 6e-3},
    {"act/denoise/diffusion_module.atom_attn_dec/update", 1.0e-2, 3e-2},
    {"out/value/*", 2.0e-4, 8e-4},
    {"*", 1.2e-3, 4e-3},
    {NULL, 0, 0},
};
static const row mlx_f16_many_steps[] = {
    {"out/x_step*", 2.2e-2, 7e-2}, {"out/x_sampled", 1.9e-2, 7e-2}, {NULL, 0, 0}};
static const row mlx_nothing[] = {{NULL, 0, 0}};

/* bf16 on the CPU (unit roundoff 2^-9 = 0.002). Measured: the worst of the tiny, wide and full fixtures by
 * plain C, AVX2, AVX-512 and AVX512-BF16 (tiny by the reference too), which differ little. */
static const row cpu_bf16_random_weights[] = {
    {"act/input_embedder*", 4.6e-3, 1.4e-2},
    {"act/cycle*/recycling/*", 5.4e-3, 1.5e-2},
    {"act/cycle*/template*", 2.5e-2, 7e-2},
    {"act/cycle*/msa_module*", 7.5e-3, 2e-2},
    {"act/cycle*/pairformer_stack*", 8.5e-3, 2.4e-2},
    {"act/trunk/*", 3.6e-2, 0.1},
    /* the pair of f32 above; r.m.s. 8e-3 */
    {"act/denoise/diffusion_module.diffusion_conditioning/z", 9.2e-2, 0.14},
    {"act/denoise/*", 1.0e-2, 3e-2},
    {"act/confidence/*", 3.2e-2, 9e-2},
    {"out/s_input", 3.8e-3, 1.2e-2},
    {"out/s", 1.1e-2, 3.6e-2},
    {"out/z", 3.6e-2, 0.1},
    {"out/x_*", 1.0e-2, 2.7e-2},
    {"out/pae", 5.7e-2, 0.16},
    {"out/pde", 3.6e-2, 9e-2},
    {"out/value/contact", 4.3e-2, 0.12},
    {"out/value/frames", 0, 0},
    {"out/value/*tm*", 2.3e-2, 7e-2},
    {"out/value/*", 1.0e-2, 3e-2},
    {"out/*", 1.8e-2, 4.5e-2},
    {NULL, 0, 0},
};
static const row cpu_bf16_demonstration[] = {
    /* r.m.s. 8e-3; what deviates most in f32 too */
    {"act/denoise/diffusion_module.atom_attn_dec/update", 2.6e-2, 8e-2},
    {"act/denoise/*", 1.2e-2, 3.6e-2},
    {"out/x_denoised", 1.1e-2, 3e-2},
    {"out/x_sampled", 1.8e-2, 4e-2},
    {"out/value/frames", 0, 0},
    {"*", 6.2e-3, 1.4e-2},
    {NULL, 0, 0},
};
/* 200 steps amplify rounding: r.m.s. deviations grow 40 times until step 100, another 7 times until step 150,
 * and then stay. Instruction sets, which differ in the order of sums, end between 2.8e-2 and 7.2e-2 from
 * PyTorch (r.m.s. 1.4e-2 to 1.9e-2: 0.2 A). */
static const row cpu_bf16_many_steps[] = {
    {"out/x_step.?", 3.0e-4, 1e-3},  {"out/x_step.[1-5]?", 8.6e-4, 3e-3}, {"out/x_step.[6-9]?", 5.7e-3, 2e-2},
    {"out/x_step.1??", 8.1e-2, 0.3}, {"out/x_sampled", 7.2e-2, 0.28},     {NULL, 0, 0},
};

static const row *find(const row *r, const char *name) {
  while (r->pattern && fnmatch(r->pattern, name, 0) != 0) r++;
  return r;
}

static double bound_cpu_bf16(const char *name, const bounds_kind *k) {
  if (!k->trained) return find(cpu_bf16_random_weights, name)->bound;
  const row *own = find(cpu_bf16_many_steps, name);
  return k->many_steps && own->pattern ? own->bound : find(cpu_bf16_demonstration, name)->bound;
}

/* The tables of a type on MLX, looked through in this order. */
static double bound_mlx(const char *name, const bounds_kind *k) {
  static const row *const many_steps[] = {mlx_many_steps, mlx_bf16_many_steps, mlx_f16_many_steps},
                          *const trained[] = {mlx_demonstration, mlx_bf16_demonstration,
                                              mlx_f16_demonstration},
                          *const untrained[] = {mlx_random_weights, mlx_bf16_random_weights,
                                                mlx_f16_random_weights};
  const int type = k->type == OF3_BF16 ? 1 : k->type == OF3_F16 ? 2 : 0;
  const row *own = find(k->many_steps ? many_steps[type] : mlx_nothing, name);
  if (!own->pattern) own = find((k->trained ? trained : untrained)[type], name);
  return own->pattern ? own->bound : find(k->trained ? demonstration : random_weights, name)->bound;
}

double bound_of(const char *name, const bounds_kind *k) {
  if (k->mlx) return bound_mlx(name, k);
  if (k->type == OF3_BF16) return bound_cpu_bf16(name, k);
  return find(k->trained ? demonstration : random_weights, name)->bound; /* the last row allows nothing */
}
