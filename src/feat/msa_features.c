/* Features of the alignments (docs/features.md): which chains have one, whose profiles are shared, the rows
 * of all chains side by side, and what follows from them for each token. */
#include <math.h>
#include <string.h>

#include "feat/parts.h"

/* DNA and ligands never have one. */
static bool has_msa(const of3_query_chain *c) { return c->type == OF3_PROTEIN || c->type == OF3_RNA; }

/* Different proteins, whose rows could be paired. */
static bool several_proteins(const of3_query *q) {
  const char *first = NULL;
  for (int i = 0; i < q->n_chain; i++) {
    if (q->chain[i].type != OF3_PROTEIN) continue;
    if (first && strcmp(q->chain[i].sequence, first) != 0) return true;
    first = q->chain[i].sequence;
  }
  return false;
}

static bool has_alignment(const of3_query_chain *c) { return c->n_msa || c->n_msa_text; }

/* Since 0.4 the reference takes chains without files whose letters are equal for one, whether they are
 * protein or RNA, and counts in the classes of the first. */
static void share_profile(const of3_query *q, int i, of3_msa *msa) {
  const of3_query_chain *c = &q->chain[i];
  for (int k = 0; k < i && !has_alignment(c); k++) {
    const of3_query_chain *other = &q->chain[k];
    if (!has_msa(other) || has_alignment(other) || strcmp(c->sequence, other->sequence) != 0) continue;
    msa[i].profile = msa[k].profile;
    return;
  }
}

static of3_status msa_features_load(const of3_query *q, const of3_feature_mode *mode, const of3_log *log,
                                    of3_arena *arena, of3_msa *out, of3_error *err) {
  for (int i = 0; i < q->n_chain; i++) {
    const of3_query_chain *c = &q->chain[i];
    if (!has_msa(c)) continue;
    const of3_msa_request request = {.chain = c->id[0],
                                     .polymer = c->type,
                                     .sequence = c->sequence,
                                     .n_path = c->n_msa,
                                     .path = c->msa_path,
                                     .n_text = c->n_msa_text,
                                     .text = c->msa_text,
                                     .use_main = q->use_main_msas,
                                     .warn_unpaired = q->use_paired_msas && several_proteins(q),
                                     .opt_cancel = mode->opt_cancel};
    OF3_TRY(of3_msa_load(&request, &mode->msa, log, arena, &out[i], err));
    if (mode->variant != OF3_P1) share_profile(q, i, out);
  }
  return OF3_OK;
}

/* Rows of the final stack: the query, then the main block of the deepest chain. */
static int depth(const of3_msa *msa, int n) {
  int most = 0;
  for (int i = 0; i < n; i++)
    if (msa[i].n_row > most) most = msa[i].n_row;
  return 1 + (most < OF3_MSA_MOST_ROWS - 1 ? most : OF3_MSA_MOST_ROWS - 1);
}

of3_status of3_features_msa_room(int n_msa, of3_features *out, of3_error *err) {
  size_t n = (size_t)out->n_token, all = n * (size_t)n_msa; /* 10^5 tokens, 16384 rows at most */
  out->n_msa = n_msa;
  out->num_paired_seqs = 1;
  out->msa = OF3_ARENA_NEW(out->arena, uint8_t, all);
  out->has_deletion = OF3_ARENA_NEW(out->arena, uint8_t, all);
  out->deletion_value = OF3_ARENA_NEW(out->arena, float, all);
  out->msa_mask = OF3_ARENA_NEW(out->arena, uint8_t, all);
  out->profile = OF3_ARENA_NEW(out->arena, float, n *OF3_N_RESTYPE);
  out->deletion_mean = OF3_ARENA_NEW(out->arena, float, n);
  if (!out->msa || !out->has_deletion || !out->deletion_value || !out->msa_mask || !out->profile ||
      !out->deletion_mean)
    return of3_fail_memory(err, "the MSA features");
  memset(out->msa, OF3_RESTYPE_GAP, all);
  return OF3_OK;
}

/* Where an MSA goes: tokens first .. first + n - 1, which take its columns column[0 .. n-1]; tokens of atoms
 * of one residue repeat that of the residue. */
typedef struct msa_place {
  int first, n;
  const int *column;
} msa_place;

static void put_row(of3_msa_row row, const msa_place *p, const uint8_t class_of[static 256], double scale,
                    size_t at, of3_features *out) {
  for (int k = 0; k < p->n; k++) {
    const int32_t d = row.deletion[p->column[k]];
    out->msa[at + (size_t)k] = class_of[row.letter[p->column[k]]];
    out->has_deletion[at + (size_t)k] = d > 0;
    if (d > 0) out->deletion_value[at + (size_t)k] = (float)(scale * atan(d / 3.0));
  }
}

static void put_copy(const of3_msa *msa, of3_molecule polymer, const msa_place *p,
                     const of3_feature_mode *mode, of3_features *out) {
  const size_t n = (size_t)out->n_token, first = (size_t)p->first, width = (size_t)p->n;
  uint8_t class_of[256];
  of3_msa_classes(polymer, class_of);
  int real = 1 + msa->n_row < out->n_msa ? 1 + msa->n_row : out->n_msa;
  for (int r = 0; r < real && !of3_cancelled(mode->opt_cancel); r++)
    put_row(r ? msa->row[r - 1] : msa->query, p, class_of, mode->deletion_scale, (size_t)r * n + first, out);
  for (int r = 0; r < real && mode->mask_padding_rows; r++)
    memset(out->msa_mask + (size_t)r * n + first, 1, width);
  for (int k = 0; k < p->n; k++) {
    memcpy(out->profile + (first + (size_t)k) * OF3_N_RESTYPE,
           msa->profile + (size_t)p->column[k] * OF3_N_RESTYPE, OF3_N_RESTYPE * sizeof(float));
    out->deletion_mean[first + (size_t)k] = msa->deletion_mean[p->column[k]];
  }
}

/* The tokens of the chain that begins with token t. */
static msa_place place_of_chain(const of3_complex *complex, const of3_tokens *tokens, int t, int *column) {
  const int chain = complex->residue[tokens->token[t].residue].chain;
  msa_place p = {.first = t, .column = column + t};
  for (; t < tokens->n && complex->residue[tokens->token[t].residue].chain == chain; t++, p.n++)
    column[t] = tokens->token[t].residue - complex->chain[chain].first_residue;
  return p;
}

static of3_status stack_all(const of3_complex *complex, const of3_tokens *tokens, const of3_query *q,
                            const of3_feature_mode *mode, const of3_msa *msa, int *column, of3_features *out,
                            of3_error *err) {
  OF3_TRY(of3_features_msa_room(depth(msa, q->n_chain), out, err));
  if (!mode->mask_padding_rows) memset(out->msa_mask, 1, (size_t)out->n_msa * (size_t)out->n_token);
  int token = 0;
  for (int i = 0; i < q->n_chain; i++)
    for (int k = 0; k < q->chain[i].n_id; k++) {
      const msa_place p = place_of_chain(complex, tokens, token, column);
      if (has_msa(&q->chain[i])) put_copy(&msa[i], q->chain[i].type, &p, mode, out);
      token += p.n;
    }
  return of3_go_on(mode->opt_cancel, err);
}

/* No alignment at all, or use_msas false: one row of gaps, which 0.3 masks. */
static of3_status no_msa(const of3_feature_mode *mode, of3_features *out, of3_error *err) {
  OF3_TRY(of3_features_msa_room(1, out, err));
  memset(out->msa_mask, !mode->mask_padding_rows, (size_t)out->n_token);
  return OF3_OK;
}

static size_t room_beside(const of3_feature_mode *mode, const of3_arena *arena) {
  size_t used = of3_arena_used(arena);
  return mode->most_memory > used ? mode->most_memory - used : 0;
}

of3_status of3_features_msa(const of3_complex *complex, const of3_tokens *tokens, const of3_query *q,
                            const of3_feature_mode *mode, const of3_log *log, of3_features *out,
                            of3_error *err) {
  bool any = false;
  for (int i = 0; i < q->n_chain; i++) any |= has_msa(&q->chain[i]);
  if (!q->use_msas || !any) return no_msa(mode, out, err);
  of3_arena *scratch = of3_arena_new(0);
  if (scratch && mode->most_memory) of3_arena_limit(scratch, room_beside(mode, out->arena));
  of3_msa *msa = scratch ? OF3_ARENA_NEW(scratch, of3_msa, q->n_chain) : NULL;
  int *column = scratch ? OF3_ARENA_NEW(scratch, int, tokens->n) : NULL;
  of3_status st =
      msa && column ? msa_features_load(q, mode, log, scratch, msa, err) : of3_fail_memory(err, "the MSAs");
  if (st == OF3_OK && mode->most_memory) of3_arena_limit(out->arena, room_beside(mode, scratch));
  if (st == OF3_OK) st = stack_all(complex, tokens, q, mode, msa, column, out, err);
  of3_arena_free(scratch);
  return st;
}
