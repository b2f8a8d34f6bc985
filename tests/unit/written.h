/* The results of a fixture (write_fixture.h) written into a new folder, for the tests of what lies there. */
#ifndef OF3_TEST_WRITTEN_H
#define OF3_TEST_WRITTEN_H

#include <stdbool.h>

#include "write/replacement.h"
#include "write/seed_files.h"
#include "write_fixture.h"

typedef struct written {
  fixture fx;
  char *out; /* the output folder; results are at home in it */
  of3_replacement stage;
  of3_seed_output o;
  of3_scores *scores;
  of3_manifest m;
} written;

/* Opens the fixture `name` and computes its scores; write_seed writes it, write_case does both. */
void open_case(written *w, const char *name, of3_structure_format format, of3_full_confidences full);
of3_status write_seed(written *w, of3_error *err);
void write_case(written *w, const char *name, of3_structure_format format, of3_full_confidences full);
void clean(written *w);

/* Files of folders. */
bool exists(of3_arena *arena, const char *folder, const char *name);
void has_text(of3_arena *arena, const char *folder, const char *name, const char *wanted);
void put(const written *w, const char *folder, const char *name, const char *text);

/* A file in the folder of the results: its text, "" if there is none; whether it is the fixture's `wanted`.
 */
const char *result_text(const written *w, const char *name);
void same_as_fixture(const written *w, const char *name, const char *wanted);

#endif
