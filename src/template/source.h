/* A structure that is named as a template itself, not by a file of hits. */
#ifndef OF3_TEMPLATE_SOURCE_H
#define OF3_TEMPLATE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

/* Residues that face each other, from 1. */
typedef struct of3_template_match {
  int32_t query, template_;
} of3_template_match;

typedef struct of3_template_source {
  const char *path;      /* an existing file; of a text what messages call it */
  const char *opt_text;  /* the mmCIF file itself, if there is none */
  const char *opt_chain; /* which of its chains; NULL: the one that fits best, or with a map the only one */
  bool mapped;           /* pairs are given; else the sequences are aligned */
  int n_pair;
  const of3_template_match *pair; /* ordered by residues of the query, each once */
} of3_template_source;

#endif
