/* Reading of a structure file: chains from the lists of polymers, atoms, what the file says of itself, and
 * connections. */
#include "structure/structure.h"

#include <string.h>

#include "structure/structure_parts.h"

/* ---- What the file says of itself */

static of3_status read_text(structure_in *s, const char *category, const char *item, const char **out,
                            of3_error *err) {
  of3_cif_column c;
  of3_cif_slice text;
  OF3_TRY(of3_cif_column_open(s->cif, category, item, &c, err));
  *out = c.n_row > 0 && of3_cif_get_text(&c, 0, &text) ? of3_arena_strndup(s->arena, text.text, text.n)
                                                       : of3_arena_strdup(s->arena, "");
  return *out ? OF3_OK : of3_fail_memory(err, "a structure");
}

static of3_status read_resolution(structure_in *s, float *out, of3_error *err) {
  static const char *const places[][2] = {
      {"refine", "ls_d_res_high"}, {"em_3d_reconstruction", "resolution"}, {"reflns", "d_resolution_high"}};
  *out = 0;
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    of3_cif_column c;
    double x;
    OF3_TRY(of3_cif_column_open(s->cif, places[i][0], places[i][1], &c, err));
    if (c.n_row == 0 || !of3_cif_get_real(&c, 0, &x) || !(x > 0)) continue;
    *out = (float)x;
    break;
  }
  return OF3_OK;
}

/* The first of the dates: they are in the order of revisions, but nobody has to keep to that. */
static of3_status read_date(structure_in *s, char out[12], of3_error *err) {
  of3_cif_column c;
  char date[12];
  out[0] = 0;
  OF3_TRY(of3_cif_column_open(s->cif, "pdbx_audit_revision_history", "revision_date", &c, err));
  for (int64_t r = 0; r < c.n_row; r++)
    if (of3_cif_copy(&c, r, date, sizeof date) == 10 && (!out[0] || strcmp(date, out) < 0))
      memcpy(out, date, sizeof date);
  return OF3_OK;
}

static of3_status read_header(structure_in *s, of3_structure *out, of3_error *err) {
  OF3_TRY(read_text(s, "entry", "id", &out->id, err));
  if (!out->id[0]) {
    const of3_cif_slice name = of3_cif_block_name(s->cif);
    out->id = of3_arena_strndup(s->arena, name.text, name.n);
    if (!out->id) return of3_fail_memory(err, "a structure");
  }
  const char *method;
  OF3_TRY(read_text(s, "exptl", "method", &method, err));
  char *capital = of3_arena_strdup(s->arena, method);
  if (!capital) return of3_fail_memory(err, "a structure");
  for (char *c = capital; *c; c++)
    if (*c >= 'a' && *c <= 'z') *c = (char)(*c - 'a' + 'A');
  out->method = capital;
  OF3_TRY(read_date(s, out->released, err));
  return read_resolution(s, &out->resolution, err);
}

/* ---- Connections */

enum { CONN_TYPE, CONN_ASYM, CONN_SEQ, CONN_COMP, CONN_ATOM, CONN_AUTHOR, CONN_SYMMETRY, N_CONN };

typedef struct connections {
  of3_cif_column column[2][N_CONN]; /* of both partners; the type is in the first */
} connections;

static of3_status open_connections(of3_cif *cif, connections *out, of3_error *err) {
  static const char *const items[2][N_CONN] = {
      {"conn_type_id", "ptnr1_label_asym_id", "ptnr1_label_seq_id", "ptnr1_label_comp_id",
       "ptnr1_label_atom_id", "ptnr1_auth_seq_id", "ptnr1_symmetry"},
      {"conn_type_id", "ptnr2_label_asym_id", "ptnr2_label_seq_id", "ptnr2_label_comp_id",
       "ptnr2_label_atom_id", "ptnr2_auth_seq_id", "ptnr2_symmetry"}};
  for (int p = 0; p < 2; p++)
    OF3_TRY(structure_open_columns(cif, "struct_conn", items[p], N_CONN, out->column[p], err));
  return OF3_OK;
}

static int atom_of_residue(const of3_structure *s, const of3_structure_residue *r, const char *name) {
  for (int i = r->first_atom; i < r->first_atom + r->n_atom; i++)
    if (strcmp(s->atom[i].name, name) == 0) return i;
  return -1;
}

/* The atom of partner p of row r, or -1. Residues without a label number are found by code and author's
 * number. */
static int partner_of(connections *c, int p, int64_t r, const of3_structure *s) {
  of3_cif_column *column = c->column[p];
  char asym[OF3_STRUCTURE_ID], code[8], atom[8];
  int64_t number = 0, author = 0;
  of3_cif_copy(&column[CONN_ASYM], r, asym, sizeof asym);
  if (of3_cif_copy(&column[CONN_COMP], r, code, sizeof code) >= sizeof code ||
      of3_cif_copy(&column[CONN_ATOM], r, atom, sizeof atom) >= sizeof atom)
    return -1;
  const bool labelled = of3_cif_get_integer(&column[CONN_SEQ], r, &number);
  of3_cif_get_integer(&column[CONN_AUTHOR], r, &author);
  for (int i = 0; i < s->n_chain; i++) {
    if (strcmp(s->chain[i].id, asym) != 0) continue;
    for (int k = 0; k < s->chain[i].n_residue; k++) {
      const of3_structure_residue *residue = &s->residue[s->chain[i].first_residue + k];
      if ((labelled ? residue->number == number : residue->author == author) &&
          strcmp(residue->code, code) == 0)
        return atom_of_residue(s, residue, atom);
    }
  }
  return -1;
}

/* A partner in another copy of the crystal's cell is not among the atoms. */
static bool same_copy(connections *c, int64_t r) {
  char one[16], two[16];
  of3_cif_copy(&c->column[0][CONN_SYMMETRY], r, one, sizeof one);
  of3_cif_copy(&c->column[1][CONN_SYMMETRY], r, two, sizeof two);
  return strcmp(one, two) == 0;
}

static of3_status read_links(structure_in *s, of3_structure *out, of3_error *err) {
  connections c = {0};
  OF3_TRY(open_connections(s->cif, &c, err));
  const int64_t n = of3_cif_rows(s->cif, "struct_conn");
  out->link = OF3_ARENA_NEW(s->arena, of3_structure_link, n);
  if (!out->link) return of3_fail_memory(err, "the connections of a structure");
  for (int64_t r = 0; r < n; r++) {
    char type[16];
    OF3_TRY(of3_go_on(s->opt_cancel, err));
    of3_cif_copy(&c.column[0][CONN_TYPE], r, type, sizeof type);
    const bool covalent = strncmp(type, "covale", 6) == 0 || strcmp(type, "disulf") == 0;
    if ((!covalent && strcmp(type, "metalc") != 0) || !same_copy(&c, r)) continue;
    const int a = partner_of(&c, 0, r, out), b = partner_of(&c, 1, r, out);
    if (a >= 0 && b >= 0 && a != b) out->link[out->n_link++] = (of3_structure_link){a, b, covalent};
  }
  return OF3_OK;
}

/* ---- */

static of3_status structure_fill(structure_in *s, of3_structure *out, of3_error *err) {
  bool found = false;
  OF3_TRY(of3_cif_next(s->cif, &found, err));
  if (!found)
    return of3_fail(err, OF3_ERR_INPUT, "'%s': the file has no data block", of3_cif_file_name(s->cif));
  OF3_TRY(read_header(s, out, err));
  OF3_TRY(structure_read_polymers(s, err));
  OF3_TRY(structure_read_atoms(s, out, err));
  for (int i = 0; i < out->n_chain; i++)
    if (out->chain[i].polymer) OF3_TRY(structure_read_letters(s, &out->chain[i], err));
  return read_links(s, out, err);
}

/* Closes what was opened. */
static of3_status structure_of_cif(of3_cif *cif, of3_cancel *opt_cancel, of3_arena *arena, of3_structure *out,
                                   of3_error *err) {
  structure_in s = {
      .cif = cif, .opt_cancel = opt_cancel, .arena = arena, .scratch = of3_arena_new_within(arena)};
  const of3_status status =
      s.scratch ? structure_fill(&s, out, err) : of3_fail_memory(err, of3_cif_file_name(cif));
  of3_cif_close(cif);
  of3_arena_free(s.scratch);
  return status;
}

of3_status of3_structure_read(const char *path, size_t most, of3_cancel *opt_cancel, of3_arena *arena,
                              of3_structure *out, of3_error *err) {
  of3_cif *cif = NULL;
  *out = (of3_structure){0};
  OF3_TRY(of3_cif_open(path, most, &cif, err));
  return structure_of_cif(cif, opt_cancel, arena, out, err);
}

of3_status of3_structure_parse(const char *name, const char *text, size_t most, of3_cancel *opt_cancel,
                               of3_arena *arena, of3_structure *out, of3_error *err) {
  of3_cif *cif = NULL;
  *out = (of3_structure){0};
  OF3_TRY(of3_cif_open_bytes(name, text, strlen(text), most, &cif, err));
  return structure_of_cif(cif, opt_cancel, arena, out, err);
}
