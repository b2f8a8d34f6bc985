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

/* FASTA: each record is one query with one protein chain A, named by the first word of its header (what no
 * folder name can hold becomes '_'; "sequence_N" if the header is empty; of the PDB's "1ABC_1|Chain A|..."
 * the entity). Letters of both cases count, white space and a final '*' do not. What is no single protein is
 * refused: a file with typed headers of Boltz or Chai; records with ':' between chains, of the PDB's entries
 * with several chains, of bases alone. */
OF3_MUST_CHECK of3_status of3_query_from_fasta(const of3_query_source *source, of3_query_set *out,
                                               of3_error *err);

#endif
