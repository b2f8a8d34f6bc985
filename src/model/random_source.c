/* The random numbers of a fold from its seed: which rows of the MSA a cycle sees. Noise is drawn from the
 * seed by the sampler. */
#include "feat/msa_rows.h"
#include "model/network.h"

/* Puts `take` of the n entries of list, chosen at random, in front. */
static void shuffle(of3_stream s, uint32_t *list, int n, int take) {
  for (int i = 0; i < take && i + 1 < n; i++) {
    uint32_t j = (uint32_t)i + of3_random_below(s, (uint32_t)i, (uint32_t)(n - i)), old = list[i];
    list[i] = list[j];
    list[j] = old;
  }
}

static int seeded_rows(void *user, const of3_features *f, int cycle, uint32_t *out) {
  of3_stream s = {.seed = *(const uint64_t *)user, .purpose = OF3_RANDOM_MSA_ROWS, .step = (uint32_t)cycle};
  int valid = 0, used = f->n_msa < OF3_MSA_ROWS ? f->n_msa : OF3_MSA_ROWS, at = 0;
  for (int m = 0; m < f->n_msa; m++)
    if (of3_msa_row_counts(f, m)) out[valid++] = (uint32_t)m;
  if (valid >= used) {
    if (valid > OF3_MSA_ROWS) shuffle(s, out, valid, OF3_MSA_ROWS);
    return used;
  }
  at = valid;
  for (int m = 0; m < f->n_msa; m++)
    if (!of3_msa_row_counts(f, m)) out[at++] = (uint32_t)m;
  shuffle(s, out + valid, at - valid, used - valid);
  return used;
}

of3_random_source of3_seeded_random(const uint64_t *seed) {
  return (of3_random_source){.seed = *seed, .user = (void *)(uintptr_t)seed, .msa_rows = seeded_rows};
}
