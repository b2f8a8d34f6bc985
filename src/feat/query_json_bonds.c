/* The keys of a query in OpenFold3's JSON that name atoms and residues: "covalent_bonds", "leaving_atoms" and
 * "pocket_constraint". An atom is [chain, residue, name], a residue [chain, residue]. */
#include "feat/query_check.h"
#include "feat/query_json_value.h"

/* [chain, residue], and the name of an atom behind it if the place wants one. */
static of3_status read_place(const of3_json_reader *r, const json_t *v, bool atom, of3_query_atom *out,
                             of3_error *err) {
  const char *expected = atom ? "[chain, residue, \"NAME\"]" : "[chain, residue]";
  if (!json_is_array(v) || json_array_size(v) != (atom ? 3u : 2u))
    return of3_fail(err, OF3_ERR_INPUT, "%s was expected; it is %s%s", expected, of3_json_type_name(v),
                    json_is_array(v) ? " of another length" : "");
  const json_t *chain = json_array_get(v, 0), *residue = json_array_get(v, 1), *name = json_array_get(v, 2);
  if (!json_is_string(chain)) return of3_json_wrong_type("chain", "the id of a chain", chain, err);
  if (!json_is_integer(residue)) return of3_json_wrong_type("residue", "an integer from 1", residue, err);
  if (atom && !json_is_string(name))
    return of3_json_wrong_type(
        "atom", "its name, as \"SG\" (OpenFold3 0.5.0 asked for numbers, and made no bond)", name, err);
  const json_int_t number = json_integer_value(residue);
  if (number < 1 || number > OF3_MAX_RESIDUES)
    return of3_fail(err, OF3_ERR_INPUT, "the residue is %lld; residues of a chain are counted from 1",
                    (long long)number);
  out->chain = of3_arena_strdup(r->arena, json_string_value(chain));
  out->residue = (int)number;
  out->name = atom ? of3_arena_strdup(r->arena, json_string_value(name)) : NULL;
  return out->chain && (out->name || !atom) ? OF3_OK : of3_fail_memory(err, "the bonds of a query");
}

static of3_status count_list(const json_t *v, const char *name, int *ret_n, of3_error *err) {
  if (!json_is_array(v)) return of3_json_wrong_type(name, "a list", v, err);
  if (json_array_size(v) > OF3_MAX_BONDS)
    return of3_fail(err, OF3_ERR_INPUT, "'%s' has %zu entries; at most %d are allowed", name,
                    json_array_size(v), OF3_MAX_BONDS);
  *ret_n = (int)json_array_size(v);
  return OF3_OK;
}

static of3_status read_bonds(const of3_json_reader *r, const json_t *v, of3_query *out, of3_error *err) {
  OF3_TRY(count_list(v, "covalent_bonds", &out->n_bond, err));
  out->bond = OF3_ARENA_NEW(r->arena, of3_query_bond, out->n_bond);
  if (!out->bond) return of3_fail_memory(err, "the bonds of a query");
  for (int i = 0; i < out->n_bond; i++) {
    const json_t *pair = json_array_get(v, (size_t)i);
    of3_status st = OF3_OK;
    if (!json_is_array(pair) || json_array_size(pair) != 2)
      st = of3_fail(err, OF3_ERR_INPUT, "a bond is a list of two atoms, [chain, residue, \"NAME\"] each");
    if (st == OF3_OK) st = read_place(r, json_array_get(pair, 0), true, &out->bond[i].a, err);
    if (st == OF3_OK) st = read_place(r, json_array_get(pair, 1), true, &out->bond[i].b, err);
    if (st != OF3_OK) return of3_prefix(err, "bond %d of 'covalent_bonds'", i + 1);
  }
  return OF3_OK;
}

static of3_status read_leaving(const of3_json_reader *r, const json_t *v, of3_query *out, of3_error *err) {
  OF3_TRY(count_list(v, "leaving_atoms", &out->n_leaving, err));
  out->leaving = OF3_ARENA_NEW(r->arena, of3_query_atom, out->n_leaving);
  if (!out->leaving) return of3_fail_memory(err, "the leaving atoms of a query");
  for (int i = 0; i < out->n_leaving; i++)
    if (read_place(r, json_array_get(v, (size_t)i), true, &out->leaving[i], err) != OF3_OK)
      return of3_prefix(err, "entry %d of 'leaving_atoms'", i + 1);
  return OF3_OK;
}

/* [chain, residue], or OpenFold3's {"chain_id": ., "residue_id": .}. */
static of3_status read_pocket_residue(const of3_json_reader *r, json_t *v, of3_query_atom *out,
                                      of3_error *err) {
  static const of3_json_key keys[] = {{"chain_id", NULL}, {"residue_id", NULL}};
  if (!json_is_object(v)) return read_place(r, v, false, out, err);
  OF3_TRY(of3_json_check_keys(v, keys, OF3_N_KEYS(keys), err));
  json_t *list = json_pack("[O?, O?]", json_object_get(v, "chain_id"), json_object_get(v, "residue_id"));
  of3_status st = list ? read_place(r, list, false, out, err) : of3_fail_memory(err, "the pocket of a query");
  json_decref(list);
  return st;
}

static of3_status read_pocket(const of3_json_reader *r, json_t *v, of3_query *out, of3_error *err) {
  static const of3_json_key keys[] = {
      {"ligand_chain_id", NULL}, {"pocket_residues", NULL}, {"max_distance", NULL}};
  if (!json_is_object(v)) return of3_json_wrong_type("pocket_constraint", "an object", v, err);
  OF3_TRY(of3_json_check_keys(v, keys, OF3_N_KEYS(keys), err));
  const json_t *ligand = json_object_get(v, "ligand_chain_id"),
               *residues = json_object_get(v, "pocket_residues"),
               *distance = json_object_get(v, "max_distance");
  if (!json_is_string(ligand))
    return of3_json_wrong_type("ligand_chain_id", "the id of a chain", ligand, err);
  if (distance && !json_is_number(distance))
    return of3_json_wrong_type("max_distance", "a number", distance, err);
  of3_query_pocket *p = OF3_ARENA_NEW(r->arena, of3_query_pocket, 1);
  if (!p) return of3_fail_memory(err, "the pocket of a query");
  OF3_TRY(count_list(residues, "pocket_residues", &p->n_residue, err));
  p->ligand = of3_arena_strdup(r->arena, json_string_value(ligand));
  p->residue = OF3_ARENA_NEW(r->arena, of3_query_atom, p->n_residue);
  p->max_distance = distance ? json_number_value(distance) : OF3_POCKET_DISTANCE;
  if (!p->ligand || !p->residue) return of3_fail_memory(err, "the pocket of a query");
  for (int i = 0; i < p->n_residue; i++)
    if (read_pocket_residue(r, json_array_get(residues, (size_t)i), &p->residue[i], err) != OF3_OK)
      return of3_prefix(err, "entry %d of 'pocket_residues'", i + 1);
  out->pocket = p;
  return OF3_OK;
}

of3_status of3_json_query_bonds(const of3_json_reader *r, json_t *query, of3_query *out, of3_error *err) {
  json_t *bonds = json_object_get(query, "covalent_bonds"),
         *leaving = json_object_get(query, "leaving_atoms"),
         *pocket = json_object_get(query, "pocket_constraint");
  if (bonds && !json_is_null(bonds)) OF3_TRY(read_bonds(r, bonds, out, err));
  if (leaving && !json_is_null(leaving)) OF3_TRY(read_leaving(r, leaving, out, err));
  OF3_TRY(of3_query_check_bonds(out, err));
  of3_status st = pocket && !json_is_null(pocket) ? read_pocket(r, pocket, out, err) : OF3_OK;
  if (st == OF3_OK) st = of3_query_check_pocket(out, err);
  return st == OF3_OK || !pocket ? st : of3_prefix(err, "'pocket_constraint'");
}
