/* Lists of ligands for one query: which molecules there are, each with the line where it stands.
 *
 *   SMILES   one in each line, with a name behind it if there is one; blank lines and lines with # are
 * skipped table    fields between commas, semicolons or tabs, in quotes or not; the first line names the
 * columns: smiles or ccd (one of them in each row), and name or id. Other columns are left out SDF entries up
 * to $$$$, named by their first line
 *
 * The content decides which of these a file is, gzipped or not. What is wrong with one ligand is its own
 * error; the others are unaffected. */
#ifndef OF3_DIALECT_LIGAND_LIST_H
#define OF3_DIALECT_LIGAND_LIST_H

#include "base/arena.h"
#include "base/status.h"
#include "feat/query.h"

enum { OF3_MAX_LIGANDS = 1000000 };

typedef struct of3_listed_ligand {
  const char *name;               /* as the list has it, or NULL */
  int line;                       /* where it begins, from 1 */
  const char *smiles, *ccd, *sdf; /* one of them: SMILES, code of a component, an entry of an SDF file */
  const char *error;              /* or why there is none of them; NULL: there is */
} of3_listed_ligand;

typedef struct of3_ligand_list {
  const char *file;
  int n; /* at least one */
  of3_listed_ligand *ligand;
  of3_arena *arena; /* owns everything */
} of3_ligand_list;

/* Errors are about the file as a whole: it cannot be read, has no ligand, names no column. Ownership:
 * of3_ligand_list_free. */
OF3_MUST_CHECK of3_status of3_ligand_list_open(const char *path, size_t most_memory, of3_ligand_list *out,
                                               of3_error *err);
/* The same of size bytes with a 0 behind them; file names them in messages. */
OF3_MUST_CHECK of3_status of3_ligand_list_read(const char *text, size_t size, const char *file,
                                               of3_ligand_list *out, of3_error *err);
void of3_ligand_list_free(of3_ligand_list *list); /* {0} is allowed */

/* The readers of the formats, for of3_ligand_list_read: they fill out->ligand, which has room for as many as
 * the text has lines. */
OF3_MUST_CHECK of3_status of3_ligand_list_table(const char *text, size_t size, of3_ligand_list *out,
                                                of3_error *err);
OF3_MUST_CHECK of3_status of3_ligand_list_sdf(const char *text, size_t size, of3_ligand_list *out,
                                              of3_error *err);
/* Whether the first line names a column smiles or ccd; called_table: the file's name says that it does. */
bool of3_ligand_list_is_table(const char *text, size_t size, bool called_table);

/* Puts the ligands in the place of the queries of a set: each query becomes one for each ligand, called
 * QUERY_LIGAND, with what a folder cannot be called as '_', a ligand without a name by its number, and equal
 * names told apart by _2, _3. The ligand is a chain of its own, the last one, with the id opt_chain, L if
 * that is NULL, or the first letter that is free. A ligand of the query that has the id opt_chain gives way.
 * Chains of the queries are shared. A query with an error stays as it is. */
OF3_MUST_CHECK of3_status of3_query_set_add_ligands(of3_query_set *set, const of3_ligand_list *list,
                                                    const char *opt_chain, of3_error *err);

#endif
