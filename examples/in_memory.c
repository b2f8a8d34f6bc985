/* A query made by functions and a result in memory: prints the Cα atoms of the best structure.
 *   in_memory CHECKPOINT SEQUENCE */
#include <stdio.h>
#include <string.h>

#include "of3.h"

static void print_trace(const of3_result *r) {
  const float *xyz = r->xyz + (size_t)r->best * (size_t)r->n_atom * 3;
  printf("%s: sample %d of %d, pTM %.3f, mean pLDDT %.1f\n", r->query, r->best + 1, r->n_sample,
         r->scores[r->best].ptm, r->scores[r->best].avg_plddt);
  for (int a = 0; a < r->n_atom; a++) {
    const of3_result_residue *residue = &r->residue[r->atom[a].residue];
    if (strcmp(r->atom[a].name, "CA") != 0) continue;
    printf("%s %s %d  %8.3f %8.3f %8.3f\n", r->chain[residue->chain].id, residue->name, residue->number,
           (double)xyz[3 * a], (double)xyz[3 * a + 1], (double)xyz[3 * a + 2]);
  }
}

int main(int argc, char **argv) {
  const char *const ids[] = {"A"};
  of3_engine *engine = NULL;
  of3_model *model = NULL;
  of3_query *query = NULL;
  of3_result *result = NULL;
  of3_predict_options options = of3_predict_defaults();
  of3_error err = {0};
  if (argc != 3) {
    fprintf(stderr, "usage: in_memory CHECKPOINT SEQUENCE\n");
    return 2;
  }
  options.samples = 2;
  options.steps = 20;
  if (of3_engine_open(NULL, NULL, &engine, &err) != OF3_OK ||
      of3_model_open(engine, argv[1], &model, &err) != OF3_OK ||
      of3_query_new("example", &query, &err) != OF3_OK ||
      of3_query_add_chain(query, OF3_PROTEIN, ids, 1, argv[2], &err) != OF3_OK ||
      of3_fold_query(model, query, 42, &options, &result, &err) != OF3_OK)
    fprintf(stderr, "in_memory: %s\n", err.text);
  else
    print_trace(result);
  of3_result_free(result);
  of3_query_free(query);
  of3_model_close(model);
  of3_engine_close(engine);
  return err.code == OF3_OK ? 0 : 1;
}
