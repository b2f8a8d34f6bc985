/* A training set: entries (entry.h) and alignments in one mapped file, which 'of3 data build' writes.
 *
 *   header        64 bytes: magic, version, counts, size of the file, where the tables are
 *   entries       one record each (set_record.c), one after the other
 *   alignments    one record for each distinct sequence: its texts of A3M, with a final 0 each, read in place
 *   entry table   [n_entry] of 40 bytes: where the record is, its checksum, tokens, chains, date, resolution
 *   alignment table [n_alignment] of 16 bytes: where the record is
 *   point table   [n_point] of 24 bytes: what can be drawn: a chain of an entry, or two chains that touch
 *
 * All numbers are little-endian. A file may come from anywhere: every table is checked against the size of
 * the file when it is opened, every record when it is read. */
#ifndef OF3_DATA_SET_H
#define OF3_DATA_SET_H

#include "data/entry.h"

enum { OF3_SET_NO_CHAIN = -1 };

/* What a training sample is about: one chain, or an interface of two. */
typedef struct of3_point {
  int32_t entry;
  int32_t chain[2]; /* of the entry's query; chain[1] OF3_SET_NO_CHAIN: one chain alone */
  int32_t cluster;  /* how many points the cluster has that this one is in */
  uint8_t n_protein, n_nucleic, n_ligand; /* of its chains */
} of3_point;

typedef struct of3_set_row {
  int32_t n_token, n_chain;
  char released[12];
  float resolution;
} of3_set_row;

typedef struct of3_set of3_set;

OF3_MUST_CHECK of3_status of3_set_open(const char *path, of3_set **ret_set, of3_error *err);
void of3_set_close(of3_set *opt_set);
int of3_set_n_entry(const of3_set *set);
int of3_set_n_point(const of3_set *set);
int of3_set_n_alignment(const of3_set *set);
/* Without reading the record. */
of3_set_row of3_set_row_of(const of3_set *set, int entry);
of3_point of3_set_point(const of3_set *set, int i);

/* The entry, in the arena; alignments of its chains are in the file, which has to stay open. */
OF3_MUST_CHECK of3_status of3_set_read(const of3_set *set, int i, of3_arena *arena, of3_set_entry *out,
                                       of3_error *err);

/* ---- Writing */

typedef struct of3_set_writer of3_set_writer;

/* Appears at path when it is finished. */
OF3_MUST_CHECK of3_status of3_set_create(const char *path, of3_set_writer **ret_writer, of3_error *err);
/* cluster: a name for each chain of the query, equal in chains of one cluster; NULL entries: the chain's
 * sequence or codes are. touching: [n_touching,2] chains. The texts of the query's alignments are copied,
 * once for equal sequences. */
OF3_MUST_CHECK of3_status of3_set_add(of3_set_writer *writer, const of3_set_entry *entry, int n_token,
                                      const char *const *cluster, const int32_t *touching, int n_touching,
                                      of3_error *err);
/* Both end the writer. */
OF3_MUST_CHECK of3_status of3_set_finish(of3_set_writer *writer, of3_error *err);
void of3_set_abandon(of3_set_writer *opt_writer);

#endif
