#include "write/manifest.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "write/names.h"

/* The scores of a sample in the order of the file. */
enum { N_SCORE = 10, N_ALWAYS = 7 }; /* the others are null where there is no ligand */
static const char *const score_name[N_SCORE] = {"ranking_score", "ptm",           "iptm",      "avg_plddt",
                                                "gpde",          "disorder",      "has_clash", "ligand_iptm",
                                                "ligand_plddt",  "ligand_pae_min"};

static double *score_at(of3_aggregated *a, int k) {
  double *const at[N_SCORE] = {&a->sample_ranking_score,
                               &a->ptm,
                               &a->iptm,
                               &a->avg_plddt,
                               &a->gpde,
                               &a->disorder,
                               &a->has_clash,
                               &a->ligand_iptm,
                               &a->ligand_plddt,
                               &a->ligand_pae_min};
  return at[k];
}

/* ---- Writing */

static json_t *sample_json(of3_aggregated a) {
  json_t *o = json_object();
  bool ok = o != NULL;
  for (int k = 0; ok && k < N_SCORE; k++) {
    double v = *score_at(&a, k);
    ok = json_object_set_new(o, score_name[k], isfinite(v) ? json_real(v) : json_null()) == 0;
  }
  if (ok) return o;
  json_decref(o);
  return NULL;
}

static of3_status file_json(const char *folder, const char *name, of3_cancel *opt_cancel, of3_arena *arena,
                            json_t **ret, of3_error *err) {
  char hash[OF3_SHA256_HEX];
  uint64_t size = 0;
  char *path = of3_path_join(arena, folder, name);
  if (!path) return of3_fail_memory(err, OF3_MANIFEST_NAME);
  OF3_TRY(of3_sha256_file(path, opt_cancel, hash, &size, err));
  *ret = json_pack("{s:s, s:I, s:s}", "name", name, "size", (json_int_t)size, "sha256", hash);
  return *ret ? OF3_OK : of3_fail_memory(err, OF3_MANIFEST_NAME);
}

static of3_status fill_lists(json_t *samples, json_t *files, const char *folder, const of3_manifest *m,
                             of3_cancel *opt_cancel, of3_arena *arena, of3_error *err) {
  for (int k = 0; k < m->n_sample; k++)
    if (json_array_append_new(samples, sample_json(m->sample[k])) != 0)
      return of3_fail_memory(err, OF3_MANIFEST_NAME);
  for (int k = 0; k < m->n_file; k++) {
    json_t *entry = NULL;
    OF3_TRY(file_json(folder, m->file[k].name, opt_cancel, arena, &entry, err));
    if (json_array_append_new(files, entry) != 0) return of3_fail_memory(err, OF3_MANIFEST_NAME);
  }
  return OF3_OK;
}

static of3_status manifest_write_text(const char *folder, json_t *root, of3_arena *arena, of3_error *err) {
  char *path = of3_path_join(arena, folder, OF3_MANIFEST_NAME), *text = of3_json_dump(root, JSON_INDENT(4));
  of3_status status = OF3_OK;
  if (!path || !text)
    status = of3_fail_memory(err, OF3_MANIFEST_NAME);
  else
    status = of3_write_file(path, text, strlen(text), err);
  free(text);
  return status;
}

of3_status of3_manifest_write(const char *folder, const of3_manifest *m, of3_cancel *opt_cancel,
                              of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  json_t *samples = json_array(), *files = json_array();
  json_t *root =
      json_pack("{s:s, s:I, s:s, s:s, s:s, s:O, s:O}", "made_from", m->made_from, "seed", (json_int_t)m->seed,
                "structures", of3_structure_format_name(m->format), "cif_style", of3_cif_style_name(m->style),
                "confidences", of3_full_name(m->full), "samples", samples, "files", files);
  of3_status status = arena && root ? OF3_OK : of3_fail_memory(err, OF3_MANIFEST_NAME);
  if (status == OF3_OK) status = fill_lists(samples, files, folder, m, opt_cancel, arena, err);
  if (status == OF3_OK) status = manifest_write_text(folder, root, arena, err);
  json_decref(root);
  json_decref(samples);
  json_decref(files);
  of3_arena_free(arena);
  return status;
}

/* ---- Reading */

/* What reading and checking share. */
typedef struct manifest_reader {
  const char *folder;
  of3_arena *arena;
  of3_manifest *m;
  of3_error why; /* a sentence for every state but complete */
  bool no_memory;
  of3_cancel *opt_cancel;
  bool cancelled; /* before all was looked at */
} manifest_reader;

static char *keep_text(manifest_reader *r, const char *text) {
  char *kept = of3_arena_strdup(r->arena, text);
  if (!kept) r->no_memory = true;
  return kept;
}

static bool read_sample(const json_t *o, of3_aggregated *out) {
  for (int k = 0; k < N_SCORE; k++) {
    const json_t *v = json_object_get(o, score_name[k]);
    if (k < N_ALWAYS && !json_is_number(v) && !json_is_null(v)) return false;
    *score_at(out, k) = json_is_number(v) ? json_number_value(v) : NAN;
  }
  return true;
}

static bool read_file(manifest_reader *r, const json_t *entry, of3_manifest_file *out) {
  const char *name = json_string_value(json_object_get(entry, "name"));
  const char *hash = json_string_value(json_object_get(entry, "sha256"));
  const json_t *size = json_object_get(entry, "size");
  if (!name || !*name || !hash || !json_is_integer(size) || strchr(name, '/') ||
      strlen(name) >= OF3_NAME_TEXT)
    return of3_fail(&r->why, OF3_ERR_INPUT, "'%s/%s' has an entry without name, size or hash", r->folder,
                    OF3_MANIFEST_NAME),
           false;
  *out = (of3_manifest_file){
      .name = keep_text(r, name), .sha256 = keep_text(r, hash), .size = (uint64_t)json_integer_value(size)};
  return !r->no_memory;
}

static bool read_lists(manifest_reader *r, const json_t *samples, const json_t *files) {
  of3_manifest *m = r->m;
  m->n_sample = (int)json_array_size(samples);
  m->n_file = (int)json_array_size(files);
  m->sample = OF3_ARENA_NEW(r->arena, of3_aggregated, m->n_sample);
  m->file = OF3_ARENA_NEW(r->arena, of3_manifest_file, m->n_file);
  if (!m->sample || !m->file) return r->no_memory = true, false;
  for (int k = 0; k < m->n_sample; k++)
    if (!read_sample(json_array_get(samples, (size_t)k), &m->sample[k]))
      return of3_fail(&r->why, OF3_ERR_INPUT, "'%s/%s' has a sample without scores", r->folder,
                      OF3_MANIFEST_NAME),
             false;
  for (int k = 0; k < m->n_file; k++)
    if (!read_file(r, json_array_get(files, (size_t)k), &m->file[k])) return false;
  return true;
}

static bool read_root(manifest_reader *r, const json_t *root) {
  const char *made_from = json_string_value(json_object_get(root, "made_from"));
  const char *format = json_string_value(json_object_get(root, "structures"));
  const char *style = json_string_value(json_object_get(root, "cif_style"));
  const char *full = json_string_value(json_object_get(root, "confidences"));
  const json_t *seed = json_object_get(root, "seed"), *files = json_object_get(root, "files");
  const json_t *samples = json_object_get(root, "samples");
  if (!made_from || !format || !style || !full || !json_is_integer(seed) || json_array_size(files) == 0 ||
      json_array_size(samples) == 0 || !of3_structure_format_parse(format, &r->m->format) ||
      !of3_cif_style_parse(style, &r->m->style) || !of3_full_parse(full, &r->m->full))
    return of3_fail(&r->why, OF3_ERR_INPUT, "'%s/%s' is not a complete list of files", r->folder,
                    OF3_MANIFEST_NAME),
           false;
  r->m->made_from = keep_text(r, made_from);
  r->m->seed = (uint64_t)json_integer_value(seed);
  return r->m->made_from && read_lists(r, samples, files);
}

static of3_run_state read_manifest(manifest_reader *r) {
  enum { MOST = 64 << 20 };
  json_error_t where;
  char *text = NULL;
  size_t size = 0;
  char *path = of3_path_join(r->arena, r->folder, OF3_MANIFEST_NAME);
  if (!path) return r->no_memory = true, OF3_RUN_MISSING;
  if (!of3_is_file(path)) return of3_fail(&r->why, OF3_ERR_INPUT, "'%s' is missing", path), OF3_RUN_MISSING;
  const of3_status status = of3_read_file(path, MOST, r->arena, &text, &size, &r->why);
  if (status == OF3_ERR_MEMORY) return r->no_memory = true, OF3_RUN_MISSING;
  if (status != OF3_OK || of3_json_check(text, size, UINT32_MAX, NULL, &r->why) != OF3_OK)
    return OF3_RUN_BROKEN;
  json_t *root = of3_json_load(text, size, &where);
  if (!root)
    return of3_fail(&r->why, OF3_ERR_INPUT, "'%s' cannot be read: %s", path, where.text), OF3_RUN_BROKEN;
  bool ok = read_root(r, root);
  json_decref(root);
  return ok ? OF3_RUN_COMPLETE : OF3_RUN_BROKEN;
}

static of3_status read_end(const manifest_reader *r, char *why, of3_error *err) {
  memcpy(why, r->why.text, sizeof r->why.text);
  if (r->cancelled) return of3_go_on(r->opt_cancel, err);
  return r->no_memory ? of3_fail_memory(err, OF3_MANIFEST_NAME) : OF3_OK;
}

of3_status of3_manifest_read(const char *folder, of3_arena *arena, of3_manifest *out,
                             of3_run_state *ret_state, char *why, of3_error *err) {
  manifest_reader r = {.folder = folder, .arena = arena, .m = out};
  *ret_state = read_manifest(&r);
  return read_end(&r, why, err);
}

/* ---- Checking */

static of3_run_state check_file(manifest_reader *r, const of3_manifest_file *f) {
  char *path = of3_path_join(r->arena, r->folder, f->name), found[OF3_SHA256_HEX];
  struct stat st;
  uint64_t n = 0;
  if (!path) return r->no_memory = true, OF3_RUN_MISSING;
  if (!of3_is_file(path) || stat(path, &st) != 0)
    return of3_fail(&r->why, OF3_ERR_INPUT, "'%s' is missing", path), OF3_RUN_MISSING;
  if ((uint64_t)st.st_size != f->size)
    return of3_fail(&r->why, OF3_ERR_INPUT, "'%s' has %" PRIu64 " bytes instead of %" PRIu64, path,
                    (uint64_t)st.st_size, f->size),
           OF3_RUN_BROKEN;
  of3_status status = of3_sha256_file(path, r->opt_cancel, found, &n, NULL);
  if (status == OF3_ERR_CANCELLED) return r->cancelled = true, OF3_RUN_MISSING;
  if (status != OF3_OK || strcmp(found, f->sha256) != 0)
    return of3_fail(&r->why, OF3_ERR_INPUT, "'%s' is not the file that was written", path), OF3_RUN_BROKEN;
  return OF3_RUN_COMPLETE;
}

/* Files that can be written from the record: structures and full confidences. */
static bool is_from_record(const char *name) {
  return strcmp(name, OF3_RECORD_NAME) != 0 && strcmp(name, OF3_TIMING_NAME) != 0 &&
         !strstr(name, "_confidences_aggregated.json") && !strstr(name, "_summary_confidences.json");
}

/* First the files that everything else can be made from. */
static of3_run_state check_files(manifest_reader *r, bool others, bool *ret_record) {
  for (int k = 0; k < r->m->n_file; k++) {
    const of3_manifest_file *f = &r->m->file[k];
    if (strcmp(f->name, OF3_RECORD_NAME) == 0) *ret_record = true;
    if (is_from_record(f->name) != others) continue;
    of3_run_state state = check_file(r, f);
    if (state != OF3_RUN_COMPLETE) return state;
  }
  return OF3_RUN_COMPLETE;
}

static of3_run_state check_manifest(manifest_reader *r, const of3_manifest *wanted) {
  bool record = false;
  of3_run_state state = read_manifest(r);
  if (state != OF3_RUN_COMPLETE) return state;
  if (strcmp(r->m->made_from, wanted->made_from) != 0 || r->m->seed != wanted->seed)
    return of3_fail(&r->why, OF3_ERR_INPUT,
                    "the results in '%s' were made from another query, checkpoint, seed, option or version",
                    r->folder),
           OF3_RUN_OTHER;
  state = check_files(r, false, &record);
  if (state != OF3_RUN_COMPLETE) return state;
  const bool other_style = wanted->format != OF3_PDB && r->m->style != wanted->style;
  if (r->m->format != wanted->format || other_style || r->m->full != wanted->full)
    state = (of3_fail(&r->why, OF3_ERR_INPUT, "the results in '%s' are files of other formats", r->folder),
             OF3_RUN_OTHER);
  else
    state = check_files(r, true, &record);
  return state != OF3_RUN_COMPLETE && record ? OF3_RUN_REWRITE : state;
}

of3_status of3_manifest_check(const char *folder, const of3_manifest *wanted, of3_cancel *opt_cancel,
                              of3_arena *arena, of3_manifest *out, of3_run_state *ret_state, char *why,
                              of3_error *err) {
  manifest_reader r = {.folder = folder, .arena = arena, .m = out, .opt_cancel = opt_cancel};
  *ret_state = check_manifest(&r, wanted);
  return read_end(&r, why, err);
}

bool of3_manifest_has_models(const char *folder, const of3_manifest *m) {
  char path[4096];
  struct stat st;
  int n = 0;
  for (int k = 0; k < m->n_file; k++) {
    if (!strstr(m->file[k].name, "_model.")) continue;
    int length = snprintf(path, sizeof path, "%s/%s", folder, m->file[k].name);
    if (length < 0 || (size_t)length >= sizeof path) return false;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != m->file[k].size) return false;
    n++;
  }
  return n == m->n_sample;
}
