/* Inside the metrics: what their files share. */
#ifndef OF3_TRAIN_METRIC_PARTS_H
#define OF3_TRAIN_METRIC_PARTS_H

#include "train/metrics.h"

typedef enum of3_metric_kind {
  OF3_KIND_PROTEIN,
  OF3_KIND_RNA,
  OF3_KIND_DNA,
  OF3_KIND_LIGAND,
  OF3_KIND_MODIFIED,
  OF3_N_KIND
} of3_metric_kind;

/* Of the token; OF3_N_KIND: of none. */
of3_metric_kind of3_metric_kind_of(const of3_features *f, int token);

bool of3_metric_chain_counts(const of3_metric_case *c, int asym_id);
bool of3_metric_pair_counts(const of3_metric_case *c, int asym_a, int asym_b);

double of3_metric_distance2(const float *x, const float *y);

/* metrics_superposed.c: r.m.s.d. and GDT into out. */
void of3_metric_superposed(const of3_metric_case *c, const int32_t *atom, int n, of3_metric_values *out);
/* metrics_dockq.c: into all n samples, from of3_sample_metrics' other numbers apart. */
OF3_MUST_CHECK of3_status of3_metric_dockq(int n, const of3_metric_case *sample, of3_metric_values *metric,
                                           of3_error *err);

/* x superposed on the truth over n atoms: the r.m.s.d. of m atoms of `of` after it. NaN of none. */
double of3_metric_rmsd_after(const of3_metric_case *c, const int32_t *over, int n, const int32_t *of, int m);

#endif
