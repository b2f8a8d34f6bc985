/* AF3 SI Alg. 8 (MSA module) with its embedder, docs/model.md 7. */
#include <stdio.h>
#include <string.h>

#include "feat/msa_rows.h"
#include "model/run.h"

/* The rows of one cycle: classes [B,M,N,1] u8, deletions [B,M,N,2], mask [B,M,N] or NULL. */
typedef struct msa_rows {
  of3_tensor *restype, *deletions, *opt_mask;
} msa_rows;

/* Which rows of each complex a cycle uses, into row[B] of n_msa each, and how many into n[B]: returns the
 * most.
 */
static int64_t draw_rows(const of3_run *r, int cycle, uint32_t *row, int64_t *n) {
  const of3_inputs *in = &r->in;
  int64_t most = 0;
  for (int b = 0; b < in->n; b++) {
    const of3_random_source *random = &r->random[b];
    n[b] = random->msa_rows(random->user, in->f[b], cycle, row + b * in->n_msa);
    if (n[b] > most) most = n[b];
  }
  return most;
}

/* As many as a cycle uses of the longest alignment. */
static int64_t planned_rows(const of3_inputs *in) {
  return in->n_msa < OF3_MSA_ROWS ? in->n_msa : OF3_MSA_ROWS;
}

/* The rows that a cycle uses. While planning nothing is drawn. */
typedef struct drawn {
  int64_t most;
  uint32_t *row; /* [B,M] */
  int64_t *n;    /* [B] of them */
  uint8_t *byte; /* [N] room for a row */
  float *value;  /* [N] the same */
} drawn;

static drawn choose_rows(const of3_run *r, int cycle) {
  const of3_inputs *in = &r->in;
  drawn d = {.most = planned_rows(in)};
  if (r->cx->planning) return d;
  d.row = OF3_RUN_NEW(r, uint32_t, in->n * in->n_msa);
  d.n = OF3_RUN_NEW(r, int64_t, in->n);
  d.byte = OF3_RUN_NEW(r, uint8_t, in->n_token);
  d.value = OF3_RUN_NEW(r, float, in->n_token);
  if (r->cx->error.code == OF3_OK) d.most = draw_rows(r, cycle, d.row, d.n);
  return d;
}

/* What a staged tensor takes of a row. */
typedef void fill_row(const drawn *d, const of3_features *f, int row, void *image);

static void fill_classes(const drawn *d, const of3_features *f, int row, void *image) {
  (void)d;
  of3_msa_row_cells(f, row, (of3_msa_cells){.class_ = image});
}

static void fill_deletions(const drawn *d, const of3_features *f, int row, void *image) {
  float *out = image;
  of3_msa_row_cells(f, row, (of3_msa_cells){.has_deletion = d->byte, .deletion_value = d->value});
  for (int i = 0; i < f->n_token; i++) {
    out[2 * i] = d->byte[i];
    out[2 * i + 1] = d->value[i];
  }
}

static void fill_mask(const drawn *d, const of3_features *f, int row, void *image) {
  float *out = image;
  of3_msa_row_cells(f, row, (of3_msa_cells){.mask = d->byte});
  for (int i = 0; i < f->n_token; i++) out[i] = d->byte[i];
}

/* [B,M,N,width] of the drawn rows; zeros where a complex has fewer rows or tokens. */
static of3_tensor *stage_rows(const of3_run *r, const drawn *d, of3_dtype type, int64_t width,
                              fill_row *fill) {
  const of3_inputs *in = &r->in;
  const size_t row = (size_t)(in->n_token * width) * of3_dtype_size(type);
  char *image;
  of3_tensor *t = OF3_STAGE(r->cx, &image, type, in->n, d->most, in->n_token, width);
  for (int b = 0; image && d->n && r->cx->error.code == OF3_OK && b < in->n; b++)
    for (int64_t k = 0; k < d->n[b]; k++)
      fill(d, in->f[b], (int)d->row[b * in->n_msa + k], image + (size_t)(b * d->most + k) * row);
  of3_staged(r->cx, t);
  return t;
}

static msa_rows take_rows(const of3_run *r, int cycle) {
  const of3_inputs *in = &r->in;
  const drawn d = choose_rows(r, cycle);
  msa_rows rows = {.restype = stage_rows(r, &d, OF3_U8, 1, fill_classes),
                   .deletions = stage_rows(r, &d, OF3_F32, 2, fill_deletions)};
  if (in->msa_masked)
    rows.opt_mask = OF3_RESHAPE(r->cx, stage_rows(r, &d, OF3_F32, 1, fill_mask), in->n, d.most, in->n_token);
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
    of3_tensor *before = of3_before_update(r, m);
    of3_pair_weighted_average(cx, m, z, r->in.token_mask, &w->average);
    of3_drop_update(r, m, before, false, OF3_MSA_DROPOUT, "msa_module.blocks.%d.msa_att_row", i);
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
