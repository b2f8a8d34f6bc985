/* A case of tests/fixtures/write (made by tools/make_output_fixtures.py). */
#ifndef OF3_TEST_WRITE_FIXTURE_H
#define OF3_TEST_WRITE_FIXTURE_H

#include <jansson.h>
#include <stddef.h>

#include "base/arena.h"
#include "ccd/ccd_library.h"
#include "chem/complex.h"
#include "feat/features.h"
#include "model/prediction.h"
#include "score/scores.h"

typedef struct fixture {
  const char *name;
  of3_arena *arena; /* owns everything but doc */
  json_t *doc;
  of3_ccd_library *library; /* of the built-in components */
  of3_complex complex;
  of3_features features; /* only what the scores read */
  of3_prediction p;
  float *sasa; /* [A] of the first sample */
} fixture;

/* Fails the test if anything is wrong. */
void fixture_open(fixture *fx, const char *name);
void fixture_close(fixture *fx);

/* The scores of one sample that a release ("0.5.0") computed; in the arena of the fixture. */
of3_scores fixture_scores(const fixture *fx, const char *release, int sample);

/* A gzipped file of the case, unpacked and terminated; NULL if there is none. */
char *fixture_file(const fixture *fx, const char *name, size_t *ret_size);

/* A folder made for the test, in the arena; removed by remove_folder. */
char *new_folder(of3_arena *arena);
void remove_folder(const char *path);

/* The whole file, terminated, in the arena. Fails the test if it cannot be read. */
char *read_all(of3_arena *arena, const char *path, size_t *ret_size);

#endif
