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

enum { N_MAIN = sizeof main_block / sizeof *main_block, MMSEQS_CAP_0_4 = 16384 };

of3_msa_name of3_msa_name_of(const char *name, int release) {
  static const char *const pairing[] = {"uniprot_hits", "uniprot", "colabfold_paired"};
  for (int i = 0; i < N_MAIN; i++) {
    if (strcmp(name, main_block[i].name) != 0 || release < main_block[i].since) continue;
    int cap = release == 4 && strcmp(name, "mmseqs_colabfold") == 0 ? MMSEQS_CAP_0_4 : main_block[i].cap;
    return (of3_msa_name){OF3_MSA_MAIN, i, cap};
  }
  for (int i = 0; i < 3; i++)
    if (strcmp(name, pairing[i]) == 0) return (of3_msa_name){.role = OF3_MSA_PAIRING};
  if (strcmp(name, "hmm_output") == 0) return (of3_msa_name){.role = OF3_MSA_TEMPLATES};
  return (of3_msa_name){OF3_MSA_MAIN, OF3_MSA_LAST_PLACE, 0};
}
