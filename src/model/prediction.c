#include "model/prediction.h"

#include <stdlib.h>

of3_status of3_prediction_make(const of3_features *f, int samples, of3_prediction *p, of3_error *err) {
  size_t s = (size_t)samples, n2 = (size_t)f->n_token * (size_t)f->n_token, atoms = (size_t)f->n_atom;
  *p = (of3_prediction){.n_sample = samples, .n_token = f->n_token, .n_atom = f->n_atom};
  p->x = calloc(s * atoms * 3, sizeof(float));
  p->plddt = calloc(s * atoms, sizeof(float));
  p->pae = calloc(s * n2, sizeof(float));
  p->pde = calloc(s * n2, sizeof(float));
  p->tm = calloc(s * n2, sizeof(float));
  p->tm_chains = calloc(s * n2, sizeof(float));
  p->contact = calloc(n2, sizeof(float));
  if (p->x && p->plddt && p->pae && p->pde && p->tm && p->tm_chains && p->contact) return OF3_OK;
  of3_prediction_free(p);
  return of3_fail_memory(err, "the results");
}

void of3_prediction_free(of3_prediction *p) {
  free(p->x);
  free(p->plddt);
  free(p->pae);
  free(p->pde);
  free(p->tm);
  free(p->tm_chains);
  free(p->contact);
  *p = (of3_prediction){0};
}
