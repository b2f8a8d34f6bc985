/* AF3 SI Alg. 16 (TemplateEmbedder), docs/model.md 6. Empty slots take part like the others; slots
 * with equal features give equal results and are computed once. */
#include <stdlib.h>
#include <string.h>

#include "model/run.h"

static bool same_slot(const of3_features *f, int a, int b) {
  size_t n = (size_t)f->n_token, pairs = n * n;
#define SAME(array, width)                                                                                   \
  (!memcmp((array) + (size_t)a * (width), (array) + (size_t)b * (width), (width) * sizeof *(array)))
  return SAME(f->template_restype, n) && SAME(f->template_pseudo_beta_mask, n) &&
         SAME(f->template_backbone_frame_mask, n) &&
         (!f->template_distogram || SAME(f->template_distogram, pairs)) &&
         (!f->template_unit_vector || SAME(f->template_unit_vector, 3 * pairs));
#undef SAME
}

/* How many of the slots from t on equal slot t; 0 if an earlier one does. */
static int multiplicity(const of3_features *f, int t) {
  int n = 0;
  for (int u = 0; u < f->n_templ; u++)
    if (same_slot(f, t, u)) {
      if (u < t) return 0;
      n++;
    }
  return n;
}

/* Pair features of slot t: geometry [N,N,5] (pseudo-beta and frame masks, unit vector), distance bin [N,N,1],
 * and the chain factor of the bins [N,N]. */
typedef struct slot_features {
  float *geometry, *factor;
  int32_t *bin;
} slot_features;

static void fill_slot(const of3_features *f, const of3_switches *s, int t, slot_features *out) {
  int64_t n = f->n_token;
  const float *beta = f->template_pseudo_beta_mask + t * n, *frame = f->template_backbone_frame_mask + t * n;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) {
      int64_t at = i * n + j, in_slot = t * n * n + at;
      float chain = s->template_chain_equal ? (float)(f->asym_id[i] == f->asym_id[j])
                                            : (float)f->asym_id[i] * (float)f->asym_id[j];
      float geometric = s->template_chain_equal ? 1 : chain;
      float *g = out->geometry + 5 * at;
      g[0] = beta[i] * beta[j] * chain;
      g[1] = frame[i] * frame[j] * chain;
      for (int k = 0; k < 3; k++)
        g[2 + k] = f->template_unit_vector ? f->template_unit_vector[3 * in_slot + k] * geometric : 0;
      int bin = f->template_distogram ? f->template_distogram[in_slot] : OF3_NO_CLASS;
      out->bin[at] = bin == OF3_NO_CLASS ? -1 : bin;
      out->factor[at] = geometric;
    }
}

/* v += the geometry terms of slot t. */
static void add_geometry(const of3_run *r, of3_tensor *v, int t) {
  of3_ctx *cx = r->cx;
  int64_t n = r->in.n_token, pairs = n * n;
  of3_tensor *geometry = OF3_NEW(cx, OF3_F32, n, n, 5), *factor = OF3_NEW(cx, OF3_F32, n, n),
             *bin = OF3_NEW(cx, OF3_I32, n, n, 1);
  if (!cx->planning) {
    slot_features s = {.geometry = malloc((size_t)pairs * 5 * sizeof(float)),
                       .factor = malloc((size_t)pairs * sizeof(float)),
                       .bin = malloc((size_t)pairs * sizeof(int32_t))};
    if (s.geometry && s.factor && s.bin) {
      fill_slot(r->in.f, &r->net->switches, t, &s);
      of3_upload(cx, geometry, s.geometry);
      of3_upload(cx, factor, s.factor);
      of3_upload(cx, bin, s.bin);
    } else
      of3_ctx_fail(cx, OF3_ERR_MEMORY, "out of memory for template features");
    free(s.geometry);
    free(s.factor);
    free(s.bin);
  }
  of3_linear_add(cx, v, geometry, r->w->templates.geometry, NULL, NULL);
  of3_embed_add(cx, v, bin, r->w->templates.distogram, factor);
}

/* Rows of a restype table for slot t: [N,c_t], zero where the slot has no class. */
static of3_tensor *restype_rows(const of3_run *r, const of3_tensor *table, int t) {
  const of3_features *f = r->in.f;
  int32_t *index = OF3_ARENA_NEW(r->arena, int32_t, f->n_token);
  float *has = OF3_ARENA_NEW(r->arena, float, f->n_token);
  if (!index || !has) {
    of3_ctx_fail(r->cx, OF3_ERR_MEMORY, "out of memory for template features");
    return OF3_NEW(r->cx, OF3_F32, f->n_token, r->c->c_t);
  }
  for (int i = 0; i < f->n_token; i++) {
    int c = f->template_restype[(int64_t)t * f->n_token + i];
    has[i] = c != OF3_NO_CLASS;
    index[i] = c == OF3_NO_CLASS ? 0 : c;
  }
  return of3_gather(r->cx, table, OF3_FROM_HOST(r->cx, OF3_I32, index, f->n_token),
                    OF3_FROM_HOST(r->cx, OF3_F32, has, f->n_token));
}

/* Lines 1-8 and the stack: v [N,N,c_t], normalised at the end. */
static of3_tensor *embed_slot(const of3_run *r, const of3_tensor *z, int t) {
  of3_ctx *cx = r->cx;
  const of3_template_w *w = &r->w->templates;
  int64_t n = r->in.n_token;
  of3_tensor *v = OF3_NEW(cx, OF3_F32, n, n, r->c->c_t);
  of3_scope scope = of3_scope_begin(cx);
  of3_outer_sum(cx, v, restype_rows(r, w->restype_i, t), restype_rows(r, w->restype_j, t));
  of3_norm_linear_add(cx, v, z, w->norm_z, w->z);
  add_geometry(r, v, t);
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
  for (int t = 0; t < r->in.f->n_templ; t++) {
    of3_scope slot = of3_scope_begin(cx);
    int times = multiplicity(r->in.f, t);
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
