/* The dictionary of components: from text and BinaryCIF (tools/make_cif_fixtures.py) to one file, what is in
 * it, and files that are damaged. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "ccd/ccd_library.h"
#include "folder.h"

#define FIXTURES "tests/fixtures/cif/"

static void assert_says(const of3_error *err, const char *part) {
  if (!strstr(err->text, part)) fail_msg("expected '...%s...', got '%s'", part, err->text);
}

static of3_ccd_counts convert(const char *in, const char *out, const char *only) {
  of3_ccd_counts n = {0};
  of3_error err = {0};
  if (of3_ccd_convert(in, out, (of3_ccd_options){.only = only}, NULL, &n, &err) != OF3_OK)
    fail_msg("%s", err.text);
  return n;
}

static of3_ccd_entry *find(const of3_ccd *ccd, const char *code, of3_arena *arena) {
  of3_ccd_entry *e = NULL;
  of3_error err = {0};
  if (of3_ccd_find(ccd, code, arena, &e, &err) != OF3_OK) fail_msg("%s", err.text);
  return e;
}

static int atom_named(const of3_ccd_entry *e, const char *name) {
  for (int i = 0; i < e->n_atom; i++)
    if (strcmp(e->atom[i].name, name) == 0) return i;
  fail_msg("no atom %s", name);
  return -1;
}

/* Text, a block for each component, and BinaryCIF, one for all, become the same bytes. */
static void test_same_file(void **state) {
  char a[64], b[64];
  of3_map x, y;
  of3_error err;
  snprintf(a, sizeof a, "%s/a", (const char *)*state);
  snprintf(b, sizeof b, "%s/b", (const char *)*state);
  of3_ccd_counts n = convert(FIXTURES "components.cif", a, NULL);
  convert(FIXTURES "components.bcif", b, NULL);
  assert_int_equal(n.components, 10);
  assert_int_equal(n.no_coordinates, 0);
  assert_int_equal(of3_map_open(a, &x, &err), OF3_OK);
  assert_int_equal(of3_map_open(b, &y, &err), OF3_OK);
  assert_int_equal(x.size, y.size);
  assert_memory_equal(x.data, y.data, x.size);
  of3_map_close(&x);
  of3_map_close(&y);
}

static void test_entries(void **state) {
  char path[64];
  of3_ccd *ccd = NULL;
  of3_error err = {0};
  of3_arena *arena = of3_arena_new(0);
  snprintf(path, sizeof path, "%s/a", (const char *)*state);
  convert(FIXTURES "components.cif", path, NULL);
  assert_int_equal(of3_ccd_open(path, &ccd, &err), OF3_OK);
  assert_int_equal(of3_ccd_count(ccd), 10);
  assert_int_equal(strlen(of3_ccd_newest(ccd)), 10);
  const of3_ccd_entry *ala = find(ccd, "ALA", arena);
  assert_non_null(ala);
  assert_string_equal(ala->name, "ALANINE");
  assert_string_equal(ala->type, "L-PEPTIDE LINKING");
  assert_string_equal(ala->letter, "A");
  assert_string_equal(ala->parent, "");
  assert_int_equal(ala->n_atom, 13);
  assert_int_equal(ala->n_bond, 12);
  assert_true(ala->atom[atom_named(ala, "OXT")].leaving);
  assert_false(ala->atom[atom_named(ala, "CA")].leaving);
  assert_int_equal(ala->atom[atom_named(ala, "CA")].stereo, 'S');
  assert_string_equal(ala->atom[atom_named(ala, "HXT")].element, "H");
  assert_true(ala->ideal[0] == -0.966F && ala->ideal[1] == 0.493F && ala->ideal[2] == 1.5F);
  assert_true(ala->model[0] == 2.281F && ala->model[1] == 26.213F && ala->model[2] == 12.804F);
  const of3_ccd_entry *sep = find(ccd, "SEP", arena);
  assert_string_equal(sep->parent, "SER");
  const of3_ccd_entry *zn = find(ccd, "ZN", arena);
  assert_int_equal(zn->n_bond, 0);
  assert_int_equal(zn->atom[0].charge, 2);
  assert_string_equal(zn->atom[0].element, "ZN");
  const of3_ccd_entry *hem = find(ccd, "HEM", arena);
  int aromatic = 0, doubles = 0;
  for (int i = 0; i < hem->n_bond; i++) {
    aromatic += hem->bond[i].aromatic;
    doubles += hem->bond[i].order == 2;
  }
  assert_int_equal(aromatic, 10);
  assert_int_equal(doubles, 15);
  assert_non_null(find(ccd, "A1AAA", arena));
  assert_null(find(ccd, "ala", arena));
  assert_null(find(ccd, "AL", arena));
  assert_null(find(ccd, "ALANINES", arena));
  assert_null(find(ccd, "", arena));
  of3_ccd_close(ccd);
  of3_arena_free(arena);
}

static void test_only(void **state) {
  char path[64];
  of3_error err = {0};
  snprintf(path, sizeof path, "%s/only", (const char *)*state);
  of3_ccd_counts n = convert(FIXTURES "components.cif", path, "ALA\n ZN  XYZ\n");
  assert_int_equal(n.components, 2);
  remove(path);
  assert_int_equal(
      of3_ccd_convert(FIXTURES "components.cif", path, (of3_ccd_options){.only = "XYZ"}, NULL, NULL, &err),
      OF3_ERR_INPUT);
  assert_says(&err, "has no component of those that are wanted");
  assert_false(of3_is_file(path));
}

/* What is wrong with a file of components is told with the component's code, and nothing is written. */
static void test_wrong_components(void **state) {
  static const char atoms[] =
      "loop_\n_chem_comp_atom.comp_id\n_chem_comp_atom.atom_id\n_chem_comp_atom.type_symbol\n";
  static const char bonds[] =
      "loop_\n_chem_comp_bond.atom_id_1\n_chem_comp_bond.atom_id_2\n_chem_comp_bond.value_order\n";
  static const struct {
    const char *id, *atoms, *bonds, *says;
  } wrong[] = {
      {"XX1", "XX2 C1 C\n", "C1 C1 SING\n", "component 'XX2': it has atoms or bonds but no row in chem_comp"},
      {"XX1", "XX1 C1 C\n", "C1 C2 SING\n", "component 'XX1': a bond is not between two of its atoms"},
      {"XX1", "XX1 C1 C XX1 C1 C\n", "C1 C1 SING\n", "component 'XX1': two atoms have one name"},
      {"XX1", "XX1 C1 C XX1 C2 C\n", "C1 C2 WAVY\n", "component 'XX1': the order of a bond is unknown"},
      {"XX1", "XX1 C1234567 C\n", "C1 C2 SING\n", "component 'XX1': a name of an atom has 1 to 7 characters"},
      {"TOOLONGCODE", "XX1 C1 C\n", "C1 C2 SING\n", "component 'TOOLONGCODE': a code has 1 to 7 characters"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    char in[64], out[64], text[1024];
    of3_error err = {0};
    snprintf(in, sizeof in, "%s/in.cif", (const char *)*state);
    snprintf(out, sizeof out, "%s/out", (const char *)*state);
    int n = snprintf(text, sizeof text, "data_x\n_chem_comp.id %s\n%s%s%s%s", wrong[i].id, atoms,
                     wrong[i].atoms, bonds, wrong[i].bonds);
    assert_int_equal(of3_write_file(in, text, (size_t)n, &err), OF3_OK);
    assert_int_equal(of3_ccd_convert(in, out, (of3_ccd_options){0}, NULL, NULL, &err), OF3_ERR_INPUT);
    assert_says(&err, wrong[i].says);
    assert_false(of3_is_file(out));
  }
}

static void try_all(const uint8_t *bytes, size_t n) {
  of3_ccd *ccd = NULL;
  of3_error err;
  if (of3_ccd_open_bytes("damaged", bytes, n, &ccd, &err) != OF3_OK) {
    assert_true(strlen(err.text) > 10);
    return;
  }
  for (int i = 0; i < of3_ccd_count(ccd); i++) {
    of3_arena *arena = of3_arena_new(0);
    of3_ccd_entry *e = NULL;
    if (of3_ccd_get(ccd, i, arena, &e, &err) != OF3_OK) assert_says(&err, "make it again");
    of3_arena_free(arena);
  }
  of3_ccd_close(ccd);
}

/* Cut anywhere, or with a damaged byte: an error or other values, never more than that. */
static void test_damaged_file(void **state) {
  char path[64];
  of3_map map;
  of3_error err;
  of3_ccd *ccd = NULL;
  snprintf(path, sizeof path, "%s/small", (const char *)*state);
  convert(FIXTURES "components.cif", path, "ALA ZN");
  assert_int_equal(of3_map_open(path, &map, &err), OF3_OK);
  for (size_t n = 0; n < map.size; n++) {
    uint8_t *copy = malloc(n ? n : 1);
    memcpy(copy, map.data, n);
    assert_int_equal(of3_ccd_open_bytes("cut", copy, n, &ccd, &err), OF3_ERR_INPUT);
    free(copy);
  }
  uint8_t *copy = malloc(map.size);
  for (size_t i = 0; i < map.size; i++)
    for (int value = 0; value < 3; value++) {
      memcpy(copy, map.data, map.size);
      copy[i] = value == 0 ? 0xff : value == 1 ? (uint8_t)(copy[i] + 1) : 0;
      try_all(copy, map.size);
    }
  free(copy);
  of3_map_close(&map);
}

static void test_cancelled(void **state) {
  char path[64];
  volatile sig_atomic_t stop = 1;
  of3_error err = {0};
  snprintf(path, sizeof path, "%s/cancelled", (const char *)*state);
  assert_int_equal(of3_ccd_convert(FIXTURES "components.cif", path, (of3_ccd_options){0}, &stop, NULL, &err),
                   OF3_ERR_CANCELLED);
  assert_false(of3_is_file(path));
}

/* ---- Components as chains need them */

static of3_ccd_library *open_library(const char *opt_path) {
  of3_ccd_library *l = NULL;
  of3_error err = {0};
  if (of3_ccd_library_open(opt_path, &l, &err) != OF3_OK) fail_msg("%s", err.text);
  return l;
}

static const of3_component *component(of3_ccd_library *l, const char *code) {
  const of3_component *c = NULL;
  of3_error err = {0};
  const of3_library library = of3_ccd_library_of(l);
  if (library.find(library.user, code, &c, &err) != OF3_OK) fail_msg("%s", err.text);
  return c;
}

static int other_atom(const of3_component *c, const char *name) {
  int a = of3_component_atom_named(c, name);
  if (a < 0) fail_msg("%s has no %s", c->code, name);
  return a;
}

/* The built-in dictionary says of the standard residues what their own tables say. */
static void test_standard_residues(void **state) {
  (void)state;
  of3_ccd_library *l = open_library(NULL);
  for (int i = 0; i < OF3_N_STANDARD; i++) {
    const of3_component *own = &of3_standard_residues[i], *c = component(l, own->code);
    assert_non_null(c);
    assert_int_equal(c->link, own->link);
    assert_int_equal(c->n_bond >= own->n_bond, 1);
    for (int a = 0; a < own->n_atom; a++) {
      const of3_component_atom *x = &own->atom[a], *y = &c->atom[other_atom(c, x->name)];
      assert_string_equal(x->element, y->element);
      assert_int_equal(x->charge, y->charge);
      assert_int_equal(x->hydrogens, y->hydrogens);
      assert_int_equal(x->neighbours, y->neighbours);
      assert_int_equal(x->leaving, y->leaving);
    }
    assert_int_equal(c->link_from >= 0, own->link_from >= 0);
  }
  of3_ccd_library_close(l);
}

static void test_library(void **state) {
  char path[64];
  of3_error err = {0};
  const of3_ccd_entry *e = NULL;
  const char *source = NULL;
  snprintf(path, sizeof path, "%s/library", (const char *)*state);
  convert(FIXTURES "components.cif", path, NULL);
  of3_ccd_library *l = open_library(path);
  const of3_component *sep = component(l, "SEP");
  assert_ptr_equal(sep, component(l, "SEP"));
  assert_int_equal(sep->link, OF3_LINK_PEPTIDE);
  assert_int_equal(sep->n_atom, 11);
  assert_true(sep->has_leaving);
  assert_non_null(sep->ideal);
  assert_string_equal(sep->atom[sep->link_from].name, "C");
  assert_int_equal(of3_ccd_library_entry(l, "A1AAA", &e, &source, &err), OF3_OK);
  assert_string_equal(source, path);
  assert_int_equal(of3_ccd_library_entry(l, "NAG", &e, &source, &err), OF3_OK);
  assert_string_equal(source, "built in");
  assert_null(component(l, "XYZQ"));
  /* The user's own come first. */
  static const char own[] =
      "data_x\n_chem_comp.id NAG\n_chem_comp.name mine\nloop_\n_chem_comp_atom.atom_id\n"
      "_chem_comp_atom.type_symbol\nC1 C O1 O H1 H\nloop_\n_chem_comp_bond.atom_id_1\n"
      "_chem_comp_bond.atom_id_2\n_chem_comp_bond.value_order\nO1 C1 DOUB C1 H1 SING\n";
  assert_int_equal(of3_ccd_library_add_bytes(l, "mine.cif", own, sizeof own - 1, &err), OF3_OK);
  const of3_component *nag = component(l, "NAG");
  assert_string_equal(nag->name, "mine");
  assert_int_equal(nag->n_atom, 2);
  assert_int_equal(nag->n_bond, 1);
  assert_int_equal(nag->bond[0].order, 2);
  assert_int_equal(nag->atom[0].hydrogens, 1);
  assert_int_equal(nag->atom[0].neighbours, 2);
  assert_null(nag->ideal);
  assert_int_equal(of3_ccd_library_add_bytes(l, "mine.cif", own, sizeof own - 1, &err), OF3_ERR_INPUT);
  assert_says(&err, "a component 'NAG' of yours is there already");
  assert_int_equal(of3_ccd_library_n_own(l), 1);
  of3_ccd_library_close(l);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_same_file),
      cmocka_unit_test(test_entries),
      cmocka_unit_test(test_only),
      cmocka_unit_test(test_wrong_components),
      cmocka_unit_test(test_damaged_file),
      cmocka_unit_test(test_cancelled),
      cmocka_unit_test(test_standard_residues),
      cmocka_unit_test(test_library),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
