/* screen_features QUERIES LIGANDS [THREADS [VARIANT]]: the features of a query with each ligand of a list,
 * and the conformers of seed 42, as the threads that work ahead of the network in of3 predict make them
 * (src/api/api_ahead.c).
 *
 * Prints seconds, CPU seconds, and a hash of all conformers in the order of the list, which is the same for
 * any number of threads. Then the least that they could take: RDKit alone on the same list, reading each
 * SMILES and making its conformer. LIGANDS: SMILES (tools/make_ligand_list.py). THREADS: 2 by default;
 * VARIANT: OB. OF3_RDKIT_PLUGIN may name the plugin; OF3_CACHE a cache of conformers, else there is none. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/sha256.h"
#include "dialect/dialect.h"
#include "dialect/ligand_list.h"
#include "feat/build.h"
#include "feat/kept_msa.h"
#include "rdkit/chemistry.h"
#include "rdkit/rdkit.h"

enum { SEED = 42, MOST_THREADS = 64 };

typedef struct screen {
  of3_query_set set;
  of3_ligand_list list;
  of3_chemistry *chemistry;
  of3_library library;
  of3_feature_mode mode;
  const of3_rdkit *rdkit;
  char (*hash)[OF3_SHA256_HEX]; /* [set.n] of conformers */
  atomic_int next, failed;
} screen;

static double seconds_of(clockid_t which) {
  struct timespec t;
  clock_gettime(which, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static of3_status make_features(screen *s, int i, of3_complex *complex, of3_features *f, of3_error *err) {
  of3_sha256 hash;
  OF3_TRY(of3_complex_build(&s->set.query[i], &s->library, NULL, complex, err));
  OF3_TRY(of3_features_build(complex, &s->set.query[i], &s->mode, SEED, NULL, f, err));
  of3_sha256_init(&hash);
  of3_sha256_add(&hash, f->ref_pos, 3 * (size_t)f->n_atom * sizeof *f->ref_pos);
  of3_sha256_hex(&hash, s->hash[i]);
  return OF3_OK;
}

static void *features_of_some(void *arg) {
  screen *s = arg;
  for (int i; (i = atomic_fetch_add(&s->next, 1)) < s->set.n;) {
    of3_complex complex = {0};
    of3_features features = {0};
    of3_error err = {0};
    if (make_features(s, i, &complex, &features, &err) != OF3_OK) {
      atomic_fetch_add(&s->failed, 1);
      fprintf(stderr, "%s: %s\n", s->set.query[i].name, err.text);
    }
    of3_features_free(&features);
    of3_complex_free(&complex);
  }
  return NULL;
}

static void *rdkit_of_some(void *arg) {
  screen *s = arg;
  for (int i; (i = atomic_fetch_add(&s->next, 1)) < s->list.n;) {
    char why[200];
    int atoms = 0, bonds = 0;
    of3_rdkit_mol *mol = s->rdkit->from_smiles(s->list.ligand[i].smiles, why, sizeof why);
    if (mol) s->rdkit->count(mol, &atoms, &bonds);
    float *xyz = malloc(3 * ((size_t)atoms + 1) * sizeof *xyz);
    if (!mol || !xyz ||
        !s->rdkit->conformer(mol, OF3_RDKIT_PLAIN, SEED, (of3_rdkit_limits){0}, NULL, xyz, why, sizeof why))
      atomic_fetch_add(&s->failed, 1);
    free(xyz);
    s->rdkit->free(mol);
  }
  return NULL;
}

static void measure(screen *s, const char *what, void *(*work)(void *), int n_thread) {
  pthread_t thread[MOST_THREADS];
  const double begin = seconds_of(CLOCK_MONOTONIC), cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
  atomic_store(&s->next, 0);
  atomic_store(&s->failed, 0);
  for (int t = 0; t < n_thread; t++)
    if (pthread_create(&thread[t], NULL, work, s) != 0) abort();
  for (int t = 0; t < n_thread; t++) pthread_join(thread[t], NULL);
  printf("%s, %d threads: %.2f s, %.2f CPU seconds, %d failed\n", what, n_thread,
         seconds_of(CLOCK_MONOTONIC) - begin, seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu,
         atomic_load(&s->failed));
}

static of3_status open_screen(screen *s, char **argv, of3_error *err) {
  OF3_TRY(of3_rdkit_open(&s->rdkit, err));
  OF3_TRY(of3_query_open(argv[1], SIZE_MAX, &s->set, err));
  OF3_TRY(of3_ligand_list_open(argv[2], SIZE_MAX, &s->list, err));
  OF3_TRY(of3_query_set_add_ligands(&s->set, &s->list, NULL, err));
  OF3_TRY(of3_chemistry_open(NULL, &s->chemistry, err));
  OF3_TRY(of3_chemistry_open_cache(s->chemistry, getenv("OF3_CACHE") ? NULL : "", err));
  s->library = of3_chemistry_library(s->chemistry);
  s->mode.opt_library = &s->library;
  s->mode.opt_kept = of3_kept_msa_new(UINT64_MAX);
  s->hash = calloc((size_t)s->set.n, sizeof *s->hash);
  if (!s->mode.opt_kept || !s->hash) return of3_fail_memory(err, "the queries");
  for (int i = 0; i < s->set.n; i++) OF3_TRY(of3_kept_msa_expect(s->mode.opt_kept, &s->set.query[i], err));
  return OF3_OK;
}

int main(int argc, char **argv) {
  static screen s;
  of3_error err = {0};
  of3_sha256 all;
  char hash[OF3_SHA256_HEX];
  of3_variant variant = OF3_OB;
  const int n_thread = argc > 3 ? atoi(argv[3]) : 2;
  if (argc < 3 || argc > 5 || n_thread < 1 || n_thread > MOST_THREADS ||
      (argc > 4 && !of3_variant_parse(argv[4], &variant))) {
    fprintf(stderr, "usage: screen_features QUERIES LIGANDS [THREADS [VARIANT]]\n");
    return 2;
  }
  s.mode = of3_feature_mode_of(variant);
  if (open_screen(&s, argv, &err) != OF3_OK) {
    fprintf(stderr, "%s\n", err.text);
    return 1;
  }
  printf("%d queries, RDKit %s\n", s.set.n, s.rdkit->version);
  measure(&s, "features", features_of_some, n_thread);
  of3_sha256_init(&all);
  of3_sha256_add(&all, s.hash, (size_t)s.set.n * sizeof *s.hash);
  of3_sha256_hex(&all, hash);
  printf("conformers %.16s\n", hash);
  measure(&s, "RDKit alone", rdkit_of_some, n_thread);
  return 0;
}
