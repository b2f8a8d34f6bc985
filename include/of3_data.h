/* of3_data.h: training sets (docs/training-data.md). See of3.h for errors, callbacks and ownership. */
#ifndef OF3_DATA_H
#define OF3_DATA_H

#include <stdbool.h>
#include <stdint.h>

#include "of3.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct of3_data_options {
  const char *folder;     /* of mmCIF or BinaryCIF files, packed or not; each is an entry of its name */
  const char *out;        /* the file to write */
  const char *alignments; /* folder of <entry>_<chain>.a3m[.gz], or of folders of such; NULL: none */
  const char
      *clusters; /* MMseqs2's table: cluster, tab, <entry>_<chain>; NULL: equal sequences are a cluster */
  const char *ccd, *user_ccd; /* as of3_predict_options has them */
  double worst_resolution;    /* Angstrom; entries without one pass */
  const char *from, *until;   /* dates of release, "2001-12-31"; NULL: any */
  int most_chains;            /* polymers of an entry */
} of3_data_options;

/* Resolution 9 Angstrom, 300 chains, everything else NULL: OpenFold3's training set. */
OF3_API of3_data_options of3_data_defaults(void);

typedef struct of3_data_info {
  int entries, chains, points, alignments;
  int filtered, failed; /* files left out by a filter, or because they cannot be used, which the log says */
  int64_t tokens, atoms, resolved;
  int64_t bytes; /* of the file */
} of3_data_info;

/* Makes a training set of a folder of structures. opt_info may be NULL. */
OF3_API OF3_MUST_CHECK of3_status of3_data_build(const of3_data_options *options,
                                                 const of3_callbacks *opt_callbacks, of3_data_info *opt_info,
                                                 of3_error *err);

typedef struct of3_data_entry {
  const char *name, *released; /* "" if unknown */
  double resolution;           /* Angstrom, 0: unknown */
  int tokens, chains, proteins, nucleic, ligands;
  int aligned;      /* chains with an alignment */
  int64_t resolved; /* atoms with coordinates */
} of3_data_entry;

/* Calls visit for each entry of the set, in their order; every record is read and checked. A visit that
 * returns false ends the walk. */
OF3_API OF3_MUST_CHECK of3_status of3_data_list(const char *path,
                                                bool (*visit)(void *user, const of3_data_entry *entry),
                                                void *user, of3_error *err);

#ifdef __cplusplus
}
#endif

#endif
