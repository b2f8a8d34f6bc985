/* Lists of ligands: SMILES, tables, SDF; and the queries made of them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dialect/ligand_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const of3_listed_ligand *l) {
  const int given = (l->smiles != NULL) + (l->ccd != NULL) + (l->sdf != NULL);
  if (l->line < 1 || (!l->error && given != 1)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  of3_query_set set = {0};
  of3_ligand_list list;
  of3_error err;
  char *text = malloc(size + 1);
  if (!text) return 0;
  if (size) memcpy(text, data, size);
  text[size] = 0;
  /* the first byte decides what the file is called */
  const char *file = size && data[0] & 1 ? "f.csv" : "f";
  if (of3_ligand_list_read(text, size, file, &list, &err) == OF3_OK) {
    if (list.n < 1) abort();
    for (int i = 0; i < list.n; i++) check(&list.ligand[i]);
    if (of3_query_from_sequence("MKV", "q", &set, &err) != OF3_OK) abort();
    if (of3_query_set_add_ligands(&set, &list, NULL, &err) != OF3_OK || set.n != list.n) abort();
    for (int i = 0; i < set.n; i++)
      if (strlen(set.query[i].name) > OF3_MAX_QUERY_NAME || strchr(set.query[i].name, '/')) abort();
    of3_query_set_free(&set);
    of3_ligand_list_free(&list);
  }
  free(text);
  return 0;
}
