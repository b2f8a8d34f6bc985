/* ModelCIF files: read by a strict reader of CIF (strict_cif.h), their categories compared with each other
 * and with the molecules; and whole files against committed ones (which Biopython, gemmi and python-modelcif
 * read). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/str.h"
#include "strict_cif.h"
#include "write/structure.h"
#include "write_fixture.h"

/* ---- What a file must hold */

static void check_atoms(const strict_cif *c, const fixture *fx) {
  const strict_table *t = strict_find(c, "atom_site");
  assert_non_null(t);
  assert_int_equal(t->n_row, fx->complex.n_atom);
  for (int k = 0; k < t->n_row; k++) {
    const of3_atom *a = &fx->complex.atom[k];
    const of3_residue *r = &fx->complex.residue[a->residue];
    const of3_chain *ch = &fx->complex.chain[r->chain];
    assert_int_equal(atoi(strict_cell(t, k, "id")), k + 1);
    assert_string_equal(strict_cell(t, k, "label_atom_id"), a->name);
    assert_string_equal(strict_cell(t, k, "auth_asym_id"), ch->id);
    assert_string_equal(strict_cell(t, k, "occupancy"), "1.00");
    assert_int_equal(atoi(strict_cell(t, k, "auth_seq_id")), r->number);
    if (ch->type == OF3_LIGAND)
      assert_string_equal(strict_cell(t, k, "label_seq_id"), ".");
    else
      assert_int_equal(atoi(strict_cell(t, k, "label_seq_id")), r->number);
    assert_true(fabs(atof(strict_cell(t, k, "Cartn_y")) - (double)fx->p.x[3 * k + 1]) <= 0.00051);
    assert_true(fabs(atof(strict_cell(t, k, "B_iso_or_equiv")) - (double)fx->p.plddt[k]) <= 0.0051);
  }
}

/* Polymers: as many residues in each category, and letters as the query has them. */
static void check_polymers(const strict_cif *c, const fixture *fx) {
  const strict_table *poly = strict_find(c, "entity_poly"), *seq = strict_find(c, "entity_poly_seq"),
                     *scheme = strict_find(c, "pdbx_poly_seq_scheme");
  int residues = 0, first_copies = 0, others = 0;
  for (int k = 0; k < fx->complex.n_chain; k++) {
    const of3_chain *ch = &fx->complex.chain[k];
    char number[16];
    snprintf(number, sizeof number, "%d", ch->entity_id);
    const strict_table *entity = strict_find(c, "entity");
    int e = strict_row_of(entity, "id", number);
    assert_true(e >= 0);
    assert_string_equal(strict_cell(entity, e, "type"), ch->type == OF3_LIGAND ? "non-polymer" : "polymer");
    if (ch->type == OF3_LIGAND) {
      others += ch->n_residue;
      continue;
    }
    residues += ch->n_residue;
    if (ch->sym_id == 1) first_copies += ch->n_residue;
    int row = strict_row_of(poly, "entity_id", number), n = 0;
    for (const char *p = strict_cell(poly, row, "pdbx_seq_one_letter_code_can"); *p; p++) n += *p != '\n';
    assert_int_equal(n, ch->n_residue);
    assert_non_null(strstr(strict_cell(poly, row, "pdbx_strand_id"), ch->id));
  }
  assert_int_equal(scheme ? scheme->n_row : 0, residues);
  assert_int_equal(seq ? seq->n_row : 0, first_copies);
  const strict_table *local = strict_find(c, "ma_qa_metric_local"),
                     *ligands = strict_find(c, "pdbx_nonpoly_scheme");
  assert_int_equal(ligands ? ligands->n_row : 0, others);
  assert_int_equal(local->n_row, fx->complex.n_residue);
}

static void check_quality(const strict_cif *c, const fixture *fx) {
  const strict_table *metric = strict_find(c, "ma_qa_metric"), *whole = strict_find(c, "ma_qa_metric_global"),
                     *local = strict_find(c, "ma_qa_metric_local");
  const of3_residue *r = &fx->complex.residue[0];
  double sum = 0;
  assert_int_equal(strict_row_of(metric, "name", "ipTM") >= 0, fx->complex.n_chain > 1);
  assert_string_equal(strict_cell(whole, 0, "metric_value"), "71.23");
  assert_string_equal(strict_cell(whole, 1, "metric_value"), "0.5000");
  for (int a = 0; a < r->n_atom; a++) sum += (double)fx->p.plddt[r->first_atom + a];
  assert_true(fabs(atof(strict_cell(local, 0, "metric_value")) - sum / r->n_atom) <= 0.0051);
}

static void write_model(const fixture *fx, of3_str *out) {
  const of3_structure_about about = {
      .version = "0", .variant = "OB", .seed = 7, .sample = 1, .plddt = 71.2345, .ptm = 0.5, .iptm = 0.25};
  of3_error err = {0};
  if (of3_modelcif_text(&fx->complex, fx->p.x, fx->p.plddt, &about, NULL, out, &err) != OF3_OK)
    fail_msg("%s", err.text);
}

static void test_categories(void **state) {
  (void)state;
  static const char *const cases[] = {"peptide5", "monomer", "dimer", "clash", "mixed", "chains60"};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    fixture fx;
    fixture_open(&fx, cases[k]);
    of3_str text = {0};
    strict_cif c;
    write_model(&fx, &text);
    strict_read(&c, fx.arena, text.text, text.len);
    assert_string_equal(strict_cell(strict_find(&c, "entry"), 0, "id"), c.block);
    strict_references(&c);
    check_atoms(&c, &fx);
    check_polymers(&c, &fx);
    check_quality(&c, &fx);
    of3_str_free(&text);
    fixture_close(&fx);
  }
}

/* Names with blanks, quotes and letters beyond ASCII; a sequence of several lines. */
static void test_names(void **state) {
  (void)state;
  fixture fx;
  fixture_open(&fx, "monomer");
  of3_str text = {0};
  strict_cif c;
  fx.complex.name = "it's \"\xc3\xa9\" data_ x";
  write_model(&fx, &text);
  strict_read(&c, fx.arena, text.text, text.len);
  assert_string_equal(c.block, "it_s______data__x");
  assert_string_equal(strict_cell(strict_find(&c, "struct"), 0, "title"),
                      "Prediction of it's \"\xc3\xa9\" data_ x");
  of3_str_free(&text);
  fixture_close(&fx);
}

/* OF3_UPDATE=1 in the environment writes the expected file. */
static void same_as(const char *name, const char *path) {
  fixture fx;
  size_t n;
  fixture_open(&fx, name);
  of3_str text = {0};
  write_model(&fx, &text);
  of3_error err = {0};
  if (getenv("OF3_UPDATE")) assert_int_equal(of3_write_file(path, text.text, text.len, &err), OF3_OK);
  const char *wanted = read_all(fx.arena, path, &n);
  size_t k = 0;
  while (k < n && k < text.len && wanted[k] == text.text[k]) k++;
  if (k < n || k < text.len) fail_msg("%s: '%.60s' instead of '%.60s'", path, text.text + k, wanted + k);
  of3_str_free(&text);
  fixture_close(&fx);
}

static void test_whole_files(void **state) {
  (void)state;
  same_as("peptide5", "tests/fixtures/write/modelcif/peptide5.cif");
  same_as("mixed", "tests/fixtures/write/modelcif/mixed.cif");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_categories),
      cmocka_unit_test(test_names),
      cmocka_unit_test(test_whole_files),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
