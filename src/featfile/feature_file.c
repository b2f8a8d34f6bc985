#include "featfile/feature_file.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "feat/build.h"
#include "featfile/feature_fields.h"

enum { N_POCKET = 14, N_ENTRY = OF3_N_FIELD + 1 + N_POCKET }; /* num_paired_seqs is a number of the struct */

/* Reading */

/* Tensors in a file start at any byte: elements are copied out. */
static int64_t feature_file_whole_number(const of3_entry *e, int64_t i) {
  int64_t wide;
  int32_t narrow;
  const uint8_t *at = (const uint8_t *)e->data + (size_t)i * of3_dtype_size(e->dtype);
  switch (e->dtype) {
  case OF3_U8:
    return *at;
  case OF3_I32:
    memcpy(&narrow, at, sizeof narrow);
    return narrow;
  default:
    memcpy(&wide, at, sizeof wide);
    return wide;
  }
}

static float real_number(const of3_entry *e, int64_t i) {
  double wide;
  float narrow;
  const uint8_t *at = (const uint8_t *)e->data + (size_t)i * of3_dtype_size(e->dtype);
  if (e->dtype == OF3_F32) {
    memcpy(&narrow, at, sizeof narrow);
    return narrow;
  }
  memcpy(&wide, at, sizeof wide);
  return (float)wide;
}

static of3_status wrong_dtype(const of3_entry *e, const char *expected, of3_error *err) {
  return of3_fail(err, OF3_ERR_INPUT, "tensor '%s' is %s; %s was expected", e->name, of3_dtype_name(e->dtype),
                  expected);
}

static bool is_whole(of3_dtype t) { return t == OF3_U8 || t == OF3_I32 || t == OF3_I64; }

static of3_status read_index(const of3_entry *e, int32_t *out, of3_error *err) {
  if (!is_whole(e->dtype)) return wrong_dtype(e, "i32 or i64", err);
  for (int64_t i = 0; i < e->count; i++) {
    int64_t v = feature_file_whole_number(e, i);
    if (v < INT32_MIN || v > INT32_MAX)
      return of3_fail(err, OF3_ERR_INPUT, "tensor '%s' holds %lld, which is no index", e->name, (long long)v);
    out[i] = (int32_t)v;
  }
  return OF3_OK;
}

static of3_status read_bit(const of3_entry *e, int64_t i, bool *out, of3_error *err) {
  double v = e->dtype == OF3_F32 ? (double)real_number(e, i) : (double)feature_file_whole_number(e, i);
  if (v != 0 && v != 1)
    return of3_fail(err, OF3_ERR_INPUT, "tensor '%s' holds %g; 0 or 1 was expected", e->name, v);
  *out = v != 0;
  return OF3_OK;
}

static of3_status read_bits(const of3_entry *e, uint8_t *opt_flag, float *opt_mask, of3_error *err) {
  if (!is_whole(e->dtype) && e->dtype != OF3_F32) return wrong_dtype(e, "u8", err);
  for (int64_t i = 0; i < e->count; i++) {
    bool v = false;
    OF3_TRY(read_bit(e, i, &v, err));
    if (opt_flag) opt_flag[i] = v;
    if (opt_mask) opt_mask[i] = v ? 1.0F : 0.0F;
  }
  return OF3_OK;
}

static of3_status read_real(const of3_entry *e, float *out, of3_error *err) {
  if (e->dtype != OF3_F32 && e->dtype != OF3_F64) return wrong_dtype(e, "f32", err);
  for (int64_t i = 0; i < e->count; i++) out[i] = real_number(e, i);
  return OF3_OK;
}

/* At most one 1 in each row of the last axis. */
static of3_status read_class(const of3_entry *e, int classes, uint8_t *out, of3_error *err) {
  if (!is_whole(e->dtype) && e->dtype != OF3_F32) return wrong_dtype(e, "u8", err);
  for (int64_t i = 0; i < e->count / classes; i++) {
    out[i] = OF3_NO_CLASS;
    for (int c = 0; c < classes; c++) {
      bool v = false;
      OF3_TRY(read_bit(e, i * classes + c, &v, err));
      if (v && out[i] != OF3_NO_CLASS)
        return of3_fail(err, OF3_ERR_INPUT, "tensor '%s': row %lld has more than one 1", e->name,
                        (long long)i);
      if (v) out[i] = (uint8_t)c;
    }
  }
  return OF3_OK;
}

/* Whether entry (i,j), i < j, of a symmetric matrix of n rows with zero diagonal is 1. */
static of3_status read_pair(const of3_entry *e, int64_t n, int64_t i, int64_t j, bool *out, of3_error *err) {
  bool back = false;
  OF3_TRY(read_bit(e, i * n + j, out, err));
  OF3_TRY(read_bit(e, j * n + i, &back, err));
  if (*out != back || (i == j && back))
    return of3_fail(
        err, OF3_ERR_INPUT,
        "tensor '%s': (%lld,%lld) is %d, (%lld,%lld) %d; a symmetric matrix with zero diagonal was "
        "expected",
        e->name, (long long)i, (long long)j, *out, (long long)j, (long long)i, back);
  return OF3_OK;
}

/* The pairs of a symmetric matrix [n,n] that are 1; without opt_out they are only counted. */
static of3_status read_pairs(const of3_entry *e, int64_t n, int32_t *opt_out, int *count, of3_error *err) {
  if (!is_whole(e->dtype) && e->dtype != OF3_F32) return wrong_dtype(e, "u8", err);
  *count = 0;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = i; j < n; j++) {
      bool there = false;
      OF3_TRY(read_pair(e, n, i, j, &there, err));
      if (!there) continue;
      if (opt_out) opt_out[2 * *count] = (int32_t)i, opt_out[2 * *count + 1] = (int32_t)j;
      if (++*count == INT_MAX / 2)
        return of3_fail(err, OF3_ERR_INPUT, "tensor '%s' holds too many ones", e->name);
    }
  return OF3_OK;
}

/* "feat/NAME"; err is filled only if there is none. */
static const of3_entry *feature_file_find(const of3_table *table, const char *name, of3_error *err) {
  char full[64];
  snprintf(full, sizeof full, "feat/%s", name);
  const of3_entry *e = of3_table_find(table, full);
  if (!e) of3_fail(err, OF3_ERR_INPUT, "tensor '%s' is missing", full);
  return e;
}

static of3_status axis(const of3_table *table, const char *name, int which, int most, int *out,
                       of3_error *err) {
  const of3_entry *e = feature_file_find(table, name, err);
  if (!e) return OF3_ERR_INPUT;
  if (e->rank <= which || e->shape[which] > most)
    return of3_fail(err, OF3_ERR_INPUT, "tensor '%s' has a shape that no feature has", e->name);
  *out = (int)e->shape[which];
  return OF3_OK;
}

static of3_status read_sizes(const of3_table *table, of3_features *out, of3_error *err) {
  enum { MOST_ATOMS = OF3_MAX_TOKENS * OF3_MAX_ATOMS_PER_TOKEN, MOST_SLOTS = 64 };
  OF3_TRY(axis(table, "token_mask", 0, OF3_MAX_TOKENS, &out->n_token, err));
  OF3_TRY(axis(table, "atom_mask", 0, MOST_ATOMS, &out->n_atom, err));
  OF3_TRY(axis(table, "msa", 0, OF3_MSA_MOST_ROWS, &out->n_msa, err));
  return axis(table, "template_restype", 0, MOST_SLOTS, &out->n_templ, err);
}

static of3_status check_shape(const of3_entry *e, const of3_field *field, const of3_features *f,
                              of3_error *err) {
  int rank = (int)strlen(field->axes) + (field->kind == OF3_FIELD_CLASS);
  if (e->rank != rank)
    return of3_fail(err, OF3_ERR_INPUT, "tensor '%s' has %d axes; %d were expected", e->name, e->rank, rank);
  for (int i = 0; i < rank; i++) {
    int64_t want = field->axes[i] ? of3_axis_size(f, field->axes[i]) : field->classes;
    if (e->shape[i] != want)
      return of3_fail(err, OF3_ERR_INPUT, "tensor '%s': axis %d has size %lld; %lld was expected", e->name, i,
                      (long long)e->shape[i], (long long)want);
  }
  return OF3_OK;
}

/* *ret_data NULL: there is no such tensor, and none is needed. */
static of3_status read_values(const of3_table *table, const of3_field *field, of3_features *out,
                              of3_arena *arena, void **ret_data, of3_error *err) {
  const of3_entry *e = feature_file_find(table, field->name, field->optional ? NULL : err);
  *ret_data = NULL;
  if (!e) return field->optional ? OF3_OK : OF3_ERR_INPUT;
  OF3_TRY(check_shape(e, field, out, err));
  if (field->kind == OF3_FIELD_PAIRS) OF3_TRY(read_pairs(e, out->n_token, NULL, &out->n_bond, err));
  void *data = of3_arena_alloc(arena, (size_t)of3_field_count(out, field), of3_field_size(field));
  if (!data) return of3_fail_memory(err, e->name);
  *ret_data = data;
  switch (field->kind) {
  case OF3_FIELD_INDEX:
    return read_index(e, data, err);
  case OF3_FIELD_FLAG:
    return read_bits(e, data, NULL, err);
  case OF3_FIELD_MASK:
    return read_bits(e, NULL, data, err);
  case OF3_FIELD_REAL:
    return read_real(e, data, err);
  case OF3_FIELD_PAIRS:
    return read_pairs(e, out->n_token, data, &out->n_bond, err);
  default:
    return read_class(e, field->classes, data, err);
  }
}

/* Rows of the MSA are packed into the bytes of an alignment once all of them are there. */
static of3_status read_fields(const of3_table *table, of3_arena *scratch, of3_features *out, of3_error *err) {
  of3_msa_cells cells = {0};
  for (int i = 0; i < OF3_N_FIELD; i++) {
    const of3_field *field = &of3_fields[i];
    const bool msa = of3_field_is_msa(field);
    void *data;
    OF3_TRY(read_values(table, field, out, msa ? scratch : out->arena, &data, err));
    if (msa)
      memcpy((char *)&cells + field->offset, &data, sizeof data);
    else
      of3_field_set(out, field, data);
  }
  return of3_msa_from_cells(out, out->n_msa, &cells, err);
}

static of3_status feature_file_read_all(const of3_table *table, of3_features *out, of3_error *err) {
  OF3_TRY(read_sizes(table, out, err));
  of3_arena *scratch = of3_arena_new_within(out->arena);
  const of3_status status =
      scratch ? read_fields(table, scratch, out, err) : of3_fail_memory(err, "the features");
  of3_arena_free(scratch);
  if (status != OF3_OK) return status;
  const of3_entry *e = feature_file_find(table, "num_paired_seqs", err);
  if (!e) return OF3_ERR_INPUT;
  if (e->count != 1) return of3_fail(err, OF3_ERR_INPUT, "tensor '%s' must hold one number", e->name);
  OF3_TRY(read_index(e, &out->num_paired_seqs, err));
  if (!out->center_atom || !out->representative_atom || !out->frame_atoms)
    OF3_TRY(of3_features_set_roles(out, err));
  return of3_features_validate(out, err);
}

of3_status of3_features_from_table(const of3_table *table, of3_features *out, of3_error *err) {
  *out = (of3_features){.arena = of3_arena_new(0)};
  of3_status st = out->arena ? feature_file_read_all(table, out, err) : of3_fail_memory(err, "the features");
  if (st != OF3_OK) of3_features_free(out);
  return st;
}

of3_status of3_features_read(const char *path, of3_features *out, of3_error *err) {
  of3_table table;
  *out = (of3_features){0};
  OF3_TRY(of3_safetensors_open(path, &table, err));
  of3_status st = of3_features_from_table(&table, out, err);
  of3_table_close(&table);
  return st != OF3_OK && err ? of3_prefix(err, "'%s'", path) : st;
}

/* Writing */

static void expand(const uint8_t *class_, int64_t n, int classes, uint8_t *out) {
  for (int64_t i = 0; i < n; i++)
    if (class_[i] < classes) out[i * classes + class_[i]] = 1;
}

/* Elements first .. first + count - 1 of the symmetric matrix [n,n] of pairs. */
static void mark_pairs(const int32_t *pair, int n_pair, int64_t n, int64_t first, int64_t count,
                       uint8_t *out) {
  for (int k = 0; k < n_pair; k++, pair += 2) {
    const int64_t at[2] = {pair[0] * n + pair[1] - first, pair[1] * n + pair[0] - first};
    for (int i = 0; i < 2; i++)
      if (at[i] >= 0 && at[i] < count) out[at[i]] = 1;
  }
}

static void narrow(const float *mask, int64_t n, uint8_t *out) {
  for (int64_t i = 0; i < n; i++) out[i] = mask[i] != 0;
}

/* A file on its way: entry k is of field[k]; NULL: it is data[k]. */
typedef struct feature_writer {
  const of3_features *f;
  const of3_field *field[N_ENTRY];
  const void *data[N_ENTRY];
  of3_entry entry[N_ENTRY];
  int n;
  void *row;    /* of the MSA or of pairs of a template: room for 3 N numbers */
  float *place; /* of the tokens of a template: [N,OF3_N_TEMPLATE_PLACE] */
  of3_cancel *opt_cancel;
} feature_writer;

/* `rows` values of a field, from `data`; NULL: zeros. */
static of3_status put_values(const feature_writer *w, FILE *file, const of3_field *field, of3_dtype dtype,
                             const void *data, int64_t rows, of3_error *err) {
  enum { PIECE = 16384 };
  uint8_t piece[PIECE];
  const bool class_ = field && field->kind == OF3_FIELD_CLASS, mask = field && field->kind == OF3_FIELD_MASK,
             pairs = field && field->kind == OF3_FIELD_PAIRS;
  const int64_t width = class_ ? field->classes : 1, size = width * (int64_t)of3_dtype_size(dtype),
                step = PIECE / size;
  for (int64_t at = 0; at < rows && !ferror(file); at += step) {
    OF3_TRY(of3_go_on(w->opt_cancel, err));
    const int64_t n = rows - at < step ? rows - at : step;
    if (!data || class_ || pairs) memset(piece, 0, (size_t)(n * size));
    if (data && class_)
      expand((const uint8_t *)data + at, n, field->classes, piece);
    else if (data && pairs)
      mark_pairs((const int32_t *)data, w->f->n_bond, w->f->n_token, at, n, piece);
    else if (data && mask)
      narrow((const float *)data + at, n, piece);
    else if (data)
      memcpy(piece, (const char *)data + at * size, (size_t)(n * size));
    fwrite(piece, (size_t)size, (size_t)n, file);
  }
  return OF3_OK;
}

static of3_status put_template_pairs(const feature_writer *w, FILE *file, const of3_field *field,
                                     of3_dtype dtype, of3_error *err) {
  const of3_features *f = w->f;
  const int64_t values = field->kind == OF3_FIELD_CLASS ? f->n_token : 3 * (int64_t)f->n_token;
  for (int t = 0; t < f->n_templ; t++) {
    of3_field_template_places(f, t, w->place);
    for (int i = 0; i < f->n_token; i++) {
      of3_field_template_row(f, field, w->place, i, w->row);
      OF3_TRY(put_values(w, file, field, dtype, w->row, values, err));
    }
  }
  return OF3_OK;
}

/* Features hold classes where the file holds ones and zeros, which take a hundred times the memory: they are
 * made while they are written. */
static of3_status feature_put(void *user, FILE *file, const of3_entry *e, of3_error *err) {
  feature_writer *w = user;
  const of3_field *field = w->field[e - w->entry];
  if (field && of3_field_is_msa(field)) {
    for (int r = 0; r < w->f->n_msa; r++) {
      of3_field_msa_row(w->f, field, r, w->row);
      OF3_TRY(put_values(w, file, field, e->dtype, w->row, w->f->n_token, err));
    }
    return OF3_OK;
  }
  if (field && of3_field_is_of_places(w->f, field)) return put_template_pairs(w, file, field, e->dtype, err);
  const int64_t width = field && field->kind == OF3_FIELD_CLASS ? field->classes : 1;
  const void *data = field ? of3_field_get(w->f, field) : w->data[e - w->entry];
  return put_values(w, file, field, e->dtype, data, e->count / width, err);
}

static of3_status add_entry(feature_writer *w, const of3_field *field, of3_arena *arena, of3_error *err) {
  static const of3_dtype dtype[] = {OF3_I32, OF3_U8, OF3_U8, OF3_F32, OF3_U8, OF3_U8};
  of3_entry *e = &w->entry[w->n];
  bool class_ = field->kind == OF3_FIELD_CLASS;
  w->field[w->n++] = field;
  *e = (of3_entry){.dtype = dtype[field->kind],
                   .count = of3_field_count(w->f, field) * (class_ ? field->classes : 1),
                   .name = of3_arena_printf(arena, "feat/%s", field->name)};
  for (; field->axes[e->rank]; e->rank++) e->shape[e->rank] = of3_axis_size(w->f, field->axes[e->rank]);
  if (class_) e->shape[e->rank++] = field->classes;
  if (field->kind == OF3_FIELD_PAIRS) e->count = (int64_t)w->f->n_token * w->f->n_token;
  return e->name ? OF3_OK : of3_fail_memory(err, field->name);
}

/* What is no field of all features. shape: {n} or {n, m, 3} numbers. */
static void add_data(feature_writer *w, const char *name, of3_dtype dtype, const void *data, int64_t n,
                     int64_t m) {
  w->data[w->n] = data;
  w->entry[w->n++] =
      m ? (of3_entry){.name = name, .dtype = dtype, .rank = 3, .shape = {n, m, 3}, .count = 3 * n * m}
        : (of3_entry){.name = name, .dtype = dtype, .rank = 1, .shape = {n}, .count = n};
}

/* OpenFold3's pocket_sampling_*; masks as numbers, as there. */
static of3_status add_pocket(feature_writer *w, of3_arena *arena, of3_error *err) {
  static const uint8_t enabled = 1;
  const of3_pocket *p = w->f->pocket;
  const int64_t n = w->f->n_atom;
  if (!p) return OF3_OK;
  float *ligand = OF3_ARENA_NEW(arena, float, n), *site = OF3_ARENA_NEW(arena, float, n);
  if (!ligand || !site) return of3_fail_memory(err, "the pocket");
  for (int64_t a = 0; a < n; a++) {
    ligand[a] = p->ligand[a];
    site[a] = p->site[a];
  }
#define POCKET(name) "feat/pocket_sampling_" name
  add_data(w, POCKET("enabled"), OF3_U8, &enabled, 1, 0);
  add_data(w, POCKET("ligand_atom_mask"), OF3_F32, ligand, n, 0);
  add_data(w, POCKET("pocket_atom_mask"), OF3_F32, site, n, 0);
  add_data(w, POCKET("vdw_radii"), OF3_F32, p->radius, n, 0);
  add_data(w, POCKET("contact_distance"), OF3_F32, &p->contact, 1, 0);
  add_data(w, POCKET("num_parents"), OF3_I32, &p->n_parent, 1, 0);
  add_data(w, POCKET("candidates"), OF3_I32, &p->n_candidate, 1, 0);
  add_data(w, POCKET("start_frac"), OF3_F32, &p->start, 1, 0);
  add_data(w, POCKET("ligand_jitter"), OF3_F32, &p->ligand_jitter, 1, 0);
  add_data(w, POCKET("center_jitter"), OF3_F32, &p->center_jitter, 1, 0);
  add_data(w, POCKET("surface_jitter"), OF3_F32, &p->surface_jitter, 1, 0);
  add_data(w, POCKET("vdw_buffer"), OF3_F32, &p->buffer, 1, 0);
  add_data(w, POCKET("diversity_rmsd"), OF3_F32, &p->diversity, 1, 0);
  if (p->n_conformer)
    add_data(w, POCKET("conformer_rels"), OF3_F32, p->conformer, p->n_conformer, p->n_ligand);
#undef POCKET
  return OF3_OK;
}

static of3_status feature_file_write_all(const char *path, feature_writer *w, of3_arena *arena,
                                         of3_error *err) {
  add_data(w, "feat/num_paired_seqs", OF3_I32, &w->f->num_paired_seqs, 1, 0);
  OF3_TRY(add_pocket(w, arena, err));
  for (int i = 0; i < OF3_N_FIELD; i++) {
    if (!w->f->cyclic_mask && of3_fields[i].offset == offsetof(of3_features, cyclic_mask)) continue;
    OF3_TRY(add_entry(w, &of3_fields[i], arena, err));
  }
  return of3_safetensors_stream(path, w->entry, w->n, NULL, 0, feature_put, w, NULL, err);
}

of3_status of3_features_write(const char *path, const of3_features *features, of3_cancel *opt_cancel,
                              of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  feature_writer *w = arena ? OF3_ARENA_NEW(arena, feature_writer, 1) : NULL;
  of3_status st = OF3_OK;
  if (w) {
    *w = (feature_writer){.f = features,
                          .opt_cancel = opt_cancel,
                          .row = OF3_ARENA_NEW(arena, float, 3 * (size_t)features->n_token),
                          .place =
                              OF3_ARENA_NEW(arena, float, OF3_N_TEMPLATE_PLACE *(size_t)features->n_token)};
    if (w->row && w->place) st = feature_file_write_all(path, w, arena, err);
  }
  if (!w || !w->row || !w->place) st = of3_fail_memory(err, path);
  of3_arena_free(arena);
  return st;
}
