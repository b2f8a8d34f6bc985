/* SDF and mol files, of ligands and of the user's components: entries, and what becomes of each in RDKit if
 * its plugin is there (OF3_RDKIT_PLUGIN). */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dialect/ligand_list.h"
#include "rdkit/rdkit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__asan_default_options(void);

/* RDKit's parser of mol files leaks what it has made so far of those that it refuses. */
const char *__asan_default_options(void) { return "detect_leaks=0"; }

static const of3_rdkit *opt_rdkit(void) {
  static const of3_rdkit *rdkit;
  static bool asked;
  of3_error err;
  if (!asked && of3_rdkit_open(&rdkit, &err) != OF3_OK) rdkit = NULL;
  asked = true;
  return rdkit;
}

static void check_entry(const of3_ccd_entry *e) {
  if (e->n_atom < 1) abort();
  for (int i = 0; i < e->n_bond; i++)
    if (e->bond[i].a >= e->n_atom || e->bond[i].b >= e->n_atom) abort();
}

static void read_molecule(const char *text) {
  const of3_rdkit *rdkit = opt_rdkit();
  of3_rdkit_mol *mol = NULL;
  of3_ccd_entry *e = NULL;
  of3_error err;
  if (!rdkit || of3_rdkit_read_block(rdkit, "f.sdf", text, &mol, &err) != OF3_OK) return;
  of3_arena *arena = of3_arena_new(0);
  if (arena && of3_rdkit_entry_of(rdkit, mol, false, arena, &e, &err) == OF3_OK) check_entry(e);
  of3_arena_free(arena);
  rdkit->free(mol);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  enum { MOST_MOLECULES = 4 };
  of3_ligand_list list;
  of3_error err;
  char *text = malloc(size + 1);
  if (!text) return 0;
  if (size) memcpy(text, data, size);
  text[size] = 0;
  if (of3_ligand_list_read(text, size, "f.sdf", &list, &err) == OF3_OK) {
    for (int i = 0; i < list.n; i++) {
      const of3_listed_ligand *l = &list.ligand[i];
      if (l->sdf && (l->error || l->line < 1)) abort();
      if (l->sdf && i < MOST_MOLECULES) read_molecule(l->sdf);
    }
    of3_ligand_list_free(&list);
  }
  free(text);
  return 0;
}
