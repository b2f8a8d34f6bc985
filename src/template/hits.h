/* Files of template hits: A3M, Stockholm (hmmsearch), m8 (MMseqs2, ColabFold's server). */
#ifndef OF3_TEMPLATE_HITS_H
#define OF3_TEMPLATE_HITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/status.h"
#include "template/source.h"

enum { OF3_TEMPLATE_MOST_READ = 200 }; /* hits of a file, behind the query */

typedef struct of3_template_hit {
  const char *entry, *chain; /* of "1abc_A" */
  const char *letters;       /* residues of the hit in capitals, NULL: the file has none */
  bool aligned;              /* pairs are there */
  bool gaps;                 /* a residue of the query, within its row, faces none */
  int n_pair;
  of3_template_match *pair; /* ordered by both */
  /* Of the query row's residues those that the hit has alike, and of the whole query those that face one;
   * negative: the file does not say. */
  double identity, coverage;
} of3_template_hit;

typedef struct of3_hits_want {
  const char *path, *query; /* query: the chain's letters */
  int most;                 /* hits read, behind the query; 0: OF3_TEMPLATE_MOST_READ */
  const of3_log *opt_log;
} of3_hits_want;

/* In the order in which they are tried: of m8 by E-value, else that of the file. Rows whose id is not
 * <entry>_<chain> are left out, which the log says unless it is the first row (the query). Pairs are there if
 * the first row is the query, and (A3M) all rows say which residues they are of; the ranges of A3M and
 * Stockholm count residues of template chains from 1. most_bytes: that the file may unpack to. */
OF3_MUST_CHECK of3_status of3_template_hits_read(const of3_hits_want *want, size_t most_bytes,
                                                 of3_arena *arena, of3_template_hit **ret_hit, int *ret_n,
                                                 of3_error *err);

/* The same of a file's content; the name decides the format. */
OF3_MUST_CHECK of3_status of3_template_hits_parse(const of3_hits_want *want, const char *text, size_t size,
                                                  of3_arena *arena, of3_template_hit **ret_hit, int *ret_n,
                                                  of3_error *err);

#endif
