#include "learn/recipe.h"

#include <string.h>

#include "base/number.h"
#include "learn/recipe_table.h"
#include "settings/tree.h"

enum { MOST_SETS = 64, MOST_SHOWN = 200 };

of3_recipe of3_recipe_defaults(void) {
  return (of3_recipe){.output_dir = ".",
                      .seed = 42,
                      .data_seed = -1,
                      .batch_size = 1,
                      .n_loader = 1,
                      .epoch_len = 4,
                      .max_epochs = 1000,
                      .max_steps = -1,
                      .accumulate = 1,
                      .log_every = 1,
                      .save_epochs = 1,
                      .keep = -1,
                      .optimiser = of3_optimiser_published,
                      .recycles = 3,
                      .copies = -1,
                      .rollout_steps = 20,
                      .conditioning = 1,
                      .confidence_pairs = 1,
                      .most_bad = 10};
}

/* Of the reference's data classes; losses as in the first stage. */
static of3_recipe_set set_defaults(const char *name) {
  return (of3_recipe_set){.name = name,
                          .class_name = "WeightedPDBDataset",
                          .weight = 1,
                          .budget = 384,
                          .contiguous = 0.2,
                          .spatial = 0.4,
                          .interface_ = 0.4,
                          .a_protein = 3,
                          .a_nucleic = 3,
                          .a_ligand = 1,
                          .w_chain = 0.5,
                          .w_interface = 1,
                          .loss = {.of = {[OF3_LOSS_MSE] = 4,
                                          [OF3_LOSS_SMOOTH_LDDT] = 4,
                                          [OF3_LOSS_DISTOGRAM] = 0.03,
                                          [OF3_LOSS_PLDDT] = 1e-4,
                                          [OF3_LOSS_PDE] = 1e-4,
                                          [OF3_LOSS_RESOLVED] = 1e-4,
                                          [OF3_LOSS_PAE] = 1e-4}}};
}

/* What a class has by itself, where its file says nothing; a file that weighs some losses takes the others as
 * every class has them. */
static void set_class_defaults(of3_recipe_set *s, const json_t *config) {
  const bool monomers = strcmp(s->class_name, "ProteinMonomerDataset") == 0,
             disordered = strcmp(s->class_name, "DisorderedPDBDataset") == 0;
  const json_t *loss = json_object_get(config, "loss"),
               *crop = json_object_get(json_object_get(config, "crop"), "crop_weights");
  if ((monomers || disordered) && !json_object_get(loss, "loss_weights"))
    for (int l = OF3_LOSS_PLDDT; l < OF3_N_LOSS; l++) s->loss.of[l] = 0;
  if (monomers && !crop) {
    s->contiguous = 0.25;
    s->spatial = 0.75;
    s->interface_ = 0;
  }
  if (!s->protein_only) s->protein_only = disordered ? OF3_YES : OF3_NO;
}

static of3_status fill_set(const of3_settings_tree *t, const char *section, const char *name, json_t *mapping,
                           of3_recipe_set *out, of3_error *err) {
  char shown[MOST_SHOWN], key[MOST_SHOWN];
  json_t *paths = of3_settings_at(t, "dataset_paths"), *path = json_object_get(paths, name);
  of3_format(shown, sizeof shown, "%s.%.100s", section, name);
  of3_format(key, sizeof key, "dataset_paths.%.100s", name);
  if (!json_is_object(mapping))
    return of3_fail(err, OF3_ERR_INPUT, "%s: a mapping of keys was expected", shown);
  *out = set_defaults(name);
  OF3_TRY(of3_settings_fill_below(t, mapping, shown, &of3_recipe_set_table, out, err));
  set_class_defaults(out, json_object_get(mapping, "config"));
  if (json_is_object(path)) OF3_TRY(of3_settings_fill_below(t, path, key, &of3_recipe_path_table, out, err));
  if (out->file) return OF3_OK;
  of3_fail(err, OF3_ERR_INPUT,
           "%s.dataset_cache_file is missing: the training set that 'of3 data build' made", key);
  return of3_settings_blame(t, of3_settings_at(t, section), name, shown, err);
}

static of3_status fill_sets(const of3_settings_tree *t, const char *section, int *ret_n,
                            of3_recipe_set **ret_set, of3_error *err) {
  json_t *all = of3_settings_at(t, section), *mapping;
  const char *name;
  const size_t n = json_object_size(all);
  if (all && !json_is_object(all) && !json_is_null(all))
    return of3_fail(err, OF3_ERR_INPUT, "%s: a section was expected, a mapping of data sets", section);
  if (n > MOST_SETS)
    return of3_fail(err, OF3_ERR_INPUT, "%s: %zu data sets; at most %d are read", section, n, MOST_SETS);
  of3_recipe_set *set = *ret_set = OF3_ARENA_NEW(t->arena, of3_recipe_set, n);
  if (!set) return of3_fail_memory(err, section);
  *ret_n = 0;
  json_object_foreach(all, name, mapping) {
    char *kept = of3_arena_strdup(t->arena, name);
    if (!kept) return of3_fail_memory(err, section);
    OF3_TRY(fill_set(t, section, kept, mapping, &set[(*ret_n)++], err));
  }
  return OF3_OK;
}

/* A path is of a set that is used. */
static of3_status check_paths(const of3_settings_tree *t, of3_error *err) {
  json_t *all = of3_settings_at(t, "dataset_paths"), *value;
  const char *name;
  json_object_foreach(all, name, value) {
    if (json_object_get(of3_settings_at(t, "dataset_configs.train"), name)) continue;
    of3_fail(err, OF3_ERR_INPUT, "dataset_configs names no data set of this name");
    return of3_settings_blame(t, all, name, name, err);
  }
  return OF3_OK;
}

/* The reference's presets: `train` is what of3 does anyway, `pae_enabled` one setting. */
static of3_status apply_presets(const of3_settings_tree *t, of3_recipe *r, of3_error *err) {
  json_t *presets = of3_settings_at(t, "model_update.presets");
  const size_t n = json_array_size(presets);
  for (size_t i = 0; i < n; i++) {
    const char *name = json_string_value(json_array_get(presets, i));
    if (name && strcmp(name, "train") == 0) continue;
    if (name && strcmp(name, "pae_enabled") == 0) {
      if (!r->pae) r->pae = OF3_YES;
      continue;
    }
    of3_fail(err, OF3_ERR_UNSUPPORTED,
             "the preset '%.60s' is none of a training: there are train and pae_enabled", name ? name : "");
    return of3_settings_blame(t, of3_settings_at(t, "model_update"), "presets", "model_update.presets", err);
  }
  return OF3_OK;
}

static of3_status check_recipe(const of3_recipe *r, const char *file, of3_error *err) {
  double weights = 0;
  for (int i = 0; i < r->n_train; i++) weights += r->train[i].weight;
  if (!(weights > 0))
    return of3_fail(
        err, OF3_ERR_INPUT,
        "'%s': dataset_configs.train names no data set of a weight above 0; there is nothing to train on",
        file);
  const bool manual = r->weights_only == OF3_YES;
  if (!manual && (r->from_average == OF3_YES || r->restore_schedule == OF3_YES || r->restore_step == OF3_YES))
    return of3_fail(err, OF3_ERR_INPUT,
                    "'%s': init_from_ema_weights, restore_lr_scheduler and restore_time_step need "
                    "manual_checkpoint_loading: true",
                    file);
  return OF3_OK;
}

static void identify(const of3_settings_file *file, char out[OF3_SHA256_HEX]) {
  of3_sha256 s;
  of3_sha256_init(&s);
  of3_sha256_add(&s, file->text, file->size);
  of3_sha256_hex(&s, out);
}

static of3_status fill_recipe(const of3_settings_tree *t, const char *file, of3_recipe *out, of3_error *err) {
  OF3_TRY(of3_settings_fill(t, &of3_recipe_table, out, NULL, err));
  OF3_TRY(apply_presets(t, out, err));
  OF3_TRY(fill_sets(t, "dataset_configs.train", &out->n_train, &out->train, err));
  OF3_TRY(check_paths(t, err));
  return check_recipe(out, file, err);
}

of3_status of3_recipe_parse(const of3_settings_file *file, const of3_log *log, of3_arena *arena,
                            of3_recipe *out, of3_error *err) {
  of3_settings_tree tree;
  *out = of3_recipe_defaults();
  identify(file, out->identity);
  of3_status status = of3_settings_tree_read(file, 1, log, arena, &tree, err);
  if (status == OF3_OK) status = fill_recipe(&tree, file->path, out, err);
  of3_settings_tree_free(&tree);
  return status;
}

int64_t of3_recipe_epoch(const of3_recipe *r) {
  const int64_t samples = (int64_t)r->batch_size * r->accumulate, steps = r->epoch_len / samples;
  return steps > 0 ? steps : 1;
}

int64_t of3_recipe_last_step(const of3_recipe *r) {
  const int64_t most = UINT32_MAX, epoch = of3_recipe_epoch(r);
  int64_t last = INT64_MAX;
  if (r->max_epochs >= 0) last = r->max_epochs > most / epoch ? most : r->max_epochs * epoch;
  if (r->max_steps >= 0 && r->max_steps < last) last = r->max_steps;
  return last;
}
