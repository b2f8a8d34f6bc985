/* AF3 SI Alg. 8 (MSA module) with its embedder, docs/model.md 7. */
#include <stdio.h>

#include "model/run.h"

/* The rows of one cycle: classes [M,N,1] u8, deletions [M,N,2], mask [M,N] or NULL. */
typedef struct msa_rows {
  of3_tensor *restype, *deletions, *opt_mask;
} msa_rows;

/* Which rows a cycle uses: [M] i32. While planning nothing is drawn. */
static of3_tensor *choose_rows(const of3_run *r, int cycle) {
  const of3_features *f = r->in.f;
  int64_t n = f->n_msa < OF3_MSA_ROWS ? f->n_msa : OF3_MSA_ROWS;
  uint32_t *row = r->cx->planning ? NULL : OF3_RUN_NEW(r, uint32_t, f->n_msa);
  if (row) n = r->random->msa_rows(r->random->user, f, cycle, row);
  return OF3_FROM_HOST(r->cx, OF3_I32, row, n);
}

static msa_rows take_rows(const of3_run *r, int cycle) {
  of3_ctx *cx = r->cx;
  const of3_inputs *in = &r->in;
  const of3_tensor *row = choose_rows(r, cycle);
  const int64_t m = of3_count(row), n = in->n_token;
  msa_rows rows = {.restype = OF3_RESHAPE(cx, of3_take_byte_rows(cx, in->msa, row), m, n, 1),
                   .deletions = OF3_NEW(cx, OF3_F32, m, n, 2)};
  if (in->msa_mask) rows.opt_mask = of3_take_rows(cx, in->msa_mask, row);
  of3_scope scope = of3_scope_begin(cx);
  of3_copy(cx, rows.deletions,
           of3_concat(cx, OF3_RESHAPE(cx, of3_take_rows(cx, in->has_deletion, row), m, n, 1),
                      OF3_RESHAPE(cx, of3_take_rows(cx, in->deletion_value, row), m, n, 1)));
  of3_scope_end(cx, scope);
  return rows;
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
  const msa_rows rows = take_rows(r, cycle);
  of3_tensor *m = of3_linear(cx, rows.deletions, w->deletions, OF3_ACT_NONE);
  of3_embed_add(cx, m, rows.restype, w->restype, NULL);
  of3_add(cx, m, of3_linear(cx, s_input, w->s_input, OF3_ACT_NONE));
  of3_note(r, m, "msa_module_embedder/m");
  for (int i = 0; i < r->c->blocks_msa; i++) of3_msa_block(r, m, z, rows.opt_mask, i);
  of3_scope_end(cx, scope);
}
