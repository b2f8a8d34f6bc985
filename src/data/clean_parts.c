#include "data/clean_parts.h"

#include <string.h>

int clean_count_atoms(const cleaner *c, int chain) {
  const of3_structure_chain *of = &c->s->chain[chain];
  int n = 0;
  if (c->gone[chain]) return 0;
  for (int k = of->first_residue; k < of->first_residue + of->n_residue; k++)
    for (int a = 0; a < c->s->residue[k].n_atom; a++)
      n += clean_is_there(&c->s->atom[c->s->residue[k].first_atom + a]);
  return n;
}

of3_structure_atom *clean_atom_named(const cleaner *c, const of3_structure_residue *r, const char *name) {
  for (int i = r->first_atom; i < r->first_atom + r->n_atom; i++)
    if (strcmp(c->s->atom[i].name, name) == 0) return &c->s->atom[i];
  return NULL;
}

double clean_distance2(const of3_structure_atom *a, const of3_structure_atom *b) {
  double sum = 0;
  for (int d = 0; d < 3; d++) {
    const double x = (double)a->xyz[d] - (double)b->xyz[d];
    sum += x * x;
  }
  return sum;
}
