/* cif_counts FILE...: what of3 reads of structure files, one line each: models, chains, residues, atoms of
 * the first block that has an atom_site, or why not. tools/count_structures.py compares it with gemmi.
 *
 * A model is a number of pdbx_PDB_model_num; a chain a label_asym_id within a model; a residue a
 * label_asym_id, auth_seq_id, insertion code and name in a chain. Chains and residues are those of the first
 * model; atoms are the rows of all of atom_site. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cif/cif.h"

enum { MOST_MEMORY = 1 << 30, KEY = 64 };

typedef struct site_columns {
  of3_cif_column model, chain, sequence, insertion, name, auth_chain, label_sequence;
} site_columns;

typedef struct site_counts {
  int64_t models, chains, residues, atoms;
} site_counts;

static of3_status open_columns(of3_cif *cif, site_columns *c, of3_error *err) {
  struct {
    const char *item;
    of3_cif_column *column;
  } const all[] = {{"pdbx_PDB_model_num", &c->model},   {"label_asym_id", &c->chain},
                   {"auth_seq_id", &c->sequence},       {"pdbx_PDB_ins_code", &c->insertion},
                   {"label_comp_id", &c->name},         {"auth_asym_id", &c->auth_chain},
                   {"label_seq_id", &c->label_sequence}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    OF3_TRY(of3_cif_column_open(cif, "atom_site", all[i].item, all[i].column, err));
  return OF3_OK;
}

static int by_text(const void *a, const void *b) { return strcmp(a, b); }

/* Distinct keys among n; sorts them. */
static int64_t distinct(char (*key)[KEY], int64_t n) {
  int64_t found = 0;
  qsort(key, (size_t)n, sizeof *key, by_text);
  for (int64_t i = 0; i < n; i++) found += i == 0 || strcmp(key[i], key[i - 1]) != 0;
  return found;
}

static void key_of(site_columns *c, int64_t row, int parts, char out[KEY]) {
  of3_cif_column *const part[] = {c->chain.found ? &c->chain : &c->auth_chain,
                                  c->sequence.found ? &c->sequence : &c->label_sequence, &c->insertion,
                                  &c->name};
  size_t at = 0;
  for (int i = 0; i < parts && at < KEY - 1; i++) {
    at += of3_cif_copy(part[i], row, out + at, KEY - at);
    if (at < KEY - 1) out[at++] = '|';
  }
  out[at < KEY ? at : KEY - 1] = 0;
}

static of3_status count_rows(site_columns *c, int64_t n, site_counts *out, of3_error *err) {
  char(*key)[KEY] = malloc((size_t)n * sizeof *key), first[KEY], model[KEY];
  if (!key) return of3_fail_memory(err, "atom_site");
  for (int64_t i = 0; i < n; i++) of3_cif_copy(&c->model, i, key[i], KEY);
  out->models = distinct(key, n);
  of3_cif_copy(&c->model, 0, first, KEY);
  for (int parts = 1; parts <= 4; parts += 3) {
    int64_t m = 0;
    for (int64_t i = 0; i < n; i++) {
      of3_cif_copy(&c->model, i, model, KEY);
      if (strcmp(model, first) == 0) key_of(c, i, parts, key[m++]);
    }
    *(parts == 1 ? &out->chains : &out->residues) = distinct(key, m);
  }
  out->atoms = n;
  free(key);
  return OF3_OK;
}

static of3_status count_file(const char *path, site_counts *out, of3_error *err) {
  of3_cif *cif = NULL;
  bool found = true;
  OF3_TRY(of3_cif_open(path, MOST_MEMORY, &cif, err));
  of3_status status = of3_cif_next(cif, &found, err);
  while (status == OF3_OK && found) {
    const int64_t n = of3_cif_rows(cif, "atom_site");
    site_columns c;
    if (n > 0 && out->atoms == 0) {
      status = open_columns(cif, &c, err);
      if (status == OF3_OK) status = count_rows(&c, n, out, err);
    }
    if (status == OF3_OK) status = of3_cif_next(cif, &found, err);
  }
  of3_cif_close(cif);
  return status;
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    site_counts n = {0};
    of3_error err = {0};
    if (count_file(argv[i], &n, &err) == OF3_OK)
      printf("%lld %lld %lld %lld %s\n", (long long)n.models, (long long)n.chains, (long long)n.residues,
             (long long)n.atoms, argv[i]);
    else
      printf("refused %s: %s\n", argv[i], err.text);
  }
  return argc > 1 ? 0 : 2;
}
