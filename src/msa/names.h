/* The file names that OpenFold3's MSA settings know (docs/features.md 3.2). */
#ifndef OF3_MSA_NAMES_H
#define OF3_MSA_NAMES_H

#include <stdbool.h>

#include "of3_settings.h"

typedef enum of3_msa_role {
  OF3_MSA_MAIN,      /* enters the main block */
  OF3_MSA_HITS,      /* its rows are paired by species */
  OF3_MSA_PAIRING,   /* its rows match those of other chains one by one */
  OF3_MSA_TEMPLATES, /* template hits in an alignment format */
  OF3_MSA_UNLISTED   /* settings that list the names do not have it */
} of3_msa_role;

/* Places in the main block of names that OpenFold3 does not know: files of ColabFold's server, all others. */
enum { OF3_MSA_SERVER_PLACE = 900, OF3_MSA_LAST_PLACE = 1000 };

typedef struct of3_msa_name {
  of3_msa_role role;
  bool known;        /* to OpenFold3 */
  int place;         /* in the main block */
  int cap;           /* rows kept of a text file, 0: all */
  bool hits;         /* its rows are paired by species, whatever its role */
  int hits_place;    /* among those */
  bool archive_only; /* text files of this name are not read */
} of3_msa_name;

/* release: 3, 4, 5 for OpenFold3 0.3, 0.4, 0.5; opt_settings: lists that take the place of its own. Beside
 * its names those that other tools give: uniref, bfd.mgnify30* and pair of ColabFold's server, pairing of
 * Protenix, pdb_hits (templates) of AlphaFold. */
of3_msa_name of3_msa_name_of(const char *name, int release, const of3_msa_settings *opt_settings);

#endif
