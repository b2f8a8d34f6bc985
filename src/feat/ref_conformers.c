/* ref_pos: of every residue and ligand a conformer, centred, turned and shifted at random.
 *
 * Standard residues have conformers of their own (chem/standard_residues.c), so that proteins, RNA and DNA
 * need no chemistry and give the same numbers with and without it. All other components get theirs from the
 * library (RDKit), or, where there is none, the coordinates of the dictionary.
 *
 * OpenFold3 makes a conformer of every residue and ligand in the order of the complex, and draws a seed from
 * Python's generator for each attempt. Here standard residues draw one as well, so that the others get the
 * seeds, and with the same RDKit the conformers, of OpenFold3 whose generator has the seed of the query. */
#include <string.h>

#include "base/python_random.h"
#include "base/random.h"
#include "feat/build.h"

/* The next seeds that OpenFold3 would draw. */
typedef struct embed_seeds {
  of3_python_random generator;
  int next[OF3_EMBED_ATTEMPTS];
} embed_seeds;

static void seeds_take(embed_seeds *s, int n) {
  for (; n > 0; n--) {
    memmove(s->next, s->next + 1, sizeof s->next - sizeof *s->next);
    s->next[OF3_EMBED_ATTEMPTS - 1] = (int)of3_python_randint(&s->generator, OF3_EMBED_MOST_SEED);
  }
}

/* x -> R (x - mean) + t over the atoms that the residue has, t ~ N(0,1) Angstrom, R uniform. instance: number
 * of the molecule in the complex, so that equal residues differ. */
static void ref_conformers_place(const of3_complex *complex, const of3_residue *r, const float *conformer,
                                 of3_stream augment, float *out) {
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

static const float *stored_conformer(const of3_component *c, of3_stream choice) {
  const uint32_t which = c->n_conformer > 1 ? of3_random_below(choice, 0, (uint32_t)c->n_conformer) : 0;
  return c->conformer + (size_t)which * (size_t)c->n_atom * 3;
}

/* What a call is about. */
typedef struct conformer_run {
  const of3_complex *complex;
  const of3_feature_mode *mode;
  const of3_log *opt_log;
  embed_seeds seeds;
  float *room; /* [atoms of the largest component, 3] */
} conformer_run;

static of3_status made_conformer(conformer_run *run, const of3_residue *r, const float **ret_xyz,
                                 of3_error *err) {
  const of3_library *l = run->complex->opt_library;
  const bool ligand = run->complex->chain[r->chain].type == OF3_LIGAND;
  of3_embedding how = {.stereo = run->mode->ligand_stereo && ligand,
                       .small_rings = run->mode->small_rings,
                       .opt_cancel = run->mode->opt_cancel,
                       .opt_log = run->opt_log};
  int attempts = 1;
  memcpy(how.seed, run->seeds.next, sizeof how.seed);
  if (l && l->embed) {
    OF3_TRY(l->embed(l->user, r->component, &how, run->room, &attempts, err));
    *ret_xyz = run->room;
  } else
    *ret_xyz = r->component->ideal;
  seeds_take(&run->seeds, attempts);
  return OF3_OK;
}

/* Standard residues of polymers do; as ligands they get one as other ligands do, if there is chemistry. */
static bool has_own_conformer(const conformer_run *run, const of3_residue *r) {
  const of3_library *l = run->complex->opt_library;
  if (!r->component->n_conformer || !l || !l->embed) return r->component->n_conformer > 0;
  return run->complex->chain[r->chain].type != OF3_LIGAND && !run->mode->embed_standard;
}

static of3_status reseed(conformer_run *run, uint64_t seed, float *ref_pos, of3_error *err) {
  const of3_complex *c = run->complex;
  of3_python_seed(&run->seeds.generator, seed);
  seeds_take(&run->seeds, OF3_EMBED_ATTEMPTS);
  for (int i = 0; i < c->n_residue; i++) {
    const of3_residue *r = &c->residue[i];
    const of3_stream choice = {seed, OF3_RANDOM_CONFORMER, (uint32_t)i, 0},
                     augment = {seed, OF3_RANDOM_AUGMENT_REF, (uint32_t)i, 0};
    const float *conformer = NULL;
    OF3_TRY(of3_go_on(run->mode->opt_cancel, err));
    if (has_own_conformer(run, r)) {
      conformer = stored_conformer(r->component, choice);
      seeds_take(&run->seeds, 1);
    } else if (made_conformer(run, r, &conformer, err) != OF3_OK)
      return of3_prefix(err, "chain %s, residue %d", c->chain[r->chain].id, r->number);
    ref_conformers_place(c, r, conformer, augment, ref_pos + (size_t)r->first_atom * 3);
  }
  return OF3_OK;
}

of3_status of3_features_reseed(const of3_complex *complex, const of3_feature_mode *mode, uint64_t seed,
                               const of3_log *log, of3_features *features, of3_error *err) {
  conformer_run run = {.complex = complex, .mode = mode, .opt_log = log};
  int most = 0;
  if (complex->n_atom != features->n_atom)
    return of3_fail(err, OF3_ERR_INTERNAL,
                    "features of %d atoms cannot take the conformers of a complex of %d", features->n_atom,
                    complex->n_atom);
  for (int i = 0; i < complex->n_residue; i++)
    if (complex->residue[i].component->n_atom > most) most = complex->residue[i].component->n_atom;
  of3_arena *arena = of3_arena_new(0);
  if (arena) run.room = OF3_ARENA_NEW(arena, float, 3 * (size_t)most);
  const of3_status status = run.room ? reseed(&run, seed, features->ref_pos, err)
                                     : of3_fail_memory(err, "the reference conformers");
  of3_arena_free(arena);
  return status;
}
