/* Templates: the aligner against all alignments of short sequences, chains of structure files, and caches
 * that are read back as they were written. */
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

#include "base/file.h"
#include "template/align.h"
#include "template/cache.h"

/* ---- Aligner */

static void aligns(const char *a, const char *b, const char *expected) {
  of3_arena *arena = of3_arena_new(0);
  of3_error err = {0};
  int partner[64];
  char found[64] = "";
  assert_int_equal(of3_template_align(a, (int)strlen(a), b, (int)strlen(b), NULL, arena, partner, &err),
                   OF3_OK);
  for (size_t i = 0; i < strlen(a); i++) found[i] = partner[i] < 0 ? '-' : b[partner[i]];
  if (strcmp(found, expected) != 0) fail_msg("%s with %s: %s, expected %s", a, b, found, expected);
  of3_arena_free(arena);
}

static void test_align(void **state) {
  (void)state;
  aligns("MKTAYIAKQR", "MKTAYIAKQR", "MKTAYIAKQR");
  aligns("MKTAYIAKQR", "TAYIAK", "--TAYIAK--");
  aligns("TAYIAK", "MKTAYIAKQR", "TAYIAK");
  aligns("MKTAYIWWWWAKQRQISFV", "MKTAYIAKQRQISFV", "MKTAYI----AKQRQISFV");
  aligns("MKTAYIAKQRQISFV", "MKTAYIGGGGGGAKQRQISFV", "MKTAYIAKQRQISFV");
  aligns("MKWAYIAKQR", "MKFAYIAKQR", "MKFAYIAKQR");
  aligns("ABC", "", "---");
}

/* ---- Structures */

static const char cif[] =
    "data_x\n"
    "loop_\n_pdbx_audit_revision_history.ordinal\n_pdbx_audit_revision_history.revision_date\n"
    "1 2011-07-13\n2 2009-01-20\n"
    "loop_\n_entity_poly.entity_id\n_entity_poly.pdbx_seq_one_letter_code_can\n1 MKAG\n"
    "loop_\n_pdbx_poly_seq_scheme.asym_id\n_pdbx_poly_seq_scheme.entity_id\n_pdbx_poly_seq_scheme.seq_id\n"
    "_pdbx_poly_seq_scheme.mon_id\nB 1 1 MSE\nB 1 2 LYS\nB 1 3 ALA\nB 1 4 GLY\n"
    "loop_\n_atom_site.label_asym_id\n_atom_site.label_seq_id\n_atom_site.label_comp_id\n"
    "_atom_site.label_atom_id\n_atom_site.label_alt_id\n_atom_site.Cartn_x\n_atom_site.Cartn_y\n"
    "_atom_site.Cartn_z\n_atom_site.occupancy\n_atom_site.pdbx_PDB_model_num\n_atom_site.auth_asym_id\n"
    "_atom_site.auth_seq_id\n"
    "B 1 MSE N . 1 2 3 1 1 H -5\nB 1 MSE CA . 2 2 3 1 1 H -5\nB 2 LYS CA A 3 0 0 0.4 1 H -4\n"
    "B 2 LYS CA B 4 0 0 0.6 1 H -4\nB 4 GLY CA . 5 0 0 1 1 H 10\nB 4 GLY CA . 9 9 9 1 2 H 10\n";

static void write_text(char *path, const char *text) {
  const int fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), (int)strlen(text));
  close(fd);
}

static void test_structure(void **state) {
  (void)state;
  char path[] = "/tmp/of3_test_cif_XXXXXX";
  of3_arena *arena = of3_arena_new(0);
  of3_template_structure s;
  of3_error err = {0};
  write_text(path, cif);
  if (of3_template_structure_read(path, NULL, 1 << 20, arena, &s, &err) != OF3_OK) fail_msg("%s", err.text);
  assert_int_equal(s.n, 1);
  assert_string_equal(s.opt_date, "2009-01-20");
  const of3_template_chain *c = &s.chain[0];
  assert_string_equal(c->id, "B");
  assert_string_equal(c->author, "H");
  assert_int_equal(c->n, 4);
  assert_memory_equal(c->letters, "MKAG", 4);
  assert_string_equal(c->residue[0].name, "MSE");
  assert_false(c->residue[0].standard);
  assert_int_equal(c->residue[0].found, 1 << OF3_TEMPLATE_N | 1 << OF3_TEMPLATE_CA);
  assert_true(c->residue[1].atom[OF3_TEMPLATE_CA][0] == 4); /* the location of the higher occupancy */
  assert_int_equal(c->residue[2].found, 0);
  assert_true(c->residue[3].atom[OF3_TEMPLATE_CA][0] == 5); /* the first model */
  unlink(path);
  of3_arena_free(arena);
}

/* ---- Caches */

static void test_cache(void **state) {
  (void)state;
  char path[] = "/tmp/of3_test_npz_XXXXXX";
  of3_arena *arena = of3_arena_new(0);
  of3_error err = {0};
  of3_map map;
  of3_template_hit *hit = NULL;
  int n = 0;
  const of3_template_match pairs[] = {{1, 300}, {2, 301}, {4, 70000}};
  const of3_template out[] = {{.name = "2xyz_B", .opt_date = "2009-01-20", .n_pair = 3, .pair = pairs},
                              {.name = "1abc_A", .n_pair = 1, .pair = pairs}};
  const of3_hits_want want = {.path = path, .query = "MKAG"}, other = {.path = path, .query = "MKA"};
  write_text(path, "");
  assert_int_equal(of3_template_cache_write(path, out, 2, NULL, &err), OF3_OK);
  assert_int_equal(of3_map_open(path, &map, &err), OF3_OK);
  if (of3_template_cache_parse(&want, map.data, map.size, arena, &hit, &n, &err) != OF3_OK)
    fail_msg("%s", err.text);
  assert_int_equal(n, 2);
  assert_string_equal(hit[0].entry, "2xyz");
  assert_string_equal(hit[0].chain, "B");
  assert_int_equal(hit[0].n_pair, 3);
  assert_memory_equal(hit[0].pair, pairs, sizeof pairs);
  assert_true(hit[0].aligned && hit[0].gaps && !hit[0].letters);
  assert_string_equal(hit[1].entry, "1abc");
  assert_int_equal(of3_template_cache_parse(&other, map.data, map.size, arena, &hit, &n, &err),
                   OF3_ERR_INPUT);
  assert_non_null(strstr(err.text, "residue 4 of the query is named, which has 3"));
  of3_map_close(&map);
  unlink(path);
  of3_arena_free(arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_align), cmocka_unit_test(test_structure),
                                     cmocka_unit_test(test_cache)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
