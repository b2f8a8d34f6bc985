/* HMMER and HH-suite, with the parameters of OpenFold3's workflow (scripts/snakemake_msa/MSA_Snakefile). */
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "search/task.h"

static const of3_search_sequence *sequence_of(const of3_search_task *t) {
  return &t->sequence[t->file[0].sequence];
}

static bool is_empty(const char *path) {
  struct stat st;
  return stat(path, &st) != 0 || st.st_size == 0;
}

/* ---- jackhmmer: one pass over a protein database */

of3_status of3_recipe_jackhmmer(of3_search_task *t, int step, of3_command *out, of3_error *err) {
  const char *query = of3_task_path(t, "query.fa"), *all = of3_task_path(t, "all.sto");
  if (!query || !all) return of3_fail_memory(err, "a path");
  out->n = 0;
  if (step == 1) {
    if (t->database[0]->rows) return of3_stockholm_truncate(all, t->file[0].made, t->database[0]->rows, err);
    return rename(all, t->file[0].made) == 0 ? OF3_OK : of3_fail(err, OF3_ERR_IO, "cannot rename '%s'", all);
  }
  OF3_TRY(of3_task_write_fasta(t, "query.fa", "query", sequence_of(t)->letters, err));
  of3_command_begin(t, OF3_JACKHMMER, out);
  OF3_ARGUMENTS(out, "-o", "/dev/null", "-A", all, "--noali", "-N", "1", "-E", "0.0001", "--incE", "0.0001",
                "--F1", "0.0005", "--F2", "0.00005", "--F3", "0.0000005");
  of3_command_add_number(t, out, "--cpu", t->threads);
  OF3_ARGUMENTS(out, query, t->database[0]->path[0]);
  return OF3_OK;
}

/* ---- hhblits: three passes over databases of clusters */

of3_status of3_recipe_hhblits(of3_search_task *t, int step, of3_command *out, of3_error *err) {
  const char *query = of3_task_path(t, "query.fa");
  if (!query) return of3_fail_memory(err, "a path");
  out->n = 0;
  if (step == 1) return OF3_OK;
  OF3_TRY(of3_task_write_fasta(t, "query.fa", "query", sequence_of(t)->letters, err));
  of3_command_begin(t, OF3_HHBLITS, out);
  OF3_ARGUMENTS(out, "-v", "1", "-i", query);
  of3_command_add_number(t, out, "-cpu", t->threads);
  OF3_ARGUMENTS(out, "-oa3m", t->file[0].made, "-o", "/dev/null", "-n", "3", "-e", "0.001", "-realign_max",
                "100000", "-maxfilt", "100000", "-min_prefilter_hits", "1000", "-p", "20", "-Z", "500");
  for (int i = 0; i < t->database[0]->n_path; i++) OF3_ARGUMENTS(out, "-d", t->database[0]->path[i]);
  return OF3_OK;
}

/* ---- nhmmer: RNA. Hits are aligned again, so that the query has a row. */

/* Capitals; what is no nucleotide becomes N. */
static char *rna_letters(of3_search_task *t) {
  char *s = of3_arena_strdup(t->arena, sequence_of(t)->letters);
  for (char *p = s; p && *p; p++) {
    if (*p >= 'a' && *p <= 'z') *p = (char)(*p - 'a' + 'A');
    if (!strchr("AGCUN", *p)) *p = 'N';
  }
  return s;
}

static of3_status query_alone(const of3_search_task *t, const char *letters, of3_error *err) {
  const char *text = of3_arena_printf(
      t->arena, "# STOCKHOLM 1.0\n#=GF SQ 1\nquery %s\n#=GS query AC query\n#=GS query DE query\n//\n",
      letters);
  if (!text) return of3_fail_memory(err, "an alignment");
  return of3_write_file(t->file[0].made, text, strlen(text), err);
}

static void nhmmer_command(const of3_search_task *t, const char *letters, const char *query, const char *all,
                           of3_command *out) {
  of3_command_begin(t, OF3_NHMMER, out);
  OF3_ARGUMENTS(out, "-o", "/dev/null", "-E", "0.001", "--incE", "0.001", "--rna", "--watson", "--F3",
                strlen(letters) < 50 ? "0.02" : "0.00005", "-A", all);
  of3_command_add_number(t, out, "--cpu", t->threads);
  OF3_ARGUMENTS(out, query, t->database[0]->path[0]);
}

of3_status of3_recipe_nhmmer(of3_search_task *t, int step, of3_command *out, of3_error *err) {
  const char *query = of3_task_path(t, "query.fa"), *profile = of3_task_path(t, "query.hmm");
  const char *all = of3_task_path(t, "all.sto"), *reduced = of3_task_path(t, "reduced.sto");
  const char *hits = of3_task_path(t, "hits.fa"), *letters = rna_letters(t);
  if (!query || !profile || !all || !reduced || !hits || !letters) return of3_fail_memory(err, "a search");
  out->n = 0;
  switch (step) {
  case 0:
    OF3_TRY(of3_task_write_fasta(t, "query.fa", "query", letters, err));
    of3_command_begin(t, OF3_HMMBUILD, out);
    OF3_ARGUMENTS(out, "-o", "/dev/null", "--rna", profile, query);
    return OF3_OK;
  case 1:
    nhmmer_command(t, letters, query, all, out);
    return OF3_OK;
  case 2:
    if (is_empty(all)) return query_alone(t, letters, err);
    OF3_TRY(of3_stockholm_truncate(all, reduced, t->database[0]->rows, err));
    OF3_TRY(of3_task_write_fasta(t, "hits.fa", "query", letters, err));
    OF3_TRY(of3_stockholm_to_fasta(reduced, hits, false, err));
    of3_command_begin(t, OF3_HMMALIGN, out);
    OF3_ARGUMENTS(out, "-o", t->file[0].made, profile, hits);
    return OF3_OK;
  default:
    return OF3_OK;
  }
}

/* ---- hmmsearch: templates. The profile is that of an alignment, or of the sequence alone. */

static const char hits_query[] = "query_A"; /* readers of hits expect <entry>_<chain> everywhere */

static of3_status build_profile(of3_search_task *t, const char *profile, of3_command *out, of3_error *err) {
  const char *query = of3_task_path(t, "query.fa"), *aligned = of3_task_path(t, "aligned.fa");
  if (!query || !aligned) return of3_fail_memory(err, "a path");
  const size_t n = t->input_msa ? strlen(t->input_msa) : 0;
  const bool stockholm = n > 4 && strcmp(t->input_msa + n - 4, ".sto") == 0;
  OF3_TRY(of3_task_write_fasta(t, "query.fa", hits_query, sequence_of(t)->letters, err));
  of3_command_begin(t, OF3_HMMBUILD, out);
  OF3_ARGUMENTS(out, "-o", "/dev/null");
  if (stockholm) OF3_ARGUMENTS(out, "--hand");
  if (n && !stockholm) OF3_TRY(of3_a3m_to_aligned(t->input_msa, aligned, err));
  OF3_ARGUMENTS(out, "--amino", profile, stockholm ? t->input_msa : n ? aligned : query);
  return OF3_OK;
}

/* "# STOCKHOLM 1.0", an empty line, a description of the query; the rest of hmmalign's file. */
static of3_status finish_hits(const of3_search_task *t, const char *from, of3_error *err) {
  of3_map map = {0};
  of3_out out = {0};
  OF3_TRY(of3_map_open(from, &map, err));
  const char *text = (const char *)map.data, *end = text + map.size;
  for (int line = 0; line < 2 && text < end; line++) {
    const char *stop = memchr(text, '\n', (size_t)(end - text));
    text = stop ? stop + 1 : end;
  }
  const size_t length = strlen(sequence_of(t)->letters);
  of3_status status = of3_out_open(&out, t->file[0].made, err);
  if (status == OF3_OK) {
    fprintf(out.f, "# STOCKHOLM 1.0\n\n#=GS %s/1-%zu     DE [subseq from] mol:protein length:%zu  UNKNOWN\n",
            hits_query, length, length);
    fwrite(text, 1, (size_t)(end - text), out.f);
    status = of3_out_commit(&out, err);
  }
  of3_map_close(&map);
  return status;
}

of3_status of3_recipe_hmmsearch(of3_search_task *t, int step, of3_command *out, of3_error *err) {
  const char *profile = of3_task_path(t, "query.hmm"), *all = of3_task_path(t, "all.sto");
  const char *hits = of3_task_path(t, "hits.fa"), *aligned = of3_task_path(t, "hits.sto");
  if (!profile || !all || !hits || !aligned) return of3_fail_memory(err, "a path");
  out->n = 0;
  switch (step) {
  case 0:
    return build_profile(t, profile, out, err);
  case 1:
    of3_command_begin(t, OF3_HMMSEARCH, out);
    of3_command_add_number(t, out, "--cpu", t->threads);
    OF3_ARGUMENTS(out, "--noali", "--F1", "0.1", "--F2", "0.1", "--F3", "0.1", "-E", "100", "--incE", "100",
                  "--domE", "100", "--incdomE", "100", "-o", "/dev/null", "-A", all, profile,
                  t->database[0]->path[0]);
    return OF3_OK;
  case 2:
    if (is_empty(all)) return of3_write_file(t->file[0].made, "", 0, err);
    OF3_TRY(of3_task_write_fasta(t, "hits.fa", hits_query, sequence_of(t)->letters, err));
    OF3_TRY(of3_stockholm_to_fasta(all, hits, true, err));
    of3_command_begin(t, OF3_HMMALIGN, out);
    OF3_ARGUMENTS(out, "-o", aligned, profile, hits);
    return OF3_OK;
  case 3:
    return is_empty(all) ? OF3_OK : finish_hits(t, aligned, err);
  default:
    return OF3_OK;
  }
}
