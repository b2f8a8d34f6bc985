/* AF3 SI Alg. 8 (MSA module) with its embedder, docs/model.md 7. */
#include <stdlib.h>

#include "model/run.h"

/* The rows of one cycle on the host. */
typedef struct msa_rows {
  int64_t n;
  int32_t *restype; /* [M,N] */
  float *deletions; /* [M,N,2] */
  float *mask;      /* [M,N] */
} msa_rows;

static void pick_rows(const of3_features *f, const uint32_t *row, msa_rows *out) {
  int64_t n = f->n_token;
  for (int64_t m = 0; m < out->n; m++)
    for (int64_t i = 0; i < n; i++) {
      int64_t from = row[m] * n + i, to = m * n + i;
      out->restype[to] = f->msa[from] == OF3_NO_CLASS ? -1 : f->msa[from];
      out->deletions[2 * to] = f->has_deletion[from];
      out->deletions[2 * to + 1] = f->deletion_value[from];
      out->mask[to] = f->msa_mask[from];
    }
}

/* How many rows a cycle uses; while planning nothing is drawn. */
static int64_t choose_rows(const of3_run *r, int cycle, uint32_t *row) {
  const of3_features *f = r->in.f;
  if (r->cx->planning) return f->n_msa < OF3_MSA_ROWS ? f->n_msa : OF3_MSA_ROWS;
  return r->random->msa_rows(r->random->user, f, cycle, row);
}

/* Uploads the rows of a cycle. */
static void load_rows(const of3_run *r, int cycle, of3_tensor **restype, of3_tensor **deletions,
                      of3_tensor **mask) {
  const of3_features *f = r->in.f;
  uint32_t *row = calloc((size_t)f->n_msa + 1, sizeof *row);
  if (!row) of3_ctx_fail(r->cx, OF3_ERR_MEMORY, "out of memory for the rows of the alignment");
  msa_rows rows = {.n = row ? choose_rows(r, cycle, row) : 0};
  size_t cells = (size_t)rows.n * (size_t)f->n_token;
  *restype = OF3_NEW(r->cx, OF3_I32, rows.n, f->n_token, 1);
  *deletions = OF3_NEW(r->cx, OF3_F32, rows.n, f->n_token, 2);
  *mask = OF3_NEW(r->cx, OF3_F32, rows.n, f->n_token);
  if (!r->cx->planning) {
    rows.restype = malloc(cells * sizeof *rows.restype);
    rows.deletions = malloc(cells * 2 * sizeof *rows.deletions);
    rows.mask = malloc(cells * sizeof *rows.mask);
    if (row && rows.restype && rows.deletions && rows.mask) {
      pick_rows(f, row, &rows);
      of3_upload(r->cx, *restype, rows.restype);
      of3_upload(r->cx, *deletions, rows.deletions);
      of3_upload(r->cx, *mask, rows.mask);
    } else
      of3_ctx_fail(r->cx, OF3_ERR_MEMORY, "out of memory for the rows of the alignment");
    free(rows.restype);
    free(rows.deletions);
    free(rows.mask);
  }
  free(row);
}

void of3_msa_block(const of3_run *r, of3_tensor *m, of3_tensor *z, const of3_tensor *mask, int i) {
  of3_ctx *cx = r->cx;
  const of3_msa_block_w *w = &r->w->msa.block[i];
  of3_scope scope = of3_scope_begin(cx); /* a block that training computes again (tensor/tape.h) */
  of3_outer_product_mean(cx, z, m, mask, &w->outer_product_mean);
  of3_note(r, z, "msa_module.blocks.%d/z.opm", i);
  if (i < r->c->blocks_msa - 1) {
    of3_pair_weighted_average(cx, m, z, r->in.token_mask, &w->average);
    of3_note(r, m, "msa_module.blocks.%d/m.attention", i);
    of3_transition(cx, m, &w->transition, mask);
    of3_note(r, m, "msa_module.blocks.%d/m", i);
  }
  char name[64];
  snprintf(name, sizeof name, "msa_module.blocks.%d.pair_stack", i);
  of3_pair_block(r, z, &w->pair, false, name);
  of3_scope_end(cx, scope);
  of3_note(r, z, "msa_module.blocks.%d/z", i);
  of3_flush(cx, (of3_tensor *[]){m, z}, 2);
}

void of3_msa_module(const of3_run *r, const of3_tensor *s_input, of3_tensor *z, int cycle) {
  of3_ctx *cx = r->cx;
  const of3_msa_w *w = &r->w->msa;
  of3_scope scope = of3_scope_begin(cx);
  of3_tensor *restype, *deletions, *mask;
  load_rows(r, cycle, &restype, &deletions, &mask);
  of3_tensor *m = of3_linear(cx, deletions, w->deletions, OF3_ACT_NONE);
  of3_embed_add(cx, m, restype, w->restype, NULL);
  of3_add(cx, m, of3_linear(cx, s_input, w->s_input, OF3_ACT_NONE));
  of3_note(r, m, "msa_module_embedder/m");
  for (int i = 0; i < r->c->blocks_msa; i++) of3_msa_block(r, m, z, mask, i);
  of3_scope_end(cx, scope);
}
