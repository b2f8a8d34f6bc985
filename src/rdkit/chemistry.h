/* All that complexes need of chemistry, as a library of components (chem/component.h): components by their
 * codes from a dictionary, those of ligands from SMILES and mol files by RDKit, conformers by RDKit.
 *
 * RDKit is opened when it is first needed. Without it SMILES and files are refused with a sentence that says
 * what to install, and conformers are the coordinates of the dictionary. Conformers are kept: what is asked
 * for again with the same seeds is not sought again. The functions of its library may be called by several
 * threads at a time, and RDKit then works in each of them. */
#ifndef OF3_RDKIT_CHEMISTRY_H
#define OF3_RDKIT_CHEMISTRY_H

#include "ccd/ccd_library.h"
#include "chem/component.h"

typedef struct of3_chemistry of3_chemistry;

/* opt_ccd: a converted dictionary. */
OF3_MUST_CHECK of3_status of3_chemistry_open(const char *opt_ccd, of3_chemistry **ret_chemistry,
                                             of3_error *err);
void of3_chemistry_close(of3_chemistry *opt_chemistry);

/* Conformers are looked for in the cache, and kept there. opt_folder: as in of3_cache_options. */
OF3_MUST_CHECK of3_status of3_chemistry_open_cache(of3_chemistry *chemistry, const char *opt_folder,
                                                   of3_error *err);

/* Adds components of the user's, for all queries: files of CIF, or SDF and mol files of one component each,
 * which RDKit reads, separated by commas. The code of a mol file stands before its path, "INH=inhibitor.sdf",
 * or in its first line. What takes the place of a component of the dictionary is told in the log. */
OF3_MUST_CHECK of3_status of3_chemistry_add_files(of3_chemistry *chemistry, const char *paths,
                                                  const of3_log *opt_log, of3_error *err);

/* Components that it gives live as long as it. */
of3_library of3_chemistry_library(of3_chemistry *chemistry);

of3_ccd_library *of3_chemistry_components(of3_chemistry *chemistry);

enum { OF3_CHEMISTRY_TEXT = 256 };

/* All that decides components and conformers, as text: the version of RDKit ("none" if there is none; opens
 * it), the dictionary, the user's files. Returns out. */
const char *of3_chemistry_identity(of3_chemistry *chemistry, char out[OF3_CHEMISTRY_TEXT]);

#endif
