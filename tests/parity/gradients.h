/* Gradients of the network against those of a fixture made with --grad: of the scalar
 *
 *   L = sum over heads of <out/HEAD, loss/HEAD> / sqrt(numbers in out/HEAD)
 *
 * by every parameter (grad/PARAM), and L itself (out/loss). */
#ifndef OF3_PARITY_GRADIENTS_H
#define OF3_PARITY_GRADIENTS_H

#include "compare.h"
#include "model/network.h"
#include "tensor/gradient.h"

enum { MAX_HEAD_PARTS = 64 };

/* What a head gave, of which the fixture has loss/HEAD. */
typedef struct head_part {
  const of3_entry *loss;
  int sample; /* -1: of all */
  int rank;
  int64_t shape[OF3_MAX_RANK];
  of3_tensor_version *version;
} head_part;

typedef struct gradients {
  const of3_table *table;
  double loss; /* the scalar */
  int n;
  head_part part[MAX_HEAD_PARTS];
} gradients;

/* Whether the fixture has gradients. */
bool has_gradients(const of3_table *table);

/* Notes what the network gave under this name, "confidence/sample0/pae", if it enters the scalar. */
void note_head(gradients *g, of3_ctx *cx, const char *name, const of3_tensor *t);

/* Goes back through the tape and compares the gradient of every parameter. */
void compare_gradients(gradients *g, of3_tape *tape, of3_ctx *cx, const of3_network *net, comparison *c);

#endif
