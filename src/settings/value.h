/* One value of a YAML file into the struct that its table fills. */
#ifndef OF3_SETTINGS_VALUE_H
#define OF3_SETTINGS_VALUE_H

#include <jansson.h>

#include "settings/table.h"

/* An error says what was expected, not where. A value that is null stays as it is by itself. */
OF3_MUST_CHECK of3_status of3_setting_put(const of3_setting *setting, const json_t *value,
                                          const of3_log *opt_log, of3_arena *arena, void *out,
                                          of3_error *err);

#endif
