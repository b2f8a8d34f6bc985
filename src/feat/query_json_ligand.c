/* Ligands in OpenFold3's JSON, by the codes of their components, SMILES, or a file; and the user's
 * components, a key that OpenFold3 does not have. */
#include <string.h>

#include "base/file.h"
#include "base/target.h"
#include "feat/ligand_names.h"
#include "feat/query_check.h"
#include "feat/query_json_value.h"

static of3_status read_codes(const of3_json_reader *r, const json_t *v, of3_query_chain *out,
                             of3_error *err) {
  const char **code = NULL;
  int n = 0;
  OF3_TRY(of3_json_strings(r, v, "ccd_codes", &code, &n, err));
  for (int k = 0; k < n; k++) OF3_TRY(of3_query_check_code(code[k], err));
  out->code = code;
  out->n_residue = out->n_code = n;
  return OF3_OK;
}

static of3_status read_text(const of3_json_reader *r, const json_t *v, const char *key, const char **out,
                            of3_error *err) {
  if (!json_is_string(v)) return of3_json_wrong_type(key, "a string", v, err);
  const char *text = of3_arena_strdup(r->arena, json_string_value(v));
  if (!text) return of3_fail_memory(err, key);
  if (!text[strspn(text, " \t\r\n")]) return of3_fail(err, OF3_ERR_INPUT, "'%s' is empty", key);
  *out = text;
  return OF3_OK;
}

/* A path to a file. */
static of3_status read_file(const of3_json_reader *r, const json_t *v, const char *key, const char **out,
                            of3_error *err) {
  OF3_TRY(read_text(r, v, key, out, err));
  OF3_TRY(of3_json_find(r, key, out, err));
  if (of3_is_folder(*out))
    return of3_fail(err, OF3_ERR_INPUT, "'%s' names '%.300s', which is a folder", key, *out);
  return OF3_OK;
}

of3_status of3_json_components(const of3_json_reader *r, json_t *query, of3_query *out, of3_error *err) {
  enum { MOST = 1 << 24 };
  const json_t *v = json_object_get(query, "user_ccd_file_path");
  const char *path = NULL;
  char *text = NULL;
  size_t n = 0;
  if (!v || json_is_null(v)) return OF3_OK;
  OF3_TRY(read_file(r, v, "user_ccd_file_path", &path, err));
  OF3_TRY(of3_read_file(path, MOST, r->arena, &text, &n, err));
  out->components = text;
  return OF3_OK;
}

of3_status of3_json_ligand(const of3_json_reader *r, json_t *chain, of3_query_chain *out, of3_error *err) {
  static const char *const ways[] = {"ccd_codes", "smiles", "sdf_file_path"};
  const json_t *v[3], *name = json_object_get(chain, "ligand_name");
  const char *given = NULL;
  int n = 0;
  for (int k = 0; k < 3; k++) {
    v[k] = json_object_get(chain, ways[k]);
    if (json_is_null(v[k])) v[k] = NULL;
    if (!v[k]) continue;
    if (n++)
      return of3_fail(
          err, OF3_ERR_INPUT,
          "'%s' and '%s' both say what the ligand is; it is given by one of 'ccd_codes', 'smiles' "
          "and 'sdf_file_path'",
          given, ways[k]);
    given = ways[k];
  }
  if (n == 0)
    return of3_fail(err, OF3_ERR_INPUT,
                    "what the ligand is is missing; it has one of the keys 'ccd_codes', 'smiles' and "
                    "'sdf_file_path'");
  if (v[0]) OF3_TRY(read_codes(r, v[0], out, err));
  if (v[1]) OF3_TRY(read_text(r, v[1], "smiles", &out->smiles, err));
  if (v[2]) OF3_TRY(read_file(r, v[2], "sdf_file_path", &out->sdf_path, err));
  if (!v[0]) out->n_residue = 1;
  if (!name || json_is_null(name)) return OF3_OK;
  if (v[0])
    return of3_fail(err, OF3_ERR_INPUT,
                    "'ligand_name' is of ligands by SMILES and files; by 'ccd_codes' the code is the name");
  OF3_TRY(read_text(r, name, "ligand_name", &given, err));
  return of3_query_ligand_name(r->arena, given, &out->name, err);
}
