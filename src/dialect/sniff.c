#include "dialect/sniff.h"

#include <stdbool.h>
#include <string.h>

#include "base/str.h"

/* ---- Keys */

typedef enum sniff_key {
  KEY_QUERIES,
  KEY_SEQUENCES,
  KEY_DIALECT,
  KEY_SEEDS,
  KEY_BONDS,
  KEY_PROTENIX_BONDS,
  KEY_ENTITIES,
  KEY_COMPONENTS,
  KEY_DEFAULTS,
  KEY_RFAA,
  KEY_RUNNER,
  N_KEY
} sniff_key;

static const char *const sniff_key_name[N_KEY] = {
    "queries",  "sequences",  "dialect",  "modelSeeds",     "bondedAtomPairs", "covalent_bonds",
    "entities", "components", "defaults", "protein_inputs", "model_update"};

static void sniff_note(bool has[N_KEY], const char *name, size_t n) {
  for (int i = 0; i < N_KEY; i++)
    has[i] |= strlen(sniff_key_name[i]) == n && memcmp(sniff_key_name[i], name, n) == 0;
}

/* The keys of the outermost object, or of all objects of the outermost list. */
static void json_keys(const char *text, size_t size, bool list, bool has[N_KEY]) {
  int depth = 0;
  for (size_t at = 0; at < size; at++) {
    if (text[at] == '{' || text[at] == '[') depth++;
    if (text[at] == '}' || text[at] == ']') depth--;
    if (text[at] != '"') continue;
    const size_t begin = ++at;
    while (at < size && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
    if (at >= size) return;
    size_t next = at + 1;
    while (next < size && of3_is_space(text[next])) next++;
    if (depth == 1 + list && next < size && text[next] == ':') sniff_note(has, text + begin, at - begin);
  }
}

/* Words at the begin of a line with ':' behind them. */
static void yaml_keys(const char *text, size_t size, bool has[N_KEY]) {
  for (size_t at = 0; at < size;) {
    const char *end = memchr(text + at, '\n', size - at);
    size_t n = 0;
    const size_t length = end ? (size_t)(end - text) - at : size - at;
    while (n < length && text[at + n] != ':' && !of3_is_space(text[at + n])) n++;
    if (n < length && text[at + n] == ':') sniff_note(has, text + at, n);
    at += length + 1;
  }
}

/* ---- Dialects */

static of3_dialect of_json(const char *text, size_t size, bool list, const char **ret_other) {
  bool has[N_KEY] = {false};
  json_keys(text, size, list, has);
  if (has[KEY_PROTENIX_BONDS] && has[KEY_SEQUENCES] && !has[KEY_DIALECT])
    *ret_other = "the JSON of Protenix (covalent_bonds beside sequences)";
  else if (has[KEY_SEQUENCES] || has[KEY_DIALECT] || has[KEY_SEEDS] || has[KEY_BONDS])
    return OF3_DIALECT_ALPHAFOLD3;
  else if (has[KEY_ENTITIES])
    *ret_other = "the JSON of HelixFold3 (entities)";
  else if (has[KEY_COMPONENTS] && !has[KEY_QUERIES])
    *ret_other = "the JSON of RosettaFold3 (components)";
  else
    return OF3_DIALECT_OPENFOLD3;
  return OF3_DIALECT_UNKNOWN;
}

static bool begins(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

static bool first_line_holds(const char *text, const char *what) {
  const char *found = strstr(text, what), *end = strpbrk(text, "\r\n");
  return found && (!end || found < end);
}

/* What is neither JSON nor FASTA nor YAML with keys. */
static const char *other_text(const char *text) {
  if (begins(text, "data_")) return "a structure or a component in mmCIF, not a query";
  if (begins(text, "HEADER ") || begins(text, "ATOM  ") || begins(text, "REMARK ") || begins(text, "CRYST1"))
    return "a structure in PDB format, not a query";
  if (begins(text, "LOCUS ")) return "a GenBank file; save it as FASTA";
  if (begins(text, "ID   ")) return "a UniProt or EMBL file; save it as FASTA";
  if (strstr(text, "V2000") || strstr(text, "V3000"))
    return "an SDF or mol file, which is a ligand and no query";
  if (begins(text, "# STOCKHOLM")) return "an alignment in Stockholm format, not a query";
  if (first_line_holds(text, "chainA") && first_line_holds(text, ",")) return "a table of restraints of Chai";
  if (first_line_holds(text, ",") && first_line_holds(text, "sequence"))
    return "a table of sequences (CSV), as ColabFold takes it; save it as FASTA with ':' between chains";
  return NULL;
}

static of3_dialect of_yaml(const char *text, size_t size, const char **ret_other) {
  bool has[N_KEY] = {false};
  yaml_keys(text, size, has);
  if (has[KEY_SEQUENCES]) return OF3_DIALECT_BOLTZ;
  if (has[KEY_RFAA] || has[KEY_DEFAULTS])
    *ret_other = "the YAML of RoseTTAFold All-Atom";
  else if (has[KEY_RUNNER])
    *ret_other = "settings of OpenFold3 (a runner YAML); of3 takes them as options";
  else if (has[KEY_QUERIES])
    *ret_other = "OpenFold3's queries in YAML; write them as JSON";
  else
    *ret_other = other_text(text);
  return OF3_DIALECT_UNKNOWN;
}

of3_dialect of3_dialect_of(const char *text, size_t size, const char **ret_other) {
  size_t at = 0;
  *ret_other = NULL;
  while (at < size && of3_is_space(text[at])) at++;
  if (text[at] == '{' || text[at] == '[') return of_json(text + at, size - at, text[at] == '[', ret_other);
  for (size_t begin = at; begin < size; begin++) { /* comments before the first record */
    if (text[begin] == '>') return OF3_DIALECT_FASTA;
    if (text[begin] != ';' && text[begin] != '#' && !of3_is_space(text[begin])) break;
    if (of3_is_space(text[begin])) continue;
    const char *end = memchr(text + begin, '\n', size - begin);
    if (!end) break;
    begin = (size_t)(end - text);
  }
  return of_yaml(text, size, ret_other);
}
