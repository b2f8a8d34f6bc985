/* Components and conformers as the options of a call name them (rdkit/chemistry.h). */
#ifndef OF3_API_CHEMISTRY_H
#define OF3_API_CHEMISTRY_H

#include "rdkit/chemistry.h"

/* opt_ccd: a dictionary, else the user's (ccd/ccd_place.h); opt_user: files of components. */
OF3_MUST_CHECK of3_status of3_open_chemistry(const char *opt_ccd, const char *opt_user,
                                             const of3_log *opt_log, of3_chemistry **ret_chemistry,
                                             of3_error *err);

#endif
