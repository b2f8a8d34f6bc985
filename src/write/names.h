/* Names of what of3 writes into an output folder (write/tree.h). */
#ifndef OF3_WRITE_NAMES_H
#define OF3_WRITE_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "write/confidences.h"
#include "write/structure.h"

#define OF3_MANIFEST_NAME "of3_run.json"
#define OF3_RECORD_NAME   "of3_record.bin"
#define OF3_TIMING_NAME   "timing.json"
#define OF3_RANKING_NAME  "ranking.tsv"
#define OF3_SUMMARY_NAME  "summary.txt"
#define OF3_LIGANDS_NAME  "ligands.csv"

enum { OF3_NAME_TEXT = 512 };

typedef enum of3_sample_file {
  OF3_FILE_MODEL,
  OF3_FILE_CONFIDENCES,
  OF3_FILE_AGGREGATED,
  OF3_FILE_CHAINS
} of3_sample_file;

/* "QUERY_seed_S_sample_K_model.cif", without folder; in the arena, NULL if memory is out. sample counts
 * from 1. */
char *of3_sample_name(const char *query, uint64_t seed, int sample, of3_sample_file which,
                      of3_structure_format format, of3_full_confidences full, of3_arena *arena);

/* "seed_42" and nothing else. */
bool of3_is_seed_name(const char *name, uint64_t *ret_seed);

/* Whether of3 gives this name, or a temporary one beside it, to a file in the folder of the query and seed,
 * whatever options it is given. */
bool of3_is_result_name(const char *name, const char *query, uint64_t seed);

/* The same for files of the whole run in the output folder, and for best models in the folder of a query:
 * temporary ones only, which a killed process left. */
bool of3_is_left_in_output(const char *name);
bool of3_is_left_in_query(const char *name, const char *query);

#endif
