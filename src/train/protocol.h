/* What the releases of OpenFold3 do differently when they train. A network is fine-tuned as it was trained:
 * P1 with 0.3.1, P2 with 0.4, OB with 0.5.0. */
#ifndef OF3_TRAIN_PROTOCOL_H
#define OF3_TRAIN_PROTOCOL_H

#include <stdbool.h>

typedef enum of3_release { OF3_RELEASE_031, OF3_RELEASE_04, OF3_RELEASE_05, OF3_N_RELEASE } of3_release;

typedef struct of3_protocol {
  const char *name;    /* "0.3.1", "0.4", "0.5.0" */
  of3_release release; /* whose features its networks read; copies of a protocol may differ in what follows */
  bool half_bin_shift; /* targets of pLDDT, PDE and PAE: the nearest lower edge, not the nearest centre */
  bool radius_on_error;    /* pLDDT: the error of a distance, not the distance, is below 15 or 30 Angstrom */
  bool pae_in_last_stage;  /* the PAE head learns in the last stage only */
  bool copies_see_all;     /* the denoiser gets unresolved atoms of noised copies too */
  bool average_lags;       /* the moving average takes parameters before the step, not after */
  bool clip_mean_gradient; /* the mean of the entries' gradients is clipped, not each of them */
} of3_protocol;

/* The protocol of a release. */
const of3_protocol *of3_protocol_of(of3_release release);
/* NULL: there is none of that name. */
const of3_protocol *of3_protocol_named(const char *name);

#endif
