/* What the two readers share: the table of contents of the open block. */
#ifndef OF3_CIF_CIF_PARTS_H
#define OF3_CIF_CIF_PARTS_H

#include "base/arena.h"
#include "base/file.h"
#include "base/stream.h"
#include "cif/cif.h"

enum {
  CIF_MOST_CATEGORIES = 4096, /* of a block; names are found one after the other */
  CIF_MOST_ITEMS = 1 << 14,
  CIF_MOST_BYTES = (1 << 30) - 1 /* of a text block: cells have 30 bits for lengths */
};

/* A piece of the block's text or of the binary file. */
typedef struct cif_span {
  uint32_t at, n;
} cif_span;

typedef struct cif_category {
  cif_span name;
  int first_item, last_item, n_item; /* linked by cif_item.next: items of a category may lie apart */
  int64_t n_row;
  bool loop;
} cif_category;

typedef struct cif_item {
  cif_span name;
  int next;                /* of the category, -1 */
  size_t cell, stride;     /* text: of row 0 */
  cif_span encoding, data; /* binary; encoding.n is not used */
  cif_span mask_encoding, mask;
  bool has_mask;
} cif_item;

struct of3_cif {
  char *name; /* of the file, for messages */
  size_t most, taken;
  bool binary;
  const char *base; /* spans lie in it */
  size_t base_size;
  /* the open block */
  cif_span block;
  cif_category *category;
  int n_category, category_room;
  cif_item *item;
  int n_item, item_room;
  /* text: what was read and is not behind us; cells of the block, row after row */
  of3_stream *stream;
  char *buffer;
  size_t at, filled, room;
  bool ended;
  int64_t line; /* of `at`, from 1 */
  of3_cif_cell *cell;
  size_t n_cell, cell_room;
  /* binary */
  of3_map map;
  of3_arena *unpacked, *decoded; /* the file, if it was packed; columns of the block */
  of3_arena *decoding;           /* of the column that is being decoded */
  size_t next_block;             /* where it begins */
  int64_t blocks_left;
};

/* cif_block.c */

/* Grows *array, elements of `size` bytes, to at least `need`; counts against cif->most. */
OF3_MUST_CHECK of3_status of3_cif_grow(of3_cif *cif, void **array, size_t *room, size_t need, size_t size,
                                       of3_error *err);
OF3_MUST_CHECK of3_status of3_cif_over_limit(const of3_cif *cif, of3_error *err);
OF3_MUST_CHECK of3_status of3_cif_not_text(const of3_cif *cif, of3_error *err);

void of3_cif_clear(of3_cif *cif); /* forgets the categories */
/* The category, new or not, and a new item at its end. */
OF3_MUST_CHECK of3_status of3_cif_add_category(of3_cif *cif, cif_span name, int *ret_category,
                                               of3_error *err);
OF3_MUST_CHECK of3_status of3_cif_add_item(of3_cif *cif, int category, cif_span name, cif_item **ret_item,
                                           of3_error *err);
/* Regardless of case; -1: none. */
int of3_cif_find_category(const of3_cif *cif, of3_cif_slice name);
int of3_cif_find_item(const of3_cif *cif, int category, of3_cif_slice name);

static inline of3_cif_slice cif_slice(const of3_cif *c, cif_span s) {
  return (of3_cif_slice){c->base + s.at, s.n};
}

/* cif_text.c, cif_binary.c */
OF3_MUST_CHECK of3_status of3_cif_text_next(of3_cif *cif, bool *ret_found, of3_error *err);
OF3_MUST_CHECK of3_status of3_cif_binary_open(of3_cif *cif, of3_error *err);
OF3_MUST_CHECK of3_status of3_cif_binary_next(of3_cif *cif, bool *ret_found, of3_error *err);
OF3_MUST_CHECK of3_status of3_cif_binary_column(of3_cif *cif, const cif_category *category,
                                                const cif_item *item, of3_cif_column *out, of3_error *err);

/* cif_decode.c: one array of a BinaryCIF file. Numbers are int32 or double. */
typedef struct cif_array {
  int64_t n;
  int32_t *integer; /* one of the two is there */
  double *real;
  double factor; /* other than 0: the values are integer / factor */
  uint8_t *mask; /* of a mask, alone: of3_cif_null of the rows, or NULL, all are values */
  /* StringArray: integer are indices of strings */
  bool strings;
  const char *text;
  int32_t *offset; /* [n_string + 1] */
  int64_t n_string;
  void *string; /* the indices when they are kept, in as few bytes as they fit (of3_cif_column) */
  int string_bytes;
} cif_array;

/* Undoes the encodings that stand at `encoding` from `data`, a mask or a column. Memory comes from
 * cif->decoded. Fails with what is wrong in *ret_why (a clause) or, if that is NULL, for memory. */
bool of3_cif_decode(of3_cif *cif, cif_span encoding, cif_span data, bool mask, cif_array *out,
                    const char **ret_why);

#endif
