/* Inside src/learn: the keys of a training YAML. */
#ifndef OF3_LEARN_RECIPE_TABLE_H
#define OF3_LEARN_RECIPE_TABLE_H

#include "settings/table.h"

/* Sizes of the network are keys below this one, named as of3 info shows them. */
#define OF3_RECIPE_SIZES "of3.network."

extern const of3_setting_table of3_recipe_table;      /* fills of3_recipe */
extern const of3_setting_table of3_recipe_set_table;  /* dataset_configs.*.NAME, fills of3_recipe_set */
extern const of3_setting_table of3_recipe_path_table; /* dataset_paths.NAME, fills of3_recipe_set */

#endif
