/* Queries made by functions and results in memory: what of3_predict writes, without a file. */
#define _DEFAULT_SOURCE /* mkdtemp */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder.h"
#include "of3.h"

static const char checkpoint[] = "tests/fixtures/parity/checkpoint_ob.safetensors";
static const char sequence[] = "MKTAYIAKQRQISFVKSHFSRQ";
enum { SEED = 7 };

static void must(of3_status status, const of3_error *err) {
  if (status != OF3_OK) fail_msg("%s", err->text);
}

static of3_predict_options few_steps(void) {
  of3_predict_options o = of3_predict_defaults();
  o.samples = 2;
  o.recycles = 0;
  o.steps = 3;
  return o;
}

static void open_model(of3_engine **engine, of3_model **model) {
  of3_error err = {0};
  must(of3_engine_open(NULL, NULL, engine, &err), &err);
  must(of3_model_open(*engine, checkpoint, model, &err), &err);
}

static of3_query *dimer(void) {
  static const char *const ids[] = {"A", "B"};
  of3_query *q = NULL;
  of3_error err = {0};
  must(of3_query_new("dimer", &q, &err), &err);
  must(of3_query_add_chain(q, OF3_PROTEIN, ids, 2, sequence, &err), &err);
  return q;
}

/* Word `index` of a line, from 0; NULL if there are fewer. */
static const char *word(char *line, int index) {
  char *w = strtok(line, " \n");
  while (w && index-- > 0) w = strtok(NULL, " \n");
  return w;
}

/* Coordinates of the atoms of an mmCIF file [atoms,3], found by the names of the columns. */
static int read_coordinates(const char *path, float *xyz, int most) {
  char line[512];
  int column[3] = {-1, -1, -1}, n_column = 0, n = 0;
  FILE *f = fopen(path, "r");
  if (!f) fail_msg("%s cannot be read", path);
  while (fgets(line, sizeof line, f)) {
    if (strncmp(line, "_atom_site.", 11) == 0) {
      for (int k = 0; k < 3; k++)
        if (strncmp(line + 11, "Cartn_", 6) == 0 && line[17] == 'x' + k) column[k] = n_column;
      n_column++;
    } else if (strncmp(line, "ATOM ", 5) == 0) {
      assert_true(n < most);
      for (int k = 0; k < 3; k++) {
        char copy[512];
        strcpy(copy, line);
        const char *w = word(copy, column[k]);
        assert_non_null(w);
        xyz[3 * n + k] = strtof(w, NULL);
      }
      n++;
    }
  }
  fclose(f);
  return n;
}

static void is_what_predict_writes(void **state) {
  static const char json[] = "{\"queries\": {\"dimer\": {\"chains\": [{\"molecule_type\": \"protein\", "
                             "\"chain_ids\": [\"A\", \"B\"], "
                             "\"sequence\": \"MKTAYIAKQRQISFVKSHFSRQ\"}]}}}";
  enum { MOST = 1000 };
  static float xyz[3 * MOST];
  const char *folder = *state;
  char path[128];
  uint64_t seed = SEED;
  of3_engine *engine = NULL;
  of3_model *model = NULL;
  of3_report *report = NULL;
  of3_result *r = NULL;
  of3_error err = {0};
  of3_predict_options o = few_steps();
  snprintf(path, sizeof path, "%s/q.json", folder);
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  fputs(json, f);
  assert_int_equal(fclose(f), 0);
  open_model(&engine, &model);
  of3_query *q = dimer();
  must(of3_fold_query(model, q, SEED, &o, &r, &err), &err);
  o.output_dir = folder;
  o.cif_style = "reference"; /* whose coordinates are the shortest decimals of the same floats */
  o.seeds = &seed;
  o.n_seed = 1;
  must(of3_predict(model, path, &o, &report, &err), &err);
  of3_query_free(q);

  const of3_item *item = &report->item[0];
  const of3_sample_scores *s = &r->scores[r->best];
  assert_int_equal(r->best + 1, item->best_sample);
  assert_true(s->ranking_score - item->best.ranking_score < 1e-6 &&
              item->best.ranking_score - s->ranking_score < 1e-6);
  int n = read_coordinates(item->best_file, xyz, MOST);
  assert_int_equal(n, r->n_atom);
  assert_memory_equal(xyz, r->xyz + 3 * (size_t)r->best * (size_t)n, 3 * (size_t)n * sizeof *xyz);
  of3_report_free(report);
  of3_model_close(model);
  of3_engine_close(engine);

  /* the result outlives them all */
  assert_string_equal(r->query, "dimer");
  assert_true(r->seed == SEED);
  assert_int_equal(r->n_chain, 2);
  assert_string_equal(r->chain[1].id, "B");
  assert_int_equal(r->n_token, 2 * (int)strlen(sequence));
  assert_string_equal(r->residue[1].name, "LYS");
  assert_string_equal(r->atom[r->token_atom[1] + 1].name, "CA");
  assert_string_equal(r->atom[r->token_atom[1] + 1].element, "C");
  assert_true(r->chain_pair_iptm[1] == r->chain_pair_iptm[2]);
  assert_true(r->seconds[OF3_PHASE_WRITE] == 0);
  of3_result_free(r);
}

static void assert_refused(of3_status status, of3_status expected, const of3_error *err, const char *part) {
  assert_int_equal(status, expected);
  if (!strstr(err->text, part)) fail_msg("expected '...%s...', got '%s'", part, err->text);
}

static void refuses_in_sentences(void **state) {
  static const char *const a[] = {"A"}, *const again[] = {"B", "A"}, *const blank[] = {"A B"};
  of3_query *q = (of3_query *)1;
  of3_result *r = (of3_result *)1;
  of3_engine *engine = NULL;
  of3_model *model = NULL;
  of3_error err = {0};
  of3_predict_options o = few_steps();
  (void)state;
  assert_refused(of3_query_new("", &q, &err), OF3_ERR_INPUT, &err, "empty name");
  assert_null(q);
  must(of3_query_new("q", &q, &err), &err);
  open_model(&engine, &model);
  assert_refused(of3_fold_query(model, q, SEED, &o, &r, &err), OF3_ERR_INPUT, &err, "has no chain");
  assert_null(r);
  assert_refused(of3_query_add_msa(q, "x.a3m", &err), OF3_ERR_USAGE, &err, "add the chain first");
  assert_refused(of3_query_add_chain(q, (of3_molecule)7, a, 1, "ACGU", &err), OF3_ERR_USAGE, &err,
                 "7 is no type");
  assert_refused(of3_query_add_chain(q, OF3_LIGAND, a, 1, "atp", &err), OF3_ERR_INPUT, &err,
                 "'atp' is no code");
  assert_refused(of3_query_add_chain(q, OF3_RNA, a, 1, "ac-u", &err), OF3_ERR_INPUT, &err,
                 "residue 3 of the sequence is '-'");
  assert_refused(of3_query_add_chain(q, OF3_PROTEIN, a, 1, "MK7", &err), OF3_ERR_INPUT, &err, "residue 3");
  assert_refused(of3_query_add_chain(q, OF3_PROTEIN, a, 0, "MK", &err), OF3_ERR_INPUT, &err,
                 "at least one id");
  assert_refused(of3_query_add_chain(q, OF3_PROTEIN, blank, 1, "MK", &err), OF3_ERR_INPUT, &err, "blanks");
  must(of3_query_add_chain(q, OF3_PROTEIN, a, 1, "MKTAY", &err), &err);
  assert_refused(of3_query_add_chain(q, OF3_PROTEIN, again, 2, "MK", &err), OF3_ERR_INPUT, &err,
                 "'A' is given twice");
  assert_refused(of3_query_add_msa(q, "/no/such.a3m", &err), OF3_ERR_INPUT, &err,
                 "neither a file nor a folder");
  o.samples = 0;
  assert_refused(of3_fold_query(model, q, SEED, &o, &r, &err), OF3_ERR_USAGE, &err, "0 samples");
  o.samples = 1;
  must(of3_fold_query(model, q, SEED, &o, &r, &err), &err); /* what was refused left nothing behind */
  assert_int_equal(r->n_token, 5);
  of3_result_free(r);
  of3_result_free(NULL);
  of3_query_free(NULL);
  of3_query_free(q);
  of3_model_close(model);
  of3_engine_close(engine);
}

/* Two chains with a disulfide, and a glycan on one of them, whose two sugars are bonded. */
static void bonds_are_folded(void **state) {
  (void)state;
  static const char *const chains[] = {"A", "B"}, *const sugar[] = {"G"}, *const codes[] = {"NAG", "NAG"};
  const of3_atom_name sg[] = {{"A", 2, "SG"}, {"B", 2, "SG"}}, site[] = {{"A", 1, NULL}, {"A", 3, NULL}},
                      asn = {"A", 3, "ND2"}, c1[] = {{"G", 1, "C1"}, {"G", 2, "C1"}}, o4 = {"G", 1, "O4"},
                      o1[] = {{"G", 1, "O1"}, {"G", 2, "O1"}};
  of3_engine *engine = NULL;
  of3_model *model = NULL;
  of3_query *q = NULL;
  of3_result *r = NULL;
  of3_error err = {0};
  of3_predict_options o = few_steps();
  open_model(&engine, &model);
  must(of3_query_new("bonds", &q, &err), &err);
  assert_refused(of3_query_set_first_number(q, 5, &err), OF3_ERR_USAGE, &err, "before any chain");
  must(of3_query_add_chain(q, OF3_PROTEIN, chains, 2, "GCNG", &err), &err);
  must(of3_query_set_first_number(q, -5, &err), &err);
  assert_refused(of3_query_set_first_number(q, 2000000, &err), OF3_ERR_INPUT, &err, "2000000");
  assert_refused(of3_query_add_glycan(q, sugar, 1, codes, 0, &err), OF3_ERR_INPUT, &err, "at least one code");
  must(of3_query_add_glycan(q, sugar, 1, codes, 2, &err), &err);
  must(of3_query_add_bond(q, sg[0], sg[1], &err), &err);
  assert_refused(of3_query_add_bond(q, sg[1], sg[0], &err), OF3_ERR_INPUT, &err, "given twice");
  assert_refused(of3_query_add_bond(q, site[1], c1[0], &err), OF3_ERR_INPUT, &err,
                 "'' is no name of an atom");
  must(of3_query_add_bond(q, asn, c1[0], &err), &err);
  must(of3_query_add_bond(q, o4, c1[1], &err), &err);
  must(of3_query_add_leaving_atom(q, o1[0], &err), &err);
  assert_refused(of3_query_add_leaving_atom(q, c1[0], &err), OF3_ERR_INPUT, &err,
                 "cannot be bonded and leave");
  assert_refused(of3_query_set_pocket(q, "A", site, 2, 0, &err), OF3_ERR_INPUT, &err, "no ligand");
  must(of3_query_set_pocket(q, "G", site, 2, 0, &err), &err);
  o.infer_leaving_atoms = true; /* O1 of the second sugar, of which the query says nothing */
  must(of3_fold_query(model, q, SEED, &o, &r, &err), &err);
  assert_int_equal(r->n_residue, 10);
  assert_string_equal(r->residue[9].name, "NAG");
  assert_int_equal(r->residue[9].number, 2);
  assert_int_equal(r->residue[9].n_atom, 14);
  assert_int_equal(r->n_token, 1 + 6 + 8 + 1 + 1 + 6 + 1 + 1 + 14 + 14);
  of3_result_free(r);
  of3_query_free(q);
  of3_model_close(model);
  of3_engine_close(engine);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(is_what_predict_writes),
                                     cmocka_unit_test(refuses_in_sentences),
                                     cmocka_unit_test(bonds_are_folded)};
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
