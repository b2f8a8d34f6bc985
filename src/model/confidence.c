/* AF3 SI Alg. 31 (ConfidenceHead) and the distogram head, docs/model.md 12. Logits become
 * expectations as soon as they exist: those of PAE in row blocks, those of PDE and of the distogram at once,
 * as they are added to their transpose. */
#include <math.h>

#include "model/run.h"
#include "tensor/backend.h"

enum {
  GROUP_PAIRS = 1 << 18, /* pairs of samples taken together */
  CONTACT_BINS = 19      /* distogram bins that end at or below 8 Angstrom: 2 + 20/64 k */
};

/* ---- representative atoms */

/* Of token i; *has: 1 if there is one, else 0. */
static int64_t representative_atom(const of3_features *f, int i, float *has) {
  const int at = f->representative_atom[i];
  const bool real = at >= 0 && f->token_mask[i] > 0;
  *has = real ? f->atom_mask[at] : 0;
  return real ? at : 0;
}

/* Of each token: [B,N] i32. */
static of3_tensor *representative_atoms(const of3_run *r) {
  const of3_inputs *in = &r->in;
  int32_t *index;
  float has;
  of3_tensor *t = OF3_STAGE(r->cx, &index, OF3_I32, in->n, in->n_token);
  for (int b = 0; index && b < in->n; b++)
    for (int i = 0; i < in->f[b]->n_token; i++)
      index[b * in->n_token + i] = (int32_t)representative_atom(in->f[b], i, &has);
  of3_staged(r->cx, t);
  return t;
}

static bool all_have_representatives(const of3_inputs *in) {
  float has = 1;
  for (int b = 0; b < in->n && has == 1; b++) {
    if (in->f[b]->n_token < in->n_token) return false;
    for (int i = 0; i < in->n_token && has == 1; i++) representative_atom(in->f[b], i, &has);
  }
  return has == 1;
}

/* Whether each token has one: [B,N], NULL if all have. */
static of3_tensor *has_representative(const of3_run *r) {
  const of3_inputs *in = &r->in;
  float *at;
  if (all_have_representatives(in)) return NULL;
  of3_tensor *t = OF3_STAGE(r->cx, &at, OF3_F32, in->n, in->n_token);
  for (int b = 0; at && b < in->n; b++)
    for (int i = 0; i < in->f[b]->n_token; i++) representative_atom(in->f[b], i, &at[b * in->n_token + i]);
  of3_staged(r->cx, t);
  return t;
}

/* ---- what logits are turned into */

/* Tables of the heads: [1,bins]. */
typedef struct head_tables {
  of3_tensor *pae, *pde, *plddt;
} head_tables;

/* What the logits of a complex are turned into results by; n and a: its own tokens and atoms, without
 * padding. */
typedef struct decoding {
  const of3_features *f;
  int64_t n, a;
  of3_tensor *own;                 /* [n] i32: 0, 1, ..; NULL: no token is padding */
  of3_tensor *tm;                  /* [sets,bins_pae] */
  of3_tensor *chain, *set_of_size; /* [n,2], [n+1] i32: which set a pair of tokens takes; set 0: all tokens */
  of3_tensor *atom_place, *has_place; /* [a] i32, f32: of expected pLDDT */
} decoding;

/* The tokens of a complex that is smaller than the batch. */
static of3_tensor *own_tokens(const of3_run *r, int64_t n) {
  int32_t *at;
  if (n == r->in.n_token) return NULL;
  of3_tensor *t = OF3_STAGE(r->cx, &at, OF3_I32, n);
  for (int64_t i = 0; at && i < n; i++) at[i] = (int32_t)i;
  of3_staged(r->cx, t);
  return t;
}

/* [n,n,c] of the pairs [N,N,c] that a complex is padded to. */
static const of3_tensor *own_pairs(const of3_run *r, const of3_tensor *z, const decoding *d) {
  return d->own ? of3_take_rows(r->cx, of3_narrow(r->cx, z, 0, d->n), d->own) : z;
}

/* Centres of n bins on [0,top]. */
static of3_tensor *centres(const of3_run *r, int n, double top) {
  float *at;
  of3_tensor *t = OF3_STAGE(r->cx, &at, OF3_F32, 1, n);
  for (int i = 0; at && i < n; i++) at[i] = (float)((i + 0.5) * top / n);
  of3_staged(r->cx, t);
  return t;
}

static of3_tensor *contact_table(const of3_run *r) {
  float *at;
  of3_tensor *t = OF3_STAGE(r->cx, &at, OF3_F32, 1, r->c->bins_distogram);
  for (int i = 0; at && i < r->c->bins_distogram; i++) at[i] = i < CONTACT_BINS;
  of3_staged(r->cx, t);
  return t;
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
 * its own. row [N+1]: row of a size, 0: none. Returns how many rows there are. */
static int number_sizes(const int *chain, int n_chain, int32_t *row) {
  int rows = 1;
  for (int a = 0; a < n_chain; a++)
    for (int b = 0; b <= a; b++) {
      const int size = a == b ? chain[a] : chain[a] + chain[b];
      if (!row[size]) row[size] = rows++;
    }
  return rows;
}

/* The table of sets: row 0 of `all` tokens, then those of the sizes up to n that have a row. */
static of3_tensor *make_tm(const of3_run *r, int64_t n, int all, const int32_t *row, int rows) {
  const int bins = r->c->bins_pae;
  float *at;
  of3_tensor *t = OF3_STAGE(r->cx, &at, OF3_F32, rows, bins);
  if (at) tm_weights(all, bins, at);
  for (int size = 0; at && size <= n; size++)
    if (row[size]) tm_weights(size, bins, at + (int64_t)row[size] * bins);
  of3_staged(r->cx, t);
  return t;
}

static void make_tm_tables(const of3_run *r, decoding *d) {
  const of3_features *f = d->f;
  const int64_t n = d->n;
  const int n_chain = count_chains(f, NULL) + 1;
  int *chain = OF3_RUN_NEW(r, int, n_chain), all = 0;
  int32_t *row = OF3_RUN_NEW(r, int32_t, n + 1), *of_token;
  if (!chain || !row) return;
  count_chains(f, chain);
  for (int a = 0; a < n_chain; a++) all += chain[a];
  d->tm = make_tm(r, n, all, row, number_sizes(chain, n_chain, row));
  d->set_of_size = OF3_SHARE_HOST(r->cx, OF3_I32, row, n + 1);
  d->chain = OF3_STAGE(r->cx, &of_token, OF3_I32, n, 2);
  for (int64_t i = 0; of_token && i < n; i++) {
    of_token[2 * i] = f->asym_id[i];
    of_token[2 * i + 1] = chain[f->asym_id[i]];
  }
  of3_staged(r->cx, d->chain);
}

/* Which of the expectations of a token's atom places is that of an atom, and whether there is one. */
static void make_atom_places(const of3_run *r, decoding *d) {
  const of3_features *f = d->f;
  const int64_t slots = r->c->max_atoms_per_token;
  int32_t *at;
  float *real;
  d->atom_place = OF3_STAGE(r->cx, &at, OF3_I32, f->n_atom);
  for (int64_t a = 0; at && a < f->n_atom; a++) {
    const int64_t token = f->atom_to_token_index[a], slot = a - f->start_atom_index[token];
    at[a] = slot >= 0 && slot < slots ? (int32_t)(token * slots + slot) : 0;
  }
  of3_staged(r->cx, d->atom_place);
  d->has_place = OF3_STAGE(r->cx, &real, OF3_F32, f->n_atom);
  for (int64_t a = 0; real && a < f->n_atom; a++) {
    const int64_t token = f->atom_to_token_index[a], slot = a - f->start_atom_index[token];
    real[a] = slot >= 0 && slot < slots && f->token_mask[token] > 0;
  }
  of3_staged(r->cx, d->has_place);
}

static decoding *make_decodings(const of3_run *r) {
  decoding *d = OF3_RUN_NEW(r, decoding, r->in.n);
  for (int b = 0; d && b < r->in.n; b++) {
    const of3_features *f = r->in.f[b];
    d[b] = (decoding){.f = f, .n = f->n_token, .a = f->n_atom, .own = own_tokens(r, f->n_token)};
    make_tm_tables(r, &d[b]);
    make_atom_places(r, &d[b]);
  }
  return d;
}

/* ---- heads */

/* Results of a complex for a group of samples, of which `first` is the first of all: they stay where they are
 * computed until the group is done. Each is a tensor [G,..]. */
typedef struct group_results {
  of3_tensor *pae, *tm, *tm_chains, *pde, *plddt;
} group_results;

/* A sample of a complex: its number in all and in the group, what decodes it, and where its results go. */
typedef struct head_sample {
  int sample, g;
  const head_tables *tables;
  const decoding *d;
  const group_results *out;
} head_sample;

/* Where the results of sample i are on the host; NULL while planning. */
static float *host_of(float *all, int64_t each, int64_t i) { return all ? all + each * i : NULL; }

static group_results new_results(const of3_run *r, const decoding *d, int64_t group, int64_t first,
                                 const of3_prediction *out) {
  of3_ctx *cx = r->cx;
  const int64_t n = d->n, pairs = n * n, atoms = d->a;
  return (group_results){.pae = OF3_RESULT(cx, host_of(out->pae, pairs, first), group, n, n),
                         .tm = OF3_RESULT(cx, host_of(out->tm, pairs, first), group, n, n),
                         .tm_chains = OF3_RESULT(cx, host_of(out->tm_chains, pairs, first), group, n, n),
                         .pde = OF3_RESULT(cx, host_of(out->pde, pairs, first), group, n, n),
                         .plddt = OF3_RESULT(cx, host_of(out->plddt, atoms, first), group, atoms)};
}

static void download_results(const of3_run *r, const decoding *d, const group_results *g, int64_t first,
                             const of3_prediction *out) {
  const int64_t pairs = d->n * d->n;
  of3_download(r->cx, g->pae, host_of(out->pae, pairs, first));
  of3_download(r->cx, g->tm, host_of(out->tm, pairs, first));
  of3_download(r->cx, g->tm_chains, host_of(out->tm_chains, pairs, first));
  of3_download(r->cx, g->pde, host_of(out->pde, pairs, first));
  of3_download(r->cx, g->plddt, host_of(out->plddt, d->a, first));
}

/* Rows i .. of the pairs [n,n] of sample g of a result [G,n,n]. */
static of3_tensor *rows_of(const of3_run *r, const of3_tensor *result, int g, int64_t i, int64_t rows) {
  const int64_t n = of3_dim(result, 0);
  of3_tensor *flat = OF3_RESHAPE(r->cx, result, result->shape[0] * n, n);
  return of3_narrow(r->cx, flat, g * n + i, rows);
}

/* PAE and TM terms of a sample: zc [n,n,c_z]. */
static void pae_head(const of3_run *r, const of3_tensor *zc, const head_sample *s) {
  of3_ctx *cx = r->cx;
  const of3_head_w *w = &r->w->confidence.pae;
  const decoding *d = s->d;
  int64_t n = d->n, step = of3_block_rows(r, n, n * r->c->bins_pae);
  for (int64_t i = 0; i < n; i += step) {
    const int64_t rows = i + step < n ? step : n - i;
    of3_scope scope = of3_scope_begin(cx);
    of3_tensor *logits = of3_norm_linear(cx, of3_narrow(cx, zc, i, rows), w->norm, w->linear, OF3_ACT_NONE);
    if (rows == n) of3_note(r, logits, "sample%d/pae", s->sample);
    of3_expect(cx, rows_of(r, s->out->pae, s->g, i, rows), logits, s->tables->pae);
    of3_expect(cx, rows_of(r, s->out->tm, s->g, i, rows), logits, d->tm);
    of3_expect_chains(cx, rows_of(r, s->out->tm_chains, s->g, i, rows), logits, d->tm, d->chain,
                      d->set_of_size, i);
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

static void pde_head(const of3_run *r, const of3_tensor *zc, const head_sample *s) {
  of3_ctx *cx = r->cx;
  of3_scope scope = of3_scope_begin(cx);
  of3_tensor *logits = symmetric_logits(r, zc, &r->w->confidence.pde);
  of3_note(r, logits, "sample%d/pde", s->sample);
  of3_expect(cx, rows_of(r, s->out->pde, s->g, 0, s->d->n), logits, s->tables->pde);
  of3_scope_end(cx, scope);
}

/* Expected pLDDT of the atoms of one sample from single [n,c_s]: slot = place of the atom in its token. */
static void plddt_head(const of3_run *r, const of3_tensor *single, const head_sample *s) {
  of3_ctx *cx = r->cx;
  const of3_head_w *w = &r->w->confidence.plddt;
  const int64_t n = s->d->n, slots = r->c->max_atoms_per_token;
  of3_scope scope = of3_scope_begin(cx);
  of3_tensor *logits = of3_norm_linear(cx, single, w->norm, w->linear, OF3_ACT_NONE);
  logits = OF3_RESHAPE(cx, logits, n, slots, r->c->bins_plddt);
  of3_note(r, logits, "sample%d/plddt", s->sample);
  of3_tensor *of_places = of3_new_exact(cx, OF3_F32, 2, (int64_t[]){n, slots});
  of3_expect(cx, of_places, logits, s->tables->plddt);
  of3_tensor *of_atoms = OF3_RESHAPE(cx, of3_narrow(cx, s->out->plddt, s->g, 1), s->d->a, 1);
  of3_copy(cx, of_atoms,
           of3_gather(cx, OF3_RESHAPE(cx, of_places, n * slots, 1), s->d->atom_place, s->d->has_place));
  of3_scope_end(cx, scope);
}

static void resolved_head(const of3_run *r, const of3_tensor *single, const head_sample *s) {
  if (!r->observer || !r->observer->trace) return; /* no score uses it */
  of3_ctx *cx = r->cx;
  const of3_head_w *w = &r->w->confidence.resolved;
  of3_scope scope = of3_scope_begin(cx);
  of3_tensor *logits = of3_norm_linear(cx, single, w->norm, w->linear, OF3_ACT_NONE);
  of3_note(r, OF3_RESHAPE(cx, logits, s->d->n, r->c->max_atoms_per_token, 2), "sample%d/resolved", s->sample);
  of3_scope_end(cx, scope);
}

/* Of complex b. */
static void contact_of(const of3_run *r, int b, const of3_tensor *z, const of3_tensor *table,
                       float *contact) {
  of3_ctx *cx = r->cx;
  const int64_t all = r->in.n_token;
  const decoding d = {.n = r->in.f[b]->n_token, .own = own_tokens(r, r->in.f[b]->n_token)};
  const of3_head_w w = {.linear = r->w->confidence.distogram};
  const of3_tensor *padded = OF3_RESHAPE(cx, of3_narrow(cx, z, b, 1), all, all, r->c->c_z);
  of3_tensor *logits = symmetric_logits(r, own_pairs(r, padded, &d), &w);
  of3_note(r, logits, "distogram");
  of3_tensor *y = OF3_RESULT(cx, contact, d.n, d.n);
  of3_expect(cx, y, logits, table);
  of3_download(cx, y, contact);
}

void of3_contact_probability(const of3_run *r, const of3_tensor *z, of3_prediction *out) {
  of3_scope scope = of3_scope_begin(r->cx);
  const of3_tensor *table = contact_table(r);
  for (int b = 0; b < r->in.n; b++) {
    of3_scope one = of3_scope_begin(r->cx);
    contact_of(r, b, z, table, out[b].contact);
    of3_scope_end(r->cx, one);
  }
  of3_scope_end(r->cx, scope);
}

/* ---- Alg. 31 */

/* zc [G,B,N,N,c_z] = z + linear_i(s_input)_i + linear_j(s_input)_j + linear_distance(bins). x [G,B,A,3]. */
static of3_tensor *embed_pair(const of3_run *r, const of3_trunk *t, const of3_tensor *x,
                              const of3_tensor *representative) {
  of3_ctx *cx = r->cx;
  const of3_confidence_w *w = &r->w->confidence;
  const int64_t n = r->in.n_token, all = r->in.n, group = x->shape[0];
  of3_tensor *zc = OF3_NEW(cx, OF3_F32, group, all, n, n, r->c->c_z);
  of3_scope scope = of3_scope_begin(cx);
  of3_tensor *i = of3_linear(cx, t->s_input, w->i, OF3_ACT_NONE),
             *j = of3_linear(cx, t->s_input, w->j, OF3_ACT_NONE);
  of3_tensor *one = OF3_RESHAPE(cx, of3_narrow(cx, zc, 0, 1), all, n, n, r->c->c_z);
  of3_outer_sum(cx, one, i, j);
  of3_add(cx, one, t->z);
  for (int64_t g = 1; g < group; g++) of3_copy(cx, of3_narrow(cx, zc, g, 1), one);
  of3_tensor *bin = of3_distance_bin(cx, x, representative);
  of3_embed_add(cx, zc, OF3_RESHAPE(cx, bin, group, all, n, n, 1), w->distance, NULL);
  of3_scope_end(cx, scope);
  return zc;
}

/* The heads of complex b on a group of samples: sc [G,B,N,c_s], zc [G,B,N,N,c_z]. */
static void run_heads(const of3_run *r, int b, const of3_tensor *sc, const of3_tensor *zc, int first,
                      const head_tables *tables, const decoding *d, const of3_prediction *out) {
  of3_ctx *cx = r->cx;
  const int64_t all = r->in.n, n = r->in.n_token, group = sc->shape[0];
  const of3_tensor *single = OF3_RESHAPE(cx, sc, group * all, n, r->c->c_s),
                   *pair = OF3_RESHAPE(cx, zc, group * all, n, n, r->c->c_z);
  const group_results results = new_results(r, d, group, first, out);
  for (int g = 0; g < group; g++) {
    const head_sample sample = {first + g, g, tables, d, &results};
    of3_scope scope = of3_scope_begin(cx);
    const of3_tensor *padded = OF3_RESHAPE(cx, of3_narrow(cx, pair, g * all + b, 1), n, n, r->c->c_z);
    const of3_tensor *z = own_pairs(r, padded, d);
    const of3_tensor *s = OF3_RESHAPE(cx, of3_narrow(cx, single, g * all + b, 1), n, r->c->c_s);
    s = of3_narrow(cx, s, 0, d->n);
    pae_head(r, z, &sample);
    pde_head(r, z, &sample);
    plddt_head(r, s, &sample);
    resolved_head(r, s, &sample);
    of3_scope_end(cx, scope);
  }
  download_results(r, d, &results, first, out);
}

/* Alg. 31 lines 1-11 for samples first .. of x: sc [G,B,N,c_s], zc [G,B,N,N,c_z]. */
static void confidence_stack(const of3_run *r, const of3_trunk *t, const of3_tensor *x, int first,
                             const of3_tensor *representative, of3_tensor **ret_sc, of3_tensor **ret_zc) {
  of3_ctx *cx = r->cx;
  const of3_tensor *mask = r->net->switches.conf_mask_token ? r->in.token_mask : has_representative(r);
  of3_tensor *zc = embed_pair(r, t, x, representative);
  of3_tensor *sc = OF3_NEW(cx, OF3_F32, x->shape[0], r->in.n, r->in.n_token, r->c->c_s);
  of3_copy(cx, sc, t->s);
  of3_note(r, zc, "aux_heads.pairformer_embedding/z");
  of3_run of_samples = *r;
  of_samples.of_samples = true;
  of_samples.first_sample = first;
  of3_pairformer(&of_samples, sc, zc, mask, r->w->confidence.block, r->c->blocks_conf,
                 "aux_heads.pairformer_embedding.pairformer_stack");
  *ret_sc = sc;
  *ret_zc = zc;
}

/* The trunk as the head sees it, which does not train it. */
static of3_trunk detached_trunk(const of3_run *r, const of3_trunk *t) {
  return (of3_trunk){.s_input = of3_detached(r->cx, t->s_input),
                     .s = of3_detached(r->cx, t->s),
                     .z = of3_detached(r->cx, t->z)};
}

of3_tensor *of3_distogram_logits(const of3_run *r, const of3_tensor *z) {
  const of3_head_w w = {.linear = r->w->confidence.distogram};
  return symmetric_logits(r, z, &w);
}

of3_confidence_logits of3_run_confidence_heads(const of3_run *r, const of3_trunk *t, const of3_tensor *x) {
  of3_ctx *cx = r->cx;
  const of3_confidence_w *w = &r->w->confidence;
  const int64_t all = r->in.n, n = r->in.n_token, places = r->c->max_atoms_per_token;
  const of3_trunk given = detached_trunk(r, t);
  of3_tensor *sc, *zc;
  confidence_stack(r, &given, x, 0, representative_atoms(r), &sc, &zc);
  const of3_tensor *s = OF3_RESHAPE(cx, sc, all, n, r->c->c_s),
                   *z = OF3_RESHAPE(cx, zc, all, n, n, r->c->c_z);
  return (of3_confidence_logits){
      .plddt = OF3_RESHAPE(cx, of3_norm_linear(cx, s, w->plddt.norm, w->plddt.linear, OF3_ACT_NONE), all, n,
                           places, r->c->bins_plddt),
      .resolved = OF3_RESHAPE(cx, of3_norm_linear(cx, s, w->resolved.norm, w->resolved.linear, OF3_ACT_NONE),
                              all, n, places, 2),
      .pde = symmetric_logits(r, z, &w->pde),
      .pae = of3_norm_linear(cx, z, w->pae.norm, w->pae.linear, OF3_ACT_NONE)};
}

/* Confidence of samples first .. first + G - 1 of x. */
static void confidence_group(const of3_run *r, const of3_trunk *t, const of3_tensor *x, int first,
                             const of3_tensor *representative, const head_tables *tables, const decoding *d,
                             const of3_prediction *out) {
  of3_ctx *cx = r->cx;
  of3_tensor *sc, *zc;
  confidence_stack(r, t, x, first, representative, &sc, &zc);
  for (int b = 0; b < r->in.n; b++) {
    of3_scope scope = of3_scope_begin(cx);
    run_heads(r, b, sc, zc, first, tables, &d[b], &out[b]);
    of3_scope_end(cx, scope);
  }
}

int of3_confidence_group(int64_t pairs, int samples) {
  const int64_t fit = GROUP_PAIRS / pairs;
  return fit < 1 ? 1 : fit < samples ? (int)fit : samples;
}

void of3_confidence(const of3_run *r, const of3_trunk *t, const of3_tensor *x, of3_prediction *out) {
  of3_ctx *cx = r->cx;
  int64_t n = r->in.n_token, samples = x->shape[0], group = r->economy.confidence_samples;
  if (!group) group = of3_confidence_group(r->in.n * n * n, (int)samples);
  const of3_tensor *representative = representative_atoms(r);
  const head_tables tables = {.pae = centres(r, r->c->bins_pae, 32),
                              .pde = centres(r, r->c->bins_pde, 32),
                              .plddt = centres(r, r->c->bins_plddt, 100)};
  const decoding *d = make_decodings(r);
  const of3_trunk given = detached_trunk(r, t);
  if (cx->error.code != OF3_OK) return;
  for (int64_t first = 0; first < samples; first += group) {
    of3_progress(r, "confidence", (int)first, (int)samples);
    of3_scope scope = of3_scope_begin(cx);
    of3_tensor *part = of3_narrow(cx, x, first, first + group < samples ? group : samples - first);
    confidence_group(r, &given, part, (int)first, representative, &tables, d, out);
    of3_scope_end(cx, scope);
  }
  of3_progress(r, "confidence", (int)samples, (int)samples);
}
