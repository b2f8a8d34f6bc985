#define _POSIX_C_SOURCE 200809L
#include "dialect/build.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/str.h"
#include "base/target.h"
#include "chem/component.h"
#include "dialect/text.h"
#include "feat/query_check.h"

of3_span of3_span_trim(const char *text, size_t n) {
  while (n && of3_is_space(*text)) text++, n--;
  while (n && of3_is_space(text[n - 1])) n--;
  return (of3_span){text, n};
}

bool of3_span_is(of3_span s, const char *word) {
  return s.n == strlen(word) && strncasecmp(s.text, word, s.n) == 0;
}

/* ---- Lists. The old array stays in the arena when it becomes too small. */

static void *grow(of3_arena *arena, void *old, int n, int *room, size_t size) {
  if (n < *room) return old;
  const int more = *room ? 2 * *room : 4;
  void *list = of3_arena_alloc(arena, (size_t)more, size);
  if (list && n) memcpy(list, old, (size_t)n * size);
  if (list) *room = more;
  return list;
}

of3_status of3_builder_begin(of3_query_builder *b, const char *name, size_t n, of3_error *err) {
  char *kept = of3_arena_alloc(b->arena, n + 1, 1);
  if (!kept) return of3_fail_memory(err, "the name of a query");
  size_t out = 0;
  for (size_t at = 0, bytes; at < n; at += bytes) {
    bool fit;
    bytes = of3_query_name_character(name + at, n - at, &fit);
    if (fit)
      memcpy(kept + out, name + at, bytes);
    else
      kept[out] = '_';
    out += fit ? bytes : 1;
  }
  *b->query = (of3_query){.name = kept, .use_msas = true, .use_main_msas = true, .use_paired_msas = true};
  b->room_chain = b->room_bond = b->room_leaving = b->room_note = 0;
  return OF3_OK;
}

of3_query_chain *of3_builder_add_chain(of3_query_builder *b, of3_molecule type, int n_id) {
  of3_query *q = b->query;
  of3_query_chain *list = grow(b->arena, q->chain, q->n_chain, &b->room_chain, sizeof *list);
  const char **id = OF3_ARENA_NEW(b->arena, const char *, n_id);
  if (!list || !id) return NULL;
  q->chain = list;
  list[q->n_chain] = (of3_query_chain){.type = type, .n_id = n_id, .id = id, .n_residue = 1};
  return &list[q->n_chain++];
}

of3_status of3_builder_add_bond(of3_query_builder *b, of3_query_bond bond, of3_error *err) {
  of3_query *q = b->query;
  of3_query_bond *list = grow(b->arena, q->bond, q->n_bond, &b->room_bond, sizeof *list);
  if (!list) return of3_fail_memory(err, "the bonds of a query");
  q->bond = list;
  list[q->n_bond++] = bond;
  return OF3_OK;
}

of3_status of3_builder_add_leaving(of3_query_builder *b, of3_query_atom atom, of3_error *err) {
  of3_query *q = b->query;
  of3_query_atom *list = grow(b->arena, q->leaving, q->n_leaving, &b->room_leaving, sizeof *list);
  if (!list) return of3_fail_memory(err, "the leaving atoms of a query");
  q->leaving = list;
  list[q->n_leaving++] = atom;
  return OF3_OK;
}

of3_status of3_builder_note(of3_query_builder *b, of3_error *err, const char *fmt, ...) {
  of3_query *q = b->query;
  char text[OF3_ERROR_TEXT];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  const char **list = grow(b->arena, q->note, q->n_note, &b->room_note, sizeof *list);
  const char *kept = of3_arena_strdup(b->arena, text);
  if (!list || !kept) return of3_fail_memory(err, "the notes of a query");
  q->note = list;
  list[q->n_note++] = kept;
  return OF3_OK;
}

static of3_status check_query(const of3_query *q, of3_error *err) {
  OF3_TRY(of3_query_check_chains(q, err));
  OF3_TRY(of3_query_check_bonds(q, err));
  return of3_query_check_pocket(q, err);
}

of3_status of3_builder_end(of3_query_builder *b, of3_status status, of3_error *err) {
  of3_query *q = b->query;
  of3_error found = {0};
  if (status == OF3_ERR_MEMORY) return status;
  if (of3_query_check_name(q->name, &q->error) != OF3_OK) return OF3_OK;
  if (status != OF3_OK)
    found = *err;
  else
    status = check_query(q, &found);
  if (status == OF3_ERR_MEMORY) {
    *err = found;
    return status;
  }
  q->error = found;
  if (status != OF3_OK) of3_prefix(&q->error, "query '%s'", q->name);
  return OF3_OK;
}

/* ---- Sequences */

/* Residues that users write in brackets often, and the letters of those that they are made from. */
static char parent_letter(of3_molecule type, const char *code) {
  static const char *const protein =
      "SEP S TPO T PTR Y MSE M HYP P CSO C CME C CSD C KCX K MLY K M3L K MLZ K ALY K HIC H PCA E CGU E SAC S "
      "OCS C CAS C NEP H TYS Y LLP K AIB A ABA A NLE L ORN K CIR R AGM R 2MR R DA2 R";
  static const char *const rna =
      "PSU U H2U U 5MU U 5MC C OMC C OMG G OMU U A2M A 1MA A 6MZ A 2MG G M2G G 7MG G YYG G 4SU U";
  static const char *const dna = "5CM C 8OG G 6OG G 6MA A 5HC C 5FC C 1CC C 5HU U BRU T";
  const char *list = type == OF3_PROTEIN ? protein : type == OF3_RNA ? rna : dna;
  const size_t n = strlen(code);
  for (const char *at = list; n == 3 && *at; at += at[5] ? 6 : 5)
    if (memcmp(at, code, 3) == 0) return at[4];
  return type == OF3_PROTEIN ? 'X' : 'N';
}

of3_status of3_builder_sort_modified(of3_query_chain *c, of3_error *err) {
  for (int i = 1; i < c->n_modified; i++) /* few, and mostly in order */
    for (int k = i; k > 0 && c->modified[k - 1].position >= c->modified[k].position; k--) {
      const of3_query_residue swap = c->modified[k];
      if (c->modified[k - 1].position == swap.position)
        return of3_fail(err, OF3_ERR_INPUT, "two modifications are of residue %d; one was expected",
                        swap.position);
      c->modified[k] = c->modified[k - 1];
      c->modified[k - 1] = swap;
    }
  return OF3_OK;
}

/* "(SEP)" at text; n_left bytes follow its bracket. *ret_n: bytes of it. */
static of3_status read_bracket(const of3_query_builder *b, const char *text, size_t n_left, int position,
                               of3_query_chain *c, size_t *ret_n, of3_error *err) {
  const char *end = memchr(text, ')', n_left);
  if (!end)
    return of3_fail(err, OF3_ERR_INPUT, "residue %d of the sequence begins with '(', and no ')' follows",
                    position);
  const of3_span s = of3_span_trim(text + 1, (size_t)(end - text) - 1);
  char *code = of3_arena_strndup(b->arena, s.text, s.n);
  if (!code) return of3_fail_memory(err, "a sequence");
  for (char *p = code; *p; p++)
    if (*p >= 'a' && *p <= 'z') *p = (char)(*p - 'a' + 'A');
  if (of3_query_check_code(code, err) != OF3_OK)
    return of3_prefix(err, "residue %d of the sequence", position);
  c->modified[c->n_modified++] = (of3_query_residue){position, code};
  *ret_n = (size_t)(end - text) + 1;
  return OF3_OK;
}

of3_status of3_builder_sequence(const of3_query_builder *b, const char *text, size_t n, bool residues,
                                of3_query_chain *c, of3_error *err) {
  size_t brackets = 0, out = 0;
  for (size_t i = 0; residues && i < n; i++) brackets += text[i] == '(';
  char *sequence = of3_arena_alloc(b->arena, n + 1, 1);
  if (!sequence) return of3_fail_memory(err, "a sequence");
  if (brackets) c->modified = OF3_ARENA_NEW(b->arena, of3_query_residue, brackets);
  if (brackets && !c->modified) return of3_fail_memory(err, "a sequence");
  for (size_t i = 0, bytes = 1; i < n; i += bytes, bytes = 1) {
    char letter = text[i];
    if (of3_is_space(letter)) continue;
    if (residues && letter == '(') {
      if (out >= OF3_MAX_RESIDUES) break; /* which the check below refuses */
      OF3_TRY(read_bracket(b, text + i, n - i, (int)out + 1, c, &bytes, err));
      letter = parent_letter(c->type, c->modified[c->n_modified - 1].code);
    }
    sequence[out++] = letter ? letter : '?'; /* a zero byte would end the text: let the check find it */
  }
  of3_query_clean_sequence(sequence);
  c->sequence = sequence;
  return of3_query_check_sequence(sequence, &c->n_residue, err);
}

of3_status of3_refuse_bases(const char *sequence, const char *how, of3_error *err) {
  if (!of3_query_is_bases(sequence)) return OF3_OK;
  return of3_fail(err, OF3_ERR_UNSUPPORTED,
                  "all letters of the sequence are bases of DNA or RNA, and nothing says which; %s", how);
}

/* ---- Files */

of3_status of3_builder_path(const of3_query_builder *b, const char *key, const char *path, bool folders,
                            const char **ret_path, of3_error *err) {
  if (!*path) return of3_fail(err, OF3_ERR_INPUT, "'%s' names a file without a name", key);
  const char *found = of3_path_join(b->arena, b->folder, path);
  if (!found) return of3_fail_memory(err, path);
  if (!of3_path_kind(found)) found = of3_arena_strdup(b->arena, path);
  if (!found) return of3_fail_memory(err, path);
  const char *kind = of3_path_kind(found);
  if (!kind)
    return of3_fail(err, OF3_ERR_INPUT,
                    "'%s' names '%.300s', which exists neither beside the query file nor in the working "
                    "directory",
                    key, path);
  if (!of3_is_file(found) && !(folders && of3_is_folder(found)))
    return of3_fail(err, OF3_ERR_INPUT, "'%s' names '%.300s', which is %s; %s read", key, path, kind,
                    folders ? "files and folders are" : "a file is");
  *ret_path = found;
  return OF3_OK;
}

of3_status of3_builder_file(const of3_query_builder *b, const char *key, const char *path,
                            const char **ret_text, of3_error *err) {
  char *text = NULL;
  size_t size = 0;
  const char *found = NULL;
  OF3_TRY(of3_builder_path(b, key, path, false, &found, err));
  OF3_TRY(of3_read_text(found, b->arena, &text, &size, err));
  if (strlen(text) != size)
    return of3_fail(err, OF3_ERR_INPUT, "'%s' names '%.300s', which holds a zero byte and is no text", key,
                    path);
  *ret_text = text;
  return OF3_OK;
}

of3_status of3_builder_add_msa(const of3_query_builder *b, of3_query_chain *c, const char *key,
                               const char *path, of3_error *err) {
  const char **list = OF3_ARENA_NEW(b->arena, const char *, c->n_msa + 1);
  if (!list) return of3_fail_memory(err, path);
  if (c->n_msa) memcpy(list, c->msa_path, (size_t)c->n_msa * sizeof *list);
  OF3_TRY(of3_builder_path(b, key, path, true, &list[c->n_msa], err));
  c->msa_path = list;
  c->n_msa++;
  return OF3_OK;
}

of3_status of3_builder_add_msa_text(const of3_query_builder *b, of3_query_chain *c, const char *key,
                                    const char *text, of3_error *err) {
  of3_msa_text *list = OF3_ARENA_NEW(b->arena, of3_msa_text, c->n_msa_text + 1);
  if (!list) return of3_fail_memory(err, "an alignment");
  if (c->n_msa_text) memcpy(list, c->msa_text, (size_t)c->n_msa_text * sizeof *list);
  list[c->n_msa_text++] = (of3_msa_text){key, text};
  c->msa_text = list;
  return OF3_OK;
}

of3_status of3_builder_add_template(const of3_query_builder *b, of3_query_chain *c,
                                    const of3_template_source *source, of3_error *err) {
  of3_template_source *list = OF3_ARENA_NEW(b->arena, of3_template_source, c->n_template + 1);
  if (!list) return of3_fail_memory(err, "the templates");
  if (c->n_template == OF3_MOST_TEMPLATES)
    return of3_fail(err, OF3_ERR_INPUT, "'templates' names more than %d structures for a chain",
                    (int)OF3_MOST_TEMPLATES);
  if (c->n_template) memcpy(list, c->template_, (size_t)c->n_template * sizeof *list);
  list[c->n_template++] = *source;
  c->template_ = list;
  return OF3_OK;
}

of3_status of3_builder_check_code(const of3_query_builder *b, const char *code, of3_error *err) {
  enum { MOST = sizeof((of3_component *)0)->code - 1 };
  const size_t n = strlen(code);
  if (!b->query->components || !n || n > MOST ||
      code[strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")])
    return of3_query_check_code(code, err);
  return OF3_OK;
}

of3_status of3_builder_set_code(const of3_query_builder *b, of3_query_chain *c, const char *code, size_t n,
                                of3_error *err) {
  const char **list = OF3_ARENA_NEW(b->arena, const char *, 1);
  const char *kept = of3_arena_strndup(b->arena, code, n);
  if (!list || !kept) return of3_fail_memory(err, "a ligand");
  list[0] = kept;
  c->code = list;
  c->n_residue = c->n_code = 1;
  return of3_query_check_code(kept, err);
}

of3_span of3_query_source_stem(const of3_query_source *source) {
  const char *name = of3_path_name(source->file);
  size_t n = strlen(name);
  if (n > 3 && strcmp(name + n - 3, ".gz") == 0) n -= 3;
  for (size_t k = n; k > 1; k--)
    if (name[k - 1] == '.') return (of3_span){name, k - 1};
  return (of3_span){name, n};
}

void of3_chain_letters(int number, char out[OF3_CHAIN_LETTERS]) {
  char reversed[OF3_CHAIN_LETTERS];
  int n = 0;
  for (int v = number + 1; v > 0; v = (v - 1) / 26) reversed[n++] = (char)('A' + (v - 1) % 26);
  for (int i = 0; i < n; i++) out[i] = reversed[n - 1 - i];
  out[n] = 0;
}
