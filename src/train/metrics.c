#include "train/metrics.h"

#include <math.h>
#include <stdlib.h>

#include "score/rasa.h"
#include "train/metric_parts.h"

#define METRIC_EPS   1e-10
#define CLASH_RADIUS 1.1

#define PAIR(name, what, a, b, where, radius) #name,
#define OTHER(name)                           #name,
static const char *const names[OF3_N_METRIC] = {
#include "train/metrics.def"
};
#undef PAIR
#undef OTHER

const char *of3_metric_name(of3_metric metric) { return names[metric]; }

/* ---- metrics over pairs of atoms */

typedef enum what { LDDT, TIGHT, DRMSD, CLASH } what;
typedef enum where { WITHIN, ACROSS, BETWEEN } where;
enum { KIND_ANY = OF3_N_KIND + 1 };
#define OF3_KIND_ANY KIND_ANY

typedef struct rule {
  of3_metric metric;
  what what;
  int a, b; /* kinds */
  where where;
  double radius;
} rule;

#define PAIR(name, w, k, l, h, r) {OF3_METRIC_##name, w, OF3_KIND_##k, OF3_KIND_##l, h, r},
#define OTHER(name)
static const rule rules[] = {
#include "train/metrics.def"
};
#undef PAIR
#undef OTHER
enum { N_RULE = sizeof rules / sizeof *rules };

/* The rules that a pair of kinds, in one chain or in two, is subject to. */
typedef struct rule_list {
  int n;
  const rule *rule[N_RULE];
} rule_list;

typedef struct pair_sums {
  const of3_metric_case *c;
  int n;          /* resolved atoms */
  int32_t *atom;  /* [n] */
  uint8_t *kind;  /* [n] */
  int32_t *chain; /* [n] asym_id */
  bool *counts;   /* [n] within its chain */
  rule_list list[OF3_N_KIND + 1][OF3_N_KIND + 1][2];
  double sum[OF3_N_METRIC], pairs[OF3_N_METRIC];
} pair_sums;

of3_metric_kind of3_metric_kind_of(const of3_features *f, int token) {
  if (f->is_ligand[token]) return OF3_KIND_LIGAND;
  if (f->is_atomized[token]) return OF3_KIND_MODIFIED;
  if (f->is_protein[token]) return OF3_KIND_PROTEIN;
  if (f->is_rna[token]) return OF3_KIND_RNA;
  return f->is_dna[token] ? OF3_KIND_DNA : OF3_N_KIND;
}

bool of3_metric_chain_counts(const of3_metric_case *c, int asym_id) {
  return !c->opt_chain_counts || c->opt_chain_counts[asym_id - 1];
}

bool of3_metric_pair_counts(const of3_metric_case *c, int asym_a, int asym_b) {
  return !c->opt_pair_counts || c->opt_pair_counts[(asym_a - 1) * c->n_chain + asym_b - 1];
}

double of3_metric_distance2(const float *x, const float *y) {
  double sum = 0;
  for (int k = 0; k < 3; k++) {
    const double d = (double)x[k] - (double)y[k];
    sum += d * d;
  }
  return sum;
}

static bool is_for(const rule *r, int a, int b, bool same) {
  if (r->where == WITHIN && !same) return false;
  if (r->where == ACROSS && same) return false;
  return r->a == KIND_ANY || (r->a == a && r->b == b) || (r->a == b && r->b == a);
}

static void list_rules(pair_sums *s) {
  for (int a = 0; a <= OF3_N_KIND; a++)
    for (int b = 0; b <= OF3_N_KIND; b++)
      for (int same = 0; same < 2; same++)
        for (int i = 0; i < N_RULE; i++) {
          rule_list *l = &s->list[a][b][same];
          if (is_for(&rules[i], a, b, same)) l->rule[l->n++] = &rules[i];
        }
}

static double lddt_score(double off, bool tight) {
  static const double usual[] = {0.5, 1, 2, 4}, narrow[] = {0.25, 0.5, 0.75, 1};
  const double *threshold = tight ? narrow : usual;
  int hits = 0;
  for (int k = 0; k < 4; k++) hits += off < threshold[k];
  return 0.25 * hits;
}

static void add_pair(pair_sums *s, int i, int j) {
  const of3_metric_case *c = s->c;
  const int64_t p = 3 * (int64_t)s->atom[i], q = 3 * (int64_t)s->atom[j];
  const double d = sqrt(METRIC_EPS + of3_metric_distance2(c->x + p, c->x + q)),
               truth = sqrt(METRIC_EPS + of3_metric_distance2(c->truth + p, c->truth + q));
  const bool same = s->chain[i] == s->chain[j];
  const bool chain_counts = s->counts[i] && s->counts[j],
             pair_counts = of3_metric_pair_counts(c, s->chain[i], s->chain[j]);
  const rule_list *list = &s->list[s->kind[i]][s->kind[j]][same];
  for (int k = 0; k < list->n; k++) {
    const rule *r = list->rule[k];
    const double times = r->where == BETWEEN ? 1 : 2; /* (i,j) and (j,i) */
    double value;
    if (r->what == DRMSD) {
      value = (d - truth) * (d - truth);
    } else if (r->what == CLASH) {
      value = fmax(0, CLASH_RADIUS - d);
    } else {
      if (!(truth < r->radius) || !(r->where == WITHIN ? chain_counts : pair_counts)) continue;
      value = lddt_score(fabs(truth - d), r->what == TIGHT);
    }
    s->sum[r->metric] += times * value;
    s->pairs[r->metric] += times;
  }
}

static void put_pair_metrics(const pair_sums *s, of3_metric_values *out) {
  for (int i = 0; i < N_RULE; i++) {
    const rule *r = &rules[i];
    const double mean = s->sum[r->metric] / (s->pairs[r->metric] + METRIC_EPS);
    if (s->pairs[r->metric] > 0)
      out->of[r->metric] = r->what == DRMSD ? sqrt(mean) : r->what == CLASH ? mean / CLASH_RADIUS : mean;
  }
}

static of3_status list_atoms(pair_sums *s, of3_error *err) {
  const of3_features *f = s->c->f;
  const size_t room = (size_t)f->n_atom + 1;
  s->atom = malloc(room * sizeof *s->atom);
  s->kind = malloc(room * sizeof *s->kind);
  s->chain = malloc(room * sizeof *s->chain);
  s->counts = malloc(room * sizeof *s->counts);
  if (!s->atom || !s->kind || !s->chain || !s->counts) return of3_fail_memory(err, "the metrics");
  for (int a = 0; a < f->n_atom; a++) {
    const int token = f->atom_to_token_index[a];
    if (s->c->resolved[a] == 0 || f->atom_mask[a] == 0) continue;
    s->atom[s->n] = a;
    s->kind[s->n] = (uint8_t)of3_metric_kind_of(f, token);
    s->chain[s->n] = f->asym_id[token];
    s->counts[s->n++] = of3_metric_chain_counts(s->c, f->asym_id[token]);
  }
  return OF3_OK;
}

/* ---- the others of one sample */

static void mean_plddt(const of3_metric_case *c, of3_metric_values *out) {
  static const of3_metric of_kind[] = {OF3_METRIC_plddt_protein, OF3_METRIC_plddt_rna, OF3_METRIC_plddt_dna,
                                       OF3_METRIC_plddt_ligand};
  double sum[OF3_N_KIND + 2] = {0}, n[OF3_N_KIND + 2] = {0};
  for (int a = 0; a < c->f->n_atom; a++) {
    const int token = c->f->atom_to_token_index[a], kind = of3_metric_kind_of(c->f, token);
    if (c->f->atom_mask[a] == 0 || !of3_metric_chain_counts(c, c->f->asym_id[token])) continue;
    sum[kind] += (double)c->opt_plddt[a] / 100;
    sum[KIND_ANY] += (double)c->opt_plddt[a] / 100;
    n[kind]++;
    n[KIND_ANY]++;
  }
  for (int k = 0; k <= OF3_KIND_LIGAND; k++)
    if (n[k] > 0) out->of[of_kind[k]] = sum[k] / (n[k] + METRIC_EPS);
  if (n[KIND_ANY] > 0) out->of[OF3_METRIC_plddt_complex] = sum[KIND_ANY] / (n[KIND_ANY] + METRIC_EPS);
}

static bool is_unresolved(const of3_metric_case *c, const of3_residue *r) {
  for (int a = 0; a < r->n_atom; a++)
    if (c->resolved[r->first_atom + a] != 0) return false;
  return true;
}

/* Mean smoothed exposure of the residues of proteins that have no resolved atom. */
static of3_status unresolved_exposure(const of3_metric_case *c, of3_metric_values *out, of3_error *err) {
  const of3_complex *complex = c->opt_complex;
  double *area = malloc((size_t)(complex->n_residue + 1) * sizeof *area), sum = 0;
  of3_status status = area ? OF3_OK : of3_fail_memory(err, "the metrics");
  int n = 0;
  for (int k = 0; status == OF3_OK && k < complex->n_chain; k++) {
    const of3_chain *chain = &complex->chain[k];
    if (chain->type != OF3_PROTEIN) continue;
    status = of3_chain_rasa(complex, k, c->x, NULL, area, err);
    for (int r = 0; status == OF3_OK && r < chain->n_residue; r++)
      if (is_unresolved(c, &complex->residue[chain->first_residue + r])) {
        sum += area[r];
        n++;
      }
  }
  if (n) out->of[OF3_METRIC_rasa] = sum / n;
  free(area);
  return status;
}

of3_status of3_sample_metrics(const of3_metric_case *c, of3_metric_values *out, of3_error *err) {
  pair_sums *s = calloc(1, sizeof *s);
  for (int i = 0; i < OF3_N_METRIC; i++) out->of[i] = NAN;
  if (!s) return of3_fail_memory(err, "the metrics");
  s->c = c;
  list_rules(s);
  of3_status status = list_atoms(s, err);
  if (status == OF3_OK) {
    for (int i = 0; i < s->n; i++)
      for (int j = i + 1; j < s->n; j++) add_pair(s, i, j);
    put_pair_metrics(s, out);
    of3_metric_superposed(c, s->atom, s->n, out);
    if (c->opt_plddt) mean_plddt(c, out);
    if (c->opt_complex) status = unresolved_exposure(c, out, err);
  }
  free(s->atom);
  free(s->kind);
  free(s->chain);
  free(s->counts);
  free(s);
  return status;
}
