/* Glycans of the server's jobs: {"residues": "NAG(NAG(MAN))", "position": 8} of a protein. Each becomes a
 * ligand of its own, bound to ND2 of an asparagine, OG of a serine or OG1 of a threonine; copies of the
 * protein have copies of it. They are called after all molecules of the job, so that these keep their ids. */
#include <string.h>

#include "dialect/af3.h"
#include "dialect/glycan.h"

enum { MOST_GLYCANS = 1000 }; /* of a protein */

static const of3_json_key glycan_keys[] = {{"residues", NULL}, {"position", NULL}};

/* The atom of the protein. */
static of3_status bound_atom(const of3_query_chain *protein, int position, const char **ret_atom,
                             of3_error *err) {
  static const char *const atoms[][2] = {{"N", "ND2"}, {"S", "OG"}, {"T", "OG1"}};
  const char letter = protein->sequence[position - 1];
  for (int i = 0; i < protein->n_modified; i++)
    if (protein->modified[i].position == position)
      return of3_fail(err, OF3_ERR_INPUT, "residue %d is modified (%s); a glycan stands on N, S or T",
                      position, protein->modified[i].code);
  for (int i = 0; i < 3; i++)
    if (*atoms[i][0] == letter) {
      *ret_atom = atoms[i][1];
      return OF3_OK;
    }
  return of3_fail(err, OF3_ERR_INPUT, "residue %d is %c; a glycan stands on N, S or T", position, letter);
}

static of3_status read_position(const json_t *glycan, const of3_query_chain *protein, int *ret_position,
                                of3_error *err) {
  const json_t *v = json_object_get(glycan, "position");
  if (!json_is_integer(v)) return of3_json_wrong_type("position", "an integer", v, err);
  if (json_integer_value(v) < 1 || json_integer_value(v) > protein->n_residue)
    return of3_fail(err, OF3_ERR_INPUT, "'position' is %lld; a residue, 1 to %d, was expected",
                    (long long)json_integer_value(v), protein->n_residue);
  *ret_position = (int)json_integer_value(v);
  return OF3_OK;
}

static of3_status bind(of3_query_builder *b, of3_query_atom atom, const char *glycan, int carbon,
                       of3_error *err) {
  const of3_query_atom sugar = {glycan, 1, of3_arena_printf(b->arena, "C%d", carbon)};
  if (!sugar.name) return of3_fail_memory(err, "a glycan");
  OF3_TRY(of3_builder_add_bond(b, (of3_query_bond){atom, sugar}, err));
  return of3_glycan_leave(b, glycan, 1, carbon, err);
}

/* protein: a copy, as its place in the query may change. */
static of3_status add_glycan(of3_af3_reader *r, const of3_query_chain *protein, json_t *glycan,
                             of3_error *err) {
  of3_sugar *sugar = NULL;
  const char *atom = NULL, **id = NULL;
  int n = 0, position = 0;
  if (!json_is_object(glycan)) return of3_json_wrong_type("glycans", "a list of objects", glycan, err);
  OF3_TRY(of3_json_check_keys(glycan, glycan_keys, OF3_N_KEYS(glycan_keys), err));
  const json_t *residues = json_object_get(glycan, "residues");
  if (!json_is_string(residues)) return of3_json_wrong_type("residues", "a string", residues, err);
  OF3_TRY(read_position(glycan, protein, &position, err));
  OF3_TRY(bound_atom(protein, position, &atom, err));
  const of3_span text = {json_string_value(residues), json_string_length(residues)};
  OF3_TRY(of3_glycan_parse(&r->b, text, OF3_GLYCAN_PLAIN, &sugar, &n, err));
  OF3_TRY(of3_glycan_link(sugar, n, err));
  if (r->b.query->n_bond + (int64_t)n * protein->n_id > OF3_MAX_BONDS)
    return of3_fail(err, OF3_ERR_INPUT, "the glycans have more than %d bonds", (int)OF3_MAX_BONDS);
  OF3_TRY(of3_af3_server_ids(r, protein->n_id, &id, err));
  OF3_TRY(of3_glycan_add(&r->b, sugar, n, id, protein->n_id, err));
  for (int copy = 0; copy < protein->n_id; copy++)
    OF3_TRY(bind(&r->b, (of3_query_atom){protein->id[copy], position, atom}, id[copy],
                 of3_glycan_carbon(sugar[0].code), err));
  return OF3_OK;
}

/* That no other one before it has the same place. */
static of3_status check_place(const json_t *all, size_t i, of3_error *err) {
  const json_int_t at = json_integer_value(json_object_get(json_array_get(all, i), "position"));
  for (size_t k = 0; k < i; k++)
    if (json_integer_value(json_object_get(json_array_get(all, k), "position")) == at)
      return of3_fail(err, OF3_ERR_INPUT, "two glycans stand on residue %lld; one was expected",
                      (long long)at);
  return OF3_OK;
}

static of3_status add_all(of3_af3_reader *r, const of3_query_chain *protein, const json_t *all,
                          of3_error *err) {
  if (!all || json_is_null(all)) return OF3_OK;
  if (!json_is_array(all)) return of3_json_wrong_type("glycans", "a list", all, err);
  if (json_array_size(all) > MOST_GLYCANS)
    return of3_fail(err, OF3_ERR_INPUT, "'glycans' has %zu entries; at most %d are allowed",
                    json_array_size(all), (int)MOST_GLYCANS);
  for (size_t i = 0; i < json_array_size(all); i++)
    if (add_glycan(r, protein, json_array_get(all, i), err) != OF3_OK || check_place(all, i, err) != OF3_OK)
      return of3_prefix(err, "entry %zu of 'glycans'", i + 1);
  return OF3_OK;
}

of3_status of3_af3_server_glycans(of3_af3_reader *r, json_t *job, of3_error *err) {
  const json_t *all = json_object_get(job, "sequences");
  for (size_t i = 0; i < json_array_size(all); i++) {
    const json_t *protein = json_object_get(json_array_get(all, i), "proteinChain");
    const of3_query_chain chain = r->b.query->chain[i]; /* each entry became one */
    if (protein && add_all(r, &chain, json_object_get(protein, "glycans"), err) != OF3_OK)
      return of3_prefix(err, "entry %zu of 'sequences'", i + 1);
  }
  return OF3_OK;
}
