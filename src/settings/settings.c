#include "settings/settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/python_random.h"
#include "base/str.h"
#include "feat/variant.h"
#include "settings/table.h"
#include "settings/tree.h"

typedef struct reading {
  of3_arena *arena;
  of3_raw_settings out;
} reading;

of3_settings of3_settings_defaults(void) {
  return (of3_settings){
      .samples = -1,
      .recycles = -1,
      .steps = -1,
      .noise_scale = -1,
      .step_scale = -1,
      .templates = {.slots = 4,
                    .least_tokens = -1,
                    .most_read = 200,
                    .most_kept = 20,
                    .most_identity = -1,
                    .least_coverage = -1,
                    .least_length = -1,
                    .least_direct_score = 0.1},
      .server = {.save_mappings = true, .save_alignments = true, .save_answers = true},
      .pocket = of3_pocket_defaults(),
      .differences = "",
  };
}

/* ---- What several keys say together */

static of3_status choose_seeds(reading *r, of3_error *err) {
  of3_raw_settings *o = &r->out;
  if (o->has_first_seed && !o->num_seeds)
    return of3_fail(
        err, OF3_ERR_INPUT,
        "experiment_settings.seeds is one number, from which num_seeds are to be made, and num_seeds "
        "is missing; give it, or a list of seeds");
  if (!o->has_first_seed && o->num_seeds)
    return of3_fail(err, OF3_ERR_INPUT,
                    "experiment_settings.num_seeds are made of seeds, which must then be one number");
  if (!o->has_first_seed) return OF3_OK;
  uint64_t *seed = OF3_ARENA_NEW(r->arena, uint64_t, o->num_seeds);
  if (!seed) return of3_fail_memory(err, "the seeds");
  of3_python_random g;
  of3_python_seed(&g, o->first_seed);
  for (int i = 0; i < o->num_seeds; i++) seed[i] = of3_python_randint(&g, UINT32_MAX);
  o->s.seeds = seed;
  o->s.n_seed = o->num_seeds;
  return OF3_OK;
}

static const char *confidences_of(const of3_raw_settings *o) {
  const bool npz = o->confidence_format && strcmp(o->confidence_format, "npz") == 0;
  if (o->write_confidences == OF3_NO) return "none";
  if (npz) return o->confidence_type && strcmp(o->confidence_type, "float32") == 0 ? "npz32" : "npz";
  return o->confidence_format || o->write_confidences ? "json" : NULL;
}

static const char *dtype_of(const char *precision) {
  return !precision                         ? NULL
         : strncmp(precision, "32", 2) == 0 ? "f32"
         : strncmp(precision, "bf", 2) == 0 ? "bf16"
                                            : "f16";
}

static const char *backend_of(const char *accelerator) {
  return !accelerator                      ? NULL
         : strcmp(accelerator, "cpu") == 0 ? "cpu"
         : strcmp(accelerator, "mps") == 0 ? "mlx"
                                           : "auto";
}

static const char *template_folder(const reading *r, const char *own, const char *name) {
  if (own || !r->out.template_folder) return own;
  return of3_arena_printf(r->arena, "%s/%s", r->out.template_folder, name);
}

static of3_status conclude(reading *r, const of3_str *differences, of3_settings *out, of3_error *err) {
  of3_raw_settings *o = &r->out;
  OF3_TRY(choose_seeds(r, err));
  o->s.confidences = confidences_of(o);
  o->s.dtype = dtype_of(o->precision);
  o->s.backend = backend_of(o->accelerator);
  o->s.templates.structures = template_folder(r, o->s.templates.structures, "template_structures");
  o->s.templates.cache = template_folder(r, o->s.templates.cache, "template_cache");
  o->s.server.npz = o->msa_format && strcmp(o->msa_format, "npz") == 0;
  o->s.server.save_mappings = o->save_mappings != OF3_NO;
  o->s.server.clean_up = o->clean_up == OF3_YES;
  o->s.server.save_alignments = o->save_alignments != OF3_NO;
  o->s.server.save_answers = o->save_answers != OF3_NO;
  o->s.pocket.enabled = o->pocket != OF3_NO;
  o->s.differences = of3_arena_strdup(r->arena, differences->len ? differences->text : "");
  if (differences->failed || !o->s.differences) return of3_fail_memory(err, "the settings");
  *out = o->s;
  return OF3_OK;
}

static of3_status read_settings(reading *r, const of3_settings_tree *tree, of3_settings *out,
                                of3_error *err) {
  of3_str differences = {0};
  of3_status st = of3_settings_fill(tree, &of3_runner_table, &r->out, &differences, err);
  if (st == OF3_OK) st = conclude(r, &differences, out, err);
  of3_str_free(&differences);
  return st;
}

of3_status of3_settings_parse(const of3_settings_file *file, int n, const of3_log *log, of3_arena *arena,
                              of3_settings *out, of3_error *err) {
  reading r = {.arena = arena, .out = {.s = of3_settings_defaults()}};
  of3_settings_tree tree;
  *out = r.out.s;
  if (n == 0) return OF3_OK;
  of3_status st = of3_settings_tree_read(file, n, log, arena, &tree, err);
  if (st == OF3_OK) st = read_settings(&r, &tree, out, err);
  of3_settings_tree_free(&tree);
  return st;
}
