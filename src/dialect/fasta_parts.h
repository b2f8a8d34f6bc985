/* The parts of the reader of FASTA (fasta.c), and what they share. */
#ifndef OF3_DIALECT_FASTA_PARTS_H
#define OF3_DIALECT_FASTA_PARTS_H

#include "dialect/build.h"

typedef struct of3_fasta_record {
  of3_span header; /* without its '>' */
  size_t line;     /* of the header, from 1 */
  of3_span body;   /* the other lines in a row */
} of3_fasta_record;

/* fasta_parts.c */
/* Field k, from 0, between the '|' of a header, without blanks around it; empty beyond the last. */
of3_span of3_fasta_field(of3_span header, int k);

/* How to say what bases are, in FASTA. */
extern const char of3_fasta_say_bases[];

/* Chains with ':' between them, as ColabFold has them: proteins, or TYPE|TEXT with TYPE protein, dna, rna,
 * ccd or smiles (where ';' stands for ':'). They are called A, B, ... */
OF3_MUST_CHECK of3_status of3_fasta_chains(of3_query_builder *b, of3_span text, of3_error *err);

/* fasta_typed.c: Boltz's and Chai's headers. */
typedef enum of3_fasta_types { OF3_FASTA_UNTYPED, OF3_FASTA_BOLTZ, OF3_FASTA_CHAI } of3_fasta_types;
of3_fasta_types of3_fasta_types_of(of3_span header);
/* The records of a file are one complex; err: of the query. */
OF3_MUST_CHECK of3_status of3_fasta_typed(of3_query_builder *b, of3_fasta_types types,
                                          const of3_fasta_record *record, int n, of3_error *err);

/* fasta_entry.c: the headers of the PDB's downloads. */
/* "9ABC_1|Chains A, B|..": the length of the entry's id; 0: not of the PDB. */
size_t of3_fasta_entry(of3_span header);
OF3_MUST_CHECK of3_status of3_fasta_entry_chains(of3_query_builder *b, const of3_fasta_record *record, int n,
                                                 of3_error *err);

#endif
