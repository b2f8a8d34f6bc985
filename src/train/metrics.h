/* How good structures are beside the truth, as OpenFold3 validates (AF3 SI 5.7.3), and the one number that
 * checkpoints are chosen by.
 *
 *   of3_sample_metrics    a structure: lDDT within and between kinds of molecules, distances, clashes,
 * r.m.s.d., GDT, mean pLDDT, exposure of unresolved residues of3_entry_metrics     all samples of an entry:
 * DockQ, and of each metric half of its value for the sample of the lowest gPDE and half of the best one
 *   of3_metric_means_*    over the entries of a validation set; the weighted sum of them
 *
 * A kind is protein, RNA, DNA or ligand; residues that are modified are of none of the first three. Numbers
 * are in double; NaN is a metric of which there is nothing: no pair of atoms, no such molecule. */
#ifndef OF3_TRAIN_METRICS_H
#define OF3_TRAIN_METRICS_H

#include "chem/complex.h"
#include "feat/features.h"
#include "train/train_log.h"

#define PAIR(name, what, a, b, where, radius) OF3_METRIC_##name,
#define OTHER(name)                           OF3_METRIC_##name,
typedef enum of3_metric {
#include "train/metrics.def"
  OF3_N_METRIC
} of3_metric;
#undef PAIR
#undef OTHER

const char *of3_metric_name(of3_metric metric); /* "lddt_intra_protein" */

typedef struct of3_metric_values {
  double of[OF3_N_METRIC];
} of3_metric_values;

/* A structure and its truth, atom for atom (train/alignment.h). */
typedef struct of3_metric_case {
  const of3_features *f;
  const of3_complex *opt_complex; /* whose atoms are those of f; NULL: no exposure */
  const float *truth, *resolved;  /* [A,3] Angstrom, [A] 0/1 */
  const float *x;                 /* [A,3] */
  const float *opt_plddt;         /* [A] 0 .. 100 */
  /* Which chains, and interfaces of two, count: [n_chain], [n_chain,n_chain] symmetric, chain asym_id - 1.
   * NULL: all. */
  int n_chain;
  const bool *opt_chain_counts, *opt_pair_counts;
} of3_metric_case;

/* All but DockQ. */
OF3_MUST_CHECK of3_status of3_sample_metrics(const of3_metric_case *c, of3_metric_values *out,
                                             of3_error *err);

/* The samples of an entry, each with the truth in the order that suits it. metric [n], as of3_sample_metrics
 * has written it, gets DockQ, and 0 where a metric is known of another sample; gpde [n], Angstrom. */
OF3_MUST_CHECK of3_status of3_entry_metrics(int n, const of3_metric_case *sample, const double *gpde,
                                            of3_metric_values *metric, of3_metric_values *out,
                                            of3_error *err);

/* Weights of the one number. */
typedef enum of3_selection { OF3_SELECT_INITIAL, OF3_SELECT_FINE, OF3_N_SELECTION } of3_selection;
double of3_selection_weight(of3_selection selection, of3_metric metric);

/* ---- a validation set */

/* Kinds whose lDDT is correlated with their pLDDT. */
enum { OF3_N_CORRELATION = 5 };
typedef struct of3_correlation_sums {
  double n, x, y, xx, yy, xy;
} of3_correlation_sums;

typedef struct of3_metric_means {
  double n[OF3_N_METRIC], sum[OF3_N_METRIC];
  of3_correlation_sums pair[OF3_N_CORRELATION];
} of3_metric_means; /* begins as {0} */

/* entry, sample [n]: what of3_entry_metrics gives. */
void of3_metric_means_add(of3_metric_means *means, const of3_metric_values *entry, int n,
                          const of3_metric_values *sample);

/* What is logged: the means, the correlations, the one number. */
enum {
  OF3_N_VALIDATION = OF3_N_METRIC + OF3_N_CORRELATION + 1,
  OF3_VALIDATION_SELECTION = OF3_N_VALIDATION - 1
};
/* Of those numbers, in their order: for of3_train_log_options. */
of3_log_names of3_validation_names(void);
/* strict: a metric of which there is nothing makes the one number NaN (0.3.1 and 0.4); else it is left out of
 * the sum and of the weights (0.5.0). */
void of3_metric_means_result(const of3_metric_means *means, of3_selection selection, bool strict,
                             double out[OF3_N_VALIDATION]);

#endif
