/* Comparing features with those of the reference, as tools/make_feature_fixtures.py and
 * make_query_fixtures.py keep them. Failures are cmocka's. */
#ifndef OF3_TESTS_FEATURE_FIXTURE_H
#define OF3_TESTS_FEATURE_FIXTURE_H

#include "base/arena.h"
#include "base/zip.h"
#include "chem/complex.h"
#include "feat/features.h"
#include "feat/variant.h"
#include "featfile/feature_fields.h"
#include "io/safetensors.h"

/* The array of a field; of rows of the MSA one that the arena takes. NULL: the features have no such field.
 */
const void *of3_feature_values(const of3_features *features, const of3_field *field, of3_arena *arena);

/* Everything but ref_pos: integers, masks and classes equal, floats to 1e-6. Returns the largest difference;
 * counts the features compared. */
double of3_compare_features(const char *query, const of3_zip *zip, of3_variant variant,
                            const of3_features *features, of3_arena *arena, int *n_compared);

/* Whether the archive holds features of the variant. */
bool of3_has_variant(const of3_zip *zip, of3_variant variant, of3_arena *arena);

/* ref_pos of features that took the conformers of the table, against feat/ref_pos there: the largest
 * difference. */
double of3_compare_positions(const of3_features *features, const of3_table *table);

/* The bonds between atoms, but for those in files only, are those of atom/bonds: atom, atom, type (1 single,
 * 2 double, 3 triple, 5 to 7 the same, aromatic). */
void of3_compare_atom_bonds(const char *query, const of3_complex *complex, const of3_table *table);

#endif
