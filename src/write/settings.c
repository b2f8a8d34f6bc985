#include "write/settings.h"

#include <stddef.h>
#include <string.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

#define TEXT(name, value)                                                                                    \
  { .key = (name), .kind = OF3_SET_TEXT, .text = (value) }
#define BOOL(name, value)                                                                                    \
  { .key = (name), .kind = OF3_SET_BOOL, .i = (value) }
#define INT(name, value)                                                                                     \
  { .key = (name), .kind = OF3_SET_INT, .i = (value) }

of3_status of3_tree_write_experiment(const of3_tree *tree, const of3_run_settings *run, of3_error *err) {
  bool f32 = strcmp(run->dtype, "f32") == 0;
  const of3_setting settings[] = {
      TEXT("experiment_settings.mode", "predict"),
      TEXT("experiment_settings.output_dir", tree->folder),
      {.key = "experiment_settings.seeds", .kind = OF3_SET_INTS, .ints = run->seeds, .i = run->n_seed},
      BOOL("experiment_settings.use_msa_server", false),
      BOOL("experiment_settings.use_templates", false),
      BOOL("experiment_settings.skip_existing", !run->overwrite),
      TEXT("pl_trainer_args.accelerator", run->backend),
      TEXT("pl_trainer_args.precision", f32 ? "32-true" : "bf16-true"),
      INT("pl_trainer_args.devices", 1),
      INT("pl_trainer_args.num_nodes", 1),
      TEXT("inference_ckpt_path", run->checkpoint),
      TEXT("output_writer_settings.structure_format", of3_structure_format_name(tree->format)),
      TEXT("output_writer_settings.full_confidence_output_format",
           tree->full == OF3_FULL_JSON ? "json" : "npz"),
      TEXT("output_writer_settings.full_confidence_output_dtype",
           tree->full == OF3_FULL_NPZ_F32 ? "float32" : "float16"),
      BOOL("output_writer_settings.write_full_confidence_scores", tree->full != OF3_FULL_NONE),
      BOOL("output_writer_settings.write_features", false),
      BOOL("output_writer_settings.write_latent_outputs", false),
      TEXT("of3.version", run->version),
      TEXT("of3.variant", of3_variant_name(run->variant)),
      TEXT("of3.isa", run->isa),
      INT("of3.threads", run->threads)};
  return of3_tree_write_settings(tree, "experiment_config.json", settings, COUNT(settings), err);
}

/* Where the reference's configuration has each number of a checkpoint, below "architecture.". */
#define FIELD(name, key)                                                                                     \
  { "architecture." key, offsetof(of3_config, name) }

static const struct {
  const char *key;
  size_t offset;
} fields[] = {
    FIELD(c_s, "shared.c_s"),
    FIELD(c_z, "shared.c_z"),
    FIELD(c_token_in, "input_embedder.atom_attn_enc.c_token"),
    FIELD(c_atom, "input_embedder.atom_attn_enc.c_atom"),
    FIELD(c_atom_pair, "input_embedder.atom_attn_enc.c_atom_pair"),
    FIELD(d_atom, "input_embedder.atom_attn_enc.c_hidden"),
    FIELD(h_atom, "input_embedder.atom_attn_enc.no_heads"),
    FIELD(n_trans_atom, "input_embedder.atom_attn_enc.n_transition"),
    FIELD(blocks_atom, "input_embedder.atom_attn_enc.no_blocks"),
    FIELD(c_t, "template.c_t"),
    FIELD(d_templ, "template.template_pair_stack.c_hidden_tri_att"),
    FIELD(c_tri_templ, "template.template_pair_stack.c_hidden_tri_mul"),
    FIELD(h_templ, "template.template_pair_stack.no_heads"),
    FIELD(n_trans_templ, "template.template_pair_stack.pair_transition_n"),
    FIELD(blocks_templ, "template.template_pair_stack.no_blocks"),
    FIELD(c_m, "msa.msa_module.c_m"),
    FIELD(c_opm, "msa.msa_module.c_hidden_opm"),
    FIELD(d_msa, "msa.msa_module.c_hidden_msa_att"),
    FIELD(h_msa, "msa.msa_module.no_heads_msa"),
    FIELD(n_trans_msa, "msa.msa_module.transition_n"),
    FIELD(blocks_msa, "msa.msa_module.no_blocks"),
    FIELD(c_tri, "pairformer.c_hidden_mul"),
    FIELD(d_pair, "pairformer.c_hidden_pair_att"),
    FIELD(h_pair, "pairformer.no_heads_pair"),
    FIELD(d_single, "pairformer.c_hidden_pair_bias"),
    FIELD(h_single, "pairformer.no_heads_pair_bias"),
    FIELD(n_trans, "pairformer.transition_n"),
    FIELD(blocks_pairformer, "pairformer.no_blocks"),
    FIELD(c_noise, "diffusion_module.diffusion_conditioning.c_fourier_emb"),
    FIELD(c_token, "diffusion_module.diffusion_transformer.c_a"),
    FIELD(d_token, "diffusion_module.diffusion_transformer.c_hidden"),
    FIELD(h_token, "diffusion_module.diffusion_transformer.no_heads"),
    FIELD(n_trans_token, "diffusion_module.diffusion_transformer.n_transition"),
    FIELD(blocks_token, "diffusion_module.diffusion_transformer.no_blocks"),
    FIELD(blocks_conf, "heads.pairformer_embedding.pairformer.no_blocks"),
    FIELD(max_atoms_per_token, "heads.max_atoms_per_token"),
    FIELD(bins_distogram, "heads.distogram.c_out"),
    FIELD(bins_plddt, "heads.lddt.c_out"),
    FIELD(bins_pae, "heads.pae.c_out"),
    FIELD(bins_pde, "heads.pde.c_out"),
};

of3_status of3_tree_write_model(const of3_tree *tree, const of3_run_settings *run, const of3_config *config,
                                of3_error *err) {
  const of3_setting shared[] = {
      TEXT("variant", of3_variant_name(run->variant)),
      INT("architecture.shared.num_recycles", run->recycles),
      INT("architecture.shared.diffusion.no_full_rollout_steps", run->steps),
      INT("architecture.shared.diffusion.no_full_rollout_samples", run->samples),
      {.key = "architecture.shared.diffusion.sigma_data", .kind = OF3_SET_REAL, .real = OF3_SIGMA_DATA},
      INT("architecture.shared.c_s_input", of3_c_s_input(config)),
      INT("architecture.msa.msa_module_embedder.max_subsampled_all_msa", OF3_MSA_ROWS),
      INT("architecture.input_embedder.max_relative_idx", OF3_MAX_RELATIVE_INDEX),
      INT("architecture.input_embedder.max_relative_chain", OF3_MAX_RELATIVE_CHAIN)};
  of3_setting settings[COUNT(shared) + COUNT(fields)];
  memcpy(settings, shared, sizeof shared);
  for (int k = 0; k < COUNT(fields); k++) {
    int value;
    memcpy(&value, (const char *)config + fields[k].offset, sizeof value);
    settings[COUNT(shared) + k] = (of3_setting)INT(fields[k].key, value);
  }
  return of3_tree_write_settings(tree, "model_config.json", settings, COUNT(settings), err);
}
