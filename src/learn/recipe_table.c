#include "learn/recipe_table.h"

#include "learn/recipe.h"

#define AT(f) offsetof(of3_recipe, f)
#define IN(f) offsetof(of3_recipe_set, f)

#define TEXT(p, o)                                                                                           \
  { .path = (p), .kind = OF3_SETTING_TEXT, .offset = (o) }
#define SWITCH(p, o)                                                                                         \
  { .path = (p), .kind = OF3_SETTING_SWITCH, .offset = (o) }
#define WORD(p, o, v)                                                                                        \
  { .path = (p), .kind = OF3_SETTING_WORD, .offset = (o), .values = (v) }
#define WHOLE(p, o, l, h)                                                                                    \
  { .path = (p), .kind = OF3_SETTING_WHOLE, .offset = (o), .low = (l), .high = (h) }
#define COUNT(p, o, l, h)                                                                                    \
  { .path = (p), .kind = OF3_SETTING_COUNT, .offset = (o), .low = (l), .high = (h) }
#define REAL(p, o, l, h)                                                                                     \
  { .path = (p), .kind = OF3_SETTING_REAL, .offset = (o), .low = (l), .high = (h) }
#define NAMES(p, o, v)                                                                                       \
  { .path = (p), .kind = OF3_SETTING_NAMES, .offset = (o), .values = (v) }
#define ONLY(p, v, w)                                                                                        \
  { .path = (p), .kind = OF3_SETTING_ONLY, .values = (v), .why = (w) }
#define ASIDE(p)                                                                                             \
  { .path = (p), .kind = OF3_SETTING_ASIDE }
#define REFUSED(p, w)                                                                                        \
  { .path = (p), .kind = OF3_SETTING_REFUSED, .why = (w) }
#define BELOW(p)                                                                                             \
  { .path = (p), .kind = OF3_SETTING_BELOW }
#define SIZE(name)                                                                                           \
  {                                                                                                          \
    .path = OF3_RECIPE_SIZES #name, .kind = OF3_SETTING_WHOLE, .offset = AT(network.name), .low = 1,         \
    .high = 8192                                                                                             \
  }

#define SETTINGS     "model_update.custom.settings."
#define ARCHITECTURE "model_update.custom.architecture."

/* Steps and samples: more than any run has, and whole numbers of doubles. */
#define MANY 4294967295.0

static const char one_machine[] = "a training runs on one device of one machine",
                  sizes[] =
                      "a network that is loaded has its own sizes, those of a new one are set in of3.network",
                  kernels[] = "it chooses kernels of PyTorch, which of3 does not run",
                  no_validation[] = "a training has no validation yet",
                  from_set[] = "a training set made by 'of3 data build' holds what it was built with";

static const of3_setting rows[] = {
    ONLY("experiment_settings.mode", "train", "the other modes are 'of3 predict'"),
    TEXT("experiment_settings.output_dir", AT(output_dir)),
    REFUSED("experiment_settings.log_dir", "logs are in the output folder"),
    COUNT("experiment_settings.seed", AT(seed), 0, MANY),
    TEXT("experiment_settings.restart_checkpoint_path", AT(restart)),
    ONLY("experiment_settings.preemption_safe_resume", "false", "--resume auto goes on from what is there"),
    SWITCH("experiment_settings.ckpt_load_settings.manual_checkpoint_loading", AT(weights_only)),
    SWITCH("experiment_settings.ckpt_load_settings.init_from_ema_weights", AT(from_average)),
    SWITCH("experiment_settings.ckpt_load_settings.restore_lr_scheduler", AT(restore_schedule)),
    SWITCH("experiment_settings.ckpt_load_settings.restore_time_step", AT(restore_step)),
    SWITCH("experiment_settings.ckpt_load_settings.strict_loading", AT(strict)),

    WHOLE("data_module_args.batch_size", AT(batch_size), 1, 4096),
    COUNT("data_module_args.data_seed", AT(data_seed), 0, MANY),
    WHOLE("data_module_args.num_workers", AT(n_loader), 0, 1024),
    ASIDE("data_module_args.num_workers_validation"),
    ASIDE("data_module_args.prefetch_factor"),
    ASIDE("data_module_args.prefetch_factor_validation"),
    ASIDE("data_module_args.multiprocessing_context"),
    ASIDE("data_module_args.persistent_workers"),
    COUNT("data_module_args.epoch_len", AT(epoch_len), 1, MANY),

    ASIDE("logging_config"),

    COUNT("pl_trainer_args.max_epochs", AT(max_epochs), -1, MANY),
    COUNT("pl_trainer_args.max_steps", AT(max_steps), -1, MANY),
    WORD("pl_trainer_args.accelerator", AT(accelerator), "auto cpu gpu cuda mps"),
    WORD("pl_trainer_args.precision", AT(precision), "32-true 32 bf16-mixed"),
    ONLY("pl_trainer_args.num_nodes", "1", one_machine),
    ONLY("pl_trainer_args.devices", "1 auto", one_machine),
    ONLY("pl_trainer_args.mpi_plugin", "false", one_machine),
    REFUSED("pl_trainer_args.deepspeed_config_path", one_machine),
    WHOLE("pl_trainer_args.log_every_n_steps", AT(log_every), 1, 1000000),
    WHOLE("pl_trainer_args.accumulate_grad_batches", AT(accumulate), 1, 65536),
    REFUSED("pl_trainer_args.check_val_every_n_epoch", no_validation),
    REFUSED("pl_trainer_args.val_check_interval", no_validation),
    REAL("pl_trainer_args.gradient_clip_val", AT(optimiser.clip), 1e-12, 1e12),
    ONLY("pl_trainer_args.gradient_clip_algorithm", "norm", "gradients are clipped by their norm"),
    ONLY("pl_trainer_args.enable_checkpointing", "true", "a run without checkpoints could not be used"),
    ASIDE("pl_trainer_args.profiler"),
    ASIDE("pl_trainer_args.enable_model_summary"),
    ASIDE("pl_trainer_args.distributed_timeout"),
    ASIDE("pl_trainer_args.use_distributed_sampler"),

    WHOLE("checkpoint_config.every_n_epochs", AT(save_epochs), 1, 1000000),
    COUNT("checkpoint_config.every_n_train_steps", AT(save_steps), 1, MANY),
    WHOLE("checkpoint_config.save_top_k", AT(keep), -1, 1000000),
    ASIDE("checkpoint_config.save_last"),
    REFUSED("checkpoint_config.monitor", no_validation),
    REFUSED("checkpoint_config.mode", no_validation),
    ASIDE("checkpoint_config.auto_insert_metric_name"),
    ASIDE("checkpoint_config.enable_version_counter"),

    BELOW("model_update.presets"), /* recipe.c */

    SWITCH(SETTINGS "train_confidence_only", AT(confidence_only)),
    REAL(SETTINGS "optimizer.learning_rate", AT(optimiser.lr), 0, 1),
    REAL(SETTINGS "optimizer.beta1", AT(optimiser.beta1), 0, 0.999999),
    REAL(SETTINGS "optimizer.beta2", AT(optimiser.beta2), 0, 0.9999999),
    REAL(SETTINGS "optimizer.eps", AT(optimiser.eps), 1e-30, 1),
    ONLY(SETTINGS "optimizer.use_deepspeed_adam", "false", kernels),
    REAL(SETTINGS "lr_scheduler.base_lr", AT(optimiser.base_lr), 0, 1),
    COUNT(SETTINGS "lr_scheduler.warmup_no_steps", AT(optimiser.warmup), 1, MANY),
    COUNT(SETTINGS "lr_scheduler.start_decay_after_n_steps", AT(optimiser.decay_start), 0, MANY),
    COUNT(SETTINGS "lr_scheduler.decay_every_n_steps", AT(optimiser.decay_every), 1, MANY),
    REAL(SETTINGS "lr_scheduler.decay_factor", AT(optimiser.decay_factor), 0, 1),
    REAL(SETTINGS "ema.decay", AT(optimiser.average_decay), 0, 1),
    NAMES(SETTINGS "ema.submodules_to_update", AT(averaged), NULL),
    REAL(SETTINGS "gradient_clipping", AT(optimiser.clip), 1e-12, 1e12),
    REAL(SETTINGS "gradient_clipping.clip_val", AT(optimiser.clip), 1e-12, 1e12),
    SWITCH(SETTINGS "gradient_clipping.per_sample_clipping", AT(clip_each)),
    WHOLE(SETTINGS "manual_optimization.accumulate_grad_batches", AT(accumulate), 1, 65536),
    ASIDE(SETTINGS "manual_optimization.log_lr"),
    REFUSED(SETTINGS "model_selection_weight_scheme", no_validation),
    ASIDE(SETTINGS "memory"),
    ASIDE(SETTINGS "debug"),
    ASIDE(SETTINGS "blocks_per_ckpt"),
    ASIDE(SETTINGS "ckpt_intermediate_steps"),
    ASIDE(SETTINGS "clear_cache_between_steps"),

    WHOLE(ARCHITECTURE "shared.num_recycles", AT(recycles), 0, 1000),
    WHOLE(ARCHITECTURE "shared.diffusion.no_samples", AT(copies), 0, 4096),
    ONLY(ARCHITECTURE "shared.diffusion.no_mini_rollout_samples", "1", "one structure is rolled out"),
    WHOLE(ARCHITECTURE "shared.diffusion.no_mini_rollout_steps", AT(rollout_steps), 1, 10000),
    REAL(ARCHITECTURE "shared.diffusion.use_conditioning_prob", AT(conditioning), 0, 1),
    REAL(ARCHITECTURE "shared.use_confidence_emb_prob", AT(confidence_pairs), 0, 1),
    REFUSED(ARCHITECTURE "shared.diffusion.no_full_rollout_samples", no_validation),
    REFUSED(ARCHITECTURE "shared.diffusion.no_full_rollout_steps", no_validation),
    SWITCH(ARCHITECTURE "heads.pae.enabled", AT(pae)),
    ASIDE(ARCHITECTURE "loss_module.diffusion.chunk_size"),
    REFUSED("model_update.custom.architecture", sizes),
    REFUSED("model_update.custom", "it is none of the settings that a training of of3 has"),

    BELOW("dataset_configs.train"),
    REFUSED("dataset_configs.validation", no_validation),
    BELOW("dataset_paths"),

    WORD("of3.variant", AT(variant), "P1 P2 OB"),
    WHOLE("of3.most_bad_steps", AT(most_bad), 1, 1000000),
    REAL("of3.most_gradient_norm", AT(most_norm), 0, 1e30),
    SIZE(c_s),
    SIZE(c_z),
    SIZE(c_m),
    SIZE(c_t),
    SIZE(c_atom),
    SIZE(c_atom_pair),
    SIZE(c_token_in),
    SIZE(c_token),
    SIZE(c_noise),
    SIZE(c_opm),
    SIZE(c_tri),
    SIZE(c_tri_templ),
    SIZE(h_pair),
    SIZE(d_pair),
    SIZE(h_templ),
    SIZE(d_templ),
    SIZE(h_msa),
    SIZE(d_msa),
    SIZE(h_single),
    SIZE(d_single),
    SIZE(h_token),
    SIZE(d_token),
    SIZE(h_atom),
    SIZE(d_atom),
    SIZE(n_trans),
    SIZE(n_trans_msa),
    SIZE(n_trans_single),
    SIZE(n_trans_templ),
    SIZE(n_trans_cond),
    SIZE(n_trans_token),
    SIZE(n_trans_atom),
    SIZE(blocks_pairformer),
    SIZE(blocks_msa),
    SIZE(blocks_templ),
    SIZE(blocks_token),
    SIZE(blocks_atom),
    SIZE(blocks_conf),

    ONLY("memory_snapshot.enabled", "false", "it is a tool of PyTorch"),
    ASIDE("memory_snapshot"),
    ONLY("profiler.enabled", "false", "it is a tool of PyTorch"),
    ASIDE("profiler"),
};
const of3_setting_table of3_recipe_table = {rows, sizeof rows / sizeof *rows, "docs/training.md"};

#define LOSS(name, index) REAL("config.loss.loss_weights." name, IN(loss.of[index]), 0, 1e6)

static const of3_setting set_rows[] = {
    WORD("dataset_class", IN(class_name),
         "WeightedPDBDataset ProteinMonomerDataset DisorderedPDBDataset ValidationPDBDataset"),
    REAL("weight", IN(weight), 0, 1e9),
    ASIDE("config.debug_mode"),
    ONLY("config.sample_in_order", "false", "what a step sees is drawn by its number"),
    REFUSED("config.msa", "alignments are taken as OpenFold3's own training does"),
    ONLY("config.template.n_templates", "0", "training sets hold no templates"),
    ASIDE("config.template"),
    WHOLE("config.crop.token_budget", IN(budget), 4, 100000),
    REAL("config.crop.crop_weights.contiguous", IN(contiguous), 0, 1e6),
    REAL("config.crop.crop_weights.spatial", IN(spatial), 0, 1e6),
    REAL("config.crop.crop_weights.spatial_interface", IN(interface_), 0, 1e6),
    ONLY("config.loss.min_resolution", "0.1", "confidence is learnt from structures of 0.1 to 4 Angstrom"),
    ONLY("config.loss.max_resolution", "4.0 4", "confidence is learnt from structures of 0.1 to 4 Angstrom"),
    REFUSED("config.loss.confidence_loss_names", "the resolution decides about plddt, pde, pae and resolved"),
    LOSS("bond", OF3_LOSS_BOND),
    LOSS("smooth_lddt", OF3_LOSS_SMOOTH_LDDT),
    LOSS("mse", OF3_LOSS_MSE),
    LOSS("distogram", OF3_LOSS_DISTOGRAM),
    LOSS("experimentally_resolved", OF3_LOSS_RESOLVED),
    LOSS("plddt", OF3_LOSS_PLDDT),
    LOSS("pde", OF3_LOSS_PDE),
    LOSS("pae", OF3_LOSS_PAE),
    REAL("config.sample_weights.a_prot", IN(a_protein), 0, 1e6),
    REAL("config.sample_weights.a_nuc", IN(a_nucleic), 0, 1e6),
    REAL("config.sample_weights.a_ligand", IN(a_ligand), 0, 1e6),
    REAL("config.sample_weights.w_chain", IN(w_chain), 0, 1e6),
    REAL("config.sample_weights.w_interface", IN(w_interface), 0, 1e6),
    SWITCH("config.disable_non_protein_diffusion_weights", IN(protein_only)),
};
const of3_setting_table of3_recipe_set_table = {set_rows, sizeof set_rows / sizeof *set_rows,
                                                "docs/training.md"};

static const of3_setting path_rows[] = {
    TEXT("dataset_cache_file", IN(file)),
    TEXT("ccd_file", IN(ccd)),
    ASIDE("target_structures_directory"),
    ASIDE("target_structure_file_format"),
    ASIDE("reference_molecule_directory"),
    ASIDE("alignments_directory"),
    ASIDE("alignment_db_directory"),
    ASIDE("alignment_array_directory"),
    ASIDE("template_cache_directory"),
    ASIDE("template_structures_directory"),
    ASIDE("template_structure_array_directory"),
    ASIDE("template_file_format"),
    ONLY("use_roda_monomer_format", "false", from_set),
};
const of3_setting_table of3_recipe_path_table = {path_rows, sizeof path_rows / sizeof *path_rows,
                                                 "docs/training.md"};
