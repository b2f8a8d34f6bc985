/* The files of one query and seed as the job wants them, and other files of results that are complete: from
 * their record, without computing. */
#include <inttypes.h>

#include "api/job.h"

of3_seed_output of3_job_seed_output(const of3_job *j, const char *folder, const of3_complex *complex,
                                    uint64_t seed, const char *made_from) {
  return (of3_seed_output){.folder = folder,
                           .complex = complex,
                           .seed = seed,
                           .format = j->tree.format,
                           .style = j->tree.style,
                           .version = j->tree.version,
                           .variant = j->tree.variant,
                           .full = j->tree.full,
                           .made_from = made_from,
                           .opt_cancel = j->model->engine->callbacks.cancel};
}

static of3_status rewrite_to_stage(const of3_job *j, int index, const of3_complex *complex,
                                   const of3_replacement *stage, of3_arena *arena, of3_manifest *ret,
                                   of3_error *err) {
  const of3_seed_output o =
      of3_job_seed_output(j, stage->folder, complex, stage->seed, j->key[index / j->n_seed]);
  char why[OF3_ERROR_TEXT];
  of3_manifest old = {0};
  of3_run_state state;
  OF3_TRY(of3_manifest_read(stage->home, arena, &old, &state, why, err));
  if (state != OF3_RUN_COMPLETE) return of3_fail(err, OF3_ERR_IO, "%s", why);
  OF3_TRY(of3_replacement_begin(stage, err));
  of3_status status = of3_seed_rewrite(&o, stage->home, &old, of3_job_free_host_memory(j), arena, ret, err);
  if (status == OF3_OK) status = of3_replacement_sync(stage, err);
  if (status != OF3_OK) of3_replacement_drop(stage);
  return status;
}

static of3_status rewrite_in(of3_job *j, int index, const of3_complex *complex, of3_arena *arena,
                             of3_error *err) {
  of3_replacement stage;
  of3_manifest m = {0};
  if (j->tree.format == OF3_PDB) OF3_TRY(of3_pdb_check(complex, err));
  OF3_TRY(of3_replacement_of(j->tree.folder, j->item[index].query, j->item[index].seed, arena, &stage, err));
  OF3_TRY(rewrite_to_stage(j, index, complex, &stage, arena, &m, err));
  return of3_job_commit(j, index, &stage, &m, err);
}

of3_status of3_job_rewrite(of3_job *j, int index, of3_error *err) {
  const of3_log *log = &j->model->engine->log;
  of3_complex complex = {0};
  of3_arena *arena = of3_arena_new(0);
  of3_status status = arena ? of3_complex_build(of3_job_query(j, index), &j->components, log, &complex, err)
                            : of3_fail_memory(err, "an item");
  if (status == OF3_OK) status = rewrite_in(j, index, &complex, arena, err);
  of3_complex_free(&complex);
  of3_arena_free(arena);
  if (status != OF3_OK) return status;
  j->item[index].reused = true;
  of3_logf(log, OF3_LOG_INFO, "%s seed %" PRIu64 ": written from the record of an earlier run",
           j->item[index].query, j->item[index].seed);
  return OF3_OK;
}
