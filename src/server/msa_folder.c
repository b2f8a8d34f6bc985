#include "server/msa_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/str.h"

enum { MOST_MAPPING = 1 << 28, MOST_MAPPING_MEMORY = 1 << 30 };

/* OpenFold3's words. */
static const char readme[] =
    "# Mapping files\n"
    "These files contain mappings between the following entities:\n"
    "  query_name: name of the query complex in the input query cache\n"
    "  chain_id: a (query_name, chain identifier) tuple, indicating a unique instantiation of a protein "
    "chain.\n"
    "  rep_id: a chain_id associated with a unique protein sequence, selected upon first occurrence of that "
    "specific sequence; all subsequent chain_ids with the same sequence will have this chain_id as the "
    "representative\n"
    "  seq: the actual protein sequence\n"
    "  complex_id: an identifier associated with a unique SET of protein sequences in the same query, "
    "consisting "
    "of the sorted representative IDs of ALL chains in the complex; only used for queries with more than 2 "
    "unique protein sequences\n";

void of3_sequence_id(const char *sequence, char out[OF3_SHA256_HEX]) {
  of3_sha256 s;
  of3_sha256_init(&s);
  of3_sha256_add(&s, sequence, strlen(sequence));
  of3_sha256_hex(&s, out);
}

static int by_text(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

of3_status of3_complex_id(int n, const char *const *sequence, char out[OF3_SHA256_HEX], of3_error *err) {
  of3_sha256 s;
  const char **sorted = malloc((size_t)n * sizeof *sorted);
  if (!sorted) return of3_fail_memory(err, "a complex");
  memcpy(sorted, sequence, (size_t)n * sizeof *sorted);
  qsort(sorted, (size_t)n, sizeof *sorted, by_text);
  of3_sha256_init(&s);
  for (int k = 0; k < n; k++) of3_sha256_add(&s, sorted[k], strlen(sorted[k]));
  of3_sha256_hex(&s, out);
  free(sorted);
  return OF3_OK;
}

/* FOLDER/PART/NAME, its folders made. */
static of3_status put(const char *folder, const char *part, const of3_cache_file *file, of3_arena *arena,
                      const char **ret_path, of3_error *err) {
  const char *in = of3_path_join(arena, folder, part);
  *ret_path = in ? of3_path_join(arena, in, file->name) : NULL;
  if (!*ret_path) return of3_fail_memory(err, "a path");
  OF3_TRY(of3_make_folder(in, err));
  return of3_write_file(*ret_path, file->bytes, file->size, err);
}

of3_status of3_msa_folder_put(const char *folder, const char *opt_complex, const char *sequence,
                              const of3_server_msa *msa, of3_arena *arena, const char **ret_path,
                              of3_error *err) {
  char part[2 * OF3_SHA256_HEX + 16], hex[OF3_SHA256_HEX];
  of3_sequence_id(sequence, hex);
  snprintf(part, sizeof part, opt_complex ? "paired/%s/%s" : "main%s/%s", opt_complex ? opt_complex : "",
           hex);
  const of3_cache_file file = {.name = opt_complex ? "colabfold_paired.a3m" : "colabfold_main.a3m",
                               .bytes = msa->a3m,
                               .size = msa->a3m_size};
  return put(folder, part, &file, arena, ret_path, err);
}

of3_status of3_msa_folder_put_hits(const char *folder, const char *sequence, const char *hits,
                                   of3_arena *arena, const char **ret_path, of3_error *err) {
  char part[OF3_SHA256_HEX + 16], hex[OF3_SHA256_HEX];
  const of3_cache_file file = {.name = "colabfold_template.m8", .bytes = hits, .size = strlen(hits)};
  *ret_path = NULL;
  if (!*hits) {
    const char *in = of3_path_join(arena, folder, "template");
    return in ? of3_make_folder(in, err) : of3_fail_memory(err, "a path");
  }
  of3_sequence_id(sequence, hex);
  snprintf(part, sizeof part, "template/%s", hex);
  return put(folder, part, &file, arena, ret_path, err);
}

/* ---- Mappings */

/* Adds what the file of an earlier run has; one that is no object of texts is replaced. */
static void add_earlier(json_t *mapping, const char *path) {
  of3_arena *arena = of3_arena_new(0);
  json_error_t error;
  of3_error ignored;
  char *text;
  size_t size;
  json_t *old = NULL, *value;
  const char *key;
  if (arena && of3_is_file(path) &&
      of3_read_file(path, MOST_MAPPING, arena, &text, &size, &ignored) == OF3_OK &&
      of3_json_check(text, size, MOST_MAPPING_MEMORY, NULL, &ignored) == OF3_OK)
    old = of3_json_load(text, size, &error);
  if (json_is_object(old)) json_object_foreach(old, key, value) json_object_set(mapping, key, value);
  json_decref(old);
  of3_arena_free(arena);
}

/* Takes the mapping. */
static of3_status write_mapping(const char *folder, const char *name, json_t *mapping, bool merge,
                                of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  const char *path = arena ? of3_path_join(arena, folder, name) : NULL;
  if (path && merge) add_earlier(mapping, path);
  char *text = path ? of3_json_dump(mapping, JSON_INDENT(4) | JSON_ENSURE_ASCII) : NULL;
  const of3_status status =
      text ? of3_write_file(path, text, strlen(text), err) : of3_fail_memory(err, "the names of alignments");
  free(text);
  json_decref(mapping);
  of3_arena_free(arena);
  return status;
}

static json_t *map_chains(const of3_msa_chain *chain, int n, bool by_sequence, bool by_id) {
  json_t *m = json_object();
  for (int k = 0; m && k < n; k++) {
    char hex[OF3_SHA256_HEX];
    of3_str name = {0};
    of3_sequence_id(chain[k].sequence, hex);
    of3_str_addf(&name, "%s-%s", chain[k].query, chain[k].chain);
    if (by_sequence)
      json_object_set_new(m, chain[k].sequence, json_string(hex));
    else if (by_id)
      json_object_set_new(m, hex, json_string(chain[k].sequence));
    else if (!name.failed)
      json_object_set_new(m, name.text, json_string(hex));
    of3_str_free(&name);
  }
  return m;
}

static json_t *map_complexes(const of3_msa_complex *complex, int n) {
  json_t *m = json_object();
  for (int k = 0; m && k < n; k++) json_object_set_new(m, complex[k].query, json_string(complex[k].id));
  return m;
}

of3_status of3_msa_folder_map(const char *folder, const of3_msa_chain *chain, int n_chain,
                              const of3_msa_complex *complex, int n_complex, of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  const char *in = arena ? of3_path_join(arena, folder, "mappings") : NULL;
  const char *note = in ? of3_path_join(arena, in, "README.md") : NULL;
  of3_status status = note ? of3_make_folder(in, err) : of3_fail_memory(err, "a path");
  if (status == OF3_OK)
    status = write_mapping(in, "seq_to_rep_id.json", map_chains(chain, n_chain, true, false), true, err);
  if (status == OF3_OK)
    status = write_mapping(in, "rep_id_to_seq.json", map_chains(chain, n_chain, false, true), true, err);
  if (status == OF3_OK)
    status =
        write_mapping(in, "chain_id_to_rep_id.json", map_chains(chain, n_chain, false, false), false, err);
  if (status == OF3_OK)
    status =
        write_mapping(in, "query_name_to_complex_id.json", map_complexes(complex, n_complex), false, err);
  if (status == OF3_OK) status = of3_write_file(note, readme, sizeof readme - 1, err);
  of3_arena_free(arena);
  return status;
}
