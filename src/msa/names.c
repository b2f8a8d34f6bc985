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

static const char *const own_hits[] = {"uniprot_hits", "uniprot"};
static const char *const own_pairing[] = {"colabfold_paired"};
static const char *const other_pairing[] = {"pair", "pairing"};
static const char *const templates[] = {"hmm_output", "pdb_hits"};
#define LIST(a) (a), (int)(sizeof(a) / sizeof *(a))

/* Where the name stands in a list, or -1. */
static int place_in(const char *name, const char *const *list, int n) {
  for (int i = 0; i < n; i++)
    if (strcmp(name, list[i]) == 0) return i;
  return -1;
}

static int place_in_either(const char *name, const of3_names *opt_given, const char *const *own, int n) {
  return opt_given && opt_given->given ? place_in(name, opt_given->name, opt_given->n)
                                       : place_in(name, own, n);
}

static int own_place(const char *name, int release) {
  for (int i = 0; i < N_MAIN; i++)
    if (strcmp(name, main_block[i].name) == 0) return release < main_block[i].since ? -1 : i;
  return -1;
}

/* 0: all rows; -1: there is none. */
static int own_cap(const char *name, int release) {
  const int i = own_place(name, release);
  if (i >= 0)
    return release == 4 && strcmp(name, "mmseqs_colabfold") == 0 ? MMSEQS_CAP_0_4 : main_block[i].cap;
  if (strcmp(name, own_hits[0]) == 0) return HITS_CAP;
  return strcmp(name, own_pairing[0]) == 0 || place_in(name, LIST(other_pairing)) >= 0 ? PAIRED_CAP : -1;
}

static int given_cap(const char *name, const of3_msa_settings *s) {
  for (int i = 0; i < s->n_cap; i++)
    if (strcmp(name, s->cap[i].name) == 0) return s->cap[i].rows;
  return -1;
}

/* Of a name that OpenFold3 does not know. */
static of3_msa_name other_name(const char *name, bool listed) {
  static const char server[] = "bfd.mgnify30"; /* and the names of more databases */
  if (place_in(name, LIST(templates)) >= 0) return (of3_msa_name){.role = OF3_MSA_TEMPLATES};
  if (place_in(name, LIST(other_pairing)) >= 0)
    return (of3_msa_name){.role = OF3_MSA_PAIRING, .place = OF3_MSA_LAST_PLACE};
  if (listed) return (of3_msa_name){.role = OF3_MSA_UNLISTED};
  const int place = strcmp(name, "uniref") == 0                     ? OF3_MSA_SERVER_PLACE
                    : strncmp(name, server, sizeof server - 1) == 0 ? OF3_MSA_SERVER_PLACE + 1
                                                                    : OF3_MSA_LAST_PLACE;
  return (of3_msa_name){.role = OF3_MSA_MAIN, .place = place};
}

of3_msa_name of3_msa_name_of(const char *name, int release, const of3_msa_settings *s) {
  const bool order_given = s && s->order.given, caps_given = s && s->caps_given;
  const int main = order_given ? place_in(name, s->order.name, s->order.n) : own_place(name, release);
  const int hits = place_in_either(name, s ? &s->to_pair : NULL, LIST(own_hits));
  const int pairing = place_in_either(name, s ? &s->paired_order : NULL, LIST(own_pairing));
  const int cap = caps_given ? given_cap(name, s) : own_cap(name, release);
  of3_msa_name out = {.known = true, .place = main};
  if (main >= 0)
    out.role = OF3_MSA_MAIN;
  else if (hits >= 0)
    out = (of3_msa_name){.role = OF3_MSA_HITS, .known = true, .place = hits};
  else if (pairing >= 0)
    out = (of3_msa_name){.role = OF3_MSA_PAIRING, .known = true, .place = pairing};
  else
    out = other_name(name, order_given);
  out.hits = hits >= 0;
  out.hits_place = hits;
  out.cap = cap > 0 ? cap : 0;
  out.archive_only = cap < 0 && (caps_given || hits >= 0);
  return out;
}
