/* Parts of train/sample.h. */
#ifndef OF3_TRAIN_SAMPLE_PARTS_H
#define OF3_TRAIN_SAMPLE_PARTS_H

#include "train/sample.h"

struct of3_sample_source {
  of3_sample_options o;
  of3_set **set;  /* [n_set] */
  of3_draw *draw; /* [n_set] */
  double *sum;    /* [n_set] of the weights up to each set, itself included */
  of3_arena *arena;
};

typedef struct of3_sample_at {
  uint64_t seed;
  uint32_t step, slot;
} of3_sample_at;

/* What a sample is of. */
typedef struct of3_sample_draw {
  int set, entry, point; /* point -1: the whole entry */
  uint64_t seed;
  const bool *opt_keep; /* of a whole entry: these tokens alone, as a crop elsewhere has them */
  bool kept_in_space;   /* that crop was a spatial one */
} of3_sample_draw;

/* sample_build.c. *out is {0} after an error. */
OF3_MUST_CHECK of3_status of3_sample_build(const of3_sample_source *source, const of3_sample_draw *draw,
                                           of3_sample *out, of3_error *err);

#endif
