/* The structures that the template hits of a chain name. */
#ifndef OF3_FEAT_TEMPLATE_FILES_H
#define OF3_FEAT_TEMPLATE_FILES_H

#include "base/arena.h"
#include "feat/query.h"
#include "of3_settings.h"

/* Files in the folder, in the order of the hits that are read, one for each hit that has one; none of a chain
 * without hits, or whose hits cannot be read (which is an error of its features). In the arena. */
OF3_MUST_CHECK of3_status of3_template_files(const of3_query_chain *chain, const char *folder,
                                             const of3_settings *opt_settings, of3_arena *arena,
                                             const char *const **ret_path, int *ret_n, of3_error *err);

#endif
