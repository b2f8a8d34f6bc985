#define _POSIX_C_SOURCE 200809L
/* What makes a query one that can be served: names, sequences, chain ids, limits. */
#include "feat/query_check.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "feat/ligand_names.h"

void of3_query_set_free(of3_query_set *set) {
  of3_arena_free(set->arena);
  *set = (of3_query_set){0};
}

void of3_query_drop_templates(of3_query *q) {
  for (int k = 0; q->error.code == OF3_OK && k < q->n_chain; k++) {
    q->chain[k].template_hits = NULL;
    q->chain[k].n_template = 0;
  }
}

void of3_query_log_notes(const of3_query *q, const of3_log *log) {
  for (int i = 0; i < q->n_note; i++) of3_logf(log, OF3_LOG_WARN, "query '%s': %s", q->name, q->note[i]);
}

of3_status of3_query_add_note(of3_query *q, of3_arena *arena, const char *text, of3_error *err) {
  const size_t n = (size_t)q->n_note;
  if (!text) return of3_fail_memory(err, "the notes of a query");
  if ((n & (n - 1)) == 0) { /* the list is full: 0, 1, 2, 4 ... */
    const char **note = OF3_ARENA_NEW(arena, const char *, n ? 2 * n : 1);
    if (!note) return of3_fail_memory(err, "the notes of a query");
    if (n) memcpy(note, q->note, n * sizeof *note);
    q->note = note;
  }
  q->note[q->n_note++] = text;
  return OF3_OK;
}

bool of3_query_is_standard(const of3_query *q) {
  for (int i = 0; i < q->n_chain; i++)
    if (q->chain[i].type == OF3_LIGAND || q->chain[i].n_modified) return false;
  return true;
}

/* Whether a file or folder of the run may have this name beside the folders of queries (write/tree.h), in
 * whatever case: not all file systems know case. */
static bool is_file_of_run(const char *name) {
  static const char *const files[] = {
      "ranking.tsv",       "ligands.csv", "summary.txt", "inference_query_set.json", "experiment_config.json",
      "model_config.json", "msas"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    if (strcasecmp(name, files[i]) == 0) return true;
  return strncasecmp(name, ".of3-", 5) == 0;
}

of3_status of3_query_check_name(const char *name, of3_error *err) {
  size_t n = strlen(name);
  if (n == 0) return of3_fail(err, OF3_ERR_INPUT, "a query has an empty name; the name becomes a folder");
  if (n > OF3_MAX_QUERY_NAME)
    return of3_fail(
        err, OF3_ERR_INPUT,
        "the query name '%.40s...' has %zu bytes; at most %d are allowed, as it becomes part of file names",
        name, n, OF3_MAX_QUERY_NAME);
  if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
    return of3_fail(err, OF3_ERR_INPUT, "a query cannot be called '%s'; the name becomes a folder", name);
  if (is_file_of_run(name))
    return of3_fail(err, OF3_ERR_INPUT, "a query cannot be called '%s', which of3 calls a file of its own",
                    name);
  for (size_t at = 0; at < n;) {
    bool fit;
    size_t bytes = of3_query_name_character(name + at, n - at, &fit);
    if (name[at] == '/')
      return of3_fail(err, OF3_ERR_INPUT, "the query name '%s' contains '/'; the name becomes a folder",
                      name);
    if (!fit)
      return of3_fail(err, OF3_ERR_INPUT, "a query name contains %s 0x%02x; the name becomes a folder",
                      bytes > 1 ? "a control character that begins with" : "the control character",
                      (unsigned)(unsigned char)name[at]);
    at += bytes;
  }
  return OF3_OK;
}

bool of3_query_is_bases(const char *sequence) {
  return *sequence && sequence[strspn(sequence, "ACGTUN")] == 0;
}

static int seeds_by_value(const void *pa, const void *pb) {
  uint64_t a = *(const uint64_t *)pa, b = *(const uint64_t *)pb;
  return a < b ? -1 : a > b;
}

of3_status of3_query_check_seeds(of3_arena *arena, const uint64_t *seed, int n, const char *key,
                                 of3_error *err) {
  uint64_t *sorted = OF3_ARENA_NEW(arena, uint64_t, n);
  if (!sorted) return of3_fail_memory(err, "the seeds");
  if (n) memcpy(sorted, seed, (size_t)n * sizeof *seed);
  qsort(sorted, (size_t)n, sizeof *sorted, seeds_by_value);
  for (int i = 1; i < n; i++)
    if (sorted[i - 1] == sorted[i])
      return of3_fail(err, OF3_ERR_INPUT, "the seed %llu is given twice in '%s'",
                      (unsigned long long)sorted[i], key);
  return OF3_OK;
}

void of3_query_clean_sequence(char *sequence) {
  size_t n = 0;
  for (const char *c = sequence; *c; c++)
    if (!of3_is_space(*c)) sequence[n++] = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
  if (n && sequence[n - 1] == '*') n--;
  sequence[n] = 0;
}

of3_status of3_query_check_sequence(const char *sequence, int *ret_n, of3_error *err) {
  size_t n = strlen(sequence);
  if (n == 0) return of3_fail(err, OF3_ERR_INPUT, "the sequence is empty; at least one residue is needed");
  if (n > OF3_MAX_RESIDUES)
    return of3_fail(err, OF3_ERR_INPUT, "the sequence has %zu residues; at most %d are allowed", n,
                    OF3_MAX_RESIDUES);
  for (size_t i = 0; i < n; i++) {
    char c = sequence[i];
    if ((c >= 'A' && c <= 'Z') || c == '*') continue;
    if (c < ' ' || c > '~')
      return of3_fail(err, OF3_ERR_INPUT,
                      "residue %zu of the sequence is the byte 0x%02x; write capital letters", i + 1,
                      (unsigned)(unsigned char)c);
    return of3_fail(err, OF3_ERR_INPUT, "residue %zu of the sequence is '%c', which is no capital letter",
                    i + 1, c);
  }
  *ret_n = (int)n;
  return OF3_OK;
}

of3_status of3_query_check_chain_id(const char *id, of3_error *err) {
  size_t n = strlen(id);
  if (n == 0) return of3_fail(err, OF3_ERR_INPUT, "a chain id is empty");
  if (n > OF3_MAX_CHAIN_ID)
    return of3_fail(err, OF3_ERR_INPUT, "the chain id '%.32s...' has %zu bytes; at most %d are allowed", id,
                    n, OF3_MAX_CHAIN_ID);
  if (strcmp(id, ".") == 0 || strcmp(id, "?") == 0)
    return of3_fail(err, OF3_ERR_INPUT, "a chain cannot be called '%s', which means no value in mmCIF", id);
  for (const char *c = id; *c; c++)
    if (*c <= ' ' || *c > '~')
      return of3_fail(err, OF3_ERR_INPUT,
                      "a chain id contains the byte 0x%02x; only printable ASCII without blanks is allowed",
                      (unsigned)(unsigned char)*c);
  return OF3_OK;
}

of3_status of3_query_check_code(const char *code, of3_error *err) {
  const size_t n = strlen(code);
  const bool fit = n > 0 && n <= OF3_MAX_CODE;
  if (fit && code[strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")] == 0) return OF3_OK;
  return of3_fail(err, OF3_ERR_INPUT,
                  "'%.20s' is no code of a component; 1 to %d capital letters and digits without blanks were "
                  "expected",
                  code, OF3_MAX_CODE);
}

static of3_status check_distinct(const of3_query *q, int n, of3_error *err) {
  const char **id = malloc((size_t)n * sizeof *id);
  if (!id) return of3_fail_memory(err, "the chain ids of a query");
  int at = 0;
  for (int i = 0; i < q->n_chain; i++)
    for (int k = 0; k < q->chain[i].n_id; k++) id[at++] = q->chain[i].id[k];
  qsort(id, (size_t)n, sizeof *id, of3_text_order);
  of3_status st = OF3_OK;
  for (int i = 1; st == OF3_OK && i < n; i++)
    if (strcmp(id[i - 1], id[i]) == 0)
      st = of3_fail(err, OF3_ERR_INPUT, "the chain id '%s' is given twice; every copy needs an id of its own",
                    id[i]);
  free(id);
  return st;
}

of3_status of3_query_check_chains(const of3_query *q, of3_error *err) {
  int64_t chains = 0, residues = 0;
  for (int i = 0; i < q->n_chain; i++) {
    chains += q->chain[i].n_id;
    residues += (int64_t)q->chain[i].n_id * q->chain[i].n_residue;
  }
  if (chains == 0) return of3_fail(err, OF3_ERR_INPUT, "the query has no chain");
  if (chains > OF3_MAX_CHAINS)
    return of3_fail(err, OF3_ERR_INPUT, "the query has %lld chains; at most %d are allowed",
                    (long long)chains, OF3_MAX_CHAINS);
  if (residues > OF3_MAX_RESIDUES)
    return of3_fail(err, OF3_ERR_INPUT, "the query has %lld residues; at most %d are allowed",
                    (long long)residues, OF3_MAX_RESIDUES);
  OF3_TRY(check_distinct(q, (int)chains, err));
  return of3_query_check_ligand_names(q, err);
}

of3_status of3_query_single(of3_arena *arena, const char *name, const char *sequence, of3_query *out,
                            of3_error *err) {
  of3_query_chain *c = OF3_ARENA_NEW(arena, of3_query_chain, 1);
  const char **id = OF3_ARENA_NEW(arena, const char *, 1);
  if (!c || !id) return of3_fail_memory(err, "a query");
  id[0] = "A";
  *c = (of3_query_chain){.type = OF3_PROTEIN, .n_id = 1, .id = id, .sequence = sequence};
  *out = (of3_query){.name = name,
                     .n_chain = 1,
                     .chain = c,
                     .use_msas = true,
                     .use_main_msas = true,
                     .use_paired_msas = true};
  if (of3_query_check_name(name, &out->error) != OF3_OK) return OF3_OK;
  if (of3_query_check_sequence(sequence, &c->n_residue, &out->error) == OF3_OK &&
      of3_query_is_bases(sequence))
    of3_fail(
        &out->error, OF3_ERR_UNSUPPORTED,
        "all letters of the sequence are bases of DNA or RNA, and nothing says which; write a JSON query "
        "with \"molecule_type\": \"rna\" or \"dna\", or if it is a peptide, \"molecule_type\": "
        "\"protein\"");
  if (out->error.code != OF3_OK) of3_prefix(&out->error, "query '%s'", name);
  return OF3_OK;
}
