/* YAML files as one tree, checked against a table of keys and put into the struct that the table fills.
 *
 *   files -> one tree, of which the last file counts -> every key is one of the table
 *         -> values into the struct, those that a table gives a place
 *
 * A section whose keys are names that the user chose (the data sets of a training) is BELOW in its table; its
 * mappings are then read with a table of their own: of3_settings_fill_below. */
#ifndef OF3_SETTINGS_TREE_H
#define OF3_SETTINGS_TREE_H

#include "base/str.h"
#include "dialect/yaml.h"
#include "settings/table.h"

typedef struct of3_settings_tree {
  json_t *top;
  of3_yaml_lines lines;
  const of3_log *opt_log;
  of3_arena *arena; /* of the values */
} of3_settings_tree;

/* What n files say in order; the later ones count. Texts of the files and the arena stay as long as what is
 * filled from the tree. Ownership: of3_settings_tree_free, after an error too. */
OF3_MUST_CHECK of3_status of3_settings_tree_read(const of3_settings_file *file, int n, const of3_log *opt_log,
                                                 of3_arena *arena, of3_settings_tree *out, of3_error *err);
void of3_settings_tree_free(of3_settings_tree *tree); /* {0} is allowed */

/* Checks all keys and puts all values into `out`, which holds the defaults. opt_differences takes lines
 * "path=value" of what decides about features. Errors name file, line and path. */
OF3_MUST_CHECK of3_status of3_settings_fill(const of3_settings_tree *tree, const of3_setting_table *table,
                                            void *out, of3_str *opt_differences, of3_error *err);
/* The same for the mapping at a path, whose keys are those of the table; shown: the path for messages. */
OF3_MUST_CHECK of3_status of3_settings_fill_below(const of3_settings_tree *tree, json_t *mapping,
                                                  const char *shown, const of3_setting_table *table,
                                                  void *out, of3_error *err);

/* The value at a path of the tree, or NULL. */
json_t *of3_settings_at(const of3_settings_tree *tree, const char *path);
/* "'FILE', line 3: PATH: " before what an error says about a key of a mapping. Returns its code. */
of3_status of3_settings_blame(const of3_settings_tree *tree, const json_t *mapping, const char *key,
                              const char *path, of3_error *err);

#endif
