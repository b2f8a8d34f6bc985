/* The file of databases:
 *
 *   databases:
 *     - name: uniref90              # a name that OpenFold3 knows says kind, program, file and rows
 *       path: /data/uniref90.fasta
 *     - name: own
 *       path: [/data/own.fasta]
 *       kind: protein               # protein, rna, structures
 *       program: mmseqs             # jackhmmer, nhmmer, hmmsearch, hhblits, mmseqs
 *       file: colabfold_main        # of what is written
 *       rows: 5000
 *       threads: 4
 *       version: 2026-11
 *   programs:
 *     mmseqs: /opt/mmseqs/bin/mmseqs
 */
#define _POSIX_C_SOURCE 200809L
#include "search/databases.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/child.h"
#include "base/file.h"
#include "dialect/yaml.h"

static const struct {
  const char *name, *package;
} program_of[OF3_N_PROGRAM] = {
    [OF3_JACKHMMER] = {"jackhmmer", "hmmer"}, [OF3_NHMMER] = {"nhmmer", "hmmer"},
    [OF3_HMMSEARCH] = {"hmmsearch", "hmmer"}, [OF3_HHBLITS] = {"hhblits", "hhsuite"},
    [OF3_MMSEQS] = {"mmseqs", "mmseqs2"},     [OF3_HMMBUILD] = {"hmmbuild", "hmmer"},
    [OF3_HMMALIGN] = {"hmmalign", "hmmer"},
};

const char *of3_program_name(of3_program p) { return program_of[p].name; }
const char *of3_program_package(of3_program p) { return program_of[p].package; }

static const char *const kind_name[] = {"protein", "rna", "structures"};

/* Threads of one search: those of OpenFold3's workflow. */
static const int threads_of[OF3_N_SEARCHER] = {
    [OF3_JACKHMMER] = 4, [OF3_NHMMER] = 3, [OF3_HMMSEARCH] = 4, [OF3_HHBLITS] = 16, [OF3_MMSEQS] = INT_MAX};

/* What OpenFold3's workflow does with its databases. Files have names that all its releases read: those of
 * the workflow for BFD, the environmental database and nucleotides are not among them. */
static const struct {
  const char *name;
  of3_database_kind kind;
  of3_program program;
  const char *file;
  int rows;
} known[] = {
    {"uniref90", OF3_DATABASE_PROTEIN, OF3_JACKHMMER, "uniref90_hits", 10000},
    {"uniprot", OF3_DATABASE_PROTEIN, OF3_JACKHMMER, "uniprot_hits", 50000},
    {"mgnify", OF3_DATABASE_PROTEIN, OF3_JACKHMMER, "mgnify_hits", 5000},
    {"uniref100", OF3_DATABASE_PROTEIN, OF3_JACKHMMER, "uniref100_hits", 0},
    {"bfd", OF3_DATABASE_PROTEIN, OF3_HHBLITS, "bfd_uniref_hits", 0},
    {"cfdb", OF3_DATABASE_PROTEIN, OF3_HHBLITS, "cfdb_uniref30", 0},
    {"rfam", OF3_DATABASE_RNA, OF3_NHMMER, "rfam_hits", 10000},
    {"rnacentral", OF3_DATABASE_RNA, OF3_NHMMER, "rnacentral_hits", 10000},
    {"nucleotide_collection", OF3_DATABASE_RNA, OF3_NHMMER, "nt_hits", 10000},
    {"nt", OF3_DATABASE_RNA, OF3_NHMMER, "nt_hits", 10000},
    {"pdb_seqres", OF3_DATABASE_STRUCTURES, OF3_HMMSEARCH, "hmm_output", 0},
};

typedef struct reader {
  const char *file, *folder;
  of3_arena *arena;
} reader;

#define BAD(...) of3_fail(err, OF3_ERR_INPUT, __VA_ARGS__)

static of3_status get_text(const reader *r, const json_t *object, const char *key, const char **ret,
                           of3_error *err) {
  const json_t *v = json_object_get(object, key);
  if (!v || json_is_null(v)) return OF3_OK;
  if (!json_is_string(v) || !*json_string_value(v)) return BAD("'%s': \"%s\" is to be a text", r->file, key);
  *ret = of3_arena_strdup(r->arena, json_string_value(v));
  return *ret ? OF3_OK : of3_fail_memory(err, "databases");
}

static of3_status get_number(const reader *r, const json_t *object, const char *key, int *ret,
                             of3_error *err) {
  const char *text = NULL;
  char *end = NULL;
  OF3_TRY(get_text(r, object, key, &text, err));
  if (!text) return OF3_OK;
  const long n = strtol(text, &end, 10);
  if (*end || n < 0 || n > INT_MAX)
    return BAD("'%s': \"%s\" is '%s', and is to be a whole number from 0", r->file, key, text);
  *ret = (int)n;
  return OF3_OK;
}

static of3_status get_choice(const reader *r, const json_t *object, const char *key, const char *const *name,
                             int n, int *ret, of3_error *err) {
  const char *text = NULL;
  OF3_TRY(get_text(r, object, key, &text, err));
  if (!text) return OF3_OK;
  for (int i = 0; i < n; i++)
    if (strcmp(name[i], text) == 0) {
      *ret = i;
      return OF3_OK;
    }
  return BAD("'%s': \"%s\" is '%s', which is none of those that docs/alignments.md names", r->file, key,
             text);
}

static of3_status refuse_unknown(const reader *r, const json_t *object, const char *const *key, int n,
                                 const char *where, of3_error *err) {
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)object, name, value) {
    bool found = false;
    for (int i = 0; i < n && !found; i++) found = strcmp(key[i], name) == 0;
    if (!found)
      return BAD("'%s': of3 knows no key \"%s\" of %s; docs/alignments.md names those that there are",
                 r->file, name, where);
  }
  return OF3_OK;
}

static of3_status get_paths(const reader *r, const json_t *object, of3_database *d, of3_error *err) {
  const json_t *v = json_object_get(object, "path");
  const size_t n = json_is_array(v) ? json_array_size(v) : json_is_string(v) ? 1 : 0;
  const char **path = OF3_ARENA_NEW(r->arena, const char *, n);
  if (!path) return of3_fail_memory(err, "databases");
  if (n == 0) return BAD("'%s': the database '%s' has no \"path\"", r->file, d->name);
  for (size_t i = 0; i < n; i++) {
    const char *text = json_string_value(json_is_array(v) ? json_array_get(v, i) : v);
    if (!text || !*text) return BAD("'%s': a \"path\" of '%s' is no text", r->file, d->name);
    path[i] = of3_path_join(r->arena, r->folder, text);
    if (!path[i]) return of3_fail_memory(err, "databases");
  }
  d->path = path;
  d->n_path = (int)n;
  return OF3_OK;
}

/* ---- One database */

bool of3_is_mmseqs_database(const char *path) {
  char name[4096];
  snprintf(name, sizeof name, "%s.dbtype", path);
  return of3_is_file(name);
}

bool of3_is_cluster_database(const char *path) {
  char name[4096];
  snprintf(name, sizeof name, "%s_aln.dbtype", path);
  return of3_is_file(name);
}

/* Size and time of the file that holds most, of all paths. */
static const char *version_of_files(of3_arena *arena, const of3_database *d) {
  long long size = 0, time = 0;
  for (int i = 0; i < d->n_path; i++) {
    struct stat st;
    char name[4096];
    snprintf(name, sizeof name, "%s_a3m.ffdata", d->path[i]);
    if (stat(d->program == OF3_HHBLITS ? name : d->path[i], &st) != 0) continue;
    size += (long long)st.st_size;
    if ((long long)st.st_mtime > time) time = (long long)st.st_mtime;
  }
  return of3_arena_printf(arena, "%lld bytes of time %lld", size, time);
}

static void fill_known(of3_database *d, bool *ret_known) {
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (strcmp(known[i].name, d->name) != 0) continue;
    d->kind = known[i].kind;
    d->program = known[i].program;
    d->file = known[i].file;
    d->rows = known[i].rows;
    *ret_known = true;
  }
}

static bool serves(of3_program p, of3_database_kind k) {
  switch (p) {
  case OF3_JACKHMMER:
  case OF3_HHBLITS:
    return k == OF3_DATABASE_PROTEIN;
  case OF3_NHMMER:
    return k == OF3_DATABASE_RNA;
  case OF3_HMMSEARCH:
    return k == OF3_DATABASE_STRUCTURES;
  default:
    return k != OF3_DATABASE_RNA;
  }
}

/* The file's name where neither the database's nor the file of databases says one. */
static const char *usual_file(const reader *r, const of3_database *d) {
  if (d->kind == OF3_DATABASE_STRUCTURES)
    return d->program == OF3_MMSEQS ? "colabfold_template" : "hmm_output";
  if (d->program == OF3_MMSEQS) return "colabfold_main";
  return of3_arena_printf(r->arena, "%s_hits", d->name);
}

static of3_status check_names(const reader *r, const of3_database *d, of3_error *err) {
  for (const char *text = d->name; text; text = text == d->name ? d->file : NULL)
    if (strchr(text, '/') || text[0] == '.' || strlen(text) > 100)
      return BAD("'%s': '%s' cannot be part of a file's name", r->file, text);
  if (!serves(d->program, d->kind))
    return BAD("'%s': %s does not search databases of kind \"%s\", as '%s' is", r->file,
               of3_program_name(d->program), kind_name[d->kind], d->name);
  if (d->n_path > 1 && d->program != OF3_HHBLITS)
    return BAD("'%s': '%s' has %d paths, and %s searches one; make each a database of its own", r->file,
               d->name, d->n_path, of3_program_name(d->program));
  return OF3_OK;
}

static of3_status read_database(const reader *r, const json_t *object, of3_database *d, of3_error *err) {
  static const char *const keys[] = {"name", "path", "kind", "program", "file", "rows", "threads", "version"};
  const char *program[OF3_N_SEARCHER];
  bool is_known = false;
  int kind = -1, searcher = -1;
  if (!json_is_object(object)) return BAD("'%s': a database is to be a mapping with name and path", r->file);
  OF3_TRY(refuse_unknown(r, object, keys, sizeof keys / sizeof *keys, "a database", err));
  OF3_TRY(get_text(r, object, "name", &d->name, err));
  if (!d->name) return BAD("'%s': a database has no \"name\"", r->file);
  for (int i = 0; i < OF3_N_SEARCHER; i++) program[i] = of3_program_name((of3_program)i);
  fill_known(d, &is_known);
  const of3_program usual = d->program;
  OF3_TRY(get_choice(r, object, "kind", kind_name, 3, &kind, err));
  OF3_TRY(get_choice(r, object, "program", program, OF3_N_SEARCHER, &searcher, err));
  if (!is_known && (kind < 0 || searcher < 0))
    return BAD("'%s': OpenFold3 has no database '%s', so its \"kind\" and \"program\" must be given", r->file,
               d->name);
  if (kind >= 0) d->kind = (of3_database_kind)kind;
  if (searcher >= 0) d->program = (of3_program)searcher;
  if (d->program != usual && strcmp(d->name, "uniprot") != 0) d->file = NULL;
  OF3_TRY(get_paths(r, object, d, err));
  OF3_TRY(get_text(r, object, "file", &d->file, err));
  if (!d->file) d->file = usual_file(r, d);
  OF3_TRY(get_number(r, object, "rows", &d->rows, err));
  d->threads = threads_of[d->program];
  OF3_TRY(get_number(r, object, "threads", &d->threads, err));
  OF3_TRY(get_text(r, object, "version", &d->version, err));
  if (!d->version) d->version = version_of_files(r->arena, d);
  if (!d->file || !d->version) return of3_fail_memory(err, "databases");
  if (d->threads == 0) d->threads = threads_of[d->program];
  return check_names(r, d, err);
}

/* Two databases never write one file, but those that MMseqs2 searches one after the other. */
static of3_status check_files(const reader *r, const of3_databases *out, of3_error *err) {
  const of3_database *structures = NULL;
  for (int i = 0; i < out->n; i++) {
    const of3_database *a = &out->database[i];
    if (a->kind == OF3_DATABASE_STRUCTURES && structures)
      return BAD("'%s': '%s' and '%s' are both of structures; a chain has one file of template hits", r->file,
                 structures->name, a->name);
    if (a->kind == OF3_DATABASE_STRUCTURES) structures = a;
    for (int k = 0; k < i; k++) {
      const of3_database *b = &out->database[k];
      if (strcmp(a->name, b->name) == 0) return BAD("'%s': '%s' stands there twice", r->file, a->name);
      if (strcmp(a->file, b->file) == 0 && (a->program != OF3_MMSEQS || b->program != OF3_MMSEQS))
        return BAD("'%s': '%s' and '%s' would both be written to '%s'; give one another \"file\"", r->file,
                   b->name, a->name, a->file);
    }
  }
  return OF3_OK;
}

/* ---- The file */

static of3_status read_programs(const reader *r, const json_t *object, of3_databases *out, of3_error *err) {
  const char *names[OF3_N_PROGRAM];
  for (int i = 0; i < OF3_N_PROGRAM; i++) names[i] = of3_program_name((of3_program)i);
  if (object && !json_is_object(object))
    return BAD("'%s': \"programs\" is to be a mapping of names to paths", r->file);
  if (object) OF3_TRY(refuse_unknown(r, object, names, OF3_N_PROGRAM, "\"programs\"", err));
  for (int i = 0; i < OF3_N_PROGRAM; i++) {
    const char *given = NULL;
    OF3_TRY(get_text(r, object, names[i], &given, err));
    if (given) given = of3_path_join(r->arena, r->folder, given);
    char *found = of3_find_program(given ? given : names[i]);
    if (!found) continue;
    out->program[i] = of3_arena_strdup(r->arena, found);
    free(found);
    if (!out->program[i]) return of3_fail_memory(err, "programs");
  }
  return OF3_OK;
}

static of3_status read_top(const reader *r, const json_t *top, of3_databases *out, of3_error *err) {
  static const char *const keys[] = {"databases", "programs"};
  const json_t *list = json_object_get(top, "databases");
  if (!json_is_object(top) || !json_is_array(list) || json_array_size(list) == 0)
    return BAD("'%s' is to hold a list \"databases\" (docs/alignments.md shows one)", r->file);
  OF3_TRY(refuse_unknown(r, top, keys, 2, "the file", err));
  of3_database *d = OF3_ARENA_NEW(r->arena, of3_database, json_array_size(list));
  if (!d) return of3_fail_memory(err, "databases");
  for (size_t i = 0; i < json_array_size(list); i++)
    OF3_TRY(read_database(r, json_array_get(list, i), &d[i], err));
  out->database = d;
  out->n = (int)json_array_size(list);
  OF3_TRY(check_files(r, out, err));
  return read_programs(r, json_object_get(top, "programs"), out, err);
}

of3_status of3_databases_read(const char *file, of3_arena *arena, of3_databases *out, of3_error *err) {
  enum { MOST_BYTES = 1 << 20 };
  char *text = NULL;
  size_t size = 0, need = 0;
  json_t *top = NULL;
  const reader r = {.file = file, .folder = of3_path_folder(arena, file), .arena = arena};
  *out = (of3_databases){0};
  if (!r.folder) return of3_fail_memory(err, "databases");
  OF3_TRY(of3_read_file(file, MOST_BYTES, arena, &text, &size, err));
  const of3_query_source source = {text, size, file, r.folder, 64u << 20};
  OF3_TRY(of3_yaml_parse(&source, NULL, &top, &need, err));
  const of3_status status = read_top(&r, top, out, err);
  json_decref(top);
  return status;
}
