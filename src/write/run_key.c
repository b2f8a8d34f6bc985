#define _POSIX_C_SOURCE 200809L
#include "write/run_key.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/sha256.h"
#include "base/str.h"
#include "feat/template_files.h"

/* Every field enters with its length, so that no two inputs give the same bytes */

static void key_add_number(of3_sha256 *s, uint64_t v) {
  uint8_t bytes[8];
  for (int k = 0; k < 8; k++) bytes[k] = (uint8_t)(v >> (8 * k));
  of3_sha256_add(s, bytes, sizeof bytes);
}

static void key_add_text(of3_sha256 *s, const char *text) {
  size_t n = text ? strlen(text) : 0;
  key_add_number(s, n);
  of3_sha256_add(s, text ? text : "", n);
}

/* Name without folder, size, content: the name decides the order of an alignment's rows. */
static of3_status key_add_file(of3_sha256 *s, const char *path, const of3_run_inputs *in, of3_error *err) {
  char hash[OF3_SHA256_HEX];
  uint64_t size = 0;
  OF3_TRY(of3_file_hash(in->opt_files, path, in->opt_cancel, hash, &size, err));
  key_add_text(s, of3_path_name(path));
  key_add_number(s, size);
  key_add_text(s, hash);
  return OF3_OK;
}

/* Of an alignment, a template or components in the query itself, which may be long: size and hash. */
static of3_status key_add_long_text(of3_sha256 *s, const char *opt_text, const of3_run_inputs *in,
                                    of3_error *err) {
  char hash[OF3_SHA256_HEX];
  uint64_t size = 0;
  key_add_number(s, opt_text != NULL);
  if (!opt_text) return OF3_OK;
  OF3_TRY(of3_text_hash(in->opt_files, opt_text, hash, &size, err));
  key_add_number(s, size);
  key_add_text(s, hash);
  return OF3_OK;
}

static int key_compare_names(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of the entries of a folder, sorted, in the arena. */
static of3_status key_list_folder(const char *folder, of3_arena *arena, char ***ret_name, int *ret_n,
                                  of3_error *err) {
  DIR *d = opendir(folder);
  if (!d) return of3_fail(err, OF3_ERR_IO, "cannot open the folder '%s': %s", folder, strerror(errno));
  char **name = NULL;
  int n = 0, cap = 0;
  bool ok = true;
  for (struct dirent *e; ok && (e = readdir(d)) != NULL;) {
    if (n == cap) {
      char **more = OF3_ARENA_NEW(arena, char *, cap = 2 * cap + 16);
      ok = more != NULL;
      if (ok && n) memcpy(more, name, (size_t)n * sizeof *name);
      name = more;
    }
    if (ok) ok = (name[n++] = of3_arena_strdup(arena, e->d_name)) != NULL;
  }
  closedir(d);
  if (!ok) return of3_fail_memory(err, folder);
  if (n) qsort(name, (size_t)n, sizeof *name, key_compare_names);
  *ret_name = name;
  *ret_n = n;
  return OF3_OK;
}

static of3_status key_add_folder(of3_sha256 *s, const char *folder, const of3_run_inputs *in,
                                 of3_arena *arena, of3_error *err) {
  char **name = NULL;
  int n = 0;
  OF3_TRY(key_list_folder(folder, arena, &name, &n, err));
  for (int k = 0; k < n; k++) {
    char *path = of3_path_join(arena, folder, name[k]);
    if (!path) return of3_fail_memory(err, folder);
    if (of3_is_file(path)) OF3_TRY(key_add_file(s, path, in, err));
  }
  return OF3_OK;
}

static void key_add_opt_text(of3_sha256 *s, const char *opt_text) {
  key_add_number(s, opt_text != NULL);
  if (opt_text) key_add_text(s, opt_text);
}

static void key_add_atom(of3_sha256 *s, const of3_query_atom *a) {
  key_add_text(s, a->chain);
  key_add_number(s, (uint64_t)a->residue);
  key_add_opt_text(s, a->name);
}

static of3_status key_add_paths(of3_sha256 *s, const char *const *path, int n, const of3_run_inputs *in,
                                of3_arena *arena, of3_error *err) {
  key_add_number(s, (uint64_t)n);
  for (int i = 0; i < n; i++)
    OF3_TRY(of3_is_folder(path[i]) ? key_add_folder(s, path[i], in, arena, err)
                                   : key_add_file(s, path[i], in, err));
  return OF3_OK;
}

/* Those that the hits of a chain name. */
static of3_status key_add_structures(of3_sha256 *s, const of3_query_chain *c, const of3_run_inputs *in,
                                     of3_arena *arena, of3_error *err) {
  const char *const *path = NULL;
  int n = 0;
  if (!in->opt_structures || !c->template_hits) return OF3_OK;
  OF3_TRY(of3_template_files(c, in->opt_structures, in->opt_settings, arena, &path, &n, err));
  return key_add_paths(s, path, n, in, arena, err);
}

static of3_status key_add_templates(of3_sha256 *s, const of3_query_chain *c, const of3_run_inputs *in,
                                    of3_error *err) {
  key_add_number(s, (uint64_t)c->n_template);
  for (int i = 0; i < c->n_template; i++) {
    const of3_template_source *t = &c->template_[i];
    OF3_TRY(key_add_long_text(s, t->opt_text, in, err));
    if (!t->opt_text) OF3_TRY(key_add_file(s, t->path, in, err));
    key_add_opt_text(s, t->opt_chain);
    key_add_number(s, (uint64_t)t->n_pair << 1 | t->mapped);
    for (int k = 0; k < t->n_pair; k++) {
      key_add_number(s, (uint64_t)t->pair[k].query);
      key_add_number(s, (uint64_t)t->pair[k].template_);
    }
  }
  return OF3_OK;
}

static of3_status key_add_chain(of3_sha256 *s, const of3_query_chain *c, const of3_run_inputs *in,
                                of3_arena *arena, of3_error *err) {
  key_add_number(s, (uint64_t)c->type);
  key_add_number(s, (uint64_t)c->n_id);
  for (int i = 0; i < c->n_id; i++) key_add_text(s, c->id[i]);
  key_add_opt_text(s, c->sequence);
  key_add_number(s, (uint64_t)c->n_code);
  for (int i = 0; i < c->n_code; i++) key_add_text(s, c->code[i]);
  key_add_opt_text(s, c->smiles);
  key_add_opt_text(s, c->name);
  key_add_opt_text(s, c->sdf_text);
  key_add_number(s, c->sdf_path && !c->sdf_text);
  if (c->sdf_path && !c->sdf_text) OF3_TRY(key_add_file(s, c->sdf_path, in, err));
  key_add_number(s, (uint64_t)c->number_shift);
  key_add_number(s, (uint64_t)c->cyclic | (uint64_t)c->n_modified << 1);
  for (int i = 0; i < c->n_modified; i++) {
    key_add_number(s, (uint64_t)c->modified[i].position);
    key_add_text(s, c->modified[i].code);
  }
  key_add_number(s, c->no_msa);
  OF3_TRY(key_add_paths(s, c->msa_path, c->n_msa, in, arena, err));
  OF3_TRY(key_add_paths(s, c->paired_path, c->n_paired, in, arena, err));
  OF3_TRY(key_add_paths(s, &c->template_hits, c->template_hits != NULL, in, arena, err));
  OF3_TRY(key_add_templates(s, c, in, err));
  OF3_TRY(key_add_structures(s, c, in, arena, err));
  key_add_number(s, (uint64_t)c->n_msa_text);
  for (int i = 0; i < c->n_msa_text; i++) {
    key_add_text(s, c->msa_text[i].key);
    OF3_TRY(key_add_long_text(s, c->msa_text[i].text, in, err));
  }
  return OF3_OK;
}

static void key_add_pocket(of3_sha256 *s, const of3_query_pocket *opt_pocket) {
  key_add_number(s, opt_pocket != NULL);
  if (!opt_pocket) return;
  uint64_t distance;
  memcpy(&distance, &opt_pocket->max_distance, sizeof distance);
  key_add_text(s, opt_pocket->ligand);
  key_add_number(s, distance);
  key_add_number(s, (uint64_t)opt_pocket->n_residue);
  for (int i = 0; i < opt_pocket->n_residue; i++) key_add_atom(s, &opt_pocket->residue[i]);
}

static of3_status key_add_query(of3_sha256 *s, const of3_run_inputs *in, of3_arena *arena, of3_error *err) {
  const of3_query *q = in->query;
  key_add_text(s, q->name);
  key_add_number(s, (uint64_t)q->use_msas | (uint64_t)q->use_main_msas << 1 |
                        (uint64_t)q->use_paired_msas << 2 | (uint64_t)q->infer_leaving << 3);
  key_add_number(s, (uint64_t)q->n_chain);
  for (int k = 0; k < q->n_chain; k++) OF3_TRY(key_add_chain(s, &q->chain[k], in, arena, err));
  key_add_number(s, (uint64_t)q->n_bond);
  for (int k = 0; k < q->n_bond; k++) {
    key_add_atom(s, &q->bond[k].a);
    key_add_atom(s, &q->bond[k].b);
  }
  key_add_number(s, (uint64_t)q->n_leaving);
  for (int k = 0; k < q->n_leaving; k++) key_add_atom(s, &q->leaving[k]);
  key_add_pocket(s, q->pocket);
  return key_add_long_text(s, q->components, in, err);
}

of3_status of3_run_key(const of3_run_inputs *in, char ret_key[OF3_KEY_TEXT], of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  if (!arena) return of3_fail_memory(err, "the query");
  of3_sha256 s;
  of3_sha256_init(&s);
  key_add_text(&s, in->version);
  key_add_text(&s, in->checkpoint);
  key_add_text(&s, in->options);
  key_add_opt_text(&s, in->opt_chemistry);
  of3_status status = key_add_query(&s, in, arena, err);
  of3_sha256_hex(&s, ret_key);
  of3_arena_free(arena);
  return status;
}
