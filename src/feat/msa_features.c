/* Features of the alignments (docs/features.md 3): which tokens their columns go to, and what is counted over
 * them for each token. The rows themselves stay where they are (msa_rows.h). */
#include <math.h>
#include <string.h>

#include "feat/alignments.h"

static of3_status msa_features_take_memory(const of3_alignments *a, const of3_query *q,
                                           const of3_feature_mode *mode, of3_features *out, of3_error *err) {
  const size_t n = (size_t)out->n_token;
  int chains = 0;
  for (int i = 0; i < q->n_chain; i++) chains += q->chain[i].n_id;
  out->n_msa = a->n_row;
  out->num_paired_seqs = 1 + a->n_paired;
  out->msa_absent = (uint8_t)(OF3_RESTYPE_GAP | (mode->mask_padding_rows ? OF3_MSA_MASKED : 0));
  out->deletion_scale = mode->deletion_scale;
  out->msa_part = OF3_ARENA_NEW(out->arena, of3_msa_part, chains);
  out->deletion_value = OF3_ARENA_NEW(out->arena, float, OF3_MANY_DELETIONS);
  out->profile = OF3_ARENA_NEW(out->arena, float, n *OF3_N_RESTYPE);
  out->deletion_mean = OF3_ARENA_NEW(out->arena, float, n);
  if (!out->msa_part || !out->deletion_value || !out->profile || !out->deletion_mean)
    return of3_fail_memory(err, "the MSA features");
  for (int d = 0; d < OF3_MANY_DELETIONS; d++)
    out->deletion_value[d] = (float)(mode->deletion_scale * atan(d / 3.0));
  return OF3_OK;
}

/* Profile and deletion_mean of the tokens of a part. */
static void put_counts(const of3_msa *msa, const of3_msa_part *p, of3_features *out) {
  for (int k = 0; k < p->n_token; k++) {
    const size_t token = (size_t)p->first + (size_t)k, column = (size_t)p->column[k];
    memcpy(out->profile + token * OF3_N_RESTYPE, msa->profile + column * OF3_N_RESTYPE,
           OF3_N_RESTYPE * sizeof(float));
    out->deletion_mean[token] = msa->deletion_mean[column];
  }
}

/* The tokens of the chain that begins with token t, and their columns. */
static of3_msa_part place_of_chain(const of3_complex *complex, const of3_tokens *tokens, int t,
                                   int32_t *column) {
  const int chain = complex->residue[tokens->token[t].residue].chain;
  of3_msa_part p = {.first = t, .column = column + t};
  for (; t < tokens->n && complex->residue[tokens->token[t].residue].chain == chain; t++, p.n_token++)
    column[t] = complex->residue[tokens->token[t].residue].number - 1;
  return p;
}

/* ---- Rows that are drawn (a sample of training) */

typedef struct drawing {
  const of3_msa_draw *draw;
  int release, room, deepest; /* as in of3_drawn_block */
  int above;                  /* rows of the stack above the main blocks */
} drawing;

static drawing drawing_of(const of3_alignments *a, const of3_feature_mode *mode) {
  drawing d = {mode->opt_draw, mode->msa.release, of3_msa_room(&mode->msa, a->n_paired), 0, 1 + a->n_paired};
  for (int k = 0; k < a->n; k++)
    if (a->msa[k].n_row > d.deepest) d.deepest = a->msa[k].n_row;
  return d;
}

/* Gives the part rows of its own: the query and paired rows of its alignment, and main rows that are drawn.
 * Makes the stack as deep as that needs. */
static of3_status draw_rows(const drawing *d, const of3_msa *msa, int chain, of3_msa_part *p,
                            of3_features *out, of3_error *err) {
  const int first = p->n_row - msa->n_row; /* where the main block begins */
  const of3_drawn_block block = {d->release, chain, msa->n_row, d->room, d->deepest};
  of3_arena *scratch = of3_arena_new_within(out->arena);
  int32_t *drawn = NULL;
  int n = 0;
  of3_status status = scratch ? of3_msa_draw_rows(d->draw, &block, scratch, &drawn, &n, err)
                              : of3_fail_memory(err, "rows that are drawn");
  of3_msa_row *row =
      status == OF3_OK ? OF3_ARENA_NEW(out->arena, of3_msa_row, (size_t)first + (size_t)n) : NULL;
  if (status == OF3_OK && !row) status = of3_fail_memory(err, "rows that are drawn");
  if (status == OF3_OK) {
    memcpy(row, p->row, (size_t)first * sizeof *row);
    for (int i = 0; i < n; i++) row[first + i] = msa->row[drawn[i]];
    p->row = row;
    p->n_row = first + n;
    if (d->above + n > out->n_msa) out->n_msa = d->above + n;
  }
  of3_arena_free(scratch);
  return status;
}

static of3_status place_all(const of3_complex *complex, const of3_tokens *tokens, const of3_query *q,
                            const of3_alignments *a, const drawing *opt_drawing, of3_features *out,
                            of3_error *err) {
  int32_t *column = OF3_ARENA_NEW(out->arena, int32_t, tokens->n);
  if (!column) return of3_fail_memory(err, "the MSA features");
  for (int i = 0, token = 0, polymer = 0, chain = 0; i < q->n_chain; i++) {
    const int k = q->chain[i].type == OF3_LIGAND ? -1 : a->of_polymer[polymer++];
    for (int c = 0; c < q->chain[i].n_id; c++, chain++) {
      of3_msa_part p = place_of_chain(complex, tokens, token, column);
      token += p.n_token;
      if (k < 0) continue;
      p.class_of = a->class_of + (q->chain[i].type == OF3_RNA ? 256 : 0);
      p.row = a->row[k];
      p.n_row = a->depth[k];
      if (opt_drawing) OF3_TRY(draw_rows(opt_drawing, &a->msa[k], chain, &p, out, err));
      out->msa_part[out->n_msa_part++] = p;
      put_counts(&a->msa[k], &p, out);
    }
  }
  return OF3_OK;
}

/* 0.3 masks what no row of a chain is beside: where chains have fewer rows than the stack, or none. */
static bool any_absent(const of3_features *f) {
  int covered = 0;
  for (int k = 0; k < f->n_msa_part; k++)
    if (f->msa_part[k].n_row == f->n_msa) covered += f->msa_part[k].n_token;
  return covered < f->n_token;
}

of3_status of3_features_msa(const of3_complex *complex, const of3_tokens *tokens, const of3_query *query,
                            const of3_feature_mode *mode, of3_alignments *alignments, of3_features *out,
                            of3_error *err) {
  out->alignments = of3_alignments_join(alignments);
  OF3_TRY(msa_features_take_memory(alignments, query, mode, out, err));
  const drawing drawn = drawing_of(alignments, mode);
  const bool draws = mode->opt_draw && mode->opt_draw->rows && alignments->n > 0;
  if (draws) out->n_msa = drawn.above;
  OF3_TRY(place_all(complex, tokens, query, alignments, draws ? &drawn : NULL, out, err));
  out->msa_masked = mode->mask_padding_rows && any_absent(out);
  return of3_go_on(mode->opt_cancel, err);
}
