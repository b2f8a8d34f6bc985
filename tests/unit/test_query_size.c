/* Sizes of queries before they are built, beside what is built. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ccd/ccd_library.h"
#include "feat/build.h"
#include "feat/query_size.h"

/* Queries whose components are built in: the size is that of the complex and its tokens. */
static void test_built(void **state) {
  (void)state;
  static const char text[] =
      "{\"queries\": {"
      "\"protein\": {\"chains\": [{\"molecule_type\": \"protein\", \"chain_ids\": [\"A\", \"B\"], "
      "\"sequence\": \"MKVXSG\"}]},"
      "\"mixed\": {\"chains\": [{\"molecule_type\": \"protein\", \"chain_ids\": \"A\", \"sequence\": "
      "\"GSMK\","
      " \"non_canonical_residues\": {\"2\": \"SEP\", \"3\": \"MSE\", \"4\": \"ALA\"}},"
      " {\"molecule_type\": \"rna\", \"chain_ids\": \"R\", \"sequence\": \"GUNA\", "
      "\"non_canonical_residues\": {\"2\": \"PSU\"}},"
      " {\"molecule_type\": \"dna\", \"chain_ids\": \"D\", \"sequence\": \"TAGN\"},"
      " {\"molecule_type\": \"ligand\", \"chain_ids\": [\"L\", \"M\"], \"ccd_codes\": \"ATP\"},"
      " {\"molecule_type\": \"ligand\", \"chain_ids\": \"I\", \"ccd_codes\": \"MG\"}]}}}";
  of3_query_set set;
  of3_error err = {0};
  of3_ccd_library *library = NULL;
  assert_int_equal(of3_ccd_library_open(NULL, &library, &err), OF3_OK);
  const of3_library components = of3_ccd_library_of(library);
  assert_int_equal(of3_query_from_json(text, strlen(text), "q", "", SIZE_MAX, &set, &err), OF3_OK);
  for (int i = 0; i < set.n; i++) {
    of3_complex complex = {0};
    of3_tokens tokens = {0};
    assert_string_equal(set.query[i].error.text, "");
    const of3_query_size size = of3_query_measure(&set.query[i], &components);
    assert_int_equal(of3_complex_build(&set.query[i], &components, NULL, &complex, &err), OF3_OK);
    assert_int_equal(of3_tokens_build(&complex, &tokens, &err), OF3_OK);
    assert_int_equal(size.n_token, tokens.n);
    assert_int_equal(size.n_atom, complex.n_atom);
    assert_true(i == 0 || size.n_token > 70); /* 31 atoms in each ATP, not one token */
    of3_tokens_free(&tokens);
    of3_complex_free(&complex);
  }
  of3_query_set_free(&set);
  of3_ccd_library_close(library);
}

static of3_query_size ligand_size(of3_query_chain ligand) {
  const char *id[] = {"L"};
  ligand.type = OF3_LIGAND;
  ligand.n_id = ligand.n_residue = 1;
  ligand.id = id;
  const of3_query query = {.name = "q", .n_chain = 1, .chain = &ligand};
  return of3_query_measure(&query, NULL);
}

static void test_smiles(void **state) {
  (void)state;
  static const struct {
    const char *smiles;
    int atoms;
  } known[] = {{"C", 1},
               {"OCC(O)CO", 6},
               {"CC(=O)Oc1ccccc1C(=O)O", 13},
               {"ClCBr", 3},
               {"[Na+].[Cl-]", 2},
               {"N[C@@H](C)C(=O)[O-]", 6},
               {"[2H]C([2H])[H]", 1},
               {"[Hg]", 1},
               {"[13CH3][Se]C", 3},
               {"C%12CCCC%12", 5},
               {"*C", 2},
               {"[", 1},
               {"", 0}};
  for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
    const of3_query_size size = ligand_size((of3_query_chain){.smiles = known[k].smiles});
    assert_int_equal(size.n_atom, known[k].atoms);
    assert_int_equal(size.n_token, known[k].atoms ? known[k].atoms : 1);
  }
}

static int atoms_of_text(const char *text) {
  char path[] = "/tmp/of3-size-XXXXXX";
  const int fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  close(fd);
  const of3_query_size size = ligand_size((of3_query_chain){.sdf_path = path});
  unlink(path);
  return size.n_atom;
}

static void test_mol_blocks(void **state) {
  (void)state;
  assert_int_equal(atoms_of_text("m\n  x\n\n  3  2  0  0  0  0            999 V2000\n"
                                 "    0.0000    0.0000    0.0000 C   0  0\n"
                                 "    1.0000    0.0000    0.0000 H   0  0\n"
                                 "    2.0000    0.0000    0.0000 Hg  0  0\n"),
                   2);
  assert_int_equal(
      atoms_of_text("m\n  x\n\n  0  0  0     0  0            999 V3000\nM  V30 BEGIN CTAB\n"
                    "M  V30 COUNTS 2 1 0 0 0\nM  V30 BEGIN ATOM\nM  V30 1 C 0 0 0 0\nM  V30 2 O 1 0 0 0\n"
                    "M  V30 END ATOM\nM  V30 BEGIN BOND\nM  V30 1 1 1 2\nM  V30 END BOND\n"),
      2);
  assert_int_equal(atoms_of_text("m\n  x\n\n999999\n"), 0); /* promises more than there is */
  assert_int_equal(atoms_of_text(""), 0);
  assert_int_equal(ligand_size((of3_query_chain){.sdf_path = "/no/such/file"}).n_token, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_built), cmocka_unit_test(test_smiles),
                                     cmocka_unit_test(test_mol_blocks)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
