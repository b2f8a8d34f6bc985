/* The OpenFold3 network: from features to structures and their confidence. Functions carry the names of the
 * algorithms of the AlphaFold 3 supplement ("AF3 SI Alg. N"); docs/model.md describes the network.
 *
 *   of3_network_bind   weights -> network                        once per checkpoint
 *   of3_plan_within    memory and work that a query will need    before anything is allocated
 *   of3_fold           features -> of3_prediction                once per query and seed,
 *   of3_fold_batch     or once for several queries and seeds, padded to one size
 *
 * What does not depend on the noise is computed once per query, what does not depend on the sample once per
 * step, and all samples of a query go through the denoiser as one batch. */
#ifndef OF3_MODEL_NETWORK_H
#define OF3_MODEL_NETWORK_H

#include "base/random.h"
#include "feat/features.h"
#include "model/prediction.h"
#include "model/weights.h"

typedef struct of3_network {
  of3_variant variant;
  of3_config config;
  of3_switches switches;
  of3_weights weights;
  of3_parameters parameters; /* the checkpoint's tensors in them */
  of3_arena *arena;          /* handles and copies */
} of3_network;

/* The table must stay open as long as the network is used: weights are read from it in place. */
OF3_MUST_CHECK of3_status of3_network_bind(of3_ctx *cx, const of3_table *weights, of3_network *out,
                                           of3_error *err);
/* A network of random weights, for benchmarks and tests. On a context that plans it has shapes but no
 * weights, which is enough to plan folds with. */
OF3_MUST_CHECK of3_status of3_network_make_up(of3_ctx *cx, of3_variant variant, const of3_config *config,
                                              of3_network *out, of3_error *err);
void of3_network_free(of3_network *net); /* {0} is allowed */

/* Where random numbers come from: a seed, or (parity tests) a file. */
typedef struct of3_random_source {
  uint64_t seed; /* of the streams that noise is drawn from, on the backend's device */
  void *user;
  /* NULL; or the noise from elsewhere: n standard normals. what: OF3_RANDOM_NOISE_*; step counts from 0; one
   * call for each sample. */
  void (*opt_normal)(void *user, of3_purpose what, int step, int sample, float *out, size_t n);
  /* Rows of the MSA that a cycle uses; returns how many, at most f->n_msa, and in a batch as many for all
   * alignments of one size. out has room for f->n_msa. */
  int (*msa_rows)(void *user, const of3_features *f, int cycle, uint32_t *out);
} of3_random_source;

/* Philox streams keyed by (seed, purpose, sample, step): a sample does not depend on how many there are. MSA
 * rows: a random choice of 1024 of those with an unmasked entry if there are as many, else all of these in
 * order, then masked ones (docs/model.md 7.1). *seed must outlive the source. */
of3_random_source of3_seeded_random(const uint64_t *seed);

/* How structures are sampled from the denoiser: AF3 SI Alg. 18 with these constants. */
typedef struct of3_sampler {
  const char *name;
  int n_step;                /* of the noise schedule, unless the caller wants others */
  double gamma_0, gamma_min; /* the noise level is raised by gamma_0 where the next one is above gamma_min */
  double noise_scale;        /* lambda: of the noise that raises it */
  double step_scale;         /* eta: of the step towards the denoised coordinates */
} of3_sampler;

/* "reference": the constants of AF3 and OpenFold3, 200 steps. "ode": no noise is added after the first, so
 * that the steps follow the probability-flow ODE, with AF3's step scale, in few steps. NULL: there is no such
 * sampler. docs/sampling.md says what both are worth. */
const of3_sampler *of3_sampler_named(const char *name);
extern const of3_sampler of3_sampler_reference, of3_sampler_ode;

/* Dropout of training (AF3 SI 2.6): parts of the updates of pairs and of the MSA are left out, the same ones
 * for each row, or for each column, of a tensor, and the others grow. Which ones depends on seed, step and
 * the place in the network alone, so that the same step done again leaves out the same. */
typedef struct of3_dropout {
  uint64_t seed;
  uint32_t step; /* of training */
  void *user;
  /* NULL; or masks from elsewhere (parity tests): n zeros and ones of a place. */
  void (*opt_keep)(void *user, const char *place, int64_t n, float *keep);
} of3_dropout;

/* Who watches. Any member may be NULL. */
typedef struct of3_observer {
  void *user;
  void (*progress)(void *user, const char *phase, int done,
                   int total); /* "trunk", "diffusion", "confidence" */
  /* Intermediate tensors, named as in the fixtures of shared/oracle/make_fixtures.py without "act/". */
  void (*trace)(void *user, of3_ctx *cx, const char *name, const of3_tensor *t);
} of3_observer;

/* How a fold takes less memory and more time; {0} is the fastest. What comes out is the same to the bit on a
 * backend whose numbers do not depend on how many rows an operation gets, as the CPU's do not. */
typedef struct of3_economy {
  int narrow_blocks;      /* 1: wide pair tensors in blocks of rows of 2^18 floats, not 2^22 */
  int triangle_passes;    /* of3_attr.passes; 0: 1 */
  int remade_biases;      /* how many of the last denoiser blocks compute their pair bias in each step instead
                           * of keeping it: saves 4 H N^2 bytes a block, costs a norm and a projection of z */
  int denoiser_samples;   /* that go through a block of the denoiser together; 0: all */
  int confidence_samples; /* that go through the confidence head together; 0: of3_confidence_group */
} of3_economy;

typedef struct of3_fold_options {
  int n_cycle; /* trunk passes: recycles + 1 */
  int n_step;  /* of the noise schedule */
  int n_sample;
  const of3_sampler *opt_sampler; /* NULL: of3_sampler_reference; its n_step is not looked at */
  of3_economy economy;
} of3_fold_options;

/* One query alone. */
OF3_MUST_CHECK of3_status of3_fold(of3_ctx *cx, const of3_network *net, const of3_features *f,
                                   const of3_fold_options *o, const of3_random_source *random,
                                   const of3_observer *opt_observer, of3_prediction *out, of3_error *err);

/* n queries as one batch, padded to the largest: results out[n] of the features f[n], each with its own
 * random numbers random[n] (opt_normal: all or none); cx without anything on its stack but what may stay
 * there. Each gets the bytes that it gets alone, on a backend whose numbers do not depend on how many rows an
 * operation gets. Its seconds are its share of the batch's. An error is one of all. Ownership of each out:
 * of3_prediction_free. */
OF3_MUST_CHECK of3_status of3_fold_batch(of3_ctx *cx, const of3_network *net, int n,
                                         const of3_features *const *f, const of3_fold_options *o,
                                         const of3_random_source *random, const of3_observer *opt_observer,
                                         of3_prediction *out, of3_error *err);

typedef struct of3_plan {
  size_t step_bytes;   /* memory for tensors: what cx's limit must allow */
  size_t result_bytes; /* on the host beside them: of the of3_prediction, and what of3_stage needs */
  double flops_trunk, flops_diffusion, flops_heads;
} of3_plan;

OF3_MUST_CHECK of3_status of3_plan_fold(const of3_device *device, int threads, const of3_network *net,
                                        const of3_features *f, const of3_fold_options *o, of3_plan *out,
                                        of3_error *err);

OF3_MUST_CHECK of3_status of3_plan_batch(const of3_device *device, int threads, const of3_network *net, int n,
                                         const of3_features *const *f, const of3_fold_options *o,
                                         of3_plan *out, of3_error *err);

/* Chooses o->economy: as little as makes tensors and results fit in `most` bytes. If nothing does, the plan
 * is one that takes the least that this fold can do with. */
OF3_MUST_CHECK of3_status of3_plan_within(const of3_device *device, int threads, const of3_network *net,
                                          const of3_features *f, size_t most, of3_fold_options *o,
                                          of3_plan *out, of3_error *err);

OF3_MUST_CHECK of3_status of3_plan_batch_within(const of3_device *device, int threads, const of3_network *net,
                                                int n, const of3_features *const *f, size_t most,
                                                of3_fold_options *o, of3_plan *out, of3_error *err);

/* "2 of 24 pair biases made in each step, triangle products in 2 passes", or "" of {0}. */
enum { OF3_ECONOMY_TEXT = 256 };
const char *of3_economy_text(const of3_economy *e, const of3_config *c, char out[OF3_ECONOMY_TEXT]);

#endif
