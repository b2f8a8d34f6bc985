/* Where components come from: the user's own, a dictionary that was converted (of3 ccd build), the built-in
 * ones; the first that has the code counts. Calls on one library come one at a time. */
#ifndef OF3_CCD_CCD_LIBRARY_H
#define OF3_CCD_CCD_LIBRARY_H

#include "ccd/ccd.h"
#include "chem/component.h"

typedef struct of3_ccd_library of3_ccd_library;

/* opt_path: a converted dictionary. */
OF3_MUST_CHECK of3_status of3_ccd_library_open(const char *opt_path, of3_ccd_library **ret_library,
                                               of3_error *err);
/* One without any dictionary, for components of a user's. */
OF3_MUST_CHECK of3_status of3_ccd_library_new(of3_ccd_library **ret_library, of3_error *err);
void of3_ccd_library_close(of3_ccd_library *opt_library);

/* The dictionary that it was opened with, or NULL. */
const of3_ccd *of3_ccd_library_file(const of3_ccd_library *library);

/* Adds the components of a CIF file, or of n bytes of CIF, to the user's own. Whole, or not at all. */
OF3_MUST_CHECK of3_status of3_ccd_library_add_file(of3_ccd_library *library, const char *path,
                                                   of3_error *err);
OF3_MUST_CHECK of3_status of3_ccd_library_add_bytes(of3_ccd_library *library, const char *name,
                                                    const void *bytes, size_t n, of3_error *err);
/* Adds one that is at hand; copies it. */
OF3_MUST_CHECK of3_status of3_ccd_library_add_entry(of3_ccd_library *library, const char *source,
                                                    const of3_ccd_entry *entry, of3_error *err);
/* How many of the user's own there are, and the i-th. */
int of3_ccd_library_n_own(const of3_ccd_library *library);
const of3_ccd_entry *of3_ccd_library_own(const of3_ccd_library *library, int i);

/* All that is known of a component; *ret_entry is NULL if there is none of that code. *ret_source names where
 * it came from. Both live as long as the library. */
OF3_MUST_CHECK of3_status of3_ccd_library_entry(of3_ccd_library *library, const char *code,
                                                const of3_ccd_entry **ret_entry, const char **ret_source,
                                                of3_error *err);

/* The library as others know it; components live as long as it. */
of3_library of3_ccd_library_of(of3_ccd_library *library);

/* The component as chains of residues need it (chem/component.h): heavy atoms with what is bonded to them, no
 * conformer. Shares the entry's texts. NULL: out of memory. */
of3_component *of3_ccd_component(const of3_ccd_entry *entry, of3_arena *arena);

/* The components that are part of the program (tools/make_builtin_components.py). */
OF3_MUST_CHECK of3_status of3_ccd_open_builtin(of3_ccd **ret_ccd, of3_error *err);

#endif
