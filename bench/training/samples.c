/* How long training samples take: samples SET CCD TOKENS SAMPLES THREADS
 *
 * Makes samples of a set as a training run does, twice: the second time RDKit's
 * conformers are at hand, as they are after a while. Prints seconds of
 * processor time, and of the clock, per sample. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "rdkit/chemistry.h"
#include "train/loader.h"

typedef struct totals {
  double tokens, atoms, rows, truth_atoms;
} totals;

static int fail(const of3_error *err) {
  fprintf(stderr, "samples: %s\n", err->text);
  return 1;
}

static int run(const of3_sample_source *source, int n, int threads, const char *what) {
  const of3_loader_options o = {
      .source = source, .seed = 1, .n_slot = 1, .n_thread = threads, .n_ahead = 2 * threads};
  of3_loader *loader;
  of3_error err = {0};
  totals sum = {0};
  const double begin = of3_seconds();
  const clock_t used = clock();
  if (of3_loader_open(&o, &loader, &err) != OF3_OK) return fail(&err);
  for (int i = 0; i < n; i++) {
    of3_sample s;
    if (of3_loader_next(loader, &s, &err) != OF3_OK) return fail(&err);
    sum.tokens += s.crop->n_token;
    sum.atoms += s.crop->n_atom;
    sum.rows += s.crop->n_msa;
    sum.truth_atoms += s.entry.truth.f->n_atom;
    of3_sample_free(&s);
  }
  printf("%s\t%d\t%d\t%.0f\t%.0f\t%.0f\t%.0f\t%.4f\t%.4f\t%lld\n", what, threads, n, sum.tokens / n,
         sum.atoms / n, sum.rows / n, sum.truth_atoms / n, (double)(clock() - used) / CLOCKS_PER_SEC / n,
         (of3_seconds() - begin) / n, (long long)of3_loader_n_failed(loader));
  of3_loader_close(loader);
  return 0;
}

int main(int argc, char **argv) {
  of3_chemistry *chemistry;
  of3_sample_source *source;
  of3_error err = {0};
  of3_sample_set set = OF3_SAMPLE_SET;
  if (argc != 6) {
    fprintf(stderr, "samples SET CCD TOKENS SAMPLES THREADS    (CCD: a converted dictionary, or -)\n");
    return 2;
  }
  set.path = argv[1];
  set.crop.budget = atoi(argv[3]);
  const int n = atoi(argv[4]), threads = atoi(argv[5]);
  const char *ccd = strcmp(argv[2], "-") == 0 ? NULL : argv[2];
  if (of3_chemistry_open(ccd, &chemistry, &err) != OF3_OK) return fail(&err);
  const of3_library library = of3_chemistry_library(chemistry);
  const of3_sample_options o = {
      .n_set = 1, .set = &set, .protocol = of3_protocol_of(OF3_RELEASE_05), .opt_library = &library};
  if (of3_sample_source_open(&o, &source, &err) != OF3_OK) return fail(&err);
  printf(
      "pass\tthreads\tsamples\ttokens\tatoms\trows\tatoms of the truth\tprocessor, s\tclock, s\treplaced\n");
  int failed = run(source, n, threads, "first");
  if (!failed) failed = run(source, n, threads, "second");
  of3_sample_source_close(source);
  of3_chemistry_close(chemistry);
  return failed;
}
