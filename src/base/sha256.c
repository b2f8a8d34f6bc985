#include "base/sha256.h"

#include <string.h>

#include "base/file.h"

static const uint32_t round_constant[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate_right(uint32_t x, int n) { return x >> n | x << (32 - n); }

static void compress(uint32_t state[8], const uint8_t *block) {
  uint32_t w[64];
  for (int i = 0; i < 16; i++)
    w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
           block[4 * i + 3];
  for (int i = 16; i < 64; i++) {
    uint32_t s0 = rotate_right(w[i - 15], 7) ^ rotate_right(w[i - 15], 18) ^ w[i - 15] >> 3;
    uint32_t s1 = rotate_right(w[i - 2], 17) ^ rotate_right(w[i - 2], 19) ^ w[i - 2] >> 10;
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
  uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
  for (int i = 0; i < 64; i++) {
    uint32_t t1 = h + (rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25)) +
                  ((e & f) ^ (~e & g)) + round_constant[i] + w[i];
    uint32_t t2 =
        (rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + t1;
    d = c, c = b, b = a, a = t1 + t2;
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d;
  state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

void of3_sha256_init(of3_sha256 *s) {
  *s = (of3_sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
                              0x1f83d9ab, 0x5be0cd19}};
}

void of3_sha256_add(of3_sha256 *s, const void *bytes, size_t n) {
  const uint8_t *p = bytes;
  size_t held = (size_t)(s->total % 64);
  s->total += n;
  if (held) {
    size_t take = n < 64 - held ? n : 64 - held;
    memcpy(s->block + held, p, take);
    p += take;
    n -= take;
    if (held + take < 64) return;
    compress(s->state, s->block);
  }
  for (; n >= 64; p += 64, n -= 64) compress(s->state, p);
  if (n) memcpy(s->block, p, n);
}

void of3_sha256_hex(of3_sha256 *s, char out[OF3_SHA256_HEX]) {
  static const uint8_t padding[64] = {0x80};
  uint8_t length[8];
  for (int i = 0; i < 8; i++) length[i] = (uint8_t)(s->total * 8 >> (56 - 8 * i));
  size_t held = (size_t)(s->total % 64);
  of3_sha256_add(s, padding, held < 56 ? 56 - held : 120 - held);
  of3_sha256_add(s, length, sizeof length);
  for (int i = 0; i < 64; i++) out[i] = "0123456789abcdef"[s->state[i / 8] >> (28 - 4 * (i % 8)) & 15];
  out[64] = 0;
}

of3_status of3_sha256_add_many(of3_sha256 *s, const void *bytes, size_t n, of3_cancel *opt_cancel,
                               of3_error *err) {
  enum { PIECE = 1 << 20 };
  const uint8_t *p = bytes;
  for (size_t at = 0; at < n; at += PIECE) {
    OF3_TRY(of3_go_on(opt_cancel, err));
    of3_sha256_add(s, p + at, n - at < PIECE ? n - at : PIECE);
  }
  return OF3_OK;
}

of3_status of3_sha256_file(const char *path, of3_cancel *opt_cancel, char out[OF3_SHA256_HEX],
                           uint64_t *ret_size, of3_error *err) {
  of3_map map = {0};
  OF3_TRY(of3_map_open(path, &map, err));
  of3_sha256 s;
  of3_sha256_init(&s);
  of3_status status = of3_sha256_add_many(&s, map.data, map.size, opt_cancel, err);
  of3_sha256_hex(&s, out);
  *ret_size = map.size;
  of3_map_close(&map);
  return status;
}
