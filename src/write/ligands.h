/* ligands.csv of a run with a list of ligands: a row for each, those with results first, by ranking score.
 *
 *   ligand smiles ccd query status ranking_score ligand_iptm ligand_plddt ligand_pae_min ptm iptm has_clash
 *   seed sample file line error
 *
 * Scores are those of the best sample of the query (write/ranking.h); what they mean is in docs/files.md 3.
 */
#ifndef OF3_WRITE_LIGANDS_H
#define OF3_WRITE_LIGANDS_H

#include "feat/query.h"
#include "write/ranking.h"

typedef enum of3_ligand_status {
  OF3_LIGAND_COMPLETE, /* with every seed of the run */
  OF3_LIGAND_FAILED,   /* with one of them at least */
  OF3_LIGAND_LEFT      /* not tried yet, or not with all seeds */
} of3_ligand_status;

typedef struct of3_ligand_row {
  const char *query; /* its name */
  const of3_query_screened *ligand;
  of3_ligand_status status;
  const of3_ranked *best; /* NULL: there is none */
  const char *error;      /* if it failed */
  int place;              /* in the list */
} of3_ligand_row;

/* Writes OUT/ligands.csv; sorts the rows. */
OF3_MUST_CHECK of3_status of3_ligands_write(const char *folder, of3_ligand_row *row, int n, of3_error *err);

#endif
