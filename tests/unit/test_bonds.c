/* Bonds of the user's: tokens beside those of OpenFold3's tokenizer (tools/make_bond_fixtures.py), what
 * leaves, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "ccd/ccd_library.h"
#include "feat/build.h"

#define FOLDER "tests/fixtures/bonds/"

typedef struct built {
  of3_query_set set;
  of3_complex complex;
  of3_tokens tokens;
  of3_error err;
  char log[8192]; /* messages with a newline behind each */
} built;

static of3_ccd_library *library;

static int open_library(void **state) {
  (void)state;
  return of3_ccd_library_open(NULL, &library, NULL);
}

static int close_library(void **state) {
  (void)state;
  of3_ccd_library_close(library);
  return 0;
}

static void keep(void *user, of3_level level, const char *text) {
  built *b = user;
  const size_t n = strlen(b->log);
  snprintf(b->log + n, sizeof b->log - n, "%d %s\n", (int)level, text);
}

static of3_status build(const of3_query *q, built *out) {
  const of3_library components = of3_ccd_library_of(library);
  const of3_log log = {.sink = keep, .user = out, .least = OF3_LOG_INFO};
  OF3_TRY(of3_complex_build(q, &components, &log, &out->complex, &out->err));
  return of3_tokens_build(&out->complex, &out->tokens, &out->err);
}

static void leave(built *b) {
  of3_tokens_free(&b->tokens);
  of3_complex_free(&b->complex);
  *b = (built){.set = b->set};
}

/* ---- Beside the reference */

static void same_ints(const json_t *expected, int n, int (*of)(const built *, int), const built *b,
                      const char *what) {
  assert_int_equal(json_array_size(expected), n);
  for (int k = 0; k < n; k++) {
    const int want = (int)json_integer_value(json_array_get(expected, (size_t)k));
    if (of(b, k) != want) fail_msg("%s of %d is %d, not %d", what, k, of(b, k), want);
  }
}

static int token_of(const built *b, int atom) {
  int t = 0;
  while (b->tokens.token[t].first_atom + b->tokens.token[t].n_atom <= atom) t++;
  return t;
}
static int restype_of(const built *b, int t) { return b->tokens.token[t].restype; }
static int atomized_of(const built *b, int t) { return b->tokens.token[t].atomized; }
static int residue_of(const built *b, int t) { return b->complex.residue[b->tokens.token[t].residue].number; }

static void same_atoms(const json_t *expected, const built *b) {
  const of3_complex *c = &b->complex;
  assert_int_equal(json_array_size(expected), c->n_atom);
  for (int k = 0; k < c->n_atom; k++) {
    const of3_atom *a = &c->atom[k];
    const of3_residue *r = &c->residue[a->residue];
    char text[100];
    snprintf(text, sizeof text, "%s %d %s %s %d", c->chain[r->chain].id, r->number, a->name, a->element,
             a->charge);
    assert_string_equal(text, json_string_value(json_array_get(expected, (size_t)k)));
    assert_true(k >= r->first_atom && k < r->first_atom + r->n_atom);
  }
}

static void same_bonds(const json_t *expected, const built *b) {
  assert_int_equal(json_array_size(expected), b->tokens.n_bond);
  for (int k = 0; k < b->tokens.n_bond; k++)
    for (int end = 0; end < 2; end++)
      assert_int_equal(b->tokens.bond[2 * k + end],
                       json_integer_value(json_array_get(json_array_get(expected, (size_t)k), (size_t)end)));
}

static void test_reference(void **state) {
  (void)state;
  built b = {0};
  of3_map queries = {0};
  json_t *all = json_load_file(FOLDER "expected.json", 0, NULL);
  assert_non_null(all);
  assert_int_equal(of3_map_open(FOLDER "queries.json", &queries, &b.err), OF3_OK);
  assert_int_equal(of3_query_from_json((const char *)queries.data, queries.size, "queries.json", FOLDER,
                                       SIZE_MAX, &b.set, &b.err),
                   OF3_OK);
  assert_int_equal(b.set.n, json_object_size(all));
  for (int i = 0; i < b.set.n; i++) {
    const of3_query *q = &b.set.query[i];
    const json_t *expected = json_object_get(all, q->name);
    assert_string_equal(q->error.text, "");
    if (build(q, &b) != OF3_OK) fail_msg("%s: %s", q->name, b.err.text);
    same_atoms(json_object_get(expected, "atoms"), &b);
    same_ints(json_object_get(expected, "token"), b.complex.n_atom, token_of, &b, "token");
    same_ints(json_object_get(expected, "restype"), b.tokens.n, restype_of, &b, "restype");
    same_ints(json_object_get(expected, "is_atomized"), b.tokens.n, atomized_of, &b, "is_atomized");
    same_ints(json_object_get(expected, "residue"), b.tokens.n, residue_of, &b, "residue_index");
    same_bonds(json_object_get(expected, "bonds"), &b);
    leave(&b);
  }
  of3_query_set_free(&b.set);
  of3_map_close(&queries);
  json_decref(all);
}

/* ---- What is built of a text */

#define NGS         "{\"molecule_type\": \"protein\", \"chain_ids\": \"A\", \"sequence\": \"NGS\"}"
#define NAG(ids)    "{\"molecule_type\": \"ligand\", \"chain_ids\": " ids ", \"ccd_codes\": \"NAG\"}"
#define ASN_NAG     "[[\"A\", 1, \"ND2\"], [\"B\", 1, \"C1\"]]"
#define SUGAR(more) NGS ", " NAG("\"B\"") "], " more
#define BONDS(list) "\"covalent_bonds\": [" list "]"

/* text: what follows "chains": [ */
static of3_status build_text(const char *text, bool infer, built *b) {
  char json[2048];
  snprintf(json, sizeof json, "{\"queries\": {\"q\": {\"chains\": [%s}}}", text);
  *b = (built){0};
  if (of3_query_from_json(json, strlen(json), "q.json", "", SIZE_MAX, &b->set, &b->err) != OF3_OK)
    fail_msg("%s", b->err.text);
  b->err = b->set.query[0].error;
  b->set.query[0].infer_leaving = infer;
  return b->err.code != OF3_OK ? b->err.code : build(&b->set.query[0], b);
}

static void let_go(built *b) {
  leave(b);
  of3_query_set_free(&b->set);
}

static void refused(const char *text, bool infer, const char *part) {
  built b;
  const of3_status st = build_text(text, infer, &b);
  if (st != OF3_ERR_INPUT || !strstr(b.err.text, part)) fail_msg("%s: %d '%s'", text, (int)st, b.err.text);
  let_go(&b);
}

static const of3_bond *last_bond(const built *b) { return &b->complex.bond[b->complex.n_bond - 1]; }

static void test_inferred(void **state) {
  (void)state;
  built b;
  assert_int_equal(build_text(SUGAR(BONDS(ASN_NAG)), true, &b), OF3_OK);
  assert_int_equal(b.complex.residue[3].n_atom, 14);
  assert_non_null(strstr(b.log, "the atom O1 of residue B 1 (NAG) leaves, as C1 is bonded"));
  assert_null(strstr(b.log, "stays on"));
  let_go(&b);
  assert_int_equal(build_text(SUGAR(BONDS(ASN_NAG)), false, &b), OF3_OK);
  assert_int_equal(b.complex.residue[3].n_atom, 15);
  assert_non_null(strstr(b.log, "the atom O1 of residue B 1 (NAG) stays on C1, which is bonded"));
  let_go(&b);
  /* the query says what leaves, and that is not the group at the bond */
  assert_int_equal(build_text(SUGAR(BONDS(ASN_NAG) ", \"leaving_atoms\": [[\"B\", 1, \"O6\"]]"), true, &b),
                   OF3_OK);
  assert_int_equal(b.complex.residue[3].n_atom, 14);
  assert_non_null(strstr(b.log, "the atom O1 of residue B 1 (NAG) stays"));
  let_go(&b);
}

static void test_kinds(void **state) {
  (void)state;
  built b;
  assert_int_equal(build_text(SUGAR(BONDS(ASN_NAG)), false, &b), OF3_OK);
  const of3_bond *bond = last_bond(&b);
  assert_int_equal(bond->kind, OF3_BOND_USER);
  assert_int_equal(bond->order, 1);
  assert_string_equal(b.complex.atom[bond->a].name, "ND2");
  assert_string_equal(b.complex.atom[bond->b].name, "C1");
  let_go(&b);
  /* the polymer's own bond: nothing changes */
  assert_int_equal(build_text(NGS "], " BONDS("[[\"A\", 2, \"N\"], [\"A\", 1, \"C\"]]"), false, &b), OF3_OK);
  assert_int_equal(b.tokens.n, 3);
  assert_int_equal(last_bond(&b)->kind, OF3_BOND_LINK);
  let_go(&b);
  /* ends of chains, bonded as in a polymer: tokens of atoms all the same, as the user asks for it */
  assert_int_equal(build_text(NGS "], " BONDS("[[\"A\", 1, \"N\"], [\"A\", 3, \"C\"]]"), false, &b), OF3_OK);
  assert_int_equal(b.tokens.n, 8 + 1 + 6);
  assert_false(b.complex.chain[0].cyclic);
  let_go(&b);
}

#define GLY3(more) "{\"molecule_type\": \"protein\", \"chain_ids\": \"A\", \"sequence\": \"GGG\"" more "}"

/* Bonds that only files have. */
static void test_known_to_files(void **state) {
  (void)state;
  built b;
  assert_int_equal(build_text(GLY3(", \"cyclic\": true") "]", false, &b), OF3_OK);
  const of3_bond *closure = last_bond(&b);
  assert_int_equal(closure->kind, OF3_BOND_CYCLE);
  assert_false(of3_bond_is_known(closure));
  assert_string_equal(b.complex.atom[closure->a].name, "C");
  assert_int_equal(b.complex.atom[closure->a].residue, 2);
  assert_string_equal(b.complex.atom[closure->b].name, "N");
  assert_int_equal(b.complex.atom[closure->b].residue, 0);
  assert_int_equal(b.tokens.n_bond, 0);
  let_go(&b);
  assert_int_equal(
      build_text(GLY3(", \"non_canonical_residues\": {\"1\": \"ACE\", \"3\": \"NH2\"}") "]", false, &b),
      OF3_OK);
  assert_int_equal(b.complex.bond[b.complex.n_bond - 2].kind, OF3_BOND_CAP);
  assert_int_equal(last_bond(&b)->kind, OF3_BOND_CAP);
  assert_int_equal(b.tokens.n_bond, 2); /* inside ACE */
  let_go(&b);
  /* what is cyclic and asked for is asked for */
  assert_int_equal(
      build_text(GLY3(", \"cyclic\": true") "], " BONDS("[[\"A\", 1, \"N\"], [\"A\", 3, \"C\"]]"), false, &b),
      OF3_OK);
  assert_int_equal(last_bond(&b)->kind, OF3_BOND_USER);
  assert_int_equal(b.tokens.n, 4 + 1 + 4);
  let_go(&b);
}

static void test_glycan(void **state) {
  (void)state;
  built b;
  assert_int_equal(
      build_text("{\"molecule_type\": \"ligand\", \"chain_ids\": [\"G\", \"H\"], \"ccd_codes\": [\"NAG\", "
                 "\"BMA\"]}, " NAG("\"N\"") "]",
                 false, &b),
      OF3_OK);
  assert_int_equal(b.complex.n_chain, 3);
  assert_int_equal(b.complex.chain[1].n_residue, 2);
  assert_int_equal(b.complex.residue[3].number, 2);
  assert_string_equal(b.complex.residue[3].name, "BMA");
  assert_string_equal(b.complex.chain[0].key, "NAG,BMA");
  assert_int_equal(b.complex.chain[0].entity_id, b.complex.chain[1].entity_id);
  assert_int_not_equal(b.complex.chain[0].entity_id, b.complex.chain[2].entity_id);
  assert_null(strstr(b.log, "not bonded")); /* residues of a ligand are not expected to be bonded */
  let_go(&b);
}

static void test_number(void **state) {
  (void)state;
  built b;
  assert_int_equal(build_text(GLY3(", \"starting_residue_number\": -2") "]", false, &b), OF3_OK);
  assert_int_equal(b.complex.chain[0].number_shift, -3);
  assert_int_equal(b.complex.residue[0].number, 1);
  let_go(&b);
  refused(GLY3(", \"starting_residue_number\": 1000001") "]", false, "'starting_residue_number' is 1000001");
  refused(GLY3(", \"starting_residue_number\": \"5\"") "]", false, "must be an integer; it is a string");
  refused(GLY3(", \"starting_residue_number\": 5") "], " BONDS("[[\"A\", 5, \"N\"], [\"A\", 1, \"C\"]]"),
          false, "counted from 1 whatever number the first one has in files");
}

static void test_refused(void **state) {
  (void)state;
  static const char *const wrong[][2] = {
      {BONDS("[[\"X\", 1, \"ND2\"], [\"B\", 1, \"C1\"]]"),
       "bond 1 of 'covalent_bonds': there is no chain 'X'; the "
       "chains are A, B"},
      {BONDS("[[\"A\", 4, \"ND2\"], [\"B\", 1, \"C1\"]]"),
       "chain A has no residue 4; its residues are 1 to 3"},
      {BONDS("[[\"A\", 0, \"ND2\"], [\"B\", 1, \"C1\"]]"), "residues of a chain are counted from 1"},
      {BONDS("[[\"A\", 1, \"ND3\"], [\"B\", 1, \"C1\"]]"),
       "residue A 1 (ASN) has no atom 'ND3'; its atoms are N CA C "},
      {BONDS("[[\"A\", 1, \"nd2\"], [\"B\", 1, \"C1\"]]"), "has no atom 'nd2', but 'ND2'"},
      {BONDS("[[\"A\", 1, \"\"], [\"B\", 1, \"C1\"]]"), "'' is no name of an atom"},
      {BONDS("[[\"A\", 3, \"OXT\"], [\"B\", 1, \"C1\"]]"),
       "of a chain does not have the atom 'OXT' of its component"},
      {BONDS("[[\"A\", 1, 7], [\"B\", 1, \"C1\"]]"), "'atom' must be its name"},
      {BONDS("[[\"A\", 1], [\"B\", 1, \"C1\"]]"),
       "[chain, residue, \"NAME\"] was expected; it is an array of another "
       "length"},
      {BONDS("[[\"A\", 1, \"ND2\"]]"), "a bond is a list of two atoms"},
      {BONDS("1"), "a bond is a list of two atoms"},
      {"\"covalent_bonds\": {\"a\": 1}", "'covalent_bonds' must be a list"},
      {BONDS("[[\"A\", 1, \"ND2\"], [\"A\", 1, \"ND2\"]]"), "the atom A 1 ND2 is bonded to itself"},
      {BONDS("[[\"A\", 1, \"ND2\"], [\"A\", 1, \"C\"]]"), "are of one residue"},
      {BONDS(ASN_NAG ", [[\"B\", 1, \"C1\"], [\"A\", 1, \"ND2\"]]"),
       "the bond of A 1 ND2 and B 1 C1 is given twice"},
      {BONDS(ASN_NAG) ", \"leaving_atoms\": [[\"B\", 1, \"C1\"]]", "it cannot be bonded and leave"},
      {"\"leaving_atoms\": [[\"B\", 1, \"O1\"], [\"B\", 1, \"O1\"]]",
       "B 1 O1 is named twice in 'leaving_atoms'"},
      {"\"leaving_atoms\": [[\"B\", 2, \"O1\"]]", "entry 1 of 'leaving_atoms': chain B has no residue 2"},
      {"\"leaving_atoms\": [[\"B\", 1, \"O9\"]]",
       "entry 1 of 'leaving_atoms': residue B 1 (NAG) has no atom 'O9'"},
      {"\"pocket_constraint\": {\"ligand\": \"B\"}", "unknown key 'ligand'; the keys are ligand_chain_id, "},
      {"\"pocket_constraint\": {\"ligand_chain_id\": \"A\", \"pocket_residues\": [[\"A\", 1]]}",
       "'pocket_constraint': chain A is no ligand"},
      {"\"pocket_constraint\": {\"ligand_chain_id\": \"Z\", \"pocket_residues\": [[\"A\", 1]]}",
       "no chain 'Z'"},
      {"\"pocket_constraint\": {\"ligand_chain_id\": \"B\", \"pocket_residues\": []}",
       "the pocket has no residue"},
      {"\"pocket_constraint\": {\"ligand_chain_id\": \"B\", \"pocket_residues\": [[\"A\", 9]]}",
       "residue 1 of the pocket: chain A has no residue 9"},
      {"\"pocket_constraint\": {\"ligand_chain_id\": \"B\", \"pocket_residues\": [{\"chain_id\": \"A\"}]}",
       "'residue' must be an integer from 1; it is null"},
      {"\"pocket_constraint\": {\"ligand_chain_id\": \"B\", \"pocket_residues\": [[\"A\", 1]], "
       "\"max_distance\": 0}",
       "a number above 0 was expected"},
  };
  for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
    char text[1024];
    snprintf(text, sizeof text, SUGAR("%s"), wrong[k][0]);
    refused(text, false, wrong[k][1]);
  }
}

/* Bonds that leave it open what goes: two groups on one atom, and one that another bond holds. */
static void test_ambiguous(void **state) {
  (void)state;
  const char *phosphates =
      "{\"molecule_type\": \"protein\", \"chain_ids\": \"A\", \"sequence\": \"S\"}, {\"molecule_type\": "
      "\"ligand\", \"chain_ids\": \"B\", \"ccd_codes\": \"DA\"}], " BONDS(
          "[[\"A\", 1, \"OG\"], [\"B\", 1, \"OP3\"]], [[\"A\", 1, \"CB\"], [\"B\", 1, \"P\"]]");
  refused(phosphates, true, "the atom OP3 of residue B 1 (DA) is bonded, and would leave for another bond");
  refused("{\"molecule_type\": \"ligand\", \"chain_ids\": \"B\", \"ccd_codes\": \"CL\"}, " NAG(
              "\"N\"") "], "
                       "\"leaving_atoms\": [[\"B\", 1, \"CL\"]]",
          false, "residue B 1 (CL) has no atom that stays");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_reference),      cmocka_unit_test(test_inferred),  cmocka_unit_test(test_kinds),
      cmocka_unit_test(test_known_to_files), cmocka_unit_test(test_glycan),    cmocka_unit_test(test_number),
      cmocka_unit_test(test_refused),        cmocka_unit_test(test_ambiguous),
  };
  return cmocka_run_group_tests(tests, open_library, close_library);
}
