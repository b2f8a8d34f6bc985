/* `..._summary_confidences.json`, in the form of AlphaFold 3: lists by chain, null where there is no number.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "write/confidences.h"
#include "write/decimal6.h"

static json_t *number_or_null(float x) { return isfinite(x) ? json_real(of3_round6(x)) : json_null(); }

static json_t *list_of(const float *x, int n) {
  json_t *list = json_array();
  for (int k = 0; list && k < n; k++)
    if (json_array_append_new(list, number_or_null(x[k])) != 0) {
      json_decref(list);
      return NULL;
    }
  return list;
}

/* opt_diagonal: in the place of the matrix's own. */
static json_t *matrix_of(const float *x, int n, const float *opt_diagonal) {
  json_t *rows = json_array();
  for (int k = 0; rows && k < n; k++) {
    json_t *row = list_of(x + (size_t)k * (size_t)n, n);
    if (row && opt_diagonal && json_array_set_new(row, (size_t)k, number_or_null(opt_diagonal[k])) != 0) {
      json_decref(row);
      row = NULL;
    }
    if (json_array_append_new(rows, row) != 0) {
      json_decref(rows);
      return NULL;
    }
  }
  return rows;
}

/* By asym_id. */
static json_t *ids_of(const of3_complex *c) {
  json_t *list = json_array();
  for (int asym = 1; list && asym <= c->n_chain; asym++)
    for (int k = 0; k < c->n_chain; k++)
      if (c->chain[k].asym_id == asym && json_array_append_new(list, json_string(c->chain[k].id)) != 0) {
        json_decref(list);
        return NULL;
      }
  return list;
}

static json_t *summary_of(const of3_complex *c, const of3_scores *s) {
  const int n = s->n_chain;
  json_t *root = json_object();
  const struct {
    const char *key;
    json_t *value;
  } member[] = {{"chain_ids", ids_of(c)},
                {"chain_iptm", list_of(s->chain_iptm, n)},
                {"chain_pair_iptm", matrix_of(s->chain_pair_iptm, n, s->chain_ptm)},
                {"chain_pair_pae_min", matrix_of(s->chain_pair_pae_min, n, NULL)},
                {"chain_plddt", list_of(s->chain_plddt, n)},
                {"chain_ptm", list_of(s->chain_ptm, n)},
                {"fraction_disordered", number_or_null(s->disorder)},
                {"has_clash", number_or_null(s->has_clash)},
                {"iptm", n > 1 ? number_or_null(s->iptm) : json_null()},
                {"ptm", number_or_null(s->ptm)},
                {"ranking_score", number_or_null(s->sample_ranking_score)}};
  bool ok = root != NULL;
  for (size_t k = 0; k < sizeof member / sizeof *member; k++)
    ok = json_object_set_new(root, member[k].key, member[k].value) == 0 && ok;
  if (ok) return root;
  json_decref(root);
  return NULL;
}

of3_status of3_summary_confidences_write(const char *path, const of3_complex *complex,
                                         const of3_scores *scores, of3_error *err) {
  json_t *root = summary_of(complex, scores);
  char *text = root ? of3_json_dump(root, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) : NULL;
  const of3_status status = text ? of3_write_file(path, text, strlen(text), err) : of3_fail_memory(err, path);
  free(text);
  json_decref(root);
  return status;
}
