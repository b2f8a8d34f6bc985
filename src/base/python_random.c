#include "base/python_random.h"

enum { N = OF3_MT_WORDS, M = 397 };

static void init_by_number(of3_python_random *g, uint32_t s) {
  g->state[0] = s;
  for (uint32_t i = 1; i < N; i++)
    g->state[i] = 1812433253U * (g->state[i - 1] ^ (g->state[i - 1] >> 30)) + i;
  g->at = N;
}

static uint32_t mixed(const of3_python_random *g, int i, uint32_t factor) {
  uint32_t before = g->state[i - 1];
  return g->state[i] ^ ((before ^ (before >> 30)) * factor);
}

/* Steps to the next word, keeping word 0 equal to the last. */
static void advance(of3_python_random *g, int *i) {
  if (++*i < N) return;
  g->state[0] = g->state[N - 1];
  *i = 1;
}

/* random.seed(int) is init_by_array with the words of the number, low ones first, as key. */
void of3_python_seed(of3_python_random *g, uint64_t seed) {
  const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)}, n_key = key[1] ? 2 : 1;
  int i = 1;
  init_by_number(g, 19650218U);
  for (uint32_t k = 0; k < N; k++) {
    g->state[i] = mixed(g, i, 1664525U) + key[k % n_key] + k % n_key;
    advance(g, &i);
  }
  for (int k = 0; k < N - 1; k++) {
    g->state[i] = mixed(g, i, 1566083941U) - (uint32_t)i;
    advance(g, &i);
  }
  g->state[0] = 0x80000000U;
}

static void refill(of3_python_random *g) {
  for (int i = 0; i < N; i++) {
    uint32_t y = (g->state[i] & 0x80000000U) | (g->state[(i + 1) % N] & 0x7fffffffU);
    g->state[i] = g->state[(i + M) % N] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfU : 0);
  }
  g->at = 0;
}

static uint32_t next_word(of3_python_random *g) {
  if (g->at == N) refill(g);
  uint32_t y = g->state[g->at++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680U;
  y ^= (y << 15) & 0xefc60000U;
  return y ^ (y >> 18);
}

/* getrandbits(bits): up to 32 the high bits of a word; for 33 a word below, and the high bit of the next one
 * above. */
static uint64_t next_bits(of3_python_random *g, int bits) {
  const uint64_t low = next_word(g);
  return bits <= 32 ? low >> (32 - bits) : low | (uint64_t)(next_word(g) >> 31) << 32;
}

/* Numbers of as many bits as most + 1 has, until one is not larger than most. */
uint32_t of3_python_randint(of3_python_random *g, uint32_t most) {
  int bits = 0;
  uint64_t out;
  for (uint64_t above = (uint64_t)most + 1; above; above >>= 1) bits++;
  do out = next_bits(g, bits);
  while (out > most);
  return (uint32_t)out;
}
