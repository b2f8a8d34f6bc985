/* AF3 SI Alg. 16 (TemplateEmbedder), docs/model.md 6. Empty slots take part like the others; slots
 * with equal features give equal results and are computed once. */
#include <stdio.h>

#include "model/run.h"

/* Rows of a restype table for a slot: [N,c_t], zero where it has no class. */
static of3_tensor *restype_rows(const of3_run *r, const of3_tensor *table, const of3_tensor *restype) {
  const float zero = 0;
  of3_tensor *rows = OF3_NEW(r->cx, OF3_F32, r->in.n_token, r->c->c_t);
  of3_copy(r->cx, rows, OF3_FROM_HOST(r->cx, OF3_F32, &zero, 1));
  of3_embed_add(r->cx, rows, restype, table, NULL);
  return rows;
}

/* Lines 1-8 and the stack: v [N,N,c_t], normalised at the end. */
static of3_tensor *embed_slot(const of3_run *r, const of3_tensor *z, int t) {
  of3_ctx *cx = r->cx;
  const of3_template_w *w = &r->w->templates;
  int64_t n = r->in.n_token;
  of3_tensor *v = OF3_NEW(cx, OF3_F32, n, n, r->c->c_t);
  of3_scope scope = of3_scope_begin(cx);
  const struct of3_slot_inputs *slot = &r->in.slot[t];
  of3_outer_sum(cx, v, restype_rows(r, w->restype_i, slot->restype),
                restype_rows(r, w->restype_j, slot->restype));
  of3_norm_linear_add(cx, v, z, w->norm_z, w->z);
  if (!slot->empty)
    of3_template_add(cx, v, &slot->shape, r->in.asym, w->geometry.w, w->distogram,
                     r->net->switches.template_chain_equal);
  of3_scope_end(cx, scope);
  of3_note(r, v, "template%d/template_embedder/embedded", t);
  for (int i = 0; i < r->c->blocks_templ; i++) {
    char name[96];
    snprintf(name, sizeof name, "template%d/template_embedder.template_pair_stack.blocks.%d", t, i);
    of3_scope block = of3_scope_begin(cx); /* that training computes again (tensor/tape.h) */
    of3_pair_block(r, v, &w->block[i], r->net->switches.template_truncated, name);
    of3_scope_end(cx, block);
  }
  v = of3_norm(cx, v, w->norm_out);
  of3_note(r, v, "template%d/template_embedder/normed", t);
  return v;
}

void of3_template_embedder(const of3_run *r, of3_tensor *z) {
  of3_ctx *cx = r->cx;
  int64_t n = r->in.n_token;
  of3_scope scope = of3_scope_begin(cx);
  const float zero = 0, share = 1 / (float)r->in.f->n_templ;
  of3_tensor *total = OF3_NEW(cx, OF3_F32, n, n, r->c->c_t);
  of3_copy(cx, total, OF3_FROM_HOST(cx, OF3_F32, &zero, 1));
  for (int t = 0; r->in.slot && t < r->in.f->n_templ; t++) {
    of3_scope slot = of3_scope_begin(cx);
    const int times = r->in.slot[t].times;
    of3_tensor *v = times ? embed_slot(r, z, t) : NULL;
    for (int k = 0; k < times; k++) of3_add(cx, total, v);
    of3_scope_end(cx, slot);
  }
  of3_activate(cx, total, OF3_ACT_RELU);
  of3_tensor *mean = of3_combine(cx, total, OF3_FROM_HOST(cx, OF3_F32, &share, 1), NULL, NULL, NULL);
  of3_tensor *update = of3_linear(cx, mean, r->w->templates.t, OF3_ACT_NONE);
  of3_note(r, update, "template_embedder/update");
  of3_add(cx, z, update);
  of3_scope_end(cx, scope);
}
