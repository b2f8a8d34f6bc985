/* AF3 SI Alg. 1 lines 1-14: the trunk and its recycling. */
#include <stdio.h>

#include "model/run.h"

/* z = z_init + linear_z(LN_z(z)). Gradients stay within the cycle. */
static void recycle_pair(const of3_run *r, const of3_tensor *s_input, of3_tensor *z) {
  of3_ctx *cx = r->cx;
  of3_scope scope = of3_scope_begin(cx);
  of3_tensor *old = of3_new_like(cx, z);
  of3_copy(cx, old, z);
  of3_z_init(r, s_input, z);
  of3_note(r, z, "z_init");
  of3_norm_linear_add(cx, z, of3_detached(cx, old), r->w->recycle_norm_z, r->w->recycle_z);
  of3_scope_end(cx, scope);
  of3_note(r, z, "recycling/z");
}

/* s = s_init + linear_s(LN_s(s)), as well. */
static void recycle_single(const of3_run *r, const of3_tensor *s_init, of3_tensor *s) {
  of3_ctx *cx = r->cx;
  of3_scope scope = of3_scope_begin(cx);
  of3_tensor *update =
      of3_norm_linear(cx, of3_detached(cx, s), r->w->recycle_norm_s, r->w->recycle_s, OF3_ACT_NONE);
  of3_copy(cx, s, s_init);
  of3_add(cx, s, update);
  of3_scope_end(cx, scope);
  of3_note(r, s, "recycling/s");
}

of3_trunk of3_continue_trunk(const of3_run *r, const of3_trunk *opt_from, int first, int end) {
  of3_ctx *cx = r->cx;
  const float zero = 0;
  const int64_t n = r->in.n_token, all = r->in.n;
  of3_trunk t = {.s_input = of3_s_input(r),
                 .s = OF3_NEW(cx, OF3_F32, all, n, r->c->c_s),
                 .z = OF3_NEW(cx, OF3_F32, all, n, n, r->c->c_z)};
  of3_tensor *nothing = OF3_FROM_HOST(cx, OF3_F32, &zero, 1),
             *s_init = of3_linear(cx, t.s_input, r->w->s, OF3_ACT_NONE);
  of3_note(r, s_init, "input_embedder/s_init");
  of3_copy(cx, t.s, opt_from ? opt_from->s : nothing);
  of3_copy(cx, t.z, opt_from ? opt_from->z : nothing);
  for (int cycle = first; cycle < end; cycle++) {
    char scope[32];
    snprintf(scope, sizeof scope, "cycle%d/", cycle);
    of3_run in_cycle = *r;
    in_cycle.scope = scope;
    of3_progress(r, "trunk", cycle, end);
    recycle_pair(&in_cycle, t.s_input, t.z);
    of3_template_embedder(&in_cycle, t.z);
    of3_msa_module(&in_cycle, t.s_input, t.z, cycle);
    recycle_single(&in_cycle, s_init, t.s);
    of3_pairformer(&in_cycle, t.s, t.z, r->in.token_mask, r->w->pairformer, r->c->blocks_pairformer,
                   "pairformer_stack");
  }
  of3_note(r, t.s, "trunk/s");
  of3_note(r, t.z, "trunk/z");
  of3_progress(r, "trunk", end, end);
  return t;
}

of3_trunk of3_run_trunk(const of3_run *r, int n_cycle) { return of3_continue_trunk(r, NULL, 0, n_cycle); }
