/* Points binned into cubic cells, for finding all pairs closer than the edge of a cell.
 *
 *   first[hash(cell)] .. first[hash(cell)+1]  ->  item[]: the points of all cells with that hash
 */
#ifndef OF3_BASE_CELLS_H
#define OF3_BASE_CELLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

typedef struct of3_cells {
  float edge;
  uint32_t mask; /* buckets - 1 */
  int32_t *first, *item;
  int32_t (*cell)[3]; /* of each point */
} of3_cells;

/* x [n,3]; points that are not finite are in no cell. Only allocation fails. Ownership: of3_cells_free. */
OF3_MUST_CHECK of3_status of3_cells_build(const float *x, int n, float edge, of3_cells *out, of3_error *err);
void of3_cells_free(of3_cells *cells); /* {0} is allowed */

/* Calls visit(user, j) for each point j in the 27 cells around point `of`, itself included, until it returns
 * false. */
typedef bool of3_cell_visit(void *user, int j);
/* Returns false if visit did. */
bool of3_cells_near(const of3_cells *cells, int of, of3_cell_visit *visit, void *user);

#endif
