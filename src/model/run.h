/* Inside src/model: what the parts of one run share. */
#ifndef OF3_MODEL_RUN_H
#define OF3_MODEL_RUN_H

#include "model/network.h"

/* The features of B complexes as tensors, and what follows from them alone. Every tensor has an axis of
 * complexes, B = 1 too, and the size of the largest: N tokens, A atoms, M rows, W windows. What a smaller
 * complex does not have is masked, without atoms, or no bond, and its own tokens and atoms get the bytes that
 * they get alone. (Not so a token that is masked itself: attention of such a row is over all that is there.
 * The features that of3 makes have none.) */
typedef struct of3_inputs {
  int n;                        /* B */
  const of3_features *const *f; /* [B] */
  int64_t n_token, n_atom;      /* N, A */
  int64_t n_msa;                /* M */
  of3_tensor *token_mask;       /* [B,N]; NULL: no token is masked */
  of3_tensor *place;            /* [B,N,OF3_N_PLACE] i32: what relative positions follow from */
  of3_tensor *token_bonds;      /* [B,bonds,2] i32, or NULL */
  of3_tensor *atom_mask;        /* [B,A]; NULL: no atom is masked */
  of3_tensor *atom_token,
      *atom_token_mask;                  /* [B,A] i32; [B,A] atom_mask * token_mask of its token, or NULL */
  of3_tensor *token_start, *token_count; /* [B,N] i32 */
  of3_windows windows;                   /* low [B,W], mask [B,W,32,128] */
  of3_tensor *asym;                      /* [B,N] i32 */

  bool msa_masked; /* whether anything of the alignments is, of which each cycle takes rows */

  /* Template slots. Those of a complex that have equal features give equal results and are computed once: D
   * different ones, in the complex that has most of them. */
  int n_slot;                   /* D */
  struct of3_slots *of_complex; /* [B] */
  of3_tensor *slot_restype;     /* [D,B,N,1] u8 classes */
  of3_template_slot slot_shape; /* [D,B,..]; all NULL: no slot has any geometry */
} of3_inputs;

/* The different slots of a complex. */
typedef struct of3_slots {
  int n;
  int *first; /* [n] the first slot in the features that has these features */
  int *times; /* [n] how many have */
} of3_slots;

/* A run of the network on a batch of complexes. */
typedef struct of3_run {
  of3_ctx *cx;
  const of3_network *net;
  const of3_config *c;
  const of3_weights *w;
  const of3_observer *observer;    /* or NULL */
  const of3_random_source *random; /* [B]; NULL while planning */
  of3_economy economy;
  of3_inputs in;
  of3_arena *arena;           /* small host objects of this run */
  const of3_dropout *dropout; /* [B]; NULL: nothing is dropped */
  bool of_samples;            /* in the confidence head, for samples from the first one on */
  int first_sample;
  const char *scope; /* prefix of trace names, "" or "cycle0/" */
  /* While slots go through as one batch: the first and how many of of3_inputs; n 0: none do. What is shown to
   * the observer is then shown slot by slot. */
  struct {
    int first, n;
  } slots;
} of3_run;

/* Trunk results, [B,N,449], [B,N,c_s], [B,N,N,c_z]. */
typedef struct of3_trunk {
  of3_tensor *s_input, *s, *z;
} of3_trunk;

/* What the phases of a fold took: work up to the end of each, and the top of the stack in it. */
enum { OF3_TRUNK, OF3_DIFFUSION, OF3_HEADS, OF3_N_PART };
typedef struct of3_parts {
  double flops[OF3_N_PART];
  size_t peak[OF3_N_PART];
} of3_parts;

/* network.c: the whole network on n complexes. While planning, random is NULL and out[n] zero. */
OF3_MUST_CHECK of3_status of3_run_network(of3_ctx *cx, const of3_network *net, int n,
                                          const of3_features *const *f, const of3_fold_options *o,
                                          const of3_random_source *random, const of3_observer *opt_observer,
                                          of3_prediction *out, of3_parts *parts, of3_error *err);

/* n zeroed objects that live as long as the run; without memory NULL, and an error of the context. */
void *of3_run_objects(const of3_run *r, size_t n, size_t size);
#define OF3_RUN_NEW(r, type, n) ((type *)of3_run_objects((r), (size_t)(n), sizeof(type)))

/* inputs.c: of n complexes, everything on the stack of r->cx, or where the features lie. f must stay. */
void of3_make_inputs(of3_run *r, int n, const of3_features *const *f);

/* What a feature has entries of, and so its axes behind that of complexes. */
typedef enum of3_feature_axes { OF3_OF_TOKENS, OF3_OF_ATOMS } of3_feature_axes;
/* The array at `member` (offsetof) of the features: [B,N] or [B,A], with `width` > 0 numbers for each entry
 * and that axis behind; padded with 0. That of a single complex stays where it is. */
of3_tensor *of3_share_feature(const of3_run *r, of3_dtype type, size_t member, of3_feature_axes axes,
                              int64_t width);

/* run.c */

/* Rows of a tensor of n, `floats` floats each, that make a block. */
int64_t of3_block_rows(const of3_run *r, int64_t n, int64_t floats);
/* Shows t to the observer, if there is one, under the run's scope and this name. */
void of3_note(const of3_run *r, const of3_tensor *t, const char *fmt, ...) OF3_PRINTF(3, 4);
void of3_progress(const of3_run *r, const char *phase, int done, int total);

/* dropout.c */

/* How much is left out of updates of pairs, and of the MSA. */
#define OF3_PAIR_DROPOUT 0.25
#define OF3_MSA_DROPOUT  0.15

/* What an update of y [..,B,R,S,c] is going to change, if dropout is on; NULL: it is not. */
of3_tensor *of3_before_update(const of3_run *r, const of3_tensor *y);
/* A part `rate` of what came to y since then is left out: the same for all R, or for all S if that is said
 * (`columns`). The place in the network is fmt. */
void of3_drop_update(const of3_run *r, of3_tensor *y, const of3_tensor *before, bool columns, double rate,
                     const char *fmt, ...) OF3_PRINTF(6, 7);

/* pairformer.c */

/* The triangle operations of a pair block: multiplication outgoing and incoming, attention of the starting
 * and of the ending node. z [..,N,N,c_z] in place. */
typedef struct of3_triangles_options {
  bool truncated;       /* without the ending node */
  bool end_bias_from_z; /* as in of3_switches */
  double dropout;       /* of each of them */
} of3_triangles_options;
void of3_triangles(const of3_run *r, of3_tensor *z, const of3_pair_block_w *w, of3_triangles_options o,
                   const char *name);
/* They and the transition, as the published network has them. */
void of3_pair_block(const of3_run *r, of3_tensor *z, const of3_pair_block_w *w, bool truncated,
                    const char *name);
/* Alg. 17. s [..,N,c_s], z [..,N,N,c_z], single_mask [B,N]. */
void of3_pairformer(const of3_run *r, of3_tensor *s, of3_tensor *z, const of3_tensor *single_mask,
                    const of3_pairformer_block_w *w, int blocks, const char *name);

/* atom_attention.c */

/* What one block of a diffusion transformer takes from its conditioning and from the pair tensor. */
typedef struct of3_dit_state {
  of3_modulation query, key, transition; /* key without out_gate: atom transformer only */
  of3_tensor *bias;                      /* [B,H,K,Q], or [B,W,H,128,32] for atoms */
} of3_dit_state;

/* c [B,A,c_atom] and p [B,W,32,128,c_pair] of the reference conformers (docs/model.md 5.1). */
of3_tensor *of3_atom_single(const of3_run *r, const of3_atom_encoder_w *w);
of3_tensor *of3_atom_pair_features(const of3_run *r, const of3_atom_encoder_w *w);
void of3_atom_pair_update(const of3_run *r, of3_tensor *p, const of3_tensor *c,
                          const of3_atom_encoder_w *w); /* docs/model.md 5.4 */
/* What the blocks of an atom transformer take from c, and room for their biases; block points to
 * [blocks_atom]. */
void of3_atom_modulations(const of3_run *r, const of3_tensor *c, const of3_dit_block_w *w,
                          of3_dit_state *block);
/* Their biases from p, which no block changes. */
void of3_atom_biases(const of3_run *r, const of3_tensor *p, const of3_dit_block_w *w,
                     const of3_dit_state *block);
/* Alg. 7: q [..,A,c_atom] in place. */
void of3_atom_transformer(const of3_run *r, of3_tensor *q, const of3_dit_block_w *w,
                          const of3_dit_state *block, const char *name);
/* docs/model.md 5.6: mean over the atoms of each token of relu(linear_q(q)). */
of3_tensor *of3_atoms_to_tokens(const of3_run *r, const of3_tensor *q, const of3_atom_encoder_w *w);

/* input_embedder.c: Alg. 2. */
of3_tensor *of3_s_input(const of3_run *r);
/* z = linear_z_i(s_input)_i + linear_z_j(s_input)_j + relative positions + bonds. */
void of3_z_init(const of3_run *r, const of3_tensor *s_input, of3_tensor *z);

/* templates.c: Alg. 16, z += update. */
void of3_template_embedder(const of3_run *r, of3_tensor *z);
/* msa_module.c: Alg. 8, z in place. */
void of3_msa_module(const of3_run *r, const of3_tensor *s_input, of3_tensor *z, int cycle);
/* Block i of it: m [B,M,N,c_m] and z in place, mask [B,M,N]. */
void of3_msa_block(const of3_run *r, of3_tensor *m, of3_tensor *z, const of3_tensor *mask, int i);
/* trunk.c: Alg. 1 lines 1-14. */
of3_trunk of3_run_trunk(const of3_run *r, int n_cycle);
/* Cycles first .. end - 1 of it, from what the cycle before left (training: gradients stay in the last one).
 */
of3_trunk of3_continue_trunk(const of3_run *r, const of3_trunk *opt_from, int first, int end);

/* diffusion.c: Alg. 20-25 */
typedef struct of3_denoiser_state {
  of3_tensor *s_base;               /* [B,N,c_s]: linear_s(norm(s, s_input)), before the noise level enters */
  of3_tensor *c;                    /* [B,A,c_atom]: atom single conditioning */
  of3_dit_state *encoder, *decoder; /* [blocks_atom] */
  of3_tensor **token_bias;          /* [blocks_token] of [B,H,N,N]; NULL: made from zc in each step */
  of3_tensor *zc;                   /* [B,N,N,c_z] conditioned pairs, if any bias is */
  of3_tensor *coordinates; /* [B,A] atoms whose coordinates are seen, in training those that are resolved;
                            * NULL: all that there are */
} of3_denoiser_state;

/* Everything in the denoiser that depends neither on the coordinates nor on the noise level. */
of3_denoiser_state of3_prepare_denoiser(const of3_run *r, const of3_trunk *t);
/* The same with zeros for s and z of the trunk in Alg. 21 (training); the atoms see s as it is. */
of3_denoiser_state of3_prepare_unconditioned(const of3_run *r, const of3_trunk *t);
of3_tensor *of3_zero_like(const of3_run *r, const of3_tensor *t);
/* Noise levels, one for all samples, one for each sample (of one complex), or one for each sample of each
 * complex, and what Alg. 20 scales with at each: [1,1], [T,1] or [T,B]. */
typedef struct of3_noise_levels {
  of3_tensor *t, *in, *skip, *out;
} of3_noise_levels;
/* t [n_level,each]. */
of3_noise_levels of3_upload_levels(const of3_run *r, const double *t, int n_level, int each);
/* Alg. 20 at noise level t (Angstrom): in order t itself and the factors `in`, `skip` and `out`. */
enum { OF3_LEVEL_COLUMNS = 4 };
void of3_level_coefficients(double t, float out[OF3_LEVEL_COLUMNS]);
/* x [S,B,A,3] noisy -> denoised [S,B,A,3]. Nothing is uploaded in it. */
of3_tensor *of3_denoise(const of3_run *r, const of3_denoiser_state *d, const of3_tensor *x,
                        const of3_noise_levels *levels);

/* Block `index` of Alg. 23: a [S,B,N,c_token] in place, s [T,B,N,c_s] with T = 1 or S, bias [B,H,N,N]. */
void of3_token_block(const of3_run *r, of3_tensor *a, const of3_tensor *s, const of3_tensor *bias,
                     const of3_dit_block_w *w, int index);

/* sampler.c: Alg. 18. x [S,B,A,3] is written. */
void of3_sample_diffusion(const of3_run *r, const of3_denoiser_state *d, const of3_sampler *sampler,
                          int n_step, of3_tensor *x);

/* pocket.c: of one complex. From samples x [S,A,3] to such whose ligand is in the pocket, out [S,A,3]; both
 * on the host. An error is the context's. */
void of3_pocket_place(const of3_run *r, const of3_pocket *pocket, int n_sample, const float *x, float *out);
/* The step from which the second descent begins. */
int of3_pocket_start(const of3_pocket *pocket, int n_step);

/* noise_schedule.c */

/* Noise level i of n_step steps, 0 <= i <= n_step, in Angstrom (docs/model.md 11). */
double of3_noise_schedule(int i, int n_step);
/* What step i takes: the level of Alg. 20 that its noise reaches, first the OF3_LEVEL_COLUMNS, the factor of
 * the noise that is added, and those of x = keep noisy + pull denoised. */
enum { OF3_STEP_ADDED = OF3_LEVEL_COLUMNS, OF3_STEP_KEEP, OF3_STEP_PULL, OF3_STEP_COLUMNS };
void of3_step_coefficients(const of3_sampler *sampler, int i, int n_step, float out[OF3_STEP_COLUMNS]);

/* confidence.c: Alg. 31 and the heads. */
/* out[B].contact, from z of the trunk. */
void of3_contact_probability(const of3_run *r, const of3_tensor *z, of3_prediction *out);
/* Samples that go through the head together where memory does not matter: small ones, to fill the threads.
 * pairs: of all complexes. */
int of3_confidence_group(int64_t pairs, int samples);
/* What training compares with the truth: logits of the distogram [B,N,N,64] from z of the trunk; of the
 * confidence heads for a structure x [1,B,A,3] of each complex. */
of3_tensor *of3_distogram_logits(const of3_run *r, const of3_tensor *z);
typedef struct of3_confidence_logits {
  of3_tensor *plddt, *resolved; /* [B,N,23,50], [B,N,23,2] */
  of3_tensor *pde, *pae;        /* [B,N,N,64] */
} of3_confidence_logits;
of3_confidence_logits of3_run_confidence_heads(const of3_run *r, const of3_trunk *t, const of3_tensor *x);

/* All results of the head, into out[B]. x [S,B,A,3]. */
void of3_confidence(const of3_run *r, const of3_trunk *t, const of3_tensor *x, of3_prediction *out);

#endif
