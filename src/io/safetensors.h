/* Named tensors in a file: safetensors, mapped for reading. */
#ifndef OF3_IO_SAFETENSORS_H
#define OF3_IO_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/status.h"
#include "tensor/dtype.h"

/* A tensor lying in a mapped file: dense and row-major. */
typedef struct of3_entry {
  const char *name;
  of3_dtype dtype;
  int rank;
  int64_t shape[OF3_MAX_RANK];
  int64_t count; /* elements */
  const void *data;
} of3_entry;

/* A read-only table of tensors. data points into the file or into memory that the table owns. */
typedef struct of3_table {
  int n;
  of3_entry *entry; /* sorted by name (strcmp) */
  int n_meta;
  const char **meta_key, **meta_value; /* safetensors __metadata__ */
  of3_arena *arena;
  of3_map map;
} of3_table;

/* Reads the header, checks every name, type, shape and offset; the data stay in the file. Fixtures may hold
 * F64, I32, I64 and U8 too. Ownership: of3_table_close. */
OF3_MUST_CHECK of3_status of3_safetensors_open(const char *path, of3_table *out, of3_error *err);
/* The same from memory, which must outlive the table. A tensor that is not aligned to its element size is
 * copied. */
OF3_MUST_CHECK of3_status of3_safetensors_parse(const uint8_t *bytes, size_t size, of3_table *out,
                                                of3_error *err);
void of3_table_close(of3_table *table); /* {0} is allowed */

/* NULL if there is none. */
const of3_entry *of3_table_find(const of3_table *table, const char *name);
const char *of3_table_meta(const of3_table *table, const char *key);

/* Gives the memory back that an entry took when it was read; it can be read again. */
void of3_table_release(const of3_table *table, const of3_entry *entry);

/* Writes dense entries with n_meta metadata pairs (key, value, key, value, ...), through a temporary name, or
 * through a device or an open descriptor (of3_out_open_any). In the file, wider element types come first (so
 * that every tensor is aligned), otherwise the given order is kept. */
OF3_MUST_CHECK of3_status of3_safetensors_write(const char *path, const of3_entry *entry, int n,
                                                const char *const *meta, int n_meta, of3_error *err);

/* The same for data that are made while writing: put writes the bytes of one entry to f (entry->data is not
 * looked at), and may fail. *opt_size: bytes of the file. */
typedef of3_status of3_put_tensor(void *user, FILE *f, const of3_entry *entry, of3_error *err);
OF3_MUST_CHECK of3_status of3_safetensors_stream(const char *path, const of3_entry *entry, int n,
                                                 const char *const *meta, int n_meta, of3_put_tensor *put,
                                                 void *user, uint64_t *opt_size, of3_error *err);

#endif
