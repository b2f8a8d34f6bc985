/* AF3 SI Alg. 31 (ConfidenceHead) and the distogram head, docs/model.md 12. Logits become
 * expectations as soon as they exist: those of PAE in row blocks, those of PDE and of the distogram at once,
 * as they are added to their transpose. */
#include <math.h>
#include <stdlib.h>

#include "model/run.h"

enum {
  GROUP_PAIRS = 1 << 18, /* pairs of samples taken together */
  CONTACT_BINS = 19      /* distogram bins that end at or below 8 Angstrom: 2 + 20/64 k */
};

/* ---- representative atoms */

enum { GLY = 7, RNA_A = 21, RNA_G, RNA_C, RNA_U, DNA_A = 26, DNA_G, DNA_C, DNA_T };

/* Offset in a whole residue's atom list; -1: none. */
static int representative_offset(const of3_features *f, int i) {
  int res = f->restype[i];
  if (f->is_atomized[i]) return 0;
  if (f->is_protein[i]) return res == GLY ? 1 : 4;
  if (!f->is_rna[i] && !f->is_dna[i]) return 0;
  switch (res) {
  case RNA_A:
    return 21;
  case RNA_G:
    return 22;
  case RNA_C:
  case RNA_U:
    return 13;
  case DNA_A:
    return 20;
  case DNA_G:
    return 21;
  case DNA_C:
  case DNA_T:
    return 12;
  default:
    return -1;
  }
}

static void representative_atoms(const of3_features *f, int32_t *index, float *has) {
  for (int i = 0; i < f->n_token; i++) {
    int offset = representative_offset(f, i), at = f->start_atom_index[i] + offset;
    bool real = offset >= 0 && f->token_mask[i] > 0 && at < f->n_atom;
    index[i] = real ? at : 0;
    has[i] = real ? f->atom_mask[at] : 0;
  }
}

/* ---- what logits are turned into */

typedef struct decoding {
  of3_tensor *pae, *pde, *plddt, *contact; /* tables [1,bins] */
  of3_tensor *tm;                          /* [sets,bins_pae] */
  of3_tensor *chain, *set_of_size; /* [N,2], [N+1] i32: which set a pair of tokens takes; set 0: all tokens */
} decoding;

/* Centres of n bins on [0,top]. */
static of3_tensor *centres(const of3_run *r, int n, double top) {
  float *t = OF3_ARENA_NEW(r->arena, float, n);
  if (!t) of3_ctx_fail(r->cx, OF3_ERR_MEMORY, "out of memory for the centres of bins");
  for (int i = 0; t && i < n; i++) t[i] = (float)((i + 0.5) * top / n);
  return OF3_FROM_HOST(r->cx, OF3_F32, t, 1, n);
}

static of3_tensor *contact_table(const of3_run *r) {
  float *t = OF3_ARENA_NEW(r->arena, float, r->c->bins_distogram);
  if (!t) of3_ctx_fail(r->cx, OF3_ERR_MEMORY, "out of memory for the bins of contacts");
  for (int i = 0; t && i < r->c->bins_distogram; i++) t[i] = i < CONTACT_BINS;
  return OF3_FROM_HOST(r->cx, OF3_F32, t, 1, r->c->bins_distogram);
}

/* 1 / (1 + (c_b/d0)^2) for a set of n tokens (docs/files.md 3). */
static void tm_weights(int n, int bins, float *out) {
  double d0 = 1.24 * cbrt((n > 19 ? n : 19) - 15.0) - 1.8;
  for (int b = 0; b < bins; b++) {
    double ratio = (b + 0.5) * (32.0 / bins) / d0;
    out[b] = (float)(1 / (1 + ratio * ratio));
  }
}

/* Tokens of each asym_id 0 .. most; returns most. */
static int count_chains(const of3_features *f, int *opt_count) {
  int most = 0;
  for (int i = 0; i < f->n_token; i++) {
    if (f->asym_id[i] > most) most = f->asym_id[i];
    if (opt_count && f->token_mask[i] > 0) opt_count[f->asym_id[i]]++;
  }
  return most;
}

/* Sizes of sets are numbers of tokens: that of all is row 0, each of a chain or of two together has a row of
 * its own. size_row [N+1]: row of a size, 0: not yet there. Returns how many rows there are. */
static int fill_tm_rows(const int *chain, int n_chain, int bins, int32_t *size_row, float *table) {
  int rows = 1, all = 0;
  for (int a = 0; a < n_chain; a++) {
    all += chain[a];
    for (int b = 0; b <= a; b++) {
      const int size = a == b ? chain[a] : chain[a] + chain[b];
      if (size_row[size]) continue;
      tm_weights(size, bins, table + (int64_t)rows * bins);
      size_row[size] = rows++;
    }
  }
  tm_weights(all, bins, table);
  return rows;
}

static void make_tm_tables(const of3_run *r, decoding *d) {
  const of3_features *f = r->in.f;
  const int64_t n = f->n_token;
  const int bins = r->c->bins_pae, n_chain = count_chains(f, NULL) + 1;
  int *chain = OF3_ARENA_NEW(r->arena, int, n_chain);
  int32_t *size_row = OF3_ARENA_NEW(r->arena, int32_t, n + 1);
  float *table = OF3_ARENA_NEW(r->arena, float, (size_t)(n + 2) * (size_t)bins);
  int32_t *of_token = OF3_ARENA_NEW(r->arena, int32_t, 2 * n);
  int rows = 1;
  if (chain && size_row && of_token && table) {
    count_chains(f, chain);
    rows = fill_tm_rows(chain, n_chain, bins, size_row, table);
    for (int64_t i = 0; i < n; i++) {
      of_token[2 * i] = f->asym_id[i];
      of_token[2 * i + 1] = chain[f->asym_id[i]];
    }
  } else
    of3_ctx_fail(r->cx, OF3_ERR_MEMORY, "out of memory for the tables of pTM");
  d->tm = OF3_FROM_HOST(r->cx, OF3_F32, table, rows, bins);
  d->chain = OF3_FROM_HOST(r->cx, OF3_I32, of_token, n, 2);
  d->set_of_size = OF3_FROM_HOST(r->cx, OF3_I32, size_row, n + 1);
}

/* ---- heads */

/* PAE and TM terms of one sample: zc [N,N,c_z]. */
static void pae_head(const of3_run *r, const of3_tensor *zc, const decoding *d, int sample,
                     of3_prediction *out) {
  of3_ctx *cx = r->cx;
  const of3_head_w *w = &r->w->confidence.pae;
  int64_t n = r->in.n_token, step = of3_block_rows(r, n, n * r->c->bins_pae);
  for (int64_t i = 0; i < n; i += step) {
    int64_t rows = i + step < n ? step : n - i, at = ((int64_t)sample * n + i) * n;
    of3_scope scope = of3_scope_begin(cx);
    of3_tensor *logits = of3_norm_linear(cx, of3_narrow(cx, zc, i, rows), w->norm, w->linear, OF3_ACT_NONE);
    if (rows == n) of3_note(r, logits, "sample%d/pae", sample);
    of3_download(cx, of3_expect(cx, logits, d->pae), out->pae + at);
    of3_download(cx, of3_expect(cx, logits, d->tm), out->tm + at);
    of3_download(cx, of3_expect_chains(cx, logits, d->tm, d->chain, d->set_of_size, i), out->tm_chains + at);
    of3_scope_end(cx, scope);
  }
}

/* logits = L + L^T, L = linear([norm] z). */
static of3_tensor *symmetric_logits(const of3_run *r, const of3_tensor *z, const of3_head_w *w) {
  of3_ctx *cx = r->cx;
  of3_tensor *l = w->norm.scale ? of3_norm_linear(cx, z, w->norm, w->linear, OF3_ACT_NONE)
                                : of3_linear(cx, z, w->linear, OF3_ACT_NONE);
  return of3_symmetrize(cx, l);
}

static void pde_head(const of3_run *r, const of3_tensor *zc, const decoding *d, int sample,
                     of3_prediction *out) {
  of3_ctx *cx = r->cx;
  int64_t n = r->in.n_token;
  of3_scope scope = of3_scope_begin(cx);
  of3_tensor *logits = symmetric_logits(r, zc, &r->w->confidence.pde);
  of3_note(r, logits, "sample%d/pde", sample);
  of3_download(cx, of3_expect(cx, logits, d->pde), out->pde + sample * n * n);
  of3_scope_end(cx, scope);
}

/* Expected pLDDT of the atoms of one sample from s [N,c_s]: slot = place of the atom in its token. */
static void plddt_head(const of3_run *r, const of3_tensor *s, const decoding *d, int sample,
                       of3_prediction *out) {
  of3_ctx *cx = r->cx;
  const of3_features *f = r->in.f;
  const of3_head_w *w = &r->w->confidence.plddt;
  int64_t n = r->in.n_token, slots = r->c->max_atoms_per_token;
  of3_scope scope = of3_scope_begin(cx);
  of3_tensor *logits = of3_norm_linear(cx, s, w->norm, w->linear, OF3_ACT_NONE);
  logits = OF3_RESHAPE(cx, logits, n, slots, r->c->bins_plddt);
  of3_note(r, logits, "sample%d/plddt", sample);
  float *host = malloc((size_t)(n * slots) * sizeof *host);
  if (host)
    of3_download(cx, of3_expect(cx, logits, d->plddt), host);
  else
    of3_ctx_fail(cx, OF3_ERR_MEMORY, "out of memory for pLDDT");
  for (int64_t a = 0; host && !cx->planning && a < f->n_atom; a++) {
    int64_t token = f->atom_to_token_index[a], slot = a - f->start_atom_index[token];
    bool real = slot >= 0 && slot < slots && f->token_mask[token] > 0;
    out->plddt[sample * f->n_atom + a] = real ? host[token * slots + slot] : 0;
  }
  free(host);
  of3_scope_end(cx, scope);
}

static void resolved_head(const of3_run *r, const of3_tensor *s, int sample) {
  if (!r->observer || !r->observer->trace) return; /* no score uses it */
  of3_ctx *cx = r->cx;
  const of3_head_w *w = &r->w->confidence.resolved;
  of3_scope scope = of3_scope_begin(cx);
  of3_tensor *logits = of3_norm_linear(cx, s, w->norm, w->linear, OF3_ACT_NONE);
  of3_note(r, OF3_RESHAPE(cx, logits, r->in.n_token, r->c->max_atoms_per_token, 2), "sample%d/resolved",
           sample);
  of3_scope_end(cx, scope);
}

void of3_contact_probability(const of3_run *r, const of3_tensor *z, float *contact) {
  of3_ctx *cx = r->cx;
  of3_scope scope = of3_scope_begin(cx);
  const of3_head_w w = {.linear = r->w->confidence.distogram};
  of3_tensor *table = contact_table(r), *logits = symmetric_logits(r, z, &w);
  of3_note(r, logits, "distogram");
  of3_download(cx, of3_expect(cx, logits, table), contact);
  of3_scope_end(cx, scope);
}

/* ---- Alg. 31 */

/* zc [G,N,N,c_z] = z + linear_i(s_input)_i + linear_j(s_input)_j + linear_distance(bins). x [G,A,3]. */
static of3_tensor *embed_pair(const of3_run *r, const of3_trunk *t, const of3_tensor *x,
                              const of3_tensor *representative) {
  of3_ctx *cx = r->cx;
  const of3_confidence_w *w = &r->w->confidence;
  int64_t n = r->in.n_token, group = x->shape[0];
  of3_tensor *zc = OF3_NEW(cx, OF3_F32, group, n, n, r->c->c_z);
  of3_scope scope = of3_scope_begin(cx);
  of3_tensor *i = of3_linear(cx, t->s_input, w->i, OF3_ACT_NONE),
             *j = of3_linear(cx, t->s_input, w->j, OF3_ACT_NONE);
  of3_tensor *one = OF3_RESHAPE(cx, of3_narrow(cx, zc, 0, 1), n, n, r->c->c_z);
  of3_outer_sum(cx, one, i, j);
  of3_add(cx, one, t->z);
  for (int64_t g = 1; g < group; g++) of3_copy(cx, of3_narrow(cx, zc, g, 1), one);
  of3_tensor *bin = of3_distance_bin(cx, x, representative);
  of3_embed_add(cx, zc, OF3_RESHAPE(cx, bin, group, n, n, 1), w->distance, NULL);
  of3_scope_end(cx, scope);
  return zc;
}

/* Confidence of samples first .. first + G - 1 of x. */
static void confidence_group(const of3_run *r, const of3_trunk *t, const of3_tensor *x, int first,
                             const of3_tensor *representative, const of3_tensor *single_mask,
                             const decoding *d, of3_prediction *out) {
  of3_ctx *cx = r->cx;
  int64_t n = r->in.n_token, group = x->shape[0];
  of3_tensor *zc = embed_pair(r, t, x, representative);
  of3_tensor *sc = OF3_NEW(cx, OF3_F32, group, n, r->c->c_s);
  of3_copy(cx, sc, t->s);
  of3_note(r, zc, "aux_heads.pairformer_embedding/z");
  of3_pairformer(r, sc, zc, single_mask, r->w->confidence.block, r->c->blocks_conf,
                 "aux_heads.pairformer_embedding.pairformer_stack");
  for (int g = 0; g < group; g++) {
    of3_scope scope = of3_scope_begin(cx);
    of3_tensor *z = OF3_RESHAPE(cx, of3_narrow(cx, zc, g, 1), n, n, r->c->c_z);
    of3_tensor *s = OF3_RESHAPE(cx, of3_narrow(cx, sc, g, 1), n, r->c->c_s);
    pae_head(r, z, d, first + g, out);
    pde_head(r, z, d, first + g, out);
    plddt_head(r, s, d, first + g, out);
    resolved_head(r, s, first + g);
    of3_scope_end(cx, scope);
  }
}

int of3_confidence_group(int64_t tokens, int samples) {
  const int64_t fit = GROUP_PAIRS / (tokens * tokens);
  return fit < 1 ? 1 : fit < samples ? (int)fit : samples;
}

void of3_confidence(const of3_run *r, const of3_trunk *t, const of3_tensor *x, of3_prediction *out) {
  of3_ctx *cx = r->cx;
  int64_t n = r->in.n_token, samples = x->shape[0], group = r->economy.confidence_samples;
  if (!group) group = of3_confidence_group(n, (int)samples);
  int32_t *index = OF3_ARENA_NEW(r->arena, int32_t, n);
  float *has = OF3_ARENA_NEW(r->arena, float, n);
  if (!index || !has) {
    of3_ctx_fail(cx, OF3_ERR_MEMORY, "out of memory for representative atoms");
    return;
  }
  representative_atoms(r->in.f, index, has);
  of3_tensor *representative = OF3_FROM_HOST(cx, OF3_I32, index, n), *has_atom = of3_make_mask(r, has, n);
  const of3_tensor *mask = r->net->switches.conf_mask_token ? r->in.token_mask : has_atom;
  decoding d = {.pae = centres(r, r->c->bins_pae, 32),
                .pde = centres(r, r->c->bins_pde, 32),
                .plddt = centres(r, r->c->bins_plddt, 100)};
  make_tm_tables(r, &d);
  for (int64_t first = 0; first < samples; first += group) {
    of3_progress(r, "confidence", (int)first, (int)samples);
    of3_scope scope = of3_scope_begin(cx);
    of3_tensor *part = of3_narrow(cx, x, first, first + group < samples ? group : samples - first);
    confidence_group(r, t, part, (int)first, representative, mask, &d, out);
    of3_scope_end(cx, scope);
  }
  of3_progress(r, "confidence", (int)samples, (int)samples);
}
