/* Fixtures of tests/fixtures/training (tools/make_training_fixtures.py). */
#ifndef OF3_TESTS_TRAINING_FIXTURE_H
#define OF3_TESTS_TRAINING_FIXTURE_H

#include "feat/features.h"
#include "io/safetensors.h"

typedef struct training_fixture {
  of3_table table;
  of3_features features; /* what losses and alignment look at; arrays lie in the table or the arena */
  of3_arena *arena;
} training_fixture;

/* tests/fixtures/training/NAME.safetensors; fails the test if it cannot be read. prefix: "feat/" of the
 * features, NULL: there are none. */
void open_training_fixture(training_fixture *t, const char *name, const char *prefix);
void close_training_fixture(training_fixture *t);
/* Features from the tensors whose names begin with the prefix. */
of3_features fixture_features(training_fixture *t, const char *prefix);

/* The entry of that name; fails the test if there is none. */
const of3_entry *fixture_entry(const training_fixture *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
const float *fixture_f32(const training_fixture *t, const char *name);
double fixture_number(const of3_entry *e, int64_t i);

/* The largest difference between n numbers and those of the entry, relative to the largest of these. NaN
 * equals NaN. */
double fixture_deviation(const of3_entry *e, const float *x);
double fixture_deviation_f64(const of3_entry *e, const double *x);

#endif
