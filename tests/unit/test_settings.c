/* The runner YAML: what each kind of key becomes, what is refused and where, and which of two files counts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "settings/settings.h"
#include "settings/table.h"

typedef struct read_settings {
  of3_arena *arena;
  of3_settings s;
} read_settings;

static read_settings read_two(const char *cache, const char *text) {
  read_settings r = {.arena = of3_arena_new(0)};
  of3_error err = {0};
  const of3_settings_file file[2] = {{"cache.yml", cache, strlen(cache)}, {"run.yml", text, strlen(text)}};
  assert_non_null(r.arena);
  if (of3_settings_parse(file, 2, NULL, r.arena, &r.s, &err) != OF3_OK) fail_msg("%s", err.text);
  return r;
}

static void refused(const char *text, const char *sentence) {
  of3_arena *arena = of3_arena_new(0);
  of3_settings s;
  of3_error err = {0};
  const of3_settings_file file = {"run.yml", text, strlen(text)};
  assert_non_null(arena);
  assert_int_not_equal(of3_settings_parse(&file, 1, NULL, arena, &s, &err), OF3_OK);
  if (!strstr(err.text, sentence)) fail_msg("'%s' was expected in '%s'", sentence, err.text);
  of3_arena_free(arena);
}

static void test_values(void **state) {
  (void)state;
  read_settings r = read_two(
      "",
      "experiment_settings: {seeds: [3, 1_000], skip_existing: off, output_dir: out, use_msa_server: False}\n"
      "pl_trainer_args: {precision: bf16-mixed, accelerator: cpu}\n"
      "model_update:\n  presets: [predict, pae_enabled]\n  custom:\n    architecture:\n"
      "      shared: {num_recycles: 1, diffusion: {no_full_rollout_samples: 2, no_full_rollout_steps: 20}}\n"
      "      sample_diffusion: {noise_scale: 1.5}\n"
      "output_writer_settings: {structure_format: cif.gz, full_confidence_output_format: npz,\n"
      "  full_confidence_output_dtype: float32}\n"
      "dataset_config_kwargs:\n  msa: {max_rows: 100, moltypes: [PROTEIN], aln_order: [b, a],\n"
      "    max_seq_counts: {a: 5, b: 7}}\n  template: {n_templates: 2}\n"
      "msa_computation_settings: {msa_file_format: a3m, server_url: 'http://127.0.0.1:8', save_mappings: "
      "no,\n"
      "  colabfold_output_dir: none}\n"
      "template_preprocessor_settings: {max_release_date: 2021-09-30, max_seq_id: 0.9, output_directory: "
      "t}\n");
  const of3_settings *s = &r.s;
  assert_int_equal(s->n_seed, 2);
  assert_true(s->seeds[0] == 3 && s->seeds[1] == 1000);
  assert_int_equal(s->skip_existing, OF3_NO);
  assert_int_equal(s->use_server, OF3_NO);
  assert_int_equal(s->use_templates, OF3_UNSET);
  assert_string_equal(s->output_dir, "out");
  assert_string_equal(s->dtype, "bf16");
  assert_string_equal(s->backend, "cpu");
  assert_int_equal(s->recycles, 1);
  assert_int_equal(s->samples, 2);
  assert_int_equal(s->steps, 20);
  assert_true(s->noise_scale == 1.5 && s->step_scale < 0);
  assert_string_equal(s->format, "cif.gz");
  assert_string_equal(s->confidences, "npz32");
  assert_int_equal(s->msa.most_rows, 100);
  assert_int_equal(s->msa.molecules.n, 1);
  assert_string_equal(s->msa.molecules.name[0], "protein");
  assert_int_equal(s->msa.order.n, 2);
  assert_string_equal(s->msa.order.name[0], "b");
  assert_int_equal(s->msa.n_cap, 2);
  assert_int_equal(s->msa.cap[1].rows, 7);
  assert_false(s->msa.paired_order.given);
  assert_int_equal(s->templates.slots, 2);
  assert_string_equal(s->templates.most_date, "2021-09-30");
  assert_true(s->templates.most_identity == 0.9 && s->templates.least_coverage < 0);
  assert_string_equal(s->templates.structures, "t/template_structures");
  assert_string_equal(s->templates.cache, "t/template_cache");
  assert_false(s->server.npz || s->server.save_mappings || s->server.answers);
  assert_true(s->server.save_alignments && s->server.save_answers);
  assert_string_equal(s->server.url, "http://127.0.0.1:8");
  assert_non_null(strstr(s->differences, "msa.max_rows=\"100\"\n"));
  assert_null(strstr(s->differences, "num_recycles"));
  of3_arena_free(r.arena);
}

static void test_nothing(void **state) {
  (void)state;
  read_settings r = read_two("# nothing\n\n", "~\n");
  const of3_settings own = of3_settings_defaults();
  assert_string_equal(r.s.differences, "");
  assert_int_equal(r.s.templates.slots, own.templates.slots);
  assert_true(r.s.n_seed == 0 && !r.s.format && r.s.samples < 0 && !r.s.server.npz && r.s.pocket.enabled);
  of3_arena_free(r.arena);
}

/* The run's file counts key by key; lists are not joined. */
static void test_two_files(void **state) {
  (void)state;
  read_settings r = read_two("experiment_settings: {seeds: [1, 2], use_templates: false}\n"
                             "dataset_config_kwargs: {msa: {max_rows: 9, aln_order: [x]}}\n"
                             "output_writer_settings: {structure_format: pdb}\n",
                             "experiment_settings: {seeds: 42, num_seeds: 2}\n"
                             "dataset_config_kwargs: {msa: {aln_order: [y, z]}}\n");
  assert_int_equal(r.s.n_seed, 2); /* as random.seed(42) gives them */
  assert_true(r.s.seeds[0] == 2746317213U && r.s.seeds[1] == 1181241943U);
  assert_int_equal(r.s.use_templates, OF3_NO);
  assert_int_equal(r.s.msa.most_rows, 9);
  assert_int_equal(r.s.msa.order.n, 2);
  assert_string_equal(r.s.msa.order.name[0], "y");
  assert_string_equal(r.s.format, "pdb");
  of3_arena_free(r.arena);
}

static void test_refusals(void **state) {
  (void)state;
  refused("a: 1", "'run.yml', line 1: a: this key is unknown");
  refused("experiment_settings:\n  mode: predict\n  fo: 1\n",
          "'run.yml', line 3: experiment_settings.fo: this key is unknown");
  refused("experiment_settings.mode: predict\n", "this key is unknown");
  refused("pl_trainer_args:\n  devices: 4\n",
          "'run.yml', line 2: pl_trainer_args.devices: of3 does not have '4' here, only 1");
  refused("inference_ckpt_name: x\n", "line 1: inference_ckpt_name: of3 does not have this setting");
  refused("model_update: {custom: {architecture: {pairformer: {no_blocks: 3}}}}",
          "model_update.custom.architecture.pairformer: of3 does not have this setting");
  refused("model_update: {presets: [train]}", "training");
  refused("model_update: {presets: [fast]}", "'fast' is unknown");
  refused("experiment_settings: {seeds: 3}", "num_seeds");
  refused("experiment_settings: {num_seeds: 3}", "num_seeds");
  refused("experiment_settings: {seeds: [1, 1]}", "twice");
  refused("experiment_settings: {seeds: []}", "a list of 1 to");
  refused("experiment_settings: {use_templates: maybe}", "true or false was expected, not 'maybe'");
  refused("experiment_settings: [1]", "a section was expected");
  refused("- 1", "a mapping of sections was expected");
  refused("dataset_config_kwargs: {msa: {max_rows: 0}}", "a whole number from 1 to 16384");
  refused("dataset_config_kwargs: {msa: {max_rows: 1.5}}", "a whole number");
  refused("dataset_config_kwargs: {msa: {max_rows: }}\nx: y", "x: this key is unknown");
  refused("dataset_config_kwargs: {msa: {subsample_main: true}}", "only false");
  refused("dataset_config_kwargs: {msa: {moltypes: [dna]}}", "one of protein rna was expected, not 'dna'");
  refused("dataset_config_kwargs: {msa: {max_seq_counts: {a: b}}}", "'a': a whole number");
  refused("dataset_config_kwargs: {pocket_sampling: {noise_frac: 2}}", "a number from 0 to 1");
  refused("template_preprocessor_settings: {max_release_date: 2021-02}", "a date such as 2021-09-30");
  refused("template_preprocessor_settings: {max_release_date: 2021-02-03T12:00}", "a date such as");
  refused("template_preprocessor_settings: {min_release_date_diff: 60}", "no release date");
  refused("memory_snapshot: {enabled: true}", "a tool of PyTorch");
  refused("profiler: {enabled: false, fo: [1]}\nb: 1", "b: this key is unknown");
}

/* Every row of the table is found by its own path, once. */
static void test_table(void **state) {
  (void)state;
  for (int i = 0; i < of3_runner_table.n; i++)
    assert_ptr_equal(of3_setting_find(&of3_runner_table, of3_runner_table.row[i].path),
                     &of3_runner_table.row[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_values), cmocka_unit_test(test_nothing),
                                     cmocka_unit_test(test_two_files), cmocka_unit_test(test_refusals),
                                     cmocka_unit_test(test_table)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
