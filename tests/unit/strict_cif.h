/* A strict reader of mmCIF: what is no CIF, or names a category or an item twice, fails the test. */
#ifndef OF3_TEST_STRICT_CIF_H
#define OF3_TEST_STRICT_CIF_H

#include <stddef.h>

#include "base/arena.h"

enum { STRICT_TABLES = 50, STRICT_ITEMS = 30 };

typedef struct strict_table {
  const char *category;
  int n_item, n_row;
  const char *item[STRICT_ITEMS]; /* without category */
  const char **cell;              /* [n_row, n_item] */
} strict_table;

typedef struct strict_cif {
  of3_arena *arena;
  const char *block;
  int n;
  strict_table table[STRICT_TABLES];
} strict_cif;

void strict_read(strict_cif *cif, of3_arena *arena, const char *text, size_t n);

/* NULL: there is none. */
const strict_table *strict_find(const strict_cif *cif, const char *category);

/* How many rows it has, 0 if it is not there. */
int strict_rows(const strict_cif *cif, const char *category);

const char *strict_cell(const strict_table *table, int row, const char *item);

/* -1: none. */
int strict_row_of(const strict_table *table, const char *item, const char *value);

/* What ModelCIF's categories name of each other is there. */
void strict_references(const strict_cif *cif);

#endif
