/* The files of one query and seed, all in one folder:
 *
 *   QUERY_seed_S_sample_K_model.cif                       K = 1 .. samples, not ranked
 *   QUERY_seed_S_sample_K_confidences.json
 *   QUERY_seed_S_sample_K_confidences_aggregated.json
 *   timing.json
 *   of3_record.bin     ours: the numbers behind structures and confidences (write/record.h)
 *   of3_run.json       ours: what these files were made from (write/manifest.h); last */
#ifndef OF3_WRITE_SEED_FILES_H
#define OF3_WRITE_SEED_FILES_H

#include "chem/complex.h"
#include "model/prediction.h"
#include "score/scores.h"
#include "write/manifest.h"

typedef struct of3_seed_output {
  const char *folder; /* exists */
  const of3_complex *complex;
  uint64_t seed;
  of3_structure_format format;
  of3_cif_style style;
  const char *version, *variant; /* of of3, of the weights: named in ModelCIF */
  of3_full_confidences full;
  bool no_record;
  const char *made_from; /* of3_run_key */
  of3_cancel *opt_cancel;
} of3_seed_output;

/* Everything, from a prediction. A failure leaves complete files only, and no of3_run.json. *ret_manifest, in
 * the arena: what was written there. */
OF3_MUST_CHECK of3_status of3_seed_write(const of3_seed_output *o, const of3_prediction *p,
                                         const of3_scores *scores, double runtime_s, of3_arena *arena,
                                         of3_manifest *ret_manifest, of3_error *err);

/* The same files from results that lie in the folder `from` with the manifest `old`, which lists a record:
 * structures and confidences are written from that, the rest is taken over. Of the memory for a sample no
 * more than most_bytes are taken; 0: unknown. */
OF3_MUST_CHECK of3_status of3_seed_rewrite(const of3_seed_output *o, const char *from,
                                           const of3_manifest *old, uint64_t most_bytes, of3_arena *arena,
                                           of3_manifest *ret_manifest, of3_error *err);

#endif
