#include "base/random.h"

#include <math.h>
#include <string.h>

uint64_t of3_random_name(const char *name) {
  uint64_t h = 0xcbf29ce484222325u;
  for (; *name; name++) h = (h ^ (uint8_t)*name) * 0x100000001b3u;
  return h;
}

void of3_random_block(of3_stream s, uint32_t block, uint32_t out[4]) {
  uint32_t c[4] = {block, s.step, s.sample, (uint32_t)s.purpose};
  uint32_t k0 = (uint32_t)s.seed, k1 = (uint32_t)(s.seed >> 32);
  for (int round = 0; round < 10; round++) {
    uint64_t p0 = (uint64_t)0xD2511F53u * c[0], p1 = (uint64_t)0xCD9E8D57u * c[2];
    uint32_t n0 = (uint32_t)(p1 >> 32) ^ c[1] ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c[3] ^ k1;
    c[1] = (uint32_t)p1;
    c[3] = (uint32_t)p0;
    c[0] = n0;
    c[2] = n2;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  for (int i = 0; i < 4; i++) out[i] = c[i];
}

/* (0,1]: the logarithm is finite. */
static double uniform(uint32_t w) { return ((w >> 8) + 1) * 0x1p-24; }

/* Box-Muller: two standard normals of two words. */
static void normal_pair(const uint32_t w[2], float out[2]) {
  const double two_pi = 6.283185307179586;
  const double r = sqrt(-2 * log(uniform(w[0]))), a = two_pi * uniform(w[1]);
  out[0] = (float)(r * cos(a));
  out[1] = (float)(r * sin(a));
}

void of3_random_normal_from(of3_stream s, size_t first, float *out, size_t n) {
  for (size_t i = 0; i < n; i += 4) {
    uint32_t w[4];
    float four[4];
    of3_random_block(s, (uint32_t)((first + i) / 4), w);
    normal_pair(w, four);
    normal_pair(w + 2, four + 2);
    memcpy(out + i, four, (n - i < 4 ? n - i : 4) * sizeof *out);
  }
}

void of3_random_normal(of3_stream s, float *out, size_t n) { of3_random_normal_from(s, 0, out, n); }

uint32_t of3_random_below(of3_stream s, uint32_t i, uint32_t below) {
  uint32_t w[4];
  of3_random_block(s, i / 2, w);
  uint64_t x = (uint64_t)w[i % 2 * 2] << 32 | w[i % 2 * 2 + 1];
  return (uint32_t)(((x >> 32) * below + ((x & 0xffffffffu) * below >> 32)) >> 32);
}

void of3_rotation_of(const float q[4], float out[9]) {
  float len = sqrtf(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]);
  float w = q[0] / len, x = q[1] / len, y = q[2] / len, z = q[3] / len;
  const float r[9] = {1 - 2 * (y * y + z * z), 2 * (x * y - w * z),     2 * (x * z + w * y),
                      2 * (x * y + w * z),     1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
                      2 * (x * z - w * y),     2 * (y * z + w * x),     1 - 2 * (x * x + y * y)};
  for (int i = 0; i < 9; i++) out[i] = r[i];
}
