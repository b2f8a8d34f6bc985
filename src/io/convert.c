#define _POSIX_C_SOURCE 200809L
#include "io/convert.h"

#include <string.h>
#include <sys/stat.h>

#include "io/checkpoint.h"

enum { PIECE = 16384 }; /* elements converted at a time */

typedef struct converter {
  const of3_table *from;
  of3_cancel *cancel;
  void *user;
} converter;

/* ---- numbers ---- */

static float convert_load(of3_dtype t, const void *data, int64_t i) {
  switch (t) {
  case OF3_F16:
    return of3_f16_to_f32(((const uint16_t *)data)[i]);
  case OF3_BF16:
    return of3_bf16_to_f32(((const uint16_t *)data)[i]);
  case OF3_F64:
    return (float)((const double *)data)[i];
  default:
    return ((const float *)data)[i];
  }
}

static void convert_piece(const of3_entry *from, int64_t at, int n, of3_dtype to, void *out) {
  for (int i = 0; i < n; i++) {
    float x = convert_load(from->dtype, from->data, at + i);
    if (to == OF3_BF16)
      ((uint16_t *)out)[i] = of3_f32_to_bf16(x);
    else
      ((float *)out)[i] = x;
  }
}

/* ---- tensors ---- */

static bool is_float(of3_dtype t) { return t == OF3_F32 || t == OF3_BF16 || t == OF3_F16 || t == OF3_F64; }

/* The version and the Fourier constants of AF3 SI Alg. 22. */
static bool stays_f32(const char *name) {
  return strcmp(name, "version_tensor") == 0 || strstr(name, ".fourier_emb.") != NULL;
}

static of3_dtype target_of(const of3_entry *e, of3_dtype dtype) {
  if (!is_float(e->dtype)) return e->dtype;
  return stays_f32(e->name) ? OF3_F32 : dtype;
}

static of3_status convert_put(void *user, FILE *f, const of3_entry *to, of3_error *err) {
  converter *c = user;
  if (c->cancel && c->cancel(c->user))
    return of3_fail(err, OF3_ERR_CANCELLED, "the conversion was interrupted; nothing was written");
  const of3_entry *from = of3_table_find(c->from, to->name);
  size_t size = of3_dtype_size(to->dtype);
  if (from->dtype == to->dtype) {
    fwrite(from->data, size, (size_t)from->count, f);
  } else {
    union {
      float f32[PIECE];
      uint16_t bf16[PIECE];
    } piece;
    for (int64_t at = 0; at < from->count && !ferror(f); at += PIECE) {
      int n = from->count - at < PIECE ? (int)(from->count - at) : PIECE;
      convert_piece(from, at, n, to->dtype, &piece);
      fwrite(&piece, size, (size_t)n, f);
    }
  }
  of3_table_release(c->from, from); /* so that the process stays small */
  return OF3_OK;
}

/* ---- files ---- */

/* Through whatever links: the map being read would change under the reader. */
static of3_status check_output(const char *in, const char *out, of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  const char *file = NULL;
  struct stat a, b;
  if (!arena) return of3_fail_memory(err, "a path");
  of3_status status = of3_checkpoint_locate(in, arena, &file, err);
  if (status == OF3_OK && stat(file, &a) == 0 && stat(out, &b) == 0 && a.st_dev == b.st_dev &&
      a.st_ino == b.st_ino)
    status = of3_fail(err, OF3_ERR_USAGE, "'%s' is the file that is read; name another output", out);
  of3_arena_free(arena);
  if (status == OF3_OK && of3_is_folder(out))
    status = of3_fail(err, OF3_ERR_USAGE, "'%s' is a folder; name an output file", out);
  return status;
}

static of3_status convert_write_all(const of3_checkpoint *from, const char *out, of3_dtype dtype,
                                    converter *c, of3_converted *done, of3_error *err) {
  const of3_table *t = &from->weights;
  of3_arena *arena = of3_arena_new(0);
  of3_entry *entry = arena ? OF3_ARENA_NEW(arena, of3_entry, t->n) : NULL;
  const char **meta = entry ? OF3_ARENA_NEW(arena, const char *, 2 * (size_t)t->n_meta) : NULL;
  of3_status status = meta ? OF3_OK : of3_fail_memory(err, "a table of tensors");
  *done = (of3_converted){.n_tensor = t->n, .n_skipped = from->n_skipped, .bytes_in = from->file_bytes};
  for (int i = 0; meta && i < t->n; i++) {
    entry[i] = t->entry[i];
    entry[i].dtype = target_of(&t->entry[i], dtype);
  }
  for (int i = 0; meta && i < t->n_meta; i++) {
    meta[2 * i] = t->meta_key[i];
    meta[2 * i + 1] = t->meta_value[i];
  }
  if (meta) status = of3_safetensors_stream(out, entry, t->n, meta, t->n_meta, convert_put, c, err);
  of3_arena_free(arena);
  struct stat st;
  if (status == OF3_OK && stat(out, &st) == 0) done->bytes_out = (uint64_t)st.st_size;
  return status;
}

of3_status of3_checkpoint_convert(const char *in, const char *out, of3_dtype dtype, of3_cancel *opt_cancel,
                                  void *user, of3_converted *opt_done, of3_error *err) {
  of3_checkpoint from = {0};
  of3_converted done = {0};
  if (dtype != OF3_F32 && dtype != OF3_BF16)
    return of3_fail(err, OF3_ERR_USAGE, "checkpoints are converted to f32 or bf16, not to %s",
                    of3_dtype_name(dtype));
  OF3_TRY(check_output(in, out, err));
  OF3_TRY(of3_checkpoint_open(in, &from, err));
  converter c = {.from = &from.weights, .cancel = opt_cancel, .user = user};
  of3_status status = convert_write_all(&from, out, dtype, &c, &done, err);
  of3_checkpoint_close(&from);
  if (status == OF3_OK && opt_done) *opt_done = done;
  return status;
}
