#include "write/ligands.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/printable.h"
#include "base/str.h"
#include "write/names.h"

/* Those with a score first, the best of them at the head; the others in the order of the list. */
static int compare_rows(const void *pa, const void *pb) {
  const of3_ligand_row *a = pa, *b = pb;
  const double x = a->best ? a->best->scores.sample_ranking_score : NAN,
               y = b->best ? b->best->scores.sample_ranking_score : NAN;
  if (isnan(x) != isnan(y)) return isnan(x) ? 1 : -1;
  if (!isnan(x) && x != y) return x > y ? -1 : 1;
  return (a->place > b->place) - (a->place < b->place);
}

/* A field of text, in quotes if it holds what would end it (RFC 4180). */
static void add_field(of3_str *out, const char *opt_text) {
  of3_str text = {0};
  if (opt_text) of3_str_add_printable(&text, opt_text);
  const char *t = text.text ? text.text : "";
  if (t[strcspn(t, ",\"\r\n")] == 0)
    of3_str_add(out, t);
  else {
    of3_str_add(out, "\"");
    for (; *t; t++) of3_str_addc(out, *t, *t == '"' ? 2 : 1);
    of3_str_add(out, "\"");
  }
  out->failed |= text.failed;
  of3_str_free(&text);
}

/* Empty where there is no number. */
static void ligands_add_number(of3_str *out, double x) {
  char text[OF3_F32_TEXT] = "";
  if (isfinite(x)) of3_format_f64(text, x);
  of3_str_addf(out, ",%s", text);
}

static void add_scores(of3_str *out, const of3_ligand_row *r) {
  const of3_aggregated *s = &r->best->scores;
  const double value[] = {s->sample_ranking_score,
                          s->ligand_iptm,
                          s->ligand_plddt,
                          s->ligand_pae_min,
                          s->ptm,
                          s->iptm,
                          s->has_clash};
  of3_str file = {0};
  for (size_t k = 0; k < sizeof value / sizeof *value; k++) ligands_add_number(out, value[k]);
  of3_str_addf(out, ",%" PRIu64 ",%d,", r->best->seed, r->best->sample);
  of3_str_addf(&file, "%s/%s_best_model.%s", r->query, r->query, of3_structure_format_name(r->best->format));
  add_field(out, file.text);
  out->failed |= file.failed;
  of3_str_free(&file);
}

static void ligands_add_row(of3_str *out, const of3_ligand_row *r) {
  static const char *const status[] = {"complete", "failed", "left"};
  const char *text[] = {r->ligand->name, r->ligand->smiles, r->ligand->ccd, r->query, status[r->status]};
  for (size_t k = 0; k < sizeof text / sizeof *text; k++) {
    if (k) of3_str_add(out, ",");
    add_field(out, text[k]);
  }
  if (r->best)
    add_scores(out, r);
  else
    of3_str_add(out, ",,,,,,,,,,"); /* seven scores, seed, sample, file */
  of3_str_addf(out, ",%d,", r->ligand->line);
  add_field(out, r->status == OF3_LIGAND_FAILED ? r->error : NULL);
  of3_str_add(out, "\n");
}

of3_status of3_ligands_write(const char *folder, of3_ligand_row *row, int n, of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  char *path = arena ? of3_path_join(arena, folder, OF3_LIGANDS_NAME) : NULL;
  of3_str text = {0};
  if (n) qsort(row, (size_t)n, sizeof *row, compare_rows);
  of3_str_add(&text, "ligand,smiles,ccd,query,status,ranking_score,ligand_iptm,ligand_plddt,ligand_pae_min,"
                     "ptm,iptm,has_clash,seed,sample,file,line,error\n");
  for (int k = 0; k < n; k++) ligands_add_row(&text, &row[k]);
  of3_status status = path && !text.failed ? of3_write_file(path, text.text, text.len, err)
                                           : of3_fail_memory(err, OF3_LIGANDS_NAME);
  of3_str_free(&text);
  of3_arena_free(arena);
  return status;
}
