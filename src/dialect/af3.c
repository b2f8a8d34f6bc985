/* AlphaFold 3's JSON (docs/queries.md 3): one job, or a list of jobs as its server has them. Both have the
 * same frame; what a molecule is called and which keys it has differs (af3_chain.c).
 *
 *   {"dialect": "alphafold3", "version": 1 .. 4, "name": .., "modelSeeds": [..], "sequences": [{"protein":
 * {..}}, ..], "bondedAtomPairs": [[[id, residue, atom], [id, residue, atom]], ..], "userCCD" or
 * "userCCDPath": ..}
 *   [{"name": .., "modelSeeds": [..], "sequences": [{"proteinChain": {..}}, ..], "dialect":
 * "alphafoldserver"}, ..]
 *
 * Every job is a query; what is wrong with one does not stop the others. All keys are read in all versions.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "dialect/af3.h"
#include "feat/query_check.h"

static const of3_json_key local_keys[] = {
    {"dialect", NULL},   {"version", NULL},         {"name", NULL},    {"modelSeeds", NULL},
    {"sequences", NULL}, {"bondedAtomPairs", NULL}, {"userCCD", NULL}, {"userCCDPath", NULL},
};
static const of3_json_key server_keys[] = {
    {"dialect", NULL}, {"version", NULL}, {"name", NULL}, {"modelSeeds", NULL}, {"sequences", NULL},
};

/* ---- Frame */

static of3_status read_version(json_t *job, bool server, of3_error *err) {
  const json_t *v = json_object_get(job, "version");
  const json_int_t most = server ? 1 : 4;
  if (!v) return OF3_OK;
  if (!json_is_integer(v)) return of3_json_wrong_type("version", "an integer", v, err);
  if (json_integer_value(v) >= 1 && json_integer_value(v) <= most) return OF3_OK;
  return of3_fail(err, OF3_ERR_UNSUPPORTED, "'version' is %lld; 1 to %lld of %s are read",
                  (long long)json_integer_value(v), (long long)most,
                  server ? "the server's jobs" : "AlphaFold 3's JSON");
}

/* The server's jobs, or AlphaFold 3's own? Jobs without "dialect" are told by their molecules. */
static of3_status read_dialect(json_t *job, bool *ret_server, of3_error *err) {
  const json_t *v = json_object_get(job, "dialect");
  const json_t *first = json_array_get(json_object_get(job, "sequences"), 0);
  *ret_server = false;
  if (!v || json_is_null(v)) {
    static const char *const names[] = {"proteinChain", "dnaSequence", "rnaSequence", "ion"};
    for (int i = 0; i < 4; i++) *ret_server |= json_object_get(first, names[i]) != NULL;
    return OF3_OK;
  }
  if (!json_is_string(v)) return of3_json_wrong_type("dialect", "a string", v, err);
  *ret_server = strcmp(json_string_value(v), "alphafoldserver") == 0;
  if (*ret_server || strcmp(json_string_value(v), "alphafold3") == 0) return OF3_OK;
  return of3_fail(err, OF3_ERR_UNSUPPORTED,
                  "'dialect' is '%.40s'; alphafold3 or alphafoldserver was expected", json_string_value(v));
}

/* ---- Bonds */

static of3_status read_atom(const of3_query_builder *b, const json_t *v, of3_query_atom *out,
                            of3_error *err) {
  const json_t *chain = json_array_get(v, 0), *residue = json_array_get(v, 1), *name = json_array_get(v, 2);
  if (!json_is_array(v) || json_array_size(v) != 3 || !json_is_string(chain) || !json_is_integer(residue) ||
      !json_is_string(name))
    return of3_fail(err, OF3_ERR_INPUT,
                    "an atom must be [chain id, residue from 1, atom name], as [\"A\", 2, \"SG\"]");
  const json_int_t number = json_integer_value(residue);
  if (number < 1 || number > OF3_MAX_RESIDUES)
    return of3_fail(err, OF3_ERR_INPUT, "residue %lld of chain '%.32s' cannot be; residues count from 1",
                    (long long)number, json_string_value(chain));
  *out = (of3_query_atom){of3_arena_strdup(b->arena, json_string_value(chain)), (int)number,
                          of3_arena_strdup(b->arena, json_string_value(name))};
  return out->chain && out->name ? OF3_OK : of3_fail_memory(err, "a bond");
}

static of3_status read_bonds(of3_query_builder *b, const json_t *all, of3_error *err) {
  if (!all || json_is_null(all)) return OF3_OK;
  if (!json_is_array(all))
    return of3_json_wrong_type("bondedAtomPairs", "a list of pairs of atoms", all, err);
  for (size_t i = 0; i < json_array_size(all); i++) {
    const json_t *pair = json_array_get(all, i);
    of3_query_bond bond;
    of3_status st = OF3_OK;
    if (!json_is_array(pair) || json_array_size(pair) != 2)
      st = of3_fail(err, OF3_ERR_INPUT, "a pair of two atoms was expected");
    if (st == OF3_OK) st = read_atom(b, json_array_get(pair, 0), &bond.a, err);
    if (st == OF3_OK) st = read_atom(b, json_array_get(pair, 1), &bond.b, err);
    if (st == OF3_OK) st = of3_builder_add_bond(b, bond, err);
    if (st != OF3_OK) return of3_prefix(err, "entry %zu of 'bondedAtomPairs'", i + 1);
  }
  return OF3_OK;
}

/* ---- Components of the user's own */

static of3_status read_components(of3_query_builder *b, json_t *job, of3_error *err) {
  const json_t *text = json_object_get(job, "userCCD"), *path = json_object_get(job, "userCCDPath");
  const bool has_text = text && !json_is_null(text), has_path = path && !json_is_null(path);
  if (has_text && has_path)
    return of3_fail(err, OF3_ERR_INPUT, "both 'userCCD' and 'userCCDPath' are given; one was expected");
  if (has_text && !json_is_string(text)) return of3_json_wrong_type("userCCD", "a string", text, err);
  if (has_path && !json_is_string(path)) return of3_json_wrong_type("userCCDPath", "a string", path, err);
  if (has_text) {
    b->query->components = of3_arena_strdup(b->arena, json_string_value(text));
    if (!b->query->components) return of3_fail_memory(err, "the components");
  }
  return has_path ? of3_builder_file(b, "userCCDPath", json_string_value(path), &b->query->components, err)
                  : OF3_OK;
}

/* ---- Jobs */

static of3_status read_molecules(of3_af3_reader *r, json_t *job, of3_error *err) {
  const json_t *all = json_object_get(job, "sequences");
  if (!json_is_array(all)) return of3_json_wrong_type("sequences", "a list", all, err);
  if (json_array_size(all) > OF3_MAX_CHAINS)
    return of3_fail(err, OF3_ERR_INPUT, "'sequences' has %zu entries; at most %d are allowed",
                    json_array_size(all), OF3_MAX_CHAINS);
  for (size_t i = 0; i < json_array_size(all); i++) {
    json_t *entry = json_array_get(all, i);
    if ((r->server ? of3_af3_server_molecule(r, entry, err) : of3_af3_molecule(r, entry, err)) != OF3_OK)
      return of3_prefix(err, "entry %zu of 'sequences'", i + 1);
  }
  return OF3_OK;
}

static of3_status read_job(of3_af3_reader *r, json_t *job, of3_error *err) {
  OF3_TRY(read_dialect(job, &r->server, err));
  OF3_TRY(r->server ? of3_json_check_keys(job, server_keys, OF3_N_KEYS(server_keys), err)
                    : of3_json_check_keys(job, local_keys, OF3_N_KEYS(local_keys), err));
  OF3_TRY(read_version(job, r->server, err));
  if (!r->server) OF3_TRY(read_components(&r->b, job, err));
  OF3_TRY(read_molecules(r, job, err));
  return r->server ? of3_af3_server_glycans(r, job, err)
                   : read_bonds(&r->b, json_object_get(job, "bondedAtomPairs"), err);
}

/* Becomes a query, whatever is wrong with it; an error is one of the file. */
static of3_status read_query(of3_af3_reader *r, json_t *job, int number, of3_error *err) {
  const json_t *name = json_object_get(job, "name");
  of3_error own = {0};
  char unnamed[32];
  snprintf(unnamed, sizeof unnamed, "job_%d", number);
  if (!json_is_object(job)) return of3_json_wrong_type("a job", "an object", job, err);
  if (name && !json_is_string(name)) return of3_json_wrong_type("name", "a string", name, err);
  const char *text = name && *json_string_value(name) ? json_string_value(name) : unnamed;
  OF3_TRY(of3_builder_begin(&r->b, text, strlen(text), err));
  r->n_id = 0;
  const of3_status status = read_job(r, job, &own);
  return of3_builder_end(&r->b, status, &own) == OF3_OK ? OF3_OK : of3_fail_memory(err, "a job");
}

/* ---- Seeds: the same for all queries of a file. Jobs of the server may have them as strings, or none. */

static of3_status read_seed(const json_t *v, uint64_t *out, of3_error *err) {
  if (json_is_integer(v) && json_integer_value(v) >= 0) {
    *out = (uint64_t)json_integer_value(v);
    return OF3_OK;
  }
  const char *text = json_is_string(v) ? json_string_value(v) : "";
  const size_t n = strspn(text, "0123456789");
  if (!n || text[n] || n > 18)
    return of3_fail(err, OF3_ERR_INPUT, "an entry of 'modelSeeds' is no integer from 0");
  *out = strtoull(text, NULL, 10);
  return OF3_OK;
}

static of3_status read_seeds(const json_t *job, of3_arena *arena, uint64_t **ret_seed, int *ret_n,
                             of3_error *err) {
  const json_t *all = json_object_get(job, "modelSeeds");
  *ret_n = 0;
  if (!all || json_is_null(all)) return OF3_OK;
  if (!json_is_array(all)) return of3_json_wrong_type("modelSeeds", "a list of integers", all, err);
  const size_t n = json_array_size(all);
  if (n > OF3_MAX_QUERIES)
    return of3_fail(err, OF3_ERR_INPUT, "'modelSeeds' has %zu entries; at most %d are allowed", n,
                    OF3_MAX_QUERIES);
  uint64_t *seed = OF3_ARENA_NEW(arena, uint64_t, n);
  if (!seed) return of3_fail_memory(err, "the seeds");
  for (size_t i = 0; i < n; i++) OF3_TRY(read_seed(json_array_get(all, i), &seed[i], err));
  *ret_seed = seed;
  *ret_n = (int)n;
  return of3_query_check_seeds(arena, seed, (int)n, "modelSeeds", err);
}

static of3_status merge_seeds(of3_query_set *set, int number, uint64_t *seed, int n, of3_error *err) {
  if (n && set->n_seed && (n != set->n_seed || memcmp(seed, set->seed, (size_t)n * sizeof *seed) != 0))
    return of3_fail(
        err, OF3_ERR_UNSUPPORTED,
        "job %d has other 'modelSeeds' than a job before it, and of3 folds all queries of a file with the "
        "same seeds; write a file for each, or leave them out and give seeds as options",
        number);
  if (!n) return OF3_OK;
  set->seed = seed;
  set->n_seed = n;
  return OF3_OK;
}

/* ---- File */

static of3_status read_top(const of3_query_source *source, json_t *top, of3_query_set *out, of3_error *err) {
  const bool list = json_is_array(top);
  const size_t n = list ? json_array_size(top) : 1;
  of3_af3_reader r = {.b = {.arena = out->arena, .folder = source->folder}};
  r.json = (of3_json_reader){.arena = out->arena, .folder = source->folder};
  if (n == 0 || n > OF3_MAX_QUERIES)
    return of3_fail(err, OF3_ERR_INPUT, "the list has %zu jobs; 1 to %d are allowed", n, OF3_MAX_QUERIES);
  out->query = OF3_ARENA_NEW(out->arena, of3_query, n);
  if (!out->query) return of3_fail_memory(err, "the queries");
  for (size_t i = 0; i < n; i++) {
    json_t *job = list ? json_array_get(top, i) : top;
    uint64_t *seed = NULL;
    int n_seed = 0;
    of3_status st = read_seeds(job, out->arena, &seed, &n_seed, err);
    if (st == OF3_OK) st = merge_seeds(out, (int)i + 1, seed, n_seed, err);
    r.b.query = &out->query[out->n++];
    if (st == OF3_OK) st = read_query(&r, job, (int)i + 1, err);
    if (st != OF3_OK) return list ? of3_prefix(err, "job %zu", i + 1) : st;
  }
  return of3_query_refuse_equal_names(out, err);
}

of3_status of3_query_from_af3(const of3_query_source *source, of3_query_set *out, of3_error *err) {
  of3_error local = {0};
  json_t *top = NULL;
  size_t need = 0;
  *out = (of3_query_set){0};
  of3_status st =
      of3_json_parse(source->text, source->size, source->file, source->most_memory, &need, &top, err);
  if (st != OF3_OK) return st;
  out->arena = of3_arena_new(0);
  if (out->arena) of3_arena_limit(out->arena, source->most_memory - need);
  st = out->arena ? read_top(source, top, out, &local) : of3_fail_memory(&local, "the queries");
  json_decref(top);
  if (st == OF3_OK) return OF3_OK;
  of3_query_set_free(out);
  of3_prefix(&local, "'%s'", source->file);
  if (err) *err = local;
  return st;
}
