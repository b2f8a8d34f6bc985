#include <math.h>
#include <stdlib.h>

#include "base/cells.h"
#include "data/build_parts.h"

/* Pairs are bits of a matrix of chains: there are few chains, and many pairs of atoms. */
typedef struct contact_search {
  const of3_complex *complex;
  const float *xyz;
  int atom;
  bool *touches; /* [n_chain,n_chain], the smaller number first */
} contact_search;

static const float NEAR = 5; /* Angstrom */

static bool visit_atom(void *user, int j) {
  contact_search *s = user;
  const int a = s->complex->residue[s->complex->atom[s->atom].residue].chain,
            b = s->complex->residue[s->complex->atom[j].residue].chain;
  double sum = 0;
  if (a >= b) return true;
  for (int d = 0; d < 3; d++) {
    const double x = (double)s->xyz[3 * s->atom + d] - (double)s->xyz[3 * j + d];
    sum += x * x;
  }
  if (sum < (double)NEAR * (double)NEAR)
    s->touches[(size_t)a * (size_t)s->complex->n_chain + (size_t)b] = true;
  return true;
}

static of3_status take_pairs(const contact_search *s, int32_t **ret_pair, int *ret_n, of3_error *err) {
  const int n = s->complex->n_chain;
  int found = 0;
  for (size_t i = 0; i < (size_t)n * (size_t)n; i++) found += s->touches[i];
  int32_t *pair = malloc((2 * (size_t)found + 1) * sizeof *pair);
  if (!pair) return of3_fail_memory(err, "the interfaces of an entry");
  *ret_n = 0;
  for (int a = 0; a < n; a++)
    for (int b = a + 1; b < n; b++) {
      if (!s->touches[(size_t)a * (size_t)n + (size_t)b]) continue;
      pair[2 * *ret_n] = a;
      pair[2 * (*ret_n)++ + 1] = b;
    }
  *ret_pair = pair;
  return OF3_OK;
}

of3_status of3_touching_chains(const of3_complex *c, const float *xyz, const bool *resolved,
                               int32_t **ret_pair, int *ret_n, of3_error *err) {
  of3_cells cells = {0};
  float *known = malloc((3 * (size_t)c->n_atom + 1) * sizeof *known); /* what is not resolved is in no cell */
  contact_search s = {
      .complex = c, .xyz = xyz, .touches = calloc((size_t)c->n_chain * (size_t)c->n_chain + 1, 1)};
  of3_status status = known && s.touches ? OF3_OK : of3_fail_memory(err, "the interfaces of an entry");
  for (int a = 0; status == OF3_OK && a < c->n_atom; a++)
    for (int d = 0; d < 3; d++)
      known[3 * (size_t)a + (size_t)d] = resolved[a] ? xyz[3 * (size_t)a + (size_t)d] : NAN;
  if (status == OF3_OK) status = of3_cells_build(known, c->n_atom, NEAR, &cells, err);
  for (s.atom = 0; status == OF3_OK && s.atom < c->n_atom; s.atom++)
    of3_cells_near(&cells, s.atom, visit_atom, &s);
  if (status == OF3_OK) status = take_pairs(&s, ret_pair, ret_n, err);
  of3_cells_free(&cells);
  free(known);
  free(s.touches);
  return status;
}
