#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "search/task.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "msa/alignment.h"

char *of3_task_path(const of3_search_task *t, const char *name) {
  return of3_arena_printf(t->arena, "%s/%s", t->work, name);
}

void of3_command_begin(const of3_search_task *t, of3_program program, of3_command *out) {
  *out = (of3_command){.program = program, .n = 1};
  out->argv[0] = t->databases->program[program];
  out->failed = !out->argv[0];
}

void of3_command_add(of3_command *c, const char *const *argument, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (c->n == OF3_MOST_ARGUMENTS || !argument[i])
      c->failed = true;
    else
      c->argv[c->n++] = argument[i];
  }
}

void of3_command_add_number(const of3_search_task *t, of3_command *c, const char *option, int n) {
  const char *text = of3_arena_printf(t->arena, "%d", n);
  OF3_ARGUMENTS(c, option, text);
}

of3_status of3_task_write_fasta(const of3_search_task *t, const char *name, const char *header,
                                const char *letters, of3_error *err) {
  const char *path = of3_task_path(t, name);
  const char *text = of3_arena_printf(t->arena, ">%s\n%s\n", header, letters);
  if (!path || !text) return of3_fail_memory(err, "a sequence");
  return of3_write_file(path, text, strlen(text), err);
}

/* ---- What comes of it */

static bool is_stockholm(const char *path) {
  const size_t n = strlen(path);
  return n > 4 && strcmp(path + n - 4, ".sto") == 0;
}

/* A program that was cut off says so by its exit code, a disk that was full by a file that cannot be read as
 * what it is: an alignment whose first row is the sequence. */
static of3_status check_alignment(const of3_search_task *t, const of3_search_file *f, const of3_map *map,
                                  of3_error *err) {
  const of3_search_sequence *s = &t->sequence[f->sequence];
  of3_arena *arena = of3_arena_new(0);
  of3_alignment a;
  const of3_alignment_want want = {.file = of3_path_name(f->path),
                                   .n_col = (int)strlen(s->letters),
                                   .most_rows = 1,
                                   .upper_case = true,
                                   .opt_sequence = s->letters,
                                   .opt_cancel = t->opt_cancel};
  if (!arena) return of3_fail_memory(err, "an alignment");
  const of3_status status =
      is_stockholm(f->path) ? of3_stockholm_parse((const char *)map->data, map->size, &want, arena, &a, err)
                            : of3_a3m_parse((const char *)map->data, map->size, &want, arena, &a, err);
  of3_arena_free(arena);
  return status;
}

static of3_status check_file(const of3_search_task *t, const of3_search_file *f, of3_error *err) {
  of3_map map = {0};
  OF3_TRY(of3_map_open(f->made, &map, err));
  of3_status status = is_stockholm(f->path) ? of3_stockholm_is_whole(&map, err) : OF3_OK;
  if (status == OF3_OK && !f->hits) status = check_alignment(t, f, &map, err);
  of3_map_close(&map);
  return status;
}

/* ---- Where it goes */

/* Makes the folder and writes "FOLDER/.NAME.key" for FOLDER/NAME. An older file goes first and the new one
 * comes last, so that a file never has another's key. */
static of3_status make_place(const of3_search_file *f, of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  const int n = (int)(of3_path_name(f->path) - f->path);
  const char *key = arena ? of3_arena_printf(arena, "%.*s.%s.key", n, f->path, f->path + n) : NULL;
  const char *folder = key ? of3_path_folder(arena, f->path) : NULL;
  of3_status status = folder ? of3_make_folder(folder, err) : of3_fail_memory(err, "a path");
  if (status == OF3_OK) unlink(f->path);
  if (status == OF3_OK) status = of3_write_file(key, f->key.hex, strlen(f->key.hex), err);
  of3_arena_free(arena);
  return status;
}

of3_status of3_search_put_file(const of3_search_file *f, const void *bytes, size_t n, of3_error *err) {
  OF3_TRY(make_place(f, err));
  return of3_write_file(f->path, bytes, n, err);
}

static of3_status keep_in_store(const of3_search_file *f, of3_cache *opt_cache, of3_error *err) {
  of3_map map = {0};
  if (!opt_cache) return OF3_OK;
  OF3_TRY(of3_map_open(f->made, &map, err));
  const of3_cache_file file = {of3_path_name(f->path), map.data, map.size};
  const of3_status status = of3_cache_put(opt_cache, &f->request, &file, 1, err);
  of3_map_close(&map);
  return status;
}

of3_status of3_task_finish(const of3_search_task *t, const of3_search_options *o, of3_error *err) {
  for (int i = 0; i < t->n_file; i++) {
    const of3_search_file *f = &t->file[i];
    if (f->is_there) continue;
    OF3_TRY(check_file(t, f, err));
    OF3_TRY(keep_in_store(f, o->opt_cache, err));
    OF3_TRY(make_place(f, err));
    if (rename(f->made, f->path) != 0)
      return of3_fail(err, OF3_ERR_IO, "cannot rename '%s' to '%s'", f->made, f->path);
    of3_logf(o->opt_log, OF3_LOG_DEBUG, "made '%s'", f->path);
  }
  return OF3_OK;
}

/* ---- Folders */

static void remove_in(int parent, const char *name, int depth) {
  enum { MOST_DEPTH = 16 };
  if (unlinkat(parent, name, 0) == 0 || depth == MOST_DEPTH) return;
  const int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
  if (!d) {
    if (fd >= 0) close(fd);
    return;
  }
  for (struct dirent *e; (e = readdir(d)) != NULL;)
    if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) remove_in(fd, e->d_name, depth + 1);
  closedir(d);
  unlinkat(parent, name, AT_REMOVEDIR);
}

void of3_remove_tree(const char *path) { remove_in(AT_FDCWD, path, 0); }
