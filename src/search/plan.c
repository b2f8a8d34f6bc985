/* Which files are to be made, and by which tasks; then what there is at the end. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/sha256.h"
#include "base/str.h"
#include "search/task.h"

enum { MOST_GROUP = 64 }; /* databases that MMseqs2 searches in one task */

typedef struct planner {
  const of3_databases *databases;
  const of3_search_options *options;
  of3_search_sequence *sequence;
  int n_sequence;
  of3_arena *arena;
  of3_search_counts *counts;
  of3_search_task *task;
  int n_task, room;
  /* Of which the profile for templates is made, [n_sequence]: the alignment or NULL, of which database, and
   * the task that makes it or -1. */
  const char **msa;
  const of3_database **msa_database;
  int *msa_task;
  const char **place; /* [n_sequence] folders of results: the hash of the letters, behind "rna-" of RNA */
} planner;

/* ---- Files */

static const char *ending_of(const of3_database *d) {
  if (d->program == OF3_MMSEQS) return d->kind == OF3_DATABASE_STRUCTURES ? "m8" : "a3m";
  return d->program == OF3_HHBLITS ? "a3m" : "sto";
}

/* What decides the content of the file: the same is in the common store under this request. */
static of3_status describe_request(const planner *p, const of3_search_sequence *s,
                                   const of3_database *const *d, int n, of3_cache_request *out,
                                   of3_error *err) {
  enum { RECIPES = 1 }; /* another number when a program is called otherwise */
  of3_str asked = {0}, version = {0};
  of3_str_addf(&asked, "of3 search %d\n%s\n", RECIPES, s->letters);
  for (int i = 0; i < n; i++) {
    of3_str_addf(&asked, "%s\n%s\n%d\n", of3_program_name(d[i]->program), d[i]->name, d[i]->rows);
    of3_str_addf(&version, "%s%s", i ? ", " : "", d[i]->version);
  }
  *out = (of3_cache_request){
      .kind = d[n - 1]->kind == OF3_DATABASE_STRUCTURES ? "hits" : "alignment",
      .request = asked.failed ? NULL : of3_arena_strdup(p->arena, asked.text),
      .size = asked.len,
      .source = of3_arena_printf(p->arena, "%s in %s", of3_program_name(d[n - 1]->program), d[n - 1]->name),
      .version = version.failed ? NULL : of3_arena_strdup(p->arena, version.text)};
  of3_str_free(&asked);
  of3_str_free(&version);
  return out->request && out->source && out->version ? OF3_OK : of3_fail_memory(err, "a search");
}

/* A file with the same key is what would be made; one without a key somebody else put there. */
static bool is_current(const planner *p, const char *folder, const char *name, const char *key) {
  char found[OF3_SHA256_HEX] = {0};
  const char *path = of3_arena_printf(p->arena, "%s/%s", folder, name);
  const char *record = of3_arena_printf(p->arena, "%s/.%s.key", folder, name);
  if (!path || !record || !of3_is_file(path)) return false;
  FILE *f = fopen(record, "rb");
  if (!f) {
    of3_logf(p->options->opt_log, OF3_LOG_WARN, "'%s' was not made by of3 search; it is left as it is", path);
    return true;
  }
  const size_t n = fread(found, 1, sizeof found - 1, f);
  fclose(f);
  return n == sizeof found - 1 && strcmp(found, key) == 0;
}

/* The file of databases d [n], the last of which names it, for a sequence. */
static of3_status describe_file(planner *p, int sequence, const of3_database *const *d, int n,
                                of3_search_file *out, of3_error *err) {
  const of3_search_sequence *s = &p->sequence[sequence];
  const of3_database *last = d[n - 1];
  const bool hits = last->kind == OF3_DATABASE_STRUCTURES;
  const char *folder = of3_arena_printf(p->arena, "%s/%s/%s", p->options->folder, hits ? "template" : "main",
                                        p->place[sequence]);
  const char *name = of3_arena_printf(p->arena, "%s.%s", last->file, ending_of(last));
  if (!folder || !name) return of3_fail_memory(err, "a path");
  *out = (of3_search_file){.sequence = sequence, .hits = hits};
  OF3_TRY(describe_request(p, s, d, n, &out->request, err));
  out->key = of3_cache_key_of(&out->request);
  out->path = of3_arena_printf(p->arena, "%s/%s", folder, name);
  if (!out->path) return of3_fail_memory(err, "a path");
  out->is_there = is_current(p, folder, name, out->key.hex);
  if (out->is_there) p->counts->kept++;
  return out->is_there ? OF3_OK : of3_search_take(out, p->options, p->counts, err);
}

/* ---- Tasks */

static of3_recipe_step *recipe_of(of3_program program) {
  switch (program) {
  case OF3_JACKHMMER:
    return of3_recipe_jackhmmer;
  case OF3_NHMMER:
    return of3_recipe_nhmmer;
  case OF3_HMMSEARCH:
    return of3_recipe_hmmsearch;
  case OF3_HHBLITS:
    return of3_recipe_hhblits;
  default:
    return of3_recipe_mmseqs;
  }
}

/* What the folder of a task is called after: a run that is started again finds it. */
static of3_cache_key key_of_files(const of3_search_file *file, int n) {
  of3_cache_key key = {0};
  of3_sha256 s;
  of3_sha256_init(&s);
  for (int i = 0; i < n; i++) of3_sha256_add(&s, file[i].key.hex, sizeof file[i].key.hex);
  of3_sha256_hex(&s, key.hex);
  return key;
}

/* Adds a task for those of the files that are not there. */
static of3_status add_task(planner *p, const of3_database *const *d, int n, of3_search_file *file, int n_file,
                           of3_error *err) {
  if (p->n_task == p->room) return of3_fail(err, OF3_ERR_INTERNAL, "more searches than were counted");
  const of3_cache_key key = key_of_files(file, n_file);
  const char *work = of3_arena_printf(p->arena, "%s/.of3-search/%.16s", p->options->folder, key.hex);
  if (!work) return of3_fail_memory(err, "a path");
  const int most = p->options->threads;
  for (int i = 0; i < n_file; i++) {
    file[i].made = of3_arena_printf(p->arena, "%s/result%d", work, i);
    if (!file[i].made) return of3_fail_memory(err, "a path");
  }
  p->task[p->n_task++] = (of3_search_task){.step_of = recipe_of(d[0]->program),
                                           .databases = p->databases,
                                           .n_database = n,
                                           .database = d,
                                           .sequence = p->sequence,
                                           .n_file = n_file,
                                           .file = file,
                                           .input = -1,
                                           .resumes = d[0]->program == OF3_MMSEQS,
                                           .work = work,
                                           .threads = d[0]->threads < most ? d[0]->threads : most,
                                           .gpu = p->options->gpu,
                                           .arena = p->arena,
                                           .opt_cancel = p->options->opt_cancel,
                                           .child = -1};
  return OF3_OK;
}

static bool is_wanted(const of3_search_sequence *s, const of3_database *d) {
  switch (d->kind) {
  case OF3_DATABASE_PROTEIN:
    return s->type == OF3_PROTEIN && s->want_msa;
  case OF3_DATABASE_RNA:
    return s->type == OF3_RNA && s->want_msa;
  default:
    return s->type == OF3_PROTEIN && s->want_hits;
  }
}

/* The alignment from which hmmsearch takes its profile: OpenFold3's that of uniref90, else the first one.
 * task: which makes it, or -1. */
static void remember_alignment(planner *p, const of3_database *d, const of3_search_file *f, int task) {
  const int i = f->sequence;
  if (d->kind != OF3_DATABASE_PROTEIN || f->hits || (p->msa[i] && strcmp(d->name, "uniref90") != 0)) return;
  p->msa[i] = f->path;
  p->msa_database[i] = d;
  p->msa_task[i] = task;
}

/* Hits depend on the alignment that they are found by, so what they are made from is both databases. */
static of3_status describe_each(planner *p, int i, const of3_database *d, of3_search_file *f,
                                of3_error *err) {
  const of3_database *const both[2] = {p->msa_database[i], d};
  const bool two = d->program == OF3_HMMSEARCH && both[0];
  return describe_file(p, i, two ? both : both + 1, two ? 2 : 1, f, err);
}

/* A task for each sequence. */
static of3_status plan_each(planner *p, const of3_database *d, of3_error *err) {
  const of3_database **list = OF3_ARENA_NEW(p->arena, const of3_database *, 1);
  of3_search_file *file = OF3_ARENA_NEW(p->arena, of3_search_file, p->n_sequence);
  if (!list || !file) return of3_fail_memory(err, "searches");
  list[0] = d;
  for (int i = 0; i < p->n_sequence; i++) {
    if (!is_wanted(&p->sequence[i], d)) continue;
    OF3_TRY(describe_each(p, i, d, &file[i], err));
    if (!file[i].is_there) OF3_TRY(add_task(p, list, 1, &file[i], 1, err));
    if (!file[i].is_there && d->program == OF3_HMMSEARCH) {
      p->task[p->n_task - 1].input = p->msa_task[i];
      p->task[p->n_task - 1].input_msa = p->msa[i];
    }
    remember_alignment(p, d, &file[i], file[i].is_there ? -1 : p->n_task - 1);
  }
  return OF3_OK;
}

/* The files of a group that are not there, for all sequences: alignments by list [n_msa], hits by list [n].
 */
static of3_status describe_group(planner *p, const of3_database *const *list, int n_msa, int n,
                                 of3_search_file *file, int *ret_n, of3_error *err) {
  int n_file = 0;
  for (int i = 0; i < p->n_sequence; i++) {
    for (int k = n_msa; k <= n; k += n > n_msa ? n - n_msa : 1) {
      of3_search_file *f = &file[n_file];
      if (k == 0 || !is_wanted(&p->sequence[i], list[k - 1])) continue;
      OF3_TRY(describe_file(p, i, list, k, f, err));
      if (f->is_there)
        remember_alignment(p, list[k - 1], f, -1);
      else
        n_file++;
    }
  }
  *ret_n = n_file;
  return OF3_OK;
}

/* One task of MMseqs2 for all sequences: its databases whose file is that of `first`; with the first such
 * group the structures. */
static of3_status plan_group(planner *p, const of3_database *first, const of3_database *opt_structures,
                             of3_error *err) {
  const of3_database **list = OF3_ARENA_NEW(p->arena, const of3_database *, MOST_GROUP + 1);
  of3_search_file *file = OF3_ARENA_NEW(p->arena, of3_search_file, 2 * p->n_sequence);
  int n = 0, n_file = 0;
  if (!list || !file) return of3_fail_memory(err, "databases");
  for (int i = 0; i < p->databases->n && n < MOST_GROUP; i++) {
    const of3_database *d = &p->databases->database[i];
    if (d->program == OF3_MMSEQS && d->kind == OF3_DATABASE_PROTEIN && strcmp(d->file, first->file) == 0)
      list[n++] = d;
  }
  const int n_msa = n;
  if (opt_structures) list[n++] = opt_structures;
  OF3_TRY(describe_group(p, list, n_msa, n, file, &n_file, err));
  if (n_file == 0) return OF3_OK;
  OF3_TRY(add_task(p, list, n, file, n_file, err));
  for (int i = 0; i < n_file; i++) remember_alignment(p, first, &file[i], p->n_task - 1);
  return OF3_OK;
}

static bool is_first_of_group(const planner *p, int i) {
  const of3_database *d = &p->databases->database[i];
  for (int k = 0; k < i; k++) {
    const of3_database *b = &p->databases->database[k];
    if (b->program == OF3_MMSEQS && b->kind == d->kind && strcmp(b->file, d->file) == 0) return false;
  }
  return true;
}

static of3_status plan_mmseqs(planner *p, of3_error *err) {
  const of3_database *structures = NULL;
  bool any = false;
  for (int i = 0; i < p->databases->n; i++) {
    const of3_database *d = &p->databases->database[i];
    if (d->program == OF3_MMSEQS && d->kind == OF3_DATABASE_STRUCTURES) structures = d;
  }
  for (int i = 0; i < p->databases->n; i++) {
    const of3_database *d = &p->databases->database[i];
    if (d->program != OF3_MMSEQS || d->kind != OF3_DATABASE_PROTEIN || !is_first_of_group(p, i)) continue;
    OF3_TRY(plan_group(p, d, any ? NULL : structures, err));
    any = true;
  }
  return structures && !any ? plan_group(p, structures, structures, err) : OF3_OK;
}

/* Alignments before the templates that are found by them. */
static of3_status plan_all(planner *p, of3_error *err) {
  for (int pass = 0; pass < 2; pass++) {
    for (int i = 0; i < p->databases->n; i++) {
      const of3_database *d = &p->databases->database[i];
      if (d->program != OF3_MMSEQS && (d->program == OF3_HMMSEARCH) == (pass == 1))
        OF3_TRY(plan_each(p, d, err));
    }
    if (pass == 0) OF3_TRY(plan_mmseqs(p, err));
  }
  return OF3_OK;
}

/* ---- The whole */

static bool has_bytes(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && st.st_size > 0;
}

/* What there is of a sequence: its folder of alignments, its file of hits. */
static of3_status collect(planner *p, int i, of3_error *err) {
  of3_search_sequence *s = &p->sequence[i];
  if (s->error.code != OF3_OK) return OF3_OK;
  for (int k = 0; k < p->databases->n; k++) {
    const of3_database *d = &p->databases->database[k];
    if (!is_wanted(s, d)) continue;
    const bool hits = d->kind == OF3_DATABASE_STRUCTURES;
    const char *folder =
        of3_arena_printf(p->arena, "%s/%s/%s", p->options->folder, hits ? "template" : "main", p->place[i]);
    const char *path = of3_arena_printf(p->arena, "%s/%s.%s", folder, d->file, ending_of(d));
    if (!folder || !path) return of3_fail_memory(err, "a path");
    if (has_bytes(path)) *(hits ? &s->hits : &s->msa_folder) = hits ? path : folder;
  }
  return OF3_OK;
}

static of3_status prepare(planner *p, of3_error *err) {
  p->room = p->n_sequence * p->databases->n + p->databases->n;
  p->task = OF3_ARENA_NEW(p->arena, of3_search_task, p->room);
  p->msa_task = OF3_ARENA_NEW(p->arena, int, p->n_sequence);
  p->msa = OF3_ARENA_NEW(p->arena, const char *, p->n_sequence);
  p->msa_database = OF3_ARENA_NEW(p->arena, const of3_database *, p->n_sequence);
  p->place = OF3_ARENA_NEW(p->arena, const char *, p->n_sequence);
  if (!p->task || !p->msa_task || !p->msa || !p->msa_database || !p->place)
    return of3_fail_memory(err, "searches");
  for (int i = 0; i < p->n_sequence; i++) {
    of3_sha256 sha;
    char hex[OF3_SHA256_HEX];
    of3_sha256_init(&sha);
    of3_sha256_add(&sha, p->sequence[i].letters, strlen(p->sequence[i].letters));
    of3_sha256_hex(&sha, hex);
    p->place[i] = of3_arena_printf(p->arena, "%s%s", p->sequence[i].type == OF3_RNA ? "rna-" : "", hex);
    if (!p->place[i]) return of3_fail_memory(err, "a path");
    p->msa_task[i] = -1;
  }
  return OF3_OK;
}

of3_status of3_search_run(const of3_databases *databases, const of3_search_options *options,
                          of3_search_sequence *sequence, int n, of3_arena *arena, of3_search_counts *counts,
                          of3_error *err) {
  planner p = {.databases = databases,
               .options = options,
               .sequence = sequence,
               .n_sequence = n,
               .arena = arena,
               .counts = counts};
  *counts = (of3_search_counts){0};
  const char *work = of3_arena_printf(arena, "%s/.of3-search", options->folder);
  if (!work) return of3_fail_memory(err, "a path");
  OF3_TRY(prepare(&p, err));
  OF3_TRY(plan_all(&p, err));
  OF3_TRY(of3_task_remove_others(work, p.task, p.n_task, err)); /* of a process that was killed */
  const of3_status status = of3_schedule(p.task, p.n_task, options, sequence, counts, err);
  if (status != OF3_ERR_CANCELLED) of3_remove_tree(work);
  for (int i = 0; status == OF3_OK && i < n; i++) OF3_TRY(collect(&p, i, err));
  return status;
}
