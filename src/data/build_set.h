/* A training set from a folder of structures. */
#ifndef OF3_DATA_BUILD_SET_H
#define OF3_DATA_BUILD_SET_H

#include "base/log.h"
#include "chem/component.h"
#include "data/set.h"

typedef struct of3_set_options {
  const char *folder; /* of .cif, .cif.gz, .bcif and .bcif.gz files; an entry is named as its file */
  const char
      *alignments; /* folder of <entry>_<chain>.a3m, .a3m.gz, or folders <entry>_<chain> of such; or NULL */
  const char *clusters;     /* MMseqs2's table: a cluster's name, a tab, <entry>_<chain>; or NULL */
  double worst_resolution;  /* Angstrom; entries without one, such as those by NMR, pass */
  const char *from, *until; /* dates "2001-12-31", the first and the last that pass; NULL: any. Entries
                               without a date pass only if both are NULL */
  int most_chains;          /* polymers of an entry */
  size_t most_memory;       /* that reading one file may take */
  const of3_library *library;
  of3_cancel *opt_cancel;
  const of3_log *opt_log;
} of3_set_options;

typedef struct of3_set_counts {
  int entries, filtered,
      failed; /* put in; left out by a filter; that could not be used, which the log says */
  int chains;
  int64_t tokens, resolved, atoms; /* atoms of the complexes, and those with coordinates */
} of3_set_counts;

/* Writes the set at path. OF3_ERR_INPUT: no file could be used. */
OF3_MUST_CHECK of3_status of3_set_build(const of3_set_options *options, const char *path,
                                        of3_set_counts *counts, of3_error *err);

#endif
