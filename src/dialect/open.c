/* The argument of `of3 predict`: a file of queries, or a sequence. */
#include <stdint.h>
#include <string.h>

#include "base/file.h"
#include "base/target.h"
#include "dialect/dialect.h"

static bool looks_like_sequence(const char *s) {
  return *s && s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ*")] == 0;
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

/* The first byte that counts tells JSON from FASTA. */
static of3_status read_any(const char *path, const char *text, size_t size, of3_arena *arena,
                           of3_query_set *out, of3_error *err) {
  const size_t most = of3_arena_room(arena);
  size_t at = strspn(text, " \t\r\n");
  if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark */
    text += 3;
    size -= 3;
    at = strspn(text, " \t\r\n");
  }
  if (is_alignment_file(path, text + at))
    return of3_fail(err, OF3_ERR_INPUT,
                    "'%s' is an alignment; name it in a JSON query, as one of the \"main_msa_file_paths\" of "
                    "its chain",
                    path);
  const char *folder = of3_path_folder(arena, path);
  if (!folder) return of3_fail_memory(err, path);
  const of3_query_source source = {text, size, path, folder, most};
  if (text[at] == '>') return of3_query_from_fasta(&source, out, err);
  if (text[at] != '{' && !open_ends_with(path, ".json"))
    return of3_fail(err, OF3_ERR_INPUT, "'%s' is neither JSON (it would start with '{') nor FASTA (with '>')",
                    path);
  return of3_query_from_json(text, size, path, folder, most, out, err);
}

/* arena: of what is needed only while reading, limited to what may be used. */
static of3_status read_query_file(const char *path, of3_arena *arena, of3_query_set *out, of3_error *err) {
  enum { MOST = 64 << 20 };
  char *text = NULL;
  size_t size = 0;
  OF3_TRY(of3_read_file(path, MOST, arena, &text, &size, err));
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
                    "'%s' is a folder; a JSON file, a FASTA file or a protein sequence was expected",
                    argument);
  if (!of3_is_file(argument)) {
    const char *kind = of3_path_kind(argument);
    if (kind)
      return of3_fail(err, OF3_ERR_INPUT, "'%.200s' is %s; write the query to a file, and name that",
                      argument, kind);
    if (looks_like_sequence(argument)) return of3_query_from_sequence(argument, "query", out, err);
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
