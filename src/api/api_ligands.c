/* A run with a list of ligands: queries for all of them, and the table of results. */
#include <inttypes.h>
#include <stdlib.h>

#include "api/job.h"
#include "dialect/ligand_list.h"
#include "write/ligands.h"

of3_status of3_job_read_ligands(of3_job *j, of3_error *err) {
  of3_ligand_list list = {0};
  if (!j->o->ligands) {
    if (!j->o->ligand_chain) return OF3_OK;
    return of3_fail(err, OF3_ERR_USAGE, "a chain for ligands is named, but no list of ligands");
  }
  OF3_TRY(of3_ligand_list_open(j->o->ligands, of3_reading_memory(j->model->engine->max_memory), &list, err));
  const of3_status status = of3_query_set_add_ligands(&j->set, &list, j->o->ligand_chain, err);
  of3_ligand_list_free(&list);
  return status;
}

of3_status of3_job_blame(const of3_job *j, int index, of3_error *failure) {
  const of3_item *item = &j->item[index];
  const of3_query_screened *s = of3_job_query(j, index)->screened;
  if (!s) return of3_prefix(failure, "query '%s', seed %" PRIu64, item->query, item->seed);
  return of3_prefix(failure, "query '%s' (line %d of '%s'), seed %" PRIu64, item->query, s->line, s->file,
                    item->seed);
}

/* ---- The table */

static of3_ligand_row row_of(const of3_job *j, int q) {
  of3_ligand_row row = {.query = j->order[q]->name,
                        .ligand = j->order[q]->screened,
                        .status = OF3_LIGAND_COMPLETE,
                        .best = of3_ranking_best(j->ranking, j->ranked[q]),
                        .place = (int)(j->order[q] - j->set.query)};
  for (int k = 0; k < j->n_seed && row.status != OF3_LIGAND_FAILED; k++) {
    const of3_item *item = &j->item[q * j->n_seed + k];
    if (item->status != OF3_OK) {
      row.status = OF3_LIGAND_FAILED;
      row.error = item->error;
    } else if (!item->best_sample)
      row.status = OF3_LIGAND_LEFT;
  }
  return row;
}

of3_status of3_job_write_ligands(of3_job *j, of3_error *err) {
  const double begin = of3_seconds();
  int n = 0;
  if (!j->o->ligands) return OF3_OK;
  of3_ligand_row *row = malloc(((size_t)j->set.n + 1) * sizeof *row);
  if (!row) return of3_fail_memory(err, "the table of ligands");
  for (int q = 0; q < j->set.n; q++)
    if (j->order[q]->screened) row[n++] = row_of(j, q);
  const of3_status status = of3_ligands_write(j->tree.folder, row, n, err);
  free(row);
  j->ligands_written = of3_seconds();
  j->ligands_took = j->ligands_written - begin;
  return status;
}

of3_status of3_job_update_ligands(of3_job *j, of3_error *err) {
  enum { SMALL = 256, SHARE = 10 };
  if (j->set.n > SMALL && of3_seconds() - j->ligands_written < SHARE * j->ligands_took) return OF3_OK;
  return of3_job_write_ligands(j, err);
}
