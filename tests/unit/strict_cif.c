#include "strict_cif.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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

static void add_item(strict_table *t, const char *item) {
  for (int k = 0; k < t->n_item; k++) assert_string_not_equal(t->item[k], item);
  assert_true(t->n_item < STRICT_ITEMS);
  t->item[t->n_item++] = item;
}

static strict_table *new_table(strict_cif *c, const char *category) {
  for (int k = 0; k < c->n; k++) assert_string_not_equal(c->table[k].category, category);
  assert_true(c->n < STRICT_TABLES);
  c->table[c->n] = (strict_table){.category = category};
  return &c->table[c->n++];
}

static token read_loop(strict_cif *c, char **at, const char *begin, size_t size) {
  const char *category = NULL, *item;
  strict_table *t = NULL;
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

static token read_pair(strict_cif *c, token name, char **at, const char *begin) {
  const char *category, *item;
  split_name(name.text, &category, &item);
  strict_table *t = c->n && c->table[c->n - 1].n_row == 1 ? &c->table[c->n - 1] : NULL;
  if (!t || strcmp(t->category, category) != 0) {
    t = new_table(c, category);
    t->n_row = 1;
    t->cell = OF3_ARENA_NEW(c->arena, const char *, STRICT_ITEMS);
  }
  token value = next_token(at, begin);
  assert_true(value.text && value.is_value);
  t->cell[t->n_item] = value.text;
  add_item(t, item);
  return next_token(at, begin);
}

void strict_read(strict_cif *c, of3_arena *arena, const char *text, size_t n) {
  *c = (strict_cif){.arena = arena};
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

const strict_table *strict_find(const strict_cif *c, const char *category) {
  for (int k = 0; k < c->n; k++)
    if (strcmp(c->table[k].category, category) == 0) return &c->table[k];
  return NULL;
}

const char *strict_cell(const strict_table *t, int row, const char *item) {
  for (int k = 0; k < t->n_item; k++)
    if (strcmp(t->item[k], item) == 0) return t->cell[row * t->n_item + k];
  fail_msg("_%s has no %s", t->category, item);
  return NULL;
}

int strict_row_of(const strict_table *t, const char *item, const char *value) {
  for (int k = 0; k < t->n_row; k++)
    if (strcmp(strict_cell(t, k, item), value) == 0) return k;
  return -1;
}

int strict_rows(const strict_cif *c, const char *category) {
  const strict_table *t = strict_find(c, category);
  return t ? t->n_row : 0;
}

/* Every value of an item is one of another category's. */
static void refers(const strict_cif *c, const char *from, const char *item, const char *to, const char *key) {
  const strict_table *a = strict_find(c, from), *b = strict_find(c, to);
  if (!a) return;
  if (!b) fail_msg("_%s is missing", to);
  const char *last = NULL;
  for (int k = 0; k < a->n_row; k++) {
    const char *value = strict_cell(a, k, item);
    if (last && strcmp(last, value) == 0) continue;
    if (strict_row_of(b, key, value) < 0)
      fail_msg("_%s.%s '%s' is not in _%s.%s", from, item, value, to, key);
    last = value;
  }
}

void strict_references(const strict_cif *c) {
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
      {"atom_site", "label_atom_id", "chem_comp_atom", "atom_id"},
      {"chem_comp_atom", "comp_id", "chem_comp", "id"},
      {"chem_comp_bond", "atom_id_1", "chem_comp_atom", "atom_id"},
      {"chem_comp_bond", "atom_id_2", "chem_comp_atom", "atom_id"},
      {"pdbx_chem_comp_descriptor", "comp_id", "chem_comp", "id"},
      {"pdbx_struct_mod_residue", "label_asym_id", "struct_asym", "id"},
      {"pdbx_entity_branch", "entity_id", "entity", "id"},
      {"pdbx_entity_branch_list", "entity_id", "pdbx_entity_branch", "entity_id"},
      {"pdbx_entity_branch_link", "entity_id", "pdbx_entity_branch", "entity_id"},
      {"pdbx_branch_scheme", "asym_id", "struct_asym", "id"},
      {"ma_entry_associated_files", "entry_id", "entry", "id"},
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
