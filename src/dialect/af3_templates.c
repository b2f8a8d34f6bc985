/* Templates of a protein in AlphaFold 3's JSON: structures of one chain, in the file itself or by path, each
 * with a map of residues that the file gives.
 *
 *   {"mmcif" or "mmcifPath": .., "queryIndices": [0, 1, 4], "templateIndices": [2, 3, 4]}
 *
 * Both lists count from 0, the second one in the template's sequence, whose residues without coordinates
 * count. AlphaFold 3 wants the map; of a template without one of3 aligns the sequence. */
#include <stdlib.h>
#include <string.h>

#include "dialect/af3.h"

static const of3_json_key template_keys[] = {
    {"mmcif", NULL},
    {"mmcifPath", NULL},
    {"queryIndices", NULL},
    {"templateIndices", NULL},
};

enum { MOST_TEMPLATE_INDEX = 99999 }; /* of a residue, from 0 */

/* Each entry of the list is an integer, 0 to most. */
static of3_status check_indices(const json_t *list, const char *key, int most, of3_error *err) {
  for (size_t i = 0; i < json_array_size(list); i++) {
    const json_t *v = json_array_get(list, i);
    if (!json_is_integer(v)) return of3_json_wrong_type(key, "a list of integers", v, err);
    if (json_integer_value(v) < 0 || json_integer_value(v) > most)
      return of3_fail(err, OF3_ERR_INPUT,
                      "'%s' names residue %lld; 0 to %d was expected (residues count from 0)", key,
                      (long long)json_integer_value(v), most);
  }
  return OF3_OK;
}

static int by_query(const void *a, const void *b) {
  return ((const of3_template_match *)a)->query - ((const of3_template_match *)b)->query;
}

static of3_status put_pairs(const of3_query_builder *b, const json_t *query, const json_t *template_,
                            of3_template_source *out, of3_error *err) {
  const size_t n = json_array_size(query);
  of3_template_match *pair = OF3_ARENA_NEW(b->arena, of3_template_match, n);
  if (!pair) return of3_fail_memory(err, "the map of a template");
  for (size_t i = 0; i < n; i++)
    pair[i] = (of3_template_match){(int32_t)json_integer_value(json_array_get(query, i)) + 1,
                                   (int32_t)json_integer_value(json_array_get(template_, i)) + 1};
  if (n) qsort(pair, n, sizeof *pair, by_query);
  for (size_t i = 1; i < n; i++)
    if (pair[i].query == pair[i - 1].query)
      return of3_fail(err, OF3_ERR_INPUT, "'queryIndices' names residue %d twice", pair[i].query - 1);
  out->mapped = true;
  out->pair = pair;
  out->n_pair = (int)n;
  return OF3_OK;
}

static of3_status read_map(of3_af3_reader *r, json_t *one, const of3_query_chain *c, of3_template_source *out,
                           of3_error *err) {
  const json_t *query = json_object_get(one, "queryIndices"),
               *template_ = json_object_get(one, "templateIndices");
  if ((!query || json_is_null(query)) && (!template_ || json_is_null(template_)))
    return of3_builder_note(
        &r->b, err,
        "chain %s: template %s has no 'queryIndices' and 'templateIndices'; of3 aligns its sequence itself",
        c->id[0], out->path);
  if (!json_is_array(query))
    return of3_json_wrong_type("queryIndices", "a list of integers, as 'templateIndices'", query, err);
  if (!json_is_array(template_))
    return of3_json_wrong_type("templateIndices", "a list of integers, as 'queryIndices'", template_, err);
  if (json_array_size(query) != json_array_size(template_))
    return of3_fail(err, OF3_ERR_INPUT,
                    "'queryIndices' names %zu residues and 'templateIndices' %zu; there must be as many",
                    json_array_size(query), json_array_size(template_));
  OF3_TRY(check_indices(query, "queryIndices", c->n_residue - 1, err));
  OF3_TRY(check_indices(template_, "templateIndices", MOST_TEMPLATE_INDEX, err));
  return put_pairs(&r->b, query, template_, out, err);
}

/* The text of a key that may be null, missing or empty: *ret_text is NULL then. */
static of3_status text_of(json_t *one, const char *key, const char **ret_text, of3_error *err) {
  const json_t *v = json_object_get(one, key);
  *ret_text = NULL;
  if (!v || json_is_null(v)) return OF3_OK;
  if (!json_is_string(v)) return of3_json_wrong_type(key, "a string", v, err);
  if (json_string_length(v)) *ret_text = json_string_value(v);
  return OF3_OK;
}

static of3_status read_structure(const of3_af3_reader *r, json_t *one, size_t number,
                                 of3_template_source *out, of3_error *err) {
  const char *text = NULL, *path = NULL;
  OF3_TRY(text_of(one, "mmcif", &text, err));
  OF3_TRY(text_of(one, "mmcifPath", &path, err));
  if (!text == !path)
    return of3_fail(err, OF3_ERR_INPUT, "a template has either 'mmcif' or 'mmcifPath'; %s given",
                    text ? "both are" : "none is");
  if (path) return of3_builder_path(&r->b, "mmcifPath", path, false, &out->path, err);
  out->opt_text = of3_arena_strdup(r->b.arena, text);
  out->path = of3_arena_printf(r->b.arena, "mmcif %zu", number);
  return out->opt_text && out->path ? OF3_OK : of3_fail_memory(err, "a template");
}

of3_status of3_af3_templates(of3_af3_reader *r, json_t *protein, of3_query_chain *c, of3_error *err) {
  const json_t *all = json_object_get(protein, "templates");
  if (!all || json_is_null(all)) return OF3_OK;
  if (!json_is_array(all)) return of3_json_wrong_type("templates", "a list", all, err);
  c->no_templates = json_array_size(all) == 0;
  for (size_t i = 0; i < json_array_size(all); i++) {
    json_t *one = json_array_get(all, i);
    of3_template_source source = {0};
    if (!json_is_object(one)) return of3_json_wrong_type("templates", "a list of objects", one, err);
    of3_status st = of3_json_check_keys(one, template_keys, OF3_N_KEYS(template_keys), err);
    if (st == OF3_OK) st = read_structure(r, one, i + 1, &source, err);
    if (st == OF3_OK) st = read_map(r, one, c, &source, err);
    if (st == OF3_OK) st = of3_builder_add_template(&r->b, c, &source, err);
    if (st != OF3_OK) return of3_prefix(err, "entry %zu of 'templates'", i + 1);
  }
  return OF3_OK;
}
