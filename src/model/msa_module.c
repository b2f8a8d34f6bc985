/* AF3 SI Alg. 8 (MSA module) with its embedder, docs/model.md 7. */
#include <stdio.h>
#include <string.h>

#include "model/run.h"

/* The rows of one cycle: classes [B,M,N,1] u8, deletions [B,M,N,2], mask [B,M,N] or NULL. */
typedef struct msa_rows {
  of3_tensor *restype, *deletions, *opt_mask;
} msa_rows;

/* Which rows of each complex a cycle uses, into row[B] of n_msa each: returns the most. A complex with fewer
 * takes what lies behind the end of its alignment, where all is masked. */
static int64_t draw_rows(const of3_run *r, int cycle, uint32_t *row) {
  const of3_inputs *in = &r->in;
  int64_t most = 0;
  for (int b = 0; b < in->n; b++) {
    const of3_random_source *random = &r->random[b];
    uint32_t *own = row + b * in->n_msa;
    int64_t n = random->msa_rows(random->user, in->f[b], cycle, own);
    if (n > most) most = n;
    for (; n < in->n_msa; n++) own[n] = (uint32_t)in->f[b]->n_msa;
  }
  return most;
}

/* As many as a cycle uses of the longest alignment. */
static int64_t planned_rows(const of3_inputs *in) {
  int64_t most = 0;
  for (int b = 0; b < in->n; b++)
    if (in->f[b]->n_msa > most) most = in->f[b]->n_msa;
  return most < OF3_MSA_ROWS ? most : OF3_MSA_ROWS;
}

/* Which rows a cycle uses: [B,M] i32. While planning nothing is drawn. */
static of3_tensor *choose_rows(const of3_run *r, int cycle) {
  const of3_inputs *in = &r->in;
  int64_t n = planned_rows(in);
  uint32_t *row = r->cx->planning ? NULL : OF3_RUN_NEW(r, uint32_t, in->n * in->n_msa);
  if (row) n = draw_rows(r, cycle, row);
  for (int b = 1; row && b < in->n; b++) memmove(row + b * n, row + b * in->n_msa, (size_t)n * sizeof *row);
  return OF3_FROM_HOST(r->cx, OF3_I32, row, in->n, n);
}

static msa_rows take_rows(const of3_run *r, int cycle) {
  of3_ctx *cx = r->cx;
  const of3_inputs *in = &r->in;
  const of3_tensor *row = choose_rows(r, cycle);
  const int64_t all = in->n, m = of3_dim(row, 0), n = in->n_token;
  msa_rows rows = {.restype = OF3_RESHAPE(cx, of3_take_byte_rows(cx, in->msa, row), all, m, n, 1),
                   .deletions = OF3_NEW(cx, OF3_F32, all, m, n, 2)};
  if (in->msa_mask) rows.opt_mask = of3_take_rows(cx, in->msa_mask, row);
  of3_scope scope = of3_scope_begin(cx);
  of3_copy(cx, rows.deletions,
           of3_concat(cx, OF3_RESHAPE(cx, of3_take_rows(cx, in->has_deletion, row), all, m, n, 1),
                      OF3_RESHAPE(cx, of3_take_rows(cx, in->deletion_value, row), all, m, n, 1)));
  of3_scope_end(cx, scope);
  return rows;
}

/* m [B,M,N,c_m]: every row of a complex += linear(s_input). */
static void add_single(const of3_run *r, of3_tensor *m, const of3_tensor *s_input) {
  of3_ctx *cx = r->cx;
  const of3_tensor *s = of3_linear(cx, s_input, r->w->msa.s_input, OF3_ACT_NONE);
  for (int b = 0; b < r->in.n; b++) {
    const of3_tensor *one = OF3_RESHAPE(cx, of3_narrow(cx, s, b, 1), r->in.n_token, r->c->c_m);
    of3_add(cx, of3_narrow(cx, m, b, 1), one);
  }
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
  add_single(r, m, s_input);
  of3_note(r, m, "msa_module_embedder/m");
  for (int i = 0; i < r->c->blocks_msa; i++) of3_msa_block(r, m, z, rows.opt_mask, i);
  of3_scope_end(cx, scope);
}
