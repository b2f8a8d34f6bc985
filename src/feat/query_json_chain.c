/* One entry of "chains" in OpenFold3's JSON: its table of keys, polymers, alignments. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "feat/query_check.h"
#include "feat/query_json_value.h"

static const of3_json_key chain_keys[] = {
    {"molecule_type", NULL},
    {"chain_ids", NULL},
    {"description", NULL},
    {"sequence", NULL},
    {"main_msa_file_paths", NULL},
    {"non_canonical_residues", NULL},
    {"ccd_codes", NULL},
    {"smiles", NULL},
    {"sdf_file_path", NULL},
    {"ligand_name", NULL},
    {"cyclic", NULL},
    {"starting_residue_number", NULL},
    {"paired_msa_file_paths", NULL},
    {"template_alignment_file_path", NULL},
    {"template_entry_chain_ids", NULL},
    {"template_cif_paths", NULL},
    {"template_cif_chain_ids", NULL},
};

static bool equal_any_case(const char *a, const char *b) {
  for (; *a && *b; a++, b++)
    if ((*a >= 'A' && *a <= 'Z' ? *a - 'A' + 'a' : *a) != *b) return false;
  return *a == *b;
}

static of3_status read_type(json_t *chain, of3_molecule *out, of3_error *err) {
  static const char *const names[] = {"protein", "rna", "dna", "ligand"};
  const json_t *v = json_object_get(chain, "molecule_type");
  int type = -1;
  if (json_is_string(v))
    for (int i = 0; i < 4; i++)
      if (equal_any_case(json_string_value(v), names[i])) type = i;
  if (json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) < 4)
    type = (int)json_integer_value(v);
  if (type < 0) {
    if (!json_is_string(v))
      return of3_json_wrong_type("molecule_type", "protein, rna, dna or ligand", v, err);
    return of3_fail(err, OF3_ERR_INPUT,
                    "'molecule_type' is '%.40s'; protein, rna, dna or ligand was expected",
                    json_string_value(v));
  }
  *out = (of3_molecule)type;
  return OF3_OK;
}

static of3_status read_sequence(const of3_json_reader *r, json_t *chain, of3_query_chain *out,
                                of3_error *err) {
  const json_t *v = json_object_get(chain, "sequence");
  if (!v || json_is_null(v))
    return of3_fail(err, OF3_ERR_INPUT, "the key 'sequence' is missing; protein, RNA and DNA need one");
  if (!json_is_string(v)) return of3_json_wrong_type("sequence", "a string", v, err);
  char *sequence = of3_arena_strdup(r->arena, json_string_value(v));
  if (!sequence) return of3_fail_memory(err, "a sequence");
  of3_query_clean_sequence(sequence);
  out->sequence = sequence;
  return of3_query_check_sequence(out->sequence, &out->n_residue, err);
}

/* A key of "non_canonical_residues", as Python's int reads it: blanks around it, a sign, leading zeros. */
static bool read_position(const char *text, int *out) {
  char *end = NULL;
  errno = 0;
  const long v = strtol(text, &end, 10);
  if (end == text || errno || v > INT_MAX || v < INT_MIN) return false;
  while (*end == ' ' || *end == '\t') end++;
  *out = (int)v;
  return !*end;
}

/* at[i]: the code for position i + 1. OpenFold3 leaves a position out that the sequence does not have, and
 * takes the last of two residues for one position; so does this, with a note. */
static of3_status put_modified(const of3_json_reader *r, int position, const char *code,
                               const of3_query_chain *c, const char **at, of3_error *err) {
  char *note = NULL;
  const bool inside = position >= 1 && position <= c->n_residue;
  if (inside && !at[position - 1]) {
    at[position - 1] = code;
    return OF3_OK;
  }
  if (inside)
    note = of3_arena_printf(r->arena,
                            "chain %s: 'non_canonical_residues' names position %d twice; the last one "
                            "counts, %s, not %s",
                            c->id[0], position, code, at[position - 1]);
  else
    note = of3_arena_printf(r->arena,
                            "chain %s: 'non_canonical_residues' names position %d, and the sequence has 1 to "
                            "%d; %s is left out",
                            c->id[0], position, c->n_residue, code);
  if (inside) at[position - 1] = code;
  return of3_query_add_note(r->query, r->arena, note, err);
}

static of3_status read_modified(const of3_json_reader *r, json_t *chain, of3_query_chain *out,
                                of3_error *err) {
  json_t *all = json_object_get(chain, "non_canonical_residues");
  if (!all || json_is_null(all)) return OF3_OK;
  if (!json_is_object(all))
    return of3_json_wrong_type("non_canonical_residues", "an object of positions and codes", all, err);
  out->modified = OF3_ARENA_NEW(r->arena, of3_query_residue, json_object_size(all));
  const char **at = OF3_ARENA_NEW(r->arena, const char *, out->n_residue);
  if (!out->modified || !at) return of3_fail_memory(err, "the residues of a chain");
  const char *key;
  json_t *code;
  json_object_foreach(all, key, code) {
    int position = 0;
    if (!read_position(key, &position))
      return of3_fail(
          err, OF3_ERR_INPUT,
          "'non_canonical_residues' has the key '%.40s'; a position in the sequence, 1 to %d, was "
          "expected",
          key, out->n_residue);
    if (!json_is_string(code))
      return of3_json_wrong_type("non_canonical_residues", "codes of components", code, err);
    if (of3_query_check_code(json_string_value(code), err) != OF3_OK)
      return of3_prefix(err, "'non_canonical_residues', position %d", position);
    const char *kept = of3_arena_strdup(r->arena, json_string_value(code));
    if (!kept) return of3_fail_memory(err, "the residues of a chain");
    OF3_TRY(put_modified(r, position, kept, out, at, err));
  }
  for (int i = 0; i < out->n_residue; i++)
    if (at[i]) out->modified[out->n_modified++] = (of3_query_residue){.position = i + 1, .code = at[i]};
  return OF3_OK;
}

static of3_status read_polymer(const of3_json_reader *r, json_t *chain, of3_query_chain *out,
                               of3_error *err) {
  OF3_TRY(read_sequence(r, chain, out, err));
  return read_modified(r, chain, out, err);
}

/* A ligand has no key of a polymer, a polymer none of a ligand. */
static of3_status check_kind(json_t *chain, of3_molecule type, of3_error *err) {
  static const char *const of_polymers[] = {"sequence",
                                            "non_canonical_residues",
                                            "main_msa_file_paths",
                                            "paired_msa_file_paths",
                                            "template_alignment_file_path",
                                            "template_cif_paths",
                                            NULL},
                           *const of_ligands[] = {"ccd_codes", "smiles", "sdf_file_path", "ligand_name",
                                                  NULL};
  const bool ligand = type == OF3_LIGAND;
  for (const char *const *key = ligand ? of_polymers : of_ligands; *key; key++)
    if (!of3_json_is_empty(json_object_get(chain, *key)))
      return of3_fail(err, OF3_ERR_INPUT,
                      ligand ? "'%s' is of polymers; a ligand has 'ccd_codes', 'smiles' or 'sdf_file_path'"
                             : "'%s' is of ligands; a polymer has a 'sequence'",
                      *key);
  return OF3_OK;
}

/* Of the first residue in files; that of a ligand is 1 whatever is asked for. */
static of3_status read_number(json_t *chain, of3_query_chain *out, of3_error *err) {
  const json_t *v = json_object_get(chain, "starting_residue_number");
  if (!v || json_is_null(v)) return OF3_OK;
  if (!json_is_integer(v)) return of3_json_wrong_type("starting_residue_number", "an integer", v, err);
  const json_int_t number = json_integer_value(v);
  if (number < -OF3_MAX_NUMBER || number > OF3_MAX_NUMBER)
    return of3_fail(err, OF3_ERR_INPUT, "'starting_residue_number' is %lld; -%d to %d are allowed",
                    (long long)number, OF3_MAX_NUMBER, OF3_MAX_NUMBER);
  if (out->type != OF3_LIGAND) out->number_shift = (int)number - 1;
  return OF3_OK;
}

of3_status of3_json_chain(const of3_json_reader *r, json_t *chain, of3_query_chain *out, of3_error *err) {
  if (!json_is_object(chain)) return of3_json_wrong_type("chains", "a list of objects", chain, err);
  OF3_TRY(read_type(chain, &out->type, err));
  OF3_TRY(of3_json_check_keys(chain, chain_keys, OF3_N_KEYS(chain_keys), err));
  const json_t *ids = json_object_get(chain, "chain_ids"),
               *description = json_object_get(chain, "description");
  if (!ids) return of3_json_wrong_type("chain_ids", "a string or a list of strings", ids, err);
  if (description && !json_is_string(description) && !json_is_null(description))
    return of3_json_wrong_type("description", "a string", description, err);
  OF3_TRY(of3_json_strings(r, ids, "chain_ids", &out->id, &out->n_id, err));
  for (int i = 0; i < out->n_id; i++) OF3_TRY(of3_query_check_chain_id(out->id[i], err));
  OF3_TRY(of3_json_bool(chain, "cyclic", &out->cyclic, err));
  OF3_TRY(read_number(chain, out, err));
  OF3_TRY(check_kind(chain, out->type, err));
  if (out->type == OF3_LIGAND) return of3_json_ligand(r, chain, out, err);
  OF3_TRY(read_polymer(r, chain, out, err));
  return of3_json_files(r, chain, out, err);
}
