/* The dialects in which people write queries. Which of them a file is in is told by its content. */
#ifndef OF3_DIALECT_DIALECT_H
#define OF3_DIALECT_DIALECT_H

#include "feat/query.h"

/* What `of3 predict` takes: the path of a .json file, the path of a FASTA file (content begins with '>'),
 * or, if no such file exists, a bare protein sequence in capital letters (a query named "query" with one
 * chain A). A file that takes more than most_memory bytes to read is refused before they are taken. */
OF3_MUST_CHECK of3_status of3_query_open(const char *argument, size_t most_memory, of3_query_set *out,
                                         of3_error *err);

/* The text of a file, with a 0 behind it. */
typedef struct of3_query_source {
  const char *text;
  size_t size;
  const char *file;   /* names it in messages */
  const char *folder; /* relative paths are looked for there first, then in the working directory */
  size_t most_memory;
} of3_query_source;

/* FASTA: queries of one record, complexes with ':' between chains, the PDB's entries, and typed headers of
 * Boltz and Chai (fasta.c). */
OF3_MUST_CHECK of3_status of3_query_from_fasta(const of3_query_source *source, of3_query_set *out,
                                               of3_error *err);

/* AlphaFold 3's JSON, versions 1 to 4, and lists of jobs of its server (af3.c). */
OF3_MUST_CHECK of3_status of3_query_from_af3(const of3_query_source *source, of3_query_set *out,
                                             of3_error *err);

/* Boltz's YAML (boltz.c). */
OF3_MUST_CHECK of3_status of3_query_from_boltz(const of3_query_source *source, of3_query_set *out,
                                               of3_error *err);

/* A query of what one record of FASTA may hold: proteins, or TYPE|TEXT, with ':' between them. */
OF3_MUST_CHECK of3_status of3_query_from_chains(const char *text, const char *name, of3_query_set *out,
                                                of3_error *err);

#endif
