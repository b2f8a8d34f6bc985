#include "base/random.h"
#include "chem/amino_acids.h"
#include "feat/build.h"

#include <string.h>

static const of3_component *component_named(const char *code) {
  for (int i = 0; i < OF3_AMINO_UNK; i++)
    if (strcmp(of3_amino_acids[i].code, code) == 0) return &of3_amino_acids[i];
  return &of3_amino_acids[OF3_AMINO_UNK];
}

/* One molecule's stored conformer: x -> R (x - mean) + t, t ~ N(0,1) Angstrom, R uniform. instance: number
 * of the molecule in the complex, so that equal residues differ. */
static void ref_conformers_place(const of3_component *c, uint64_t seed, uint32_t instance, float *out) {
  const of3_stream choice = {seed, OF3_RANDOM_CONFORMER, instance, 0},
                   augment = {seed, OF3_RANDOM_AUGMENT_REF, instance, 0};
  const int16_t *x = c->conformer + (size_t)of3_random_below(choice, 0, OF3_N_CONFORMER) * c->n_atom * 3;
  float draw[7], rotation[9]; /* quaternion, then translation */
  of3_random_normal(augment, draw, 7);
  of3_rotation_of(draw, rotation);
  double mean[3] = {0};
  for (int a = 0; a < c->n_atom; a++)
    for (int d = 0; d < 3; d++) mean[d] += x[3 * a + d] / (1000.0 * c->n_atom);
  for (int a = 0; a < c->n_atom; a++)
    for (int d = 0; d < 3; d++) {
      double sum = (double)draw[4 + d];
      for (int e = 0; e < 3; e++) sum += (double)rotation[3 * d + e] * (x[3 * a + e] / 1000.0 - mean[e]);
      out[3 * a + d] = (float)sum;
    }
}

of3_status of3_features_reseed(const of3_complex *complex, uint64_t seed, of3_cancel *opt_cancel,
                               of3_features *features, of3_error *err) {
  if (complex->n_atom != features->n_atom)
    return of3_fail(err, OF3_ERR_INTERNAL,
                    "features of %d atoms cannot take the conformers of a complex of %d", features->n_atom,
                    complex->n_atom);
  for (int i = 0; i < complex->n_residue; i++) {
    const of3_residue *r = &complex->residue[i];
    OF3_TRY(of3_go_on(opt_cancel, err));
    ref_conformers_place(component_named(r->name), seed, (uint32_t)i,
                         features->ref_pos + (size_t)r->first_atom * 3);
  }
  return OF3_OK;
}
