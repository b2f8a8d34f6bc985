#define _POSIX_C_SOURCE 200809L
#include "write/seed_files.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "write/names.h"
#include "write/record.h"

typedef struct seed_writer {
  const of3_seed_output *o;
  of3_arena *arena;
  of3_manifest *m; /* its list of files grows */
  of3_error *err;
} seed_writer;

static of3_status seed_no_memory(const seed_writer *w) { return of3_fail_memory(w->err, w->o->folder); }

/* The path of the next file, whose name is noted. */
static char *next_path(seed_writer *w, const char *name) {
  if (!name) return NULL;
  w->m->file[w->m->n_file++] = (of3_manifest_file){.name = name};
  return of3_path_join(w->arena, w->o->folder, name);
}

static char *sample_path(seed_writer *w, int sample, of3_sample_file which) {
  return next_path(
      w, of3_sample_name(w->o->complex->name, w->o->seed, sample, which, w->o->format, w->o->full, w->arena));
}

static of3_status seed_begin(seed_writer *w, int n_sample) {
  enum { PER_SAMPLE = 4, PER_SEED = 2 };
  *w->m = (of3_manifest){
      .made_from = w->o->made_from,
      .seed = w->o->seed,
      .format = w->o->format,
      .style = w->o->style,
      .full = w->o->full,
      .n_sample = n_sample,
      .sample = OF3_ARENA_NEW(w->arena, of3_aggregated, n_sample),
      .file = OF3_ARENA_NEW(w->arena, of3_manifest_file, PER_SAMPLE * (size_t)n_sample + PER_SEED)};
  return w->m->sample && w->m->file ? OF3_OK : seed_no_memory(w);
}

static of3_structure_about about_sample(const seed_writer *w, int sample) {
  const of3_aggregated *s = &w->m->sample[sample - 1];
  return (of3_structure_about){.version = w->o->version,
                               .variant = w->o->variant,
                               .seed = w->o->seed,
                               .sample = sample,
                               .plddt = s->avg_plddt,
                               .ptm = s->ptm,
                               .iptm = s->iptm};
}

/* Structure and full confidences of sample `at` of p, which is number `sample`; its scores are in the
 * manifest. */
static of3_status write_sample(seed_writer *w, const of3_prediction *p, int at, int sample) {
  const size_t a = (size_t)p->n_atom, n = (size_t)p->n_token, s = (size_t)at;
  const of3_confidences c = {.n_atom = p->n_atom,
                             .n_token = p->n_token,
                             .plddt = p->plddt + s * a,
                             .pde = p->pde + s * n * n,
                             .pae = p->pae + s * n * n,
                             .opt_cancel = w->o->opt_cancel};
  OF3_TRY(of3_go_on(w->o->opt_cancel, w->err));
  char *path = sample_path(w, sample, OF3_FILE_MODEL);
  if (!path) return seed_no_memory(w);
  of3_structure_about about = about_sample(w, sample);
  if (w->o->full != OF3_FULL_NONE) {
    about.opt_pae_file = of3_sample_name(w->o->complex->name, w->o->seed, sample, OF3_FILE_CONFIDENCES,
                                         w->o->format, w->o->full, w->arena);
    if (!about.opt_pae_file) return seed_no_memory(w);
  }
  OF3_TRY(of3_structure_write(path, w->o->format, w->o->complex, p->x + s * a * 3, p->plddt + s * a,
                              w->o->style == OF3_CIF_MODEL ? &about : NULL, w->o->opt_cancel, w->err));
  if (w->o->full == OF3_FULL_NONE) return OF3_OK;
  if (!(path = sample_path(w, sample, OF3_FILE_CONFIDENCES))) return seed_no_memory(w);
  if (w->o->full == OF3_FULL_JSON) return of3_confidences_write_json(path, &c, w->err);
  return of3_confidences_write_npz(path, &c, w->o->full == OF3_FULL_NPZ_F16, w->err);
}

/* ---- From a prediction */

static of3_status write_timing(seed_writer *w, double runtime_s) {
  char number[OF3_F32_TEXT], text[64];
  char *path = next_path(w, OF3_TIMING_NAME);
  if (!path) return seed_no_memory(w);
  of3_format_f64(number, runtime_s);
  int n = snprintf(text, sizeof text, "{\n    \"runtime_s\": %s\n}", number);
  return of3_write_file(path, text, (size_t)n, w->err);
}

static of3_status write_scores(seed_writer *w, const of3_scores *scores, int sample) {
  char *path = sample_path(w, sample, OF3_FILE_AGGREGATED);
  if (!path) return seed_no_memory(w);
  OF3_TRY(of3_aggregated_write(path, w->o->complex, &scores[sample - 1], w->err));
  if (!(path = sample_path(w, sample, OF3_FILE_CHAINS))) return seed_no_memory(w);
  return of3_summary_confidences_write(path, w->o->complex, &scores[sample - 1], w->err);
}

of3_status of3_seed_write(const of3_seed_output *o, const of3_prediction *p, const of3_scores *scores,
                          double runtime_s, of3_arena *arena, of3_manifest *ret_manifest, of3_error *err) {
  seed_writer w = {.o = o, .arena = arena, .m = ret_manifest, .err = err};
  OF3_TRY(seed_begin(&w, p->n_sample));
  for (int s = 0; s < p->n_sample; s++) {
    ret_manifest->sample[s] = of3_aggregated_of(&scores[s]);
    OF3_TRY(write_sample(&w, p, s, s + 1));
    OF3_TRY(write_scores(&w, scores, s + 1));
  }
  if (!o->no_record) {
    char *path = next_path(&w, OF3_RECORD_NAME);
    if (!path) return seed_no_memory(&w);
    OF3_TRY(of3_record_write(path, p, o->opt_cancel, err));
  }
  OF3_TRY(write_timing(&w, runtime_s));
  return of3_manifest_write(o->folder, ret_manifest, o->opt_cancel, err);
}

/* ---- From a record */

/* A second name for a file that stays as it is; a copy where there are no hard links. */
static of3_status take_over(seed_writer *w, const char *from, const char *name) {
  char *old = of3_path_join(w->arena, from, name), *path = next_path(w, name);
  of3_map map = {0};
  if (!old || !path) return seed_no_memory(w);
  if (link(old, path) == 0) return OF3_OK;
  OF3_TRY(of3_map_open(old, &map, w->err));
  of3_status status = of3_write_file(path, map.data, map.size, w->err);
  of3_map_close(&map);
  return status;
}

static of3_status take_over_rest(seed_writer *w, const char *from, const of3_manifest *old) {
  for (int s = 0; s < old->n_sample; s++) {
    static const of3_sample_file scores[] = {OF3_FILE_AGGREGATED, OF3_FILE_CHAINS};
    for (size_t k = 0; k < sizeof scores / sizeof *scores; k++) {
      char *name = of3_sample_name(w->o->complex->name, w->o->seed, s + 1, scores[k], w->o->format,
                                   w->o->full, w->arena);
      if (!name) return seed_no_memory(w);
      OF3_TRY(take_over(w, from, name));
    }
  }
  OF3_TRY(take_over(w, from, OF3_RECORD_NAME));
  return take_over(w, from, OF3_TIMING_NAME);
}

static void free_sample(of3_prediction *one) {
  free(one->x);
  free(one->plddt);
  free(one->pae);
  free(one->pde);
}

/* Room for one sample. */
static of3_status make_sample(const of3_record_size *size, uint64_t most_bytes, of3_prediction *one,
                              of3_error *err) {
  const uint64_t a = (uint64_t)size->n_atom, n = (uint64_t)size->n_token;
  const uint64_t bytes = (4 * a + 2 * n * n) * sizeof(float);
  if (most_bytes && bytes > most_bytes)
    return of3_fail(err, OF3_ERR_MEMORY,
                    "confidences of %d tokens take %" PRIu64 " MB of memory, but there are %" PRIu64
                    ": allow more with --max-memory",
                    size->n_token, bytes >> 20, most_bytes >> 20);
  *one = (of3_prediction){.n_sample = 1, .n_token = size->n_token, .n_atom = size->n_atom};
  one->x = malloc(3 * a * sizeof(float));
  one->plddt = malloc(a * sizeof(float));
  one->pae = malloc(n * n * sizeof(float));
  one->pde = malloc(n * n * sizeof(float));
  return one->x && one->plddt && one->pae && one->pde ? OF3_OK : of3_fail_memory(err, "the results");
}

static of3_status write_samples(seed_writer *w, of3_record *record, const of3_record_size *size,
                                uint64_t most_bytes, const char *from) {
  of3_prediction one = {0};
  if (size->n_sample != w->m->n_sample || size->n_atom != w->o->complex->n_atom)
    return of3_fail(w->err, OF3_ERR_INPUT,
                    "'%s/" OF3_RECORD_NAME "' is of other samples or atoms than '%s' has", from,
                    w->o->complex->name);
  of3_status status = make_sample(size, most_bytes, &one, w->err);
  for (int s = 0; s < size->n_sample && status == OF3_OK; s++) {
    status = of3_go_on(w->o->opt_cancel, w->err);
    if (status == OF3_OK) status = of3_record_next(record, &one, w->err);
    if (status == OF3_OK) status = write_sample(w, &one, 0, s + 1);
  }
  free_sample(&one);
  return status;
}

of3_status of3_seed_rewrite(const of3_seed_output *o, const char *from, const of3_manifest *old,
                            uint64_t most_bytes, of3_arena *arena, of3_manifest *ret_manifest,
                            of3_error *err) {
  seed_writer w = {.o = o, .arena = arena, .m = ret_manifest, .err = err};
  of3_record *record = NULL;
  of3_record_size size;
  char *path = of3_path_join(arena, from, OF3_RECORD_NAME);
  if (!path) return seed_no_memory(&w);
  OF3_TRY(seed_begin(&w, old->n_sample));
  memcpy(ret_manifest->sample, old->sample, (size_t)old->n_sample * sizeof *old->sample);
  OF3_TRY(of3_record_open(path, &record, &size, err));
  of3_status status = write_samples(&w, record, &size, most_bytes, from);
  of3_record_close(record);
  if (status == OF3_OK) status = take_over_rest(&w, from, old);
  return status == OF3_OK ? of3_manifest_write(o->folder, ret_manifest, o->opt_cancel, err) : status;
}
