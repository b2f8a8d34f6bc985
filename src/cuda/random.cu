/* Random numbers on the device, the same as the CPU's (base/random.c): Philox4x32-10 (Salmon et al., SC'11)
 * and Box-Muller in double. And AF3 SI Alg. 19. */
#include "cuda/each.cuh"

namespace of3 {

struct Words {
  uint32_t of[4];
};

/* Counter (block, step, sample, purpose) under the key (low, high half of the seed). */
static __device__ Words philox(uint32_t block, uint32_t step, uint32_t sample, uint32_t purpose, uint32_t k0,
                               uint32_t k1) {
  uint32_t c[4] = {block, step, sample, purpose};
#pragma unroll
  for (int round = 0; round < 10; round++) {
    const uint32_t high0 = __umulhi(0xD2511F53u, c[0]), low0 = 0xD2511F53u * c[0];
    const uint32_t high1 = __umulhi(0xCD9E8D57u, c[2]), low1 = 0xCD9E8D57u * c[2];
    c[0] = high1 ^ c[1] ^ k0;
    c[2] = high0 ^ c[3] ^ k1;
    c[1] = low1;
    c[3] = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {{c[0], c[1], c[2], c[3]}};
}

/* In (0,1]. */
static __device__ double uniform(uint32_t w) { return ((w >> 8) + 1) * 0x1p-24; }

void ops::random_normal(Run &r, const of3_call &c) {
  const uint32_t *key = at<uint32_t>(c.in[RANDOM_KEY]), *step = at<uint32_t>(c.in[RANDOM_STEP]);
  const uint32_t purpose = static_cast<uint32_t>(c.attr.purpose);
  const int64_t n = c.attr.count, blocks = (n + 3) / 4;
  float *y = f32(c.out);
  each(r, rows(c.in[RANDOM_KEY]) * blocks, [=] __device__(int64_t i) {
    const int64_t row = i / blocks, block = i % blocks;
    const Words w = philox(static_cast<uint32_t>(block), step[0], key[3 * row + 2], purpose, key[3 * row],
                           key[3 * row + 1]);
    for (int k = 0; k < 4; k += 2) {
      double sine, cosine;
      const double length = sqrt(-2 * log(uniform(w.of[k])));
      sincospi(2 * uniform(w.of[k + 1]), &sine, &cosine);
      float *to = y + row * n + block * 4 + k;
      if (block * 4 + k < n) to[0] = static_cast<float>(length * cosine);
      if (block * 4 + k + 1 < n) to[1] = static_cast<float>(length * sine);
    }
  });
}

struct Pose {
  float *x;
  const float *mask, *pose; /* quaternion w,x,y,z and shift of each sample */
  int64_t atoms, mask_entries;
};

/* A block a sample: its centre by a tree of sums, which is always the same one, then each atom. */
static __global__ void __launch_bounds__(256) augment_kernel(const __grid_constant__ Pose p) {
  __shared__ double part[256][4];
  const int64_t s = blockIdx.x;
  float *x = p.x + s * p.atoms * 3;
  const float *mask = p.mask ? p.mask + s % p.mask_entries * p.atoms : nullptr, *q = p.pose + 7 * s;
  double sum[4] = {};
  for (int64_t a = threadIdx.x; a < p.atoms; a += 256) {
    const double m = mask ? mask[a] : 1;
    for (int k = 0; k < 3; k++) sum[k] += m * static_cast<double>(x[3 * a + k]);
    sum[3] += m;
  }
  for (int k = 0; k < 4; k++) part[threadIdx.x][k] = sum[k];
  for (unsigned half = 128; half; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half)
      for (int k = 0; k < 4; k++) part[threadIdx.x][k] += part[threadIdx.x + half][k];
  }
  __syncthreads();
  const double members = fmax(part[0][3], 1.0);
  const float length = sqrtf(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]);
  const float w = q[0] / length, i = q[1] / length, j = q[2] / length, k = q[3] / length;
  const double turn[9] = {1 - 2 * (j * j + k * k), 2 * (i * j - w * k),     2 * (i * k + w * j),
                          2 * (i * j + w * k),     1 - 2 * (i * i + k * k), 2 * (j * k - w * i),
                          2 * (i * k - w * j),     2 * (j * k + w * i),     1 - 2 * (i * i + j * j)};
  for (int64_t a = threadIdx.x; a < p.atoms; a += 256) {
    double d[3];
    for (int e = 0; e < 3; e++) d[e] = static_cast<double>(x[3 * a + e]) - part[0][e] / members;
    for (int e = 0; e < 3; e++) {
      const double y = d[0] * turn[3 * e] + d[1] * turn[3 * e + 1] + d[2] * turn[3 * e + 2] +
                       static_cast<double>(q[4 + e]);
      x[3 * a + e] = static_cast<float>(y * (mask ? mask[a] : 1));
    }
  }
}

void ops::augment(Run &r, const of3_call &c) {
  const Tensor *mask = c.in[AUGMENT_MASK];
  const int64_t atoms = of3_dim(c.out, 1);
  if (!r.launches || count(c.out) == 0) return;
  const Pose p{f32(c.out), f32(mask), f32(c.in[AUGMENT_POSE]), atoms, mask ? count(mask) / atoms : 1};
  augment_kernel<<<static_cast<unsigned>(rows(c.out) / atoms), 256, 0, r.stream>>>(p);
}

} // namespace of3
