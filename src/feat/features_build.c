#include "feat/alignments.h"
#include "feat/kept_msa.h"
#include "feat/parts.h"

void of3_features_free(of3_features *f) {
  of3_alignments_leave(f->alignments);
  of3_arena_free(f->arena);
  *f = (of3_features){0};
}

#define NEW(field, count)                                                                                    \
  ok = ok && (out->field = of3_arena_alloc(out->arena, (count), sizeof *out->field)) != NULL

static of3_status features_build_take_memory(of3_features *out, bool cyclic, of3_error *err) {
  size_t n = (size_t)out->n_token, a = (size_t)out->n_atom, t = (size_t)out->n_templ;
  bool ok = true;
  NEW(residue_index, n);
  NEW(token_index, n);
  NEW(asym_id, n);
  NEW(entity_id, n);
  NEW(sym_id, n);
  NEW(restype, n);
  NEW(is_protein, n);
  NEW(is_rna, n);
  NEW(is_dna, n);
  NEW(is_ligand, n);
  NEW(is_atomized, n);
  NEW(token_mask, n);
  NEW(num_atoms_per_token, n);
  NEW(start_atom_index, n);
  NEW(center_atom, n);
  NEW(representative_atom, n);
  NEW(frame_atoms, 3 * n);
  if (out->n_bond) NEW(token_bonds, 2 * (size_t)out->n_bond);
  if (cyclic) NEW(cyclic_mask, n);
  NEW(atom_to_token_index, a);
  NEW(atom_mask, a);
  NEW(ref_pos, a * 3);
  NEW(ref_mask, a);
  NEW(ref_charge, a);
  NEW(ref_element, a);
  NEW(ref_atom_name_chars, a * OF3_NAME_CHARS);
  NEW(ref_space_uid, a);
  NEW(template_restype, t * n);
  NEW(template_pseudo_beta_mask, t * n);
  NEW(template_backbone_frame_mask, t * n);
  return ok ? OF3_OK : of3_fail_memory(err, "the features");
}

static of3_status check_cyclic(const of3_complex *c, const of3_feature_mode *mode, of3_error *err) {
  for (int k = 0; k < c->n_chain && !mode->cyclic_mask; k++)
    if (c->chain[k].cyclic)
      return of3_fail(
          err, OF3_ERR_INPUT,
          "chain %s is cyclic, which checkpoints of generation %s do not know; those of P2 and OB do",
          c->chain[k].id, of3_variant_name(mode->variant));
  return OF3_OK;
}

size_t of3_features_bytes(const of3_features *f) {
  return of3_arena_used(f->arena) + (f->alignments ? of3_arena_used(f->alignments->arena) : 0);
}

/* Alignments of an earlier query, or new ones. */
static of3_status put_msa(const of3_complex *complex, const of3_tokens *tokens, const of3_query *query,
                          const of3_feature_mode *mode, const of3_log *log, of3_features *out,
                          of3_error *err) {
  of3_alignments *a = NULL;
  OF3_TRY(mode->opt_kept ? of3_kept_msa_get(mode->opt_kept, query, mode, log, &a, err)
                         : of3_alignments_load(query, mode, log, &a, err));
  const of3_status status = of3_features_msa(complex, tokens, query, mode, a, out, err);
  of3_alignments_leave(a);
  return status;
}

of3_status of3_features_of_tokens(const of3_complex *complex, const of3_tokens *tokens,
                                  const of3_query *query, const of3_feature_mode *mode, uint64_t seed,
                                  const of3_log *log, of3_features *out, of3_error *err) {
  *out = (of3_features){.n_token = tokens->n,
                        .n_atom = complex->n_atom,
                        .n_bond = tokens->n_bond,
                        .n_templ = mode->template_slots,
                        .arena = of3_arena_new(0)};
  of3_status st = out->arena ? features_build_take_memory(out, mode->cyclic_mask, err)
                             : of3_fail_memory(err, "the features");
  if (st == OF3_OK) st = check_cyclic(complex, mode, err);
  if (st == OF3_OK) st = of3_features_pocket(complex, query, mode, log, out, err);
  if (st == OF3_OK) {
    of3_features_structure(complex, tokens, mode, out);
    if (!mode->no_conformers) st = of3_features_reseed(complex, mode, seed, log, out, err);
  }
  if (st == OF3_OK) st = put_msa(complex, tokens, query, mode, log, out, err);
  if (st == OF3_OK) st = of3_features_templates(complex, tokens, query, mode, log, out, err);
  if (st != OF3_OK) of3_features_free(out);
  return st;
}

of3_status of3_features_build(const of3_complex *complex, const of3_query *query,
                              const of3_feature_mode *mode, uint64_t seed, const of3_log *log,
                              of3_features *out, of3_error *err) {
  of3_tokens tokens;
  *out = (of3_features){0};
  OF3_TRY(of3_tokens_build(complex, &tokens, err));
  of3_status st = of3_features_of_tokens(complex, &tokens, query, mode, seed, log, out, err);
  of3_tokens_free(&tokens);
  return st;
}
