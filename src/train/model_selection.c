/* From the metrics of samples to the one number of a checkpoint (train/metrics.h). */
#include <math.h>
#include <string.h>

#include "train/metric_parts.h"

static bool is_smaller_better(of3_metric metric) {
  const char *name = of3_metric_name(metric);
  return strncmp(name, "drmsd", 5) == 0 || strncmp(name, "rmsd", 4) == 0 || strncmp(name, "clash", 5) == 0;
}

/* A metric that is known of one sample is 0 of the others, as in OpenFold3. */
static void fill_unknown(int n, of3_metric_values *metric) {
  for (int i = 0; i < OF3_N_METRIC; i++) {
    bool known = false;
    for (int s = 0; s < n; s++) known |= !isnan(metric[s].of[i]);
    for (int s = 0; known && s < n; s++)
      if (isnan(metric[s].of[i])) metric[s].of[i] = 0;
  }
}

of3_status of3_entry_metrics(int n, const of3_metric_case *sample, const double *gpde,
                             of3_metric_values *metric, of3_metric_values *out, of3_error *err) {
  int first = 0;
  OF3_TRY(of3_metric_dockq(n, sample, metric, err));
  fill_unknown(n, metric);
  for (int s = 1; s < n; s++)
    if (gpde[s] < gpde[first]) first = s;
  for (int i = 0; i < OF3_N_METRIC; i++) {
    double best = metric[0].of[i];
    for (int s = 1; s < n; s++)
      best = is_smaller_better((of3_metric)i) ? fmin(best, metric[s].of[i]) : fmax(best, metric[s].of[i]);
    out->of[i] = 0.5 * (metric[first].of[i] + best);
  }
  return OF3_OK;
}

double of3_selection_weight(of3_selection selection, of3_metric metric) {
  static const struct {
    of3_metric metric;
    double weight[OF3_N_SELECTION];
  } table[] = {{OF3_METRIC_lddt_intra_modified_residues, {10, 0}},
               {OF3_METRIC_lddt_inter_ligand_rna, {5, 2}},
               {OF3_METRIC_lddt_inter_ligand_dna, {5, 5}},
               {OF3_METRIC_lddt_intra_protein, {20, 20}},
               {OF3_METRIC_lddt_intra_ligand, {20, 20}},
               {OF3_METRIC_lddt_intra_dna, {4, 4}},
               {OF3_METRIC_lddt_intra_rna, {16, 16}},
               {OF3_METRIC_lddt_inter_protein_protein, {20, 20}},
               {OF3_METRIC_lddt_inter_protein_ligand, {10, 10}},
               {OF3_METRIC_lddt_inter_protein_dna, {10, 10}},
               {OF3_METRIC_lddt_inter_protein_rna, {10, 2}},
               {OF3_METRIC_rasa, {10, 10}}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (table[i].metric == metric) return table[i].weight[selection];
  return 0;
}

/* ---- a validation set */

static const struct {
  of3_metric lddt, plddt;
} correlated[OF3_N_CORRELATION] = {{OF3_METRIC_lddt_intra_protein, OF3_METRIC_plddt_protein},
                                   {OF3_METRIC_lddt_intra_ligand, OF3_METRIC_plddt_ligand},
                                   {OF3_METRIC_lddt_intra_dna, OF3_METRIC_plddt_dna},
                                   {OF3_METRIC_lddt_intra_rna, OF3_METRIC_plddt_rna},
                                   {OF3_METRIC_lddt_intra_complex, OF3_METRIC_plddt_complex}};

void of3_metric_means_add(of3_metric_means *means, const of3_metric_values *entry, int n,
                          const of3_metric_values *sample) {
  for (int i = 0; i < OF3_N_METRIC; i++) {
    if (isnan(entry->of[i])) continue;
    means->n[i]++;
    means->sum[i] += entry->of[i];
  }
  for (int k = 0; k < OF3_N_CORRELATION; k++)
    for (int s = 0; s < n; s++) {
      const double x = sample[s].of[correlated[k].lddt], y = sample[s].of[correlated[k].plddt];
      of3_correlation_sums *c = &means->pair[k];
      if (isnan(x) || isnan(y)) continue;
      c->n++;
      c->x += x;
      c->y += y;
      c->xx += x * x;
      c->yy += y * y;
      c->xy += x * y;
    }
}

of3_log_names of3_validation_names(void) {
#define PAIR(name, what, a, b, where, radius) #name,
#define OTHER(name)                           #name,
  static const char *const names[OF3_N_VALIDATION] = {
#include "train/metrics.def"
      "pearson_correlation_lddt_plddt_protein", "pearson_correlation_lddt_plddt_ligand",
      "pearson_correlation_lddt_plddt_dna",     "pearson_correlation_lddt_plddt_rna",
      "pearson_correlation_lddt_plddt_complex", "model_selection"};
#undef PAIR
#undef OTHER
  return (of3_log_names){OF3_N_VALIDATION, names};
}

static double correlation(const of3_correlation_sums *c) {
  if (c->n < 2) return NAN;
  const double xx = c->xx - c->x * c->x / c->n, yy = c->yy - c->y * c->y / c->n,
               xy = c->xy - c->x * c->y / c->n;
  return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : NAN;
}

void of3_metric_means_result(const of3_metric_means *means, of3_selection selection, bool strict,
                             double out[OF3_N_VALIDATION]) {
  double sum = 0, weights = 0;
  for (int i = 0; i < OF3_N_METRIC; i++) {
    const double weight = of3_selection_weight(selection, (of3_metric)i);
    out[i] = means->n[i] > 0 ? means->sum[i] / means->n[i] : NAN;
    if (weight == 0 || (!strict && !isfinite(out[i]))) continue;
    sum += weight * out[i];
    weights += weight;
  }
  for (int k = 0; k < OF3_N_CORRELATION; k++) out[OF3_N_METRIC + k] = correlation(&means->pair[k]);
  out[OF3_VALIDATION_SELECTION] = weights > 0 ? sum / weights : NAN;
}
