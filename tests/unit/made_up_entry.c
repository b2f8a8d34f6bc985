#include "made_up_entry.h"

#include <stdio.h>
#include <stdlib.h>

#include "feat/msa_rows.h"

static void fail(const of3_error *err) {
  fprintf(stderr, "made-up entry: %s\n", err->text);
  abort();
}

static of3_features features_of(int tokens, int rows) {
  static const char amino[] = "ARNDCQEGHILKMFPSTWYV";
  const of3_feature_mode mode = of3_feature_mode_of(OF3_OB);
  of3_query_set set = {0};
  of3_complex complex = {0};
  of3_features f = {0};
  of3_error err = {0};
  char *sequence = calloc((size_t)tokens + 1, 1);
  if (!sequence) abort();
  for (int i = 0; i < tokens; i++) sequence[i] = amino[(7 * i + 3) % 20];
  if (of3_query_from_sequence(sequence, "q", &set, &err) != OF3_OK ||
      of3_complex_build(&set.query[0], NULL, NULL, &complex, &err) != OF3_OK ||
      of3_features_build(&complex, &set.query[0], &mode, 1, NULL, &f, &err) != OF3_OK)
    fail(&err);
  of3_complex_free(&complex);
  of3_query_set_free(&set);
  free(sequence);
  const of3_msa_cells cells = {.class_ = OF3_ARENA_NEW(f.arena, uint8_t, tokens * rows)};
  for (int i = 0; i < tokens * rows; i++) cells.class_[i] = f.restype[i % tokens];
  if (of3_msa_from_cells(&f, rows, &cells, &err) != OF3_OK) fail(&err);
  return f;
}

/* Each conformer as it is. */
static void make_conformers(of3_features *f, of3_symmetric *crop) {
  const int n = f->ref_space_uid[f->n_atom - 1] + 1;
  of3_permutations *p = OF3_ARENA_NEW(f->arena, of3_permutations, n);
  int32_t *index = OF3_ARENA_NEW(f->arena, int32_t, f->n_atom);
  for (int a = 0; a < f->n_atom; a++) {
    of3_permutations *of = &p[f->ref_space_uid[a]];
    if (!of->n) *of = (of3_permutations){1, 0, index + a};
    index[a] = of->n_atom++;
  }
  crop->n_conformer = n;
  crop->conformer = p;
}

void make_up_entry(made_up *m, int tokens, int rows) {
  m->f = features_of(tokens, rows);
  of3_features *f = &m->f;
  int32_t *one = OF3_ARENA_NEW(f->arena, int32_t, tokens), *zero = OF3_ARENA_NEW(f->arena, int32_t, tokens);
  float *x = OF3_ARENA_NEW(f->arena, float, 3 * f->n_atom),
        *resolved = OF3_ARENA_NEW(f->arena, float, f->n_atom);
  for (int i = 0; i < tokens; i++) one[i] = 1;
  for (int a = 0; a < f->n_atom; a++) {
    for (int k = 0; k < 3; k++)
      x[3 * a + k] = f->ref_pos[3 * a + k] + (k == 0 ? 3.8F * (float)f->atom_to_token_index[a] : 0);
    resolved[a] = 1;
  }
  const of3_symmetric s = {.f = f, .entity = one, .copy = one, .component = f->residue_index, .token = zero};
  m->entry = (of3_train_entry){
      .crop = s,
      .truth = s,
      .truth_x = x,
      .resolved = resolved,
      .weights = of3_stage_weights(OF3_STAGE_INITIAL, of3_protocol_of(OF3_RELEASE_05), 2, false)};
  make_conformers(f, &m->entry.crop);
}
