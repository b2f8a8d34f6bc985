/* The files that a chain of OpenFold3's JSON names: alignments, paired alignments, templates. Paths are those
 * beside the query file, else those of the working directory; "" is the working directory itself. */
#include <string.h>

#include "base/file.h"
#include "feat/query_json_value.h"

static of3_status find_file(const of3_json_reader *r, const char *key, bool folders, const char **path,
                            of3_error *err) {
  if (!**path)
    *path = ".";
  else
    OF3_TRY(of3_json_find(r, key, path, err));
  if (folders || !of3_is_folder(*path)) return OF3_OK;
  return of3_fail(err, OF3_ERR_INPUT, "'%s' names '%.300s', which is a folder; a file was expected", key,
                  *path);
}

static of3_status read_paths(const of3_json_reader *r, json_t *chain, const char *key, bool folders,
                             const char ***ret_path, int *ret_n, of3_error *err) {
  const json_t *v = json_object_get(chain, key);
  if (!v || json_is_null(v)) return OF3_OK;
  OF3_TRY(of3_json_strings(r, v, key, ret_path, ret_n, err));
  for (int i = 0; i < *ret_n; i++) OF3_TRY(find_file(r, key, folders, &(*ret_path)[i], err));
  return OF3_OK;
}

static bool is_empty_list(const json_t *v) { return json_is_array(v) && json_array_size(v) == 0; }

static of3_status read_alignments(const of3_json_reader *r, json_t *chain, of3_query_chain *out,
                                  of3_error *err) {
  static const char main_key[] = "main_msa_file_paths", paired_key[] = "paired_msa_file_paths";
  const json_t *main = json_object_get(chain, main_key), *paired = json_object_get(chain, paired_key);
  if (out->type == OF3_DNA && !(of3_json_is_empty(main) && of3_json_is_empty(paired)))
    return of3_fail(err, OF3_ERR_INPUT, "'%s' is of proteins and RNA; the network takes no alignment of DNA",
                    of3_json_is_empty(main) ? paired_key : main_key);
  if (out->type == OF3_RNA && !of3_json_is_empty(paired))
    return of3_fail(err, OF3_ERR_INPUT, "'%s' is of proteins; RNA is not paired", paired_key);
  out->no_msa = is_empty_list(main);
  if (!out->no_msa) OF3_TRY(read_paths(r, chain, main_key, true, &out->msa_path, &out->n_msa, err));
  if (is_empty_list(paired)) return OF3_OK;
  return read_paths(r, chain, paired_key, true, &out->paired_path, &out->n_paired, err);
}

/* Which chain of each structure: a string, or a list of strings and nulls, as many as structures. */
static of3_status read_template_chains(const of3_json_reader *r, const json_t *v, of3_query_chain *out,
                                       of3_error *err) {
  static const char key[] = "template_cif_chain_ids";
  if (of3_json_is_empty(v)) return OF3_OK;
  const int n = json_is_array(v) ? (int)json_array_size(v) : 1;
  if (n != out->n_template)
    return of3_fail(err, OF3_ERR_INPUT,
                    "'%s' names %d chains and 'template_cif_paths' %d structures; there must be as many, "
                    "null for the chain that fits best",
                    key, n, out->n_template);
  for (int i = 0; i < n; i++) {
    const json_t *one = json_is_array(v) ? json_array_get(v, (size_t)i) : v;
    if (json_is_null(one)) continue;
    if (!json_is_string(one) || !*json_string_value(one))
      return of3_json_wrong_type(key, "ids of chains and nulls", one, err);
    out->template_[i].opt_chain = of3_arena_strdup(r->arena, json_string_value(one));
    if (!out->template_[i].opt_chain) return of3_fail_memory(err, key);
  }
  return OF3_OK;
}

static of3_status read_structures(const of3_json_reader *r, json_t *chain, const char *key,
                                  of3_query_chain *out, of3_error *err) {
  const char **path = NULL;
  int n = 0;
  OF3_TRY(read_paths(r, chain, key, false, &path, &n, err));
  out->template_ = OF3_ARENA_NEW(r->arena, of3_template_source, n);
  if (!out->template_) return of3_fail_memory(err, key);
  for (int i = 0; i < n; i++) out->template_[i].path = path[i];
  out->n_template = n;
  return OF3_OK;
}

static of3_status read_templates(const of3_json_reader *r, json_t *chain, of3_query_chain *out,
                                 of3_error *err) {
  static const char hits_key[] = "template_alignment_file_path", cif_key[] = "template_cif_paths";
  json_t *hits = json_object_get(chain, hits_key), *cif = json_object_get(chain, cif_key);
  const json_t *ids = json_object_get(chain, "template_cif_chain_ids");
  if (of3_json_is_empty(hits) && of3_json_is_empty(cif)) {
    if (of3_json_is_empty(ids)) return OF3_OK;
    return of3_fail(err, OF3_ERR_INPUT,
                    "'template_cif_chain_ids' is of the structures of '%s', which names none", cif_key);
  }
  if (out->type != OF3_PROTEIN)
    return of3_fail(err, OF3_ERR_INPUT, "'%s' is of proteins; the network takes no other templates",
                    of3_json_is_empty(hits) ? cif_key : hits_key);
  if (!of3_json_is_empty(hits) && !of3_json_is_empty(cif))
    return of3_fail(err, OF3_ERR_INPUT, "'%s' and '%s' exclude each other; give one of them", hits_key,
                    cif_key);
  if (!of3_json_is_empty(hits)) {
    if (!json_is_string(hits)) return of3_json_wrong_type(hits_key, "the path of a file", hits, err);
    out->template_hits = of3_arena_strdup(r->arena, json_string_value(hits));
    if (!out->template_hits) return of3_fail_memory(err, hits_key);
    return find_file(r, hits_key, false, &out->template_hits, err);
  }
  OF3_TRY(read_structures(r, chain, cif_key, out, err));
  return read_template_chains(r, ids, out, err);
}

of3_status of3_json_files(const of3_json_reader *r, json_t *chain, of3_query_chain *out, of3_error *err) {
  OF3_TRY(read_alignments(r, chain, out, err));
  return read_templates(r, chain, out, err);
}
