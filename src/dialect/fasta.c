/* Queries in FASTA: each record is a query of one protein chain.
 *
 *   >NAME anything        the name is the first word, with what a folder cannot be called as '_'
 *   MKVLA                 letters of all lines up to the next header; blanks are skipped, lower case is
 * raised, GGS*                  a '*' at the end is dropped
 *
 * Some headers say that a record is not one chain, and guessing would fold something else than was meant:
 *
 *   >9ABC_1|Chains A, B|..   an entity of the PDB with copies, or entities of one entry in a row
 *   >A|protein|a.a3m         Boltz and Chai: the records of the file are one complex
 *
 * The first makes an error of the query, the second one of the file; both say to write JSON. */
#define _POSIX_C_SOURCE 200809L
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "dialect/dialect.h"
#include "feat/query_check.h"
#include "msa/lines.h"

static size_t count_records(const char *text, size_t size) {
  of3_lines lines = of3_lines_of(text, size);
  const char *line;
  size_t n, count = 0;
  while (of3_lines_next(&lines, &line, &n)) count += n && line[0] == '>';
  return count;
}

static bool fasta_is_blank(char c) { return c == ' ' || c == '\t'; }

/* ---- Headers */

/* A header in fields between '|', without its '>'. */
typedef struct fasta_header {
  const char *text;
  size_t n;
} fasta_header;

/* Field k from 0, without blanks around it; empty beyond the last. */
static fasta_header fasta_field(fasta_header h, int k) {
  size_t a = 0, b;
  for (;; a = b + 1) {
    for (b = a; b < h.n && h.text[b] != '|';) b++;
    if (k-- == 0) break;
    if (b == h.n) return (fasta_header){h.text + h.n, 0};
  }
  while (a < b && fasta_is_blank(h.text[a])) a++;
  while (b > a && fasta_is_blank(h.text[b - 1])) b--;
  return (fasta_header){h.text + a, b - a};
}

static bool fasta_is_one_of(fasta_header field, const char *const *list) {
  for (; *list; list++)
    if (field.n == strlen(*list) && strncasecmp(field.text, *list, field.n) == 0) return true;
  return false;
}

/* "A|protein|./a.a3m" of Boltz, "protein|name=a" of Chai: one complex in a file, a molecule in each record.
 */
static bool fasta_is_typed(fasta_header h) {
  static const char *const boltz[] = {"protein", "rna", "dna", "smiles", "ccd", NULL},
                           *const chai[] = {"protein", "ligand", "rna", "dna", "glycan", NULL};
  if (!memchr(h.text, '|', h.n)) return false;
  return fasta_is_one_of(fasta_field(h, 1), boltz) || fasta_is_one_of(fasta_field(h, 0), chai);
}

/* "9ABC_1|Chains A, B|...": the length of the PDB's entry id, 0: not of the PDB. */
static size_t fasta_pdb_entry(fasta_header h) {
  fasta_header id = fasta_field(h, 0), chain = fasta_field(h, 1);
  size_t n = 0, digits;
  if (chain.n < 6 || strncasecmp(chain.text, "chain", 5) != 0) return 0;
  while (n < id.n && id.text[n] != '_') n++;
  for (digits = n + 1; digits < id.n && id.text[digits] >= '0' && id.text[digits] <= '9';) digits++;
  return digits == id.n && digits > n + 1 ? n : 0;
}

static bool fasta_same_entry(fasta_header a, fasta_header b) {
  size_t n = fasta_pdb_entry(a);
  return n && n == fasta_pdb_entry(b) && strncasecmp(a.text, b.text, n) == 0;
}

static bool fasta_has_several_chains(fasta_header h) {
  fasta_header chain = fasta_field(h, 1);
  return fasta_pdb_entry(h) && memchr(chain.text, ',', chain.n);
}

/* The first word of the header, or the entity of the PDB, with everything that a folder cannot hold as '_'.
 */
static char *name_of(of3_arena *arena, fasta_header h, int number) {
  size_t a = 0, b, out = 0;
  bool pdb = fasta_pdb_entry(h) > 0, fit;
  while (a < h.n && fasta_is_blank(h.text[a])) a++;
  for (b = a; b < h.n && !fasta_is_blank(h.text[b]) && !(pdb && h.text[b] == '|');) b++;
  if (a == b) return of3_arena_printf(arena, "sequence_%d", number);
  char *name = of3_arena_alloc(arena, b - a + 1, 1);
  for (size_t bytes; name && a < b; a += bytes) {
    bytes = of3_query_name_character(h.text + a, b - a, &fit);
    if (fit)
      memcpy(name + out, h.text + a, bytes);
    else
      name[out] = '_';
    out += fit ? bytes : 1;
  }
  return name;
}

/* ---- Letters */

static void add_letters(of3_str *s, const char *line, size_t n) {
  for (size_t i = 0; i < n; i++) {
    char c = line[i];
    if (c == ' ' || c == '\t') continue;
    if (c >= 'a' && c <= 'z') c = (char)(c - 'a' + 'A');
    of3_str_addc(s, c ? c : '?', 1); /* a zero byte would end the text: let the check find it */
  }
}

static of3_status refuse_later(of3_query *q, const char *why) {
  q->error.code = OF3_OK;
  of3_fail(
      &q->error, OF3_ERR_UNSUPPORTED,
      "query '%s': %s; in FASTA this version of of3 serves one protein chain a record: write the complex as "
      "a JSON query",
      q->name, why);
  return OF3_OK;
}

/* The record whose letters are complete. */
static of3_status finish(of3_query_set *set, const char *name, bool more_chains, of3_str *letters,
                         of3_error *err) {
  if (letters->len && letters->text[letters->len - 1] == '*') letters->text[--letters->len] = 0;
  const char *text = letters->len ? letters->text : "";
  char *sequence = letters->failed ? NULL : of3_arena_strdup(set->arena, text);
  of3_str_clear(letters);
  if (!sequence) return of3_fail_memory(err, "a sequence");
  of3_query *q = &set->query[set->n++];
  OF3_TRY(of3_query_single(set->arena, name, sequence, q, err));
  if (more_chains) return refuse_later(q, "its entry of the PDB has several chains");
  return strchr(sequence, ':') ? refuse_later(q, "':' separates the chains of a complex") : OF3_OK;
}

static of3_status refuse_typed(const char *file, size_t line, fasta_header h, of3_error *err) {
  fasta_header type = fasta_field(h, memchr(h.text, '=', h.n) ? 0 : 1);
  return of3_fail(
      err, OF3_ERR_UNSUPPORTED,
      "'%s', line %zu: a header with a type of molecule (%.*s), as Boltz and Chai read it; the records of "
      "such a file are one complex, which this version of of3 serves as a JSON query only",
      file, line, (int)(type.n < 20 ? type.n : 20), type.text);
}

static of3_status read_records(const char *text, size_t size, const char *file, of3_query_set *set,
                               of3_str *letters, of3_error *err) {
  of3_lines lines = of3_lines_of(text, size);
  const char *line, *name = NULL;
  fasta_header before = {0};
  bool more_chains = false; /* in the entry of the PDB that the record is of */
  size_t n;
  while (of3_lines_next(&lines, &line, &n)) {
    if (!n || line[0] == '#' || line[0] == ';') continue;
    if (line[0] != '>') {
      if (!name)
        return of3_fail(err, OF3_ERR_INPUT, "'%s', line %zu: a header line starting with '>' was expected",
                        file, lines.number);
      add_letters(letters, line, n);
      continue;
    }
    const fasta_header h = {line + 1, n - 1};
    const bool same = name && fasta_same_entry(before, h);
    if (name) OF3_TRY(finish(set, name, more_chains || same, letters, err));
    if (fasta_is_typed(h)) return refuse_typed(file, lines.number, h, err);
    more_chains = same || fasta_has_several_chains(h);
    before = h;
    name = name_of(set->arena, h, set->n + 1);
    if (!name) return of3_fail_memory(err, file);
  }
  return name ? finish(set, name, more_chains, letters, err) : OF3_OK;
}

of3_status of3_query_from_fasta(const of3_query_source *source, of3_query_set *out, of3_error *err) {
  *out = (of3_query_set){0};
  const char *file = source->file;
  size_t n = count_records(source->text, source->size);
  if (n == 0)
    return of3_fail(err, OF3_ERR_INPUT, "'%s' holds no sequence; each begins with a line '>NAME'", file);
  if (n > OF3_MAX_QUERIES)
    return of3_fail(err, OF3_ERR_INPUT, "'%s' holds %zu sequences; at most %d are allowed", file, n,
                    OF3_MAX_QUERIES);
  out->arena = of3_arena_new(0);
  if (out->arena) of3_arena_limit(out->arena, source->most_memory);
  out->query = out->arena ? OF3_ARENA_NEW(out->arena, of3_query, n) : NULL;
  of3_str letters = {0};
  of3_status st = out->query ? read_records(source->text, source->size, file, out, &letters, err)
                             : of3_fail_memory(err, file);
  of3_str_free(&letters);
  if (st == OF3_OK) st = of3_query_refuse_equal_names(out, err);
  if (st != OF3_OK) of3_query_set_free(out);
  return st;
}
