/* AF3 SI Alg. 17 (Pairformer) and its pair half, which templates, the MSA module and the Evoformer
 * share. */
#include <stdio.h>

#include "model/run.h"

void of3_triangles(const of3_run *r, of3_tensor *z, const of3_pair_block_w *w, of3_triangles_options o,
                   const char *name) {
  of3_ctx *cx = r->cx;
  const of3_tensor *mask = r->in.token_mask;
  of3_tensor *before = of3_before_update(r, z);
  of3_triangle_mul(cx, z, mask, &w->tri_mul_out, true, r->economy.triangle_passes);
  of3_drop_update(r, z, before, false, o.dropout, "%s.tri_mul_out", name);
  of3_note(r, z, "%s/z.tri_mul_out", name);
  before = of3_before_update(r, z);
  of3_triangle_mul(cx, z, mask, &w->tri_mul_in, false, r->economy.triangle_passes);
  of3_drop_update(r, z, before, false, o.dropout, "%s.tri_mul_in", name);
  of3_note(r, z, "%s/z.tri_mul_in", name);
  before = of3_before_update(r, z);
  of3_triangle_attention(cx, z, mask, &w->tri_att_start, false, false);
  of3_drop_update(r, z, before, false, o.dropout, "%s.tri_att_start", name);
  of3_note(r, z, "%s/z.tri_att_start", name);
  if (o.truncated) return;
  before = of3_before_update(r, z);
  of3_triangle_attention(cx, z, mask, &w->tri_att_end, true, o.end_bias_from_z);
  of3_drop_update(r, z, before, true, o.dropout, "%s.tri_att_end", name);
  of3_note(r, z, "%s/z.tri_att_end", name);
}

void of3_pair_block(const of3_run *r, of3_tensor *z, const of3_pair_block_w *w, bool truncated,
                    const char *name) {
  const of3_triangles_options o = {truncated, .end_bias_from_z = r->net->switches.end_bias_from_z,
                                   .dropout = OF3_PAIR_DROPOUT};
  of3_triangles(r, z, w, o, name);
  if (truncated) return;
  of3_pair_transition(r->cx, z, &w->pair_transition, r->in.token_mask);
  of3_note(r, z, "%s/z.pair_transition", name);
}

/* AF3 SI Alg. 24 without conditioning (docs/model.md 3.7): s += attention(s) with a bias from z. */
static void attention_pair_bias(const of3_run *r, of3_tensor *s, const of3_tensor *z, const of3_tensor *mask,
                                const of3_attention_pair_bias_w *w) {
  of3_ctx *cx = r->cx;
  of3_scope scope = of3_scope_begin(cx);
  const int64_t n = r->in.n_token, of_all = of3_rows(s) / n / r->in.n;
  of3_tensor *bias = OF3_NEW(cx, OF3_F32, of_all, r->in.n, r->c->h_single, n, n);
  of3_pair_bias(cx, bias, z, &w->norm_z, w->z, NULL);
  of3_tensor *y[4]; /* q, k, v, g */
  of3_project(cx, s, &w->norm_a, NULL, r->c->h_single, 4,
              (of3_linear_w[]){w->mha.q, w->mha.k, w->mha.v, w->mha.g}, y);
  of3_tensor *o = of3_attention(cx, y[0], y[1], y[2], y[3], bias, mask, r->c->h_single);
  of3_linear_add(cx, s, o, w->mha.o, NULL, NULL);
  of3_scope_end(cx, scope);
}

void of3_pairformer(const of3_run *r, of3_tensor *s, of3_tensor *z, const of3_tensor *single_mask,
                    const of3_pairformer_block_w *w, int blocks, const char *name) {
  for (int i = 0; i < blocks; i++) {
    char block[128], pair[160];
    snprintf(block, sizeof block, "%s.blocks.%d", name, i);
    snprintf(pair, sizeof pair, "%s.pair_stack", block);
    of3_scope scope = of3_scope_begin(r->cx); /* a block that training computes again (tensor/tape.h) */
    of3_pair_block(r, z, &w[i].pair, false, pair);
    attention_pair_bias(r, s, z, single_mask, &w[i].attention);
    of3_note(r, s, "%s/s.attention", block);
    of3_transition(r->cx, s, &w[i].single_transition, single_mask);
    of3_scope_end(r->cx, scope);
    of3_note(r, s, "%s/s", block);
    of3_note(r, z, "%s/z", block);
    of3_flush(r->cx, (of3_tensor *[]){s, z}, 2);
  }
}
