/* The runner YAML of OpenFold3 as of3_settings (docs/settings.md).
 *
 *   files -> one tree, of which the last file counts -> every key is looked up in the table
 * (settings_table.h)
 *         -> values into the struct */
#ifndef OF3_SETTINGS_SETTINGS_H
#define OF3_SETTINGS_SETTINGS_H

#include "base/arena.h"
#include "base/log.h"
#include "of3_settings.h"

/* A file that is there. */
typedef struct of3_settings_file {
  const char *path; /* for messages */
  const char *text; /* with a 0 behind it */
  size_t size;
} of3_settings_file;

/* What several files say in order; the later ones count. Texts live in the arena. */
OF3_MUST_CHECK of3_status of3_settings_parse(const of3_settings_file *file, int n, const of3_log *opt_log,
                                             of3_arena *arena, of3_settings *out, of3_error *err);

/* Settings of no file. */
of3_settings of3_settings_defaults(void);

#endif
