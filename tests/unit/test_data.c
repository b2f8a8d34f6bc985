/* Clean-up of structures, entries of training sets, and the file that holds them. */
#define _DEFAULT_SOURCE /* mkdtemp */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "ccd/ccd_library.h"
#include "data/build_set.h"
#include "feat/build.h"
#include "folder.h"

static const char STRUCTURE[] = "tests/fixtures/data/clean.cif";
enum { MOST = 1 << 26 };

typedef struct data_case {
  const char *folder;
  of3_arena *arena;
  of3_ccd_library *components;
  of3_library library;
  of3_structure structure;
  of3_clean clean;
  of3_clean_counts counts;
  of3_set_entry entry;
} data_case;

static void good(of3_status status, const of3_error *err) {
  if (status != OF3_OK) fail_msg("%s", err->text);
}

static int open_case(void **state) {
  static data_case d;
  of3_error err = {0};
  d = (data_case){.folder = *state, .arena = of3_arena_new(0)};
  good(of3_ccd_library_open(NULL, &d.components, &err), &err);
  d.library = of3_ccd_library_of(d.components);
  good(of3_structure_read(STRUCTURE, MOST, NULL, d.arena, &d.structure, &err), &err);
  *state = &d;
  return 0;
}

static int close_case(void **state) {
  data_case *d = *state;
  of3_ccd_library_close(d->components);
  of3_arena_free(d->arena);
  return 0;
}

static void clean(data_case *d) {
  of3_error err = {0};
  good(of3_structure_clean(&d->structure, &d->library, NULL, d->arena, &d->clean, &d->counts, &err), &err);
  good(of3_set_entry_of_structure("clean", &d->clean, d->arena, &d->entry, &err), &err);
}

/* ---- Reading */

static const of3_structure_chain *chain_called(const of3_structure *s, const char *id) {
  for (int i = 0; i < s->n_chain; i++)
    if (strcmp(s->chain[i].id, id) == 0) return &s->chain[i];
  fail_msg("there is no chain %s", id);
  return NULL;
}

static void test_reading(void **state) {
  const of3_structure *s = &((data_case *)*state)->structure;
  assert_string_equal(s->id, "CLEAN");
  assert_string_equal(s->released, "2001-12-31");
  assert_string_equal(s->method, "X-RAY DIFFRACTION");
  assert_true(fabs((double)s->resolution - 1.9) < 1e-6);
  const of3_structure_chain *a = chain_called(s, "A");
  assert_true(a->polymer);
  assert_int_equal(a->n_residue, 9);
  assert_string_equal(a->letters, "MRNCGACGG");
  assert_int_equal(s->residue[a->first_residue + 7].n_atom, 0); /* listed, not resolved */
  assert_false(chain_called(s, "G")->polymer);
  for (int i = 0; i < s->n_chain; i++) assert_string_not_equal(s->chain[i].id, "W"); /* water */
  assert_int_equal(s->n_link, 5);
}

/* Of two places of an atom the one of the larger occupancy. */
static void test_alternatives(void **state) {
  const of3_structure *s = &((data_case *)*state)->structure;
  const of3_structure_residue *r = &s->residue[chain_called(s, "A")->first_residue + 4];
  assert_int_equal(r->n_atom, 4);
  assert_string_equal(s->atom[r->first_atom + 3].name, "O");
  assert_true(fabs((double)s->atom[r->first_atom + 3].xyz[1] - 1.8) < 1e-6);
}

/* ---- Clean-up */

static void test_clean_up(void **state) {
  data_case *d = *state;
  clean(d);
  const of3_clean_counts *n = &d->counts;
  assert_int_equal(n->selenium, 1);
  assert_int_equal(n->arginines, 1);
  assert_int_equal(n->aids, 1);
  assert_int_equal(n->hydrogens, 1);
  assert_int_equal(n->small_chains, 1);
  assert_int_equal(n->unknown_chains, 1);
  assert_int_equal(n->clashing_chains, 1);
  assert_int_equal(n->foreign_atoms, 1);
  assert_int_equal(n->broken_chains, 1);
  assert_int_equal(n->connections, 4);
}

/* What OpenFold3 leaves of it (tools/compare_data.py): chains, and 119 atoms. */
static void test_what_is_left(void **state) {
  static const char *const ids[] = {"A", "E", "G", "K", "J"};
  data_case *d = *state;
  clean(d);
  const of3_query *q = &d->entry.query;
  assert_int_equal(q->n_chain, 5);
  for (int i = 0; i < 5; i++) {
    bool found = false;
    for (int k = 0; k < 5; k++) found |= strcmp(q->chain[i].id[0], ids[k]) == 0;
    assert_true(found);
  }
  assert_int_equal(d->entry.n_atom, 119);
  assert_string_equal(q->chain[0].sequence, "MRNCGACGG");
  assert_int_equal(q->chain[0].n_modified, 0);
  assert_int_equal(q->n_bond, 1);
  assert_string_equal(q->bond[0].a.name, "ND2");
  assert_string_equal(q->bond[0].b.name, "C1");
}

/* NH1 is the one nearer CD; MET has SD where MSE had SE. */
static void test_names(void **state) {
  data_case *d = *state;
  clean(d);
  bool sulfur = false;
  for (int i = 0; i < d->entry.n_atom; i++) {
    const of3_set_atom *a = &d->entry.atom[i];
    if (a->chain || a->residue > 2) continue;
    sulfur |= a->residue == 1 && strcmp(a->name, "SD") == 0;
    if (a->residue == 2 && strcmp(a->name, "NH1") == 0) assert_true(fabs((double)a->xyz[2] - 9.0) < 1e-6);
  }
  assert_true(sulfur);
}

/* ---- Places in the complex */

static void test_places(void **state) {
  data_case *d = *state;
  of3_error err = {0};
  of3_complex complex;
  int resolved_atoms = 0;
  clean(d);
  good(of3_complex_build(&d->entry.query, &d->library, NULL, &complex, &err), &err);
  float *xyz = OF3_ARENA_NEW(d->arena, float, 3 * (size_t)complex.n_atom);
  bool *resolved = OF3_ARENA_NEW(d->arena, bool, complex.n_atom);
  assert_int_equal(of3_set_entry_place(&d->entry, &complex, xyz, resolved), 0);
  for (int a = 0; a < complex.n_atom; a++) {
    resolved_atoms += resolved[a];
    if (complex.atom[a].residue == 7) assert_false(resolved[a]);
  }
  assert_int_equal(resolved_atoms, 119);
  of3_complex_free(&complex);
}

/* ---- The file */

static void same_entries(const of3_set_entry *a, const of3_set_entry *b) {
  assert_string_equal(a->query.name, b->query.name);
  assert_string_equal(a->released, b->released);
  assert_memory_equal(&a->resolution, &b->resolution, sizeof a->resolution);
  assert_int_equal(a->query.n_chain, b->query.n_chain);
  for (int i = 0; i < a->query.n_chain; i++) {
    const of3_query_chain *c = &a->query.chain[i], *e = &b->query.chain[i];
    assert_int_equal(c->type, e->type);
    assert_string_equal(c->id[0], e->id[0]);
    assert_int_equal(c->n_residue, e->n_residue);
    if (c->type != OF3_LIGAND) assert_string_equal(c->sequence, e->sequence);
    for (int k = 0; k < c->n_code; k++) assert_string_equal(c->code[k], e->code[k]);
  }
  assert_int_equal(a->query.n_bond, b->query.n_bond);
  assert_string_equal(a->query.bond[0].b.chain, b->query.bond[0].b.chain);
  assert_int_equal(a->n_atom, b->n_atom);
  assert_memory_equal(a->atom, b->atom, (size_t)a->n_atom * sizeof *a->atom);
}

/* Two entries, of which the second is the first by another name, with one alignment for both. */
static void write_set(data_case *d, const char *path) {
  static of3_msa_text text = {.key = "uniref90_hits", .text = ">query\nMRNCGACGG\n>hit\nMRNCGAC-G\n"};
  static const char *const cluster[5];
  static const int32_t touching[] = {0, 2};
  of3_error err = {0};
  of3_set_writer *w;
  d->entry.query.chain[0].msa_text = &text;
  d->entry.query.chain[0].n_msa_text = 1;
  of3_set_entry other = d->entry;
  other.query.name = "other";
  good(of3_set_create(path, &w, &err), &err);
  good(of3_set_add(w, &d->entry, 59, cluster, touching, 1, &err), &err);
  good(of3_set_add(w, &other, 59, cluster, touching, 1, &err), &err);
  good(of3_set_finish(w, &err), &err);
}

static void test_file(void **state) {
  data_case *d = *state;
  const char *path = of3_path_join(d->arena, d->folder, "a.set");
  of3_error err = {0};
  of3_set *set;
  of3_set_entry found;
  clean(d);
  write_set(d, path);
  good(of3_set_open(path, &set, &err), &err);
  assert_int_equal(of3_set_n_entry(set), 2);
  assert_int_equal(of3_set_n_alignment(set), 1);
  assert_int_equal(of3_set_n_point(set), 12);
  good(of3_set_read(set, 0, d->arena, &found, &err), &err);
  same_entries(&d->entry, &found);
  assert_string_equal(found.query.chain[0].msa_text->text, d->entry.query.chain[0].msa_text->text);
  assert_string_equal(of3_set_row_of(set, 1).released, "2001-12-31");
  const of3_point p = of3_set_point(set, 5); /* the interface of the first entry */
  assert_int_equal(p.entry, 0);
  assert_int_equal(p.chain[1], 2);
  assert_int_equal(p.cluster, 2);
  assert_int_equal(p.n_protein, 1);
  assert_int_equal(p.n_ligand, 1);
  assert_int_equal(of3_set_point(set, 2).cluster, 4); /* NAG stands alone twice in each entry */
  of3_set_close(set);
}

/* Every byte changed, and every length: an error or an entry, never a crash; what the file says is checked.
 */
static void test_damage(void **state) {
  data_case *d = *state;
  const char *path = of3_path_join(d->arena, d->folder, "a.set");
  of3_error err = {0};
  char *bytes;
  size_t n;
  int refused = 0, tried = 0;
  clean(d);
  write_set(d, path);
  good(of3_read_file(path, MOST, d->arena, &bytes, &n, &err), &err);
  for (size_t at = 0; at < n; at += 7, tried++) {
    of3_set *set = NULL;
    of3_set_entry e;
    of3_arena *arena = of3_arena_new(0);
    bytes[at] ^= 0x41;
    good(of3_write_file(path, bytes, at % 2 ? n : n - at % 97, &err), &err);
    bytes[at] ^= 0x41;
    of3_status status = of3_set_open(path, &set, &err);
    for (int i = 0; status == OF3_OK && i < of3_set_n_entry(set); i++)
      status = of3_set_read(set, i, arena, &e, &err);
    refused += status != OF3_OK;
    of3_set_close(set);
    of3_arena_free(arena);
  }
  assert_true(refused > tried * 3 / 4);
}

/* ---- From a folder */

static void test_build(void **state) {
  data_case *d = *state;
  const char *path = of3_path_join(d->arena, d->folder, "a.set");
  of3_set_options o = {.folder = "tests/fixtures/data",
                       .worst_resolution = 9,
                       .most_chains = 300,
                       .most_memory = MOST,
                       .library = &d->library};
  of3_set_counts n;
  of3_error err = {0};
  good(of3_set_build(&o, path, &n, &err), &err);
  assert_int_equal(n.entries, 1);
  assert_int_equal(n.tokens, 50); /* of the sugar on the asparagine the resolved atoms alone */
  assert_int_equal(n.resolved, 119);
  o.until = "2001-12-30";
  assert_int_equal(of3_set_build(&o, path, &n, &err), OF3_ERR_INPUT);
  assert_int_equal(n.filtered, 1);
  assert_true(of3_is_file(path)); /* the one from before */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_reading, open_case, close_case),
      cmocka_unit_test_setup_teardown(test_alternatives, open_case, close_case),
      cmocka_unit_test_setup_teardown(test_clean_up, open_case, close_case),
      cmocka_unit_test_setup_teardown(test_what_is_left, open_case, close_case),
      cmocka_unit_test_setup_teardown(test_names, open_case, close_case),
      cmocka_unit_test_setup_teardown(test_places, open_case, close_case),
      cmocka_unit_test_setup_teardown(test_file, open_case, close_case),
      cmocka_unit_test_setup_teardown(test_damage, open_case, close_case),
      cmocka_unit_test_setup_teardown(test_build, open_case, close_case)};
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
