/* The settings of a run from files: which files they are, and what of them options are. */
#include <stdlib.h>
#include <string.h>

#include "api/handles.h"
#include "base/file.h"
#include "dialect/text.h"
#include "settings/settings.h"

/* The settings with the memory that they live in. */
typedef struct settings_box {
  of3_settings settings; /* first, so that a pointer to it is one to the box */
  of3_arena *arena;
} settings_box;

/* <cache>/runner.yml; NULL: there is none. */
static const char *cache_file(of3_arena *arena) {
  const char *cache = getenv("OPENFOLD_CACHE"), *home = getenv("HOME");
  const char *path = cache && *cache ? of3_path_join(arena, cache, "runner.yml")
                     : home && *home ? of3_path_join(arena, home, ".openfold3/runner.yml")
                                     : NULL;
  return path && of3_is_file(path) ? path : NULL;
}

static of3_status add_file(const char *path, of3_arena *arena, of3_settings_file *out, of3_error *err) {
  char *text = NULL;
  OF3_TRY(of3_read_text(path, arena, &text, &out->size, err));
  out->path = of3_arena_strdup(arena, path);
  out->text = text;
  return out->path ? OF3_OK : of3_fail_memory(err, path);
}

static of3_status read_box(settings_box *box, const char *opt_path, const of3_log *log, of3_error *err) {
  of3_settings_file file[2];
  int n = 0;
  box->arena = of3_arena_new(0);
  if (!box->arena) return of3_fail_memory(err, "the settings");
  const char *shared = cache_file(box->arena);
  if (shared) {
    of3_logf(log, OF3_LOG_INFO, "settings of '%s' count%s", shared,
             opt_path ? " where the runner YAML says nothing" : "");
    OF3_TRY(add_file(shared, box->arena, &file[n++], err));
  }
  if (opt_path) OF3_TRY(add_file(opt_path, box->arena, &file[n++], err));
  return of3_settings_parse(file, n, log, box->arena, &box->settings, err);
}

of3_status of3_settings_read(const char *opt_path, const of3_callbacks *opt_callbacks,
                             of3_settings **ret_settings, of3_error *err) {
  const of3_log log = opt_callbacks ? of3_log_of(opt_callbacks) : (of3_log){0};
  settings_box *box = calloc(1, sizeof *box);
  *ret_settings = NULL;
  if (!box) return of3_fail_memory(err, "the settings");
  const of3_status status = read_box(box, opt_path, opt_callbacks ? &log : NULL, err);
  if (status == OF3_OK)
    *ret_settings = &box->settings;
  else
    of3_settings_free(&box->settings);
  return status;
}

void of3_settings_free(of3_settings *settings) {
  settings_box *box = (settings_box *)settings;
  if (!box) return;
  of3_arena_free(box->arena);
  free(box);
}

void of3_settings_apply(const of3_settings *s, of3_predict_options *o, of3_engine_options *opt_engine) {
  o->settings = s;
  if (s->output_dir) o->output_dir = s->output_dir;
  if (s->ccd) o->ccd = s->ccd;
  if (s->n_seed) {
    o->seeds = s->seeds;
    o->n_seed = s->n_seed;
  }
  if (s->use_templates) o->no_templates = s->use_templates == OF3_NO;
  if (s->skip_existing) o->overwrite = s->skip_existing == OF3_NO;
  if (s->samples >= 0) o->samples = s->samples;
  if (s->recycles >= 0) o->recycles = s->recycles;
  if (s->steps >= 0) o->steps = s->steps;
  if (!(s->noise_scale < 0)) o->noise_scale = s->noise_scale;
  if (!(s->step_scale < 0)) o->step_scale = s->step_scale;
  if (s->format) o->format = s->format;
  if (s->confidences) o->confidences = s->confidences;
  if (s->templates.structures) o->structures = s->templates.structures;
  if (opt_engine && s->backend) opt_engine->backend = s->backend;
  if (opt_engine && s->dtype) opt_engine->dtype = s->dtype;
}
