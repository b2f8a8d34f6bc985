/* One sample. The entry is built into a complex up to three times: as it is in the set; without the chains
 * that are not looked at; with the chains of copies in one order. The last two are rare. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "feat/build.h"
#include "train/sample_parts.h"
#include "train/truth.h"

typedef struct builder {
  const of3_sample_source *s;
  const of3_sample_set *set;
  of3_sample_draw draw;
  of3_arena *arena; /* of the entry; the sample has its own */
  of3_set_entry entry;
  int32_t point[2]; /* chains of the entry that the sample is about */
  of3_complex complex;
  of3_tokens tokens;
  float *xyz;
  bool *resolved, *keep;
  of3_molecules molecules;
  of3_sample *out;
} builder;

static of3_variant variant_of(const of3_protocol *p) {
  if (p->release == OF3_RELEASE_031) return OF3_P1;
  return p->release == OF3_RELEASE_04 ? OF3_P2 : OF3_OB;
}

static of3_stream stream_of(const builder *b, of3_purpose purpose) {
  return (of3_stream){b->draw.seed, purpose, 0, 0};
}

/* ---- The entry and its complex */

static of3_status read_entry(builder *b, of3_error *err) {
  const of3_set *set = b->s->set[b->draw.set];
  b->point[0] = b->point[1] = OF3_SET_NO_CHAIN;
  if (b->draw.point >= 0) {
    const of3_point p = of3_set_point(set, b->draw.point);
    b->point[0] = p.chain[0];
    b->point[1] = p.chain[1];
  }
  OF3_TRY(of3_set_read(set, b->draw.entry, b->arena, &b->entry, err));
  snprintf(b->out->name, sizeof b->out->name, "%s", b->entry.query.name);
  return OF3_OK;
}

static void forget_complex(builder *b) {
  of3_tokens_free(&b->tokens);
  of3_complex_free(&b->complex);
}

static of3_status build_complex(builder *b, of3_error *err) {
  forget_complex(b);
  OF3_TRY(of3_set_entry_build(&b->entry, b->s->o.opt_library, b->arena, &b->complex, err));
  OF3_TRY(of3_tokens_build(&b->complex, &b->tokens, err));
  b->xyz = OF3_ARENA_NEW(b->arena, float, 3 * (size_t)b->complex.n_atom);
  b->resolved = OF3_ARENA_NEW(b->arena, bool, b->complex.n_atom);
  b->keep = OF3_ARENA_NEW(b->arena, bool, b->tokens.n);
  if (!b->xyz || !b->resolved || !b->keep) return of3_fail_memory(err, "a sample");
  of3_set_entry_place(&b->entry, &b->complex, b->xyz, b->resolved);
  return OF3_OK;
}

/* The entry with these of its chains, in this order; the point's chains are among them. */
static of3_status select_chains(builder *b, const int32_t *chain, int n, of3_error *err) {
  of3_set_entry selected;
  OF3_TRY(of3_set_entry_select(&b->entry, chain, n, b->arena, &selected, err));
  b->entry = selected;
  for (int k = 0; k < 2; k++)
    for (int i = 0; i < n; i++)
      if (b->point[k] == chain[i]) {
        b->point[k] = i;
        break;
      }
  return build_complex(b, err);
}

static of3_crop_input crop_input(const builder *b) {
  return (of3_crop_input){&b->complex, &b->tokens, b->xyz, b->resolved, b->point};
}

static of3_status crop_chains(builder *b, of3_error *err) {
  const of3_crop_input in = crop_input(b);
  bool *keep = OF3_ARENA_NEW(b->arena, bool, b->complex.n_chain);
  int32_t *chain = OF3_ARENA_NEW(b->arena, int32_t, b->complex.n_chain);
  int n = 0;
  if (!keep || !chain) return of3_fail_memory(err, "a sample");
  OF3_TRY(of3_crop_choose_chains(&in, &b->set->crop, stream_of(b, OF3_RANDOM_CHAINS), keep, err));
  for (int i = 0; i < b->complex.n_chain; i++)
    if (keep[i]) chain[n++] = i;
  return n == b->complex.n_chain ? OF3_OK : select_chains(b, chain, n, err);
}

static of3_status order_chains(builder *b, of3_error *err) {
  OF3_TRY(of3_molecules_find(&b->complex, b->arena, &b->molecules, err));
  if (!b->molecules.moves) return OF3_OK;
  OF3_TRY(select_chains(b, b->molecules.order, b->complex.n_chain, err));
  return of3_molecules_find(&b->complex, b->arena, &b->molecules, err);
}

/* ---- The crop, its features and its truth */

static of3_status choose_tokens(builder *b, of3_error *err) {
  of3_crop_rules rules = b->set->crop;
  const of3_crop_input in = crop_input(b);
  if (b->draw.point < 0) rules.budget = b->tokens.n;
  OF3_TRY(of3_crop_choose(&in, &rules, stream_of(b, OF3_RANDOM_CROP), b->keep, &b->out->kind, err));
  if (b->draw.opt_keep) {
    memcpy(b->keep, b->draw.opt_keep, (size_t)b->tokens.n * sizeof *b->keep);
    b->out->kind = b->draw.kept_in_space ? OF3_CROP_SPATIAL : OF3_CROP_CONTIGUOUS;
  }
  for (int t = 0; t < b->tokens.n; t++)
    for (int a = 0; b->keep[t] && a < b->tokens.token[t].n_atom; a++)
      if (b->resolved[b->tokens.token[t].first_atom + a]) return OF3_OK;
  return of3_fail(err, OF3_ERR_INPUT, "no atom of the crop of '%s' has coordinates", b->out->name);
}

static of3_status make_features(builder *b, const of3_complex *crop, of3_error *err) {
  const of3_sample_options *o = &b->s->o;
  of3_feature_mode mode = of3_feature_mode_of(variant_of(o->protocol));
  const of3_msa_draw rows = {.seed = b->draw.seed, .rows = true};
  of3_query query;
  if (b->draw.point >= 0) of3_feature_mode_draw(&mode, &rows);
  mode.most_memory = o->most_memory;
  mode.opt_cancel = o->opt_cancel;
  mode.opt_library = o->opt_library;
  OF3_TRY(of3_crop_query(&b->entry.query, crop, b->arena, &query, err));
  OF3_TRY(of3_features_build(crop, &query, &mode, b->draw.seed, NULL, b->out->crop, err));
  b->out->all_rows = b->draw.point >= 0 && mode.variant == OF3_P1;
  return OF3_OK;
}

static of3_status make_crop(builder *b, of3_error *err) {
  of3_complex crop;
  int32_t *atom_of;
  OF3_TRY(of3_crop_take(&b->complex, &b->tokens, b->keep, &crop, &atom_of, err));
  const of3_status status = make_features(b, &crop, err);
  if (status == OF3_OK && b->draw.point < 0)
    b->out->complex = crop;
  else
    of3_complex_free(&crop);
  return status;
}

/* What the complex of a whole entry points to stays with the sample. */
static void keep_entry(builder *b) {
  b->out->entry_complex = b->complex;
  b->out->entry_arena = b->arena;
  b->complex = (of3_complex){0};
  b->arena = NULL;
}

static of3_status make_truth(builder *b, of3_error *err) {
  const of3_truth_input in = {.complex = &b->complex,
                              .tokens = &b->tokens,
                              .molecules = &b->molecules,
                              .xyz = b->xyz,
                              .resolved = b->resolved,
                              .keep = b->keep,
                              .in_crop_only =
                                  b->out->kind == OF3_CROP_SPATIAL || b->out->kind == OF3_CROP_INTERFACE};
  of3_sample *out = b->out;
  of3_truth truth;
  OF3_TRY(of3_truth_make(&in, out->arena, &truth, err));
  memcpy(out->crop->token_index, truth.crop_token, (size_t)out->crop->n_token * sizeof *truth.crop_token);
  out->entry = (of3_train_entry){
      .crop = truth.crop, .truth = truth.truth, .truth_x = truth.x, .resolved = truth.resolved};
  out->entry.crop.f = out->crop;
  return OF3_OK;
}

static void weigh(const builder *b) {
  const double resolution = (double)b->entry.resolution;
  b->out->entry.weights = of3_stage_weights(b->s->o.stage, b->s->o.protocol,
                                            resolution > 0 ? resolution : NAN, b->set->distilled);
  b->out->entry.protein_only = b->set->protein_only;
}

/* ---- */

static of3_status build(builder *b, of3_error *err) {
  OF3_TRY(read_entry(b, err));
  OF3_TRY(build_complex(b, err));
  if (b->draw.point >= 0) OF3_TRY(crop_chains(b, err));
  OF3_TRY(order_chains(b, err));
  OF3_TRY(choose_tokens(b, err));
  OF3_TRY(make_crop(b, err));
  OF3_TRY(make_truth(b, err));
  weigh(b);
  return of3_features_validate(b->out->crop, err);
}

void of3_sample_free(of3_sample *sample) {
  if (sample->crop) of3_features_free(sample->crop);
  of3_complex_free(&sample->complex);
  of3_complex_free(&sample->entry_complex);
  of3_arena_free(sample->entry_arena);
  of3_arena_free(sample->arena);
  *sample = (of3_sample){0};
}

of3_status of3_sample_build(const of3_sample_source *s, const of3_sample_draw *draw, of3_sample *out,
                            of3_error *err) {
  builder b = {.s = s, .set = &s->o.set[draw->set], .draw = *draw, .arena = of3_arena_new(0), .out = out};
  *out = (of3_sample){.set = draw->set, .point = draw->point, .seed = draw->seed, .arena = of3_arena_new(0)};
  if (out->arena) out->crop = OF3_ARENA_NEW(out->arena, of3_features, 1);
  of3_status status = b.arena && out->crop ? build(&b, err) : of3_fail_memory(err, "a sample");
  if (status == OF3_OK && draw->point < 0) keep_entry(&b);
  forget_complex(&b);
  of3_arena_free(b.arena);
  if (status != OF3_OK) of3_sample_free(out);
  return status;
}
