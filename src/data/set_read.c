/* Reading of a training set. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/file.h"
#include "base/le.h"
#include "data/set_record.h"

struct of3_set {
  of3_map map;
  char name[200];
  uint32_t n_entry, n_alignment, n_point;
  const uint8_t *entry, *alignment, *point; /* tables */
};

static bool table_fits(const of3_set *s, uint64_t at, uint32_t n, size_t row) {
  return at >= SET_HEADER && at <= s->map.size && n <= INT32_MAX && (s->map.size - at) / row >= n;
}

static of3_status set_check(of3_set *s, of3_error *err) {
  const uint8_t *h = s->map.data;
  if (s->map.size < SET_HEADER || memcmp(h, SET_MAGIC, 8) != 0)
    return of3_fail(err, OF3_ERR_INPUT, "'%s' is no training set as 'of3 data build' writes it", s->name);
  if (of3_le32(h + 8) != SET_VERSION)
    return of3_fail(
        err, OF3_ERR_INPUT,
        "the training set '%s' has format %u, this program reads %d; make it again with 'of3 data build'",
        s->name, (unsigned)of3_le32(h + 8), SET_VERSION);
  s->n_entry = of3_le32(h + 12);
  s->n_alignment = of3_le32(h + 16);
  s->n_point = of3_le32(h + 20);
  const uint64_t entry = of3_le64(h + 32), alignment = of3_le64(h + 40), point = of3_le64(h + 48);
  if (of3_le64(h + 24) != s->map.size || !table_fits(s, entry, s->n_entry, SET_ENTRY_ROW) ||
      !table_fits(s, alignment, s->n_alignment, SET_ALIGNMENT_ROW) ||
      !table_fits(s, point, s->n_point, SET_POINT_ROW))
    return of3_fail(err, OF3_ERR_INPUT,
                    "the training set '%s' is cut or damaged; make it again with 'of3 data build'", s->name);
  s->entry = h + entry;
  s->alignment = h + alignment;
  s->point = h + point;
  return OF3_OK;
}

static of3_status check_points(const of3_set *s, of3_error *err) {
  for (uint32_t i = 0; i < s->n_point; i++) {
    const of3_point p = of3_set_point(s, (int)i);
    const bool fits = p.entry >= 0 && (uint32_t)p.entry < s->n_entry && p.cluster > 0 && p.chain[0] >= 0 &&
                      p.chain[1] >= OF3_SET_NO_CHAIN;
    const int n = fits ? of3_set_row_of(s, p.entry).n_chain : 0;
    if (!fits || p.chain[0] >= n || p.chain[1] >= n)
      return of3_fail(err, OF3_ERR_INPUT,
                      "point %u of the training set '%s' is damaged; make it again with 'of3 data "
                      "build'",
                      (unsigned)i, s->name);
  }
  return OF3_OK;
}

of3_status of3_set_open(const char *path, of3_set **ret_set, of3_error *err) {
  of3_set *s = calloc(1, sizeof *s);
  *ret_set = NULL;
  if (!s) return of3_fail_memory(err, path);
  snprintf(s->name, sizeof s->name, "%s", path);
  of3_status status = of3_map_open(path, &s->map, err);
  if (status == OF3_OK) status = set_check(s, err);
  if (status == OF3_OK) status = check_points(s, err);
  if (status == OF3_OK)
    *ret_set = s;
  else
    of3_set_close(s);
  return status;
}

void of3_set_close(of3_set *s) {
  if (!s) return;
  of3_map_close(&s->map);
  free(s);
}

int of3_set_n_entry(const of3_set *s) { return (int)s->n_entry; }
int of3_set_n_point(const of3_set *s) { return (int)s->n_point; }
int of3_set_n_alignment(const of3_set *s) { return (int)s->n_alignment; }

of3_set_row of3_set_row_of(const of3_set *s, int entry) {
  const uint8_t *row = s->entry + (size_t)entry * SET_ENTRY_ROW;
  const uint32_t bits = of3_le32(row + 36);
  of3_set_row out = {.n_token = (int32_t)(of3_le32(row + 16) & INT32_MAX),
                     .n_chain = (int32_t)(of3_le32(row + 20) & INT32_MAX)};
  memcpy(out.released, row + 24, 10);
  memcpy(&out.resolution, &bits, sizeof bits);
  return out;
}

of3_point of3_set_point(const of3_set *s, int i) {
  const uint8_t *row = s->point + (size_t)i * SET_POINT_ROW;
  return (of3_point){.entry = (int32_t)of3_le32(row),
                     .chain = {(int32_t)of3_le32(row + 4), (int32_t)of3_le32(row + 8)},
                     .cluster = (int32_t)of3_le32(row + 12),
                     .n_protein = row[16],
                     .n_nucleic = row[17],
                     .n_ligand = row[18]};
}

/* The texts of alignment `number`, where they lie. */
static of3_status read_alignment(const of3_set *s, uint32_t number, of3_arena *arena, of3_query_chain *out,
                                 of3_error *err) {
  if (number > s->n_alignment) return of3_fail(err, OF3_ERR_INPUT, "%s", "");
  const uint8_t *row = s->alignment + (size_t)(number - 1) * SET_ALIGNMENT_ROW;
  const uint64_t at = of3_le64(row), n = of3_le64(row + 8);
  if (at > s->map.size || n > s->map.size - at) return of3_fail(err, OF3_ERR_INPUT, "%s", "");
  return of3_set_unpack_texts(s->map.data + at, (size_t)n, arena, &out->msa_text, &out->n_msa_text, err);
}

static of3_status read_record(const of3_set *s, int i, of3_arena *arena, of3_set_entry *out, of3_error *err) {
  const uint8_t *row = s->entry + (size_t)i * SET_ENTRY_ROW;
  const uint64_t at = of3_le64(row);
  const uint32_t n = of3_le32(row + 8);
  uint32_t *alignment;
  if (at > s->map.size || n > s->map.size - at ||
      crc32(crc32(0, NULL, 0), s->map.data + at, n) != of3_le32(row + 12))
    return of3_fail(err, OF3_ERR_INPUT, "%s", "");
  OF3_TRY(of3_set_unpack_entry(s->map.data + at, n, arena, out, &alignment, err));
  if (out->query.n_chain != of3_set_row_of(s, i).n_chain) return of3_fail(err, OF3_ERR_INPUT, "%s", "");
  for (int k = 0; k < out->query.n_chain; k++)
    if (alignment[k] != SET_NO_ALIGNMENT)
      OF3_TRY(read_alignment(s, alignment[k], arena, &out->query.chain[k], err));
  return OF3_OK;
}

of3_status of3_set_read(const of3_set *s, int i, of3_arena *arena, of3_set_entry *out, of3_error *err) {
  const of3_status status = read_record(s, i, arena, out, err);
  if (status != OF3_ERR_INPUT) return status;
  return of3_fail(err, OF3_ERR_INPUT,
                  "entry %d of the training set '%s' is damaged; make it again with 'of3 data build'", i,
                  s->name);
}
