/* Writing torch.save archives, as torch.load(weights_only=True) reads them (io/torch.c): a zip of stored
 * members. The pickle, protocol 2, is a dictionary of calls _rebuild_tensor_v2, one for each tensor:
 *
 *   archive/data.pkl      {NAME: _rebuild_tensor_v2(storage K, 0, shape, strides, False, OrderedDict()), ..}
 *   archive/byteorder     "little"
 *   archive/data/K        the numbers of tensor K, at a multiple of 64 bytes of the file
 *   archive/version       "3" */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/file.h"
#include "base/le.h"
#include "base/number.h"
#include "base/str.h"
#include "io/checkpoint.h"

enum { LOCAL = 30, CENTRAL = 46, END = 22, ALIGNMENT = 64, DATE_1980 = 33, VERSION = 20, MOST_NAME = 48 };

typedef struct torch_member {
  char name[MOST_NAME];
  uint32_t crc, size, at;
} torch_member;

typedef struct torch_writer {
  of3_out out;
  torch_member *member;
  int n;
  uint64_t size; /* of the file so far */
} torch_writer;

/* ---- The zip */

/* Version, flags, method (stored), time, date, check sum, sizes, length of the name: alike in both headers.
 */
static void common_fields(const torch_member *m, uint32_t extra, unsigned char *h) {
  of3_put_le(h, 2, VERSION);
  of3_put_le(h + 8, 2, DATE_1980);
  of3_put_le(h + 10, 4, m->crc);
  of3_put_le(h + 14, 4, m->size);
  of3_put_le(h + 18, 4, m->size);
  of3_put_le(h + 22, 2, (uint32_t)strlen(m->name));
  of3_put_le(h + 24, 2, extra);
}

/* An extra field of zeros brings the data to a multiple of 64. */
static of3_status add_member(torch_writer *w, const char *name, const void *bytes, size_t n, of3_error *err) {
  unsigned char h[LOCAL] = "PK\x03\x04", pad[2 * ALIGNMENT] = "FB";
  torch_member *m = &w->member[w->n++];
  const size_t length = strlen(name);
  const uint64_t before = w->size + LOCAL + length + 4;
  const uint32_t extra = 4 + (uint32_t)(ALIGNMENT - before % ALIGNMENT) % ALIGNMENT;
  if (w->size + n > UINT32_MAX - ALIGNMENT * 4)
    return of3_fail(err, OF3_ERR_UNSUPPORTED,
                    "'%s' would exceed the 4 GiB of a zip file; write safetensors, or bf16", w->out.path);
  *m = (torch_member){.crc = (uint32_t)crc32_z(0, bytes, n), .size = (uint32_t)n, .at = (uint32_t)w->size};
  of3_format(m->name, sizeof m->name, "%s", name);
  common_fields(m, extra, h + 4);
  of3_put_le(pad + 2, 2, extra - 4);
  fwrite(h, 1, LOCAL, w->out.f);
  fwrite(name, 1, length, w->out.f);
  fwrite(pad, 1, extra, w->out.f);
  fwrite(bytes, 1, n, w->out.f);
  w->size += LOCAL + length + extra + n;
  return OF3_OK;
}

static void write_directory(torch_writer *w) {
  const uint64_t begin = w->size;
  for (int i = 0; i < w->n; i++) {
    const torch_member *m = &w->member[i];
    unsigned char h[CENTRAL] = "PK\x01\x02";
    of3_put_le(h + 4, 2, VERSION);
    common_fields(m, 0, h + 6);
    of3_put_le(h + 42, 4, m->at);
    fwrite(h, 1, CENTRAL, w->out.f);
    fwrite(m->name, 1, strlen(m->name), w->out.f);
    w->size += CENTRAL + strlen(m->name);
  }
  unsigned char e[END] = "PK\x05\x06";
  of3_put_le(e + 8, 2, (uint32_t)w->n);
  of3_put_le(e + 10, 2, (uint32_t)w->n);
  of3_put_le(e + 12, 4, (uint32_t)(w->size - begin));
  of3_put_le(e + 16, 4, (uint32_t)begin);
  fwrite(e, 1, END, w->out.f);
  w->size += END;
}

/* ---- The pickle */

static void put_bytes(of3_str *s, const void *bytes, size_t n) { of3_str_addn(s, bytes, n); }

static void put_text(of3_str *s, const char *text) {
  const size_t n = strlen(text);
  unsigned char h[5] = "X";
  of3_put_le(h + 1, 4, (uint32_t)n);
  put_bytes(s, h, sizeof h);
  put_bytes(s, text, n);
}

/* LONG1 of 8 bytes. */
static void put_int(of3_str *s, int64_t v) {
  unsigned char b[10] = {0x8a, 8};
  of3_put_le(b + 2, 4, (uint32_t)((uint64_t)v & UINT32_MAX));
  of3_put_le(b + 6, 4, (uint32_t)((uint64_t)v >> 32));
  put_bytes(s, b, sizeof b);
}

static void put_global(of3_str *s, const char *module, const char *name) {
  of3_str_addf(s, "c%s\n%s\n", module, name);
}

static void put_tensor(of3_str *s, const of3_entry *e, int number) {
  char key[16];
  int64_t stride[OF3_MAX_RANK] = {0}, below = 1;
  for (int k = e->rank; k-- > 0; below *= e->shape[k]) stride[k] = below;
  of3_format(key, sizeof key, "%d", number);
  put_text(s, e->name);
  put_global(s, "torch._utils", "_rebuild_tensor_v2");
  put_bytes(s, "((", 2);
  put_text(s, "storage");
  put_global(s, "torch", e->dtype == OF3_BF16 ? "BFloat16Storage" : "FloatStorage");
  put_text(s, key);
  put_text(s, "cpu");
  put_int(s, e->count);
  put_bytes(s, "tQ", 2);
  put_int(s, 0);
  put_bytes(s, "(", 1);
  for (int k = 0; k < e->rank; k++) put_int(s, e->shape[k]);
  put_bytes(s, "t(", 2);
  for (int k = 0; k < e->rank; k++) put_int(s, stride[k]);
  put_bytes(s, "t\x89", 2);
  put_global(s, "collections", "OrderedDict");
  put_bytes(s, ")RtR", 4);
}

static of3_status add_pickle(torch_writer *w, const of3_entry *entry, int n, of3_error *err) {
  of3_str s = {0};
  put_bytes(&s, "\x80\x02}(", 4);
  for (int i = 0; i < n; i++) put_tensor(&s, &entry[i], i);
  put_bytes(&s, "u.", 2);
  const of3_status status =
      s.failed ? of3_fail_memory(err, "a checkpoint") : add_member(w, "archive/data.pkl", s.text, s.len, err);
  of3_str_free(&s);
  return status;
}

/* ---- All of it */

static of3_status add_tensor(torch_writer *w, const of3_entry *e, int number, of3_put_tensor *put, void *user,
                             of3_error *err) {
  char name[MOST_NAME], *bytes = NULL;
  size_t n = 0;
  FILE *f = open_memstream(&bytes, &n);
  if (!f) return of3_fail_memory(err, e->name);
  of3_status status = put(user, f, e, err);
  const bool whole = fclose(f) == 0 && n == (size_t)e->count * of3_dtype_size(e->dtype);
  of3_format(name, sizeof name, "archive/data/%d", number);
  if (status == OF3_OK) status = whole ? add_member(w, name, bytes, n, err) : of3_fail_memory(err, e->name);
  free(bytes);
  return status;
}

bool of3_is_torch_name(const char *path) {
  const size_t n = strlen(path);
  return n > 3 && strcmp(path + n - 3, ".pt") == 0;
}

of3_status of3_torch_stream(const char *path, const of3_entry *entry, int n, of3_put_tensor *put, void *user,
                            uint64_t *opt_size, of3_error *err) {
  torch_writer w = {.member = calloc((size_t)n + 3, sizeof *w.member)};
  if (!w.member) return of3_fail_memory(err, "a checkpoint");
  of3_status status = of3_out_open_any(&w.out, path, err);
  if (status == OF3_OK) status = add_pickle(&w, entry, n, err);
  if (status == OF3_OK) status = add_member(&w, "archive/byteorder", "little", 6, err);
  for (int i = 0; status == OF3_OK && i < n; i++) status = add_tensor(&w, &entry[i], i, put, user, err);
  if (status == OF3_OK) status = add_member(&w, "archive/version", "3\n", 2, err);
  if (status == OF3_OK) write_directory(&w);
  free(w.member);
  if (opt_size) *opt_size = w.size;
  if (status == OF3_OK) return of3_out_commit(&w.out, err);
  of3_out_abort(&w.out);
  return status;
}
