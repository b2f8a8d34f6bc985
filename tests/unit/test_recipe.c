/* Training YAML files (learn/recipe.h): what values become, and what is refused with which sentence. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "learn/recipe.h"

static of3_status parse(const char *text, of3_arena *arena, of3_recipe *out, of3_error *err) {
  const of3_settings_file file = {"t.yaml", text, strlen(text)};
  return of3_recipe_parse(&file, NULL, arena, out, err);
}

#define SETS                                                                                                 \
  "dataset_configs:\n"                                                                                       \
  "  train:\n"                                                                                               \
  "    pdb:\n"                                                                                               \
  "      weight: 0.5\n"                                                                                      \
  "dataset_paths:\n"                                                                                         \
  "  pdb: {dataset_cache_file: pdb.set}\n"

static void values_arrive(void **state) {
  of3_arena *arena = of3_arena_new(0);
  of3_recipe r;
  of3_error err = {0};
  (void)state;
  const char *text =
      "experiment_settings: {mode: train, output_dir: out, seed: 7, restart_checkpoint_path: last,\n"
      "  ckpt_load_settings: {manual_checkpoint_loading: true, init_from_ema_weights: yes}}\n"
      "data_module_args: {batch_size: 2, epoch_len: 100, num_workers: 3}\n"
      "pl_trainer_args: {max_epochs: -1, max_steps: 70, precision: bf16-mixed, accumulate_grad_batches: 5,\n"
      "  devices: 1}\n"
      "checkpoint_config: {save_top_k: 3, every_n_epochs: 2}\n"
      "model_update:\n"
      "  presets: [train, pae_enabled]\n"
      "  custom:\n"
      "    settings: {gradient_clipping: {per_sample_clipping: false, clip_val: 4.5}, train_confidence_only: "
      "1,\n"
      "      optimizer: {learning_rate: 1e-4}, lr_scheduler: {warmup_no_steps: 10}, ema: "
      "{submodules_to_update: [a.b]}}\n"
      "    architecture: {shared: {num_recycles: 1, use_confidence_emb_prob: 0.75, diffusion: {no_samples: "
      "12, use_conditioning_prob: 0.5}}}\n"
      "of3: {variant: P2, network: {c_s: 32, blocks_pairformer: 2}}\n"
      "dataset_configs:\n"
      "  train:\n"
      "    pdb: {weight: 0.5, config: {crop: {token_budget: 64, crop_weights: {contiguous: 1}}}}\n"
      "    own:\n"
      "      dataset_class: ProteinMonomerDataset\n"
      "      config: {loss: {loss_weights: {plddt: 0}}}\n"
      "    more: {dataset_class: ProteinMonomerDataset}\n"
      "    loose: {dataset_class: DisorderedPDBDataset}\n"
      "dataset_paths:\n"
      "  pdb: {dataset_cache_file: pdb.set, alignments_directory: none}\n"
      "  own: {dataset_cache_file: own.set}\n"
      "  more: {dataset_cache_file: more.set}\n"
      "  loose: {dataset_cache_file: loose.set}\n";
  if (parse(text, arena, &r, &err) != OF3_OK) fail_msg("%s", err.text);
  assert_string_equal(r.output_dir, "out");
  assert_true(r.seed == 7 && r.data_seed < 0 && r.n_loader == 3 && r.accumulate == 5 && r.keep == 3);
  assert_true(r.weights_only == OF3_YES && r.from_average == OF3_YES && r.restore_step == OF3_UNSET);
  assert_true(r.optimiser.clip == 4.5 && r.clip_each == OF3_NO && r.optimiser.lr == 1e-4 &&
              r.optimiser.warmup == 10);
  assert_true(r.confidence_only == OF3_YES && r.pae == OF3_YES && r.copies == 12 && r.recycles == 1);
  assert_true(r.conditioning == 0.5 && r.confidence_pairs == 0.75);
  assert_true(r.network.c_s == 32 && r.network.blocks_pairformer == 2 && r.network.c_z == 0);
  assert_string_equal(r.variant, "P2");
  assert_string_equal(r.averaged.name[0], "a.b");
  assert_true(of3_recipe_epoch(&r) == 10 && of3_recipe_last_step(&r) == 70);
  assert_int_equal(r.n_train, 4);
  assert_true(r.train[0].budget == 64 && r.train[0].contiguous == 1 && r.train[0].spatial == 0.4);
  assert_true(r.train[0].loss.of[OF3_LOSS_PLDDT] == 1e-4 && r.train[0].protein_only == OF3_NO);
  /* a class's own values, unless the file weighs losses or crops */
  assert_true(r.train[1].loss.of[OF3_LOSS_PLDDT] == 0 && r.train[1].loss.of[OF3_LOSS_PDE] == 1e-4);
  assert_true(r.train[2].loss.of[OF3_LOSS_PDE] == 0 && r.train[2].spatial == 0.75 &&
              r.train[2].interface_ == 0);
  assert_true(r.train[3].protein_only == OF3_YES && r.train[3].interface_ == 0.4);
  assert_string_equal(r.train[3].file, "loose.set");
  of3_arena_free(arena);
}

static void ends_are_found(void **state) {
  of3_arena *arena = of3_arena_new(0);
  of3_recipe r;
  of3_error err = {0};
  (void)state;
  if (parse(SETS, arena, &r, &err) != OF3_OK) fail_msg("%s", err.text);
  assert_true(of3_recipe_epoch(&r) == 4 && of3_recipe_last_step(&r) == 4000);
  if (parse(SETS "pl_trainer_args: {max_epochs: -1}\n", arena, &r, &err) != OF3_OK) fail_msg("%s", err.text);
  assert_true(of3_recipe_last_step(&r) == INT64_MAX);
  if (parse(SETS "data_module_args: {batch_size: 9}\n", arena, &r, &err) != OF3_OK) fail_msg("%s", err.text);
  assert_true(of3_recipe_epoch(&r) == 1);
  of3_arena_free(arena);
}

typedef struct refusal {
  const char *text, *sentence;
} refusal;

static void what_is_not_served_is_refused(void **state) {
  static const refusal all[] = {
      {"pl_trainer_args: {devices: 8}\n" SETS,
       "'t.yaml', line 1: pl_trainer_args.devices: of3 does not have '8' here"},
      {"model_update:\n  custom:\n    settings:\n      optimizer: {learning_rate: fast}\n" SETS,
       "'t.yaml', line 4: model_update.custom.settings.optimizer.learning_rate: a number from 0 to 1 was "
       "expected, not 'fast'"},
      {"model_update:\n  custom:\n    settings:\n      optimizer: {learning_rate: nan}\n" SETS, "not 'nan'"},
      {"experiment_settings:\n  sede: 1\n" SETS,
       "'t.yaml', line 2: experiment_settings.sede: this key is unknown"},
      {"model_update: {custom: {architecture: {pairformer: {no_blocks: 3}}}}\n" SETS, "of3.network"},
      {"model_update: {presets: [fast]}\n" SETS, "line 1: model_update.presets: the preset 'fast' is none"},
      {"experiment_settings: {seed: 1}\n", "there is nothing to train on"},
      {"dataset_configs: {train: {a: {weight: 1}}}\n", "dataset_paths.a.dataset_cache_file is missing"},
      {"dataset_configs: {train: {a: {wait: 1}}}\ndataset_paths: {a: {dataset_cache_file: x}}\n",
       "'t.yaml', line 1: dataset_configs.train.a.wait: this key is unknown"},
      {"dataset_configs: {train: {a: 3}}\n", "dataset_configs.train.a: a mapping of keys was expected"},
      {"dataset_configs: {train: 3}\n", "dataset_configs.train: a section was expected"},
      {SETS "  pbd: {dataset_cache_file: x}\n",
       "line 7: pbd: dataset_configs names no data set of this name"},
      {"checkpoint_config: {monitor: val/x}\n" SETS,
       "checkpoint_config.monitor: of3 does not have this setting"},
      {"experiment_settings: {ckpt_load_settings: {restore_time_step: true}}\n" SETS,
       "manual_checkpoint_loading"},
      {"dataset_configs: {train: {a: {config: {template: {n_templates: 4}}}}}\n"
       "dataset_paths: {a: {dataset_cache_file: x}}\n",
       "dataset_configs.train.a.config.template.n_templates: of3 does not have '4' here, only 0"},
      {"of3: {network: {c_s: 0}}\n" SETS, "of3.network.c_s: a whole number from 1 to 8192"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    of3_arena *arena = of3_arena_new(0);
    of3_recipe r;
    of3_error err = {0};
    if (parse(all[i].text, arena, &r, &err) == OF3_OK) fail_msg("accepted: %s", all[i].text);
    if (!strstr(err.text, all[i].sentence)) fail_msg("'%s' has not '%s'", err.text, all[i].sentence);
    of3_arena_free(arena);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(values_arrive), cmocka_unit_test(ends_are_found),
                                     cmocka_unit_test(what_is_not_served_is_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
