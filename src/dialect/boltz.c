/* Boltz's YAML, version 1 (docs/queries.md 4): one complex, called as the file.
 *
 *   sequences:    [{protein: {id, sequence, msa, modifications, cyclic}}, {ligand: {id, ccd or smiles}}, ..]
 *   constraints:  [{bond: {atom1, atom2}}, {pocket: {binder, contacts, max_distance}}, {contact: ..}]
 *   templates, properties
 *
 * All plain values are texts (yaml.h); numbers are read from them here. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/str.h"
#include "dialect/build.h"
#include "dialect/yaml.h"
#include "feat/query_check.h"
#include "feat/query_json_value.h"

typedef struct boltz_reader {
  of3_query_builder b;
  of3_json_reader json;
} boltz_reader;

static const of3_json_key top_keys[] = {
    {"version", NULL}, {"sequences", NULL}, {"constraints", NULL}, {"templates", NULL}, {"properties", NULL}};
static const of3_json_key polymer_keys[] = {
    {"id", NULL}, {"sequence", NULL}, {"msa", NULL}, {"modifications", NULL}, {"cyclic", NULL}};
static const of3_json_key ligand_keys[] = {{"id", NULL}, {"ccd", NULL}, {"smiles", NULL}};
static const of3_json_key modification_keys[] = {{"position", NULL}, {"ccd", NULL}};
static const of3_json_key bond_keys[] = {{"atom1", NULL}, {"atom2", NULL}};
static const of3_json_key pocket_keys[] = {
    {"binder", NULL},
    {"contacts", NULL},
    {"max_distance", NULL},
    {"force", NULL},
};

/* ---- Values */

static of3_status read_integer(const json_t *v, const char *key, int low, int high, int *out,
                               of3_error *err) {
  const char *text = json_string_value(v);
  const size_t n = text ? strspn(text, "0123456789") : 0;
  const long value = n && !text[n] && n < 10 ? strtol(text, NULL, 10) : -1;
  if (value >= low && value <= high) {
    *out = (int)value;
    return OF3_OK;
  }
  return of3_fail(err, OF3_ERR_INPUT, "'%s' is %s%.20s%s; an integer, %d to %d, was expected", key,
                  text ? "'" : "", text ? text : of3_json_type_name(v), text ? "'" : "", low, high);
}

/* YAML's words for true and false; false: it is neither. */
static bool boolean_of(const json_t *v, bool *out) {
  static const char *const yes[] = {"true", "yes", "on"}, *const no[] = {"false", "no", "off"};
  if (!json_is_string(v)) return false;
  const of3_span s = {json_string_value(v), json_string_length(v)};
  for (int i = 0; i < 3; i++) {
    *out = of3_span_is(s, yes[i]);
    if (*out || of3_span_is(s, no[i])) return true;
  }
  return false;
}

static of3_status check_object(json_t *v, const char *name, const of3_json_key *keys, int n, of3_error *err) {
  if (!json_is_object(v)) return of3_json_wrong_type(name, "a mapping", v, err);
  return of3_json_check_keys(v, keys, n, err) == OF3_OK ? OF3_OK : of3_prefix(err, "'%s'", name);
}

/* A list, which may be missing: empty then. */
static of3_status read_list(json_t *object, const char *key, const json_t **ret_list, size_t *ret_n,
                            of3_error *err) {
  const json_t *v = json_object_get(object, key);
  *ret_list = v;
  *ret_n = 0;
  if (!v || json_is_null(v)) return OF3_OK;
  if (!json_is_array(v)) return of3_json_wrong_type(key, "a list", v, err);
  *ret_n = json_array_size(v);
  if (*ret_n <= OF3_MAX_RESIDUES) return OF3_OK;
  return of3_fail(err, OF3_ERR_INPUT, "'%s' has %zu entries; at most %d are allowed", key, *ret_n,
                  OF3_MAX_RESIDUES);
}

/* ---- Molecules */

static of3_status read_modifications(const boltz_reader *r, json_t *m, of3_query_chain *c, of3_error *err) {
  const json_t *all;
  size_t n;
  OF3_TRY(read_list(m, "modifications", &all, &n, err));
  c->modified = OF3_ARENA_NEW(r->b.arena, of3_query_residue, n);
  if (!c->modified) return of3_fail_memory(err, "the modifications");
  for (size_t i = 0; i < n; i++) {
    json_t *one = json_array_get(all, i);
    of3_query_residue *to = &c->modified[c->n_modified++];
    OF3_TRY(check_object(one, "modifications", modification_keys, OF3_N_KEYS(modification_keys), err));
    OF3_TRY(read_integer(json_object_get(one, "position"), "position", 1, c->n_residue, &to->position, err));
    const json_t *code = json_object_get(one, "ccd");
    if (!json_is_string(code)) return of3_json_wrong_type("ccd", "the code of a component", code, err);
    OF3_TRY(of3_query_check_code(json_string_value(code), err));
    to->code = of3_arena_strdup(r->b.arena, json_string_value(code));
    if (!to->code) return of3_fail_memory(err, "the modifications");
  }
  return of3_builder_sort_modified(c, err);
}

static of3_status read_msa(boltz_reader *r, json_t *m, of3_query_chain *c, of3_error *err) {
  const json_t *v = json_object_get(m, "msa");
  if (!v || json_is_null(v))
    return c->type != OF3_PROTEIN
               ? OF3_OK
               : of3_builder_note(&r->b, err,
                                  "chain %s has no 'msa', for which Boltz would ask a server; without one "
                                  "from a server or 'of3 search' it is folded from its sequence alone",
                                  c->id[0]);
  if (!json_is_string(v)) return of3_json_wrong_type("msa", "a path, or 'empty'", v, err);
  const char *path = json_string_value(v);
  const size_t n = json_string_length(v);
  if ((c->no_search = strcmp(path, "empty") == 0)) return OF3_OK;
  if (c->type == OF3_DNA)
    return of3_fail(err, OF3_ERR_INPUT,
                    "'msa' is of proteins and RNA; the network takes no alignment of DNA");
  if (n > 4 && strcmp(path + n - 4, ".csv") == 0)
    return of3_fail(
        err, OF3_ERR_UNSUPPORTED,
        "'msa' names '%.300s', a table of Boltz's own; alignments are read as A3M, Stockholm or NPZ", path);
  return of3_builder_add_msa(&r->b, c, "msa", path, err);
}

static of3_status read_polymer(boltz_reader *r, json_t *m, of3_query_chain *c, of3_error *err) {
  const json_t *sequence = json_object_get(m, "sequence"), *cyclic = json_object_get(m, "cyclic");
  if (!json_is_string(sequence)) return of3_json_wrong_type("sequence", "a text", sequence, err);
  OF3_TRY(
      of3_builder_sequence(&r->b, json_string_value(sequence), json_string_length(sequence), false, c, err));
  OF3_TRY(read_modifications(r, m, c, err));
  if (cyclic && !json_is_null(cyclic) && !boolean_of(cyclic, &c->cyclic))
    return of3_json_wrong_type("cyclic", "true or false", cyclic, err);
  return read_msa(r, m, c, err);
}

static of3_status read_ligand(const boltz_reader *r, json_t *m, of3_query_chain *c, of3_error *err) {
  const json_t *code = json_object_get(m, "ccd"), *smiles = json_object_get(m, "smiles");
  if (!code == !smiles)
    return of3_fail(err, OF3_ERR_INPUT, "a ligand has either 'ccd' or 'smiles'; %s given",
                    code ? "both are" : "none is");
  if (smiles) {
    if (!json_is_string(smiles)) return of3_json_wrong_type("smiles", "a text", smiles, err);
    c->smiles = of3_arena_strdup(r->b.arena, json_string_value(smiles));
    if (!c->smiles) return of3_fail_memory(err, "a ligand");
    return *c->smiles ? OF3_OK : of3_fail(err, OF3_ERR_INPUT, "'smiles' is empty");
  }
  OF3_TRY(of3_json_strings(&r->json, code, "ccd", &c->code, &c->n_code, err));
  for (int i = 0; i < c->n_code; i++) OF3_TRY(of3_query_check_code(c->code[i], err));
  c->n_residue = c->n_code;
  return OF3_OK;
}

static of3_status read_molecule(boltz_reader *r, json_t *entry, of3_error *err) {
  static const char *const names[] = {"protein", "rna", "dna", "ligand"};
  int type = 0;
  const bool one = json_is_object(entry) && json_object_size(entry) == 1;
  const char *name = one ? json_object_iter_key(json_object_iter(entry)) : "";
  while (type < 4 && strcmp(name, names[type]) != 0) type++;
  if (type == 4)
    return of3_fail(err, OF3_ERR_INPUT,
                    "a mapping of one key, protein, rna, dna or ligand, was expected%s%.40s",
                    *name ? ", not " : "", name);
  json_t *m = json_object_get(entry, name);
  const bool ligand = type == OF3_LIGAND;
  OF3_TRY(check_object(m, name, ligand ? ligand_keys : polymer_keys,
                       ligand ? OF3_N_KEYS(ligand_keys) : OF3_N_KEYS(polymer_keys), err));
  of3_query_chain *c = of3_builder_add_chain(&r->b, (of3_molecule)type, 0);
  const json_t *ids = json_object_get(m, "id");
  if (!c) return of3_fail_memory(err, "a chain");
  if (!ids) return of3_json_wrong_type("id", "a text or a list of texts", ids, err);
  OF3_TRY(of3_json_strings(&r->json, ids, "id", &c->id, &c->n_id, err));
  for (int i = 0; i < c->n_id; i++) OF3_TRY(of3_query_check_chain_id(c->id[i], err));
  return ligand ? read_ligand(r, m, c, err) : read_polymer(r, m, c, err);
}

/* ---- Constraints */

/* [chain, residue, atom], or [chain, residue] where n is 2. */
static of3_status read_atom(const boltz_reader *r, const json_t *v, const char *key, size_t n,
                            of3_query_atom *out, of3_error *err) {
  const char *expected = n == 3 ? "[chain, residue, atom], as [A, 12, SG]" : "[chain, residue], as [A, 12]";
  const json_t *chain = json_array_get(v, 0), *residue = json_array_get(v, 1), *name = json_array_get(v, 2);
  if (!json_is_array(v) || json_array_size(v) != n || !json_is_string(chain) || !json_is_string(residue) ||
      (n == 3 && !json_is_string(name)))
    return of3_fail(err, OF3_ERR_INPUT, "'%s' must be %s", key, expected);
  if (n == 2 && json_string_value(residue)[strspn(json_string_value(residue), "0123456789")])
    return of3_fail(
        err, OF3_ERR_UNSUPPORTED,
        "'%s' names the atom %.20s of chain %.32s; pockets of atoms are not served: name residues", key,
        json_string_value(residue), json_string_value(chain));
  *out = (of3_query_atom){.chain = of3_arena_strdup(r->b.arena, json_string_value(chain))};
  if (n == 3) out->name = of3_arena_strdup(r->b.arena, json_string_value(name));
  if (!out->chain || (n == 3 && !out->name)) return of3_fail_memory(err, key);
  return read_integer(residue, key, 1, OF3_MAX_RESIDUES, &out->residue, err);
}

static of3_status read_bond(boltz_reader *r, json_t *v, of3_error *err) {
  of3_query_bond bond;
  OF3_TRY(check_object(v, "bond", bond_keys, OF3_N_KEYS(bond_keys), err));
  OF3_TRY(read_atom(r, json_object_get(v, "atom1"), "atom1", 3, &bond.a, err));
  OF3_TRY(read_atom(r, json_object_get(v, "atom2"), "atom2", 3, &bond.b, err));
  return of3_builder_add_bond(&r->b, bond, err);
}

static of3_status read_distance(const json_t *v, double *out, of3_error *err) {
  char *end = NULL;
  const char *text = json_string_value(v);
  if (!v || json_is_null(v)) return OF3_OK;
  if (text) *out = of3_parse_f64(text, &end);
  if (text && end != text && !*end && isfinite(*out) && *out > 0) return OF3_OK;
  return of3_fail(err, OF3_ERR_INPUT, "'max_distance' is %s%.20s%s; a distance in Angstrom was expected",
                  text ? "'" : "", text ? text : of3_json_type_name(v), text ? "'" : "");
}

static of3_status read_pocket(boltz_reader *r, json_t *v, of3_error *err) {
  enum { BOLTZ_DISTANCE = 6 };
  const json_t *contacts, *binder = json_object_get(v, "binder");
  of3_query *q = r->b.query;
  size_t n;
  bool force = false;
  OF3_TRY(check_object(v, "pocket", pocket_keys, OF3_N_KEYS(pocket_keys), err));
  if (boolean_of(json_object_get(v, "force"), &force) && force)
    OF3_TRY(of3_builder_note(&r->b, err,
                             "'force' of 'pocket' is not served: the network is told of the pocket, and "
                             "nothing enforces it"));
  if (q->pocket) return of3_fail(err, OF3_ERR_UNSUPPORTED, "a second 'pocket' is given; of3 takes one");
  if (!json_is_string(binder)) return of3_json_wrong_type("binder", "the id of a chain", binder, err);
  OF3_TRY(read_list(v, "contacts", &contacts, &n, err));
  if (n == 0) return of3_fail(err, OF3_ERR_INPUT, "'contacts' of 'pocket' is empty; residues were expected");
  of3_query_pocket *p = OF3_ARENA_NEW(r->b.arena, of3_query_pocket, 1);
  of3_query_atom *residue = OF3_ARENA_NEW(r->b.arena, of3_query_atom, n);
  if (!p || !residue) return of3_fail_memory(err, "a pocket");
  for (size_t i = 0; i < n; i++)
    OF3_TRY(read_atom(r, json_array_get(contacts, i), "contacts", 2, &residue[i], err));
  *p = (of3_query_pocket){.n_residue = (int)n, .residue = residue, .max_distance = BOLTZ_DISTANCE};
  p->ligand = of3_arena_strdup(r->b.arena, json_string_value(binder));
  if (!p->ligand) return of3_fail_memory(err, "a pocket");
  q->pocket = p;
  return read_distance(json_object_get(v, "max_distance"), &p->max_distance, err);
}

static of3_status read_constraint(boltz_reader *r, json_t *entry, of3_error *err) {
  const bool one = json_is_object(entry) && json_object_size(entry) == 1;
  const char *name = one ? json_object_iter_key(json_object_iter(entry)) : "";
  if (strcmp(name, "bond") == 0) return read_bond(r, json_object_get(entry, name), err);
  if (strcmp(name, "pocket") == 0) return read_pocket(r, json_object_get(entry, name), err);
  if (strcmp(name, "contact") == 0)
    return of3_fail(
        err, OF3_ERR_UNSUPPORTED,
        "'contact' asks for two tokens near each other, which this version of of3 does not serve");
  return of3_fail(err, OF3_ERR_INPUT, "a mapping of one key, bond, pocket or contact, was expected%s%.40s",
                  *name ? ", not " : "", name);
}

/* ---- File */

static const of3_json_key template_keys[] = {
    {"cif", NULL},      {"pdb", "a template in PDB format; convert it to mmCIF"},
    {"chain_id", NULL}, {"template_id", NULL},
    {"force", NULL},    {"threshold", NULL},
};

/* The place of one of the chain's ids among n others; -1: none is there. */
static int place_of(const of3_query_chain *c, const char *const *id, int n) {
  for (int i = 0; i < n; i++)
    for (int k = 0; k < c->n_id; k++)
      if (strcmp(id[i], c->id[k]) == 0) return i;
  return -1;
}

/* Of the proteins that "chain_id" names, or of all; "template_id": as many chains of the structure. */
static of3_status read_template(boltz_reader *r, json_t *v, of3_error *err) {
  OF3_TRY(check_object(v, "templates", template_keys, OF3_N_KEYS(template_keys), err));
  const json_t *path = json_object_get(v, "cif"), *chains = json_object_get(v, "chain_id"),
               *ids = json_object_get(v, "template_id");
  const char **chain = NULL, **id = NULL;
  int n_chain = 0, n_id = 0, used = 0;
  bool force = false;
  if (!json_is_string(path)) return of3_json_wrong_type("cif", "a path", path, err);
  if (chains) OF3_TRY(of3_json_strings(&r->json, chains, "chain_id", &chain, &n_chain, err));
  if (ids) OF3_TRY(of3_json_strings(&r->json, ids, "template_id", &id, &n_id, err));
  if (n_id && n_id != n_chain)
    return of3_fail(err, OF3_ERR_INPUT,
                    "'template_id' names %d chains and 'chain_id' %d; there must be as many", n_id, n_chain);
  if (boolean_of(json_object_get(v, "force"), &force) && force)
    OF3_TRY(of3_builder_note(&r->b, err,
                             "'force' of 'templates' is not served: the network is told of the template, and "
                             "nothing enforces it"));
  for (int i = 0; i < r->b.query->n_chain; i++) {
    of3_query_chain *c = &r->b.query->chain[i];
    const int k = place_of(c, chain, n_chain);
    if (c->type != OF3_PROTEIN || (chain && k < 0)) continue;
    of3_template_source source = {.opt_chain = n_id ? id[k] : NULL};
    OF3_TRY(of3_builder_path(&r->b, "cif", json_string_value(path), false, &source.path, err));
    OF3_TRY(of3_builder_add_template(&r->b, c, &source, err));
    used++;
  }
  return used ? OF3_OK : of3_fail(err, OF3_ERR_INPUT, "'templates' names no protein of the query");
}

static of3_status read_requests(boltz_reader *r, json_t *top, of3_error *err) {
  const json_t *templates;
  size_t n;
  OF3_TRY(read_list(top, "templates", &templates, &n, err));
  for (size_t i = 0; i < n; i++)
    if (read_template(r, json_array_get(templates, i), err) != OF3_OK)
      return of3_prefix(err, "entry %zu of 'templates'", i + 1);
  if (of3_json_is_empty(json_object_get(top, "properties"))) return OF3_OK;
  return of3_builder_note(
      &r->b, err, "'properties' asks for an affinity, which of3 does not predict; the structure is folded");
}

static of3_status read_query(boltz_reader *r, json_t *top, of3_error *err) {
  const json_t *molecules, *constraints;
  size_t n, n_constraint;
  int version;
  if (!json_is_object(top)) return of3_json_wrong_type("the file", "a mapping with 'sequences'", top, err);
  OF3_TRY(of3_json_check_keys(top, top_keys, OF3_N_KEYS(top_keys), err));
  if (json_object_get(top, "version"))
    OF3_TRY(read_integer(json_object_get(top, "version"), "version", 1, 1, &version, err));
  OF3_TRY(read_list(top, "sequences", &molecules, &n, err));
  if (n > OF3_MAX_CHAINS)
    return of3_fail(err, OF3_ERR_INPUT, "'sequences' has %zu entries; at most %d are allowed", n,
                    OF3_MAX_CHAINS);
  for (size_t i = 0; i < n; i++)
    if (read_molecule(r, json_array_get(molecules, i), err) != OF3_OK)
      return of3_prefix(err, "entry %zu of 'sequences'", i + 1);
  OF3_TRY(read_list(top, "constraints", &constraints, &n_constraint, err));
  for (size_t i = 0; i < n_constraint; i++)
    if (read_constraint(r, json_array_get(constraints, i), err) != OF3_OK)
      return of3_prefix(err, "entry %zu of 'constraints'", i + 1);
  return read_requests(r, top, err);
}

static of3_status read_file(const of3_query_source *source, json_t *top, of3_query_set *out, of3_error *err) {
  const of3_span name = of3_query_source_stem(source);
  of3_error own = {0};
  out->query = OF3_ARENA_NEW(out->arena, of3_query, 1);
  if (!out->query) return of3_fail_memory(err, source->file);
  out->n = 1;
  boltz_reader r = {.b = {.arena = out->arena, .folder = source->folder, .query = out->query},
                    .json = {out->arena, source->folder, out->query}};
  OF3_TRY(of3_builder_begin(&r.b, name.text, name.n, err));
  const of3_status st = read_query(&r, top, &own);
  return of3_builder_end(&r.b, st, &own) == OF3_OK ? OF3_OK : of3_fail_memory(err, source->file);
}

of3_status of3_query_from_boltz(const of3_query_source *source, of3_query_set *out, of3_error *err) {
  json_t *top = NULL;
  size_t need = 0;
  *out = (of3_query_set){0};
  OF3_TRY(of3_yaml_parse(source, NULL, &top, &need, err));
  out->arena = of3_arena_new(0);
  if (out->arena) of3_arena_limit(out->arena, source->most_memory - need);
  const of3_status st = out->arena ? read_file(source, top, out, err) : of3_fail_memory(err, source->file);
  json_decref(top);
  if (st != OF3_OK) of3_query_set_free(out);
  return st;
}
