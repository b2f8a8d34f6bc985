/* Confidence files of one sample, as OpenFold3 0.5.0 writes them (docs/files.md 2).
 */
#ifndef OF3_WRITE_CONFIDENCES_H
#define OF3_WRITE_CONFIDENCES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cancel.h"
#include "base/status.h"
#include "chem/complex.h"
#include "score/scores.h"

/* How the full confidences are written. */
typedef enum of3_full_confidences {
  OF3_FULL_JSON,
  OF3_FULL_NPZ_F16,
  OF3_FULL_NPZ_F32,
  OF3_FULL_NONE
} of3_full_confidences;

/* "json", "npz", "npz32", "none" */
const char *of3_full_name(of3_full_confidences full);
bool of3_full_parse(const char *name, of3_full_confidences *out);

/* The three arrays of `..._confidences`, of one sample. */
typedef struct of3_confidences {
  int n_atom, n_token;
  const float *plddt;     /* [A] 0 .. 100 */
  const float *pde, *pae; /* [N,N] Angstrom */
  of3_cancel *opt_cancel;
} of3_confidences;

/* JSON: every number on its own line, rounded to six decimals. */
OF3_MUST_CHECK of3_status of3_confidences_write_json(const char *path, const of3_confidences *c,
                                                     of3_error *err);

/* NumPy archive, deflated: members plddt.npy, pde.npy, pae.npy as float16 or float32. */
OF3_MUST_CHECK of3_status of3_confidences_write_npz(const char *path, const of3_confidences *c, bool half,
                                                    of3_error *err);

/* `..._confidences_aggregated.json`. */
OF3_MUST_CHECK of3_status of3_aggregated_write(const char *path, const of3_complex *complex,
                                               const of3_scores *scores, of3_error *err);

/* `..._summary_confidences.json`: what AlphaFold 3's file of that name says, chains by asym_id, and the pLDDT
 * of chains. */
OF3_MUST_CHECK of3_status of3_summary_confidences_write(const char *path, const of3_complex *complex,
                                                        const of3_scores *scores, of3_error *err);

/* What the ranking needs, as a file holds it: rounded to six decimals. */
typedef struct of3_aggregated {
  double avg_plddt, gpde, ptm, iptm, disorder, has_clash, sample_ranking_score;
  double ligand_iptm, ligand_plddt, ligand_pae_min; /* NAN without a ligand */
} of3_aggregated;

of3_aggregated of3_aggregated_of(const of3_scores *scores);

#endif
