/* ModelCIF files: read by a strict reader of CIF written here, their categories compared with each other and
 * with the molecules; and whole files against committed ones (which Biopython, gemmi and python-modelcif
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
#include "write/structure.h"
#include "write_fixture.h"

/* ---- A strict reader */

enum { MOST_TABLES = 40, MOST_ITEMS = 24 };

typedef struct table {
  const char *category;
  int n_item, n_row;
  const char *item[MOST_ITEMS]; /* without category */
  const char **cell;            /* [n_row, n_item] */
} table;

typedef struct cif {
  of3_arena *arena;
  const char *block;
  int n;
  table table[MOST_TABLES];
} cif;

typedef struct token {
  char *text; /* NULL at the end */
  bool is_value, quoted;
} token;

static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t'; }

/* A comment, a text block, a quoted string or a word. Only printable characters, no lines over 2,048. */
static token next_token(char **at, const char *begin) {
  char *p = *at;
  for (;;) {
    while (is_space(*p)) p++;
    if (*p != '#') break;
    while (*p && *p != '\n') p++;
  }
  if (!*p) return (token){0};
  bool line_start = p == begin || p[-1] == '\n';
  if (*p == ';' && line_start) {
    char *end = strstr(p, "\n;");
    assert_non_null(end);
    *end = 0;
    *at = end + 2;
    assert_true(is_space(**at));
    return (token){p + 1, true, true};
  }
  if (*p == '\'' || *p == '"') {
    char *end = p + 1;
    while (*end && *end != '\n' && !(*end == *p && is_space(end[1]))) end++;
    assert_int_equal(*end, *p);
    *end = 0;
    *at = end + 1;
    return (token){p + 1, true, true};
  }
  char *end = p;
  while (*end && !is_space(*end)) {
    assert_true((unsigned char)*end > ' ' && *end != 0x7f);
    end++;
  }
  *at = *end ? end + 1 : end;
  *end = 0;
  bool is_name = *p == '_', is_word = strncmp(p, "data_", 5) == 0 || strcmp(p, "loop_") == 0;
  if (!is_name && !is_word) assert_null(strchr("$[];#", *p));
  return (token){p, !is_name && !is_word, false};
}

/* Splits "_category.item". */
static void split_name(char *name, const char **category, const char **item) {
  char *dot = strchr(name, '.');
  assert_non_null(dot);
  *dot = 0;
  *category = name + 1;
  *item = dot + 1;
}

static void add_item(table *t, const char *item) {
  for (int k = 0; k < t->n_item; k++) assert_string_not_equal(t->item[k], item);
  assert_true(t->n_item < MOST_ITEMS);
  t->item[t->n_item++] = item;
}

static table *new_table(cif *c, const char *category) {
  for (int k = 0; k < c->n; k++) assert_string_not_equal(c->table[k].category, category);
  assert_true(c->n < MOST_TABLES);
  c->table[c->n] = (table){.category = category};
  return &c->table[c->n++];
}

static token read_loop(cif *c, char **at, const char *begin, size_t size) {
  const char *category = NULL, *item;
  table *t = NULL;
  token k = next_token(at, begin);
  for (; k.text && !k.is_value; k = next_token(at, begin)) {
    const char *other;
    split_name(k.text, &other, &item);
    if (!t) t = new_table(c, category = other);
    assert_string_equal(other, category);
    add_item(t, item);
  }
  assert_non_null(t);
  t->cell = of3_arena_alloc(c->arena, size / 2 + 1, sizeof *t->cell);
  int n = 0;
  for (; k.text && k.is_value; k = next_token(at, begin)) t->cell[n++] = k.text;
  assert_true(n > t->n_item); /* one row stands as pairs */
  assert_int_equal(n % t->n_item, 0);
  t->n_row = n / t->n_item;
  return k;
}

static token read_pair(cif *c, token name, char **at, const char *begin) {
  const char *category, *item;
  split_name(name.text, &category, &item);
  table *t = c->n && c->table[c->n - 1].n_row == 1 ? &c->table[c->n - 1] : NULL;
  if (!t || strcmp(t->category, category) != 0) {
    t = new_table(c, category);
    t->n_row = 1;
    t->cell = OF3_ARENA_NEW(c->arena, const char *, MOST_ITEMS);
  }
  token value = next_token(at, begin);
  assert_true(value.text && value.is_value);
  t->cell[t->n_item] = value.text;
  add_item(t, item);
  return next_token(at, begin);
}

static void read_cif(cif *c, of3_arena *arena, const char *text, size_t n) {
  *c = (cif){.arena = arena};
  char *copy = of3_arena_strndup(arena, text, n), *at = copy;
  for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
    assert_true(strcspn(line, "\n") <= 2048);
  token k = next_token(&at, copy);
  assert_true(k.text && strncmp(k.text, "data_", 5) == 0 && k.text[5]);
  c->block = k.text + 5;
  for (k = next_token(&at, copy); k.text;) {
    assert_false(k.is_value);
    if (strcmp(k.text, "loop_") == 0)
      k = read_loop(c, &at, copy, n);
    else
      k = read_pair(c, k, &at, copy);
  }
}

static const table *find(const cif *c, const char *category) {
  for (int k = 0; k < c->n; k++)
    if (strcmp(c->table[k].category, category) == 0) return &c->table[k];
  return NULL;
}

static const char *cell(const table *t, int row, const char *item) {
  for (int k = 0; k < t->n_item; k++)
    if (strcmp(t->item[k], item) == 0) return t->cell[row * t->n_item + k];
  fail_msg("_%s has no %s", t->category, item);
  return NULL;
}

static int row_of(const table *t, const char *item, const char *value) {
  for (int k = 0; k < t->n_row; k++)
    if (strcmp(cell(t, k, item), value) == 0) return k;
  return -1;
}

/* Every value of an item is one of another category's. */
static void refers(const cif *c, const char *from, const char *item, const char *to, const char *key) {
  const table *a = find(c, from), *b = find(c, to);
  if (!a) return;
  if (!b) fail_msg("_%s is missing", to);
  const char *last = NULL;
  for (int k = 0; k < a->n_row; k++) {
    const char *value = cell(a, k, item);
    if (last && strcmp(last, value) == 0) continue;
    if (row_of(b, key, value) < 0) fail_msg("_%s.%s '%s' is not in _%s.%s", from, item, value, to, key);
    last = value;
  }
}

/* ---- What a file must hold */

static void check_references(const cif *c) {
  static const char *const key[][4] = {
      {"struct_asym", "entity_id", "entity", "id"},
      {"entity_poly", "entity_id", "entity", "id"},
      {"entity_poly_seq", "entity_id", "entity_poly", "entity_id"},
      {"entity_poly_seq", "mon_id", "chem_comp", "id"},
      {"pdbx_entity_nonpoly", "entity_id", "entity", "id"},
      {"pdbx_entity_nonpoly", "comp_id", "chem_comp", "id"},
      {"pdbx_poly_seq_scheme", "asym_id", "struct_asym", "id"},
      {"pdbx_nonpoly_scheme", "asym_id", "struct_asym", "id"},
      {"chem_comp_bond", "comp_id", "chem_comp", "id"},
      {"struct_conn", "conn_type_id", "struct_conn_type", "id"},
      {"struct_conn", "ptnr1_label_asym_id", "struct_asym", "id"},
      {"struct_conn", "ptnr2_label_asym_id", "struct_asym", "id"},
      {"ma_software_group", "software_id", "software", "pdbx_ordinal"},
      {"ma_data_group", "data_id", "ma_data", "id"},
      {"ma_target_entity", "entity_id", "entity", "id"},
      {"ma_target_entity", "data_id", "ma_data", "id"},
      {"ma_target_entity_instance", "asym_id", "struct_asym", "id"},
      {"ma_protocol_step", "software_group_id", "ma_software_group", "group_id"},
      {"ma_protocol_step", "output_data_group_id", "ma_data_group", "group_id"},
      {"ma_model_list", "data_id", "ma_data", "id"},
      {"ma_qa_metric", "software_group_id", "ma_software_group", "group_id"},
      {"ma_qa_metric_global", "metric_id", "ma_qa_metric", "id"},
      {"ma_qa_metric_global", "model_id", "ma_model_list", "model_id"},
      {"ma_qa_metric_local", "metric_id", "ma_qa_metric", "id"},
      {"ma_qa_metric_local", "label_asym_id", "struct_asym", "id"},
      {"atom_site", "label_asym_id", "struct_asym", "id"},
      {"atom_site", "label_entity_id", "entity", "id"},
      {"atom_site", "label_comp_id", "chem_comp", "id"},
      {"atom_site", "type_symbol", "atom_type", "symbol"},
      {"atom_site", "pdbx_PDB_model_num", "ma_model_list", "model_id"},
  };
  for (size_t k = 0; k < sizeof key / sizeof *key; k++) refers(c, key[k][0], key[k][1], key[k][2], key[k][3]);
}

static void check_atoms(const cif *c, const fixture *fx) {
  const table *t = find(c, "atom_site");
  assert_non_null(t);
  assert_int_equal(t->n_row, fx->complex.n_atom);
  for (int k = 0; k < t->n_row; k++) {
    const of3_atom *a = &fx->complex.atom[k];
    const of3_residue *r = &fx->complex.residue[a->residue];
    const of3_chain *ch = &fx->complex.chain[r->chain];
    assert_int_equal(atoi(cell(t, k, "id")), k + 1);
    assert_string_equal(cell(t, k, "label_atom_id"), a->name);
    assert_string_equal(cell(t, k, "auth_asym_id"), ch->id);
    assert_string_equal(cell(t, k, "occupancy"), "1.00");
    assert_int_equal(atoi(cell(t, k, "auth_seq_id")), r->number);
    if (ch->type == OF3_LIGAND)
      assert_string_equal(cell(t, k, "label_seq_id"), ".");
    else
      assert_int_equal(atoi(cell(t, k, "label_seq_id")), r->number);
    assert_true(fabs(atof(cell(t, k, "Cartn_y")) - (double)fx->p.x[3 * k + 1]) <= 0.00051);
    assert_true(fabs(atof(cell(t, k, "B_iso_or_equiv")) - (double)fx->p.plddt[k]) <= 0.0051);
  }
}

/* Polymers: as many residues in each category, and letters as the query has them. */
static void check_polymers(const cif *c, const fixture *fx) {
  const table *poly = find(c, "entity_poly"), *seq = find(c, "entity_poly_seq"),
              *scheme = find(c, "pdbx_poly_seq_scheme");
  int residues = 0, first_copies = 0, others = 0;
  for (int k = 0; k < fx->complex.n_chain; k++) {
    const of3_chain *ch = &fx->complex.chain[k];
    char number[16];
    snprintf(number, sizeof number, "%d", ch->entity_id);
    const table *entity = find(c, "entity");
    int e = row_of(entity, "id", number);
    assert_true(e >= 0);
    assert_string_equal(cell(entity, e, "type"), ch->type == OF3_LIGAND ? "non-polymer" : "polymer");
    if (ch->type == OF3_LIGAND) {
      others += ch->n_residue;
      continue;
    }
    residues += ch->n_residue;
    if (ch->sym_id == 1) first_copies += ch->n_residue;
    int row = row_of(poly, "entity_id", number), n = 0;
    for (const char *p = cell(poly, row, "pdbx_seq_one_letter_code_can"); *p; p++) n += *p != '\n';
    assert_int_equal(n, ch->n_residue);
    assert_non_null(strstr(cell(poly, row, "pdbx_strand_id"), ch->id));
  }
  assert_int_equal(scheme ? scheme->n_row : 0, residues);
  assert_int_equal(seq ? seq->n_row : 0, first_copies);
  const table *local = find(c, "ma_qa_metric_local"), *ligands = find(c, "pdbx_nonpoly_scheme");
  assert_int_equal(ligands ? ligands->n_row : 0, others);
  assert_int_equal(local->n_row, fx->complex.n_residue);
}

static void check_quality(const cif *c, const fixture *fx) {
  const table *metric = find(c, "ma_qa_metric"), *whole = find(c, "ma_qa_metric_global"),
              *local = find(c, "ma_qa_metric_local");
  const of3_residue *r = &fx->complex.residue[0];
  double sum = 0;
  assert_int_equal(row_of(metric, "name", "ipTM") >= 0, fx->complex.n_chain > 1);
  assert_string_equal(cell(whole, 0, "metric_value"), "71.23");
  assert_string_equal(cell(whole, 1, "metric_value"), "0.5000");
  for (int a = 0; a < r->n_atom; a++) sum += (double)fx->p.plddt[r->first_atom + a];
  assert_true(fabs(atof(cell(local, 0, "metric_value")) - sum / r->n_atom) <= 0.0051);
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
    cif c;
    write_model(&fx, &text);
    read_cif(&c, fx.arena, text.text, text.len);
    assert_string_equal(cell(find(&c, "entry"), 0, "id"), c.block);
    check_references(&c);
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
  cif c;
  fx.complex.name = "it's \"\xc3\xa9\" data_ x";
  write_model(&fx, &text);
  read_cif(&c, fx.arena, text.text, text.len);
  assert_string_equal(c.block, "it_s______data__x");
  assert_string_equal(cell(find(&c, "struct"), 0, "title"), "Prediction of it's \"\xc3\xa9\" data_ x");
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
