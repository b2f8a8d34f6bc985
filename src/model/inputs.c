/* The features of a batch of complexes as tensors, and what follows from them alone: masks, relative
 * positions, atom windows, which template slots differ. */
#include <stddef.h>
#include <string.h>

#include "model/run.h"
#include "tensor/pairs.h"

enum { Q = OF3_WINDOW_QUERIES, K = OF3_WINDOW_KEYS };

/* ---- Features as they are, padded */

/* Rows and numbers of a row of a feature, in one complex or in the batch. */
typedef struct feature_size {
  int64_t rows, columns;
} feature_size;

static feature_size size_of_feature(of3_feature_axes axes, int64_t width, int64_t tokens, int64_t atoms) {
  const int64_t each = width ? width : 1;
  return (feature_size){axes == OF3_OF_TOKENS ? tokens : atoms, each};
}

static const char *feature_array(const of3_features *f, size_t member) {
  const char *array;
  memcpy(&array, (const char *)f + member, sizeof array);
  return array;
}

/* Rows of `from`, `own` of them, as the first ones of a larger array. */
static void copy_padded(char *to, feature_size all, const char *from, feature_size own, size_t element) {
  for (int64_t i = 0; from && i < own.rows; i++)
    memcpy(to + (size_t)(i * all.columns) * element, from + (size_t)(i * own.columns) * element,
           (size_t)own.columns * element);
}

of3_tensor *of3_share_feature(const of3_run *r, of3_dtype type, size_t member, of3_feature_axes axes,
                              int64_t width) {
  const of3_inputs *in = &r->in;
  const feature_size all = size_of_feature(axes, width, in->n_token, in->n_atom);
  const int64_t shape[] = {in->n, all.rows, all.columns};
  const int rank = width ? 3 : 2;
  const size_t element = of3_dtype_size(type);
  char *image;
  if (in->n == 1) return of3_share_host(r->cx, type, rank, shape, feature_array(in->f[0], member));
  of3_tensor *t = of3_stage(r->cx, type, rank, shape, &image);
  for (int b = 0; image && b < in->n; b++) {
    const of3_features *f = in->f[b];
    copy_padded(image + (size_t)(b * all.rows * all.columns) * element, all, feature_array(f, member),
                size_of_feature(axes, width, f->n_token, f->n_atom), element);
  }
  of3_staged(r->cx, t);
  return t;
}
#define SHARE(r, type, member, axes) of3_share_feature((r), (type), offsetof(of3_features, member), (axes), 0)

/* Whether complexes differ in size, so that some are padded. */
static bool tokens_are_padded(const of3_inputs *in) {
  for (int b = 0; b < in->n; b++)
    if (in->f[b]->n_token != in->n_token) return true;
  return false;
}

static bool atoms_are_padded(const of3_inputs *in) {
  for (int b = 0; b < in->n; b++)
    if (in->f[b]->n_atom != in->n_atom) return true;
  return false;
}

static bool is_masked(const float *mask, int n) {
  for (int i = 0; i < n; i++)
    if (mask[i] != 1) return true;
  return false;
}

static of3_tensor *make_token_mask(const of3_run *r) {
  bool any = tokens_are_padded(&r->in);
  for (int b = 0; b < r->in.n; b++) any |= is_masked(r->in.f[b]->token_mask, r->in.f[b]->n_token);
  return any ? SHARE(r, OF3_F32, token_mask, OF3_OF_TOKENS) : NULL;
}

static of3_tensor *make_atom_mask(const of3_run *r) {
  bool any = atoms_are_padded(&r->in);
  for (int b = 0; b < r->in.n; b++) any |= is_masked(r->in.f[b]->atom_mask, r->in.f[b]->n_atom);
  return any ? SHARE(r, OF3_F32, atom_mask, OF3_OF_ATOMS) : NULL;
}

/* [B,A]: atom_mask * token_mask of the atom's token, or NULL. */
static of3_tensor *make_atom_token_mask(const of3_run *r) {
  const of3_inputs *in = &r->in;
  float *image;
  if (!in->token_mask) return in->atom_mask;
  of3_tensor *t = OF3_STAGE(r->cx, &image, OF3_F32, in->n, in->n_atom);
  for (int b = 0; image && b < in->n; b++) {
    const of3_features *f = in->f[b];
    for (int a = 0; a < f->n_atom; a++)
      image[b * in->n_atom + a] = f->atom_mask[a] * f->token_mask[f->atom_to_token_index[a]];
  }
  of3_staged(r->cx, t);
  return t;
}

/* Bonds between tokens [B,bonds,2]; behind those that a complex has come pairs of -1. */
static of3_tensor *make_bonds(const of3_run *r) {
  const of3_inputs *in = &r->in;
  int64_t most = 0;
  int32_t *image;
  for (int b = 0; b < in->n; b++) most = in->f[b]->n_bond > most ? in->f[b]->n_bond : most;
  if (!most) return NULL;
  if (in->n == 1) return OF3_SHARE_HOST(r->cx, OF3_I32, in->f[0]->token_bonds, 1, most, 2);
  of3_tensor *t = OF3_STAGE(r->cx, &image, OF3_I32, in->n, most, 2);
  for (int b = 0; image && b < in->n; b++)
    for (int64_t i = 0; i < 2 * most; i++)
      image[b * 2 * most + i] = i < 2 * (int64_t)in->f[b]->n_bond ? in->f[b]->token_bonds[i] : -1;
  of3_staged(r->cx, t);
  return t;
}

/* ---- Relative positions and windows */

/* The rank of each token in its ring and the ring's length (docs/model.md 4.1), into places [N]; those of
 * tokens in no ring stay 0. */
static void find_rings(const of3_features *f, int32_t *place) {
  for (int i = 0; i < f->n_token; i++, place += OF3_N_PLACE) {
    if (!f->cyclic_mask[i]) continue;
    for (int j = 0; j < f->n_token; j++) {
      const bool same = f->cyclic_mask[j] && f->asym_id[j] == f->asym_id[i];
      place[OF3_PLACE_RANK] += same && j < i;
      place[OF3_PLACE_LENGTH] += same;
    }
  }
}

/* What relative positions (AF3 SI Alg. 3) follow from, of one complex: [N,OF3_N_PLACE]. */
static void find_places(const of3_features *f, bool rings, int32_t *place) {
  for (int i = 0; i < f->n_token; i++) {
    int32_t *at = place + (int64_t)i * OF3_N_PLACE;
    at[OF3_PLACE_RESIDUE] = f->residue_index[i];
    at[OF3_PLACE_TOKEN] = f->token_index[i];
    at[OF3_PLACE_ASYM] = f->asym_id[i];
    at[OF3_PLACE_ENTITY] = f->entity_id[i];
    at[OF3_PLACE_SYM] = f->sym_id[i];
  }
  if (rings && f->cyclic_mask) find_rings(f, place);
}

static of3_tensor *make_places(const of3_run *r) {
  const of3_inputs *in = &r->in;
  int32_t *place;
  of3_tensor *t = OF3_STAGE(r->cx, &place, OF3_I32, in->n, in->n_token, OF3_N_PLACE);
  for (int b = 0; place && b < in->n; b++)
    find_places(in->f[b], r->net->switches.cyclic, place + b * in->n_token * OF3_N_PLACE);
  of3_staged(r->cx, t);
  return t;
}

/* First key of block b (docs/model.md 5.3). real: number of real atoms. */
static int first_key(int b, int real, bool slides) {
  int low = Q * b - (K - Q) / 2;
  if (!slides) return low;
  if (low < 0) return 0;
  return low + K > real ? real - K : low;
}

static void window_mask(const of3_features *f, int b, int low, int end, float *out) {
  for (int q = 0; q < Q; q++)
    for (int k = 0; k < K; k++) {
      int l = Q * b + q, m = low + k;
      bool real = l < f->n_atom && m >= 0 && m < end;
      out[q * K + k] = real ? f->atom_mask[l] * f->atom_mask[m] : 0;
    }
}

static int count_real_atoms(const of3_features *f) {
  int real = 0;
  for (int a = 0; a < f->n_atom; a++) real += f->atom_mask[a] > 0;
  return real;
}

/* Windows lie as the complex's own atoms want, whatever it is padded to. */
static of3_windows make_windows(const of3_run *r) {
  const of3_inputs *in = &r->in;
  const int blocks = (int)((in->n_atom + Q - 1) / Q);
  const bool slides = r->net->switches.window_slides;
  int32_t *low;
  float *mask;
  of3_windows w = {.low = OF3_STAGE(r->cx, &low, OF3_I32, in->n, blocks)};
  for (int c = 0; low && c < in->n; c++) {
    const int real = count_real_atoms(in->f[c]);
    for (int b = 0; b < blocks; b++) low[c * blocks + b] = first_key(b, real, slides);
  }
  of3_staged(r->cx, w.low);
  w.mask = OF3_STAGE(r->cx, &mask, OF3_F32, in->n, blocks, Q, K);
  for (int c = 0; mask && c < in->n; c++) {
    const of3_features *f = in->f[c];
    const int real = count_real_atoms(f);
    for (int b = 0; b < blocks; b++)
      window_mask(f, b, first_key(b, real, slides), slides ? real : f->n_atom,
                  mask + ((int64_t)c * blocks + b) * Q * K);
  }
  of3_staged(r->cx, w.mask);
  return w;
}

/* ---- templates */

static bool same_slot(const of3_features *f, int a, int b) {
  size_t n = (size_t)f->n_token, pairs = n * n;
#define SAME(array, width)                                                                                   \
  (!memcmp((array) + (size_t)a * (width), (array) + (size_t)b * (width), (width) * sizeof *(array)))
  return SAME(f->template_restype, n) && SAME(f->template_pseudo_beta_mask, n) &&
         SAME(f->template_backbone_frame_mask, n) &&
         (!f->template_beta || (SAME(f->template_beta, 3 * n) && SAME(f->template_frame, 9 * n))) &&
         (!f->template_distogram || SAME(f->template_distogram, pairs)) &&
         (!f->template_unit_vector || SAME(f->template_unit_vector, 3 * pairs));
#undef SAME
}

static of3_slots find_slots(const of3_run *r, const of3_features *f) {
  of3_slots s = {.first = OF3_RUN_NEW(r, int, f->n_templ), .times = OF3_RUN_NEW(r, int, f->n_templ)};
  for (int t = 0; s.first && s.times && t < f->n_templ; t++) {
    int k = 0;
    while (k < s.n && (r->dropout || !same_slot(f, s.first[k], t))) k++; /* dropout tells equal ones apart */
    if (k == s.n) s.first[s.n++] = t;
    s.times[k]++;
  }
  return s;
}

static bool slot_is_empty(const of3_features *f, int t) {
  const float *beta = f->template_pseudo_beta_mask + (int64_t)t * f->n_token,
              *frame = f->template_backbone_frame_mask + (int64_t)t * f->n_token;
  if (f->template_distogram || f->template_unit_vector) return false;
  for (int i = 0; i < f->n_token; i++)
    if (beta[i] != 0 || frame[i] != 0) return false;
  return true;
}

/* A feature of slots: of tokens, or of pairs of them. */
typedef struct slot_feature {
  of3_dtype type;
  size_t member;
  bool of_pairs;
  int64_t width; /* numbers for each, and an axis if more than 1 */
  int padding;   /* byte */
} slot_feature;

static feature_size size_of_slot(const slot_feature *s, int64_t tokens) {
  return (feature_size){s->of_pairs ? tokens : 1, tokens * s->width};
}

/* [D,B,N], [D,B,N,N] or that with an axis `width`, into image. */
static void copy_slots(const of3_inputs *in, const slot_feature *s, char *image) {
  const size_t element = of3_dtype_size(s->type);
  const feature_size all = size_of_slot(s, in->n_token);
  const size_t each = (size_t)(all.rows * all.columns) * element;
  if (s->padding) memset(image, s->padding, (size_t)(in->n_slot * in->n) * each);
  for (int k = 0; k < in->n_slot; k++)
    for (int b = 0; b < in->n; b++) {
      const of3_slots *slots = &in->of_complex[b];
      const feature_size own = size_of_slot(s, in->f[b]->n_token);
      const char *array = feature_array(in->f[b], s->member);
      if (k >= slots->n || !array) continue;
      copy_padded(image + (size_t)(k * in->n + b) * each, all,
                  array + (size_t)(slots->first[k] * own.rows * own.columns) * element, own, element);
    }
}

/* NULL: no complex has it. Where slots lie as they are wanted they stay there. */
static of3_tensor *make_slots(const of3_run *r, const slot_feature *s) {
  const of3_inputs *in = &r->in;
  const int64_t n = in->n_token;
  const int64_t shape[] = {in->n_slot, in->n, n, s->of_pairs ? n : s->width, s->width};
  const int rank = 3 + s->of_pairs + (s->width > 1 || !s->of_pairs);
  bool any = false, as_wanted = in->n == 1;
  char *image;
  for (int b = 0; b < in->n; b++) {
    any |= feature_array(in->f[b], s->member) != NULL;
    as_wanted &= feature_array(in->f[b], s->member) != NULL;
  }
  for (int k = 0; as_wanted && k < in->n_slot; k++) as_wanted = in->of_complex[0].first[k] == k;
  if (!any) return NULL;
  if (as_wanted) return of3_share_host(r->cx, s->type, rank, shape, feature_array(in->f[0], s->member));
  of3_tensor *t = of3_stage(r->cx, s->type, rank, shape, &image);
  if (image) copy_slots(in, s, image);
  of3_staged(r->cx, t);
  return t;
}

/* The same of a mask of tokens, [D,B,N]. */
static of3_tensor *make_slot_mask(const of3_run *r, size_t member) {
  const slot_feature mask = {OF3_F32, member, false, 1, 0};
  const of3_tensor *t = make_slots(r, &mask);
  return OF3_RESHAPE(r->cx, t, r->in.n_slot, r->in.n, r->in.n_token);
}

/* The places of the tokens of slots [D,B,N,OF3_N_TEMPLATE_PLACE]; NULL: no complex has coordinates. A complex
 * without, and what is padded, has places of 0, whose pairs have neither bins nor unit vectors. */
static of3_tensor *make_template_places(const of3_run *r) {
  const of3_inputs *in = &r->in;
  const int64_t each = in->n_token * OF3_N_TEMPLATE_PLACE;
  float *image;
  bool any = false;
  for (int b = 0; b < in->n; b++) any |= in->f[b]->template_beta != NULL;
  if (!any) return NULL;
  of3_tensor *t = OF3_STAGE(r->cx, &image, OF3_F32, in->n_slot, in->n, in->n_token, OF3_N_TEMPLATE_PLACE);
  for (int k = 0; image && k < in->n_slot; k++)
    for (int b = 0; b < in->n; b++) {
      const of3_features *f = in->f[b];
      const of3_slots *s = &in->of_complex[b];
      if (k >= s->n || !f->template_beta) continue;
      const int64_t slot = (int64_t)s->first[k] * f->n_token;
      const of3_template_atoms atoms = {.beta_mask = f->template_pseudo_beta_mask + slot,
                                        .frame_mask = f->template_backbone_frame_mask + slot,
                                        .beta = f->template_beta + 3 * slot,
                                        .frame = f->template_frame + 9 * slot,
                                        .opt_asym = f->template_across_chains ? NULL : f->asym_id};
      of3_template_places(&atoms, f->n_token, image + (k * in->n + b) * each);
    }
  of3_staged(r->cx, t);
  return t;
}

static void make_templates(of3_run *r) {
  const slot_feature restype = {OF3_U8, offsetof(of3_features, template_restype), false, 1, 0},
                     unit = {OF3_F32, offsetof(of3_features, template_unit_vector), true, 3, 0},
                     bin = {OF3_U8, offsetof(of3_features, template_distogram), true, 1, OF3_NO_CLASS};
  of3_inputs *in = &r->in;
  bool empty = true;
  in->of_complex = OF3_RUN_NEW(r, of3_slots, in->n);
  for (int b = 0; in->of_complex && b < in->n; b++) {
    of3_slots *s = &in->of_complex[b];
    *s = find_slots(r, in->f[b]);
    for (int k = 0; k < s->n; k++) empty &= slot_is_empty(in->f[b], s->first[k]);
    if (s->n > in->n_slot) in->n_slot = s->n;
  }
  if (r->cx->error.code != OF3_OK || !in->n_slot) return;
  in->slot_restype = make_slots(r, &restype);
  if (empty) return;
  in->slot_shape.beta = make_slot_mask(r, offsetof(of3_features, template_pseudo_beta_mask));
  in->slot_shape.frame = make_slot_mask(r, offsetof(of3_features, template_backbone_frame_mask));
  in->slot_shape.opt_place = make_template_places(r);
  in->slot_shape.opt_unit = make_slots(r, &unit);
  in->slot_shape.opt_bin = make_slots(r, &bin);
}

/* ---- all of it */

/* Complexes with fewer rows than others have masked ones below. */
static bool alignment_is_masked(const of3_inputs *in) {
  bool masked = tokens_are_padded(in);
  for (int b = 0; b < in->n; b++) masked |= in->f[b]->n_msa != in->f[0]->n_msa || in->f[b]->msa_masked;
  return masked;
}

static void find_sizes(of3_inputs *in) {
  for (int b = 0; b < in->n; b++) {
    const of3_features *f = in->f[b];
    if (f->n_token > in->n_token) in->n_token = f->n_token;
    if (f->n_atom > in->n_atom) in->n_atom = f->n_atom;
    if (f->n_msa > in->n_msa) in->n_msa = f->n_msa;
  }
}

void of3_make_inputs(of3_run *r, int n, const of3_features *const *f) {
  of3_inputs *in = &r->in;
  *in = (of3_inputs){.n = n, .f = f};
  find_sizes(in);
  in->token_mask = make_token_mask(r);
  in->place = make_places(r);
  in->token_bonds = make_bonds(r);
  in->asym = SHARE(r, OF3_I32, asym_id, OF3_OF_TOKENS);
  in->atom_mask = make_atom_mask(r);
  in->atom_token = SHARE(r, OF3_I32, atom_to_token_index, OF3_OF_ATOMS);
  in->token_start = SHARE(r, OF3_I32, start_atom_index, OF3_OF_TOKENS);
  in->token_count = SHARE(r, OF3_I32, num_atoms_per_token, OF3_OF_TOKENS);
  in->atom_token_mask = make_atom_token_mask(r);
  in->windows = make_windows(r);
  in->msa_masked = alignment_is_masked(in);
  make_templates(r);
}
