/* Structure files of mixed complexes, byte for byte the reference's (tools/make_structure_fixtures.py): of
 * the molecules that the fixture describes, and of those that of3 builds from the query. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "strict_cif.h"
#include "structure_case.h"
#include "write/structure.h"

/* Says where two texts part. */
static void same_text(const char *what, const of3_str *found, const char *wanted) {
  size_t k = 0;
  int line = 1;
  for (; k < found->len && found->text[k] == wanted[k]; k++) line += found->text[k] == '\n';
  if (k < found->len || wanted[k])
    fail_msg("%s differs in line %d: '%.60s' instead of '%.60s'", what, line,
             k < found->len ? found->text + k : "", wanted + k);
}

static void check_cif(structure_case *s, const of3_complex *complex) {
  of3_str text = {0};
  of3_error err = {0};
  if (of3_cif_text(complex, s->x, s->plddt, NULL, &text, &err) != OF3_OK) fail_msg("%s", err.text);
  same_text(of3_arena_printf(s->arena, "%s.cif", s->name), &text, structure_case_file(s, "cif"));
  of3_str_free(&text);
}

static void check_pdb(structure_case *s, const of3_complex *complex) {
  of3_str text = {0};
  of3_error err = {0};
  const char *wanted = structure_case_file(s, "pdb");
  const of3_status status = of3_pdb_text(complex, s->x, s->plddt, NULL, NULL, &text, &err);
  if (wanted) {
    if (status != OF3_OK) fail_msg("%s: %s", s->name, err.text);
    same_text(of3_arena_printf(s->arena, "%s.pdb", s->name), &text, wanted);
  } else {
    assert_int_equal(status, OF3_ERR_INPUT);
    assert_non_null(strstr(err.text, "--format cif"));
  }
  of3_str_free(&text);
}

static void test_described(void **state) {
  (void)state;
  for (int k = 0; k < structure_case_count; k++) {
    structure_case s;
    structure_case_open(&s, structure_case_name[k]);
    check_cif(&s, &s.complex);
    check_pdb(&s, &s.complex);
    structure_case_close(&s);
  }
}

static void test_built(void **state) {
  (void)state;
  int built = 0;
  for (int k = 0; k < structure_case_count; k++) {
    structure_case s;
    structure_case_open(&s, structure_case_name[k]);
    if (structure_case_build(&s)) {
      check_cif(&s, &s.built);
      check_pdb(&s, &s.built);
      built++;
    }
    structure_case_close(&s);
  }
  print_message("%d of %d queries built\n", built, structure_case_count);
  assert_true(built == structure_case_count || built == 18); /* without RDKit those without SMILES */
}

/* ---- of3's own style */

static const of3_structure_about about = {.version = "0",
                                          .variant = "OB",
                                          .seed = 7,
                                          .sample = 1,
                                          .plddt = 71.2345,
                                          .ptm = 0.5,
                                          .iptm = 0.25,
                                          .opt_pae_file = "a b_confidences.json"};

static void write_model(structure_case *s, const of3_complex *complex, strict_cif *cif) {
  of3_str text = {0};
  of3_error err = {0};
  if (of3_modelcif_text(complex, s->x, s->plddt, &about, NULL, &text, &err) != OF3_OK)
    fail_msg("%s", err.text);
  strict_read(cif, s->arena, text.text, text.len);
  strict_references(cif);
  of3_str_free(&text);
}

static const char *value(const strict_cif *cif, const char *category, int row, const char *item) {
  const strict_table *t = strict_find(cif, category);
  if (!t) fail_msg("no _%s", category);
  return strict_cell(t, row, item);
}

static void test_model(void **state) {
  (void)state;
  for (int k = 0; k < structure_case_count; k++) {
    structure_case s;
    strict_cif cif;
    structure_case_open(&s, structure_case_name[k]);
    write_model(&s, &s.complex, &cif);
    assert_int_equal(strict_rows(&cif, "atom_site"), s.complex.n_atom);
    assert_int_equal(strict_rows(&cif, "struct_asym"), s.complex.n_chain);
    assert_string_equal(value(&cif, "ma_entry_associated_files", 0, "file_url"), "a%20b_confidences.json");
    structure_case_close(&s);
  }
}

/* One fact of a file: the value of an item in the row where another has a value. */
typedef struct fact {
  const char *of, *category, *key, *is, *item, *value;
} fact;

static void test_facts(void **state) {
  (void)state;
  static const fact facts[] = {
      {"phospho", "entity_poly", "entity_id", "1", "pdbx_seq_one_letter_code", "G(SEP)(TPO)(PTR)(HYP)(MSE)K"},
      {"phospho", "entity_poly", "entity_id", "1", "pdbx_seq_one_letter_code_can", "GSTYPMK"},
      {"phospho", "pdbx_struct_mod_residue", "label_seq_id", "6", "parent_comp_id", "MET"},
      {"phospho", "chem_comp", "id", "MSE", "formula", "C5 H11 N O2 Se"},
      {"phospho", "chem_comp", "id", "SEP", "mon_nstd_parent_comp_id", "SER"},
      {"chromophore", "entity_poly", "pdbx_strand_id", "A", "pdbx_seq_one_letter_code", "G(CRO)G"},
      {"chromophore", "entity_poly", "pdbx_strand_id", "A", "pdbx_seq_one_letter_code_can", "GTYGG"},
      {"rna_modified", "entity_poly", "entity_id", "1", "pdbx_seq_one_letter_code_can", "GUAGCN"},
      {"hybrid", "entity_poly", "pdbx_strand_id", "D", "type",
       "polydeoxyribonucleotide/polyribonucleotide hybrid"},
      {"shared_letters", "entity_poly", "pdbx_strand_id", "Q", "pdbx_seq_one_letter_code", "AG(CSO)"},
      {"caps", "chem_comp", "id", "ACE", "type", "NON-POLYMER"},
      {"caps", "chem_comp", "id", "ACE", "mon_nstd_flag", "."},
      {"ions", "chem_comp", "id", "ZN", "name", "ZINC ION"},
      {"ions", "chem_comp", "id", "ZN", "formula", "Zn"},
      {"ions", "chem_comp_atom", "comp_id", "FE2", "charge", "2"},
      {"ions", "entity", "pdbx_description", "SULFATE ION", "type", "non-polymer"},
      {"five_letters", "pdbx_entity_nonpoly", "comp_id", "A1AAA", "ma_model_mode", "explicit"},
      {"smiles_salt", "chem_comp", "id", "LIG0", "ma_provenance", "CCD local"},
      {"smiles_salt", "pdbx_chem_comp_descriptor", "comp_id", "LIG1", "type", "SMILES"},
      {"long_ids", "struct_asym", "id", "D-1", "entity_id", "2"},
      {"rna_modified", "chem_comp_bond", "atom_id_1", "C5'", "comp_id", "5MC"},
  };
  for (size_t k = 0; k < sizeof facts / sizeof *facts; k++) {
    const fact *f = &facts[k];
    structure_case s;
    strict_cif cif;
    structure_case_open(&s, f->of);
    write_model(&s, &s.complex, &cif);
    const strict_table *t = strict_find(&cif, f->category);
    if (!t) fail_msg("%s has no _%s", f->of, f->category);
    const int row = strict_row_of(t, f->key, f->is);
    if (row < 0) fail_msg("%s has no _%s.%s %s", f->of, f->category, f->key, f->is);
    assert_string_equal(strict_cell(t, row, f->item), f->value);
    structure_case_close(&s);
  }
}

static int atom_of(const of3_complex *c, const char *chain, int residue, const char *name) {
  for (int k = 0; k < c->n_atom; k++) {
    const of3_residue *r = &c->residue[c->atom[k].residue];
    if (strcmp(c->chain[r->chain].id, chain) == 0 && r->number == residue &&
        strcmp(c->atom[k].name, name) == 0)
      return k;
  }
  fail_msg("no atom %s %d %s", chain, residue, name);
  return -1;
}

static void add_bond(structure_case *s, of3_bond bond) {
  of3_bond *list = OF3_ARENA_NEW(s->arena, of3_bond, s->complex.n_bond + 1);
  memcpy(list, s->complex.bond, (size_t)s->complex.n_bond * sizeof *list);
  list[s->complex.n_bond++] = bond;
  s->complex.bond = list;
}

static of3_bond user_bond(int a, int b) {
  return (of3_bond){.a = a, .b = b, .order = 1, .kind = OF3_BOND_USER};
}

/* A disulfide, a metal that is bound, the closure of a cycle, none of a sequence of standard residues. */
static void test_links(void **state) {
  (void)state;
  structure_case s;
  strict_cif cif;
  structure_case_open(&s, "cyclic");
  of3_complex *c = &s.complex;
  write_model(&s, c, &cif);
  assert_int_equal(strict_rows(&cif, "struct_conn"), 0);
  add_bond(&s, user_bond(atom_of(c, "B", 1, "SG"), atom_of(c, "B", 3, "SG")));
  add_bond(&s, (of3_bond){.a = atom_of(c, "A", 5, "C"),
                          .b = atom_of(c, "A", 1, "N"),
                          .order = 1,
                          .kind = OF3_BOND_CYCLE});
  write_model(&s, c, &cif);
  assert_int_equal(strict_rows(&cif, "struct_conn"), 2);
  assert_string_equal(value(&cif, "struct_conn", 0, "id"), "disulf1");
  assert_string_equal(value(&cif, "struct_conn", 1, "id"), "covale1");
  assert_string_equal(value(&cif, "struct_conn", 1, "ptnr1_label_seq_id"), "5");
  assert_string_equal(value(&cif, "struct_conn", 1, "ptnr2_label_atom_id"), "N");
  assert_string_equal(value(&cif, "struct_conn", 1, "pdbx_value_order"), "sing");
  structure_case_close(&s);
  structure_case_open(&s, "ions");
  add_bond(&s, user_bond(atom_of(c, "A", 2, "NE2"), atom_of(c, "B", 1, "ZN")));
  write_model(&s, c, &cif);
  assert_string_equal(value(&cif, "struct_conn", 0, "conn_type_id"), "metalc");
  assert_string_equal(value(&cif, "struct_conn", 0, "ptnr2_label_seq_id"), ".");
  assert_string_equal(value(&cif, "struct_conn", 0, "ptnr2_auth_seq_id"), "1");
  structure_case_close(&s);
}

/* Four sugars as one chain, of which two are bonded. */
static void test_branched(void **state) {
  (void)state;
  structure_case s;
  strict_cif cif;
  structure_case_open(&s, "sugars");
  of3_complex *c = &s.complex;
  c->n_chain = 2;
  c->chain[1].n_residue = 4;
  for (int k = 0; k < 4; k++) {
    c->residue[c->chain[1].first_residue + k].chain = 1;
    c->residue[c->chain[1].first_residue + k].number = k + 1;
  }
  add_bond(&s, user_bond(atom_of(c, "B", 1, "O4"), atom_of(c, "B", 2, "C1")));
  write_model(&s, c, &cif);
  assert_int_equal(strict_rows(&cif, "pdbx_entity_branch"), 1);
  assert_int_equal(strict_rows(&cif, "pdbx_entity_branch_list"), 4);
  assert_int_equal(strict_rows(&cif, "pdbx_branch_scheme"), 4);
  assert_int_equal(strict_rows(&cif, "pdbx_entity_branch_link"), 1);
  assert_int_equal(strict_rows(&cif, "pdbx_entity_nonpoly"), 0);
  assert_string_equal(value(&cif, "pdbx_entity_branch_link", 0, "comp_id_1"), "NAG");
  assert_string_equal(value(&cif, "pdbx_entity_branch_link", 0, "leaving_atom_id_1"), "HO4");
  assert_string_equal(value(&cif, "struct_conn", 0, "ptnr2_auth_seq_id"), "2");
  const strict_table *entity = strict_find(&cif, "entity");
  assert_int_not_equal(strict_row_of(entity, "type", "branched"), -1);
  assert_int_not_equal(strict_row_of(entity, "pdbx_description", "NAG-BGC-MAN-FUC"), -1);
  structure_case_close(&s);
}

/* Author numbers are the places in the sequence plus the chain's shift, in every category. */
static void test_author_numbers(void **state) {
  (void)state;
  structure_case s;
  strict_cif cif;
  structure_case_open(&s, "heme");
  s.complex.chain[0].number_shift = -3;
  s.complex.chain[1].number_shift = 499;
  write_model(&s, &s.complex, &cif);
  assert_string_equal(value(&cif, "pdbx_poly_seq_scheme", 0, "seq_id"), "1");
  assert_string_equal(value(&cif, "pdbx_poly_seq_scheme", 0, "auth_seq_num"), "-2");
  assert_string_equal(value(&cif, "pdbx_poly_seq_scheme", 3, "pdb_seq_num"), "1");
  assert_string_equal(value(&cif, "pdbx_nonpoly_scheme", 0, "auth_seq_num"), "500");
  assert_string_equal(value(&cif, "atom_site", 0, "label_seq_id"), "1");
  assert_string_equal(value(&cif, "atom_site", 0, "auth_seq_id"), "-2");
  assert_string_equal(value(&cif, "atom_site", s.complex.n_atom - 1, "auth_seq_id"), "500");
  structure_case_close(&s);
}

/* ---- PDB files of of3's style: the reference's atoms, and records around them */

static const char *pdb_of(structure_case *s, const of3_structure_about *opt_about) {
  of3_str text = {0};
  of3_error err = {0};
  if (of3_pdb_text(&s->complex, s->x, s->plddt, opt_about, NULL, &text, &err) != OF3_OK)
    fail_msg("%s", err.text);
  const char *kept = of3_arena_strdup(s->arena, text.text);
  of3_str_free(&text);
  return kept;
}

/* The lines that begin with one of two words. */
static const char *lines_of(structure_case *s, const char *text, const char *a, const char *b) {
  of3_str kept = {0};
  for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
    if (strncmp(line, a, strlen(a)) == 0 || strncmp(line, b, strlen(b)) == 0)
      of3_str_addn(&kept, line, strcspn(line, "\n") + 1);
  const char *out = of3_arena_strdup(s->arena, kept.text ? kept.text : "");
  of3_str_free(&kept);
  return out;
}

static void test_pdb_atoms(void **state) {
  (void)state;
  for (int k = 0; k < structure_case_count; k++) {
    structure_case s;
    structure_case_open(&s, structure_case_name[k]);
    if (structure_case_file(&s, "pdb") && strncmp(s.name, "smiles_", 7) != 0) {
      const char *own = pdb_of(&s, &about), *usual = pdb_of(&s, NULL);
      assert_string_equal(lines_of(&s, own, "ATOM", "HETATM"), lines_of(&s, usual, "ATOM", "HETATM"));
      assert_string_equal(lines_of(&s, own, "CONECT", "CONECT"), lines_of(&s, usual, "CONECT", "CONECT"));
    }
    structure_case_close(&s);
  }
}

static void test_pdb_records(void **state) {
  (void)state;
  static const char *const wanted[] = {
      "TITLE     PREDICTION OF cyclic BY OF3 0, WEIGHTS OB, SEED 7, SAMPLE 1\n",
      "SEQRES   1 A    5  GLY PHE GLY TRP CYS\n",
      "LINK         C   CYS A   5                 N   GLY A   1     1555   1555 ",
      "TER              CYS A   5\n",
      " CYS B  -1 ",
      "\nEND\n"};
  structure_case s;
  structure_case_open(&s, "cyclic");
  of3_complex *c = &s.complex;
  c->chain[1].number_shift = -2;
  add_bond(&s, (of3_bond){.a = atom_of(c, "A", 5, "C"),
                          .b = atom_of(c, "A", 1, "N"),
                          .order = 1,
                          .kind = OF3_BOND_CYCLE});
  const char *text = pdb_of(&s, &about);
  for (size_t k = 0; k < sizeof wanted / sizeof *wanted; k++)
    if (!strstr(text, wanted[k])) fail_msg("'%s' is not in\n%s", wanted[k], text);
  of3_error err = {0};
  c->chain[1].number_shift = -1001;
  assert_int_equal(of3_pdb_check(c, &err), OF3_ERR_INPUT);
  assert_non_null(strstr(err.text, "residue number -1000"));
  structure_case_close(&s);
  structure_case_open(&s, "five_letters");
  text = pdb_of(&s, &about);
  assert_non_null(strstr(text, "HETNAM     A1A A1AAA "));
  assert_non_null(strstr(text, " A1A L   1 "));
  structure_case_close(&s);
}

/* A ligand of 10,000 atoms in both formats; their names need five characters from C1000 on. */
static void test_large_ligand(void **state) {
  (void)state;
  enum { ATOMS = 10000 };
  structure_case s;
  strict_cif cif;
  of3_error err = {0};
  structure_case_open(&s, "smiles_alone");
  of3_complex *c = &s.complex;
  of3_component_atom *part = OF3_ARENA_NEW(s.arena, of3_component_atom, ATOMS);
  of3_component *component = OF3_ARENA_NEW(s.arena, of3_component, 1);
  c->atom = OF3_ARENA_NEW(s.arena, of3_atom, ATOMS);
  s.x = OF3_ARENA_NEW(s.arena, float, 3 * ATOMS);
  s.plddt = OF3_ARENA_NEW(s.arena, float, ATOMS);
  for (int k = 0; k < ATOMS; k++) {
    c->atom[k] = (of3_atom){.element = "C", .component_atom = k};
    snprintf(c->atom[k].name, sizeof c->atom[k].name, "C%u", (unsigned)(k + 1) % 100000);
    memcpy(part[k].name, c->atom[k].name, sizeof part[k].name);
    memcpy(part[k].element, "C", 2);
  }
  *component = (of3_component){.code = "LIG0", .n_atom = ATOMS, .atom = part, .own = true};
  c->residue[0].component = component;
  c->n_atom = c->residue[0].n_atom = ATOMS;
  c->n_bond = 0;
  write_model(&s, c, &cif);
  assert_int_equal(strict_rows(&cif, "atom_site"), ATOMS);
  assert_string_equal(value(&cif, "atom_site", ATOMS - 1, "label_atom_id"), "C10000");
  assert_int_equal(of3_pdb_check(c, &err), OF3_ERR_INPUT);
  assert_non_null(strstr(err.text, "atom 'C1000'"));
  structure_case_close(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_described),      cmocka_unit_test(test_built),
      cmocka_unit_test(test_model),          cmocka_unit_test(test_facts),
      cmocka_unit_test(test_links),          cmocka_unit_test(test_branched),
      cmocka_unit_test(test_author_numbers), cmocka_unit_test(test_pdb_atoms),
      cmocka_unit_test(test_pdb_records),    cmocka_unit_test(test_large_ligand)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
