#include "feat/query_size.h"

#include <ctype.h>
#include <string.h>

#include "base/file.h"
#include "chem/component.h"
#include "feat/build.h"

/* ---- Ligands as text */

/* Whether a bracket atom is hydrogen: "[H]", "[2H]", "[H+]", "[H:1]", but not "[Hg]". */
static bool is_hydrogen(const char *inside) {
  while (isdigit((unsigned char)*inside)) inside++;
  return inside[0] == 'H' && !islower((unsigned char)inside[1]);
}

/* Heavy atoms of a SMILES: letters outside brackets begin an atom, but for the second one of Cl and Br; a
 * bracket is one atom. */
static int atoms_of_smiles(const char *s) {
  int n = 0;
  for (; *s; s++) {
    if (*s == '[') {
      n += !is_hydrogen(s + 1);
      s += strcspn(s, "]");
      if (!*s) break;
    } else if (isalpha((unsigned char)*s) && *s != 'H') {
      n++;
      if ((s[0] == 'C' && s[1] == 'l') || (s[0] == 'B' && s[1] == 'r')) s++;
    } else if (*s == '*')
      n++;
  }
  return n;
}

/* The line after the one that begins at `at`; NULL behind the last. */
static const char *next_line(const char *at, const char *end) {
  const char *nl = at ? memchr(at, '\n', (size_t)(end - at)) : NULL;
  return nl && nl + 1 < end ? nl + 1 : NULL;
}

static bool begins(const char *line, const char *end, const char *with) {
  const size_t n = strlen(with);
  return (size_t)(end - line) >= n && memcmp(line, with, n) == 0;
}

enum { ELEMENT_COLUMN = 31, ELEMENT_WIDTH = 3 }; /* of an atom's line in a V2000 block */

static bool is_hydrogen_line(const char *line, const char *end) {
  return end - line > ELEMENT_COLUMN + 1 && line[ELEMENT_COLUMN] == 'H' &&
         !isalpha((unsigned char)line[ELEMENT_COLUMN + 1]);
}

/* Heavy atoms of the first entry of a mol file: its fourth line begins with their number. */
static int atoms_of_mol_block(const char *text, size_t size) {
  const char *end = text + size, *line = text;
  for (int k = 0; k < 3; k++) line = next_line(line, end);
  if (!line || end - line < ELEMENT_WIDTH) return 0;
  int n = 0, heavy = 0;
  for (int k = 0; k < ELEMENT_WIDTH; k++)
    if (isdigit((unsigned char)line[k])) n = 10 * n + line[k] - '0';
  if (n > 0)
    for (; n > 0 && (line = next_line(line, end)) != NULL; n--) heavy += !is_hydrogen_line(line, end);
  else /* V3000: "M  V30 1 C x y z 0" between BEGIN ATOM and END ATOM */
    while ((line = next_line(line, end)) != NULL && !begins(line, end, "M  V30 END ATOM"))
      heavy += begins(line, end, "M  V30 ") && isdigit((unsigned char)line[7]);
  return heavy;
}

static int atoms_of_file(const char *path) {
  of3_map map = {0};
  if (of3_map_open(path, &map, NULL) != OF3_OK) return 0;
  const int n = atoms_of_mol_block((const char *)map.data, map.size);
  of3_map_close(&map);
  return n;
}

/* ---- Residues */

typedef struct size_sum {
  int64_t n_token, n_atom;
} size_sum;

static void add_residue(const of3_component *c, of3_molecule type, bool modified, size_sum *sum) {
  int n = 0;
  for (int a = 0; a < c->n_atom; a++) n += !of3_component_loses(c, a, type, modified);
  sum->n_atom += n;
  sum->n_token += c->standard && type != OF3_LIGAND ? 1 : n;
}

/* By its code. */
static void add_component(const of3_library *opt_library, const char *code, of3_molecule type,
                          size_sum *sum) {
  const of3_component *c = NULL;
  of3_error ignored;
  if (of3_component_find(opt_library, code, &c, &ignored) == OF3_OK && c)
    add_residue(c, type, true, sum);
  else
    sum->n_token++;
}

static void add_polymer(const of3_query_chain *c, const of3_library *opt_library, size_sum *sum) {
  int m = 0;
  for (int k = 0; k < c->n_residue; k++) {
    if (m < c->n_modified && c->modified[m].position == k + 1)
      add_component(opt_library, c->modified[m++].code, c->type, sum);
    else
      add_residue(&of3_standard_residues[of3_letter_class(c->type, c->sequence[k])], c->type, false, sum);
  }
}

static void add_ligand(const of3_query_chain *c, const of3_library *opt_library, size_sum *sum) {
  for (int k = 0; k < c->n_code; k++) add_component(opt_library, c->code[k], OF3_LIGAND, sum);
  if (c->n_code) return;
  const int n = c->smiles     ? atoms_of_smiles(c->smiles)
                : c->sdf_text ? atoms_of_mol_block(c->sdf_text, strlen(c->sdf_text))
                : c->sdf_path ? atoms_of_file(c->sdf_path)
                              : 0;
  sum->n_atom += n;
  sum->n_token += n ? n : 1;
}

of3_query_size of3_query_measure(const of3_query *q, const of3_library *opt_library) {
  enum { MOST = 1 << 30 };
  size_sum all = {0};
  of3_error ignored;
  if (of3_query_library(q, NULL, &opt_library, &ignored) != OF3_OK) return (of3_query_size){1, 1};
  for (int i = 0; i < q->n_chain; i++) {
    const of3_query_chain *c = &q->chain[i];
    size_sum one = {0};
    if (c->type == OF3_LIGAND)
      add_ligand(c, opt_library, &one);
    else
      add_polymer(c, opt_library, &one);
    all.n_token += c->n_id * one.n_token;
    all.n_atom += c->n_id * one.n_atom;
  }
  return (of3_query_size){.n_token = (int)(all.n_token < MOST ? all.n_token : MOST),
                          .n_atom = (int)(all.n_atom < MOST ? all.n_atom : MOST)};
}
