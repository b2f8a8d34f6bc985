/* The databases that are searched, and the programs that do it, as a YAML file names them
 * (docs/alignments.md).
 */
#ifndef OF3_SEARCH_DATABASES_H
#define OF3_SEARCH_DATABASES_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/status.h"

typedef enum of3_database_kind {
  OF3_DATABASE_PROTEIN,
  OF3_DATABASE_RNA,
  OF3_DATABASE_STRUCTURES /* sequences of the PDB's chains, named <entry>_<chain>: templates */
} of3_database_kind;

/* Programs that search, and those that they need beside them. */
typedef enum of3_program {
  OF3_JACKHMMER,
  OF3_NHMMER,
  OF3_HMMSEARCH,
  OF3_HHBLITS,
  OF3_MMSEQS,
  OF3_N_SEARCHER,
  OF3_HMMBUILD = OF3_N_SEARCHER,
  OF3_HMMALIGN,
  OF3_N_PROGRAM
} of3_program;

const char *of3_program_name(of3_program program);
/* The package that it comes with, as Debian, Homebrew and Bioconda call it. */
const char *of3_program_package(of3_program program);

typedef struct of3_database {
  const char *name;
  of3_database_kind kind;
  of3_program program;
  int n_path;
  const char *const *path; /* FASTA; of mmseqs a database of its own, or FASTA; of hhblits the common part of
                              the names of its files, and several of them */
  const char *file;        /* the name of what is written, without extension */
  int rows;                /* kept of an alignment, 0: all */
  int threads;             /* of one search */
  const char *version;     /* as the file says, or size and time of the database */
} of3_database;

typedef struct of3_databases {
  int n;
  const of3_database *database;
  const char *program[OF3_N_PROGRAM]; /* where it is; NULL: nowhere */
} of3_databases;

/* Reads the file. Paths are relative to its folder. Nothing is asked of databases and programs but what
 * version and place need (databases_check.c says what is missing). What is returned lives in the arena. */
OF3_MUST_CHECK of3_status of3_databases_read(const char *file, of3_arena *arena, of3_databases *out,
                                             of3_error *err);

/* Whether MMseqs2 made the files of this name (else it is FASTA), and whether they are a database of
 * clusters, as ColabFold's are. */
bool of3_is_mmseqs_database(const char *path);
bool of3_is_cluster_database(const char *path);

/* Calls say(user, sentence) for each program and each file of a database that is not there, and says how to
 * get it. Returns how many there are. */
int of3_databases_missing(const of3_databases *d, bool gpu, void (*say)(void *user, const char *sentence),
                          void *user);

#endif
