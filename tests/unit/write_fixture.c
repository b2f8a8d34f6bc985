#define _XOPEN_SOURCE 700
#include "write_fixture.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "feat/build.h"
#include "molecules_json.h"

char *fixture_file(const fixture *fx, const char *name, size_t *ret_size) {
  return gunzip(fx->arena, of3_arena_printf(fx->arena, "tests/fixtures/write/%s/%s.gz", fx->name, name),
                ret_size);
}

static int int_at(const json_t *row, size_t k) { return (int)json_integer_value(json_array_get(row, k)); }

static int32_t *int_feature(fixture *fx, const char *name) {
  const json_t *row = json_object_get(json_object_get(fx->doc, "tokens"), name);
  int n = (int)json_array_size(row);
  int32_t *out = OF3_ARENA_NEW(fx->arena, int32_t, n);
  for (int k = 0; k < n; k++) out[k] = int_at(row, (size_t)k);
  fx->features.n_token = n;
  return out;
}

static uint8_t *flag_feature(fixture *fx, const char *name) {
  const int32_t *v = int_feature(fx, name);
  uint8_t *out = OF3_ARENA_NEW(fx->arena, uint8_t, fx->features.n_token);
  for (int k = 0; k < fx->features.n_token; k++) out[k] = (uint8_t)v[k];
  return out;
}

static float *ones(of3_arena *arena, int n) {
  float *out = OF3_ARENA_NEW(arena, float, n);
  for (int k = 0; k < n; k++) out[k] = 1;
  return out;
}

static void read_features(fixture *fx) {
  of3_features *f = &fx->features;
  f->asym_id = int_feature(fx, "asym_id");
  f->num_atoms_per_token = int_feature(fx, "num_atoms_per_token");
  f->start_atom_index = int_feature(fx, "start_atom_index");
  f->is_protein = flag_feature(fx, "is_protein");
  f->is_rna = flag_feature(fx, "is_rna");
  f->is_dna = flag_feature(fx, "is_dna");
  f->is_ligand = flag_feature(fx, "is_ligand");
  f->is_atomized = flag_feature(fx, "is_atomized");
  f->n_atom = fx->complex.n_atom;
  f->token_mask = ones(fx->arena, f->n_token);
  f->atom_mask = ones(fx->arena, f->n_atom);
  f->restype = OF3_ARENA_NEW(fx->arena, uint8_t, f->n_token);
  for (int t = 0; t < f->n_token; t++) {
    const int residue = fx->complex.atom[f->start_atom_index[t]].residue;
    const of3_component *c = of3_standard_residue(fx->complex.residue[residue].name);
    f->restype[t] = c ? c->restype : OF3_CLASS_UNK;
  }
  f->arena = fx->arena;
  assert_int_equal(of3_features_set_roles(f, &(of3_error){0}), OF3_OK);
  f->arena = NULL;
}

static float *next_tensor(fixture *fx, const float **at, const char *name) {
  const json_t *shape = json_object_get(json_object_get(fx->doc, "tensors"), name);
  size_t n = 1;
  for (size_t k = 0; k < json_array_size(shape); k++) n *= (size_t)int_at(shape, k);
  float *out = OF3_ARENA_NEW(fx->arena, float, n);
  memcpy(out, *at, n * sizeof *out);
  *at += n;
  return out;
}

static void read_tensors(fixture *fx) {
  size_t size = 0;
  const float *at = (const float *)(const void *)fixture_file(fx, "tensors.bin", &size);
  assert_non_null(at);
  const float *end = at + size / sizeof *at;
  fx->p = (of3_prediction){.n_sample = (int)json_integer_value(json_object_get(fx->doc, "samples")),
                           .n_token = fx->features.n_token,
                           .n_atom = fx->complex.n_atom};
  fx->p.x = next_tensor(fx, &at, "x");
  fx->p.plddt = next_tensor(fx, &at, "plddt");
  fx->p.pae = next_tensor(fx, &at, "pae");
  fx->p.pde = next_tensor(fx, &at, "pde");
  fx->p.contact = next_tensor(fx, &at, "contact");
  fx->p.tm = next_tensor(fx, &at, "tm");
  fx->p.tm_chains = next_tensor(fx, &at, "tm_chains");
  fx->sasa = next_tensor(fx, &at, "sasa");
  assert_ptr_equal(at, end);
}

void fixture_open(fixture *fx, const char *name) {
  char path[256];
  json_error_t where;
  *fx = (fixture){.name = name, .arena = of3_arena_new(0)};
  snprintf(path, sizeof path, "tests/fixtures/write/%s/complex.json", name);
  fx->doc = json_load_file(path, 0, &where);
  if (!fx->doc) fail_msg("%s: %s", path, where.text);
  molecules_from_json(fx->doc, fx->arena, &fx->complex);
  assert_int_equal(of3_ccd_library_open(NULL, &fx->library, &(of3_error){0}), OF3_OK);
  molecules_find_components(fx->library, fx->arena, &fx->complex);
  fx->complex.name = name;
  read_features(fx);
  read_tensors(fx);
}

void fixture_close(fixture *fx) {
  of3_ccd_library_close(fx->library);
  json_decref(fx->doc);
  of3_arena_free(fx->arena);
}

static float score(const json_t *of, const char *name, int sample) {
  const json_t *v = json_array_get(json_object_get(of, name), (size_t)sample);
  if (!json_is_number(v)) fail_msg("no score %s", name);
  return (float)json_number_value(v);
}

of3_scores fixture_scores(const fixture *fx, const char *release, int sample) {
  const json_t *of = json_object_get(json_object_get(fx->doc, "scores"), release);
  size_t n = (size_t)fx->complex.n_chain;
  of3_scores s = {.avg_plddt = score(of, "avg_plddt", sample),
                  .gpde = score(of, "gpde", sample),
                  .ptm = score(of, "ptm", sample),
                  .iptm = score(of, "iptm", sample),
                  .disorder = score(of, "disorder", sample),
                  .has_clash = score(of, "has_clash", sample),
                  .sample_ranking_score = score(of, "sample_ranking_score", sample),
                  .n_chain = (int)n};
  s.chain_ptm = OF3_ARENA_NEW(fx->arena, float, n);
  s.chain_pair_iptm = OF3_ARENA_NEW(fx->arena, float, n *n);
  s.bespoke_iptm = OF3_ARENA_NEW(fx->arena, float, n *n);
  s.chain_iptm = OF3_ARENA_NEW(fx->arena, float, n); /* the fixture has none of AlphaFold 3's: 0 */
  s.chain_plddt = OF3_ARENA_NEW(fx->arena, float, n);
  s.chain_pair_pae_min = OF3_ARENA_NEW(fx->arena, float, n *n);
  for (size_t a = 0; a < n; a++) {
    s.chain_ptm[a] = score(of, of3_arena_printf(fx->arena, "chain_ptm/%zu", a + 1), sample);
    for (size_t b = a + 1; b < n; b++) {
      const char *pair = of3_arena_printf(fx->arena, "chain_pair_iptm/%zu,%zu", a + 1, b + 1);
      const char *bespoke = of3_arena_printf(fx->arena, "bespoke_iptm/%zu,%zu", a + 1, b + 1);
      s.chain_pair_iptm[a * n + b] = s.chain_pair_iptm[b * n + a] = score(of, pair, sample);
      s.bespoke_iptm[a * n + b] = s.bespoke_iptm[b * n + a] = score(of, bespoke, sample);
    }
  }
  return s;
}

char *new_folder(of3_arena *arena) {
  char *path = of3_arena_strdup(arena, "/tmp/of3-test-XXXXXX");
  assert_non_null(mkdtemp(path));
  return path;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at) {
  (void)st, (void)kind, (void)at;
  return remove(path);
}

void remove_folder(const char *path) { nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS); }

char *read_all(of3_arena *arena, const char *path, size_t *ret_size) {
  char *text = NULL;
  of3_error err = {0};
  if (of3_read_file(path, 1 << 26, arena, &text, ret_size, &err) != OF3_OK) fail_msg("%s", err.text);
  return text;
}
