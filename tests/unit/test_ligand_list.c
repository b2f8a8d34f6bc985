/* Lists of ligands, and the queries made of them: what each line means, and that what is wrong with one
 * ligand is its own error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "dialect/ligand_list.h"

static of3_ligand_list read_list(const char *text, const char *file) {
  of3_ligand_list list;
  of3_error err = {0};
  if (of3_ligand_list_read(text, strlen(text), file, &list, &err) != OF3_OK) fail_msg("%s", err.text);
  return list;
}

static void same(const char *found, const char *expected) {
  if (expected)
    assert_string_equal(found, expected);
  else
    assert_null(found);
}

static void check(const of3_listed_ligand *l, int line, const char *name, const char *smiles,
                  const char *ccd) {
  same(l->error, NULL);
  assert_int_equal(l->line, line);
  same(l->name, name);
  same(l->smiles, smiles);
  same(l->ccd, ccd);
}

static void test_smiles(void **state) {
  (void)state;
  of3_ligand_list list =
      read_list("\xef\xbb\xbfSMILES Name\r\n# a note\r\nCCO ethanol\r\n\r\n  c1ccccc1\tben zene  \n"
                "[Na+].[Cl-]\nCC |$;R1$| cx\nC#N",
                "f.smi");
  assert_int_equal(list.n, 5);
  check(&list.ligand[0], 3, "ethanol", "CCO", NULL);
  check(&list.ligand[1], 5, "ben zene", "c1ccccc1", NULL);
  check(&list.ligand[2], 6, NULL, "[Na+].[Cl-]", NULL);
  check(&list.ligand[3], 7, "cx", "CC", NULL);
  check(&list.ligand[4], 8, NULL, "C#N", NULL);
  of3_ligand_list_free(&list);
}

static void test_table(void **state) {
  (void)state;
  of3_ligand_list list =
      read_list("\nID,note,Smiles,ccd\n1,\"a, b\",CCO,\n \"say \"\"x\"\"\" ,,,ATP\n,,,\n3,short\n4,,C,ATP\n"
                "5,,,atp\n\"6,,C,\n7,,  CC  ,\n",
                "f");
  assert_int_equal(list.n, 7);
  check(&list.ligand[0], 3, "1", "CCO", NULL);
  check(&list.ligand[1], 4, "say \"x\"", NULL, "ATP");
  assert_non_null(strstr(list.ligand[2].error, "its columns 'smiles' and 'ccd' are empty"));
  assert_non_null(strstr(list.ligand[3].error, "both"));
  assert_non_null(strstr(list.ligand[4].error, "atp"));
  assert_non_null(strstr(list.ligand[5].error, "a quote is not closed"));
  check(&list.ligand[6], 10, "7", "CC", NULL);
  of3_ligand_list_free(&list);
  list = read_list("name\tsmiles\n\tC\na b\tCC\n", "f"); /* tabs */
  check(&list.ligand[0], 2, NULL, "C", NULL);
  check(&list.ligand[1], 3, "a b", "CC", NULL);
  of3_ligand_list_free(&list);
  list = read_list("smiles\nCC\n", "f.csv"); /* a single column */
  assert_int_equal(list.n, 1);
  check(&list.ligand[0], 2, NULL, "CC", NULL);
  of3_ligand_list_free(&list);
  list = read_list("ccd\nATP\n", "f");
  check(&list.ligand[0], 2, NULL, NULL, "ATP");
  of3_ligand_list_free(&list);
}

#define BLOCK "\n  x\n\n  1  0  0  0  0  0            999 V2000\n    0.0       0.0       0.0    C   0  0\n"

static void test_sdf(void **state) {
  (void)state;
  of3_ligand_list list =
      read_list(" one " BLOCK "M  END\n> <x>\n1\n\n$$$$\n" BLOCK "M  END\n$$$$\nthree" BLOCK "$$$$\n"
                "four" BLOCK "M  END\n\n\n",
                "f");
  assert_int_equal(list.n, 4);
  check(&list.ligand[0], 1, "one", NULL, NULL);
  assert_true(strncmp(list.ligand[0].sdf, "one \n", 5) == 0);
  assert_null(strstr(list.ligand[0].sdf, "<x>"));
  check(&list.ligand[1], 11, NULL, NULL, NULL);
  assert_non_null(list.ligand[1].sdf);
  assert_int_equal(list.ligand[2].line, 18);
  same(list.ligand[2].name, "three");
  assert_non_null(strstr(list.ligand[2].error, "cut off"));
  check(&list.ligand[3], 24, "four", NULL, NULL);
  of3_ligand_list_free(&list);
}

static void refused(const char *text, size_t size, const char *file, const char *part) {
  of3_ligand_list list;
  of3_error err = {0};
  assert_int_equal(of3_ligand_list_read(text, size, file, &list, &err), OF3_ERR_INPUT);
  if (!strstr(err.text, part)) fail_msg("'%s' instead of '%s'", err.text, part);
  assert_null(list.arena);
}

static void test_refused(void **state) {
  (void)state;
  refused("", 0, "f", "'f' has no ligands");
  refused("# a\n\n", 5, "f", "'f' has no ligands");
  refused("smiles,name\n", 12, "f", "'f' has no ligands");
  refused("a,b\nCC,x\n", 9, "f.csv", "names no column 'smiles'");
  refused("C\0C", 3, "f", "is no text");
}

/* ---- Queries */

static const char templates[] =
    "{\"queries\": {\"p\": {\"chains\": [{\"molecule_type\": \"protein\", \"chain_ids\": [\"A\", \"L\"], "
    "\"sequence\": \"MKV\"},"
    "{\"molecule_type\": \"ligand\", \"chain_ids\": \"X\", \"ccd_codes\": \"MG\"}]},"
    "\"bad\": {\"chains\": [{\"molecule_type\": \"protein\", \"chain_ids\": \"A\", \"sequence\": \"M1\"}]}}}";

static of3_query_set queries(const char *ligands, const char *chain, of3_status expected, of3_error *err) {
  of3_query_set set;
  of3_ligand_list list = read_list(ligands, "f");
  assert_int_equal(of3_query_from_json(templates, strlen(templates), "q", "", SIZE_MAX, &set, err), OF3_OK);
  assert_int_equal(of3_query_set_add_ligands(&set, &list, chain, err), expected);
  of3_ligand_list_free(&list);
  return set;
}

static void test_queries(void **state) {
  (void)state;
  of3_error err = {0};
  of3_query_set set = queries("C a\nCC A\nCCC a\nCCCC a_2\nCCCCC x/y z\nCN\n", NULL, OF3_OK, &err);
  static const char *const names[] = {"p_a", "p_A_3", "p_a_4", "p_a_2", "p_x_y_z", "p_6", "bad"};
  assert_int_equal(set.n, 7);
  for (int i = 0; i < set.n; i++) assert_string_equal(set.query[i].name, names[i]);
  for (int i = 0; i < 6; i++) {
    const of3_query *q = &set.query[i];
    assert_int_equal(q->error.code, OF3_OK);
    assert_int_equal(q->n_chain, 3);
    assert_ptr_equal(q->chain[0].sequence, set.query[0].chain[0].sequence); /* shared */
    assert_string_equal(q->chain[1].code[0], "MG");
    assert_string_equal(q->chain[2].id[0], "B"); /* L and A are taken */
    assert_true(q->chain[2].type == OF3_LIGAND && q->chain[2].n_id == 1 && q->chain[2].n_residue == 1);
    assert_int_equal(q->screened->line, i + 1);
  }
  assert_string_equal(set.query[2].chain[2].smiles, "CCC");
  assert_string_equal(set.query[2].screened->name, "a");
  assert_int_not_equal(set.query[6].error.code, OF3_OK);
  of3_query_set_free(&set);
}

static void test_chain(void **state) {
  (void)state;
  of3_error err = {0};
  of3_query_set set = queries("C a\n", "X", OF3_OK, &err); /* in the place of magnesium */
  assert_int_equal(set.query[0].n_chain, 2);
  assert_string_equal(set.query[0].chain[1].smiles, "C");
  of3_query_set_free(&set);
  set = queries("C a\n", "A", OF3_ERR_INPUT, &err);
  assert_non_null(strstr(err.text, "chain A is no ligand"));
  of3_query_set_free(&set);
  set = queries("C a\n", "A B", OF3_ERR_INPUT, &err);
  of3_query_set_free(&set);
}

/* An entry that cannot be used is an error of its query alone; entries of SDF files go with their text. */
static void test_entries(void **state) {
  (void)state;
  of3_error err = {0};
  of3_query_set set = queries("one" BLOCK "M  END\n$$$$\ntwo" BLOCK, NULL, OF3_OK, &err);
  assert_int_equal(set.n, 3);
  assert_string_equal(set.query[0].chain[2].sdf_path, "f, line 1");
  assert_non_null(strstr(set.query[0].chain[2].sdf_text, "V2000"));
  assert_non_null(
      strstr(set.query[1].error.text, "query 'p_two': the ligand in line 8 of 'f' cannot be used"));
  of3_query_set_free(&set);
}

/* Names are cut where they would be too long for a folder, between characters, and stay distinct. */
static void test_long_names(void **state) {
  (void)state;
  char text[2048] = "";
  of3_error err = {0};
  for (int k = 0; k < 2; k++) {
    strcat(text, "C ");
    for (int i = 0; i < 100; i++) strcat(text, "\xc3\xa9\xc3\xa9");
    strcat(text, "\n");
  }
  of3_query_set set = queries(text, NULL, OF3_OK, &err);
  assert_true(strlen(set.query[0].name) > 130 && strlen(set.query[1].name) <= OF3_MAX_QUERY_NAME);
  assert_int_equal(set.query[1].error.code, OF3_OK);
  assert_string_not_equal(set.query[0].name, set.query[1].name);
  of3_query_set_free(&set);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_smiles),  cmocka_unit_test(test_table),
                                     cmocka_unit_test(test_sdf),     cmocka_unit_test(test_refused),
                                     cmocka_unit_test(test_queries), cmocka_unit_test(test_chain),
                                     cmocka_unit_test(test_entries), cmocka_unit_test(test_long_names)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
