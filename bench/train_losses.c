/* The losses of a training step on the host (train/losses.h): seconds of each, for a made-up crop.
 *
 *   of3_train_losses TOKENS COPIES THREADS
 *
 * Eight atoms a token, as dense as a protein is; logits and copies are made up. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/random.h"
#include "feat/build.h"
#include "train/losses.h"

enum { ATOMS = 8 };

static void fail(const of3_error *err) {
  fprintf(stderr, "of3_train_losses: %s\n", err->text);
  exit(2);
}

static void *take(of3_arena *a, size_t n, size_t size) {
  void *p = of3_arena_alloc(a, n, size);
  if (!p) abort();
  return p;
}

static float *normals(of3_arena *a, uint32_t sample, size_t n, float scale) {
  float *x = take(a, n, sizeof *x);
  of3_random_normal((of3_stream){.seed = 1, .purpose = OF3_RANDOM_TEST, .sample = sample}, x, n);
  for (size_t i = 0; i < n; i++) x[i] *= scale;
  return x;
}

static of3_features make_features(of3_arena *a, int tokens) {
  of3_features f = {.n_token = tokens, .n_atom = ATOMS * tokens, .arena = a};
  of3_error err = {0};
  uint8_t **flag[] = {&f.is_protein, &f.is_rna, &f.is_dna, &f.is_ligand, &f.is_atomized};
  for (size_t i = 0; i < sizeof flag / sizeof *flag; i++) *flag[i] = take(a, (size_t)tokens, 1);
  f.restype = take(a, (size_t)tokens, 1);
  f.token_mask = take(a, (size_t)tokens, sizeof(float));
  f.asym_id = take(a, (size_t)tokens, sizeof(int32_t));
  f.num_atoms_per_token = take(a, (size_t)tokens, sizeof(int32_t));
  f.start_atom_index = take(a, (size_t)tokens, sizeof(int32_t));
  f.atom_to_token_index = take(a, (size_t)f.n_atom, sizeof(int32_t));
  f.atom_mask = take(a, (size_t)f.n_atom, sizeof(float));
  for (int i = 0; i < tokens; i++) {
    f.is_protein[i] = 1;
    f.restype[i] = 10; /* leucine */
    f.token_mask[i] = 1;
    f.num_atoms_per_token[i] = ATOMS;
    f.start_atom_index[i] = ATOMS * i;
  }
  for (int k = 0; k < f.n_atom; k++) {
    f.atom_to_token_index[k] = k / ATOMS;
    f.atom_mask[k] = 1;
  }
  if (of3_features_set_roles(&f, &err) != OF3_OK) fail(&err);
  return f;
}

/* Atoms in a ball, 17 cubic Angstrom each. */
static float *make_truth(of3_arena *a, int atoms) {
  const double radius = cbrt(17.0 * atoms * 3 / (4 * 3.14159265));
  return normals(a, 0, 3 * (size_t)atoms, (float)(radius / sqrt(5)));
}

typedef struct job {
  of3_loss_entry e;
  of3_pool *pool;
} job;

static void run(const char *name, job *j, bool confidence_only, const of3_loss *which, int n) {
  of3_loss_values v;
  of3_error err = {0};
  j->e.weights = (of3_loss_weights){{0}};
  for (int i = 0; i < n; i++) j->e.weights.of[which[i]] = 1;
  const double begin = of3_seconds();
  const clock_t worked = clock();
  if (of3_total_loss(1, &j->e, of3_protocol_of(OF3_RELEASE_05), confidence_only, j->pool, &v, &err) != OF3_OK)
    fail(&err);
  printf("%-44s %8.3f s, %.3f s of processors, total %.4f\n", name, of3_seconds() - begin,
         (double)(clock() - worked) / CLOCKS_PER_SEC, v.total);
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fputs("of3_train_losses TOKENS COPIES THREADS\n", stderr);
    return 2;
  }
  const int tokens = atoi(argv[1]), copies = atoi(argv[2]), threads = atoi(argv[3]);
  if (tokens < 1 || copies < 1 || threads < 1) return 2;
  of3_arena *a = of3_arena_new(0);
  of3_error err = {0};
  if (!a) abort();
  const of3_features f = make_features(a, tokens);
  const size_t n = (size_t)tokens, pairs = n * n * OF3_PAIR_BINS, atoms = (size_t)f.n_atom;
  float *truth = make_truth(a, f.n_atom), *resolved = take(a, atoms, sizeof *resolved);
  for (size_t i = 0; i < atoms; i++) resolved[i] = 1;
  of3_loss_case c;
  double begin = of3_seconds();
  if (of3_loss_case_new(&f, truth, resolved, false, a, &c, &err) != OF3_OK) fail(&err);
  printf("%-44s %8.3f s, %lld near pairs\n", "the crop and its truth", of3_seconds() - begin,
         (long long)c.first[f.n_atom]);
  const size_t places = n * OF3_MAX_ATOMS_PER_TOKEN;
  float *x = normals(a, 1, 3 * atoms * (size_t)copies, 2), *noise = take(a, (size_t)copies, sizeof *noise);
  for (size_t i = 0; i < 3 * atoms * (size_t)copies; i++) x[i] += truth[i % (3 * atoms)];
  for (int s = 0; s < copies; s++) noise[s] = 4;
  job j = {.pool = of3_pool_new(threads),
           .e = {.c = &c,
                 .confidence = {.x = x,
                                .plddt = normals(a, 2, places * OF3_PLDDT_BINS, 1),
                                .resolved = normals(a, 3, places * OF3_RESOLVED_BINS, 1),
                                .pde = normals(a, 4, pairs, 1),
                                .pae = normals(a, 5, pairs, 1)},
                 .distogram = normals(a, 6, pairs, 1),
                 .n_copy = copies,
                 .copies = x,
                 .noise = noise,
                 .d_confidence = {.plddt = take(a, places * OF3_PLDDT_BINS, 4),
                                  .resolved = take(a, places * OF3_RESOLVED_BINS, 4),
                                  .pde = take(a, pairs, 4),
                                  .pae = take(a, pairs, 4)},
                 .d_distogram = take(a, pairs, 4),
                 .d_copies = take(a, 3 * atoms * (size_t)copies, 4)}};
  run("confidence: plddt, pde, resolved, pae", &j, true,
      (const of3_loss[]){OF3_LOSS_PLDDT, OF3_LOSS_PDE, OF3_LOSS_RESOLVED, OF3_LOSS_PAE}, 4);
  run("copies: mse, smooth lddt; distogram", &j, false,
      (const of3_loss[]){OF3_LOSS_MSE, OF3_LOSS_SMOOTH_LDDT, OF3_LOSS_DISTOGRAM}, 3);
  run("copies: mse; distogram", &j, false, (const of3_loss[]){OF3_LOSS_MSE, OF3_LOSS_DISTOGRAM}, 2);
  of3_pool_free(j.pool);
  of3_arena_free(a);
  return 0;
}
