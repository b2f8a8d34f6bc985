#include "write/names.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/temporary.h"

static const char *ending_of(of3_sample_file which, of3_structure_format format, of3_full_confidences full) {
  if (which == OF3_FILE_MODEL) return of3_structure_format_name(format);
  return which == OF3_FILE_CONFIDENCES && full != OF3_FULL_JSON ? "npz" : "json";
}

char *of3_sample_name(const char *query, uint64_t seed, int sample, of3_sample_file which,
                      of3_structure_format format, of3_full_confidences full, of3_arena *arena) {
  static const char *const what[] = {[OF3_FILE_MODEL] = "model",
                                     [OF3_FILE_CONFIDENCES] = "confidences",
                                     [OF3_FILE_AGGREGATED] = "confidences_aggregated",
                                     [OF3_FILE_CHAINS] = "summary_confidences"};
  return of3_arena_printf(arena, "%s_seed_%" PRIu64 "_sample_%d_%s.%s", query, seed, sample, what[which],
                          ending_of(which, format, full));
}

bool of3_is_seed_name(const char *name, uint64_t *ret_seed) {
  char again[32];
  if (strncmp(name, "seed_", 5) != 0) return false;
  *ret_seed = strtoull(name + 5, NULL, 10);
  snprintf(again, sizeof again, "seed_%" PRIu64, *ret_seed);
  return strcmp(name, again) == 0;
}

/* name is `wanted`, or a temporary name beside it. */
static bool is_or_left(const char *name, const char *wanted) {
  size_t n = strlen(wanted);
  return strncmp(name, wanted, n) == 0 &&
         (name[n] == 0 || (strncmp(name + n, ".tmp-", 5) == 0 && of3_is_temporary_name(name)));
}

static bool one_of_names(const char *name, const char *const *list, size_t n) {
  for (size_t k = 0; k < n; k++)
    if (is_or_left(name, list[k])) return true;
  return false;
}

#define ONE_OF(name, list) one_of_names((name), (list), sizeof(list) / sizeof *(list))

bool of3_is_result_name(const char *name, const char *query, uint64_t seed) {
  static const char *const whole[] = {OF3_MANIFEST_NAME, OF3_RECORD_NAME, OF3_TIMING_NAME};
  static const char *const part[] = {"model.cif",
                                     "model.cif.gz",
                                     "model.pdb",
                                     "confidences.json",
                                     "confidences.npz",
                                     "confidences_aggregated.json",
                                     "summary_confidences.json"};
  char start[OF3_NAME_TEXT];
  if (ONE_OF(name, whole)) return true;
  size_t n = (size_t)snprintf(start, sizeof start, "%s_seed_%" PRIu64 "_sample_", query, seed);
  if (n >= sizeof start || strncmp(name, start, n) != 0 || !isdigit((unsigned char)name[n])) return false;
  while (isdigit((unsigned char)name[n])) n++;
  return name[n] == '_' && ONE_OF(name + n + 1, part);
}

bool of3_is_left_in_output(const char *name) {
  static const char *const files[] = {OF3_RANKING_NAME,         OF3_SUMMARY_NAME,
                                      OF3_LIGANDS_NAME,         "inference_query_set.json",
                                      "experiment_config.json", "model_config.json"};
  return of3_is_temporary_name(name) && ONE_OF(name, files);
}

bool of3_is_left_in_query(const char *name, const char *query) {
  size_t n = strlen(query);
  static const char *const files[] = {"_best_model.cif", "_best_model.cif.gz", "_best_model.pdb"};
  return of3_is_temporary_name(name) && strncmp(name, query, n) == 0 && ONE_OF(name + n, files);
}
