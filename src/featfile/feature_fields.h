/* One table of all features: name in files, type in memory, axes. */
#ifndef OF3_FEATFILE_FEATURE_FIELDS_H
#define OF3_FEATFILE_FEATURE_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feat/features.h"
#include "feat/msa_rows.h"
#include "tensor/template_pairs.h"

typedef enum of3_field_kind {
  OF3_FIELD_INDEX, /* int32_t; i32 in files */
  OF3_FIELD_FLAG,  /* uint8_t 0/1; u8 */
  OF3_FIELD_MASK,  /* float 0/1; u8 */
  OF3_FIELD_REAL,  /* float; f32 */
  OF3_FIELD_CLASS, /* uint8_t class or OF3_NO_CLASS; one-hot u8 with one more axis */
  OF3_FIELD_PAIRS  /* int32_t [n_bond,2], i < j; a symmetric matrix of u8 */
} of3_field_kind;

typedef struct of3_field {
  const char *name;
  of3_field_kind kind;
  const char *axes; /* N tokens, A atoms, M rows, T template slots, 3, 4 name characters, C 32 classes */
  int classes;      /* CLASS: size of the last axis in files */
  bool optional;    /* may be missing in files, and but for the atoms of tokens NULL in memory: cyclic_mask is
                     * left out,    the others are written as zeros */
  size_t offset;    /* of the pointer in of3_features; of axes "MN" in of3_msa_cells */
} of3_field;

enum { OF3_N_FIELD = 38 };
extern const of3_field of3_fields[OF3_N_FIELD];

/* Size of one axis. */
int64_t of3_axis_size(const of3_features *f, char axis);
/* Elements in memory; of PAIRS 2 n_bond. The axes of features that exist do not overflow; a file's shape is
 * checked against them. */
int64_t of3_field_count(const of3_features *f, const of3_field *field);

/* Whether the feature is one of rows of the MSA, which are no arrays: its row of N elements. */
bool of3_field_is_msa(const of3_field *field);
void of3_field_msa_row(const of3_features *f, const of3_field *field, int row, void *out);

/* Whether the feature is one of pairs of templates, bins or unit vectors, that follows from coordinates: for
 * each slot t first the places of its tokens [N,OF3_N_TEMPLATE_PLACE] (tensor/template_pairs.h), then each
 * row i of pairs, bytes [N] or floats [N,3]. */
bool of3_field_is_of_places(const of3_features *f, const of3_field *field);
void of3_field_template_places(const of3_features *f, int t, float *place);
void of3_field_template_row(const of3_features *f, const of3_field *field, const float *place, int i,
                            void *out);

/* The array; NULL of rows of the MSA. */
void *of3_field_get(const of3_features *f, const of3_field *field);
void of3_field_set(of3_features *f, const of3_field *field, void *data);
size_t of3_field_size(const of3_field *field); /* bytes of an element in memory */

#endif
