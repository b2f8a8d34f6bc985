#include "base/random.h"
#include "feat/build.h"

/* One molecule's stored conformer: x -> R (x - mean) + t over the atoms that the residue has, t ~ N(0,1)
 * Angstrom, R uniform. instance: number of the molecule in the complex, so that equal residues differ. */
static void ref_conformers_place(const of3_complex *complex, const of3_residue *r, uint64_t seed,
                                 uint32_t instance, float *out) {
  const of3_stream choice = {seed, OF3_RANDOM_CONFORMER, instance, 0},
                   augment = {seed, OF3_RANDOM_AUGMENT_REF, instance, 0};
  const of3_component *c = r->component;
  const uint32_t which = c->n_conformer > 1 ? of3_random_below(choice, 0, (uint32_t)c->n_conformer) : 0;
  const float *conformer = c->n_conformer ? c->conformer + (size_t)which * (size_t)c->n_atom * 3 : c->ideal;
  const of3_atom *atom = complex->atom + r->first_atom;
  float draw[7], rotation[9]; /* quaternion, then translation */
  of3_random_normal(augment, draw, 7);
  of3_rotation_of(draw, rotation);
  double mean[3] = {0};
  for (int a = 0; a < r->n_atom; a++)
    for (int d = 0; d < 3; d++) mean[d] += (double)conformer[3 * atom[a].component_atom + d] / r->n_atom;
  for (int a = 0; a < r->n_atom; a++) {
    const float *x = conformer + 3 * (size_t)atom[a].component_atom;
    for (int d = 0; d < 3; d++) {
      double sum = (double)draw[4 + d];
      for (int e = 0; e < 3; e++) sum += (double)rotation[3 * d + e] * ((double)x[e] - mean[e]);
      out[3 * a + d] = (float)sum;
    }
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
    ref_conformers_place(complex, r, seed, (uint32_t)i, features->ref_pos + (size_t)r->first_atom * 3);
  }
  return OF3_OK;
}
