/* Where the dictionary of a user lies: what was named, else what the environment variable OF3_CCD names
 * (empty: no dictionary, the built-in components alone), else the default place, if something is there. */
#ifndef OF3_CCD_CCD_PLACE_H
#define OF3_CCD_CCD_PLACE_H

#include "base/arena.h"
#include "base/status.h"

typedef struct of3_ccd_place {
  const char *path; /* in the arena; NULL: the built-in components alone */
  const char *by;   /* who says so: "--ccd", "OF3_CCD", "default place" */
} of3_ccd_place;

OF3_MUST_CHECK of3_status of3_ccd_place_of(const char *opt_named, of3_arena *arena, of3_ccd_place *out,
                                           of3_error *err);

/* The default place, whether there is something or not: $XDG_DATA_HOME/of3/components.ccd, without that
 * variable ~/.local/share/of3/components.ccd. *ret_path is NULL if there is no HOME either. */
OF3_MUST_CHECK of3_status of3_ccd_default_place(of3_arena *arena, const char **ret_path, of3_error *err);

#endif
