/* The argument of `of3 predict`: a file of queries, or a sequence. */
#include <stdint.h>
#include <string.h>

#include "base/file.h"
#include "base/target.h"
#include "dialect/dialect.h"
#include "dialect/sniff.h"
#include "dialect/text.h"

static bool looks_like_sequence(const char *s) {
  return *s && s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ*:")] == 0;
}

static bool open_ends_with(const char *path, const char *ending) {
  size_t n = strlen(path), k = strlen(ending);
  return n > k && strcmp(path + n - k, ending) == 0;
}

/* Whether the name says, or ColabFold's first line "#10<tab>1", that the file is an alignment. */
static bool is_alignment_file(const char *path, const char *text) {
  size_t digits = text[0] == '#' ? strspn(text + 1, "0123456789,") : 0;
  return (digits && text[1 + digits] == '\t') || open_ends_with(path, ".a3m") || open_ends_with(path, ".sto");
}

static of3_status read_openfold3(const of3_query_source *s, of3_query_set *out, of3_error *err) {
  return of3_query_from_json(s->text, s->size, s->file, s->folder, s->most_memory, out, err);
}

static const struct {
  const char *name;
  of3_status (*read)(const of3_query_source *source, of3_query_set *out, of3_error *err);
} open_dialect[] = {
    [OF3_DIALECT_OPENFOLD3] = {"OpenFold3 JSON", read_openfold3},
    [OF3_DIALECT_ALPHAFOLD3] = {"AlphaFold 3 JSON", of3_query_from_af3},
    [OF3_DIALECT_BOLTZ] = {"Boltz YAML", of3_query_from_boltz},
    [OF3_DIALECT_FASTA] = {"FASTA", of3_query_from_fasta},
};

/* The content tells which dialect it is. */
static of3_status read_any(const char *path, const char *text, size_t size, of3_arena *arena,
                           of3_query_set *out, of3_error *err) {
  if (is_alignment_file(path, text + strspn(text, " \t\r\n")))
    return of3_fail(err, OF3_ERR_INPUT,
                    "'%s' is an alignment; name it in a JSON query, as one of the \"main_msa_file_paths\" of "
                    "its chain",
                    path);
  if (!text[strspn(text, " \t\r\n")])
    return of3_fail(err, OF3_ERR_INPUT, "'%s' is empty; a query in JSON, YAML or FASTA was expected", path);
  const char *folder = of3_path_folder(arena, path), *other = NULL;
  if (!folder) return of3_fail_memory(err, path);
  const of3_query_source source = {text, size, path, folder, of3_arena_room(arena)};
  const of3_dialect dialect = of3_dialect_of(text, size, &other);
  if (dialect == OF3_DIALECT_UNKNOWN && (other || !open_ends_with(path, ".json")))
    return of3_fail(
        err, OF3_ERR_UNSUPPORTED,
        "'%s' %s%s; queries are read as JSON of OpenFold3 or AlphaFold 3, YAML of Boltz, and FASTA "
        "(docs/queries.md)",
        path, other ? "looks like " : "is in no dialect that of3 knows", other ? other : "");
  if (dialect == OF3_DIALECT_UNKNOWN) return read_openfold3(&source, out, err); /* which says what is wrong */
  OF3_TRY(open_dialect[dialect].read(&source, out, err));
  out->dialect = open_dialect[dialect].name;
  return OF3_OK;
}

/* arena: of what is needed only while reading, limited to what may be used. */
static of3_status read_query_file(const char *path, of3_arena *arena, of3_query_set *out, of3_error *err) {
  char *text = NULL;
  size_t size = 0;
  OF3_TRY(of3_read_text(path, arena, &text, &size, err));
  OF3_TRY(read_any(path, text, size, arena, out, err));
  of3_arena_limit(out->arena, SIZE_MAX); /* what comes later is not reading */
  return OF3_OK;
}

/* Says of a lack of memory what is to be done about it. */
static of3_status explain_memory(const char *path, size_t most_memory, of3_error *err) {
  if (!err || err->code != OF3_ERR_MEMORY || most_memory == SIZE_MAX) return OF3_ERR_MEMORY;
  return of3_fail(err, OF3_ERR_MEMORY,
                  "'%s' takes more memory to read than the %.1f MB that may be used; split it, or allow more "
                  "memory",
                  path, (double)most_memory * 1e-6);
}

of3_status of3_query_open(const char *argument, size_t most_memory, of3_query_set *out, of3_error *err) {
  *out = (of3_query_set){0};
  if (of3_is_folder(argument))
    return of3_fail(err, OF3_ERR_INPUT,
                    "'%s' is a folder; a JSON, YAML or FASTA file or a protein sequence was expected",
                    argument);
  if (!of3_is_file(argument)) {
    const char *kind = of3_path_kind(argument);
    if (kind)
      return of3_fail(err, OF3_ERR_INPUT, "'%.200s' is %s; write the query to a file, and name that",
                      argument, kind);
    if (looks_like_sequence(argument)) return of3_query_from_chains(argument, "query", out, err);
    return of3_fail(err, OF3_ERR_USAGE,
                    "'%.200s' is neither an existing file nor a protein sequence in capital letters",
                    argument);
  }
  of3_arena *arena = of3_arena_new(0);
  if (!arena) return of3_fail_memory(err, argument);
  of3_arena_limit(arena, most_memory);
  of3_status st = read_query_file(argument, arena, out, err);
  of3_arena_free(arena);
  return st == OF3_ERR_MEMORY ? explain_memory(argument, most_memory, err) : st;
}
