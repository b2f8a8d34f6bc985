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

/* Templates that are texts become FOLDER/template_N.cif. */
static of3_status files_of_templates(const char *folder, of3_query_chain *chain, of3_arena *arena,
                                     of3_error *err) {
  of3_template_source *list = OF3_ARENA_NEW(arena, of3_template_source, chain->n_template);
  if (!list) return of3_fail_memory(err, "a template");
  for (int i = 0; i < chain->n_template; i++) {
    list[i] = chain->template_[i];
    if (!list[i].opt_text) continue;
    list[i].path = of3_arena_printf(arena, "%s/template_%d.cif", folder, i + 1);
    if (!list[i].path) return of3_fail_memory(err, "a template");
    OF3_TRY(of3_write_file(list[i].path, list[i].opt_text, strlen(list[i].opt_text), err));
    list[i].opt_text = NULL;
  }
  chain->template_ = list;
  return OF3_OK;
}

/* Writes the texts of a chain as FOLDER/QUERY/CHAIN/KEY.a3m, and names these in *chain. */
static of3_status files_of_texts(const char *top, const of3_query *q, of3_query_chain *chain,
                                 of3_arena *arena, of3_error *err) {
  const char *folder = of3_arena_printf(arena, "%s/%s/%s", top, q->name, chain->id[0]);
  const char **path = OF3_ARENA_NEW(arena, const char *, chain->n_msa + chain->n_msa_text);
  if (!folder || !path) return of3_fail_memory(err, "an alignment");
  OF3_TRY(of3_make_folder(folder, err));
  OF3_TRY(files_of_templates(folder, chain, arena, err));
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

static bool has_texts(const of3_query_chain *c) {
  bool any = c->n_msa_text > 0;
  for (int i = 0; i < c->n_template; i++) any |= c->template_[i].opt_text != NULL;
  return any;
}

static of3_status check_openfold3(const of3_query *q, const char *opt_folder, of3_error *err) {
  if (q->components)
    return of3_fail(
        err, OF3_ERR_UNSUPPORTED,
        "OpenFold3's JSON has no word for components of the user's own (userCCD); give the ligand "
        "as SMILES or as an SDF file");
  for (int i = 0; i < q->n_chain; i++) {
    const of3_query_chain *c = &q->chain[i];
    for (int k = 0; k < c->n_template; k++)
      if (c->template_[k].mapped)
        return of3_fail(
            err, OF3_ERR_UNSUPPORTED,
            "chain %s: OpenFold3's JSON has no word for the map of a template's residues; without "
            "'queryIndices' and 'templateIndices' its sequence is aligned",
            c->id[0]);
    if (has_texts(c) && !opt_folder)
      return of3_fail(
          err, OF3_ERR_UNSUPPORTED,
          "OpenFold3's JSON has no place for alignments and templates, only for paths; with --out FILE they "
          "are written beside it");
  }
  return OF3_OK;
}

of3_status of3_openfold3_add(const of3_query *q, const char *opt_folder, of3_arena *arena, json_t *queries,
                             of3_error *err) {
  of3_query copy = *q;
  OF3_TRY(check_openfold3(q, opt_folder, err));
  copy.chain = OF3_ARENA_NEW(arena, of3_query_chain, q->n_chain);
  if (!copy.chain) return of3_fail_memory(err, "a query");
  if (q->n_chain) memcpy(copy.chain, q->chain, (size_t)q->n_chain * sizeof *q->chain);
  for (int i = 0; i < copy.n_chain; i++)
    if (has_texts(&copy.chain[i])) OF3_TRY(files_of_texts(opt_folder, &copy, &copy.chain[i], arena, err));
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
