/* A file of components to the file that is mapped. Records are written as they come, the index at the end. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "ccd/ccd_record.h"

enum { CCD_READ_MEMORY = 1 << 30 }; /* 140 MB are taken for the 49,196 components of a BinaryCIF file */

typedef struct ccd_row {
  char code[8];
  uint64_t at;
  uint32_t size;
} ccd_row;

typedef struct ccd_writer {
  FILE *f;
  of3_ccd_options options;
  of3_str record;
  ccd_row *row;
  int n, room;
  uint64_t at;
  char newest[16];
  of3_ccd_counts counts;
  char last_code[8]; /* of the entry that came last */
  bool last_whole, bonded[CCD_MOST_ATOMS];
} ccd_writer;

/* Heavy atoms that the formula counts ("C14 H23 N3 O4 Rh", a charge may follow). */
static int formula_heavy(const char *formula) {
  int n = 0;
  for (const char *p = formula; *p;) {
    const size_t letters = strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
    if (letters > 0 && letters < 3 && !(letters == 1 && (*p == 'H' || *p == 'D'))) {
      const int count = atoi(p + letters);
      n += count > 0 && count < CCD_MOST_ATOMS ? count : 1;
    }
    p += strcspn(p, " ");
    p += strspn(p, " ");
  }
  return n;
}

/* Whether there are the heavy atoms of the formula, and bonds of all atoms. A file of text that was cut
 * between two rows of its last component shows it in nothing else. All but four components of the PDB are
 * whole in this sense, and none of those is a last one. */
static void writer_look_at(ccd_writer *w, const of3_ccd_entry *e) {
  int heavy = 0, lone = 0;
  memset(w->bonded, 0, (size_t)e->n_atom * sizeof *w->bonded);
  for (int i = 0; i < e->n_bond; i++) w->bonded[e->bond[i].a] = w->bonded[e->bond[i].b] = true;
  for (int i = 0; i < e->n_atom; i++) {
    heavy += strcmp(e->atom[i].element, "H") != 0 && strcmp(e->atom[i].element, "D") != 0;
    lone += !w->bonded[i];
  }
  memcpy(w->last_code, e->code, sizeof w->last_code);
  w->last_whole = heavy >= formula_heavy(e->formula) && (lone == 0 || e->n_atom == 1);
}

/* Whether a word is in a text of words. */
static bool writer_wants(const char *opt_words, const char *code) {
  size_t n = strlen(code);
  for (const char *p = opt_words; p && *p;) {
    p += strspn(p, " \t\r\n");
    size_t w = strcspn(p, " \t\r\n");
    if (w == n && memcmp(p, code, n) == 0) return true;
    p += w;
  }
  return !opt_words;
}

static bool writer_grow(ccd_writer *w) {
  if (w->n < w->room) return true;
  int room = w->room ? 2 * w->room : 1024;
  ccd_row *row = realloc(w->row, (size_t)room * sizeof *row);
  if (!row) return false;
  w->row = row;
  w->room = room;
  return true;
}

static void writer_count(ccd_writer *w, const of3_ccd_entry *e) {
  w->counts.components++;
  w->counts.obsolete += strcmp(e->status, "OBS") == 0;
  w->counts.no_ideal += !e->ideal;
  w->counts.no_coordinates += !e->ideal && !e->model;
  w->counts.atoms += e->n_atom;
  w->counts.bonds += e->n_bond;
  if (strcmp(e->modified, w->newest) > 0 && strlen(e->modified) < sizeof w->newest)
    memcpy(w->newest, e->modified, strlen(e->modified) + 1);
}

static bool has_all_ideal(const of3_ccd_entry *e) {
  for (int i = 0; e->ideal && i < e->n_atom; i++)
    if (isnan(e->ideal[3 * i])) return false;
  return e->ideal;
}

static of3_status writer_add(void *user, const of3_ccd_entry *entry, of3_error *err) {
  ccd_writer *w = user;
  of3_ccd_entry copy = *entry;
  const of3_ccd_entry *e = &copy;
  writer_look_at(w, e);
  if (!writer_wants(w->options.only, e->code)) return OF3_OK;
  if (w->options.compact && has_all_ideal(e)) copy.model = NULL;
  of3_str_clear(&w->record);
  OF3_TRY(of3_ccd_pack(e, &w->record, err));
  if (w->record.failed || !writer_grow(w)) return of3_fail_memory(err, "the dictionary");
  w->row[w->n] = (ccd_row){.at = w->at, .size = (uint32_t)w->record.len};
  memcpy(w->row[w->n++].code, e->code, sizeof e->code);
  fwrite(w->record.text, 1, w->record.len, w->f);
  w->at += w->record.len;
  writer_count(w, e);
  return OF3_OK;
}

static int compare_rows(const void *a, const void *b) {
  return memcmp(((const ccd_row *)a)->code, ((const ccd_row *)b)->code, sizeof((const ccd_row *)a)->code);
}

static void put_number(uint8_t *out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; i++) out[i] = (uint8_t)(value >> 8 * i);
}

static of3_status writer_finish(ccd_writer *w, const char *in, of3_error *err) {
  uint8_t header[CCD_HEADER] = {0}, row[CCD_INDEX];
  if (w->n == 0)
    return of3_fail(
        err, OF3_ERR_INPUT,
        "'%.200s' has no component%s; the PDB's file of all components is called components.cif.gz", in,
        w->options.only ? " of those that are wanted" : "");
  qsort(w->row, (size_t)w->n, sizeof *w->row, compare_rows);
  for (int i = 0; i < w->n; i++) {
    if (i && compare_rows(&w->row[i - 1], &w->row[i]) == 0)
      return of3_fail(err, OF3_ERR_INPUT, "'%.200s' has the component '%s' twice", in, w->row[i].code);
    memcpy(row, w->row[i].code, 8);
    put_number(row + 8, w->row[i].at, 8);
    put_number(row + 16, w->row[i].size, 4);
    fwrite(row, 1, sizeof row, w->f);
  }
  for (int i = 0; i < 8; i++) header[i] = (uint8_t)CCD_MAGIC[i];
  put_number(header + 8, CCD_VERSION, 4);
  put_number(header + 12, (uint64_t)w->n, 4);
  put_number(header + 16, w->at + (uint64_t)w->n * CCD_INDEX, 8);
  put_number(header + 24, w->at, 8);
  memcpy(header + 32, w->newest, sizeof w->newest);
  rewind(w->f);
  fwrite(header, 1, sizeof header, w->f);
  return OF3_OK;
}

static of3_status convert_into(ccd_writer *w, const char *in, of3_cancel *opt_cancel, of3_error *err) {
  static const char blank[CCD_HEADER];
  of3_cif *cif = NULL;
  OF3_TRY(of3_cif_open(in, CCD_READ_MEMORY, &cif, err));
  fwrite(blank, 1, sizeof blank, w->f);
  w->at = CCD_HEADER;
  of3_status status = of3_ccd_read(cif, opt_cancel, writer_add, w, err);
  of3_cif_close(cif);
  OF3_TRY(status);
  if (*w->last_code && !w->last_whole)
    return of3_fail(
        err, OF3_ERR_INPUT,
        "'%.200s' ends in the middle of the component '%s', which has fewer atoms than its formula or "
        "atoms without bonds; copy or download the file again",
        in, w->last_code);
  return writer_finish(w, in, err);
}

of3_status of3_ccd_convert(const char *in, const char *out, of3_ccd_options options, of3_cancel *opt_cancel,
                           of3_ccd_counts *opt_counts, of3_error *err) {
  of3_out file = {0};
  OF3_TRY(of3_out_open(&file, out, err));
  ccd_writer w = {.f = file.f, .options = options};
  of3_status status = convert_into(&w, in, opt_cancel, err);
  if (status == OF3_OK)
    status = of3_out_commit(&file, err);
  else
    of3_out_abort(&file);
  if (status == OF3_OK && opt_counts) *opt_counts = w.counts;
  of3_str_free(&w.record);
  free(w.row);
  return status;
}
