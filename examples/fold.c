/* The smallest program on of3.h: folds a sequence and prints where the best structure is.
 *   fold CHECKPOINT SEQUENCE FOLDER */
#include <stdio.h>

#include "of3.h"

int main(int argc, char **argv) {
  of3_engine *engine = NULL;
  of3_model *model = NULL;
  of3_report *report = NULL;
  of3_predict_options options = of3_predict_defaults();
  of3_error err = {0};
  if (argc != 4) {
    fprintf(stderr, "usage: fold CHECKPOINT SEQUENCE FOLDER\n");
    return 2;
  }
  options.output_dir = argv[3];
  options.samples = 1;
  if (of3_engine_open(NULL, NULL, &engine, &err) != OF3_OK ||
      of3_model_open(engine, argv[1], &model, &err) != OF3_OK ||
      of3_predict(model, argv[2], &options, &report, &err) != OF3_OK)
    fprintf(stderr, "fold: %s\n", err.text);
  else
    printf("%s, mean pLDDT %.1f\n", report->best[0].file, report->item[0].best.avg_plddt);
  of3_report_free(report);
  of3_model_close(model);
  of3_engine_close(engine);
  return err.code == OF3_OK ? 0 : 1;
}
