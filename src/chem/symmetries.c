/* Atoms of components that may change places. Standard residues have theirs here: LEU, PHE, TYR and VAL a
 * second arrangement, all others none, since the dictionary has acids and guanidines with their hydrogens and
 * charges (tools/make_sample_fixtures.py compares with RDKit). */
#include <stdlib.h>
#include <string.h>

#include "chem/component.h"

/* Atoms that change places together. */
static const struct {
  char code[4];
  const char *pair[2][2];
} standard[] = {{"LEU", {{"CD1", "CD2"}}},
                {"PHE", {{"CD1", "CD2"}, {"CE1", "CE2"}}},
                {"TYR", {{"CD1", "CD2"}, {"CE1", "CE2"}}},
                {"VAL", {{"CG1", "CG2"}}}};

/* Rows of a standard residue; index has room for two. */
static int standard_symmetries(const of3_component *c, int32_t *index) {
  for (size_t k = 0; k < sizeof standard / sizeof *standard; k++) {
    if (strcmp(standard[k].code, c->code) != 0) continue;
    int32_t *row = index + c->n_atom;
    memcpy(row, index, (size_t)c->n_atom * sizeof *row);
    for (int p = 0; p < 2 && standard[k].pair[p][0]; p++) {
      const int a = of3_component_atom_named(c, standard[k].pair[p][0]),
                b = of3_component_atom_named(c, standard[k].pair[p][1]);
      row[a] = b;
      row[b] = a;
    }
    return 2;
  }
  return 1;
}

of3_status of3_component_symmetries(const of3_library *opt_library, const of3_component *component,
                                    of3_arena *arena, int32_t **ret_index, int *ret_n, of3_error *err) {
  const size_t n = (size_t)component->n_atom;
  const bool asks = !component->standard && opt_library && opt_library->symmetries;
  int32_t *index = malloc((asks ? OF3_MOST_SYMMETRIES : 2) * (n + 1) * sizeof *index);
  of3_status status = index ? OF3_OK : of3_fail_memory(err, "the symmetries of a component");
  *ret_n = 0;
  if (status == OF3_OK && asks)
    status = opt_library->symmetries(opt_library->user, component, OF3_MOST_SYMMETRIES, index, ret_n, err);
  if (status == OF3_OK && !*ret_n) {
    for (size_t i = 0; i < n; i++) index[i] = (int32_t)i;
    *ret_n = component->standard ? standard_symmetries(component, index) : 1;
  }
  if (status == OF3_OK) {
    *ret_index = OF3_ARENA_NEW(arena, int32_t, (size_t)*ret_n * n);
    if (*ret_index)
      memcpy(*ret_index, index, (size_t)*ret_n * n * sizeof *index);
    else
      status = of3_fail_memory(err, "the symmetries of a component");
  }
  free(index);
  return status;
}
