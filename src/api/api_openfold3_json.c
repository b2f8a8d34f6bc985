#include <stdlib.h>
#include <string.h>

#include "api/openfold3_json.h"
#include "base/file.h"
#include "base/json.h"
#include "write/query_json.h"

of3_status of3_write_json(const char *path, const json_t *value, of3_error *err) {
  of3_out out = {0};
  char *text = of3_json_dump(value, JSON_INDENT(2));
  if (!text) return of3_fail_memory(err, path);
  of3_status status = of3_out_open_any(&out, path, err);
  if (status == OF3_OK) {
    fputs(text, out.f);
    fputc('\n', out.f);
    status = of3_out_commit(&out, err);
  }
  of3_out_abort(&out);
  free(text);
  return status;
}

/* Writes the texts of a chain as FOLDER/QUERY/CHAIN/KEY.a3m, and names these in *chain. */
static of3_status files_of_texts(const char *top, const of3_query *q, of3_query_chain *chain,
                                 of3_arena *arena, of3_error *err) {
  const char *folder = of3_arena_printf(arena, "%s/%s/%s", top, q->name, chain->id[0]);
  const char **path = OF3_ARENA_NEW(arena, const char *, chain->n_msa + chain->n_msa_text);
  if (!folder || !path) return of3_fail_memory(err, "an alignment");
  OF3_TRY(of3_make_folder(folder, err));
  if (chain->n_msa) memcpy(path, chain->msa_path, (size_t)chain->n_msa * sizeof *path);
  for (int i = 0; i < chain->n_msa_text; i++) {
    const of3_msa_text *t = &chain->msa_text[i];
    const char *file = of3_arena_printf(arena, "%s/%s.a3m", folder, t->key);
    if (!file) return of3_fail_memory(err, "an alignment");
    OF3_TRY(of3_write_file(file, t->text, strlen(t->text), err));
    path[chain->n_msa++] = file;
  }
  chain->msa_path = path;
  chain->n_msa_text = 0;
  return OF3_OK;
}

static bool has_texts(const of3_query *q) {
  for (int i = 0; i < q->n_chain; i++)
    if (q->chain[i].n_msa_text) return true;
  return false;
}

of3_status of3_openfold3_add(const of3_query *q, const char *opt_folder, of3_arena *arena, json_t *queries,
                             of3_error *err) {
  of3_query copy = *q;
  if (q->components)
    return of3_fail(
        err, OF3_ERR_UNSUPPORTED,
        "OpenFold3's JSON has no word for components of the user's own (userCCD); give the ligand "
        "as SMILES or as an SDF file");
  if (has_texts(q) && !opt_folder)
    return of3_fail(err, OF3_ERR_UNSUPPORTED,
                    "OpenFold3's JSON has no place for alignments, only for paths; with --out FILE they are "
                    "written beside it");
  copy.chain = OF3_ARENA_NEW(arena, of3_query_chain, q->n_chain);
  if (!copy.chain) return of3_fail_memory(err, "a query");
  if (q->n_chain) memcpy(copy.chain, q->chain, (size_t)q->n_chain * sizeof *q->chain);
  for (int i = 0; i < copy.n_chain; i++)
    if (copy.chain[i].n_msa_text) OF3_TRY(files_of_texts(opt_folder, &copy, &copy.chain[i], arena, err));
  return json_object_set_new(queries, q->name, of3_query_json(&copy)) == 0 ? OF3_OK
                                                                           : of3_fail_memory(err, "a query");
}

of3_status of3_openfold3_write(const char *path, const of3_query_set *set, json_t *queries, of3_error *err) {
  json_t *root = json_object();
  bool ok = root != NULL;
  if (set->n_seed) {
    json_t *seeds = json_array();
    for (int i = 0; i < set->n_seed; i++)
      ok = json_array_append_new(seeds, json_integer((json_int_t)set->seed[i])) == 0 && ok;
    ok = json_object_set_new(root, "seeds", seeds) == 0 && ok;
  }
  ok = json_object_set(root, "queries", queries) == 0 && ok;
  const of3_status status = ok ? of3_write_json(path, root, err) : of3_fail_memory(err, "the queries");
  json_decref(root);
  return status;
}
