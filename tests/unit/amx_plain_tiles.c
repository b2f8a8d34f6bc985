/* The product in AMX (src/cpu/cpu_amx.c) with tiles made of plain C. This file alone is compiled for AVX-512,
 * as cpu_amx.c is: what calls it (test_amx.c) runs on every processor and asks first. */
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static float tile[8][16][16];

static void load_tile(int t, const void *from, ptrdiff_t bytes) {
  for (int i = 0; i < 16; i++) memcpy(tile[t][i], (const char *)from + i * bytes, sizeof tile[t][i]);
}

static void store_tile(int t, void *to, ptrdiff_t bytes) {
  for (int i = 0; i < 16; i++) memcpy((char *)to + i * bytes, tile[t][i], sizeof tile[t][i]);
}

static float upper_half(uint32_t bits) {
  float f;
  memcpy(&f, &bits, sizeof f);
  return f;
}

static void multiply_tiles(int c, int a, int b) {
  for (int m = 0; m < 16; m++)
    for (int k = 0; k < 16; k++)
      for (int n = 0; n < 16; n++) {
        uint32_t x, y;
        memcpy(&x, &tile[a][m][k], sizeof x);
        memcpy(&y, &tile[b][k][n], sizeof y);
        tile[c][m][n] += upper_half(x << 16) * upper_half(y << 16);
        tile[c][m][n] += upper_half(x & 0xffff0000u) * upper_half(y & 0xffff0000u);
      }
}

#undef _tile_loadconfig
#undef _tile_release
#undef _tile_zero
#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbf16ps
#define _tile_loadconfig(c)         ((void)(c))
#define _tile_release()             ((void)0)
#define _tile_zero(t)               memset(tile[t], 0, sizeof tile[t])
#define _tile_loadd(t, from, bytes) load_tile((t), (from), (bytes))
#define _tile_stored(t, to, bytes)  store_tile((t), (to), (bytes))
#define _tile_dpbf16ps(c, a, b)     multiply_tiles((c), (a), (b))
#include "cpu/cpu_amx.c"
