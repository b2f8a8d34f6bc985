/* A folder of structures becomes a training set: each file on its own, in the order of names.
 *
 *   file -> structure -> filters -> clean-up -> entry -> complex (does all of it fit together?) -> set
 *
 * What cannot be used is left out with a line of the log and counted; the set is as good without it. */
#include "data/build_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/gzip.h"
#include "data/build_parts.h"
#include "feat/build.h"

typedef struct set_builder {
  const of3_set_options *o;
  of3_set_writer *writer;
  of3_set_counts *counts;
  cluster_table clusters;
} set_builder;

/* The name of the entry in a file's; 0: it is no structure. */
static size_t entry_of_file(const char *file) {
  static const char *const endings[] = {".cif", ".cif.gz", ".bcif", ".bcif.gz"};
  const size_t n = strlen(file);
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
    const size_t k = strlen(endings[i]);
    if (n > k && strcmp(file + n - k, endings[i]) == 0) return n - k;
  }
  return 0;
}

/* ---- Filters */

/* Why the structure is left out, or NULL. */
static const char *why_filtered(const of3_set_options *o, const of3_structure *s) {
  int polymers = 0;
  for (int i = 0; i < s->n_chain; i++) polymers += s->chain[i].polymer;
  if (polymers > o->most_chains) return "it has too many chains";
  if (s->resolution > 0 && (double)s->resolution > o->worst_resolution) return "its resolution is worse";
  if ((o->from || o->until) && !s->released[0]) return "it has no date";
  if (o->from && strcmp(s->released, o->from) < 0) return "it is older";
  if (o->until && strcmp(s->released, o->until) > 0) return "it is newer";
  return NULL;
}

/* ---- Alignments */

static of3_status read_text(set_builder *b, const char *path, of3_arena *arena, of3_msa_text *out,
                            of3_error *err) {
  const char *name = of3_path_name(path);
  const size_t n = strlen(name);
  const bool packed = n > 3 && strcmp(name + n - 3, ".gz") == 0;
  char *text;
  size_t size;
  if (packed)
    OF3_TRY(of3_gunzip(path, b->o->most_memory, b->o->opt_cancel, arena, &text, &size, err));
  else
    OF3_TRY(of3_read_file(path, b->o->most_memory, arena, &text, &size, err));
  if (memchr(text, 0, size)) return of3_fail(err, OF3_ERR_INPUT, "'%s' is no text: it has a byte 0", path);
  out->text = text;
  out->key = of3_arena_strndup(arena, name, n - (packed ? strlen(".a3m.gz") : strlen(".a3m")));
  return out->key ? OF3_OK : of3_fail_memory(err, path);
}

static bool is_a3m(const char *name) {
  const size_t n = strlen(name);
  return (n > 4 && strcmp(name + n - 4, ".a3m") == 0) || (n > 7 && strcmp(name + n - 7, ".a3m.gz") == 0);
}

static of3_status add_texts(set_builder *b, const char *folder, of3_arena *arena, of3_query_chain *c,
                            of3_error *err) {
  const char **name;
  int n;
  OF3_TRY(of3_list_folder(folder, arena, &name, &n, err));
  c->msa_text = OF3_ARENA_NEW(arena, of3_msa_text, n);
  if (!c->msa_text) return of3_fail_memory(err, folder);
  for (int i = 0; i < n; i++) {
    const char *path = of3_path_join(arena, folder, name[i]);
    if (!path) return of3_fail_memory(err, folder);
    if (is_a3m(name[i])) OF3_TRY(read_text(b, path, arena, &c->msa_text[c->n_msa_text++], err));
  }
  return OF3_OK;
}

/* Files <entry>_<chain>.a3m and .a3m.gz, or what is in a folder of that name. */
static of3_status add_alignments(set_builder *b, of3_set_entry *e, of3_arena *arena, of3_error *err) {
  for (int i = 0; b->o->alignments && i < e->query.n_chain; i++) {
    of3_query_chain *c = &e->query.chain[i];
    if (c->type != OF3_PROTEIN && c->type != OF3_RNA) continue;
    const char *stem = of3_arena_printf(arena, "%s/%s_%s", b->o->alignments, e->query.name, c->id[0]);
    const char *plain = of3_arena_printf(arena, "%s.a3m", stem),
               *packed = of3_arena_printf(arena, "%s.gz", plain);
    if (!stem || !plain || !packed) return of3_fail_memory(err, "an entry");
    if (of3_is_folder(stem)) {
      OF3_TRY(add_texts(b, stem, arena, c, err));
      continue;
    }
    const char *path = of3_is_file(plain) ? plain : of3_is_file(packed) ? packed : NULL;
    if (!path) continue;
    c->msa_text = OF3_ARENA_NEW(arena, of3_msa_text, 1);
    if (!c->msa_text) return of3_fail_memory(err, path);
    OF3_TRY(read_text(b, path, arena, &c->msa_text[c->n_msa_text++], err));
  }
  return OF3_OK;
}

/* ---- One file */

/* Into the set, with what a look at its complex tells. */
static of3_status add_entry(set_builder *b, const of3_set_entry *e, const of3_complex *c, of3_arena *arena,
                            of3_error *err) {
  float *xyz = OF3_ARENA_NEW(arena, float, 3 * (size_t)c->n_atom);
  bool *resolved = OF3_ARENA_NEW(arena, bool, c->n_atom);
  const char **cluster = OF3_ARENA_NEW(arena, const char *, e->query.n_chain);
  of3_tokens tokens;
  int32_t *touching = NULL;
  int n_touching = 0, n_resolved = 0;
  if (!xyz || !resolved || !cluster) return of3_fail_memory(err, "an entry");
  of3_set_entry_place(e, c, xyz, resolved);
  for (int a = 0; a < c->n_atom; a++) n_resolved += resolved[a];
  if (!n_resolved) return of3_fail(err, OF3_ERR_INPUT, "no atom has coordinates");
  for (int i = 0; i < e->query.n_chain; i++)
    cluster[i] = of3_cluster_of(&b->clusters, e->query.name, e->query.chain[i].id[0]);
  OF3_TRY(of3_tokens_build(c, &tokens, err));
  of3_status status = of3_touching_chains(c, xyz, resolved, &touching, &n_touching, err);
  if (status == OF3_OK) status = of3_set_add(b->writer, e, tokens.n, cluster, touching, n_touching, err);
  if (status == OF3_OK) {
    b->counts->entries++;
    b->counts->chains += e->query.n_chain;
    b->counts->tokens += tokens.n;
    b->counts->atoms += c->n_atom;
    b->counts->resolved += n_resolved;
  }
  free(touching);
  of3_tokens_free(&tokens);
  return status;
}

static void tell_clean_up(const set_builder *b, const char *name, const of3_clean_counts *n) {
  const int chains = n->small_chains + n->unknown_chains + n->clashing_chains + n->broken_chains;
  if (chains || n->foreign_atoms)
    of3_logf(b->o->opt_log, OF3_LOG_DEBUG,
             "%s: %d chains were taken out (%d of three residues or fewer, %d of unknown residues, %d that "
             "clash, %d "
             "with breaks), and %d atoms that components do not have",
             name, chains, n->small_chains, n->unknown_chains, n->clashing_chains, n->broken_chains,
             n->foreign_atoms);
}

/* *ret_filtered: it is left out by a filter. */
static of3_status use_file(set_builder *b, const char *path, const char *name, of3_arena *arena,
                           const char **ret_filtered, of3_error *err) {
  of3_structure structure;
  of3_clean clean;
  of3_clean_counts counts;
  of3_set_entry entry;
  of3_complex complex;
  of3_error *e = err;
  OF3_TRY(of3_structure_read(path, b->o->most_memory, b->o->opt_cancel, arena, &structure, e));
  *ret_filtered = why_filtered(b->o, &structure);
  if (*ret_filtered) return OF3_OK;
  OF3_TRY(of3_structure_clean(&structure, b->o->library, b->o->opt_cancel, arena, &clean, &counts, e));
  tell_clean_up(b, name, &counts);
  OF3_TRY(of3_set_entry_of_structure(name, &clean, arena, &entry, e));
  OF3_TRY(add_alignments(b, &entry, arena, e));
  OF3_TRY(of3_set_entry_build(&entry, b->o->library, arena, &complex, e));
  const of3_status status = add_entry(b, &entry, &complex, arena, e);
  of3_complex_free(&complex);
  return status;
}

static bool ends_all(of3_status status) {
  return status != OF3_OK && status != OF3_ERR_INPUT && status != OF3_ERR_UNSUPPORTED;
}

static of3_status try_file(set_builder *b, const char *file, size_t n_name, of3_error *err) {
  of3_error why = {0};
  const char *filtered = NULL;
  of3_arena *arena = of3_arena_new(0);
  if (!arena) return of3_fail_memory(err, file);
  of3_arena_limit(arena, b->o->most_memory);
  const char *path = of3_path_join(arena, b->o->folder, file), *name = of3_arena_strndup(arena, file, n_name);
  of3_status status =
      path && name ? use_file(b, path, name, arena, &filtered, &why) : of3_fail_memory(&why, file);
  if (filtered) {
    of3_logf(b->o->opt_log, OF3_LOG_DEBUG, "%s is left out: %s", name, filtered);
    b->counts->filtered++;
  } else if (status != OF3_OK && !ends_all(status)) {
    of3_logf(b->o->opt_log, OF3_LOG_WARN, "%s is left out: %s", name, why.text);
    b->counts->failed++;
    status = OF3_OK;
  } else if (status != OF3_OK && err)
    *err = why;
  of3_arena_free(arena);
  return status;
}

/* ---- */

static of3_status build_all(set_builder *b, of3_arena *arena, of3_error *err) {
  const char **file;
  int n;
  OF3_TRY(of3_clusters_read(b->o->clusters, arena, &b->clusters, err));
  OF3_TRY(of3_list_folder(b->o->folder, arena, &file, &n, err));
  for (int i = 0; i < n; i++) {
    const size_t n_name = entry_of_file(file[i]);
    OF3_TRY(of3_go_on(b->o->opt_cancel, err));
    if (n_name) OF3_TRY(try_file(b, file[i], n_name, err));
  }
  if (b->counts->entries) return OF3_OK;
  return of3_fail(
      err, OF3_ERR_INPUT,
      "of the files in '%s' none could be used: %d were left out by filters, %d could not be read; files "
      "that end in .cif, .cif.gz, .bcif or .bcif.gz were expected",
      b->o->folder, b->counts->filtered, b->counts->failed);
}

of3_status of3_set_build(const of3_set_options *options, const char *path, of3_set_counts *counts,
                         of3_error *err) {
  set_builder b = {.o = options, .counts = counts};
  of3_arena *arena = of3_arena_new(0);
  *counts = (of3_set_counts){0};
  if (!arena) return of3_fail_memory(err, path);
  of3_status status = of3_set_create(path, &b.writer, err);
  if (status == OF3_OK) {
    status = build_all(&b, arena, err);
    if (status == OF3_OK)
      status = of3_set_finish(b.writer, err);
    else
      of3_set_abandon(b.writer);
  }
  of3_arena_free(arena);
  return status;
}
