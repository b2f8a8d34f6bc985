/* The checks of features before a fold: whatever made them, the network then indexes nothing out of range
 * and sees finite numbers only. Features that of3 builds hold them by construction; those from a file may
 * not. Each failure names the tensor, the place, what was found and what was expected. Cost: one pass over
 * every array, no memory. */
#include <math.h>

#include "feat/build.h"

/* What holds for the features of any complex (docs/features.md 7), padding tokens included: those have mask
 * 0, no atoms, and zeros elsewhere. */

static of3_status bad(of3_error *err, const char *name, int64_t at, double found, const char *expected) {
  return of3_fail(err, OF3_ERR_INPUT, "feature %s[%lld] is %g; %s", name, (long long)at, found, expected);
}

static of3_status validate_check_finite(const char *name, const float *x, size_t n, of3_error *err) {
  for (size_t i = 0; x && i < n; i++)
    if (!isfinite(x[i])) return bad(err, name, (int64_t)i, (double)x[i], "a finite number was expected");
  return OF3_OK;
}

static of3_status check_class(const char *name, const uint8_t *x, size_t n, int classes, of3_error *err) {
  for (size_t i = 0; x && i < n; i++)
    if (x[i] >= classes && x[i] != OF3_NO_CLASS)
      return of3_fail(err, OF3_ERR_INPUT, "feature %s[%zu] is class %d; there are %d classes", name, i, x[i],
                      classes);
  return OF3_OK;
}

static of3_status check_binary(const char *name, const uint8_t *x, size_t n, of3_error *err) {
  for (size_t i = 0; x && i < n; i++)
    if (x[i] > 1) return bad(err, name, (int64_t)i, x[i], "0 or 1 was expected");
  return OF3_OK;
}

static of3_status check_mask(const char *name, const float *x, size_t n, of3_error *err) {
  for (size_t i = 0; x && i < n; i++)
    if (x[i] != 0 && x[i] != 1) return bad(err, name, (int64_t)i, (double)x[i], "0 or 1 was expected");
  return OF3_OK;
}

static of3_status check_classes(const of3_features *f, of3_error *err) {
  size_t n = (size_t)f->n_token, a = (size_t)f->n_atom, t = (size_t)f->n_templ * n;
  OF3_TRY(check_class("restype", f->restype, n, OF3_N_RESTYPE, err));
  OF3_TRY(check_class("template_restype", f->template_restype, t, OF3_N_RESTYPE, err));
  OF3_TRY(check_class("template_distogram", f->template_distogram, t * n, OF3_N_DISTOGRAM, err));
  OF3_TRY(check_class("ref_element", f->ref_element, a, OF3_N_ELEMENT, err));
  return check_class("ref_atom_name_chars", f->ref_atom_name_chars, a * OF3_NAME_CHARS, OF3_N_NAME_CHAR, err);
}

static of3_status check_masks(const of3_features *f, of3_error *err) {
  size_t n = (size_t)f->n_token, a = (size_t)f->n_atom, t = (size_t)f->n_templ * n;
  OF3_TRY(check_mask("token_mask", f->token_mask, n, err));
  OF3_TRY(check_mask("atom_mask", f->atom_mask, a, err));
  OF3_TRY(check_mask("ref_mask", f->ref_mask, a, err));
  OF3_TRY(check_mask("template_pseudo_beta_mask", f->template_pseudo_beta_mask, t, err));
  OF3_TRY(check_mask("template_backbone_frame_mask", f->template_backbone_frame_mask, t, err));
  OF3_TRY(check_binary("is_protein", f->is_protein, n, err));
  OF3_TRY(check_binary("is_rna", f->is_rna, n, err));
  OF3_TRY(check_binary("is_dna", f->is_dna, n, err));
  OF3_TRY(check_binary("is_ligand", f->is_ligand, n, err));
  OF3_TRY(check_binary("is_atomized", f->is_atomized, n, err));
  return check_binary("cyclic_mask", f->cyclic_mask, n, err);
}

static of3_status check_numbers(const of3_features *f, of3_error *err) {
  size_t n = (size_t)f->n_token, a = (size_t)f->n_atom, t = (size_t)f->n_templ * n;
  OF3_TRY(validate_check_finite("ref_pos", f->ref_pos, a * 3, err));
  OF3_TRY(validate_check_finite("ref_charge", f->ref_charge, a, err));
  OF3_TRY(validate_check_finite("deletion_value", f->deletion_value, OF3_MANY_DELETIONS, err));
  OF3_TRY(validate_check_finite("deletion_mean", f->deletion_mean, n, err));
  OF3_TRY(validate_check_finite("profile", f->profile, n * OF3_N_RESTYPE, err));
  OF3_TRY(validate_check_finite("template_beta", f->template_beta, t * 3, err));
  OF3_TRY(validate_check_finite("template_frame", f->template_frame, t * 9, err));
  return validate_check_finite("template_unit_vector", f->template_unit_vector, t * n * 3, err);
}

/* Atoms of a token are contiguous, tokens in order: start_atom_index is the exclusive prefix sum. */
static of3_status check_atoms(const of3_features *f, of3_error *err) {
  int64_t at = 0;
  for (int t = 0; t < f->n_token; t++) {
    int count = f->num_atoms_per_token[t];
    bool real = f->token_mask[t] != 0;
    if (count < 0 || count > OF3_MAX_ATOMS_PER_TOKEN || (real && count == 0) || at + count > f->n_atom)
      return bad(err, "num_atoms_per_token", t, count,
                 "1 to 23 atoms a token were expected, as many in all as there are atoms");
    if (f->start_atom_index[t] != at && (real || count || f->start_atom_index[t] != 0))
      return bad(err, "start_atom_index", t, f->start_atom_index[t],
                 "the number of atoms before the token was expected");
    for (int k = 0; k < count; k++, at++)
      if (f->atom_to_token_index[at] != t)
        return bad(err, "atom_to_token_index", at, f->atom_to_token_index[at],
                   "atoms must follow the order of tokens");
    if (real && f->is_atomized[t] && count != 1)
      return bad(err, "num_atoms_per_token", t, count, "an atomised token has one atom");
    if (f->is_ligand[t] && !f->is_atomized[t])
      return bad(err, "is_atomized", t, 0, "tokens of ligands are atomised");
  }
  for (; at < f->n_atom; at++) {
    if (f->atom_mask[at] != 0)
      return bad(err, "atom_mask", at, (double)f->atom_mask[at],
                 "an atom beyond the last token was not expected");
    if (f->atom_to_token_index[at] < 0 || f->atom_to_token_index[at] >= f->n_token)
      return bad(err, "atom_to_token_index", at, f->atom_to_token_index[at], "a token was expected");
  }
  return OF3_OK;
}

/* Atoms that play a part are of the token itself; -1: none. */
static of3_status check_roles(const of3_features *f, of3_error *err) {
  for (int t = 0; t < f->n_token; t++) {
    const int32_t atom[5] = {f->center_atom[t], f->representative_atom[t], f->frame_atoms[3 * t],
                             f->frame_atoms[3 * t + 1], f->frame_atoms[3 * t + 2]};
    static const char *const name[5] = {"center_atom", "representative_atom", "frame_atoms", "frame_atoms",
                                        "frame_atoms"};
    for (int k = 0; k < 5; k++)
      if (atom[k] != -1 && (atom[k] < 0 || atom[k] >= f->n_atom || f->atom_to_token_index[atom[k]] != t))
        return bad(err, name[k], k < 2 ? t : 3 * (int64_t)t + k - 2, atom[k],
                   "an atom of the token or -1 was expected");
  }
  return OF3_OK;
}

static of3_status check_range(const char *name, const int32_t *x, int n, int32_t low, int32_t high,
                              of3_error *err) {
  for (int i = 0; i < n; i++)
    if (x[i] < low || x[i] > high)
      return of3_fail(err, OF3_ERR_INPUT, "feature %s[%d] is %d; %d to %d was expected", name, i, x[i], low,
                      high);
  return OF3_OK;
}

/* Chains number rows of tables, so they are no more than tokens; 0 is the padding's. The others are compared
 * and subtracted: a difference must be an int32. */
static of3_status check_labels(const of3_features *f, of3_error *err) {
  enum { MOST = 1 << 30 };
  const int n = f->n_token;
  OF3_TRY(check_range("asym_id", f->asym_id, n, 0, n, err));
  OF3_TRY(check_range("entity_id", f->entity_id, n, -MOST, MOST - 1, err));
  OF3_TRY(check_range("sym_id", f->sym_id, n, -MOST, MOST - 1, err));
  OF3_TRY(check_range("residue_index", f->residue_index, n, -MOST, MOST - 1, err));
  OF3_TRY(check_range("token_index", f->token_index, n, -MOST, MOST - 1, err));
  OF3_TRY(check_range("ref_space_uid", f->ref_space_uid, f->n_atom, -MOST, MOST - 1, err));
  return check_range("num_paired_seqs", &f->num_paired_seqs, 1, 0, OF3_MSA_MOST_ROWS, err);
}

/* One entity for each chain, one chain for each (entity, copy); found by comparing neighbours, as chains
 * are contiguous. */
static of3_status check_chains(const of3_features *f, of3_error *err) {
  for (int t = 1; t < f->n_token; t++) {
    if (f->token_mask[t] == 0 || f->asym_id[t] != f->asym_id[t - 1]) continue;
    if (f->entity_id[t] != f->entity_id[t - 1])
      return bad(err, "entity_id", t, f->entity_id[t], "one entity for each chain was expected");
    if (f->sym_id[t] != f->sym_id[t - 1])
      return bad(err, "sym_id", t, f->sym_id[t], "one copy number for each chain was expected");
  }
  return OF3_OK;
}

static of3_status check_uids(const of3_features *f, of3_error *err) {
  for (int a = 1; a < f->n_atom; a++) {
    if (f->ref_space_uid[a] == f->ref_space_uid[a - 1]) continue;
    int t = f->atom_to_token_index[a], s = f->atom_to_token_index[a - 1];
    bool same = t == s && f->atom_mask[a] != 0;
    if (same)
      return bad(err, "ref_space_uid", a, f->ref_space_uid[a], "one conformer for each token was expected");
  }
  return OF3_OK;
}

static of3_status check_profile(const of3_features *f, of3_error *err) {
  for (int t = 0; t < f->n_token; t++) {
    double sum = 0;
    for (int c = 0; c < OF3_N_RESTYPE; c++) sum += (double)f->profile[t * OF3_N_RESTYPE + c];
    if (fabs(sum) > 1e-5 && fabs(sum - 1) > 1e-5)
      return bad(err, "profile", t, sum, "rows that sum to 1 or 0 were expected");
  }
  return OF3_OK;
}

static of3_status check_bonds(const of3_features *f, of3_error *err) {
  const int32_t *b = f->token_bonds;
  for (int k = 0; k < f->n_bond; k++, b += 2) {
    const bool after = k == 0 || b[0] > b[-2] || (b[0] == b[-2] && b[1] > b[-1]);
    if (b[0] < 0 || b[1] >= f->n_token || b[0] >= b[1] || !after)
      return bad(err, "token_bonds", 2 * (int64_t)k, b[0],
                 "pairs of tokens i < j in ascending order were expected");
  }
  return OF3_OK;
}

of3_status of3_features_validate(const of3_features *f, of3_error *err) {
  if (f->n_token < 1 || f->n_atom < 1 || f->n_msa < 1 || f->n_templ < 0)
    return of3_fail(err, OF3_ERR_INPUT, "features of %d tokens, %d atoms and %d MSA rows are incomplete",
                    f->n_token, f->n_atom, f->n_msa);
  if (f->n_msa > OF3_MSA_MOST_ROWS)
    return of3_fail(err, OF3_ERR_INPUT, "features have %d MSA rows; at most %d are allowed", f->n_msa,
                    OF3_MSA_MOST_ROWS);
  OF3_TRY(check_classes(f, err));
  OF3_TRY(check_masks(f, err));
  OF3_TRY(check_numbers(f, err));
  OF3_TRY(check_atoms(f, err));
  OF3_TRY(check_roles(f, err));
  OF3_TRY(check_labels(f, err));
  OF3_TRY(check_uids(f, err));
  OF3_TRY(check_chains(f, err));
  OF3_TRY(check_profile(f, err));
  return check_bonds(f, err);
}
