/* The generator of Python's random module, MT19937 (Matsumoto and Nishimura 1998), for numbers that OpenFold3
 * draws by it: equal for equal seeds. Everything else uses base/random.h. */
#ifndef OF3_BASE_PYTHON_RANDOM_H
#define OF3_BASE_PYTHON_RANDOM_H

#include <stdint.h>

enum { OF3_MT_WORDS = 624 };

typedef struct of3_python_random {
  uint32_t state[OF3_MT_WORDS];
  int at;
} of3_python_random;

/* random.seed(seed) */
void of3_python_seed(of3_python_random *g, uint64_t seed);

/* random.randint(0, most) */
uint32_t of3_python_randint(of3_python_random *g, uint32_t most);

#endif
