#define _POSIX_C_SOURCE 200809L
#include "io/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/le.h"
#include "io/table_build.h"

enum { MAX_LATEST = 4096 };

/* ---- DeepSpeed folders ---- */

static bool ends_with(const char *text, const char *tail) {
  size_t n = strlen(text), m = strlen(tail);
  return n >= m && strcmp(text + n - m, tail) == 0;
}

/* The tag folder that `latest` names: one line, a plain name. */
static of3_status read_latest(const char *folder, of3_arena *arena, const char **ret_tag, of3_error *err) {
  char *text = NULL;
  size_t n = 0;
  const char *path = of3_path_join(arena, folder, "latest");
  if (!path) return of3_fail_memory(err, "a path");
  if (!of3_is_file(path))
    return of3_fail(
        err, OF3_ERR_INPUT,
        "the folder '%s' is no DeepSpeed checkpoint: it has no file 'latest'; name a checkpoint file",
        folder);
  OF3_TRY(of3_read_file(path, MAX_LATEST, arena, &text, &n, err));
  n = strcspn(text, "\r\n");
  text[n] = 0;
  if (n == 0 || strchr(text, '/') || strcmp(text, "..") == 0)
    return of3_fail(err, OF3_ERR_INPUT, "'%s' should hold the name of a folder beside it, but holds '%.100s'",
                    path, text);
  const char *tag = of3_path_join(arena, folder, text);
  if (!tag) return of3_fail_memory(err, "a path");
  *ret_tag = tag;
  return OF3_OK;
}

/* The one *model_states.pt of the tag folder. */
static of3_status find_states(const char *tag, of3_arena *arena, const char **ret_file, of3_error *err) {
  static const char TAIL[] = "model_states.pt";
  int found = 0;
  bool memory = true;
  DIR *d = opendir(tag);
  if (!d)
    return of3_fail(err, OF3_ERR_INPUT, "cannot read the folder '%s' that 'latest' names: %s", tag,
                    strerror(errno));
  for (struct dirent *e; memory && (e = readdir(d));) {
    if (!ends_with(e->d_name, TAIL)) continue;
    *ret_file = of3_path_join(arena, tag, e->d_name);
    memory = *ret_file != NULL;
    found++;
  }
  closedir(d);
  if (!memory) return of3_fail_memory(err, "a path");
  if (found == 1) return OF3_OK;
  return of3_fail(err, found ? OF3_ERR_UNSUPPORTED : OF3_ERR_INPUT,
                  "the folder '%s' has %d files *%s; exactly one is expected%s", tag, found, TAIL,
                  found ? " (join the parts with DeepSpeed's zero_to_fp32.py)" : "");
}

of3_status of3_checkpoint_locate(const char *path, of3_arena *arena, const char **ret_file, of3_error *err) {
  const char *tag = NULL;
  if (of3_is_folder(path)) {
    OF3_TRY(read_latest(path, arena, &tag, err));
    return find_states(tag, arena, ret_file, err);
  }
  *ret_file = of3_arena_strdup(arena, path);
  return *ret_file ? OF3_OK : of3_fail_memory(err, "a path");
}

/* ---- content ---- */

static bool starts_with(const uint8_t *bytes, size_t size, const char *magic) {
  size_t n = strlen(magic);
  return size >= n && memcmp(bytes, magic, n) == 0;
}

/* What users mistake for a checkpoint, by its first bytes. */
static of3_status checkpoint_refuse(const uint8_t *bytes, size_t size, of3_error *err) {
  static const struct {
    const char *magic, *what;
  } KNOWN[] = {
      {"\x80\x02",
       "a torch file from before version 1.6 or a bare pickle; load it and save it again with a newer torch"},
      {"version https://git-lfs", "a pointer of Git LFS; run 'git lfs pull'"},
      {"<", "a web page or XML; download the file again"},
      {"\x1f\x8b", "compressed by gzip; unpack it first"},
      {"", "neither a torch archive nor safetensors"},
  };
  if (size == 0) return of3_fail(err, OF3_ERR_INPUT, "this is no checkpoint: the file is empty");
  int k = 0;
  while (!starts_with(bytes, size, KNOWN[k].magic)) k++;
  return of3_fail(err, OF3_ERR_INPUT, "this is no checkpoint: it is %s", KNOWN[k].what);
}

/* What a training keeps beside the weights (docs/training.md). */
static bool is_state(const char *name) { return strncmp(name, "training/", strlen("training/")) == 0; }

/* Weights of a safetensors file: names shortened, second denoiser and state of a training dropped. */
static of3_status parse_safetensors(const uint8_t *bytes, size_t size, size_t most_memory,
                                    of3_checkpoint *out, of3_error *err) {
  of3_table *t = &out->weights;
  out->format = OF3_FORMAT_SAFETENSORS;
  out->layout = "flat";
  OF3_TRY(of3_safetensors_parse_within(bytes, size, most_memory, t, err));
  int kept = 0;
  for (int i = 0; i < t->n; i++) {
    of3_entry e = t->entry[i];
    if (is_state(e.name)) continue;
    e.name = of3_weight_name(e.name);
    if (e.name) {
      t->entry[kept++] = e;
      continue;
    }
    out->n_skipped++;
    out->skipped_bytes += (uint64_t)e.count * of3_dtype_size(e.dtype);
  }
  t->n = kept;
  return of3_table_finish(t, err);
}

static of3_status parse_torch(const uint8_t *bytes, size_t size, size_t most_memory, of3_checkpoint *out,
                              of3_error *err) {
  out->format = OF3_FORMAT_TORCH;
  out->weights.arena = of3_arena_new(0);
  if (!out->weights.arena) return of3_fail_memory(err, "a table of tensors");
  of3_arena_limit(out->weights.arena, most_memory);
  return of3_torch_parse(bytes, size, out, err);
}

/* A safetensors file starts with the length of a JSON object; that of 8 bytes and a brace is told from
 * anything else. */
static bool looks_like_safetensors(const uint8_t *bytes, size_t size) {
  return size > 8 && bytes[8] == '{' && of3_le64(bytes) <= UINT32_MAX;
}

static of3_status parse(const uint8_t *bytes, size_t size, size_t most_memory, of3_checkpoint *out,
                        of3_error *err) {
  out->file_bytes = size;
  if (starts_with(bytes, size, "PK"))
    OF3_TRY(parse_torch(bytes, size, most_memory, out, err));
  else if (looks_like_safetensors(bytes, size))
    OF3_TRY(parse_safetensors(bytes, size, most_memory, out, err));
  else
    return checkpoint_refuse(bytes, size, err);
  return out->weights.n > 0 ? OF3_OK : of3_fail(err, OF3_ERR_INPUT, "this checkpoint holds no tensors");
}

of3_status of3_checkpoint_parse(const uint8_t *bytes, size_t size, size_t most_memory, of3_checkpoint *out,
                                of3_error *err) {
  *out = (of3_checkpoint){0};
  of3_status status = parse(bytes, size, most_memory, out, err);
  if (status != OF3_OK) of3_checkpoint_close(out);
  return status;
}

/* Headers lie scattered over the file: reading ahead would fetch all of it. */
static of3_status open_file(const char *file, size_t most_memory, of3_checkpoint *out, of3_error *err) {
  of3_map map = {0};
  OF3_TRY(of3_map_open(file, &map, err));
  if (map.size) posix_madvise((void *)(uintptr_t)map.data, map.size, POSIX_MADV_RANDOM);
  of3_status status = of3_checkpoint_parse(map.data, map.size, most_memory, out, err);
  if (status != OF3_OK) {
    of3_map_close(&map);
    return of3_prefix(err, "'%s'", file);
  }
  if (map.size) posix_madvise((void *)(uintptr_t)map.data, map.size, POSIX_MADV_NORMAL);
  out->weights.map = map;
  return OF3_OK;
}

of3_status of3_checkpoint_open(const char *path, size_t most_memory, of3_checkpoint *out, of3_error *err) {
  const char *file = NULL;
  *out = (of3_checkpoint){0};
  of3_arena *arena = of3_arena_new(0);
  if (!arena) return of3_fail_memory(err, "a path");
  of3_status status = of3_checkpoint_locate(path, arena, &file, err);
  if (status == OF3_OK) status = open_file(file, most_memory, out, err);
  if (status == OF3_ERR_MEMORY && most_memory < SIZE_MAX)
    status =
        of3_fail(err, OF3_ERR_MEMORY,
                 "'%s': its table of tensors takes more memory to read than the %.1f MB that may be used; "
                 "allow more memory",
                 path, (double)most_memory * 1e-6);
  if (status == OF3_OK && of3_is_folder(path)) out->format = OF3_FORMAT_DEEPSPEED;
  of3_arena_free(arena);
  return status;
}

void of3_checkpoint_close(of3_checkpoint *c) {
  of3_table_close(&c->weights);
  *c = (of3_checkpoint){0};
}
