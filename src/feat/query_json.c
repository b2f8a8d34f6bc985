/* Queries in JSON, as OpenFold3 writes them (docs/features.md has the keys):
 *
 *   {"seeds": [42], "queries": {NAME: {"chains": [{"molecule_type": .., "chain_ids": .., "sequence": ..}]}}}
 *
 * Tables say which keys an object may have: a key that is in none is an error that names it, one that a
 * later version will serve is refused with a sentence, and nothing is ignored silently. A message says where
 * in the file it is about: query, chain, key. What concerns one query only becomes its error, and
 * the others are folded; what concerns the file ends the reading. Sizes are counted before the tree of JSON
 * is built (base/json.h). Paths of alignments are relative to the folder of the file. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "feat/query_check.h"
#include "feat/query_json_value.h"

static const of3_json_key top_keys[] = {{"queries", NULL}, {"seeds", NULL}};
static const of3_json_key query_keys[] = {
    {"chains", NULL},          {"use_msas", NULL},          {"use_main_msas", NULL},
    {"use_paired_msas", NULL}, {"query_name", NULL},        {"covalent_bonds", NULL},
    {"leaving_atoms", NULL},   {"pocket_constraint", NULL}, {"user_ccd_file_path", NULL},
};

static of3_status read_chains(const of3_json_reader *r, json_t *query, of3_query *out, of3_error *err) {
  json_t *chains = json_object_get(query, "chains");
  if (!json_is_array(chains)) return of3_json_wrong_type("chains", "a list", chains, err);
  size_t n = json_array_size(chains);
  if (n > OF3_MAX_CHAINS)
    return of3_fail(err, OF3_ERR_INPUT, "'chains' has %zu entries; at most %d are allowed", n,
                    OF3_MAX_CHAINS);
  out->chain = OF3_ARENA_NEW(r->arena, of3_query_chain, n);
  if (!out->chain) return of3_fail_memory(err, "the chains of a query");
  for (; out->n_chain < (int)n; out->n_chain++)
    if (of3_json_chain(r, json_array_get(chains, (size_t)out->n_chain), &out->chain[out->n_chain], err) !=
        OF3_OK)
      return of3_prefix(err, "entry %d of 'chains'", out->n_chain + 1);
  return of3_query_check_chains(out, err);
}

static of3_status read_query(const of3_json_reader *all, json_t *query, of3_query *out, of3_error *err) {
  const of3_json_reader own = {.arena = all->arena, .folder = all->folder, .query = out}, *r = &own;
  if (!json_is_object(query)) return of3_json_wrong_type(out->name, "an object", query, err);
  OF3_TRY(of3_json_check_keys(query, query_keys, OF3_N_KEYS(query_keys), err));
  out->use_msas = out->use_main_msas = out->use_paired_msas = true;
  OF3_TRY(of3_json_bool(query, "use_msas", &out->use_msas, err));
  OF3_TRY(of3_json_bool(query, "use_main_msas", &out->use_main_msas, err));
  OF3_TRY(of3_json_bool(query, "use_paired_msas", &out->use_paired_msas, err));
  const json_t *name = json_object_get(query, "query_name");
  if (name && !json_is_null(name) &&
      (!json_is_string(name) || strcmp(json_string_value(name), out->name) != 0))
    return of3_fail(err, OF3_ERR_INPUT, "'query_name' differs from the query's own key; leave it out");
  OF3_TRY(of3_json_components(r, query, out, err));
  OF3_TRY(read_chains(r, query, out, err));
  return of3_json_query_bonds(r, query, out, err);
}

static of3_status read_queries(const of3_json_reader *r, json_t *queries, of3_query_set *out,
                               of3_error *err) {
  if (!json_is_object(queries))
    return of3_json_wrong_type("queries", "an object of named queries", queries, err);
  size_t n = json_object_size(queries);
  if (n == 0) return of3_fail(err, OF3_ERR_INPUT, "'queries' is empty; at least one query is needed");
  if (n > OF3_MAX_QUERIES)
    return of3_fail(err, OF3_ERR_INPUT, "'queries' has %zu entries; at most %d are allowed", n,
                    OF3_MAX_QUERIES);
  out->query = OF3_ARENA_NEW(r->arena, of3_query, n);
  if (!out->query) return of3_fail_memory(err, "the queries");
  const char *name;
  json_t *value;
  json_object_foreach(queries, name, value) {
    of3_query *q = &out->query[out->n++];
    q->name = of3_arena_strdup(r->arena, name);
    if (!q->name) return of3_fail_memory(err, "the queries");
    if (of3_query_check_name(q->name, &q->error) != OF3_OK) continue;
    if (read_query(r, value, q, &q->error) != OF3_OK) of3_prefix(&q->error, "query '%s'", q->name);
    if (q->error.code == OF3_ERR_MEMORY) return of3_fail(err, OF3_ERR_MEMORY, "%s", q->error.text);
  }
  return of3_query_refuse_equal_names(out, err);
}

static of3_status read_seeds(const of3_json_reader *r, const json_t *seeds, of3_query_set *out,
                             of3_error *err) {
  if (!seeds || json_is_null(seeds)) return OF3_OK;
  size_t n = json_array_size(seeds);
  if (!json_is_array(seeds)) return of3_json_wrong_type("seeds", "a list of integers", seeds, err);
  if (n == 0 || n > OF3_MAX_QUERIES)
    return of3_fail(err, OF3_ERR_INPUT, "'seeds' has %zu entries; 1 to %d are allowed", n, OF3_MAX_QUERIES);
  out->seed = OF3_ARENA_NEW(r->arena, uint64_t, n);
  if (!out->seed) return of3_fail_memory(err, "the seeds");
  for (size_t i = 0; i < n; i++) {
    const json_t *v = json_array_get(seeds, i);
    if (!json_is_integer(v) || json_integer_value(v) < 0)
      return of3_fail(err, OF3_ERR_INPUT, "entry %zu of 'seeds' is %s; an integer from 0 was expected", i + 1,
                      json_is_integer(v) ? "negative" : of3_json_type_name(v));
    out->seed[i] = (uint64_t)json_integer_value(v);
  }
  out->n_seed = (int)n;
  return of3_query_check_seeds(r->arena, out->seed, (int)n, "seeds", err);
}

static of3_status read_top(const of3_json_reader *r, json_t *top, of3_query_set *out, of3_error *err) {
  if (!json_is_object(top))
    return of3_fail(err, OF3_ERR_INPUT, "the file holds %s; an object with 'queries' was expected",
                    of3_json_type_name(top));
  OF3_TRY(of3_json_check_keys(top, top_keys, OF3_N_KEYS(top_keys), err));
  OF3_TRY(read_seeds(r, json_object_get(top, "seeds"), out, err));
  return read_queries(r, json_object_get(top, "queries"), out, err);
}

of3_status of3_query_from_json(const char *text, size_t size, const char *file, const char *folder,
                               size_t most_memory, of3_query_set *out, of3_error *err) {
  *out = (of3_query_set){0};
  size_t need = 0;
  json_t *top = NULL;
  OF3_TRY(of3_json_parse(text, size, file, most_memory, &need, &top, err));
  out->arena = of3_arena_new(0);
  if (out->arena) of3_arena_limit(out->arena, most_memory - need);
  of3_error local = {0};
  of3_status st = of3_fail_memory(&local, file);
  if (out->arena) st = read_top(&(of3_json_reader){.arena = out->arena, .folder = folder}, top, out, &local);
  json_decref(top);
  if (st != OF3_OK) {
    of3_prefix(&local, "'%s'", file);
    if (err) *err = local;
    of3_query_set_free(out);
  }
  return st;
}
