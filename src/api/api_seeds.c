/* The seeds of OpenFold3's --num-model-seeds: the generator of Python's random module, MT19937 (Matsumoto and
 * Nishimura 1998), seeded as random.seed(int) does it, init_by_array with the number as key. */
#include "of3.h"

enum { N = 624, M = 397 };

typedef struct mt19937 {
  uint32_t state[N];
  int at;
} mt19937;

static void init_by_number(mt19937 *g, uint32_t s) {
  g->state[0] = s;
  for (uint32_t i = 1; i < N; i++)
    g->state[i] = 1812433253U * (g->state[i - 1] ^ (g->state[i - 1] >> 30)) + i;
  g->at = N;
}

static uint32_t mixed(const mt19937 *g, int i, uint32_t factor) {
  uint32_t before = g->state[i - 1];
  return g->state[i] ^ ((before ^ (before >> 30)) * factor);
}

/* Steps to the next word, keeping word 0 equal to the last. */
static void advance(mt19937 *g, int *i) {
  if (++*i < N) return;
  g->state[0] = g->state[N - 1];
  *i = 1;
}

static void init_by_key(mt19937 *g, uint32_t key) {
  int i = 1;
  init_by_number(g, 19650218U);
  for (int k = 0; k < N; k++) {
    g->state[i] = mixed(g, i, 1664525U) + key; /* a key of one word: its index is always 0 */
    advance(g, &i);
  }
  for (int k = 0; k < N - 1; k++) {
    g->state[i] = mixed(g, i, 1566083941U) - (uint32_t)i;
    advance(g, &i);
  }
  g->state[0] = 0x80000000U;
}

static void refill(mt19937 *g) {
  for (int i = 0; i < N; i++) {
    uint32_t y = (g->state[i] & 0x80000000U) | (g->state[(i + 1) % N] & 0x7fffffffU);
    g->state[i] = g->state[(i + M) % N] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfU : 0);
  }
  g->at = 0;
}

static uint32_t next_word(mt19937 *g) {
  if (g->at == N) refill(g);
  uint32_t y = g->state[g->at++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680U;
  y ^= (y << 15) & 0xefc60000U;
  return y ^ (y >> 18);
}

/* getrandbits(33): the first word is the low one, the second gives the high bit. */
static uint64_t next_33_bits(mt19937 *g) {
  uint64_t low = next_word(g);
  return low | (uint64_t)(next_word(g) >> 31) << 32;
}

void of3_reference_seeds(uint32_t start, int n, uint64_t *out) {
  mt19937 g;
  init_by_key(&g, start);
  for (int i = 0; i < n; i++) {
    do out[i] = next_33_bits(&g);
    while (out[i] >> 32);
  }
}
