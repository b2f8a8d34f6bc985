/* One mmCIF category as text, by the rules of biotite 1.2 .. 1.6 (docs/files.md 1.1). */
#ifndef OF3_WRITE_CIF_TABLE_H
#define OF3_WRITE_CIF_TABLE_H

#include "base/arena.h"
#include "base/cancel.h"
#include "base/status.h"
#include "base/str.h"

enum { OF3_CIF_MOST_COLUMNS = 24 };

typedef struct of3_cif_table {
  const char *category; /* "atom_site" */
  int n_column, n_row, cap;
  const char *const *column; /* item names */
  const char **cell;         /* [n_row, n_column] raw values, "." and "?" for masked ones */
  of3_arena *arena;          /* holds the cells */
  of3_cancel *opt_cancel;
} of3_cif_table;

/* The name of a category and its items; the arrays must outlive the table. */
of3_cif_table of3_cif_table_of(const char *category, const char *const *column, int n_column,
                               of3_arena *arena, of3_cancel *opt_cancel);

/* A new row of empty cells to fill; NULL if memory is out. */
const char **of3_cif_row(of3_cif_table *table);

/* Appends the category and its closing "#" line: pairs for one row, a loop for several, nothing for none. */
OF3_MUST_CHECK of3_status of3_cif_table_add(const of3_cif_table *table, of3_str *out, of3_error *err);

#endif
