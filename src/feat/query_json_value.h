/* Values of queries in JSON, read by their types: what is missing, of another type or unknown is an error
 * that names the key. */
#ifndef OF3_FEAT_QUERY_JSON_VALUE_H
#define OF3_FEAT_QUERY_JSON_VALUE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/status.h"
#include "feat/query.h"

/* What values are read into, and where files are looked for. */
typedef struct of3_json_reader {
  of3_arena *arena;   /* texts and lists */
  const char *folder; /* paths are relative to it */
  of3_query *query;   /* that is being read, for notes */
} of3_json_reader;

/* A key that an object may have. */
typedef struct of3_json_key {
  const char *name;
  const char *later; /* what it would ask for, if this version does not serve it */
} of3_json_key;

#define OF3_N_KEYS(table) ((int)(sizeof(table) / sizeof *(table)))

/* All keys of the object are known, none of a later version's is in use. */
OF3_MUST_CHECK of3_status of3_json_check_keys(json_t *object, const of3_json_key *table, int n,
                                              of3_error *err);

/* The tree of a text, with its sizes counted before; file: for messages. *ret_need: bytes that it takes at
 * most. Ownership: json_decref. */
OF3_MUST_CHECK of3_status of3_json_parse(const char *text, size_t size, const char *file, size_t most_memory,
                                         size_t *ret_need, json_t **ret_top, of3_error *err);

bool of3_json_is_empty(const json_t *v);         /* missing, null, false, [] or {} */
const char *of3_json_type_name(const json_t *v); /* "an object", ..., "missing" */
of3_status of3_json_wrong_type(const char *name, const char *expected, const json_t *v, of3_error *err);

/* *out stays as it is if there is no such key. */
OF3_MUST_CHECK of3_status of3_json_bool(json_t *object, const char *name, bool *out, of3_error *err);

/* A string or a non-empty list of strings, OF3_MAX_CHAINS at most; name is that of the key. */
OF3_MUST_CHECK of3_status of3_json_strings(const of3_json_reader *r, const json_t *v, const char *name,
                                           const char ***ret_text, int *ret_n, of3_error *err);

/* A path as it is opened: relative to the folder, else to the working directory; an existing file or folder.
 */
OF3_MUST_CHECK of3_status of3_json_find(const of3_json_reader *r, const char *name, const char **path,
                                        of3_error *err);

/* What a ligand is: ccd_codes, smiles or sdf_file_path, and ligand_name. */
OF3_MUST_CHECK of3_status of3_json_ligand(const of3_json_reader *r, json_t *chain, of3_query_chain *out,
                                          of3_error *err);

/* "covalent_bonds", "leaving_atoms" and "pocket_constraint" of a query whose chains have been read. */
OF3_MUST_CHECK of3_status of3_json_query_bonds(const of3_json_reader *r, json_t *query, of3_query *out,
                                               of3_error *err);

/* user_ccd_file_path: CIF of the user's components. */
OF3_MUST_CHECK of3_status of3_json_components(const of3_json_reader *r, json_t *query, of3_query *out,
                                              of3_error *err);

/* One entry of "chains"; the ids of all chains together are checked later. */
OF3_MUST_CHECK of3_status of3_json_chain(const of3_json_reader *r, json_t *chain, of3_query_chain *out,
                                         of3_error *err);

/* The files of a polymer: alignments and templates. */
OF3_MUST_CHECK of3_status of3_json_files(const of3_json_reader *r, json_t *chain, of3_query_chain *out,
                                         of3_error *err);

#endif
