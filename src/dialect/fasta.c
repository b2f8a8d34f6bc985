/* Queries in FASTA. Headers say what the records are:
 *
 *   >NAME anything           each record a query, called as the first word of its header; one protein chain
 * A, or MKVLA:GGS:dna|ACGT       several with ':' between them (ColabFold): A, B, ...
 *
 *   >9ABC_1|Chains A, B|..   the records of one entry of the PDB in a row are one query (fasta_entry.c)
 *   >A|protein|a.a3m         Boltz, and
 *   >protein|name=a          Chai: the records of the file are one query, called as the file (fasta_typed.c)
 *
 * Letters follow one rule in all of them (of3_builder_sequence). What is a peptide, DNA and RNA at once is
 * refused unless the header says which. */
#define _POSIX_C_SOURCE 200809L
#include "dialect/fasta_parts.h"

#include <string.h>
#include <strings.h>

#include "feat/query_check.h"
#include "msa/lines.h"

/* ---- Records */

typedef struct fasta_file {
  const of3_query_source *source;
  int n;
  of3_fasta_record *record;
} fasta_file;

static size_t count_records(const of3_query_source *s) {
  of3_lines lines = of3_lines_of(s->text, s->size);
  const char *line;
  size_t n, count = 0;
  while (of3_lines_next(&lines, &line, &n)) count += n && line[0] == '>';
  return count;
}

/* All bodies lie in one piece of memory, which is as large as the file. */
static of3_status read_records(fasta_file *f, of3_arena *arena, size_t n_record, of3_error *err) {
  const of3_query_source *s = f->source;
  of3_lines lines = of3_lines_of(s->text, s->size);
  const char *line;
  size_t n;
  f->record = OF3_ARENA_NEW(arena, of3_fasta_record, n_record);
  char *at = of3_arena_alloc(arena, s->size + 1, 1);
  if (!f->record || !at) return of3_fail_memory(err, s->file);
  while (of3_lines_next(&lines, &line, &n)) {
    if (!n || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '>') {
      f->record[f->n++] = (of3_fasta_record){of3_span_trim(line + 1, n - 1), lines.number, {at, 0}};
      continue;
    }
    if (!f->n)
      return of3_fail(err, OF3_ERR_INPUT, "'%s', line %zu: a header line starting with '>' was expected",
                      s->file, lines.number);
    memcpy(at, line, n);
    at += n;
    f->record[f->n - 1].body.n += n;
  }
  return OF3_OK;
}

/* ---- Chains with ':' between them */

static const struct {
  const char *word;
  of3_molecule type;
} fasta_chain_type[] = {{"protein", OF3_PROTEIN},
                        {"dna", OF3_DNA},
                        {"rna", OF3_RNA},
                        {"ccd", OF3_LIGAND},
                        {"smiles", OF3_LIGAND}};

static of3_status read_smiles(of3_query_builder *b, of3_query_chain *c, of3_span part, of3_error *err) {
  char *text = of3_arena_strndup(b->arena, part.text, part.n);
  if (!text) return of3_fail_memory(err, "a ligand");
  for (char *p = text; *p; p++)
    if (*p == ';') *p = ':';
  c->smiles = text;
  return *text ? OF3_OK : of3_fail(err, OF3_ERR_INPUT, "the SMILES is empty");
}

static of3_status read_part(of3_query_builder *b, of3_span part, int number, of3_error *err) {
  const of3_span word = of3_fasta_field(part, 0);
  const bool typed = memchr(part.text, '|', part.n) != NULL;
  int k = 0;
  const int n_type = sizeof fasta_chain_type / sizeof *fasta_chain_type;
  while (typed && k < n_type && !of3_span_is(word, fasta_chain_type[k].word)) k++;
  if (k == n_type)
    return of3_fail(err, OF3_ERR_INPUT,
                    "'%.*s' is no type of molecule; protein, dna, rna, ccd or smiles was expected before '|'",
                    (int)(word.n < 20 ? word.n : 20), word.text);
  char letters[OF3_CHAIN_LETTERS];
  of3_query_chain *c = of3_builder_add_chain(b, fasta_chain_type[k].type, 1);
  of3_chain_letters(number, letters);
  if (!c || !(c->id[0] = of3_arena_strdup(b->arena, letters))) return of3_fail_memory(err, "a chain");
  if (typed) {
    const char *bar = memchr(part.text, '|', part.n);
    part = of3_span_trim(bar + 1, part.n - (size_t)(bar + 1 - part.text));
  }
  if (of3_span_is(word, "smiles") && typed) return read_smiles(b, c, part, err);
  if (c->type == OF3_LIGAND) return of3_builder_set_code(b, c, part.text, part.n, err);
  OF3_TRY(of3_builder_sequence(b, part.text, part.n, true, c, err));
  return typed || c->n_modified ? OF3_OK : of3_refuse_bases(c->sequence, of3_fasta_say_bases, err);
}

of3_status of3_fasta_chains(of3_query_builder *b, of3_span text, of3_error *err) {
  const char *end = text.text + text.n;
  int number = 0;
  for (const char *at = text.text, *next; at <= end; at = next + 1, number++) {
    next = memchr(at, ':', (size_t)(end - at));
    if (!next) next = end;
    if (number == OF3_MAX_CHAINS)
      return of3_fail(err, OF3_ERR_INPUT, "the query has more than %d chains", OF3_MAX_CHAINS);
    const bool only = number == 0 && next == end;
    if (read_part(b, of3_span_trim(at, (size_t)(next - at)), number, err) != OF3_OK)
      return only ? err->code : of3_prefix(err, "chain %d of those between ':'", number + 1);
  }
  return OF3_OK;
}

/* ---- Queries */

/* The first word of the header, without what follows '|' in a header of the PDB. */
static of3_status begin_query(of3_query_builder *b, of3_span h, int number, of3_error *err) {
  const bool pdb = of3_fasta_entry(h) > 0;
  size_t n = 0;
  while (n < h.n && h.text[n] != ' ' && h.text[n] != '\t' && !(pdb && h.text[n] == '|')) n++;
  if (n) return of3_builder_begin(b, h.text, n, err);
  const char *name = of3_arena_printf(b->arena, "sequence_%d", number);
  return name ? of3_builder_begin(b, name, strlen(name), err) : of3_fail_memory(err, "a query");
}

/* How many records from the first one are of its entry of the PDB. */
static int records_of_entry(const of3_fasta_record *r, int n) {
  const size_t length = of3_fasta_entry(r[0].header);
  int k = 1;
  while (length && k < n && of3_fasta_entry(r[k].header) == length &&
         strncasecmp(r[k].header.text, r[0].header.text, length) == 0)
    k++;
  return k;
}

static of3_status read_queries(const fasta_file *f, of3_query_set *set, of3_error *err) {
  of3_query_builder b = {.arena = set->arena, .folder = f->source->folder};
  for (int i = 0, n; i < f->n; i += n) {
    const of3_fasta_record *r = &f->record[i];
    const size_t entry = of3_fasta_entry(r->header);
    of3_error own = {0};
    n = records_of_entry(r, f->n - i);
    b.query = &set->query[set->n++];
    OF3_TRY(n > 1 ? of3_builder_begin(&b, r->header.text, entry, err)
                  : begin_query(&b, r->header, i + 1, err));
    const of3_status status =
        entry ? of3_fasta_entry_chains(&b, r, n, &own) : of3_fasta_chains(&b, r->body, &own);
    if (of3_builder_end(&b, status, &own) != OF3_OK) return of3_fail_memory(err, f->source->file);
  }
  return OF3_OK;
}

/* ---- Files with typed headers */

static of3_status read_typed(const fasta_file *f, of3_fasta_types types, of3_query_set *set, of3_error *err) {
  of3_query_builder b = {.arena = set->arena, .folder = f->source->folder, .query = &set->query[set->n++]};
  const of3_span name = of3_query_source_stem(f->source);
  of3_error own = {0};
  OF3_TRY(of3_builder_begin(&b, name.text, name.n, err));
  const of3_status status = of3_fasta_typed(&b, types, f->record, f->n, &own);
  if (of3_builder_end(&b, status, &own) != OF3_OK) return of3_fail_memory(err, f->source->file);
  return OF3_OK;
}

/* The types that all headers have. */
static of3_status types_of_file(const fasta_file *f, of3_fasta_types *ret_types, of3_error *err) {
  static const char *const what[] = {"has no type of molecule", "has one as Boltz writes it",
                                     "has one as Chai writes it"};
  *ret_types = of3_fasta_types_of(f->record[0].header);
  for (int i = 1; i < f->n; i++) {
    const of3_fasta_types own = of3_fasta_types_of(f->record[i].header);
    if (own != *ret_types)
      return of3_fail(
          err, OF3_ERR_INPUT,
          "'%s', line %zu: this header %s, and the first of the file %s; write all of them alike, as "
          "the records of a file with types are one complex",
          f->source->file, f->record[i].line, what[own], what[*ret_types]);
  }
  return OF3_OK;
}

static of3_status read_file(fasta_file *f, size_t n_record, of3_query_set *set, of3_error *err) {
  of3_fasta_types types = OF3_FASTA_UNTYPED;
  OF3_TRY(read_records(f, set->arena, n_record, err));
  OF3_TRY(types_of_file(f, &types, err));
  set->query = OF3_ARENA_NEW(set->arena, of3_query, f->n);
  if (!set->query) return of3_fail_memory(err, f->source->file);
  OF3_TRY(types ? read_typed(f, types, set, err) : read_queries(f, set, err));
  return of3_query_refuse_equal_names(set, err);
}

of3_status of3_query_from_fasta(const of3_query_source *source, of3_query_set *out, of3_error *err) {
  *out = (of3_query_set){0};
  fasta_file f = {.source = source};
  const size_t n = count_records(source);
  if (n == 0)
    return of3_fail(err, OF3_ERR_INPUT, "'%s' holds no sequence; each begins with a line '>NAME'",
                    source->file);
  if (n > OF3_MAX_QUERIES)
    return of3_fail(err, OF3_ERR_INPUT, "'%s' holds %zu sequences; at most %d are allowed", source->file, n,
                    OF3_MAX_QUERIES);
  out->arena = of3_arena_new(0);
  if (!out->arena) return of3_fail_memory(err, source->file);
  of3_arena_limit(out->arena, source->most_memory);
  const of3_status status = read_file(&f, n, out, err);
  if (status != OF3_OK) of3_query_set_free(out);
  return status;
}

of3_status of3_query_from_chains(const char *text, const char *name, of3_query_set *out, of3_error *err) {
  *out = (of3_query_set){.n = 1, .arena = of3_arena_new(0)};
  of3_error own = {0};
  out->query = out->arena ? OF3_ARENA_NEW(out->arena, of3_query, 1) : NULL;
  const char *kept = out->query ? of3_arena_strdup(out->arena, text) : NULL;
  of3_query_builder b = {.arena = out->arena, .folder = "", .query = out->query};
  of3_status status = kept ? of3_builder_begin(&b, name, strlen(name), err) : of3_fail_memory(err, "a query");
  if (status == OF3_OK) {
    const of3_span all = {kept, strlen(kept)};
    if (of3_builder_end(&b, of3_fasta_chains(&b, all, &own), &own) != OF3_OK)
      status = of3_fail_memory(err, "a query");
  }
  if (status == OF3_OK && out->query->error.code != OF3_OK) { /* the only query: an error of the whole */
    if (err) *err = out->query->error;
    status = out->query->error.code;
  }
  if (status != OF3_OK) of3_query_set_free(out);
  return status;
}
