#define _POSIX_C_SOURCE 200809L
#include "dialect/ligand_list.h"

#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/gzip.h"
#include "base/str.h"
#include "dialect/text.h"
#include "msa/lines.h"

void of3_ligand_list_free(of3_ligand_list *list) {
  of3_arena_free(list->arena);
  *list = (of3_ligand_list){0};
}

/* ---- SMILES, one in each line */

static size_t word_end(const char *s, size_t at, size_t n) {
  while (at < n && !of3_is_space(s[at])) at++;
  return at;
}

static size_t word_begin(const char *s, size_t at, size_t n) {
  while (at < n && of3_is_space(s[at])) at++;
  return at;
}

/* What follows a SMILES: "|...|" of ChemAxon, which says nothing about atoms and bonds, is skipped. */
static size_t skip_extension(const char *s, size_t at, size_t n) {
  if (at >= n || s[at] != '|') return at;
  const char *end = memchr(s + at + 1, '|', n - at - 1);
  return end ? word_begin(s, (size_t)(end - s) + 1, n) : at;
}

/* The words that programs write above a list. */
static bool is_heading(const char *line, size_t end) {
  static const char *const heading[] = {"smiles", "canonical_smiles", "isomeric_smiles"};
  for (size_t k = 0; k < sizeof heading / sizeof *heading; k++)
    if (end == strlen(heading[k]) && strncasecmp(line, heading[k], end) == 0) return true;
  return false;
}

static of3_status read_smiles(const char *text, size_t size, of3_ligand_list *out, of3_error *err) {
  of3_lines lines = of3_lines_of(text, size);
  const char *line;
  size_t n;
  for (int number = 1; of3_lines_next(&lines, &line, &n); number++) {
    const size_t begin = word_begin(line, 0, n), end = word_end(line, begin, n);
    if (begin == n || line[begin] == '#' || (out->n == 0 && is_heading(line + begin, end - begin))) continue;
    const size_t name = skip_extension(line, word_begin(line, end, n), n);
    size_t last = n;
    while (last > name && of3_is_space(line[last - 1])) last--;
    of3_listed_ligand *l = &out->ligand[out->n++];
    *l = (of3_listed_ligand){.line = number,
                             .smiles = of3_arena_strndup(out->arena, line + begin, end - begin)};
    if (last > name) l->name = of3_arena_strndup(out->arena, line + name, last - name);
    if (!l->smiles || (last > name && !l->name)) return of3_fail_memory(err, out->file);
  }
  return OF3_OK;
}

/* ---- Files */

/* An entry of an SDF file ends with "M  END", and its fourth line with its version. */
static bool is_sdf(const char *text, size_t size) {
  of3_lines lines = of3_lines_of(text, size);
  const char *line;
  size_t n;
  for (int k = 0; of3_lines_next(&lines, &line, &n); k++) {
    if (k == 3 && n >= 5 && (memcmp(line + n - 5, "V2000", 5) == 0 || memcmp(line + n - 5, "V3000", 5) == 0))
      return true;
    if ((n >= 6 && memcmp(line, "M  END", 6) == 0) || (n >= 4 && memcmp(line, "$$$$", 4) == 0)) return true;
  }
  return false;
}

static bool list_ends_with(const char *path, const char *ending) {
  const size_t n = strlen(path), k = strlen(ending);
  return n > k && strcasecmp(path + n - k, ending) == 0;
}

static bool is_called_table(const char *file) {
  return list_ends_with(file, ".csv") || list_ends_with(file, ".tsv") || list_ends_with(file, ".csv.gz") ||
         list_ends_with(file, ".tsv.gz");
}

static of3_status read_list(const char *text, size_t size, of3_ligand_list *out, of3_error *err) {
  if (is_sdf(text, size)) return of3_ligand_list_sdf(text, size, out, err);
  const bool called_table = is_called_table(out->file);
  if (of3_ligand_list_is_table(text, size, called_table)) return of3_ligand_list_table(text, size, out, err);
  if (called_table)
    return of3_fail(
        err, OF3_ERR_INPUT,
        "'%s': the first line names no column 'smiles' and no column 'ccd'; one of them was expected",
        out->file);
  return read_smiles(text, size, out, err);
}

static of3_status list_make_room(const char *text, size_t size, of3_ligand_list *out, of3_error *err) {
  of3_lines lines = of3_lines_of(text, size);
  const char *line;
  size_t n, count = 0;
  while (of3_lines_next(&lines, &line, &n)) count++;
  out->ligand = OF3_ARENA_NEW(out->arena, of3_listed_ligand, count + 1);
  return out->ligand ? OF3_OK : of3_fail_memory(err, out->file);
}

/* Into the arena of the list. */
static of3_status read_whole(const char *text, size_t size, of3_ligand_list *out, of3_error *err) {
  if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark */
    text += 3;
    size -= 3;
  }
  if (memchr(text, 0, size))
    return of3_fail(err, OF3_ERR_INPUT,
                    "'%s' is no text: it has bytes of value 0; SMILES, a table or SDF was expected",
                    out->file);
  OF3_TRY(list_make_room(text, size, out, err));
  OF3_TRY(read_list(text, size, out, err));
  if (out->n == 0)
    return of3_fail(err, OF3_ERR_INPUT, "'%s' has no ligands; SMILES, a table or SDF was expected",
                    out->file);
  if (out->n > OF3_MAX_LIGANDS)
    return of3_fail(err, OF3_ERR_INPUT, "'%s' has %d ligands; at most %d are allowed, so split it", out->file,
                    out->n, OF3_MAX_LIGANDS);
  return OF3_OK;
}

static of3_status begin_list(const char *file, of3_ligand_list *out, of3_error *err) {
  *out = (of3_ligand_list){.arena = of3_arena_new(0)};
  if (out->arena) out->file = of3_arena_strdup(out->arena, file);
  return out->file ? OF3_OK : of3_fail_memory(err, file);
}

of3_status of3_ligand_list_read(const char *text, size_t size, const char *file, of3_ligand_list *out,
                                of3_error *err) {
  of3_status status = begin_list(file, out, err);
  if (status == OF3_OK) status = read_whole(text, size, out, err);
  if (status != OF3_OK) of3_ligand_list_free(out);
  return status;
}

/* The text of the file, unpacked, as UTF-8, in the arena. */
static of3_status read_file(const char *path, of3_arena *arena, char **ret_text, size_t *ret_size,
                            of3_error *err) {
  enum { MOST = 1 << 30 };
  char *bytes = NULL;
  size_t size = 0;
  OF3_TRY(of3_read_file(path, MOST, arena, &bytes, &size, err));
  if (size >= 2 && memcmp(bytes, "\x1f\x8b", 2) == 0)
    OF3_TRY(of3_gunzip(path, MOST, NULL, arena, &bytes, &size, err));
  return of3_decode_text(path, bytes, size, arena, ret_text, ret_size, err);
}

of3_status of3_ligand_list_open(const char *path, size_t most_memory, of3_ligand_list *out, of3_error *err) {
  char *text = NULL;
  size_t size = 0;
  *out = (of3_ligand_list){0};
  if (of3_is_folder(path))
    return of3_fail(err, OF3_ERR_INPUT,
                    "'%s' is a folder; a file of SMILES, a table or an SDF file was expected", path);
  of3_status status = begin_list(path, out, err);
  if (status == OF3_OK) {
    of3_arena_limit(out->arena, most_memory);
    status = read_file(path, out->arena, &text, &size, err);
  }
  if (status == OF3_OK) status = read_whole(text, size, out, err);
  if (status == OF3_ERR_MEMORY)
    of3_fail(err, status, "'%s' takes more memory to read than may be used; split it, or allow more memory",
             path);
  if (status != OF3_OK) of3_ligand_list_free(out);
  return status;
}
