/* A CIF file read as a whole, for fuzz targets: every block, every column, every value. */
#ifndef OF3_TESTS_FUZZ_CIF_H
#define OF3_TESTS_FUZZ_CIF_H

#include <stdlib.h>

#include "cif/cif.h"

static void touch_column(of3_cif_column *c) {
  of3_cif_slice s;
  double x;
  int64_t i;
  enum { MOST_ROWS = 300 }; /* from the beginning; what a column decodes to was checked when it was opened */
  for (int64_t row = 0; row < c->n_row && row < MOST_ROWS; row++) {
    (void)of3_cif_get_real(c, row, &x);
    (void)of3_cif_get_integer(c, row, &i);
    size_t sum = 0;
    if (of3_cif_get_text(c, row, &s))
      for (size_t k = 0; k < s.n; k++) sum += (unsigned char)s.text[k];
    if (sum == SIZE_MAX) abort();
  }
}

static void touch_block(of3_cif *cif) {
  of3_error err;
  for (int i = 0; i < of3_cif_n_category(cif); i++) {
    char category[64], item[64];
    of3_cif_slice s = of3_cif_category_name(cif, i);
    if (s.n >= sizeof category) continue;
    for (size_t k = 0; k <= s.n; k++) category[k] = k < s.n ? s.text[k] : 0;
    for (int k = 0; k < of3_cif_n_column(cif, i); k++) {
      of3_cif_column column;
      of3_cif_slice name = of3_cif_column_name(cif, i, k);
      if (name.n >= sizeof item) continue;
      for (size_t b = 0; b <= name.n; b++) item[b] = b < name.n ? name.text[b] : 0;
      if (of3_cif_column_open(cif, category, item, &column, &err) == OF3_OK) touch_column(&column);
    }
  }
}

static void touch_file(const uint8_t *data, size_t size) {
  of3_cif *cif = NULL;
  of3_error err;
  bool found = true;
  if (of3_cif_open_bytes("input", data, size, 1 << 24, &cif, &err) != OF3_OK) return;
  for (int block = 0; found && block < 100; block++) {
    if (of3_cif_next(cif, &found, &err) != OF3_OK) break;
    if (found) touch_block(cif);
  }
  of3_cif_close(cif);
}

#endif
