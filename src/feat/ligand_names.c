#include "feat/ligand_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "chem/component.h"

of3_status of3_query_ligand_name(of3_arena *arena, const char *given, const char **ret_name, of3_error *err) {
  enum { MOST_NAME = 5 };
  given += strspn(given, " \t\r\n");
  size_t n = strcspn(given, " \t\r\n");
  const bool one = given[n + strspn(given + n, " \t\r\n")] == 0;
  char *name = of3_arena_strdup(arena, given);
  if (!name) return of3_fail_memory(err, "the name of a ligand");
  name[n] = 0;
  for (char *c = name; *c; c++)
    if (*c >= 'a' && *c <= 'z') *c = (char)(*c - 'a' + 'A');
  if (!one || n < 1 || n > MOST_NAME || strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != n)
    return of3_fail(err, OF3_ERR_INPUT,
                    "the ligand name '%.40s' cannot be used; 1 to %d letters and digits were expected", given,
                    MOST_NAME);
  if (of3_standard_residue(name) || strcmp(name, "GAP") == 0)
    return of3_fail(err, OF3_ERR_INPUT,
                    "the ligand name '%s' is that of a standard residue; choose another one", name);
  *ret_name = name;
  return OF3_OK;
}

static int sort_distinct(const char **text, int n) {
  int kept = 0;
  if (n) qsort(text, (size_t)n, sizeof *text, of3_text_order);
  for (int i = 0; i < n; i++)
    if (kept == 0 || strcmp(text[kept - 1], text[i]) != 0) text[kept++] = text[i];
  return kept;
}

static int rank(const char *text, const char *const *sorted, int n) {
  const char *const *hit = bsearch(&text, sorted, (size_t)n, sizeof *sorted, of3_text_order);
  return hit ? (int)(hit - sorted) : 0;
}

char (*of3_query_ligand_names(const of3_query *q))[8] {
  const size_t n = (size_t)q->n_chain + 1;
  char(*name)[8] = calloc(n, sizeof *name);
  const char **smiles = malloc(n * sizeof *smiles), **path = malloc(n * sizeof *path);
  int n_smiles = 0, n_path = 0;
  for (int i = 0; smiles && path && i < q->n_chain; i++) {
    const of3_query_chain *c = &q->chain[i];
    if (c->smiles)
      smiles[n_smiles++] = c->smiles;
    else if (c->sdf_path)
      path[n_path++] = c->sdf_path;
  }
  n_smiles = sort_distinct(smiles, n_smiles);
  n_path = sort_distinct(path, n_path);
  for (int i = 0; name && smiles && path && i < q->n_chain; i++) {
    const of3_query_chain *c = &q->chain[i];
    if (!of3_query_is_own_ligand(c)) continue;
    if (c->name)
      snprintf(name[i], sizeof name[i], "%s", c->name);
    else
      snprintf(name[i], sizeof name[i], "LIG%d",
               c->smiles ? rank(c->smiles, smiles, n_smiles) : n_smiles + rank(c->sdf_path, path, n_path));
  }
  if (!smiles || !path) {
    free(name);
    name = NULL;
  }
  free(smiles);
  free(path);
  return name;
}

/* ---- Checks */

static const char *what_of(const of3_query_chain *c) { return c->smiles ? c->smiles : c->sdf_path; }

static bool is_code_of(const of3_query_chain *c, const char *name) {
  for (int k = 0; k < c->n_code; k++)
    if (strcmp(c->code[k], name) == 0) return true;
  for (int k = 0; k < c->n_modified; k++)
    if (strcmp(c->modified[k].code, name) == 0) return true;
  return false;
}

static of3_status check_pair(const of3_query_chain *c, const char *name, const of3_query_chain *d,
                             const char *other, of3_error *err) {
  const bool same = strcmp(what_of(c), what_of(d)) == 0;
  if (same == (strcmp(name, other) == 0)) return OF3_OK;
  if (same)
    return of3_fail(err, OF3_ERR_INPUT,
                    "the ligand of the chains %s and %s is one molecule but has two names, '%s' and '%s'; "
                    "give both the same 'ligand_name'",
                    c->id[0], d->id[0], name, other);
  return of3_fail(err, OF3_ERR_INPUT,
                  "the ligands of the chains %s and %s are two molecules but have one name, '%s'; give them "
                  "different names",
                  c->id[0], d->id[0], name);
}

/* Only names that the user gave can contradict each other, so that all pairs of these, with all chains, are
 * few. */
static of3_status check_name(const of3_query *q, char (*name)[8], int i, of3_error *err) {
  const of3_query_chain *c = &q->chain[i];
  for (int k = 0; k < q->n_chain; k++) {
    const of3_query_chain *d = &q->chain[k];
    if (is_code_of(d, name[i]))
      return of3_fail(err, OF3_ERR_INPUT,
                      "the ligand of chain %s is called '%s', which is the code of a component of chain %s; "
                      "choose another 'ligand_name'",
                      c->id[0], name[i], d->id[0]);
    if (k != i && of3_query_is_own_ligand(d)) OF3_TRY(check_pair(c, name[i], d, name[k], err));
  }
  return OF3_OK;
}

of3_status of3_query_check_ligand_names(const of3_query *q, of3_error *err) {
  bool any = false;
  for (int i = 0; i < q->n_chain; i++) any |= q->chain[i].name != NULL;
  if (!any) return OF3_OK;
  char(*name)[8] = of3_query_ligand_names(q);
  if (!name) return of3_fail_memory(err, "the names of ligands");
  of3_status status = OF3_OK;
  for (int i = 0; status == OF3_OK && i < q->n_chain; i++)
    if (q->chain[i].name) status = check_name(q, name, i, err);
  free(name);
  return status;
}
