/* Molecules of AlphaFold 3's JSON: keys, modifications, alignments. */
#include <string.h>

#include "base/str.h"
#include "dialect/af3.h"
#include "feat/query_check.h"

static const of3_json_key protein_keys[] = {
    {"id", NULL},          {"sequence", NULL},  {"modifications", NULL},   {"description", NULL},
    {"unpairedMsa", NULL}, {"pairedMsa", NULL}, {"unpairedMsaPath", NULL}, {"pairedMsaPath", NULL},
    {"templates", NULL},
};
static const of3_json_key rna_keys[] = {
    {"id", NULL},          {"sequence", NULL},    {"modifications", NULL},
    {"description", NULL}, {"unpairedMsa", NULL}, {"unpairedMsaPath", NULL},
};
static const of3_json_key dna_keys[] = {
    {"id", NULL},
    {"sequence", NULL},
    {"modifications", NULL},
    {"description", NULL},
};
static const of3_json_key ligand_keys[] = {
    {"id", NULL},
    {"ccdCodes", NULL},
    {"smiles", NULL},
    {"description", NULL},
};

static const struct {
  const char *name;
  const of3_json_key *key;
  int n_key;
} af3_molecule[] = {[OF3_PROTEIN] = {"protein", protein_keys, OF3_N_KEYS(protein_keys)},
                    [OF3_RNA] = {"rna", rna_keys, OF3_N_KEYS(rna_keys)},
                    [OF3_DNA] = {"dna", dna_keys, OF3_N_KEYS(dna_keys)},
                    [OF3_LIGAND] = {"ligand", ligand_keys, OF3_N_KEYS(ligand_keys)}};

/* The text of a key that may be null or missing: *ret_text is NULL then. */
static of3_status optional_text(json_t *object, const char *key, const char **ret_text, of3_error *err) {
  const json_t *v = json_object_get(object, key);
  *ret_text = NULL;
  if (!v || json_is_null(v)) return OF3_OK;
  if (!json_is_string(v)) return of3_json_wrong_type(key, "a string", v, err);
  *ret_text = json_string_value(v);
  return OF3_OK;
}

/* ---- Modifications */

of3_status of3_af3_modifications(const of3_af3_reader *r, const json_t *all, of3_query_chain *c,
                                 of3_error *err) {
  const bool protein = c->type == OF3_PROTEIN;
  const char *type_key = protein ? "ptmType" : "modificationType",
             *at_key = protein ? "ptmPosition" : "basePosition";
  const of3_json_key keys[] = {{type_key, NULL}, {at_key, NULL}};
  if (!all || json_is_null(all)) return OF3_OK;
  if (!json_is_array(all)) return of3_json_wrong_type("modifications", "a list", all, err);
  const size_t n = json_array_size(all);
  if (n > (size_t)c->n_residue)
    return of3_fail(err, OF3_ERR_INPUT, "'modifications' has %zu entries, and the chain %d residues", n,
                    c->n_residue);
  c->modified = OF3_ARENA_NEW(r->b.arena, of3_query_residue, n);
  if (!c->modified) return of3_fail_memory(err, "the modifications");
  for (size_t i = 0; i < n; i++) {
    json_t *one = json_array_get(all, i);
    if (!json_is_object(one)) return of3_json_wrong_type("modifications", "a list of objects", one, err);
    if (of3_json_check_keys(one, keys, 2, err) != OF3_OK) return of3_prefix(err, "'modifications'");
    const json_t *code = json_object_get(one, type_key), *at = json_object_get(one, at_key);
    if (!json_is_string(code)) return of3_json_wrong_type(type_key, "the code of a component", code, err);
    if (!json_is_integer(at)) return of3_json_wrong_type(at_key, "an integer", at, err);
    if (json_integer_value(at) < 1 || json_integer_value(at) > c->n_residue)
      return of3_fail(err, OF3_ERR_INPUT, "'%s' is %lld; a residue, 1 to %d, was expected", at_key,
                      (long long)json_integer_value(at), c->n_residue);
    const char *text = json_string_value(code);
    if (strncmp(text, "CCD_", 4) == 0) text += 4;
    const of3_query_residue one_more = {(int)json_integer_value(at), of3_arena_strdup(r->b.arena, text)};
    if (!one_more.code) return of3_fail_memory(err, "the modifications");
    if (of3_builder_check_code(&r->b, text, err) != OF3_OK) return of3_prefix(err, "'%s'", type_key);
    c->modified[c->n_modified++] = one_more;
  }
  return of3_builder_sort_modified(c, err);
}

/* ---- Alignments */

/* Names that their files would have: rows of one are stacked, those of the other paired by species. */
static const char unpaired_name[] = "unpaired_msa", paired_name[] = "uniprot_hits";

/* The alignment of a key, or of the path of a second one; "": none, NULL: the program is to search. */
static of3_status read_alignment(const of3_af3_reader *r, json_t *m, const char *key, const char *path_key,
                                 const char **ret_text, of3_error *err) {
  const char *path = NULL;
  OF3_TRY(optional_text(m, key, ret_text, err));
  OF3_TRY(optional_text(m, path_key, &path, err));
  if (path && *ret_text)
    return of3_fail(err, OF3_ERR_INPUT, "both '%s' and '%s' are given; one was expected", key, path_key);
  if (path) return of3_builder_file(&r->b, path_key, path, ret_text, err);
  if (*ret_text) *ret_text = of3_arena_strdup(r->b.arena, *ret_text);
  return json_is_string(json_object_get(m, key)) && !*ret_text ? of3_fail_memory(err, "an alignment")
                                                               : OF3_OK;
}

static bool holds_rows(const char *text) { return text && text[strspn(text, " \t\r\n")]; }

static of3_status read_alignments(of3_af3_reader *r, json_t *m, of3_query_chain *c, of3_error *err) {
  const char *unpaired = NULL, *paired = NULL;
  OF3_TRY(read_alignment(r, m, "unpairedMsa", "unpairedMsaPath", &unpaired, err));
  if (c->type == OF3_PROTEIN) OF3_TRY(read_alignment(r, m, "pairedMsa", "pairedMsaPath", &paired, err));
  if (!unpaired && !paired)
    OF3_TRY(of3_builder_note(&r->b, err,
                             "chain %s has no 'unpairedMsa', for which AlphaFold 3 would search databases; "
                             "without one from a server or 'of3 search' it is folded from its sequence alone",
                             c->id[0]));
  c->no_search = unpaired || paired;
  if (holds_rows(unpaired)) OF3_TRY(of3_builder_add_msa_text(&r->b, c, unpaired_name, unpaired, err));
  if (!holds_rows(paired)) return OF3_OK;
  if (!c->n_msa_text) { /* the main block is the sequence */
    const char *alone = of3_arena_printf(r->b.arena, ">query\n%s\n", c->sequence);
    if (!alone) return of3_fail_memory(err, "an alignment");
    OF3_TRY(of3_builder_add_msa_text(&r->b, c, unpaired_name, alone, err));
  }
  return of3_builder_add_msa_text(&r->b, c, paired_name, paired, err);
}

/* ---- Molecules */

static of3_status read_sequence(const of3_af3_reader *r, json_t *m, of3_query_chain *c, of3_error *err) {
  const json_t *v = json_object_get(m, "sequence");
  if (!json_is_string(v)) return of3_json_wrong_type("sequence", "a string", v, err);
  return of3_builder_sequence(&r->b, json_string_value(v), json_string_length(v), false, c, err);
}

static of3_status read_polymer(of3_af3_reader *r, json_t *m, of3_query_chain *c, of3_error *err) {
  OF3_TRY(read_sequence(r, m, c, err));
  OF3_TRY(of3_af3_modifications(r, json_object_get(m, "modifications"), c, err));
  if (c->type == OF3_PROTEIN) OF3_TRY(of3_af3_templates(r, m, c, err));
  return c->type == OF3_DNA ? OF3_OK : read_alignments(r, m, c, err);
}

static of3_status read_ligand(const of3_af3_reader *r, json_t *m, of3_query_chain *c, of3_error *err) {
  const json_t *codes = json_object_get(m, "ccdCodes"), *smiles = json_object_get(m, "smiles");
  const bool has_codes = codes && !json_is_null(codes), has_smiles = smiles && !json_is_null(smiles);
  if (has_codes == has_smiles)
    return of3_fail(err, OF3_ERR_INPUT, "a ligand has either 'ccdCodes' or 'smiles'; %s given",
                    has_codes ? "both are" : "none is");
  if (has_smiles) {
    if (!json_is_string(smiles)) return of3_json_wrong_type("smiles", "a string", smiles, err);
    c->smiles = of3_arena_strdup(r->b.arena, json_string_value(smiles));
    if (!c->smiles) return of3_fail_memory(err, "a ligand");
    return *c->smiles ? OF3_OK : of3_fail(err, OF3_ERR_INPUT, "'smiles' is empty");
  }
  OF3_TRY(of3_json_strings(&r->json, codes, "ccdCodes", &c->code, &c->n_code, err));
  for (int i = 0; i < c->n_code; i++) OF3_TRY(of3_builder_check_code(&r->b, c->code[i], err));
  c->n_residue = c->n_code;
  return OF3_OK;
}

static of3_status read_ids(const of3_af3_reader *r, json_t *m, of3_query_chain *c, of3_error *err) {
  const json_t *ids = json_object_get(m, "id");
  if (!ids) return of3_json_wrong_type("id", "a string or a list of strings", ids, err);
  OF3_TRY(of3_json_strings(&r->json, ids, "id", &c->id, &c->n_id, err));
  for (int i = 0; i < c->n_id; i++) OF3_TRY(of3_query_check_chain_id(c->id[i], err));
  return OF3_OK;
}

static of3_status read_molecule(of3_af3_reader *r, of3_molecule type, json_t *m, of3_error *err) {
  const char *description = NULL;
  if (!json_is_object(m)) return of3_json_wrong_type(af3_molecule[type].name, "an object", m, err);
  if (of3_json_check_keys(m, af3_molecule[type].key, af3_molecule[type].n_key, err) != OF3_OK)
    return of3_prefix(err, "'%s'", af3_molecule[type].name);
  of3_query_chain *c = of3_builder_add_chain(&r->b, type, 0);
  if (!c) return of3_fail_memory(err, "a chain");
  OF3_TRY(optional_text(m, "description", &description, err)); /* of3 has no use for it */
  OF3_TRY(read_ids(r, m, c, err));
  return type == OF3_LIGAND ? read_ligand(r, m, c, err) : read_polymer(r, m, c, err);
}

of3_status of3_af3_molecule(of3_af3_reader *r, json_t *entry, of3_error *err) {
  if (!json_is_object(entry) || json_object_size(entry) != 1)
    return of3_fail(err, OF3_ERR_INPUT, "an object with one key, protein, rna, dna or ligand, was expected");
  const char *name = json_object_iter_key(json_object_iter(entry));
  for (int i = 0; i < 4; i++)
    if (strcmp(name, af3_molecule[i].name) == 0)
      return read_molecule(r, (of3_molecule)i, json_object_get(entry, name), err);
  return of3_fail(err, OF3_ERR_INPUT,
                  "'%.40s' is no type of molecule; protein, rna, dna or ligand was expected", name);
}
