/* Molecules of AlphaFold server's jobs. They have a count instead of ids: chains are called A, B, ... in
 * order. */
#include <string.h>

#include "dialect/af3.h"
#include "feat/query_check.h"

static const of3_json_key protein_keys[] = {
    {"sequence", NULL},        {"count", NULL},
    {"glycans", NULL}, /* read when all molecules have their ids (af3_glycans.c) */
    {"modifications", NULL},   {"useStructureTemplate", NULL},
    {"maxTemplateDate", NULL},
};
static const of3_json_key nucleic_keys[] = {{"sequence", NULL}, {"count", NULL}, {"modifications", NULL}};
static const of3_json_key ligand_keys[] = {{"ligand", NULL}, {"count", NULL}};
static const of3_json_key ion_keys[] = {{"ion", NULL}, {"count", NULL}};

static const struct {
  const char *name;
  of3_molecule type;
  const of3_json_key *key;
  int n_key;
} server_molecule[] = {
    {"proteinChain", OF3_PROTEIN, protein_keys, OF3_N_KEYS(protein_keys)},
    {"rnaSequence", OF3_RNA, nucleic_keys, OF3_N_KEYS(nucleic_keys)},
    {"dnaSequence", OF3_DNA, nucleic_keys, OF3_N_KEYS(nucleic_keys)},
    {"ligand", OF3_LIGAND, ligand_keys, OF3_N_KEYS(ligand_keys)},
    {"ion", OF3_LIGAND, ion_keys, OF3_N_KEYS(ion_keys)},
};
enum { N_MOLECULE = sizeof server_molecule / sizeof *server_molecule };

static of3_status read_count(json_t *m, int *out, of3_error *err) {
  const json_t *v = json_object_get(m, "count");
  *out = 1;
  if (!v || json_is_null(v)) return OF3_OK;
  if (!json_is_integer(v)) return of3_json_wrong_type("count", "an integer", v, err);
  if (json_integer_value(v) < 1 || json_integer_value(v) > OF3_MAX_CHAINS)
    return of3_fail(err, OF3_ERR_INPUT, "'count' is %lld; 1 to %d are allowed",
                    (long long)json_integer_value(v), OF3_MAX_CHAINS);
  *out = (int)json_integer_value(v);
  return OF3_OK;
}

of3_status of3_af3_server_ids(of3_af3_reader *r, int n, const char ***ret_id, of3_error *err) {
  const char **id = OF3_ARENA_NEW(r->b.arena, const char *, n);
  for (int i = 0; id && i < n; i++) {
    char letters[OF3_CHAIN_LETTERS];
    of3_chain_letters(r->n_id++, letters);
    id[i] = of3_arena_strdup(r->b.arena, letters);
    if (!id[i]) return of3_fail_memory(err, "a chain");
  }
  *ret_id = id;
  return id ? OF3_OK : of3_fail_memory(err, "a chain");
}

/* "CCD_ATP", or the code of an ion. */
static of3_status read_code(const of3_af3_reader *r, json_t *m, const char *key, of3_query_chain *c,
                            of3_error *err) {
  const json_t *v = json_object_get(m, key);
  if (!json_is_string(v)) return of3_json_wrong_type(key, "the code of a component", v, err);
  const char *code = json_string_value(v);
  if (strncmp(code, "CCD_", 4) == 0) code += 4;
  if (of3_builder_set_code(&r->b, c, code, strlen(code), err) != OF3_OK) return of3_prefix(err, "'%s'", key);
  return OF3_OK;
}

/* Templates are those that a server or 'of3 search' finds. */
static of3_status read_template_wishes(of3_af3_reader *r, json_t *m, of3_query_chain *c, of3_error *err) {
  const json_t *date = json_object_get(m, "maxTemplateDate");
  bool use = true;
  OF3_TRY(of3_json_bool(m, "useStructureTemplate", &use, err));
  c->no_templates = !use;
  if (!use || !date || json_is_null(date)) return OF3_OK;
  if (!json_is_string(date))
    return of3_json_wrong_type("maxTemplateDate", "a date, as \"2018-01-20\"", date, err);
  return of3_builder_note(
      &r->b, err,
      "chain %s: 'maxTemplateDate' is not served; max_release_date of a runner YAML says it for "
      "all chains",
      c->id[0]);
}

static of3_status read_polymer(of3_af3_reader *r, json_t *m, of3_query_chain *c, of3_error *err) {
  const json_t *v = json_object_get(m, "sequence");
  if (!json_is_string(v)) return of3_json_wrong_type("sequence", "a string", v, err);
  OF3_TRY(of3_builder_sequence(&r->b, json_string_value(v), json_string_length(v), false, c, err));
  OF3_TRY(of3_af3_modifications(r, json_object_get(m, "modifications"), c, err));
  if (c->type == OF3_DNA) return OF3_OK;
  if (c->type == OF3_PROTEIN) OF3_TRY(read_template_wishes(r, m, c, err));
  return of3_builder_note(
      &r->b, err,
      "chain %s comes without alignment%s, for which AlphaFold's server would search "
      "databases; without one from a server or 'of3 search' it is folded from its sequence alone",
      c->id[0], c->type == OF3_PROTEIN && !c->no_templates ? " and templates" : "");
}

of3_status of3_af3_server_molecule(of3_af3_reader *r, json_t *entry, of3_error *err) {
  int k = 0, count = 1;
  const char *name = json_is_object(entry) && json_object_size(entry) == 1
                         ? json_object_iter_key(json_object_iter(entry))
                         : "";
  while (k < N_MOLECULE && strcmp(name, server_molecule[k].name) != 0) k++;
  if (k == N_MOLECULE)
    return of3_fail(
        err, OF3_ERR_INPUT,
        "an object with one key, proteinChain, rnaSequence, dnaSequence, ligand or ion, was expected%s%.40s",
        *name ? ", not " : "", name);
  json_t *m = json_object_get(entry, name);
  if (!json_is_object(m)) return of3_json_wrong_type(name, "an object", m, err);
  if (of3_json_check_keys(m, server_molecule[k].key, server_molecule[k].n_key, err) != OF3_OK)
    return of3_prefix(err, "'%s'", name);
  OF3_TRY(read_count(m, &count, err));
  of3_query_chain *c = of3_builder_add_chain(&r->b, server_molecule[k].type, 0);
  if (!c) return of3_fail_memory(err, "a chain");
  OF3_TRY(of3_af3_server_ids(r, count, &c->id, err));
  c->n_id = count;
  if (c->type == OF3_LIGAND) return read_code(r, m, name, c, err);
  return read_polymer(r, m, c, err);
}
