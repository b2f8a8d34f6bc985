/* Confidence scores of a prediction, and the ranking of its samples (docs/files.md 3; AF3 SI 5.9). Chains are
 * numbered as in the files of the reference: c = asym_id - 1, the rank of the id among the sorted ids. */
#ifndef OF3_SCORE_SCORES_H
#define OF3_SCORE_SCORES_H

#include <stdint.h>

#include "base/arena.h"
#include "base/cancel.h"
#include "base/status.h"
#include "base/threads.h"
#include "chem/complex.h"
#include "feat/features.h"
#include "feat/variant.h"
#include "model/prediction.h"

/* The scores of one sample. */
typedef struct of3_scores {
  float avg_plddt;            /* 0 .. 100 */
  float gpde;                 /* Angstrom */
  float ptm, iptm;            /* 0 .. 1; iptm is 0 for a single chain */
  float disorder;             /* fraction of protein residues, 0 without protein */
  float has_clash;            /* 0 or 1 */
  float sample_ranking_score; /* 0.8 iptm + 0.2 ptm + 0.5 disorder - 100 has_clash */
  int n_chain;
  float *chain_ptm;       /* [C] */
  float *chain_pair_iptm; /* [C,C] symmetric, diagonal 0 */
  float *bespoke_iptm;    /* [C,C] diagonal 0; of two ligands the row's counts */
  /* Not of the reference (score/chain_scores.h); NAN: there is no such number. */
  float *chain_plddt;        /* [C] 0 .. 100, mean over atoms */
  float *chain_iptm;         /* [C] mean of chain_pair_iptm over the other chains */
  float *chain_pair_pae_min; /* [C,C] Angstrom, rows: chain whose frames are aligned */
  /* Of the last ligand chain of the query: the largest chain_pair_iptm with a polymer, the mean pLDDT, the
   * smallest PAE between it and polymers, whichever is aligned. */
  float ligand_iptm, ligand_plddt, ligand_pae_min;
} of3_scores;

/* Scores of all samples: *ret_scores [S] lives in the arena. What the generations differ in: clashes are
 * looked for by OB alone, and the chains with a frame that enter bespoke_iptm are those of the sample in OB,
 * of any sample in P1 and P2. */
OF3_MUST_CHECK of3_status of3_scores_compute(const of3_complex *complex, const of3_features *features,
                                             const of3_prediction *prediction, of3_variant variant,
                                             of3_pool *opt_pool, of3_cancel *opt_cancel, of3_arena *arena,
                                             of3_scores **ret_scores, of3_error *err);

#endif
