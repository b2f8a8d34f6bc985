#include "api/job.h"

of3_status of3_job_find_key(of3_job *j, int q, of3_error *err) {
  char chemistry[OF3_CHEMISTRY_TEXT];
  const of3_run_inputs inputs = {.query = j->order[q],
                                 .checkpoint = j->model->identity,
                                 .options = j->options,
                                 .version = of3_version(),
                                 .opt_chemistry = of3_query_is_standard(j->order[q])
                                                      ? NULL
                                                      : of3_chemistry_identity(j->chemistry, chemistry),
                                 .opt_structures = j->structures,
                                 .opt_settings = j->o->settings,
                                 .opt_files = j->hashes,
                                 .opt_cancel = j->model->engine->callbacks.cancel};
  if (j->key[q][0]) return OF3_OK;
  of3_status status = of3_run_key(&inputs, j->key[q], err);
  if (status != OF3_OK) j->key[q][0] = 0;
  return status;
}
