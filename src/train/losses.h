/* The losses that OpenFold3 is trained with (AF3 SI 3.7, 4.3; equations 3, 5, 15; Alg. 27 to 30), and their
 * gradients.
 *
 *   of3_loss_case_new    a crop and its truth, once for all that is compared with it
 *   of3_total_loss       the weighted sum over the entries of a batch, with gradients
 *
 *                         compared with the truth            gradient goes to
 *   mse, bond, smooth     noised copies, denoised            their coordinates, and so to denoiser and trunk
 *   distogram             distances of representatives       the head, and so the trunk
 *   plddt, pde, pae,      the structure of a rollout, which  heads and confidence stack, whose other inputs
 *   resolved              has no gradient                    are detached
 *
 * The truth is that of the crop, atom for atom (train/alignment.h). Coordinates are in Angstrom.
 *
 * Where it is computed. On the host, from tensors that were downloaded: the losses read each output once and
 * write each gradient once, which for a pair head of 384 tokens are 38 MB beside a trunk of 10^13 operations,
 * and smooth lDDT goes over a list of near pairs, not over all. Each loss is a function of arrays, without
 * state, in the form value and gradient in one pass, so that a backend can take it as an operation with this
 * code as its specification. Numbers are f32; sums, distances and exponentials are in double, so that the
 * values are those of the reference's formulas in double. Work is dealt to threads in rows or copies, whose
 * sums are added in order: results do not depend on the number of threads.
 *
 * Means over nothing are 0. A crop without a resolved atom has an undefined superposition, hence an MSE of
 * NaN, as in OpenFold3; so has one whose outputs are not finite. The caller looks at the value. */
#ifndef OF3_TRAIN_LOSSES_H
#define OF3_TRAIN_LOSSES_H

#include <stdint.h>

#include "base/arena.h"
#include "base/threads.h"
#include "feat/features.h"
#include "train/protocol.h"

enum { OF3_PLDDT_BINS = 50, OF3_PAIR_BINS = 64, OF3_RESOLVED_BINS = 2 };

typedef enum of3_loss {
  OF3_LOSS_MSE,
  OF3_LOSS_BOND,
  OF3_LOSS_SMOOTH_LDDT,
  OF3_LOSS_DISTOGRAM,
  OF3_LOSS_PLDDT,
  OF3_LOSS_PDE,
  OF3_LOSS_RESOLVED,
  OF3_LOSS_PAE,
  OF3_N_LOSS
} of3_loss;
const char *of3_loss_name(of3_loss loss); /* "mse", .. "experimentally_resolved", "pae" */

typedef struct of3_loss_weights {
  double of[OF3_N_LOSS];
} of3_loss_weights;

/* The stages of the published recipe. */
typedef enum of3_train_stage {
  OF3_STAGE_INITIAL,
  OF3_STAGE_FINE_1,
  OF3_STAGE_FINE_2,
  OF3_STAGE_FINE_3,
  OF3_N_STAGE
} of3_train_stage;

/* The weights of an entry. The confidence losses are 0 for predicted structures (`distilled`), and where the
 * resolution in Angstrom is NaN or outside 0.1 .. 4. */
of3_loss_weights of3_stage_weights(of3_train_stage stage, const of3_protocol *protocol, double resolution,
                                   bool distilled);
/* Whether the PAE head learns. */
bool of3_stage_has_pae(of3_train_stage stage, const of3_protocol *protocol);

/* ---- a crop and its truth */

typedef struct of3_near_pair {
  double distance; /* in the truth */
  int32_t m;       /* the other atom */
  int32_t times;   /* of (l,m) and (m,l), how many count: 1 or 2 */
} of3_near_pair;

typedef struct of3_loss_case {
  const of3_features *f;
  const float *truth;    /* [A,3] */
  const float *resolved; /* [A] 0 or 1 */
  float *weight;         /* [A] of an atom in the MSE: 1, nucleic acids 6, ligands 11 */
  uint8_t *counts;       /* [A] resolved, and of a molecule that the diffusion losses look at */
  uint8_t *nucleic;      /* [A] */
  int n_bond;
  int32_t (*bond)[2]; /* atoms of covalent bonds ligand - polymer, both resolved */
  /* Smooth lDDT: pairs l < m that count and are near in the truth; those of l from first[l] on. */
  int64_t *first; /* [A+1] */
  of3_near_pair *near;
  double n_pair, n_near; /* ordered pairs that count, those of them that are near */
} of3_loss_case;

/* truth [A,3] and resolved [A] stay the caller's and are read as long as the case is. protein_only: the
 * diffusion losses look at proteins alone (structures whose disordered parts were predicted). In the arena.
 */
OF3_MUST_CHECK of3_status of3_loss_case_new(const of3_features *f, const float *truth, const float *resolved,
                                            bool protein_only, of3_arena *arena, of3_loss_case *out,
                                            of3_error *err);

/* ---- losses of one structure. Each returns its value and adds slope * d value / d argument to the gradient.
 */

/* Equation 3, after the superposition of Alg. 28, through which no gradient goes. x, add_dx [A,3]. */
double of3_mse_loss(const of3_loss_case *c, const float *x, double slope, float *add_dx);
/* Equation 5. */
double of3_bond_loss(const of3_loss_case *c, const float *x, double slope, float *add_dx);
/* Alg. 27. The radius is 30 Angstrom where the first atom of the ordered pair is of a nucleic acid, else 15.
 */
double of3_smooth_lddt_loss(const of3_loss_case *c, const float *x, double slope, float *add_dx);

/* ---- losses of logits, whose gradients are written, not added. opt_pool: on whose threads. */

/* logits [N,N,64], symmetric. */
OF3_MUST_CHECK of3_status of3_distogram_loss(const of3_loss_case *c, const float *logits, double slope,
                                             of3_pool *opt_pool, double *value, float *dlogits,
                                             of3_error *err);
/* A structure x [A,3] with the logits of the confidence heads, and where their gradients go; pae NULL: there
 * is no such head. Heads of atoms have a row for each place of a token. */
typedef struct of3_confidence_outputs {
  const float *x;
  const float *plddt;    /* [N,23,50] */
  const float *resolved; /* [N,23,2] */
  const float *pde;      /* [N,N,64] */
  const float *pae;      /* [N,N,64], rows: the frame */
} of3_confidence_outputs;
typedef struct of3_confidence_gradients {
  float *plddt, *resolved, *pde, *pae;
} of3_confidence_gradients;
/* The four losses; slope and value are indexed by of3_loss. */
OF3_MUST_CHECK of3_status of3_confidence_losses(const of3_loss_case *c, const of3_protocol *protocol,
                                                const of3_confidence_outputs *out,
                                                const double slope[OF3_N_LOSS], of3_pool *opt_pool,
                                                double value[OF3_N_LOSS],
                                                const of3_confidence_gradients *gradients, of3_error *err);

/* ---- all of them */

typedef struct of3_loss_entry {
  const of3_loss_case *c;
  of3_loss_weights weights;
  of3_confidence_outputs confidence;
  const float *distogram; /* [N,N,64] */
  int n_copy;             /* denoised copies; 0: none */
  const float *copies;    /* [S,A,3] */
  const float *noise;     /* [S] their noise levels, Angstrom */
  /* Where the gradients go; written whole. */
  of3_confidence_gradients d_confidence;
  float *d_distogram, *d_copies;
} of3_loss_entry;

/* Unweighted means over the entries whose weight is not 0; NaN: of no entry. */
typedef struct of3_loss_values {
  double total;
  double of[OF3_N_LOSS];
  double confidence, diffusion, distogram; /* their shares of the total */
} of3_loss_values;

/* loss = sum over confidence losses and distogram of mean(w value) + mean over entries of the mean over
 * copies of (t^2 + 16^2) / (16 t)^2 (w_mse mse + w_bond bond) + w_smooth smooth; means are over the entries
 * with a positive weight, the last one over those of w_mse. confidence_only: the confidence losses alone (the
 * last stage); the other outputs are not looked at then. */
OF3_MUST_CHECK of3_status of3_total_loss(int n, const of3_loss_entry *entry, const of3_protocol *protocol,
                                         bool confidence_only, of3_pool *opt_pool, of3_loss_values *out,
                                         of3_error *err);

#endif
