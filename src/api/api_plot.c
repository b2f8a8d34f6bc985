/* Pictures: what a file is, what is in it, and where its picture goes. */
#include "of3_plot.h"

#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/machine.h"
#include "base/str.h"
#include "base/stream.h"
#include "cif/cif.h"
#include "msa/alignment.h"
#include "plot/charts.h"

enum { MOST_TOKENS = 20000 };

typedef of3_status draw_file(const char *path, const char *title, of3_arena *arena, of3_picture **ret_picture,
                             of3_error *err);

/* ---- confidences */

static of3_status read_matrix(const json_t *rows, of3_arena *arena, float **ret_matrix, int *ret_n,
                              of3_error *err) {
  const size_t n = json_array_size(rows);
  if (n == 0 || n > MOST_TOKENS)
    return of3_fail(err, OF3_ERR_INPUT, "there is no 'pae' of 1 to %d tokens in it", MOST_TOKENS);
  float *m = OF3_ARENA_NEW(arena, float, n *n);
  if (!m) return of3_fail_memory(err, "the expected errors");
  for (size_t i = 0; i < n; i++) {
    const json_t *row = json_array_get(rows, i);
    if (json_array_size(row) != n)
      return of3_fail(err, OF3_ERR_INPUT, "row %zu of 'pae' has %zu numbers; %zu are expected", i + 1,
                      json_array_size(row), n);
    for (size_t j = 0; j < n; j++) {
      const json_t *v = json_array_get(row, j);
      if (!json_is_number(v))
        return of3_fail(err, OF3_ERR_INPUT, "row %zu of 'pae' holds what is no number", i + 1);
      m[i * n + j] = (float)json_number_value(v);
    }
  }
  *ret_matrix = m;
  *ret_n = (int)n;
  return OF3_OK;
}

static of3_status draw_pae(const char *path, const char *title, of3_arena *arena, of3_picture **ret_picture,
                           of3_error *err) {
  char *text;
  size_t size;
  float *pae = NULL;
  int n = 0;
  json_error_t why;
  OF3_TRY(of3_read_file(path, (size_t)of3_usable_memory() / 8, arena, &text, &size, err));
  if (of3_json_check(text, size, (size_t)of3_usable_memory(), NULL, err) != OF3_OK)
    return of3_prefix(err, "'%s'", path);
  json_t *root = of3_json_load(text, size, &why);
  of3_status status = root ? read_matrix(json_object_get(root, "pae"), arena, &pae, &n, err)
                           : of3_fail(err, OF3_ERR_INPUT, "line %d: %s", why.line, why.text);
  json_decref(root);
  if (status != OF3_OK) return of3_prefix(err, "'%s'", path);
  *ret_picture = of3_chart_pae(title, pae, n);
  return OF3_OK;
}

/* ---- pLDDT of a structure */

static of3_status read_plddt(of3_cif *cif, of3_arena *arena, double **ret_plddt, bool **ret_starts,
                             int *ret_n, of3_error *err) {
  static const char category[] = "ma_qa_metric_local";
  of3_cif_column chain, value;
  bool found;
  char last[64] = "", now[64];
  OF3_TRY(of3_cif_next(cif, &found, err));
  const int64_t n = found ? of3_cif_rows(cif, category) : 0;
  if (n == 0 || n > INT32_MAX / 2)
    return of3_fail(err, OF3_ERR_INPUT,
                    "it has no pLDDT of residues (ma_qa_metric_local), as structures of of3 in --cif-style "
                    "modelcif have");
  OF3_TRY(of3_cif_column_open(cif, category, "label_asym_id", &chain, err));
  OF3_TRY(of3_cif_column_open(cif, category, "metric_value", &value, err));
  double *plddt = OF3_ARENA_NEW(arena, double, n);
  bool *starts = OF3_ARENA_NEW(arena, bool, n);
  if (!plddt || !starts) return of3_fail_memory(err, "pLDDT");
  for (int64_t i = 0; i < n; i++) {
    if (!of3_cif_get_real(&value, i, &plddt[i]))
      return of3_fail(err, OF3_ERR_INPUT, "pLDDT of row %d is no number", (int)i + 1);
    of3_cif_copy(&chain, i, now, sizeof now);
    starts[i] = i == 0 || strcmp(now, last) != 0;
    memcpy(last, now, sizeof last);
  }
  *ret_plddt = plddt;
  *ret_starts = starts;
  *ret_n = (int)n;
  return OF3_OK;
}

static of3_status draw_plddt(const char *path, const char *title, of3_arena *arena, of3_picture **ret_picture,
                             of3_error *err) {
  of3_cif *cif;
  double *plddt = NULL;
  bool *starts = NULL;
  int n = 0;
  OF3_TRY(of3_cif_open(path, (size_t)of3_usable_memory(), &cif, err));
  const of3_status status = read_plddt(cif, arena, &plddt, &starts, &n, err);
  of3_cif_close(cif);
  if (status != OF3_OK) return of3_prefix(err, "'%s'", path);
  *ret_picture = of3_chart_plddt(title, plddt, starts, n);
  return OF3_OK;
}

/* ---- alignments */

static of3_status read_packed(const char *path, of3_arena *arena, char **ret_text, size_t *ret_n,
                              of3_error *err) {
  enum { PIECE = 1 << 16 };
  of3_stream *stream;
  of3_str text = {0};
  char *piece = of3_arena_alloc(arena, PIECE, 1);
  size_t n = 1;
  if (!piece) return of3_fail_memory(err, path);
  OF3_TRY(of3_stream_open(path, &stream, err));
  of3_status status = OF3_OK;
  while (status == OF3_OK && n > 0) {
    status = of3_stream_read(stream, piece, PIECE, &n, err);
    if (status == OF3_OK) of3_str_addn(&text, piece, n);
    if (text.failed || text.len > of3_usable_memory() / 4) status = of3_fail_memory(err, path);
  }
  of3_stream_close(stream);
  *ret_n = text.len;
  *ret_text = status == OF3_OK ? of3_arena_strndup(arena, text.text ? text.text : "", text.len) : NULL;
  of3_str_free(&text);
  return status != OF3_OK ? status : *ret_text ? OF3_OK : of3_fail_memory(err, path);
}

/* The columns of the first record: its letters but for lower case, dots and blanks. */
static int count_columns(const char *text, size_t n) {
  int columns = 0;
  bool header = false, begun = false;
  for (size_t i = 0; i < n; i++) {
    const bool first = i == 0 || text[i - 1] == '\n';
    if (first && text[i] == '>') {
      if (begun) break;
      begun = header = true;
    }
    if (begun && !header) columns += (text[i] >= 'A' && text[i] <= 'Z') || text[i] == '-';
    if (text[i] == '\n') header = false;
  }
  return columns;
}

static of3_status draw_alignment(const char *path, const char *title, of3_arena *arena,
                                 of3_picture **ret_picture, of3_error *err) {
  char *text = NULL;
  size_t n = 0;
  of3_alignment a;
  OF3_TRY(read_packed(path, arena, &text, &n, err));
  const of3_alignment_want want = {.file = path, .n_col = count_columns(text, n)};
  if (want.n_col == 0)
    return of3_fail(err, OF3_ERR_INPUT, "'%s' is no alignment in A3M: it has no record with a sequence",
                    path);
  OF3_TRY(of3_a3m_parse(text, n, &want, arena, &a, err));
  *ret_picture = of3_chart_alignment(title, a.letter, a.n_row, a.n_col);
  return OF3_OK;
}

/* ---- training */

static of3_status draw_training(const char *path, const char *title, of3_arena *arena,
                                of3_picture **ret_picture, of3_error *err) {
  const char *beside = of3_path_join(arena, of3_path_folder(arena, path), "validation.csv");
  const size_t most = (size_t)of3_usable_memory() / 4;
  char *steps, *validations = NULL;
  size_t n;
  OF3_TRY(of3_read_file(path, most, arena, &steps, &n, err));
  if (!beside) return of3_fail_memory(err, path);
  if (of3_is_file(beside)) OF3_TRY(of3_read_file(beside, most, arena, &validations, &n, err));
  if (of3_chart_training(title, steps, validations, ret_picture, err) != OF3_OK)
    return of3_prefix(err, "'%s'", path);
  return OF3_OK;
}

/* ---- which, and where to */

typedef struct plot_kind {
  const char *ending, *suffix; /* of what is drawn, of the picture instead */
  draw_file *draw;
} plot_kind;

static const plot_kind kinds[] = {
    {"_confidences.json", "_pae", draw_pae},  {"_model.cif", "_plddt", draw_plddt},
    {"_model.cif.gz", "_plddt", draw_plddt},  {".a3m", "_coverage", draw_alignment},
    {".a3m.gz", "_coverage", draw_alignment}, {"train.csv", "loss", draw_training}};

static const plot_kind *kind_of(const char *name) {
  const size_t n = strlen(name);
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    const size_t k = strlen(kinds[i].ending);
    if (n < k || strcmp(name + n - k, kinds[i].ending) != 0) continue;
    if (strstr(name, "_summary_confidences.json")) continue; /* scores of chains: no matrix */
    return &kinds[i];
  }
  return NULL;
}

static of3_status write_picture(const of3_picture *p, bool png, const char *path, const of3_plot_options *o,
                                of3_error *err) {
  of3_str bytes = {0};
  of3_status status = png ? of3_picture_png(p, &bytes, err) : of3_picture_svg(p, &bytes, err);
  if (status == OF3_OK) status = of3_write_file(path, bytes.text, bytes.len, err);
  of3_str_free(&bytes);
  if (status == OF3_OK && o->wrote) o->wrote(o->user, path);
  return status;
}

static of3_status write_pictures(const of3_picture *p, const char *stem, const of3_plot_options *o,
                                 of3_arena *arena, of3_error *err) {
  static const char *const ending[] = {"svg", "png"};
  const bool wanted[] = {o->svg, o->png};
  for (int i = 0; i < 2; i++) {
    const char *path = of3_arena_printf(arena, "%s.%s", stem, ending[i]);
    if (!path) return of3_fail_memory(err, stem);
    if (wanted[i]) OF3_TRY(write_picture(p, i == 1, path, o, err));
  }
  return OF3_OK;
}

static of3_status plot_file(const char *path, const plot_kind *kind, const of3_plot_options *o,
                            of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  of3_picture *picture = NULL;
  if (!arena) return of3_fail_memory(err, "a picture");
  const char *name = of3_path_name(path), *folder = o->out ? o->out : of3_path_folder(arena, path);
  const char *file =
      of3_arena_printf(arena, "%.*s%s", (int)(strlen(name) - strlen(kind->ending)), name, kind->suffix);
  const char *stem = file && folder ? of3_path_join(arena, folder, file) : NULL;
  const char *title = o->title ? o->title : name;
  of3_status status = stem ? kind->draw(path, title, arena, &picture, err) : of3_fail_memory(err, path);
  if (status == OF3_OK && o->out) status = of3_make_folder(o->out, err);
  if (status == OF3_OK) status = write_pictures(picture, stem, o, arena, err);
  of3_picture_free(picture);
  of3_arena_free(arena);
  return status;
}

static of3_status plot_folder(const char *folder, const of3_plot_options *o, of3_arena *arena,
                              of3_error *err) {
  const char **name;
  int n, drawn = 0;
  OF3_TRY(of3_list_folder(folder, arena, &name, &n, err));
  for (int i = 0; i < n; i++) {
    const plot_kind *kind = kind_of(name[i]);
    const char *path = of3_path_join(arena, folder, name[i]);
    if (!path) return of3_fail_memory(err, folder);
    if (!kind || !of3_is_file(path)) continue;
    OF3_TRY(plot_file(path, kind, o, err));
    drawn++;
  }
  if (drawn) return OF3_OK;
  return of3_fail(
      err, OF3_ERR_INPUT,
      "there is nothing to draw in the folder '%s': no .._confidences.json, .._model.cif, .a3m or "
      "train.csv; results of a query are in OUT/QUERY/seed_S",
      folder);
}

of3_status of3_plot(const char *path, const of3_plot_options *options, of3_error *err) {
  const plot_kind *kind = kind_of(of3_path_name(path));
  if (of3_is_folder(path)) {
    of3_arena *arena = of3_arena_new(0);
    const of3_status status = arena ? plot_folder(path, options, arena, err) : of3_fail_memory(err, path);
    of3_arena_free(arena);
    return status;
  }
  if (kind) return plot_file(path, kind, options, err);
  return of3_fail(
      err, OF3_ERR_INPUT,
      "'%s' cannot be drawn: a name that ends in _confidences.json, _model.cif, .a3m or train.csv "
      "is expected",
      path);
}
