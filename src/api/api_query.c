/* Queries made by functions of of3.h. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "feat/ligand_names.h"
#include "feat/query_check.h"

/* The query with the memory that it lives in. */
typedef struct owned_query {
  of3_query query; /* first, so that a pointer to it is one to the whole */
  of3_arena *arena;
  int capacity; /* of query.chain */
} owned_query;

of3_status of3_query_new(const char *name, of3_query **ret_query, of3_error *err) {
  *ret_query = NULL;
  OF3_TRY(of3_query_check_name(name, err));
  owned_query *q = calloc(1, sizeof *q);
  if (q) q->arena = of3_arena_new(0);
  const char *kept = q && q->arena ? of3_arena_strdup(q->arena, name) : NULL;
  if (!kept) {
    of3_query_free(q ? &q->query : NULL);
    return of3_fail_memory(err, "a query");
  }
  q->query = (of3_query){.name = kept, .use_msas = true, .use_main_msas = true, .use_paired_msas = true};
  *ret_query = &q->query;
  return OF3_OK;
}

void of3_query_free(of3_query *query) {
  owned_query *q = (owned_query *)query;
  if (!q) return;
  of3_arena_free(q->arena);
  free(q);
}

/* Room for one chain more. */
static bool grow_chains(owned_query *q) {
  if (q->query.n_chain < q->capacity) return true;
  const int capacity = q->capacity ? 2 * q->capacity : 4;
  of3_query_chain *chain = OF3_ARENA_NEW(q->arena, of3_query_chain, capacity);
  if (!chain) return false;
  if (q->query.n_chain) memcpy(chain, q->query.chain, (size_t)q->query.n_chain * sizeof *chain);
  q->query.chain = chain;
  q->capacity = capacity;
  return true;
}

static of3_status copy_ids(of3_arena *arena, const char *const *ids, int n, const char ***ret_ids,
                           of3_error *err) {
  if (n < 1) return of3_fail(err, OF3_ERR_INPUT, "a chain needs at least one id");
  const char **copy = OF3_ARENA_NEW(arena, const char *, n);
  for (int i = 0; copy && i < n; i++) {
    OF3_TRY(of3_query_check_chain_id(ids[i], err));
    copy[i] = of3_arena_strdup(arena, ids[i]);
    if (!copy[i]) return of3_fail_memory(err, "a chain");
  }
  *ret_ids = copy;
  return copy ? OF3_OK : of3_fail_memory(err, "a chain");
}

/* Adds it, unless the query as a whole would be wrong then. */
static of3_status add_chain(owned_query *q, const of3_query_chain *c, of3_error *err) {
  if (!grow_chains(q)) return of3_fail_memory(err, "a chain");
  q->query.chain[q->query.n_chain++] = *c;
  of3_status status = of3_query_check_chains(&q->query, err);
  if (status != OF3_OK) q->query.n_chain--;
  return status;
}

of3_status of3_query_add_chain(of3_query *query, of3_molecule type, const char *const *ids, int n_id,
                               const char *sequence, of3_error *err) {
  owned_query *q = (owned_query *)query;
  of3_query_chain c = {.type = type, .n_id = n_id};
  if ((unsigned)type > OF3_LIGAND)
    return of3_fail(err, OF3_ERR_USAGE,
                    "%d is no type of molecule; OF3_PROTEIN, OF3_RNA, OF3_DNA or OF3_LIGAND was expected",
                    (int)type);
  if (type == OF3_LIGAND) return of3_query_add_ligand(query, &(of3_ligand){.code = sequence}, ids, n_id, err);
  char *kept = of3_arena_strdup(q->arena, sequence);
  if (!kept) return of3_fail_memory(err, "a chain");
  of3_query_clean_sequence(kept);
  c.sequence = kept;
  OF3_TRY(of3_query_check_sequence(kept, &c.n_residue, err));
  OF3_TRY(copy_ids(q->arena, ids, n_id, &c.id, err));
  return add_chain(q, &c, err);
}

static of3_status fill_ligand(of3_arena *arena, const of3_ligand *l, of3_query_chain *c, of3_error *err) {
  const char **code = OF3_ARENA_NEW(arena, const char *, 1);
  if (!code) return of3_fail_memory(err, "a ligand");
  if (l->code) {
    OF3_TRY(of3_query_check_code(l->code, err));
    code[0] = of3_arena_strdup(arena, l->code);
    c->code = code;
    c->n_code = 1;
    return code[0] ? OF3_OK : of3_fail_memory(err, "a ligand");
  }
  if (l->name) OF3_TRY(of3_query_ligand_name(arena, l->name, &c->name, err));
  if (l->smiles) c->smiles = of3_arena_strdup(arena, l->smiles);
  if (l->file) c->sdf_path = of3_arena_strdup(arena, l->file);
  if (l->file && !of3_is_file(l->file))
    return of3_fail(err, OF3_ERR_INPUT, "the ligand's file '%.300s' does not exist or is no file", l->file);
  return c->smiles || c->sdf_path ? OF3_OK : of3_fail_memory(err, "a ligand");
}

of3_status of3_query_add_ligand(of3_query *query, const of3_ligand *l, const char *const *ids, int n_id,
                                of3_error *err) {
  owned_query *q = (owned_query *)query;
  of3_query_chain c = {.type = OF3_LIGAND, .n_id = n_id, .n_residue = 1};
  if (!!l->code + !!l->smiles + !!l->file != 1)
    return of3_fail(err, OF3_ERR_USAGE, "a ligand is given by one of code, SMILES and file");
  if (l->code && l->name)
    return of3_fail(err, OF3_ERR_USAGE,
                    "the ligand '%.20s' is given a name; the name of a ligand by code is its code", l->code);
  OF3_TRY(fill_ligand(q->arena, l, &c, err));
  OF3_TRY(copy_ids(q->arena, ids, n_id, &c.id, err));
  return add_chain(q, &c, err);
}

of3_status of3_query_set_components(of3_query *query, const char *cif, of3_error *err) {
  query->components = of3_arena_strdup(((owned_query *)query)->arena, cif);
  return query->components ? OF3_OK : of3_fail_memory(err, "components");
}

/* The list, or a copy, with room for one entry more: it grows when n is a power of two. NULL: no memory. */
static void *grown(of3_arena *arena, void *list, int n, size_t size) {
  if (n & (n - 1)) return list;
  char *more = of3_arena_alloc(arena, 2 * (size_t)n + 1, size);
  if (more && n) memcpy(more, list, (size_t)n * size);
  return more;
}

of3_status of3_query_add_glycan(of3_query *query, const char *const *ids, int n_id, const char *const *codes,
                                int n_code, of3_error *err) {
  owned_query *q = (owned_query *)query;
  if (n_code < 1) return of3_fail(err, OF3_ERR_INPUT, "a ligand needs at least one code");
  for (int k = 0; k < n_code; k++) OF3_TRY(of3_query_check_code(codes[k], err));
  OF3_TRY(of3_query_add_chain(query, OF3_LIGAND, ids, n_id, codes[0], err));
  of3_query_chain *c = &query->chain[query->n_chain - 1];
  const char **code = OF3_ARENA_NEW(q->arena, const char *, n_code);
  bool ok = code != NULL;
  for (int k = 0; ok && k < n_code; k++) ok = (code[k] = of3_arena_strdup(q->arena, codes[k])) != NULL;
  c->code = code;
  c->n_code = c->n_residue = n_code;
  const of3_status status = ok ? of3_query_check_chains(query, err) : of3_fail_memory(err, "a ligand");
  if (status != OF3_OK) query->n_chain--;
  return status;
}

static of3_status copy_atom(of3_arena *arena, const of3_atom_name *from, of3_query_atom *out,
                            of3_error *err) {
  *out = (of3_query_atom){.chain = of3_arena_strdup(arena, from->chain),
                          .residue = from->residue,
                          .name = from->atom ? of3_arena_strdup(arena, from->atom) : NULL};
  return out->chain && (out->name || !from->atom) ? OF3_OK : of3_fail_memory(err, "an atom of a query");
}

of3_status of3_query_add_bond(of3_query *query, of3_atom_name a, of3_atom_name b, of3_error *err) {
  owned_query *q = (owned_query *)query;
  if (query->n_bond == OF3_MAX_BONDS)
    return of3_fail(err, OF3_ERR_INPUT, "a query has %d bonds at most", OF3_MAX_BONDS);
  of3_query_bond *bond = grown(q->arena, query->bond, query->n_bond, sizeof *bond);
  if (!bond) return of3_fail_memory(err, "a bond");
  OF3_TRY(copy_atom(q->arena, &a, &bond[query->n_bond].a, err));
  OF3_TRY(copy_atom(q->arena, &b, &bond[query->n_bond].b, err));
  query->bond = bond;
  query->n_bond++;
  const of3_status status = of3_query_check_bonds(query, err);
  if (status != OF3_OK) query->n_bond--;
  return status;
}

of3_status of3_query_add_leaving_atom(of3_query *query, of3_atom_name atom, of3_error *err) {
  owned_query *q = (owned_query *)query;
  if (query->n_leaving == OF3_MAX_BONDS)
    return of3_fail(err, OF3_ERR_INPUT, "a query has %d leaving atoms at most", OF3_MAX_BONDS);
  of3_query_atom *leaving = grown(q->arena, query->leaving, query->n_leaving, sizeof *leaving);
  if (!leaving) return of3_fail_memory(err, "a leaving atom");
  OF3_TRY(copy_atom(q->arena, &atom, &leaving[query->n_leaving], err));
  query->leaving = leaving;
  query->n_leaving++;
  const of3_status status = of3_query_check_bonds(query, err);
  if (status != OF3_OK) query->n_leaving--;
  return status;
}

of3_status of3_query_set_pocket(of3_query *query, const char *ligand, const of3_atom_name *residues, int n,
                                double max_distance, of3_error *err) {
  owned_query *q = (owned_query *)query;
  of3_query_pocket *p = OF3_ARENA_NEW(q->arena, of3_query_pocket, 1), *before = query->pocket;
  if (n < 0 || n > OF3_MAX_BONDS)
    return of3_fail(err, OF3_ERR_INPUT, "a pocket has 1 to %d residues, not %d", OF3_MAX_BONDS, n);
  if (p)
    *p = (of3_query_pocket){.ligand = of3_arena_strdup(q->arena, ligand),
                            .n_residue = n,
                            .residue = OF3_ARENA_NEW(q->arena, of3_query_atom, n),
                            .max_distance = max_distance == 0 ? OF3_POCKET_DISTANCE : max_distance};
  if (!p || !p->ligand || !p->residue) return of3_fail_memory(err, "a pocket");
  for (int k = 0; k < n; k++) OF3_TRY(copy_atom(q->arena, &residues[k], &p->residue[k], err));
  query->pocket = p;
  const of3_status status = of3_query_check_pocket(query, err);
  if (status != OF3_OK) query->pocket = before;
  return status;
}

of3_status of3_query_set_first_number(of3_query *query, int number, of3_error *err) {
  if (query->n_chain == 0)
    return of3_fail(err, OF3_ERR_USAGE, "a number was given before any chain; add the chain first");
  if (number < -OF3_MAX_NUMBER || number > OF3_MAX_NUMBER)
    return of3_fail(err, OF3_ERR_INPUT, "the first residue number is %d; -%d to %d are allowed", number,
                    OF3_MAX_NUMBER, OF3_MAX_NUMBER);
  of3_query_chain *c = &query->chain[query->n_chain - 1];
  if (c->type != OF3_LIGAND) c->number_shift = number - 1;
  return OF3_OK;
}

of3_status of3_query_add_msa(of3_query *query, const char *path, of3_error *err) {
  owned_query *q = (owned_query *)query;
  if (query->n_chain == 0)
    return of3_fail(err, OF3_ERR_USAGE, "an alignment was given before any chain; add the chain first");
  if (!of3_is_file(path) && !of3_is_folder(path))
    return of3_fail(err, OF3_ERR_INPUT, "the alignment '%.300s' is neither a file nor a folder", path);
  of3_query_chain *c = &query->chain[query->n_chain - 1];
  if (c->type != OF3_PROTEIN && c->type != OF3_RNA)
    return of3_fail(err, OF3_ERR_INPUT,
                    "an alignment was given for chain %s; those of proteins and RNA are used", c->id[0]);
  const char **paths = OF3_ARENA_NEW(q->arena, const char *, c->n_msa + 1);
  const char *kept = of3_arena_strdup(q->arena, path);
  if (!paths || !kept) return of3_fail_memory(err, "an alignment");
  if (c->n_msa) memcpy(paths, c->msa_path, (size_t)c->n_msa * sizeof *paths);
  paths[c->n_msa++] = kept;
  c->msa_path = paths;
  return OF3_OK;
}
