/* of3_chem.h: chemical components. The dictionary that the PDB publishes of them, as of3 keeps it. See of3.h
 * for errors, callbacks and ownership. */
#ifndef OF3_CHEM_H
#define OF3_CHEM_H

#include "of3.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct of3_ccd_info {
  int components;
  int obsolete;            /* release status OBS */
  int without_ideal;       /* without ideal coordinates */
  int without_coordinates; /* without ideal and without model coordinates */
  int64_t atoms, bonds;    /* hydrogens counted */
  char newest[16];         /* date of the component that was changed last, "2026-01-16" */
} of3_ccd_info;

typedef struct of3_ccd_build_options {
  const char *only; /* a file with the codes that are kept, blanks or line ends between them; NULL: all are */
  bool compact;     /* leave out model coordinates where there are ideal ones */
} of3_ccd_build_options;

/* Converts the chemical component dictionary, components.cif[.gz] or a BinaryCIF file of components, into one
 * indexed file, which appears at `out` when it is complete. opt_options NULL: {0}. Of the callbacks only
 * cancel is used. */
OF3_API OF3_MUST_CHECK of3_status of3_ccd_build(const char *in, const char *out,
                                                const of3_ccd_build_options *opt_options,
                                                const of3_callbacks *opt_callbacks, of3_ccd_info *opt_info,
                                                of3_error *err);

#ifdef __cplusplus
}
#endif

#endif
