/* For the readers in this folder: completing a table whose entries were found in a file. */
#ifndef OF3_IO_TABLE_BUILD_H
#define OF3_IO_TABLE_BUILD_H

#include "io/checkpoint.h"

/* The name of the type in a safetensors file: "F32", ... */
const char *of3_dtype_stored(of3_dtype t);

/* Elements of a shape; false if they or their bytes overflow, or a size is negative. */
bool of3_shape_count(const int64_t *shape, int rank, of3_dtype dtype, int64_t *ret_count);

/* Sorts the entries by name; an empty, unprintable or repeated name is an error. */
OF3_MUST_CHECK of3_status of3_table_finish(of3_table *table, of3_error *err);

/* The name without leading `model.` and `module.`; NULL if it belongs to the second denoiser. */
const char *of3_weight_name(const char *name);

/* of3_safetensors_parse that takes at most most_memory bytes. */
OF3_MUST_CHECK of3_status of3_safetensors_parse_within(const uint8_t *bytes, size_t size, size_t most_memory,
                                                       of3_table *out, of3_error *err);

/* Reads a torch zip archive into a checkpoint that is {0} but for weights.arena, whose limit counts all. */
OF3_MUST_CHECK of3_status of3_torch_parse(const uint8_t *bytes, size_t size, of3_checkpoint *out,
                                          of3_error *err);

#endif
