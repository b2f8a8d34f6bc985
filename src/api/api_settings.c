/* The settings of a run as OpenFold3 writes them: same files, same keys for everything that of3 has. Settings
 * of parts that of3 does not have (Lightning, data loaders, servers) are left out; `of3` holds what only of3
 * has. */
#include <string.h>

#include "api/job.h"
#include "tensor/pairs.h"

#define NOTHING(k)                                                                                           \
  { .key = (k), .kind = OF3_SET_NULL }
#define BOOLEAN(k, v)                                                                                        \
  { .key = (k), .kind = OF3_SET_BOOL, .i = (v) }
#define NUMBER(k, v)                                                                                         \
  { .key = (k), .kind = OF3_SET_INT, .i = (v) }
#define REAL(k, v)                                                                                           \
  { .key = (k), .kind = OF3_SET_REAL, .real = (v) }
#define TEXT(k, v)                                                                                           \
  { .key = (k), .kind = OF3_SET_TEXT, .text = (v) }

static const char *precision_of(of3_dtype operand) {
  return operand == OF3_BF16 ? "bf16-mixed" : operand == OF3_F16 ? "16-mixed" : "32-true";
}

static of3_status write_experiment(const of3_job *j, of3_error *err) {
  const of3_engine *e = j->model->engine;
  bool npz = j->tree.full == OF3_FULL_NPZ_F16 || j->tree.full == OF3_FULL_NPZ_F32;
  const of3_setting s[] = {
      TEXT("experiment_settings.mode", "predict"),
      TEXT("experiment_settings.output_dir", j->tree.folder),
      NOTHING("experiment_settings.log_dir"),
      {.key = "experiment_settings.seeds", .kind = OF3_SET_INTS, .i = j->n_seed, .ints = j->seed},
      NOTHING("experiment_settings.num_seeds"),
      BOOLEAN("experiment_settings.use_msa_server", j->o->msa_server.url && *j->o->msa_server.url),
      BOOLEAN("experiment_settings.use_templates", !j->o->no_templates),
      BOOLEAN("experiment_settings.skip_existing", !j->o->overwrite),
      TEXT("pl_trainer_args.accelerator", strcmp(e->device.name, "cpu") == 0 ? "cpu" : "gpu"),
      TEXT("pl_trainer_args.precision", precision_of(e->device.backend->operand)),
      NUMBER("pl_trainer_args.num_nodes", 1),
      NUMBER("pl_trainer_args.devices", 1),
      TEXT("inference_ckpt_path", j->model->info->file),
      NOTHING("inference_ckpt_name"),
      NUMBER("data_module_args.batch_size", 1),
      NUMBER("data_module_args.data_seed", (int64_t)j->seed[0]),
      NUMBER("dataset_config_kwargs.template.n_templates", 4),
      TEXT("output_writer_settings.structure_format", of3_structure_format_name(j->tree.format)),
      TEXT("output_writer_settings.full_confidence_output_format", npz ? "npz" : "json"),
      TEXT("output_writer_settings.full_confidence_output_dtype",
           j->tree.full == OF3_FULL_NPZ_F32 ? "float32" : "float16"),
      BOOLEAN("output_writer_settings.write_features", false),
      BOOLEAN("output_writer_settings.write_latent_outputs", false),
      BOOLEAN("output_writer_settings.write_full_confidence_scores", j->tree.full != OF3_FULL_NONE),
      TEXT("of3.cif_style", of3_cif_style_name(j->tree.style)),
      TEXT("of3.version", of3_version()),
      TEXT("of3.variant", j->model->info->variant),
      NUMBER("of3.samples", j->o->samples),
      NUMBER("of3.recycles", j->o->recycles),
      TEXT("of3.sampler", j->sampler.name),
      NUMBER("of3.steps", j->sampler.n_step),
      REAL("of3.noise_scale", j->sampler.noise_scale),
      REAL("of3.step_scale", j->sampler.step_scale),
      TEXT("of3.dtype", of3_dtype_name(e->device.backend->operand)),
      TEXT("of3.backend", e->device.backend->name),
      TEXT("of3.isa", e->device.backend->isa),
      NUMBER("of3.threads", e->threads),
      TEXT("of3.checkpoint_identity", j->model->identity),
  };
  return of3_tree_write_settings(&j->tree, "experiment_config.json", s, sizeof s / sizeof *s, err);
}

static of3_status write_model(const of3_job *j, of3_error *err) {
  const of3_config *c = &j->model->network.config;
  int s_input = of3_c_s_input(c);
  const of3_setting s[] = {
      NUMBER("architecture.shared.c_s", c->c_s),
      NUMBER("architecture.shared.c_s_input", s_input),
      NUMBER("architecture.shared.c_z", c->c_z),
      NUMBER("architecture.shared.num_recycles", j->o->recycles),
      REAL("architecture.shared.diffusion.sigma_data", OF3_SIGMA_DATA),
      NUMBER("architecture.shared.diffusion.no_full_rollout_samples", j->o->samples),
      NUMBER("architecture.shared.diffusion.no_full_rollout_steps", j->sampler.n_step),
      NUMBER("architecture.input_embedder.c_s", c->c_s),
      NUMBER("architecture.input_embedder.c_s_input", s_input),
      NUMBER("architecture.input_embedder.c_z", c->c_z),
      NUMBER("architecture.input_embedder.max_relative_idx", OF3_MAX_RELATIVE_INDEX),
      NUMBER("architecture.input_embedder.max_relative_chain", OF3_MAX_RELATIVE_CHAIN),
      NUMBER("architecture.input_embedder.atom_attn_enc.c_atom", c->c_atom),
      NUMBER("architecture.input_embedder.atom_attn_enc.c_atom_pair", c->c_atom_pair),
      NUMBER("architecture.input_embedder.atom_attn_enc.c_token", c->c_token_in),
      NUMBER("architecture.input_embedder.atom_attn_enc.c_hidden", c->d_atom),
      NUMBER("architecture.input_embedder.atom_attn_enc.no_heads", c->h_atom),
      NUMBER("architecture.input_embedder.atom_attn_enc.no_blocks", c->blocks_atom),
      NUMBER("architecture.input_embedder.atom_attn_enc.n_transition", c->n_trans_atom),
      NUMBER("architecture.template.c_t", c->c_t),
      NUMBER("architecture.template.template_pair_stack.c_hidden_tri_att", c->d_templ),
      NUMBER("architecture.template.template_pair_stack.c_hidden_tri_mul", c->c_tri_templ),
      NUMBER("architecture.template.template_pair_stack.no_heads", c->h_templ),
      NUMBER("architecture.template.template_pair_stack.no_blocks", c->blocks_templ),
      NUMBER("architecture.template.template_pair_stack.pair_transition_n", c->n_trans_templ),
      NUMBER("architecture.msa.msa_module.c_m", c->c_m),
      NUMBER("architecture.msa.msa_module.c_hidden_msa_att", c->d_msa),
      NUMBER("architecture.msa.msa_module.c_hidden_opm", c->c_opm),
      NUMBER("architecture.msa.msa_module.c_hidden_mul", c->c_tri),
      NUMBER("architecture.msa.msa_module.c_hidden_pair_att", c->d_pair),
      NUMBER("architecture.msa.msa_module.no_heads_msa", c->h_msa),
      NUMBER("architecture.msa.msa_module.no_heads_pair", c->h_pair),
      NUMBER("architecture.msa.msa_module.no_blocks", c->blocks_msa),
      NUMBER("architecture.msa.msa_module.transition_n", c->n_trans_msa),
      NUMBER("architecture.msa.msa_module_embedder.max_subsampled_all_msa", OF3_MSA_ROWS),
      NUMBER("architecture.pairformer.c_s", c->c_s),
      NUMBER("architecture.pairformer.c_z", c->c_z),
      NUMBER("architecture.pairformer.c_hidden_pair_bias", c->d_single),
      NUMBER("architecture.pairformer.no_heads_pair_bias", c->h_single),
      NUMBER("architecture.pairformer.c_hidden_mul", c->c_tri),
      NUMBER("architecture.pairformer.c_hidden_pair_att", c->d_pair),
      NUMBER("architecture.pairformer.no_heads_pair", c->h_pair),
      NUMBER("architecture.pairformer.no_blocks", c->blocks_pairformer),
      NUMBER("architecture.pairformer.transition_n", c->n_trans),
      NUMBER("architecture.diffusion_module.diffusion_conditioning.c_fourier_emb", c->c_noise),
      NUMBER("architecture.diffusion_module.diffusion_conditioning.c_s", c->c_s),
      NUMBER("architecture.diffusion_module.diffusion_conditioning.c_s_input", s_input),
      NUMBER("architecture.diffusion_module.diffusion_conditioning.c_z", c->c_z),
      NUMBER("architecture.diffusion_module.diffusion_transformer.c_a", c->c_token),
      NUMBER("architecture.diffusion_module.diffusion_transformer.c_hidden", c->d_token),
      NUMBER("architecture.diffusion_module.diffusion_transformer.no_heads", c->h_token),
      NUMBER("architecture.diffusion_module.diffusion_transformer.no_blocks", c->blocks_token),
      NUMBER("architecture.diffusion_module.diffusion_transformer.n_transition", c->n_trans_token),
      REAL("architecture.sample_diffusion.gamma_0", j->sampler.gamma_0),
      REAL("architecture.sample_diffusion.gamma_min", j->sampler.gamma_min),
      REAL("architecture.sample_diffusion.noise_scale", j->sampler.noise_scale),
      REAL("architecture.sample_diffusion.step_scale", j->sampler.step_scale),
      NUMBER("architecture.heads.max_atoms_per_token", c->max_atoms_per_token),
      NUMBER("architecture.heads.pae.c_out", c->bins_pae),
      NUMBER("architecture.heads.pde.c_out", c->bins_pde),
      NUMBER("architecture.heads.distogram.c_out", c->bins_distogram),
      NUMBER("architecture.heads.lddt.c_out", c->bins_plddt),
      NUMBER("architecture.heads.pairformer_embedding.pairformer.no_blocks", c->blocks_conf),
      REAL("architecture.noise_schedule.sigma_data", OF3_SIGMA_DATA),
  };
  return of3_tree_write_settings(&j->tree, "model_config.json", s, sizeof s / sizeof *s, err);
}

of3_status of3_job_write_settings(const of3_job *j, of3_error *err) {
  OF3_TRY(write_experiment(j, err));
  OF3_TRY(write_model(j, err));
  return of3_tree_write_query_set(&j->tree, "inference_query_set.json", &j->set, j->seed, j->n_seed, err);
}
