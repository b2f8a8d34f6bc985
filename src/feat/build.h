/* From a query to the input of the network: query -> molecules -> tokens -> features. */
#ifndef OF3_FEAT_BUILD_H
#define OF3_FEAT_BUILD_H

#include <stdint.h>

#include "base/cancel.h"
#include "base/log.h"
#include "base/status.h"
#include "chem/complex.h"
#include "feat/features.h"
#include "feat/query.h"
#include "feat/tokens.h"
#include "feat/variant.h"

/* *opt_library becomes the one with the query's own components, if it has any, before the others. */
OF3_MUST_CHECK of3_status of3_query_library(const of3_query *query, const of3_log *opt_log,
                                            const of3_library **opt_library, of3_error *err);

/* Chains in the order of the query, copies in place; no terminal OXT or OP3. Unknown letters become
 * UNK, N or DN with a warning. query->error.code must be OF3_OK. opt_library
 * has the components of modified residues and ligands, makes conformers of them, and outlives the complex.
 * Ownership: of3_complex_free. */
OF3_MUST_CHECK of3_status of3_complex_build(const of3_query *query, const of3_library *opt_library,
                                            const of3_log *opt_log, of3_complex *out, of3_error *err);
void of3_complex_free(of3_complex *complex); /* {0} is allowed */

/* The features of a complex built from this query and of all its tokens: reads the MSA files of proteins and
 * RNA, or makes the dummy MSA (query + main row). The seed chooses and rotates the reference conformers and
 * enters nothing else. No padding: masks are 1 on all tokens and atoms. Four empty template slots;
 * template_distogram, template_unit_vector and token_bonds are NULL (zero). Ownership: of3_features_free. */
OF3_MUST_CHECK of3_status of3_features_build(const of3_complex *complex, const of3_query *query,
                                             const of3_feature_mode *mode, uint64_t seed,
                                             const of3_log *opt_log, of3_features *out, of3_error *err);
/* The same of tokens that are at hand. */
OF3_MUST_CHECK of3_status of3_features_of_tokens(const of3_complex *complex, const of3_tokens *tokens,
                                                 const of3_query *query, const of3_feature_mode *mode,
                                                 uint64_t seed, const of3_log *opt_log, of3_features *out,
                                                 of3_error *err);
void of3_features_free(of3_features *features); /* {0} is allowed */

/* What they take, with alignments that others may share. */
size_t of3_features_bytes(const of3_features *features);

/* Fills center_atom, representative_atom and frame_atoms, which the arena of the features takes, of features
 * that came without (files of the reference): an atomised token is its atom; any other is a whole standard
 * residue of its class and kind of molecule, whose atoms follow in the order of the component without those
 * that chains lack. -1 for padding, and where the token has no such atom. */
OF3_MUST_CHECK of3_status of3_features_set_roles(of3_features *features, of3_error *err);

/* Replaces ref_pos by the conformers of another seed; everything else is independent of it. */
OF3_MUST_CHECK of3_status of3_features_reseed(const of3_complex *complex, const of3_feature_mode *mode,
                                              uint64_t seed, const of3_log *opt_log, of3_features *features,
                                              of3_error *err);

/* The invariants of docs/features.md 7: finite values, index ranges, prefix sums, classes, profile rows
 * that sum to 1 or 0, one entity for each chain. Holds for features with padding too. */
OF3_MUST_CHECK of3_status of3_features_validate(const of3_features *features, of3_error *err);

#endif
