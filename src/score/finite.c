#include "score/finite.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

static bool all_finite(const float *x, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (!isfinite(x[i])) return false;
  return true;
}

/* Names of aux_heads.* whose results are not finite. */
typedef struct bad_heads {
  int n;
  const char *name[4];
} bad_heads;

static void note_head(bad_heads *bad, bool finite, const char *name) {
  if (!finite) bad->name[bad->n++] = name;
}

of3_status of3_prediction_check_finite(const of3_prediction *p, of3_error *err) {
  const size_t s = (size_t)p->n_sample, a = s * (size_t)p->n_atom,
               n = (size_t)p->n_token * (size_t)p->n_token;
  const bool denoised = all_finite(p->x, 3 * a);
  bad_heads bad = {0};
  note_head(&bad, all_finite(p->contact, n), "distogram");
  if (denoised) {
    note_head(&bad, all_finite(p->pae, s * n) && all_finite(p->tm, s * n) && all_finite(p->tm_chains, s * n),
              "pae");
    note_head(&bad, all_finite(p->pde, s * n), "pde");
    note_head(&bad, all_finite(p->plddt, a), "plddt");
  }
  if (denoised && bad.n == 0) return OF3_OK;
  char list[64] = "";
  for (int i = 0, at = 0; i < bad.n; i++)
    at += snprintf(list + at, sizeof list - (size_t)at, "%s%s",
                   i == 0          ? ""
                   : i + 1 < bad.n ? ", "
                                   : " and ",
                   bad.name[i]);
  return of3_fail(err, OF3_ERR_INPUT,
                  "%s%s%s%s gave numbers that are not finite; the checkpoint may be damaged or untrained",
                  denoised ? "" : "the denoiser", denoised || bad.n == 0 ? "" : " and ",
                  bad.n == 0   ? ""
                  : bad.n == 1 ? "the head "
                               : "the heads ",
                  list);
}
