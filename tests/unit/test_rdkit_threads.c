/* RDKit in several threads at a time: each gets what one alone gets, and a signal in the midst of searches
 * reaches the program. Without the plugin there is nothing to test. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "rdkit/chemistry.h"
#include "rdkit/rdkit.h"

static const of3_rdkit *rdkit; /* NULL: not installed */

enum { N_THREAD = 4, MOST_ATOMS = 64 };

static const char *const smiles[] = {"CC(=O)Oc1ccccc1C(=O)O",
                                     "CC(C)Cc1ccc(cc1)[C@@H](C)C(=O)O",
                                     "CN1C=NC2=C1C(=O)N(C(=O)N2C)C",
                                     "CC(=O)NCCc1c[nH]c2ccc(OC)cc12",
                                     "c1ccc2c(c1)[nH]cn2.[Na+].[Cl-]",
                                     "CN1CCC[C@H]1c1cccnc1",
                                     "OC[C@H]1O[C@@H](O)[C@H](O)[C@@H](O)[C@@H]1O",
                                     "Cc1ccc(cc1)S(=O)(=O)NC(=O)NN1CC2CCCC2C1"};
enum { N_SMILES = sizeof smiles / sizeof *smiles };

/* ---- The same results */

typedef struct conformers {
  int n[N_SMILES], attempts[N_SMILES];
  float xyz[N_SMILES][3 * MOST_ATOMS];
  of3_chemistry *chemistry;
  int first; /* of the list, which is gone through in a ring */
  bool wrong;
} conformers;

static void *make_all(void *arg) {
  conformers *c = arg;
  const of3_library l = of3_chemistry_library(c->chemistry);
  for (int i = 0; i < N_SMILES; i++) {
    const int k = (c->first + i) % N_SMILES;
    const of3_ligand_source source = {.name = "LIG0", .opt_smiles = smiles[k]},
                            bad = {"LIG0", "C1CC", NULL, NULL};
    const of3_embedding how = {.small_rings = true, .seed = {10 * k, 10 * k + 1, 10 * k + 2}};
    const of3_component *component = NULL, *none = NULL;
    of3_error err = {0};
    c->wrong |= l.ligand(l.user, &bad, &none, &err) != OF3_ERR_INPUT || !strstr(err.text, "unclosed ring");
    if (l.ligand(l.user, &source, &component, &err) != OF3_OK || component->n_atom > MOST_ATOMS ||
        l.embed(l.user, component, &how, c->xyz[k], &c->attempts[k], &err) != OF3_OK)
      c->wrong = true;
    c->n[k] = component ? component->n_atom : 0;
  }
  return NULL;
}

static void test_same_as_alone(void **state) {
  (void)state;
  if (!rdkit) skip();
  static conformers alone, beside[N_THREAD];
  pthread_t thread[N_THREAD];
  of3_error err = {0};
  of3_chemistry *shared = NULL;
  assert_int_equal(of3_chemistry_open(NULL, &alone.chemistry, &err), OF3_OK);
  assert_int_equal(of3_chemistry_open(NULL, &shared, &err), OF3_OK);
  make_all(&alone);
  for (int t = 0; t < N_THREAD; t++) {
    beside[t] = (conformers){.chemistry = shared, .first = t * 2};
    assert_int_equal(pthread_create(&thread[t], NULL, make_all, &beside[t]), 0);
  }
  for (int t = 0; t < N_THREAD; t++) pthread_join(thread[t], NULL);
  assert_false(alone.wrong);
  for (int t = 0; t < N_THREAD; t++) {
    assert_false(beside[t].wrong);
    assert_memory_equal(beside[t].n, alone.n, sizeof alone.n);
    assert_memory_equal(beside[t].attempts, alone.attempts, sizeof alone.attempts);
    assert_memory_equal(beside[t].xyz, alone.xyz, sizeof alone.xyz);
  }
  of3_chemistry_close(shared);
  of3_chemistry_close(alone.chemistry);
}

/* ---- Signals */

static atomic_int interrupts;
static atomic_bool enough;

static void on_interrupt(int signal_number) {
  (void)signal_number;
  atomic_fetch_add(&interrupts, 1);
}

/* Of two parts, for each of which RDKit puts its own handler there. */
static void *search_on(void *arg) {
  char why[200] = "";
  float xyz[3 * MOST_ATOMS];
  of3_rdkit_mol *mol =
      rdkit->from_smiles("CCCCC[C@H](O)c1ccccc1C(=O)O.CCCN(CCC)C(=O)[C@@H](N)CC", why, sizeof why);
  bool *wrong = arg;
  *wrong = !mol;
  while (mol && !atomic_load(&enough))
    *wrong |= !rdkit->conformer(mol, OF3_RDKIT_PLAIN, 7, (of3_rdkit_limits){0}, NULL, xyz, why, sizeof why);
  rdkit->free(mol);
  return NULL;
}

/* Sends a signal; false: the program has not got it after seconds. */
static bool arrives(void) {
  const struct timespec nap = {.tv_nsec = 100000};
  const int before = atomic_load(&interrupts);
  kill(getpid(), SIGINT);
  for (int k = 0; k < 50000; k++) {
    if (atomic_load(&interrupts) > before) return true;
    nanosleep(&nap, NULL);
  }
  return false;
}

static void test_interrupt(void **state) {
  (void)state;
  enum { N_SEARCH = 2, N_SIGNAL = 300 };
  if (!rdkit) skip();
  struct sigaction ours = {.sa_handler = on_interrupt}, before, after;
  bool wrong[N_SEARCH] = {false};
  pthread_t thread[N_SEARCH];
  const struct timespec nap = {.tv_nsec = 1700000};
  int lost = 0;
  sigaction(SIGINT, &ours, &before);
  for (int t = 0; t < N_SEARCH; t++)
    assert_int_equal(pthread_create(&thread[t], NULL, search_on, &wrong[t]), 0);
  for (int k = 0; k < N_SIGNAL && !lost; k++) {
    nanosleep(&nap, NULL);
    lost += !arrives();
  }
  atomic_store(&enough, true);
  for (int t = 0; t < N_SEARCH; t++) pthread_join(thread[t], NULL);
  sigaction(SIGINT, &before, &after);
  assert_int_equal(lost, 0);
  assert_false(wrong[0] || wrong[1]); /* and no search was lost with it */
  assert_ptr_equal(after.sa_handler, on_interrupt);
}

int main(void) {
  of3_error err = {0};
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_as_alone), cmocka_unit_test(test_interrupt)};
  if (of3_rdkit_open(&rdkit, &err) != OF3_OK) print_message("skipped: %s\n", err.text);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
