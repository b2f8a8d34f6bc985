/* Components from CIF: rows of chem_comp_atom and chem_comp_bond are sorted by the component that they belong
 * to, then components are made one after the other in memory that is used again. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ccd/ccd_record.h"

enum {
  COMP_ID,
  COMP_NAME,
  COMP_TYPE,
  COMP_FORMULA,
  COMP_PARENT,
  COMP_LETTER,
  COMP_STATUS,
  COMP_REPLACED,
  COMP_MODIFIED,
  COMP_COLUMNS,
  ATOM_COMP = 0,
  ATOM_NAME,
  ATOM_ELEMENT,
  ATOM_CHARGE,
  ATOM_LEAVING,
  ATOM_AROMATIC,
  ATOM_STEREO,
  ATOM_IDEAL, /* x, y, z */
  ATOM_MODEL = ATOM_IDEAL + 3,
  ATOM_COLUMNS = ATOM_MODEL + 3,
  BOND_COMP = 0,
  BOND_1,
  BOND_2,
  BOND_ORDER,
  BOND_AROMATIC,
  BOND_STEREO,
  BOND_COLUMNS
};

static const char *const comp_column[COMP_COLUMNS] = {"id",
                                                      "name",
                                                      "type",
                                                      "formula",
                                                      "mon_nstd_parent_comp_id",
                                                      "one_letter_code",
                                                      "pdbx_release_status",
                                                      "pdbx_replaced_by",
                                                      "pdbx_modified_date"};
static const char *const atom_column[ATOM_COLUMNS] = {"comp_id",
                                                      "atom_id",
                                                      "type_symbol",
                                                      "charge",
                                                      "pdbx_leaving_atom_flag",
                                                      "pdbx_aromatic_flag",
                                                      "pdbx_stereo_config",
                                                      "pdbx_model_Cartn_x_ideal",
                                                      "pdbx_model_Cartn_y_ideal",
                                                      "pdbx_model_Cartn_z_ideal",
                                                      "model_Cartn_x",
                                                      "model_Cartn_y",
                                                      "model_Cartn_z"};
static const char *const bond_column[BOND_COLUMNS] = {
    "comp_id", "atom_id_1", "atom_id_2", "value_order", "pdbx_aromatic_flag", "pdbx_stereo_config"};

/* The rows of one of the two categories by component: order[start[i] .. start[i + 1]) are those of component
 * i. */
typedef struct ccd_rows {
  int32_t *start, *order;
} ccd_rows;

typedef struct ccd_key {
  uint64_t code; /* zero-padded bytes */
  int32_t comp;
} ccd_key;

typedef struct ccd_reader {
  of3_cif *cif;
  of3_arena *arena; /* of the block; entries use what follows */
  of3_cif_column comp[COMP_COLUMNS], atom[ATOM_COLUMNS], bond[BOND_COLUMNS];
  int n_comp;
  ccd_key *key; /* [n_comp], sorted by code */
  ccd_rows atoms, bonds;
} ccd_reader;

static of3_status ccd_wrong(const ccd_reader *r, const char *code, const char *what, of3_error *err) {
  return of3_fail(err, OF3_ERR_INPUT, "'%.200s', component '%.20s': %s", of3_cif_file_name(r->cif), code,
                  what);
}

static of3_status open_columns(of3_cif *cif, const char *category, const char *const *names, int n,
                               of3_cif_column *out, of3_error *err) {
  for (int i = 0; i < n; i++) OF3_TRY(of3_cif_column_open(cif, category, names[i], &out[i], err));
  return OF3_OK;
}

/* Up to 7 bytes as a number; false: longer, or nothing. */
static bool name_word(of3_cif_column *c, int64_t row, uint64_t *out) {
  of3_cif_slice s;
  *out = 0;
  if (!of3_cif_get_text(c, row, &s) || s.n == 0 || s.n > 7) return false;
  memcpy(out, s.text, s.n);
  return true;
}

static int compare_keys(const void *a, const void *b) {
  uint64_t x = ((const ccd_key *)a)->code, y = ((const ccd_key *)b)->code;
  return (x > y) - (x < y);
}

static int find_comp(const ccd_reader *r, uint64_t code) {
  int low = 0, high = r->n_comp - 1;
  while (low <= high) {
    int middle = low + (high - low) / 2;
    uint64_t x = r->key[middle].code;
    if (x == code) return r->key[middle].comp;
    if (x < code)
      low = middle + 1;
    else
      high = middle - 1;
  }
  return -1;
}

static of3_status sort_codes(ccd_reader *r, of3_error *err) {
  char text[24];
  r->key = OF3_ARENA_NEW(r->arena, ccd_key, r->n_comp);
  if (!r->key) return of3_fail_memory(err, "components");
  for (int i = 0; i < r->n_comp; i++) {
    r->key[i].comp = i;
    if (name_word(&r->comp[COMP_ID], i, &r->key[i].code)) continue;
    of3_cif_copy(&r->comp[COMP_ID], i, text, sizeof text);
    return ccd_wrong(r, text, "a code has 1 to 7 characters", err);
  }
  qsort(r->key, (size_t)r->n_comp, sizeof *r->key, compare_keys);
  for (int i = 1; i < r->n_comp; i++)
    if (r->key[i].code == r->key[i - 1].code) {
      of3_cif_copy(&r->comp[COMP_ID], r->key[i].comp, text, sizeof text);
      return ccd_wrong(r, text, "it is there twice", err);
    }
  return OF3_OK;
}

/* Counting sort of the rows by component. A category without comp_id belongs to the only component. */
static of3_status sort_rows_by(ccd_reader *r, of3_cif_column *comp, int64_t n, int32_t *owner, ccd_rows *out,
                               of3_error *err) {
  char text[24];
  uint64_t word = 0, last_word = 0;
  int last = r->n_comp == 1 && !comp->found ? 0 : -1;
  for (int64_t i = 0; i < n; i++) {
    if (comp->found && (!name_word(comp, i, &word) || word != last_word)) last = find_comp(r, word);
    last_word = word;
    if (last < 0) {
      of3_cif_copy(comp, i, text, sizeof text);
      return ccd_wrong(r, text, "it has atoms or bonds but no row in chem_comp; the file may be cut", err);
    }
    owner[i] = last;
    out->start[last + 1]++;
  }
  for (int i = 0; i < r->n_comp; i++) out->start[i + 1] += out->start[i];
  for (int64_t i = 0; i < n; i++) out->order[out->start[owner[i]]++] = (int32_t)i;
  for (int i = r->n_comp; i > 0; i--) out->start[i] = out->start[i - 1];
  out->start[0] = 0;
  return OF3_OK;
}

static of3_status sort_rows(ccd_reader *r, of3_cif_column *comp, int64_t n, ccd_rows *out, of3_error *err) {
  of3_arena *scratch = of3_arena_new_within(r->arena);
  int32_t *owner = scratch ? OF3_ARENA_NEW(scratch, int32_t, n) : NULL;
  out->start = OF3_ARENA_NEW(r->arena, int32_t, r->n_comp + 1);
  out->order = OF3_ARENA_NEW(r->arena, int32_t, n);
  const of3_status status = out->start && out->order && owner ? sort_rows_by(r, comp, n, owner, out, err)
                                                              : of3_fail_memory(err, "rows of components");
  of3_arena_free(scratch);
  return status;
}

/* ---- One component */

static const char *entry_text(ccd_reader *r, of3_arena *arena, int column, int comp) {
  of3_cif_slice s;
  if (!of3_cif_get_text(&r->comp[column], comp, &s)) return "";
  return of3_arena_strndup(arena, s.text, s.n);
}

/* Text fields keep the ends of their lines, which a name has no use for. */
static const char *entry_line(ccd_reader *r, of3_arena *arena, int column, int comp) {
  char *text = (char *)(uintptr_t)entry_text(r, arena, column, comp);
  if (!text || !*text) return text;
  for (char *p = text; *p; p++)
    if (*p == '\n' || *p == '\r' || *p == '\t') *p = ' ';
  return text;
}

static void entry_element(of3_cif_column *column, int64_t row, char out[4]) {
  char text[4] = "";
  if (of3_cif_copy(column, row, text, sizeof text) > 2) text[0] = 0;
  memset(out, 0, 4);
  for (int i = 0; i < 2 && text[i]; i++)
    out[i] = (char)(text[i] >= 'a' && text[i] <= 'z' ? text[i] - 'a' + 'A' : text[i]);
  if (!out[0]) out[0] = 'X';
}

static bool entry_xyz(of3_cif_column *columns, int64_t row, float *out) {
  double x[3];
  bool all = true;
  for (int axis = 0; axis < 3; axis++) all = of3_cif_get_real(&columns[axis], row, &x[axis]) && all;
  for (int axis = 0; axis < 3; axis++) out[axis] = all ? (float)x[axis] : NAN;
  return all;
}

static of3_status entry_atoms(ccd_reader *r, int comp, of3_ccd_entry *e, uint64_t *word, of3_error *err) {
  const int32_t *row = r->atoms.order + r->atoms.start[comp];
  bool ideal = false, model = false;
  for (int i = 0; i < e->n_atom; i++) {
    of3_ccd_atom *a = &e->atom[i];
    int64_t charge = 0;
    if (of3_cif_copy(&r->atom[ATOM_NAME], row[i], a->name, sizeof a->name) >= sizeof a->name || !a->name[0])
      return ccd_wrong(r, e->code, "a name of an atom has 1 to 7 characters", err);
    memcpy(&word[i], a->name, sizeof word[i]);
    for (int k = 0; k < i; k++)
      if (word[k] == word[i]) return ccd_wrong(r, e->code, "two atoms have one name", err);
    entry_element(&r->atom[ATOM_ELEMENT], row[i], a->element);
    (void)of3_cif_get_integer(&r->atom[ATOM_CHARGE], row[i], &charge);
    if (charge < -99 || charge > 99) return ccd_wrong(r, e->code, "the charge of an atom is beyond 99", err);
    a->charge = (int8_t)charge;
    a->leaving = of3_cif_is(&r->atom[ATOM_LEAVING], row[i], "Y");
    a->aromatic = of3_cif_is(&r->atom[ATOM_AROMATIC], row[i], "Y");
    a->stereo = of3_cif_is(&r->atom[ATOM_STEREO], row[i], "R")   ? 'R'
                : of3_cif_is(&r->atom[ATOM_STEREO], row[i], "S") ? 'S'
                                                                 : 'N';
    ideal |= entry_xyz(&r->atom[ATOM_IDEAL], row[i], &e->ideal[3 * i]);
    model |= entry_xyz(&r->atom[ATOM_MODEL], row[i], &e->model[3 * i]);
  }
  if (!ideal) e->ideal = NULL;
  if (!model) e->model = NULL;
  return OF3_OK;
}

static int entry_atom_named(const uint64_t *word, int n, of3_cif_column *column, int64_t row) {
  uint64_t name;
  if (!name_word(column, row, &name)) return -1;
  for (int i = 0; i < n; i++)
    if (word[i] == name) return i;
  return -1;
}

/* 1 ... 4; aromatic and delocalised bonds without a Kekule structure are single and aromatic. 0: unknown. */
static int bond_order(of3_cif_column *c, int64_t row, bool *aromatic) {
  static const char *const names[] = {"SING", "DOUB", "TRIP", "QUAD", "AROM", "DELO", "PI", "POLY"};
  char text[8];
  of3_cif_copy(c, row, text, sizeof text);
  for (int i = 0; text[i]; i++)
    if (text[i] >= 'a' && text[i] <= 'z') text[i] = (char)(text[i] - 'a' + 'A');
  for (int i = 0; i < 8; i++)
    if (strcmp(text, names[i]) == 0) {
      *aromatic |= i == 4 || i == 5;
      return i < 4 ? i + 1 : 1;
    }
  return 0;
}

static of3_status entry_bonds(ccd_reader *r, int comp, of3_ccd_entry *e, const uint64_t *word,
                              of3_error *err) {
  const int32_t *row = r->bonds.order + r->bonds.start[comp];
  for (int i = 0; i < e->n_bond; i++) {
    of3_ccd_bond *b = &e->bond[i];
    int p = entry_atom_named(word, e->n_atom, &r->bond[BOND_1], row[i]);
    int q = entry_atom_named(word, e->n_atom, &r->bond[BOND_2], row[i]);
    if (p < 0 || q < 0 || p == q)
      return ccd_wrong(r, e->code, "a bond is not between two of its atoms; the file may be cut", err);
    b->a = (uint16_t)p;
    b->b = (uint16_t)q;
    b->aromatic = of3_cif_is(&r->bond[BOND_AROMATIC], row[i], "Y");
    int order = bond_order(&r->bond[BOND_ORDER], row[i], &b->aromatic);
    if (order == 0) return ccd_wrong(r, e->code, "the order of a bond is unknown", err);
    b->order = (uint8_t)order;
    b->stereo = of3_cif_is(&r->bond[BOND_STEREO], row[i], "E")   ? 'E'
                : of3_cif_is(&r->bond[BOND_STEREO], row[i], "Z") ? 'Z'
                                                                 : 'N';
  }
  return OF3_OK;
}

static of3_status read_entry(ccd_reader *r, int comp, of3_arena *arena, of3_ccd_entry *e, of3_error *err) {
  of3_cif_copy(&r->comp[COMP_ID], comp, e->code, sizeof e->code);
  const char **texts[] = {&e->name,   &e->type,   &e->formula,     &e->parent,
                          &e->letter, &e->status, &e->replaced_by, &e->modified};
  for (int i = COMP_NAME; i < COMP_COLUMNS; i++) {
    *texts[i - COMP_NAME] = entry_line(r, arena, i, comp);
    if (!*texts[i - COMP_NAME]) return of3_fail_memory(err, "a component");
  }
  int n = r->atoms.start[comp + 1] - r->atoms.start[comp],
      m = r->bonds.start[comp + 1] - r->bonds.start[comp];
  if (n > CCD_MOST_ATOMS || m > CCD_MOST_ATOMS)
    return ccd_wrong(r, e->code, "it has more than 65,535 atoms or bonds", err);
  e->n_atom = n;
  e->n_bond = m;
  e->atom = OF3_ARENA_NEW(arena, of3_ccd_atom, n);
  e->bond = OF3_ARENA_NEW(arena, of3_ccd_bond, m);
  e->ideal = OF3_ARENA_NEW(arena, float, 3 * (size_t)n);
  e->model = OF3_ARENA_NEW(arena, float, 3 * (size_t)n);
  uint64_t *word = OF3_ARENA_NEW(arena, uint64_t, n);
  if (!e->atom || !e->bond || !e->ideal || !e->model || !word) return of3_fail_memory(err, "a component");
  OF3_TRY(entry_atoms(r, comp, e, word, err));
  return entry_bonds(r, comp, e, word, err);
}

/* ---- A block */

static of3_status read_entries(ccd_reader *r, of3_cancel *opt_cancel, of3_ccd_visit *visit, void *user,
                               of3_error *err) {
  for (int i = 0; i < r->n_comp; i++) {
    OF3_TRY(of3_go_on(opt_cancel, err));
    of3_arena *arena = of3_arena_new(0);
    of3_ccd_entry e = {0};
    if (!arena) return of3_fail_memory(err, "a component");
    of3_status status = read_entry(r, i, arena, &e, err);
    if (status == OF3_OK) status = visit(user, &e, err);
    of3_arena_free(arena);
    OF3_TRY(status);
  }
  return OF3_OK;
}

static of3_status read_block(ccd_reader *r, of3_cancel *opt_cancel, of3_ccd_visit *visit, void *user,
                             of3_error *err) {
  const int64_t n_comp = of3_cif_rows(r->cif, "chem_comp"), n_atom = of3_cif_rows(r->cif, "chem_comp_atom"),
                n_bond = of3_cif_rows(r->cif, "chem_comp_bond");
  if (n_comp == 0 && n_atom == 0 && n_bond == 0) return OF3_OK;
  if (n_comp > INT32_MAX / 2 || n_atom > INT32_MAX / 2 || n_bond > INT32_MAX / 2)
    return ccd_wrong(r, "", "there are more than 2^30 rows", err);
  OF3_TRY(open_columns(r->cif, "chem_comp", comp_column, COMP_COLUMNS, r->comp, err));
  OF3_TRY(open_columns(r->cif, "chem_comp_atom", atom_column, ATOM_COLUMNS, r->atom, err));
  OF3_TRY(open_columns(r->cif, "chem_comp_bond", bond_column, BOND_COLUMNS, r->bond, err));
  r->n_comp = (int)n_comp;
  OF3_TRY(sort_codes(r, err));
  OF3_TRY(sort_rows(r, &r->atom[ATOM_COMP], n_atom, &r->atoms, err));
  OF3_TRY(sort_rows(r, &r->bond[BOND_COMP], n_bond, &r->bonds, err));
  return read_entries(r, opt_cancel, visit, user, err);
}

of3_status of3_ccd_read(of3_cif *cif, of3_cancel *opt_cancel, of3_ccd_visit *visit, void *user,
                        of3_error *err) {
  for (;;) {
    bool found = false;
    OF3_TRY(of3_cif_next(cif, &found, err));
    if (!found) return OF3_OK;
    ccd_reader r = {.cif = cif, .arena = of3_arena_new(0)};
    if (!r.arena) return of3_fail_memory(err, "components");
    of3_status status = read_block(&r, opt_cancel, visit, user, err);
    of3_arena_free(r.arena);
    OF3_TRY(status);
  }
}
