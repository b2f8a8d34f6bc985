/* Features in a safetensors file: the layout that shared/oracle/reference_features.py and make_fixtures.py
 * write.
 *
 *   feat/NAME   one-hots and masks as u8, indices i32 (i64 is read too), the rest f32; no batch axis
 *   conf/...    conformers of a reference file: positions before centring, rotation and translation
 */
#ifndef OF3_FEATFILE_FEATURE_FILE_H
#define OF3_FEATFILE_FEATURE_FILE_H

#include "base/cancel.h"
#include "base/status.h"
#include "feat/features.h"
#include "io/safetensors.h"

/* One-hots expanded; absent pair features of templates and token_bonds are written as zeros. */
OF3_MUST_CHECK of3_status of3_features_write(const char *path, const of3_features *features,
                                             of3_cancel *opt_cancel, of3_error *err);

/* Reads feat/NAME from an open table (other tensors are ignored) and copies everything: the table may be
 * closed afterwards. cyclic_mask and token_bonds are optional, and center_atom, representative_atom and
 * frame_atoms, which of3_features_set_roles finds where one is missing. The result satisfies
 * of3_features_validate. */
OF3_MUST_CHECK of3_status of3_features_from_table(const of3_table *table, of3_features *out, of3_error *err);
OF3_MUST_CHECK of3_status of3_features_read(const char *path, of3_features *out, of3_error *err);

/* Replaces ref_pos by the conformers of a file of reference_features.py: (pos[used] - mean) R^T + t for
 * each. */
OF3_MUST_CHECK of3_status of3_features_use_conformers(of3_features *features, const of3_table *table,
                                                      of3_error *err);

#endif
