/* Comparing tensors with those of a fixture, against one table of bounds. */
#ifndef OF3_PARITY_COMPARE_H
#define OF3_PARITY_COMPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "bounds.h"
#include "io/safetensors.h"

typedef struct comparison {
  const of3_table *table;
  bool *seen; /* [table->n] */
  int compared, failed;
  bounds_kind kind;                     /* f32 on the CPU unless the caller says otherwise */
  double gradient, activation_gradient; /* the largest number of grad/, gradact/ in the fixture */
} comparison;

comparison comparison_begin(const of3_table *table);
/* Lists what was not compared, prints the summary, frees; true if everything was compared and within bounds.
 */
bool comparison_end(comparison *c);

/* Element i of a u8, f32 or f64 entry. */
double entry_value(const of3_entry *e, int64_t i);

/* x has e->count values. */
void compare_entry(comparison *c, const of3_entry *e, const float *x);
/* The row of an entry whose deviations are known: the largest and that of the squares' means, both relative.
 */
void compare_number(comparison *c, const of3_entry *e, double max, double rms);

/* A tensor that the network traced: finds its place in the fixture, if it has one. In the confidence head all
 * samples run as one batch, whose parts have entries of their own. */
void compare_trace(comparison *c, const char *name, const float *x, int64_t count, int rank,
                   const int64_t *shape);
/* The gradient of what the network traced under this name, with an axis of samples in the confidence head. */
void compare_trace_gradient(comparison *c, const char *name, const float *x, int64_t count, int64_t samples);

#endif
