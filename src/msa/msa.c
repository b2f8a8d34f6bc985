#include "msa/msa.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/gzip.h"
#include "base/str.h"
#include "chem/component.h"
#include "msa/alignment.h"
#include "msa/msa_files.h"
#include "msa/names.h"
#include "msa/profile.h"

/* One alignment that was read. */
typedef struct source {
  const char *file, *key; /* key: file name or archive member without extension */
  of3_msa_name name;
  of3_alignment rows;
  bool in_folder; /* or in an archive: nobody named it */
  bool in_archive, replaced;
} source;

/* The sources of a request, of its main files or of its paired files. */
typedef struct loader {
  const of3_msa_request *request;
  const of3_msa_rules *rules;
  const of3_log *log;
  of3_arena *arena;
  int n_col;
  bool paired; /* these are the files of paired rows */
  int n_source, room_source;
  source *source;
} loader;

/* The old array stays in the arena when it becomes too small. */
static of3_status add_source(loader *l, source s, of3_error *err) {
  if (l->n_source == l->room_source) {
    int room = l->room_source ? 2 * l->room_source : 16;
    source *more = OF3_ARENA_NEW(l->arena, source, room);
    if (!more) return of3_fail_memory(err, s.file);
    if (l->n_source) memcpy(more, l->source, (size_t)l->n_source * sizeof *more);
    l->source = more;
    l->room_source = room;
  }
  l->source[l->n_source++] = s;
  return OF3_OK;
}

/* Why a text file of this name is not read; NULL: it is. */
static const char *why_aside(const loader *l, const source *s) {
  const of3_msa_role role = s->name.role;
  const bool listed = s->in_archive || !s->name.archive_only;
  if (l->paired && role != OF3_MSA_TEMPLATES && listed) return NULL;
  if (role == OF3_MSA_TEMPLATES) return "holds template hits: not part of the MSA";
  if (role == OF3_MSA_PAIRING)
    return "serves pairing: its rows are not used, but if it is one of 'paired_msa_file_paths'";
  if (role == OF3_MSA_HITS && !l->request->use_hits)
    return "serves pairing by species, and nothing is to be paired: its rows are not used";
  if (role == OF3_MSA_UNLISTED) return "is in no list of the settings: its rows are not used";
  if (listed) return NULL;
  return l->rules->opt_settings && l->rules->opt_settings->caps_given
             ? "is not in max_seq_counts of the settings: it is not read"
             : "has a name that OpenFold3 knows in NPZ files only: call it uniprot_hits if it is to be "
               "paired";
}

/* Says so, if so. */
static bool left_aside(const loader *l, const source *s) {
  const char *why = why_aside(l, s);
  if (!why) return false;
  of3_logf(l->log, OF3_LOG_INFO, "'%s' (%s) %s", s->file, s->key, why);
  of3_account_file(l->request->opt_account,
                   (of3_file_account){.path = s->file, .key = s->key, .use = OF3_FILE_ASIDE, .opt_why = why});
  return true;
}

static of3_status read_archive(loader *l, source s, const of3_map *map, const of3_alignment_want *want,
                               of3_error *err) {
  of3_npz_alignment *a = NULL;
  int n = 0;
  OF3_TRY(of3_npz_parse(map->data, map->size, want, l->arena, &a, &n, err));
  for (int i = 0; i < n; i++) {
    s.key = a[i].key;
    s.name = of3_msa_name_of(s.key, l->rules->release, l->rules->opt_settings);
    s.in_archive = true;
    if (left_aside(l, &s)) continue;
    s.rows = a[i].alignment;
    OF3_TRY(add_source(l, s, err));
  }
  of3_logf(l->log, OF3_LOG_DEBUG, "'%s': %zu bytes, NPZ, %d alignments", s.file, map->size, n);
  return OF3_OK;
}

static of3_status read_inline(loader *l, const of3_msa_text *t, of3_error *err) {
  source s = {.file = "the query",
              .key = t->key,
              .name = of3_msa_name_of(t->key, l->rules->release, l->rules->opt_settings)};
  const of3_alignment_want want = {.file = s.file,
                                   .n_col = l->n_col,
                                   .most_rows = l->rules->row_caps ? s.name.cap : 0,
                                   .upper_case = l->rules->upper_case,
                                   .opt_sequence = l->request->sequence,
                                   .opt_log = l->log,
                                   .opt_cancel = l->request->opt_cancel};
  const bool paired = s.name.role == OF3_MSA_PAIRING;
  if (paired != l->paired || (!paired && left_aside(l, &s))) return OF3_OK;
  if (of3_a3m_parse(t->text, strlen(t->text), &want, l->arena, &s.rows, err) != OF3_OK)
    return of3_prefix(err, "chain %s, '%s' in the query itself", l->request->chain, t->key);
  return add_source(l, s, err);
}

/* The format is what the content shows, whatever the name says. */
static of3_status read_text(loader *l, source s, const of3_map *map, of3_alignment_format by_name,
                            const of3_alignment_want *want, of3_arena *scratch, of3_error *err) {
  enum { MOST_UNPACKED = INT_MAX };
  const char *text = (const char *)map->data;
  char *unpacked = NULL;
  size_t size = map->size;
  of3_alignment_format format;
  OF3_TRY(of3_alignment_format_of(s.file, map->data, size, by_name, &format, err));
  if (format == OF3_ALIGNMENT_GZIP) {
    OF3_TRY(of3_gunzip(s.file, MOST_UNPACKED, want->opt_cancel, scratch, &unpacked, &size, err));
    text = unpacked;
    OF3_TRY(of3_alignment_format_of(s.file, (const uint8_t *)text, size, by_name, &format, err));
    if (format == OF3_ALIGNMENT_GZIP || format == OF3_ALIGNMENT_NPZ)
      return of3_fail(err, OF3_ERR_INPUT, "'%s' is a packed %s file; unpack it once", s.file,
                      of3_alignment_format_name(format));
  }
  if (format == OF3_ALIGNMENT_NPZ) return read_archive(l, s, map, want, err);
  if (format != by_name)
    of3_logf(l->log, OF3_LOG_INFO, "'%s' holds %s, whatever its name says, and is read as that", s.file,
             of3_alignment_format_name(format));
  of3_arena *arena = s.name.role == OF3_MSA_HITS && l->request->opt_hits ? l->request->opt_hits : l->arena;
  OF3_TRY((format == OF3_ALIGNMENT_A3M ? of3_a3m_parse : of3_stockholm_parse)(text, size, want, arena,
                                                                              &s.rows, err));
  of3_logf(l->log, OF3_LOG_DEBUG, "'%s': %zu bytes, %s, %d rows of %d columns", s.file, map->size,
           of3_alignment_format_name(format), s.rows.n_row, s.rows.n_col);
  return add_source(l, s, err);
}

static of3_status msa_read_file(loader *l, const of3_msa_file *f, of3_error *err) {
  source s = {.file = f->path,
              .key = f->key,
              .name = of3_msa_name_of(f->key, l->rules->release, l->rules->opt_settings),
              .in_folder = f->in_folder || f->format == OF3_ALIGNMENT_NPZ};
  if (f->format != OF3_ALIGNMENT_NPZ && left_aside(l, &s)) return OF3_OK;
  const of3_alignment_want want = {.file = f->path,
                                   .n_col = l->n_col,
                                   .most_rows = l->rules->row_caps ? s.name.cap : 0,
                                   .upper_case = l->rules->upper_case,
                                   .opt_sequence = l->request->sequence,
                                   .opt_log = l->log,
                                   .opt_cancel = l->request->opt_cancel};
  of3_map map;
  OF3_TRY(of3_map_open(f->path, &map, err));
  of3_arena *scratch = of3_arena_new_within(l->arena);
  of3_status st =
      scratch ? read_text(l, s, &map, f->format, &want, scratch, err) : of3_fail_memory(err, f->path);
  of3_arena_free(scratch);
  of3_map_close(&map);
  return st;
}

static char msa_capital(char c) { return (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c); }

/* Letters that say the same residue, or one of which says none. */
static bool msa_agree(of3_molecule polymer, char a, char b) {
  const int unknown = of3_letter_class(polymer, 0);
  a = msa_capital(a);
  b = msa_capital(b);
  return a == b || (a != '-' && of3_letter_class(polymer, a) == unknown) ||
         (b != '-' && of3_letter_class(polymer, b) == unknown);
}

/* The query row of a file should be the chain. */
static void compare_query(const loader *l, const source *s) {
  for (int i = 0; i < l->n_col; i++)
    if (!msa_agree(l->request->polymer, (char)s->rows.letter[i], l->request->sequence[i])) {
      of3_logf(l->log, OF3_LOG_WARN,
               "'%s' (%s): residue %d of row 1 is %c, that of chain %s is %c; the alignment may belong to "
               "another chain",
               s->file, s->key, i + 1, s->rows.letter[i], l->request->chain, l->request->sequence[i]);
      return;
    }
}

static bool is_main(const source *s) { return s->name.role == OF3_MSA_MAIN && !s->replaced; }

/* Rows of names that OpenFold3 does not know enter the main block beside those that it knows: not without a
 * word, and with a warning if they only lay in the same folder. */
static void tell_unknown(const loader *l) {
  enum { MOST_NAMED = 8 };
  int known = 0, n = 0;
  bool found = false;
  of3_str names = {0};
  for (int i = 0; i < l->n_source; i++) {
    const source *s = &l->source[i];
    known += is_main(s) && s->name.known;
    if (!is_main(s) || s->name.known) continue;
    found |= s->in_folder;
    if (n++ < MOST_NAMED) of3_str_addf(&names, "%s%s", n > 1 ? ", " : "", s->key);
  }
  if (n > MOST_NAMED) of3_str_addf(&names, " and %d others", n - MOST_NAMED);
  if (known && n && !names.failed)
    of3_logf(
        l->log, found ? OF3_LOG_WARN : OF3_LOG_INFO,
        "chain %s: rows of alignments whose names OpenFold3 does not know (%s) enter its MSA after those "
        "of the names that it knows; name the files to be used one by one if they should not",
        l->request->chain, names.text);
  of3_str_free(&names);
}

/* Known names stand at most once: the last file wins, as in the reference. */
static void replace_duplicates(loader *l) {
  for (int i = 0; i < l->n_source; i++)
    for (int k = i + 1; k < l->n_source && l->source[i].name.known; k++)
      if (l->source[k].name.known && strcmp(l->source[i].key, l->source[k].key) == 0) {
        of3_logf(l->log, OF3_LOG_WARN, "'%s' takes the place of '%s': both are called %s", l->source[k].file,
                 l->source[i].file, l->source[i].key);
        l->source[i].replaced = true;
        break;
      }
}

static int by_place(const void *pa, const void *pb) {
  const source *a = pa, *b = pb;
  if (a->name.place != b->name.place) return a->name.place < b->name.place ? -1 : 1;
  int c = strcmp(a->key, b->key);
  return c ? c : strcmp(a->file, b->file);
}

/* The alphabetically first known name gives row 0, else the first source. */
static const source *query_source(const loader *l) {
  const source *best = NULL;
  for (int i = 0; i < l->n_source; i++) {
    const source *s = &l->source[i];
    if (!s->replaced && s->name.known && (!best || strcmp(s->key, best->key) < 0)) best = s;
  }
  return best ? best : &l->source[0];
}

/* What the sources are used for. */
static void give_account(const loader *l) {
  for (int i = 0; i < l->n_source; i++) {
    const source *s = &l->source[i];
    of3_file_account f = {.path = s->file, .key = s->key, .n_read = s->rows.n_row, .alignment = &s->rows};
    f.use = l->paired ? OF3_FILE_PAIRED : is_main(s) ? OF3_FILE_MAIN : OF3_FILE_HITS;
    if (s->replaced) {
      f.use = OF3_FILE_ASIDE;
      f.opt_why = "gives way to another file of this name";
    }
    of3_account_file(l->request->opt_account, f);
  }
}

static of3_status read_sources(loader *l, int n_path, const char *const *path, of3_error *err) {
  of3_msa_file *file = NULL;
  int n = 0;
  OF3_TRY(of3_msa_list_files(n_path, path, l->log, l->arena, &file, &n, err));
  for (int i = 0; i < n; i++) OF3_TRY(msa_read_file(l, &file[i], err));
  for (int i = 0; i < l->request->n_text; i++) OF3_TRY(read_inline(l, &l->request->text[i], err));
  if (l->n_source == 0)
    return of3_fail(err, OF3_ERR_INPUT, "chain %s: none of its %s files is an MSA", l->request->chain,
                    l->paired ? "paired alignment" : "alignment");
  for (int i = 0; i < l->n_source; i++) compare_query(l, &l->source[i]);
  replace_duplicates(l);
  qsort(l->source, (size_t)l->n_source, sizeof *l->source, by_place);
  if (!l->paired) tell_unknown(l);
  give_account(l);
  return OF3_OK;
}

/* ---- Rows of sources, one below the other */

typedef bool chosen(const source *s);
static bool is_hits(const source *s) { return s->name.hits && !s->replaced; }
static bool is_any(const source *s) { return !s->replaced; }

/* Rows of the chosen sources in their order, but `less` of each that is not the first; most: so many in all.
 */
static of3_status stack_rows(const loader *l, chosen *choose, int less, int64_t most, of3_msa_row **ret_row,
                             int *ret_n, of3_error *err) {
  int64_t n = 0;
  int at = 0;
  for (int i = 0; i < l->n_source; i++) n += choose(&l->source[i]) ? l->source[i].rows.n_row : 0;
  if (n > most) n = most;
  of3_msa_row *row = OF3_ARENA_NEW(l->arena, of3_msa_row, n);
  if (!row) return of3_fail_memory(err, "the rows of an MSA");
  for (int i = 0; i < l->n_source; i++) {
    if (!choose(&l->source[i])) continue;
    if (at && less && l->source[i].rows.n_row <= 2)
      continue; /* nothing but the query and a row: as the reference */
    for (int r = at ? less : 0; at < n && r < l->source[i].rows.n_row; r++)
      row[at++] = (of3_msa_row){&l->source[i].rows, r};
  }
  *ret_row = row;
  *ret_n = at;
  return OF3_OK;
}

/* 0.3 keeps the query of every source. Later ones take sources with more than the query. */
static bool has_hits(const source *s) { return is_hits(s) && s->rows.n_row > 1; }

static int by_hits_place(const void *pa, const void *pb) {
  const source *a = pa, *b = pb;
  return a->name.hits_place != b->name.hits_place ? (a->name.hits_place < b->name.hits_place ? -1 : 1)
                                                  : by_place(pa, pb);
}

/* Rows point to the sources, which are put in order twice: copies of them. */
static of3_status stack_hits(const loader *l, of3_msa *out, of3_error *err) {
  const bool p1 = l->rules->release == 3;
  loader hits = *l;
  hits.source = OF3_ARENA_NEW(l->arena, source, l->n_source);
  if (!hits.source) return of3_fail_memory(err, "the hits of an MSA");
  memcpy(hits.source, l->source, (size_t)l->n_source * sizeof *hits.source);
  qsort(hits.source, (size_t)hits.n_source, sizeof *hits.source, by_hits_place);
  return stack_rows(&hits, p1 ? is_hits : has_hits, p1 ? 0 : 1, INT32_MAX, &out->hit, &out->n_hit, err);
}

/* Row 0 of the stack: letters without deletions. */
static of3_status keep_query(const loader *l, const void *letters, of3_msa *out, of3_error *err) {
  const of3_alignment_want want = {.file = "the query", .n_col = l->n_col};
  of3_alignment *a = OF3_ARENA_NEW(l->arena, of3_alignment, 1);
  if (!a) return of3_fail_memory(err, "an MSA");
  OF3_TRY(of3_alignment_new(1, 1, &want, l->arena, a, err));
  of3_alignment_set_name(a, 0, "", 0);
  memcpy(a->letter, letters, (size_t)l->n_col);
  out->query = (of3_msa_row){a, 0};
  return OF3_OK;
}

static of3_status load_files(loader *l, of3_msa *out, of3_error *err) {
  OF3_TRY(read_sources(l, l->request->n_path, l->request->path, err));
  OF3_TRY(keep_query(l, query_source(l)->rows.letter, out, err));
  if (l->request->use_hits) OF3_TRY(stack_hits(l, out, err));
  if (!l->request->use_main) return OF3_OK;
  OF3_TRY(stack_rows(l, is_main, 0, INT32_MAX, &out->row, &out->n_row, err));
  if (out->n_row == 0)
    return of3_fail(
        err, OF3_ERR_INPUT,
        "chain %s: its alignment files serve pairing only; the main block needs at least one other",
        l->request->chain);
  return OF3_OK;
}

/* Main block: the query alone. */
static of3_status make_dummy(const loader *l, of3_msa *out, of3_error *err) {
  OF3_TRY(keep_query(l, l->request->sequence, out, err));
  out->row = OF3_ARENA_NEW(l->arena, of3_msa_row, 1);
  if (!out->row) return of3_fail_memory(err, "the dummy MSA");
  out->row[0] = out->query;
  out->n_row = l->request->use_main;
  return OF3_OK;
}

/* The rows of paired files, as many as may be. */
static of3_status load_paired(const loader *main, of3_msa *out, of3_error *err) {
  loader l = *main;
  l.n_source = l.room_source = 0;
  l.paired = true;
  OF3_TRY(read_sources(&l, l.request->n_paired, l.request->paired, err));
  out->has_paired = true;
  return stack_rows(&l, is_any, 0, of3_msa_most_paired(l.rules), &out->paired, &out->n_paired, err);
}

static of3_status msa_take_memory(const loader *l, of3_msa *out, of3_error *err) {
  *out = (of3_msa){.n_col = l->n_col};
  out->profile = OF3_ARENA_NEW(l->arena, float, (size_t)l->n_col *OF3_MSA_CLASSES);
  out->deletion_mean = OF3_ARENA_NEW(l->arena, float, l->n_col);
  out->gaps = OF3_ARENA_NEW(l->arena, uint8_t, l->n_col);
  if (!out->profile || !out->deletion_mean || !out->gaps) return of3_fail_memory(err, "an MSA");
  memset(out->gaps, '-', (size_t)l->n_col);
  return OF3_OK;
}

/* Those that are no paired rows. */
static int main_texts(const of3_msa_request *request, const of3_msa_rules *rules) {
  int n = 0;
  for (int i = 0; i < request->n_text; i++)
    n += of3_msa_name_of(request->text[i].key, rules->release, rules->opt_settings).role != OF3_MSA_PAIRING;
  return n;
}

of3_status of3_msa_load(const of3_msa_request *request, const of3_msa_rules *rules, const of3_log *log,
                        of3_arena *arena, of3_msa *out, of3_error *err) {
  loader l = {.request = request,
              .rules = rules,
              .log = log,
              .arena = arena,
              .n_col = (int)strlen(request->sequence)};
  OF3_TRY(msa_take_memory(&l, out, err));
  OF3_TRY(request->n_path + main_texts(request, rules) ? load_files(&l, out, err) : make_dummy(&l, out, err));
  if (request->n_paired || (request->use_paired && main_texts(request, rules) < request->n_text))
    OF3_TRY(load_paired(&l, out, err));
  out->n_read = out->n_row;
  if (rules->drop_duplicate_rows) OF3_TRY(of3_msa_drop_duplicates(out, request->opt_cancel, arena, err));
  out->n_equal = out->n_read - out->n_row;
  of3_logf(log, OF3_LOG_DEBUG, "chain %s: main block of %d rows, %d equal to earlier ones left out",
           request->chain, out->n_row, out->n_equal);
  return of3_go_on(request->opt_cancel, err);
}

of3_status of3_msa_finish(of3_msa *msa, of3_molecule polymer, const of3_msa_rules *rules, int n_paired,
                          of3_cancel *opt_cancel, of3_arena *arena, of3_error *err) {
  const bool first = rules->release != 3;
  const int room = of3_msa_room(rules, n_paired);
  if (first) OF3_TRY(of3_msa_count(msa, polymer, rules->profile_scrambled, opt_cancel, err));
  const int n_row = msa->n_row;
  OF3_TRY(of3_msa_drop_paired(msa, opt_cancel, arena, err));
  msa->n_also_paired = n_row - msa->n_row;
  if (!first) OF3_TRY(of3_msa_count(msa, polymer, rules->profile_scrambled, opt_cancel, err));
  if (msa->n_row <= room || rules->whole_block) return OF3_OK;
  msa->n_cut = msa->n_row - room;
  msa->n_row = room;
  return OF3_OK;
}
