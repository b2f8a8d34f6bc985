/* AF3 SI Alg. 16 (TemplateEmbedder), docs/model.md 6. Empty slots take part like the others; slots of a
 * complex with equal features give equal results and are computed once. The different ones go through the
 * blocks as one batch [D,B,..], where they are small; a complex that has fewer of them than another computes
 * some that nothing takes. */
#include <stdio.h>

#include "model/run.h"

enum { SLOT_GROUP_PAIRS = 1 << 18 }; /* pairs of slots taken together */

/* Slots from `first` on that go through the blocks together: small ones, to fill the threads. */
static int slot_group(const of3_run *r, int first) {
  const int64_t n = r->in.n_token, fit = SLOT_GROUP_PAIRS / (r->in.n * n * n), left = r->in.n_slot - first;
  return fit < 1 ? 1 : (int)(fit < left ? fit : left);
}

/* Slots first .. first + n - 1 of what they have; NULL of NULL. */
static of3_tensor *some_slots(const of3_run *r, const of3_tensor *opt_t, int first, int n) {
  return opt_t ? of3_narrow(r->cx, opt_t, first, n) : NULL;
}

/* Rows of a restype table for slots: [n,B,N,c_t], zero where they have no class. */
static of3_tensor *restype_rows(const of3_run *r, const of3_tensor *table, int first, int n) {
  const float zero = 0;
  of3_tensor *rows = OF3_NEW(r->cx, OF3_F32, n, r->in.n, r->in.n_token, r->c->c_t);
  of3_copy(r->cx, rows, OF3_FROM_HOST(r->cx, OF3_F32, &zero, 1));
  of3_embed_add(r->cx, rows, some_slots(r, r->in.slot_restype, first, n), table, NULL);
  return rows;
}

/* Lines 1-7 of slots: v [n,B,N,N,c_t]. */
static void embed_features(const of3_run *r, const of3_tensor *z, int first, int n, of3_tensor *v) {
  of3_ctx *cx = r->cx;
  const of3_template_w *w = &r->w->templates;
  const of3_template_slot *all = &r->in.slot_shape;
  of3_scope scope = of3_scope_begin(cx);
  of3_outer_sum(cx, v, restype_rows(r, w->restype_i, first, n), restype_rows(r, w->restype_j, first, n));
  for (int k = 0; k < n; k++) of3_norm_linear_add(cx, of3_narrow(cx, v, k, 1), z, w->norm_z, w->z);
  const of3_template_slot some = {.beta = some_slots(r, all->beta, first, n),
                                  .frame = some_slots(r, all->frame, first, n),
                                  .opt_place = some_slots(r, all->opt_place, first, n),
                                  .opt_unit = some_slots(r, all->opt_unit, first, n),
                                  .opt_bin = some_slots(r, all->opt_bin, first, n)};
  if (some.beta)
    of3_template_add(cx, v, &some, r->in.asym, w->geometry.w, w->distogram,
                     r->net->switches.template_chain_equal);
  of3_scope_end(cx, scope);
}

/* Lines 1-8 and the stack: v [n,B,N,N,c_t], normalised at the end. */
static of3_tensor *embed_slots(const of3_run *run, const of3_tensor *z, int first, int n) {
  of3_run of_slots = *run;
  const of3_run *r = &of_slots;
  of3_ctx *cx = r->cx;
  const int64_t tokens = r->in.n_token;
  of3_tensor *v = OF3_NEW(cx, OF3_F32, n, r->in.n, tokens, tokens, r->c->c_t);
  of_slots.slots.first = first;
  of_slots.slots.n = n;
  embed_features(r, z, first, n, v);
  of3_note(r, v, "template_embedder/embedded");
  for (int i = 0; i < r->c->blocks_templ; i++) {
    char name[96];
    snprintf(name, sizeof name, "template_embedder.template_pair_stack.blocks.%d", i);
    of3_scope block = of3_scope_begin(cx); /* that training computes again (tensor/tape.h) */
    of3_pair_block(r, v, &r->w->templates.block[i], r->net->switches.template_truncated, name);
    of3_scope_end(cx, block);
  }
  v = of3_norm(cx, v, r->w->templates.norm_out);
  of3_note(r, v, "template_embedder/normed");
  return v;
}

/* total [B,N,N,c_t] += v of each complex, as often as it has the slot. */
static void add_slots(const of3_run *r, of3_tensor *total, const of3_tensor *v, int first, int n) {
  of3_ctx *cx = r->cx;
  const int64_t tokens = r->in.n_token;
  const of3_tensor *of_all = OF3_RESHAPE(cx, v, n * r->in.n, tokens, tokens, r->c->c_t);
  for (int k = 0; k < n; k++)
    for (int b = 0; b < r->in.n; b++) {
      const of3_slots *s = &r->in.of_complex[b];
      for (int i = 0; first + k < s->n && i < s->times[first + k]; i++)
        of3_add(cx, of3_narrow(cx, total, b, 1), of3_narrow(cx, of_all, k * r->in.n + b, 1));
    }
}

/* 1/T of each complex: [B]. */
static of3_tensor *slot_shares(const of3_run *r) {
  float *share;
  of3_tensor *t = OF3_STAGE(r->cx, &share, OF3_F32, r->in.n);
  for (int b = 0; share && b < r->in.n; b++) share[b] = 1 / (float)r->in.f[b]->n_templ;
  of3_staged(r->cx, t);
  return t;
}

void of3_template_embedder(const of3_run *r, of3_tensor *z) {
  of3_ctx *cx = r->cx;
  const int64_t n = r->in.n_token, all = r->in.n;
  of3_scope scope = of3_scope_begin(cx);
  const float zero = 0;
  of3_tensor *total = OF3_NEW(cx, OF3_F32, all, n, n, r->c->c_t);
  of3_copy(cx, total, OF3_FROM_HOST(cx, OF3_F32, &zero, 1));
  for (int first = 0, some; first < r->in.n_slot; first += some) {
    of3_scope group = of3_scope_begin(cx);
    some = slot_group(r, first);
    add_slots(r, total, embed_slots(r, z, first, some), first, some);
    of3_scope_end(cx, group);
  }
  of3_activate(cx, total, OF3_ACT_RELU);
  const of3_tensor *rows = OF3_RESHAPE(cx, total, all, n * n, r->c->c_t);
  of3_tensor *mean = of3_combine(cx, rows, slot_shares(r), NULL, NULL, NULL);
  of3_tensor *update =
      of3_linear(cx, OF3_RESHAPE(cx, mean, all, n, n, r->c->c_t), r->w->templates.t, OF3_ACT_NONE);
  of3_note(r, update, "template_embedder/update");
  of3_add(cx, z, update);
  of3_scope_end(cx, scope);
}
