/* Queries in JSON, as OpenFold3 writes them (docs/features.md has the keys):
 *
 *   {"seeds": [42], "queries": {NAME: {"chains": [{"molecule_type": .., "chain_ids": .., "sequence": ..}]}}}
 *
 * Three tables say which keys an object may have: a key that is in none is an error that names it, one that a
 * later version will serve is refused with a sentence, and nothing is ignored silently. A message says where
 * in the file it is about (reader): query, chain, key. What concerns one query only becomes its error, and
 * the others are folded; what concerns the file ends the reading. Sizes are counted before the tree of JSON
 * is built (base/json.h). Paths of alignments are relative to the folder of the file. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "base/target.h"
#include "feat/query.h"
#include "feat/query_check.h"

/* Where a value stands, for messages and for paths. */
typedef struct reader {
  of3_arena *arena;
  const char *folder;
} reader;

typedef struct key {
  const char *name;
  const char *later; /* what it would ask for, if this version does not serve it */
} key;

static const key top_keys[] = {{"queries", NULL}, {"seeds", NULL}};
static const key query_keys[] = {
    {"chains", NULL},
    {"use_msas", NULL},
    {"use_main_msas", NULL},
    {"use_paired_msas", NULL},
    {"query_name", NULL},
    {"covalent_bonds", "bonds between chains"},
    {"leaving_atoms", "bonds between chains"},
    {"pocket_constraint", "binding pockets"},
};
static const key chain_keys[] = {
    {"molecule_type", NULL},
    {"chain_ids", NULL},
    {"description", NULL},
    {"sequence", NULL},
    {"main_msa_file_paths", NULL},
    {"non_canonical_residues", NULL},
    {"ccd_codes", NULL},
    {"smiles", "ligands by SMILES"},
    {"sdf_file_path", "ligands from SDF files"},
    {"ligand_name", "ligands by SMILES"},
    {"cyclic", NULL},
    {"paired_msa_file_paths", "paired alignments"},
    {"template_alignment_file_path", "templates"},
    {"template_entry_chain_ids", "templates"},
    {"template_cif_paths", "templates"},
    {"template_cif_chain_ids", "templates"},
};
#define N_OF(table) ((int)(sizeof(table) / sizeof *(table)))

static bool is_empty(const json_t *v) { /* or missing */
  return !v || json_is_null(v) || json_is_false(v) || (json_is_array(v) && json_array_size(v) == 0) ||
         (json_is_object(v) && json_object_size(v) == 0);
}

static of3_status unknown_key(const char *name, const key *table, int n, of3_error *err) {
  of3_str list = {0};
  for (int i = 0; i < n; i++) of3_str_addf(&list, "%s%s", i ? ", " : "", table[i].name);
  of3_status st = list.failed
                      ? of3_fail_memory(err, "a message")
                      : of3_fail(err, OF3_ERR_INPUT, "unknown key '%.60s'; the keys are %s", name, list.text);
  of3_str_free(&list);
  return st;
}

/* All keys known, none of a later version's in use. */
static of3_status check_keys(json_t *object, const key *table, int n, of3_error *err) {
  const char *name;
  json_t *value;
  json_object_foreach(object, name, value) {
    int i = 0;
    while (i < n && strcmp(table[i].name, name) != 0) i++;
    if (i == n) return unknown_key(name, table, n, err);
    if (table[i].later && !is_empty(value))
      return of3_fail(err, OF3_ERR_UNSUPPORTED,
                      "the key '%s' asks for %s, which this version of of3 does not serve", name,
                      table[i].later);
  }
  return OF3_OK;
}

static const char *query_json_type_name(const json_t *v) {
  static const char *const names[] = {"an object",     "an array", "a string", "an integer",
                                      "a real number", "true",     "false",    "null"};
  return v ? names[json_typeof(v)] : "missing";
}

static of3_status wrong_type(const char *name, const char *expected, const json_t *v, of3_error *err) {
  return of3_fail(err, OF3_ERR_INPUT, "'%s' must be %s; it is %s", name, expected, query_json_type_name(v));
}

/* *out stays as it is if there is no such key. */
static of3_status read_bool(json_t *object, const char *name, bool *out, of3_error *err) {
  const json_t *v = json_object_get(object, name);
  if (!v) return OF3_OK;
  if (!json_is_boolean(v)) return wrong_type(name, "true or false", v, err);
  *out = json_is_true(v);
  return OF3_OK;
}

/* A string or a non-empty list of strings. */
static of3_status read_strings(const reader *r, const json_t *v, const char *name, const char ***ret_text,
                               int *ret_n, of3_error *err) {
  bool list = json_is_array(v);
  size_t n = list ? json_array_size(v) : 1;
  if (n == 0) return of3_fail(err, OF3_ERR_INPUT, "'%s' is an empty list", name);
  if (n > OF3_MAX_CHAINS)
    return of3_fail(err, OF3_ERR_INPUT, "'%s' has %zu entries; at most %d are allowed", name, n,
                    OF3_MAX_CHAINS);
  const char **text = OF3_ARENA_NEW(r->arena, const char *, n);
  if (!text) return of3_fail_memory(err, name);
  for (size_t i = 0; i < n; i++) {
    const json_t *s = list ? json_array_get(v, i) : v;
    if (!json_is_string(s))
      return wrong_type(name, list ? "a list of strings" : "a string or a list of strings", s, err);
    text[i] = of3_arena_strdup(r->arena, json_string_value(s));
    if (!text[i]) return of3_fail_memory(err, name);
  }
  *ret_text = text;
  *ret_n = (int)n;
  return OF3_OK;
}

static bool equal_any_case(const char *a, const char *b) {
  for (; *a && *b; a++, b++)
    if ((*a >= 'A' && *a <= 'Z' ? *a - 'A' + 'a' : *a) != *b) return false;
  return *a == *b;
}

static of3_status read_type(json_t *chain, of3_molecule *out, of3_error *err) {
  static const char *const names[] = {"protein", "rna", "dna", "ligand"};
  const json_t *v = json_object_get(chain, "molecule_type");
  int type = -1;
  if (json_is_string(v))
    for (int i = 0; i < 4; i++)
      if (equal_any_case(json_string_value(v), names[i])) type = i;
  if (json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) < 4)
    type = (int)json_integer_value(v);
  if (type < 0) {
    if (!json_is_string(v)) return wrong_type("molecule_type", "protein, rna, dna or ligand", v, err);
    return of3_fail(err, OF3_ERR_INPUT,
                    "'molecule_type' is '%.40s'; protein, rna, dna or ligand was expected",
                    json_string_value(v));
  }
  *out = (of3_molecule)type;
  return OF3_OK;
}

static of3_status read_sequence(const reader *r, json_t *chain, of3_query_chain *out, of3_error *err) {
  const json_t *v = json_object_get(chain, "sequence");
  if (!v || json_is_null(v))
    return of3_fail(err, OF3_ERR_INPUT, "the key 'sequence' is missing; protein, RNA and DNA need one");
  if (!json_is_string(v)) return wrong_type("sequence", "a string", v, err);
  out->sequence = of3_arena_strdup(r->arena, json_string_value(v));
  if (!out->sequence) return of3_fail_memory(err, "a sequence");
  return of3_query_check_sequence(out->sequence, &out->n_residue, err);
}

/* A key of "non_canonical_residues". */
static of3_status read_position(const char *text, int n_residue, int *out, of3_error *err) {
  int v = 0;
  const char *c = text;
  for (; *c >= '0' && *c <= '9' && v <= OF3_MAX_RESIDUES; c++) v = 10 * v + (*c - '0');
  if (c == text || *c || v < 1 || v > n_residue)
    return of3_fail(err, OF3_ERR_INPUT,
                    "'non_canonical_residues' has the key '%.40s'; a position in the sequence, 1 to %d, was "
                    "expected",
                    text, n_residue);
  *out = v;
  return OF3_OK;
}

static int by_position(const void *pa, const void *pb) {
  const of3_query_residue *a = pa, *b = pb;
  return a->position < b->position ? -1 : a->position > b->position;
}

static of3_status read_modified(const reader *r, json_t *chain, of3_query_chain *out, of3_error *err) {
  json_t *all = json_object_get(chain, "non_canonical_residues");
  if (!all || json_is_null(all)) return OF3_OK;
  if (!json_is_object(all))
    return wrong_type("non_canonical_residues", "an object of positions and codes", all, err);
  out->modified = OF3_ARENA_NEW(r->arena, of3_query_residue, json_object_size(all));
  if (!out->modified) return of3_fail_memory(err, "the residues of a chain");
  const char *position;
  json_t *code;
  json_object_foreach(all, position, code) {
    of3_query_residue *to = &out->modified[out->n_modified++];
    OF3_TRY(read_position(position, out->n_residue, &to->position, err));
    if (!json_is_string(code)) return wrong_type("non_canonical_residues", "codes of components", code, err);
    if (of3_query_check_code(json_string_value(code), err) != OF3_OK)
      return of3_prefix(err, "'non_canonical_residues', position %d", to->position);
    to->code = of3_arena_strdup(r->arena, json_string_value(code));
    if (!to->code) return of3_fail_memory(err, "the residues of a chain");
  }
  qsort(out->modified, (size_t)out->n_modified, sizeof *out->modified, by_position);
  for (int i = 1; i < out->n_modified; i++)
    if (out->modified[i - 1].position == out->modified[i].position)
      return of3_fail(err, OF3_ERR_INPUT, "'non_canonical_residues' names position %d twice",
                      out->modified[i].position);
  return OF3_OK;
}

static of3_status read_polymer(const reader *r, json_t *chain, of3_query_chain *out, of3_error *err) {
  if (!is_empty(json_object_get(chain, "ccd_codes")))
    return of3_fail(err, OF3_ERR_INPUT, "'ccd_codes' is of ligands; a polymer has a 'sequence'");
  OF3_TRY(read_sequence(r, chain, out, err));
  return read_modified(r, chain, out, err);
}

static of3_status read_ligand(const reader *r, json_t *chain, of3_query_chain *out, of3_error *err) {
  static const char *const not [] = {"sequence", "non_canonical_residues", "main_msa_file_paths"};
  const json_t *v = json_object_get(chain, "ccd_codes");
  const char **code = NULL;
  int n = 0;
  for (int k = 0; k < N_OF(not ); k++)
    if (!is_empty(json_object_get(chain, not [k])))
      return of3_fail(err, OF3_ERR_INPUT, "'%s' is of polymers; a ligand has 'ccd_codes'", not [k]);
  if (!v || json_is_null(v))
    return of3_fail(err, OF3_ERR_INPUT, "the key 'ccd_codes' is missing; a ligand needs one code");
  OF3_TRY(read_strings(r, v, "ccd_codes", &code, &n, err));
  if (n > 1)
    return of3_fail(err, OF3_ERR_INPUT,
                    "'ccd_codes' has %d codes; a ligand is one component, so write a chain for each", n);
  OF3_TRY(of3_query_check_code(code[0], err));
  out->code = code;
  out->n_residue = out->n_code = n;
  return OF3_OK;
}

static of3_status find_file(const reader *r, const char **path, of3_error *err) {
  if (!**path) return of3_fail(err, OF3_ERR_INPUT, "'main_msa_file_paths' names a file without a name");
  char *beside = of3_path_join(r->arena, r->folder, *path);
  if (!beside) return of3_fail_memory(err, *path);
  if (of3_path_kind(beside)) *path = beside;
  const char *kind = of3_path_kind(*path);
  if (!kind)
    return of3_fail(err, OF3_ERR_INPUT,
                    "'main_msa_file_paths' names '%.300s', which exists neither beside the query file nor in "
                    "the working directory",
                    *path);
  if (!of3_is_file(*path) && !of3_is_folder(*path))
    return of3_fail(err, OF3_ERR_INPUT,
                    "'main_msa_file_paths' names '%.300s', which is %s; files and folders are read", *path,
                    kind);
  return OF3_OK;
}

static of3_status read_msas(const reader *r, json_t *chain, of3_query_chain *out, of3_error *err) {
  const json_t *v = json_object_get(chain, "main_msa_file_paths");
  if (!v || json_is_null(v)) return OF3_OK;
  if (out->type == OF3_DNA)
    return of3_fail(err, OF3_ERR_INPUT,
                    "'main_msa_file_paths' is of proteins and RNA; the network takes no alignment of DNA");
  OF3_TRY(read_strings(r, v, "main_msa_file_paths", &out->msa_path, &out->n_msa, err));
  for (int i = 0; i < out->n_msa; i++) OF3_TRY(find_file(r, &out->msa_path[i], err));
  return OF3_OK;
}

static of3_status read_chain(const reader *r, json_t *chain, of3_query_chain *out, of3_error *err) {
  if (!json_is_object(chain)) return wrong_type("chains", "a list of objects", chain, err);
  OF3_TRY(read_type(chain, &out->type, err));
  OF3_TRY(check_keys(chain, chain_keys, N_OF(chain_keys), err));
  const json_t *ids = json_object_get(chain, "chain_ids"),
               *description = json_object_get(chain, "description");
  if (!ids) return wrong_type("chain_ids", "a string or a list of strings", ids, err);
  if (description && !json_is_string(description) && !json_is_null(description))
    return wrong_type("description", "a string", description, err);
  OF3_TRY(read_strings(r, ids, "chain_ids", &out->id, &out->n_id, err));
  for (int i = 0; i < out->n_id; i++) OF3_TRY(of3_query_check_chain_id(out->id[i], err));
  OF3_TRY(read_bool(chain, "cyclic", &out->cyclic, err));
  if (out->type == OF3_LIGAND) return read_ligand(r, chain, out, err);
  OF3_TRY(read_polymer(r, chain, out, err));
  return read_msas(r, chain, out, err);
}

static of3_status read_chains(const reader *r, json_t *query, of3_query *out, of3_error *err) {
  json_t *chains = json_object_get(query, "chains");
  if (!json_is_array(chains)) return wrong_type("chains", "a list", chains, err);
  size_t n = json_array_size(chains);
  if (n > OF3_MAX_CHAINS)
    return of3_fail(err, OF3_ERR_INPUT, "'chains' has %zu entries; at most %d are allowed", n,
                    OF3_MAX_CHAINS);
  out->chain = OF3_ARENA_NEW(r->arena, of3_query_chain, n);
  if (!out->chain) return of3_fail_memory(err, "the chains of a query");
  for (; out->n_chain < (int)n; out->n_chain++)
    if (read_chain(r, json_array_get(chains, (size_t)out->n_chain), &out->chain[out->n_chain], err) != OF3_OK)
      return of3_prefix(err, "entry %d of 'chains'", out->n_chain + 1);
  return of3_query_check_chains(out, err);
}

static of3_status read_query(const reader *r, json_t *query, of3_query *out, of3_error *err) {
  if (!json_is_object(query)) return wrong_type(out->name, "an object", query, err);
  OF3_TRY(check_keys(query, query_keys, N_OF(query_keys), err));
  out->use_msas = out->use_main_msas = out->use_paired_msas = true;
  OF3_TRY(read_bool(query, "use_msas", &out->use_msas, err));
  OF3_TRY(read_bool(query, "use_main_msas", &out->use_main_msas, err));
  OF3_TRY(read_bool(query, "use_paired_msas", &out->use_paired_msas, err));
  const json_t *name = json_object_get(query, "query_name");
  if (name && !json_is_null(name) &&
      (!json_is_string(name) || strcmp(json_string_value(name), out->name) != 0))
    return of3_fail(err, OF3_ERR_INPUT, "'query_name' differs from the query's own key; leave it out");
  return read_chains(r, query, out, err);
}

static of3_status read_queries(const reader *r, json_t *queries, of3_query_set *out, of3_error *err) {
  if (!json_is_object(queries)) return wrong_type("queries", "an object of named queries", queries, err);
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

static int by_value(const void *pa, const void *pb) {
  uint64_t a = *(const uint64_t *)pa, b = *(const uint64_t *)pb;
  return a < b ? -1 : a > b;
}

static of3_status check_seeds(const reader *r, const uint64_t *seed, size_t n, of3_error *err) {
  uint64_t *sorted = OF3_ARENA_NEW(r->arena, uint64_t, n);
  if (!sorted) return of3_fail_memory(err, "the seeds");
  memcpy(sorted, seed, n * sizeof *seed);
  qsort(sorted, n, sizeof *sorted, by_value);
  for (size_t i = 1; i < n; i++)
    if (sorted[i - 1] == sorted[i])
      return of3_fail(err, OF3_ERR_INPUT, "the seed %llu is given twice in 'seeds'",
                      (unsigned long long)sorted[i]);
  return OF3_OK;
}

static of3_status read_seeds(const reader *r, const json_t *seeds, of3_query_set *out, of3_error *err) {
  if (!seeds || json_is_null(seeds)) return OF3_OK;
  size_t n = json_array_size(seeds);
  if (!json_is_array(seeds)) return wrong_type("seeds", "a list of integers", seeds, err);
  if (n == 0 || n > OF3_MAX_QUERIES)
    return of3_fail(err, OF3_ERR_INPUT, "'seeds' has %zu entries; 1 to %d are allowed", n, OF3_MAX_QUERIES);
  out->seed = OF3_ARENA_NEW(r->arena, uint64_t, n);
  if (!out->seed) return of3_fail_memory(err, "the seeds");
  for (size_t i = 0; i < n; i++) {
    const json_t *v = json_array_get(seeds, i);
    if (!json_is_integer(v) || json_integer_value(v) < 0)
      return of3_fail(err, OF3_ERR_INPUT, "entry %zu of 'seeds' is %s; an integer from 0 was expected", i + 1,
                      json_is_integer(v) ? "negative" : query_json_type_name(v));
    out->seed[i] = (uint64_t)json_integer_value(v);
  }
  out->n_seed = (int)n;
  return check_seeds(r, out->seed, n, err);
}

static of3_status read_top(const reader *r, json_t *top, of3_query_set *out, of3_error *err) {
  if (!json_is_object(top))
    return of3_fail(err, OF3_ERR_INPUT, "the file holds %s; an object with 'queries' was expected",
                    query_json_type_name(top));
  OF3_TRY(check_keys(top, top_keys, N_OF(top_keys), err));
  OF3_TRY(read_seeds(r, json_object_get(top, "seeds"), out, err));
  return read_queries(r, json_object_get(top, "queries"), out, err);
}

/* jansson quotes what it stumbled over; a message is one line. */
static of3_status syntax_error(const json_error_t *e, const char *file, of3_error *err) {
  char text[JSON_ERROR_TEXT_LENGTH];
  size_t i = 0;
  for (; i + 1 < sizeof text && e->text[i]; i++) text[i] = (unsigned char)e->text[i] < ' ' ? ' ' : e->text[i];
  text[i] = 0;
  return of3_fail(err, OF3_ERR_INPUT, "'%s', line %d, column %d: %s", file, e->line > 0 ? e->line : 1,
                  e->column > 0 ? e->column : 1, text);
}

of3_status of3_query_from_json(const char *text, size_t size, const char *file, const char *folder,
                               size_t most_memory, of3_query_set *out, of3_error *err) {
  json_error_t json_err;
  *out = (of3_query_set){0};
  size_t need = 0;
  if (of3_json_check(text, size, most_memory, &need, err) != OF3_OK)
    return err ? of3_prefix(err, "'%s'", file) : OF3_ERR_INPUT;
  json_t *top = of3_json_load(text, size, &json_err);
  if (!top) return syntax_error(&json_err, file, err);
  out->arena = of3_arena_new(0);
  if (out->arena) of3_arena_limit(out->arena, most_memory - need);
  of3_error local = {0};
  of3_status st = of3_fail_memory(&local, file);
  if (out->arena) st = read_top(&(reader){out->arena, folder}, top, out, &local);
  json_decref(top);
  if (st != OF3_OK) {
    of3_prefix(&local, "'%s'", file);
    if (err) *err = local;
    of3_query_set_free(out);
  }
  return st;
}
