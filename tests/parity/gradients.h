/* Gradients of the network against those of a fixture made with --grad: of the scalar
 *
 *   L = sum over heads of <out/HEAD, loss/HEAD> / sqrt(numbers in out/HEAD)
 *
 * by every parameter (grad/PARAM) and by what the network shows on the way (gradact/NAME); L itself
 * (out/loss), and the share of each head in it (loss/HEAD), where the fixture has out/HEAD. */
#ifndef OF3_PARITY_GRADIENTS_H
#define OF3_PARITY_GRADIENTS_H

#include "compare.h"
#include "model/run.h"
#include "tensor/gradient.h"

enum { MAX_HEAD_PARTS = 64, MAX_SHOWN = 4096 };

/* What a head gave, of which the fixture has loss/HEAD. */
typedef struct head_part {
  const of3_entry *loss;
  int sample; /* -1: of all */
  int rank;
  int64_t shape[OF3_MAX_RANK];
  of3_tensor_version *version;
  double share; /* of the scalar */
} head_part;

/* What the network showed, of which the fixture may have gradact/NAME. */
typedef struct shown {
  char name[256];
  of3_tensor seen; /* the handle */
  const of3_tensor_version *version;
} shown;

typedef struct gradients {
  const of3_table *table;
  double loss; /* the scalar */
  int n;
  head_part part[MAX_HEAD_PARTS];
  int n_shown;
  shown shown[MAX_SHOWN];
  comparison *comparison;
  const of3_slots *slots; /* template slots that go through the network */
} gradients;

/* Whether the fixture has gradients. */
bool has_gradients(const of3_table *table);

/* Notes what the network gave under this name, "confidence/sample0/pae", if it enters the scalar. */
void note_head(gradients *g, of3_ctx *cx, const char *name, const of3_tensor *t);

/* Notes what the network showed; with has_gradients. */
void note_shown(gradients *g, const char *name, const of3_tensor *t);
/* For of3_tape.opt_gradient, with the gradients as user: compares that of what was shown. */
void compare_shown(void *user, of3_ctx *cx, const of3_tensor_version *v);

/* Goes back through the tape and compares the gradient of every parameter. */
void compare_gradients(gradients *g, of3_tape *tape, of3_ctx *cx, const of3_network *net, comparison *c);

#endif
