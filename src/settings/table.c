#include "settings/table.h"

#include <string.h>

#define AT(field) offsetof(of3_raw_settings, field)
#define TEXT(p, f)                                                                                           \
  { .path = (p), .kind = OF3_SETTING_TEXT, .offset = AT(f) }
#define SWITCH(p, f)                                                                                         \
  { .path = (p), .kind = OF3_SETTING_SWITCH, .offset = AT(f) }
#define WORD(p, f, v)                                                                                        \
  { .path = (p), .kind = OF3_SETTING_WORD, .offset = AT(f), .values = (v) }
#define WHOLE(p, f, l, h)                                                                                    \
  { .path = (p), .kind = OF3_SETTING_WHOLE, .offset = AT(f), .low = (l), .high = (h) }
#define REAL(p, f, l, h)                                                                                     \
  { .path = (p), .kind = OF3_SETTING_REAL, .offset = AT(f), .low = (l), .high = (h) }
#define DECIDES(k, p, f, l, h)                                                                               \
  { .path = (p), .kind = (k), .offset = AT(f), .low = (l), .high = (h), .decides = true }
#define NAMES(p, f, v)                                                                                       \
  { .path = (p), .kind = OF3_SETTING_NAMES, .offset = AT(f), .values = (v), .decides = true }
#define ONLY(p, v, w)                                                                                        \
  { .path = (p), .kind = OF3_SETTING_ONLY, .values = (v), .why = (w) }
#define ASIDE(p)                                                                                             \
  { .path = (p), .kind = OF3_SETTING_ASIDE }
#define REFUSED(p, w)                                                                                        \
  { .path = (p), .kind = OF3_SETTING_REFUSED, .why = (w) }

static const char no_name[] = "of3 has no registry of weights; name the file as inference_ckpt_path",
                  no_precache[] = "of3 keeps no data of structures between runs",
                  no_batch[] = "write_features and write_latent_outputs make files of PyTorch; of3 features "
                               "writes the network's input",
                  training[] = "it belongs to training", no_date[] = "queries have no release date",
                  sizes[] = "of3 takes the network as the checkpoint has it",
                  one_shape[] = "the shape of a ligand for its pocket is the one of OpenFold3's own settings";

static const of3_setting rows[] = {
    TEXT("inference_ckpt_path", s.checkpoint),
    REFUSED("inference_ckpt_name", no_name),
    ASIDE("cache_path"),
    ASIDE("user_default_runner_yaml_path"),

    ONLY("experiment_settings.mode", "predict", "the other modes belong to training"),
    TEXT("experiment_settings.output_dir", s.output_dir),
    REFUSED("experiment_settings.log_dir", "logs are in the output folder"),
    {.path = "experiment_settings.seeds", .kind = OF3_SETTING_SEEDS},
    WHOLE("experiment_settings.num_seeds", num_seeds, 1, 10000),
    SWITCH("experiment_settings.use_msa_server", s.use_server),
    SWITCH("experiment_settings.use_templates", s.use_templates),
    SWITCH("experiment_settings.skip_existing", s.skip_existing),

    WORD("pl_trainer_args.accelerator", accelerator, "auto cpu gpu cuda mps"),
    WORD("pl_trainer_args.precision", precision, "32-true 32 bf16-mixed bf16-true bf16 16-mixed 16-true 16"),
    ONLY("pl_trainer_args.devices", "1 auto", "one run uses one device"),
    ONLY("pl_trainer_args.num_nodes", "1", "one run uses one machine"),
    REFUSED("pl_trainer_args.deepspeed_config_path", training),
    ONLY("pl_trainer_args.mpi_plugin", "false", "one run uses one machine"),
    REFUSED("pl_trainer_args.gradient_clip_val", training),
    REFUSED("pl_trainer_args.gradient_clip_algorithm", training),
    ONLY("pl_trainer_args.accumulate_grad_batches", "1", training),
    ASIDE("pl_trainer_args.max_epochs"),
    ASIDE("pl_trainer_args.profiler"),
    ASIDE("pl_trainer_args.log_every_n_steps"),
    ASIDE("pl_trainer_args.enable_checkpointing"),
    ASIDE("pl_trainer_args.enable_model_summary"),
    ASIDE("pl_trainer_args.use_distributed_sampler"),
    ASIDE("pl_trainer_args.distributed_timeout"),

    {.path = "model_update.presets", .kind = OF3_SETTING_PRESETS},
    WHOLE("model_update.custom.architecture.shared.num_recycles", s.recycles, 0, 1000),
    WHOLE("model_update.custom.architecture.shared.diffusion.no_full_rollout_samples", s.samples, 1, 10000),
    WHOLE("model_update.custom.architecture.shared.diffusion.no_full_rollout_steps", s.steps, 1, 10000),
    ONLY("model_update.custom.architecture.sample_diffusion.gamma_0", "0.8",
         "docs/sampling.md says which samplers there are"),
    ONLY("model_update.custom.architecture.sample_diffusion.gamma_min", "1.0 1",
         "docs/sampling.md says which samplers there are"),
    REAL("model_update.custom.architecture.sample_diffusion.noise_scale", s.noise_scale, 0, 10),
    REAL("model_update.custom.architecture.sample_diffusion.step_scale", s.step_scale, 0, 10),
    ONLY("model_update.custom.architecture.msa.msa_module_embedder.subsample_all_msa", "true",
         "1024 rows are drawn"),
    ONLY("model_update.custom.architecture.msa.msa_module_embedder.subsample_main_msa", "false",
         "1024 rows are drawn"),
    ONLY("model_update.custom.architecture.msa.msa_module_embedder.min_subsampled_all_msa", "1024",
         "1024 rows are drawn"),
    ONLY("model_update.custom.architecture.msa.msa_module_embedder.max_subsampled_all_msa", "1024",
         "1024 rows are drawn"),
    ONLY("model_update.custom.architecture.heads.pae.enabled", "true",
         "whether there is such a head the checkpoint says"),
    ONLY("model_update.custom.architecture.heads.distogram.enabled", "true",
         "whether there is such a head the checkpoint says"),
    REFUSED("model_update.custom.architecture", sizes),
    REFUSED("model_update.custom.settings.memory.train", training),
    ASIDE("model_update.custom.settings.memory"),
    ASIDE("model_update.custom.settings.clear_cache_between_steps"),
    REFUSED("model_update.custom.settings", training),
    REFUSED("model_update.custom.confidence", "scores are those of docs/files.md"),

    ONLY("data_module_args.batch_size", "1", "use --batch, which changes no result"),
    ASIDE("data_module_args.data_seed"),
    ASIDE("data_module_args.num_workers"),
    ASIDE("data_module_args.prefetch_factor"),
    ASIDE("data_module_args.num_workers_validation"),
    ASIDE("data_module_args.prefetch_factor_validation"),
    ASIDE("data_module_args.multiprocessing_context"),
    ASIDE("data_module_args.persistent_workers"),
    ASIDE("data_module_args.epoch_len"),

    TEXT("dataset_config_kwargs.ccd_file_path", s.ccd),
    DECIDES(OF3_SETTING_WHOLE, "dataset_config_kwargs.msa.max_rows", s.msa.most_rows, 1, 16384),
    DECIDES(OF3_SETTING_WHOLE, "dataset_config_kwargs.msa.max_rows_paired", s.msa.most_paired, 1, 16383),
    ONLY("dataset_config_kwargs.msa.subsample_with_bands", "false", "OpenFold3 has not built it either"),
    DECIDES(OF3_SETTING_WHOLE, "dataset_config_kwargs.msa.min_chains_paired_partial", s.msa.least_chains, 1,
            10000),
    NAMES("dataset_config_kwargs.msa.pairing_mask_keys", s.msa.pairing_masks, "shared_by_two less_than_600"),
    DECIDES(OF3_SETTING_WHOLE, "dataset_config_kwargs.msa.max_seq_per_species", s.msa.most_of_species, 1,
            100000000),
    NAMES("dataset_config_kwargs.msa.moltypes", s.msa.molecules, "protein rna"),
    {.path = "dataset_config_kwargs.msa.max_seq_counts", .kind = OF3_SETTING_CAPS, .decides = true},
    NAMES("dataset_config_kwargs.msa.msas_to_pair", s.msa.to_pair, NULL),
    NAMES("dataset_config_kwargs.msa.aln_order", s.msa.order, NULL),
    NAMES("dataset_config_kwargs.msa.paired_msa_order", s.msa.paired_order, NULL),
    ONLY("dataset_config_kwargs.msa.subsample_main", "false", "rows of the main block are drawn in training"),
    ASIDE("dataset_config_kwargs.msa.keep_subsampled_order"),
    DECIDES(OF3_SETTING_WHOLE, "dataset_config_kwargs.template.n_templates", s.templates.slots, 1, 4),
    ONLY("dataset_config_kwargs.template.take_top_k", "true", "templates are drawn in training"),
    DECIDES(OF3_SETTING_WHOLE, "dataset_config_kwargs.template.min_n_tokens_per_chain",
            s.templates.least_tokens, 0, 1000000),
    ONLY("dataset_config_kwargs.template.distogram.min_bin", "3.25", sizes),
    ONLY("dataset_config_kwargs.template.distogram.max_bin", "50.75", sizes),
    ONLY("dataset_config_kwargs.template.distogram.n_bins", "39", sizes),
    {.path = "dataset_config_kwargs.pocket_sampling.enabled",
     .kind = OF3_SETTING_SWITCH,
     .offset = AT(pocket),
     .decides = true},
    DECIDES(OF3_SETTING_WHOLE, "dataset_config_kwargs.pocket_sampling.num_parents", s.pocket.parents, 1,
            10000),
    DECIDES(OF3_SETTING_WHOLE, "dataset_config_kwargs.pocket_sampling.candidates", s.pocket.candidates, 1,
            1000000),
    DECIDES(OF3_SETTING_REAL, "dataset_config_kwargs.pocket_sampling.noise_frac", s.pocket.noise_fraction, 0,
            1),
    DECIDES(OF3_SETTING_REAL, "dataset_config_kwargs.pocket_sampling.ligand_jitter", s.pocket.ligand_jitter,
            0, 100),
    DECIDES(OF3_SETTING_REAL, "dataset_config_kwargs.pocket_sampling.center_jitter", s.pocket.center_jitter,
            0, 100),
    DECIDES(OF3_SETTING_REAL, "dataset_config_kwargs.pocket_sampling.surface_jitter", s.pocket.surface_jitter,
            0, 100),
    DECIDES(OF3_SETTING_REAL, "dataset_config_kwargs.pocket_sampling.vdw_buffer", s.pocket.buffer, 0, 1),
    DECIDES(OF3_SETTING_REAL, "dataset_config_kwargs.pocket_sampling.diversity_rmsd", s.pocket.diversity, 0,
            100),
    DECIDES(OF3_SETTING_WHOLE, "dataset_config_kwargs.pocket_sampling.rdkit_num_conformers",
            s.pocket.conformers, 0, 1000),
    ONLY("dataset_config_kwargs.pocket_sampling.rdkit_conformer_rng", "0", one_shape),
    ONLY("dataset_config_kwargs.pocket_sampling.rdkit_conformer_prune_rmsd", "0 0.0", one_shape),
    ONLY("dataset_config_kwargs.pocket_sampling.rdkit_conformer_max_iters", "200", one_shape),

    WORD("output_writer_settings.structure_format", s.format, "cif cif.gz pdb"),
    WORD("output_writer_settings.full_confidence_output_format", confidence_format, "json npz"),
    WORD("output_writer_settings.full_confidence_output_dtype", confidence_type, "float16 float32"),
    SWITCH("output_writer_settings.write_full_confidence_scores", write_confidences),
    ONLY("output_writer_settings.write_features", "false", no_batch),
    ONLY("output_writer_settings.write_latent_outputs", "false", no_batch),

    WORD("msa_computation_settings.msa_file_format", msa_format, "npz a3m"),
    TEXT("msa_computation_settings.server_url", s.server.url),
    TEXT("msa_computation_settings.server_user_agent", s.server.user_agent),
    SWITCH("msa_computation_settings.save_mappings", save_mappings),
    TEXT("msa_computation_settings.msa_output_directory", s.server.folder),
    SWITCH("msa_computation_settings.cleanup_msa_dir", clean_up),
    SWITCH("msa_computation_settings.save_openfold_outputs", save_alignments),
    SWITCH("msa_computation_settings.save_colabfold_outputs", save_answers),
    TEXT("msa_computation_settings.colabfold_output_dir", s.server.answers),

    ONLY("template_preprocessor_settings.mode", "predict", "the other mode belongs to training"),
    ONLY("template_preprocessor_settings.moltypes", "protein PROTEIN Protein 0",
         "the network was trained with templates of proteins"),
    DECIDES(OF3_SETTING_WHOLE, "template_preprocessor_settings.max_sequences_parse", s.templates.most_read, 1,
            100000),
    DECIDES(OF3_SETTING_WHOLE, "template_preprocessor_settings.max_templates", s.templates.most_kept, 1,
            100000),
    DECIDES(OF3_SETTING_REAL, "template_preprocessor_settings.max_seq_id", s.templates.most_identity, 0, 100),
    DECIDES(OF3_SETTING_REAL, "template_preprocessor_settings.min_align", s.templates.least_coverage, 0, 1),
    DECIDES(OF3_SETTING_WHOLE, "template_preprocessor_settings.min_len", s.templates.least_length, 0,
            1000000),
    {.path = "template_preprocessor_settings.max_release_date",
     .kind = OF3_SETTING_DATE,
     .offset = AT(s.templates.most_date),
     .decides = true},
    REFUSED("template_preprocessor_settings.min_release_date_diff", no_date),
    DECIDES(OF3_SETTING_REAL, "template_preprocessor_settings.cif_direct_min_score",
            s.templates.least_direct_score, 0, 1),
    ASIDE("template_preprocessor_settings.min_f_resolved"),
    ASIDE("template_preprocessor_settings.preprocess_timeout"),
    SWITCH("template_preprocessor_settings.fetch_missing_structures", s.templates.fetch),
    ONLY("template_preprocessor_settings.create_precache", "false", no_precache),
    ONLY("template_preprocessor_settings.preparse_structures", "false", no_precache),
    ONLY("template_preprocessor_settings.create_logs", "false", "the log says what became of each hit"),
    ASIDE("template_preprocessor_settings.n_processes"),
    ASIDE("template_preprocessor_settings.chunksize"),
    ONLY("template_preprocessor_settings.structure_file_format", "cif", no_precache),
    TEXT("template_preprocessor_settings.output_directory", template_folder),
    TEXT("template_preprocessor_settings.structure_directory", s.templates.structures),
    TEXT("template_preprocessor_settings.cache_directory", s.templates.cache),
    REFUSED("template_preprocessor_settings.precache_directory", no_precache),
    REFUSED("template_preprocessor_settings.structure_array_directory", no_precache),
    REFUSED("template_preprocessor_settings.log_directory", "the log says what became of each hit"),
    TEXT("template_preprocessor_settings.ccd_file_path", s.ccd),

    ONLY("memory_snapshot.enabled", "false", "it is a tool of PyTorch"),
    ASIDE("memory_snapshot"),
    ONLY("profiler.enabled", "false", "it is a tool of PyTorch"),
    ASIDE("profiler"),
};
const of3_setting_table of3_runner_table = {rows, sizeof rows / sizeof *rows, "docs/settings.md"};

/* Whether `path` is `above` or lies below it. */
static bool is_below(const char *path, const char *above) {
  const size_t n = strlen(above);
  return strncmp(path, above, n) == 0 && (path[n] == 0 || path[n] == '.');
}

const of3_setting *of3_setting_find(const of3_setting_table *table, const char *path) {
  const of3_setting *found = NULL;
  for (int i = 0; i < table->n; i++) {
    const of3_setting *s = &table->row[i];
    if (strcmp(s->path, path) == 0) return s;
    const bool whole =
        s->kind == OF3_SETTING_ASIDE || s->kind == OF3_SETTING_REFUSED || s->kind == OF3_SETTING_BELOW;
    if (whole && is_below(path, s->path) && (!found || strlen(s->path) > strlen(found->path))) found = s;
  }
  return found;
}

bool of3_setting_is_section(const of3_setting_table *table, const char *path) {
  for (int i = 0; i < table->n; i++)
    if (strcmp(table->row[i].path, path) != 0 && is_below(table->row[i].path, path)) return true;
  return false;
}
