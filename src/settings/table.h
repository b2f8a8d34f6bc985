/* Tables of keys: every key of a YAML file, and where its value goes. Here is that of the runner YAML; a
 * training YAML has its own (learn/recipe_table.c). */
#ifndef OF3_SETTINGS_TABLE_H
#define OF3_SETTINGS_TABLE_H

#include <stddef.h>

#include "settings/settings.h"

/* The settings, and values that make one of them together. */
typedef struct of3_raw_settings {
  of3_settings s; /* first */
  const char *confidence_format, *confidence_type, *accelerator, *precision, *template_folder;
  of3_choice write_confidences, save_mappings, clean_up, save_alignments, save_answers, pocket;
  const char *msa_format;
  int num_seeds;
  uint64_t first_seed;
  bool has_first_seed;
} of3_raw_settings;

typedef enum of3_setting_kind {
  OF3_SETTING_TEXT,    /* const char *; "none" and "null" are nothing */
  OF3_SETTING_SWITCH,  /* of3_choice */
  OF3_SETTING_WHOLE,   /* int, low .. high */
  OF3_SETTING_COUNT,   /* int64_t, low .. high */
  OF3_SETTING_REAL,    /* double, low .. high */
  OF3_SETTING_WORD,    /* const char *: one of `values` */
  OF3_SETTING_NAMES,   /* of3_names; with `values` each of them one of those, in any case */
  OF3_SETTING_CAPS,    /* of of3_raw_settings: names with numbers */
  OF3_SETTING_SEEDS,   /* of of3_raw_settings: a list, or the seed that others come from */
  OF3_SETTING_DATE,    /* const char *: "2021-09-30" */
  OF3_SETTING_PRESETS, /* names of settings of the model */
  OF3_SETTING_ONLY,    /* one of `values`, which is what of3 does; `why` it does nothing else */
  OF3_SETTING_ASIDE,   /* of the reference's own machinery: any value, and keys below it */
  OF3_SETTING_REFUSED, /* whatever is set there; `why` */
  OF3_SETTING_BELOW    /* keys below it are of another table */
} of3_setting_kind;

typedef struct of3_setting {
  const char *path; /* keys with '.' between them */
  of3_setting_kind kind;
  size_t offset; /* in the struct that the table fills */
  double low, high;
  const char *values; /* with blanks between them */
  const char *why;
  bool decides; /* features depend on it */
} of3_setting;

typedef struct of3_setting_table {
  const of3_setting *row; /* [n] */
  int n;
  const char *page; /* where the keys are described */
} of3_setting_table;

extern const of3_setting_table of3_runner_table; /* fills of3_raw_settings */

/* The row of a path, or of what it lies below (ASIDE, REFUSED, BELOW); NULL: none. */
const of3_setting *of3_setting_find(const of3_setting_table *table, const char *path);
/* Whether rows lie below the path. */
bool of3_setting_is_section(const of3_setting_table *table, const char *path);

#endif
