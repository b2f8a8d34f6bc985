/* Components of the user's from files, for all queries of a run. */
#include <string.h>

#include "base/file.h"
#include "rdkit/chemistry_parts.h"

enum { MOST_CODE = 7 };

static bool is_code(const char *text, size_t n) {
  return n > 0 && n <= MOST_CODE && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") >= n;
}

static bool ends_in_mol(const char *path) {
  const size_t n = strlen(path);
  return n > 4 && (strcmp(path + n - 4, ".sdf") == 0 || strcmp(path + n - 4, ".mol") == 0);
}

/* Coordinates that show the stereochemistry of a flat or wedged drawing. */
static of3_status give_coordinates(const of3_rdkit *r, const of3_rdkit_mol *mol, of3_ccd_entry *e,
                                   int n_heavy, of3_arena *arena, of3_error *err) {
  enum { SECONDS = 120 };
  const of3_embedding how = {.small_rings = true, .seed = {1, 2, 3}};
  int attempts = 0;
  bool found = false;
  of3_error why = {0};
  float *xyz = OF3_ARENA_NEW(arena, float, 3 * (size_t)e->n_atom);
  if (!xyz) return of3_fail_memory(err, "a component");
  for (int i = 3 * n_heavy; i < 3 * e->n_atom; i++) xyz[i] = __builtin_nanf("");
  OF3_TRY(of3_rdkit_search(r, mol, &how, SECONDS, xyz, &attempts, &found, &why, err));
  if (found) e->ideal = xyz;
  return OF3_OK;
}

static of3_status add_molecule(of3_chemistry *c, const of3_rdkit *r, const of3_rdkit_mol *mol,
                               const char *path, const char *code, of3_arena *arena, of3_error *err) {
  of3_ccd_entry *e = NULL;
  int n_heavy = 0, n_bond = 0;
  OF3_TRY(of3_rdkit_entry_of(r, mol, false, arena, &e, err));
  r->count(mol, &n_heavy, &n_bond);
  strncpy(e->code, code, sizeof e->code - 1);
  if (!e->ideal) OF3_TRY(give_coordinates(r, mol, e, n_heavy, arena, err));
  return of3_ccd_library_add_entry(c->opt_user, path, e, err);
}

/* The code in the first line of a mol file, else an error. */
static of3_status first_line(const char *path, const char *block, of3_arena *arena, const char **ret_code,
                             of3_error *err) {
  size_t n = strcspn(block, "\r\n");
  while (n > 0 && block[n - 1] == ' ') n--;
  if (!is_code(block, n))
    return of3_fail(
        err, OF3_ERR_INPUT,
        "'%.200s' names no component, as its first line is no code of 1 to %d capital letters and "
        "digits; write a code before the path, such as LIG=%.200s",
        path, MOST_CODE, path);
  *ret_code = of3_arena_strndup(arena, block, n);
  return *ret_code ? OF3_OK : of3_fail_memory(err, "a component");
}

static of3_status add_mol_file(of3_chemistry *c, const char *path, const char *opt_code, of3_arena *arena,
                               of3_error *err) {
  const of3_rdkit *r = NULL;
  of3_rdkit_mol *mol = NULL;
  char *block = NULL;
  OF3_TRY(of3_chemistry_rdkit(c, &r, err));
  OF3_TRY(of3_rdkit_block_of(path, arena, &block, err));
  if (!opt_code) OF3_TRY(first_line(path, block, arena, &opt_code, err));
  OF3_TRY(of3_rdkit_read_block(r, path, block, &mol, err));
  const of3_status status = add_molecule(c, r, mol, path, opt_code, arena, err);
  r->free(mol);
  return status == OF3_OK ? OF3_OK : of3_prefix(err, "'%.200s'", path);
}

static of3_status add_file(of3_chemistry *c, const char *item, of3_arena *arena, of3_error *err) {
  const char *equals = strchr(item, '='), *path = item, *code = NULL;
  char hash[OF3_SHA256_HEX];
  uint64_t size = 0;
  if (equals && is_code(item, (size_t)(equals - item))) {
    code = of3_arena_strndup(arena, item, (size_t)(equals - item));
    if (!code) return of3_fail_memory(err, "a component");
    path = equals + 1;
  }
  OF3_TRY(of3_sha256_file(path, NULL, hash, &size, err));
  of3_sha256_add(&c->files, item, (size_t)(path - item));
  of3_sha256_add(&c->files, hash, sizeof hash);
  if (ends_in_mol(path)) return add_mol_file(c, path, code, arena, err);
  if (code)
    return of3_fail(err, OF3_ERR_INPUT,
                    "'%.200s' is no SDF or mol file; the components of a CIF file have their own codes",
                    path);
  return of3_ccd_library_add_file(c->opt_user, path, err);
}

of3_status of3_chemistry_add_files(of3_chemistry *c, const char *paths, const of3_log *opt_log,
                                   of3_error *err) {
  of3_status status = OF3_OK;
  of3_arena *arena = of3_arena_new(0);
  if (!arena) return of3_fail_memory(err, "components");
  if (!c->opt_user) status = of3_ccd_library_new(&c->opt_user, err);
  for (const char *at = paths; status == OF3_OK && *at;) {
    const size_t n = strcspn(at, ",");
    const char *item = of3_arena_strndup(arena, at, n);
    status = item ? add_file(c, item, arena, err) : of3_fail_memory(err, "components");
    at += n + (at[n] == ',');
  }
  of3_arena_free(arena);
  OF3_TRY(status);
  c->user_codes = of3_ccd_library_of(c->opt_user);
  OF3_TRY(of3_chemistry_refuse_standard(c->opt_user, paths, err));
  return of3_chemistry_tell_replaced(c, c->opt_user, opt_log, err);
}
