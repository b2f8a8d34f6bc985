#include "msa/names.h"

#include <string.h>

/* In the order of the main block. since: the first release that knows the name. */
static const struct {
  const char *name;
  int since, cap;
} main_block[] = {
    {"uniref90_hits", 3, 10000},
    {"bfd_uniclust_hits", 3, 10000000},
    {"bfd_uniref_hits", 3, 10000000},
    {"cfdb_uniref30", 3, 10000000},
    {"cfdb_hits", 5, 10000000},
    {"mgnify_hits", 3, 5000},
    {"rfam_hits", 3, 10000},
    {"rnacentral_hits", 3, 10000},
    {"nt_hits", 3, 10000},
    {"nucleotide_collection_hits", 5, 10000},
    {"concat_cfdb_uniref100_filtered", 3, 10000000},
    {"mmseqs_colabfold", 4, 10000000},
    {"colabfold_main", 3, 16384},
    {"dummy", 4, 0},
};

enum {
  N_MAIN = sizeof main_block / sizeof *main_block,
  MMSEQS_CAP_0_4 = 16384,
  HITS_CAP = 50000,
  PAIRED_CAP = 8192
};

static bool names_hold(const char *const *list, const char *name) {
  for (; *list; list++)
    if (strcmp(name, *list) == 0) return true;
  return false;
}

of3_msa_name of3_msa_name_of(const char *name, int release) {
  static const char *const hits[] = {"uniprot_hits", "uniprot", NULL};
  static const char *const pairing[] = {"colabfold_paired", NULL};
  static const char *const other_pairing[] = {"pair", "pairing", NULL};
  static const char *const templates[] = {"hmm_output", "pdb_hits", NULL};
  static const char server[] = "bfd.mgnify30"; /* and the names of more databases */
  for (int i = 0; i < N_MAIN; i++) {
    if (strcmp(name, main_block[i].name) != 0 || release < main_block[i].since) continue;
    int cap = release == 4 && strcmp(name, "mmseqs_colabfold") == 0 ? MMSEQS_CAP_0_4 : main_block[i].cap;
    return (of3_msa_name){OF3_MSA_MAIN, true, i, cap};
  }
  if (names_hold(hits, name))
    return (of3_msa_name){OF3_MSA_HITS, true, strcmp(name, hits[0]) == 0 ? 0 : 1, HITS_CAP};
  bool known = names_hold(pairing, name);
  if (known || names_hold(other_pairing, name))
    return (of3_msa_name){
        .role = OF3_MSA_PAIRING, .known = known, .place = OF3_MSA_LAST_PLACE, .cap = PAIRED_CAP};
  if (names_hold(templates, name)) return (of3_msa_name){.role = OF3_MSA_TEMPLATES};
  int place = strcmp(name, "uniref") == 0                     ? OF3_MSA_SERVER_PLACE
              : strncmp(name, server, sizeof server - 1) == 0 ? OF3_MSA_SERVER_PLACE + 1
                                                              : OF3_MSA_LAST_PLACE;
  return (of3_msa_name){.role = OF3_MSA_MAIN, .place = place};
}
