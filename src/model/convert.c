#define _POSIX_C_SOURCE 200809L
#include "model/convert.h"

#include <sys/stat.h>

#include "io/checkpoint.h"
#include "model/network.h"

typedef struct converter {
  of3_checkpoint from;
  of3_ctx cx;
  of3_network net;
  of3_cancel *opt_cancel;
  const of3_parameter *before; /* written last */
  uint64_t size;               /* of the file written */
} converter;

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

/* Before a tensor is written; the mapped pages of the one before it are given back, so that the process stays
 * small. */
static of3_status before_tensor(void *user, const of3_parameter *p, of3_error *err) {
  converter *c = user;
  const of3_table *t = &c->from.weights;
  OF3_TRY(of3_go_on(c->opt_cancel, err));
  if (c->before) of3_table_release(t, of3_table_find(t, c->before->name));
  c->before = p;
  return OF3_OK;
}

static of3_status write_converted(converter *c, const char *out, of3_dtype dtype, of3_error *err) {
  const of3_table *t = &c->from.weights;
  of3_arena *arena = of3_arena_new(0);
  const char **meta = arena ? OF3_ARENA_NEW(arena, const char *, 2 * (size_t)t->n_meta) : NULL;
  of3_status status = meta ? OF3_OK : of3_fail_memory(err, "the metadata of a checkpoint");
  for (int i = 0; meta && i < t->n_meta; i++) {
    meta[2 * i] = t->meta_key[i];
    meta[2 * i + 1] = t->meta_value[i];
  }
  if (meta)
    status = of3_parameters_write(&c->cx, &c->net.parameters, dtype, out, meta, t->n_meta, before_tensor, c,
                                  &c->size, err);
  of3_arena_free(arena);
  return status;
}

static of3_status bind_and_write(converter *c, const char *in, const char *out, of3_dtype dtype,
                                 of3_error *err) {
  if (of3_network_bind(&c->cx, &c->from.weights, &c->net, err) != OF3_OK) return of3_prefix(err, "'%s'", in);
  of3_status status = write_converted(c, out, dtype, err);
  of3_network_free(&c->net);
  return status;
}

static of3_status open_and_write(converter *c, const of3_backend *backend, const char *in, const char *out,
                                 of3_dtype dtype, of3_error *err) {
  enum { BINDING = 4096 }; /* binding makes no tensors on the stack */
  const of3_device device = {.backend = backend};
  OF3_TRY(of3_checkpoint_open(in, SIZE_MAX, &c->from, err));
  of3_status status = of3_ctx_open(&c->cx, &device, 1, BINDING, false, err);
  if (status == OF3_OK) {
    status = bind_and_write(c, in, out, dtype, err);
    of3_ctx_close(&c->cx);
  }
  return status;
}

of3_status of3_checkpoint_convert(const of3_backend *backend, const char *in, const char *out,
                                  of3_dtype dtype, of3_cancel *opt_cancel, of3_converted *opt_done,
                                  of3_error *err) {
  converter c = {.opt_cancel = opt_cancel};
  if (dtype != OF3_F32 && dtype != OF3_BF16)
    return of3_fail(err, OF3_ERR_USAGE, "checkpoints are converted to f32 or bf16, not to %s",
                    of3_dtype_name(dtype));
  OF3_TRY(check_output(in, out, err));
  of3_status status = open_and_write(&c, backend, in, out, dtype, err);
  if (status == OF3_OK && opt_done)
    *opt_done = (of3_converted){.n_tensor = c.from.weights.n,
                                .n_skipped = c.from.n_skipped,
                                .bytes_in = c.from.file_bytes,
                                .bytes_out = c.size};
  of3_checkpoint_close(&c.from);
  return status;
}
