/* A NumPy archive: a zip file whose members are .npy files, deflated. Members are streamed; their sizes and
 * check sums are filled in afterwards.
 *
 *   local header, name, deflated data   for each member
 *   directory entry, name               for each member
 *   end of directory
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/file.h"
#include "write/confidences.h"
#include "base/le.h"
#include "tensor/dtype.h"

enum { N_MEMBER = 3, LOCAL_HEADER = 30, PIECE = 1 << 14 };
enum {
  VERSION_NEEDED = 20,
  METHOD_DEFLATE = 8,
  DATE_1980 = 33 /* 1 January: files do not depend on the time */
};

typedef struct member {
  const char *name; /* "pde.npy" */
  const float *x;
  int rank, n; /* shape (n,) or (n, n) */
  uint32_t crc, packed, size, at;
} member;

/* What one member passes through. */
typedef struct packer {
  FILE *f;
  z_stream z;
  uint32_t crc;
  bool half;
  of3_cancel *opt_cancel;
  unsigned char in[4 * PIECE], out[4 * PIECE];
} packer;

/* Deflates n bytes of p->in. */
static bool pack(packer *p, size_t n, bool last) {
  p->crc = (uint32_t)crc32(p->crc, p->in, (uInt)n);
  p->z.next_in = p->in;
  p->z.avail_in = (uInt)n;
  int state;
  do {
    p->z.next_out = p->out;
    p->z.avail_out = sizeof p->out;
    state = deflate(&p->z, last ? Z_FINISH : Z_NO_FLUSH);
    fwrite(p->out, 1, sizeof p->out - p->z.avail_out, p->f);
  } while (state == Z_OK && (p->z.avail_in > 0 || p->z.avail_out == 0 || last));
  return last ? state == Z_STREAM_END : state == Z_OK || state == Z_BUF_ERROR;
}

/* Version 1.0: magic, length, a Python dictionary padded so that the data begin at a multiple of 64. */
static size_t npy_header(const member *m, bool half, unsigned char *out) {
  static const unsigned char magic[8] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
  char shape[32];
  if (m->rank == 1)
    snprintf(shape, sizeof shape, "(%d,)", m->n);
  else
    snprintf(shape, sizeof shape, "(%d, %d)", m->n, m->n);
  char text[128];
  int n = snprintf(text, sizeof text, "{'descr': '<f%d', 'fortran_order': False, 'shape': %s, }",
                   half ? 2 : 4, shape);
  size_t total = ((size_t)n + 11 + 63) / 64 * 64;
  memcpy(out, magic, sizeof magic);
  of3_put_le(out + 8, 2, (uint32_t)(total - 10));
  for (size_t k = 10; k < total; k++) out[k] = k - 10 < (size_t)n ? (unsigned char)text[k - 10] : ' ';
  out[total - 1] = '\n';
  return total;
}

static size_t confidences_npz_encode(const float *x, size_t n, bool half, unsigned char *out) {
  if (!half) {
    memcpy(out, x, n * sizeof *x);
    return n * sizeof *x;
  }
  for (size_t k = 0; k < n; k++) of3_put_le(out + 2 * k, 2, of3_f32_to_f16(x[k]));
  return 2 * n;
}

static size_t elements(const member *m) { return m->rank == 1 ? (size_t)m->n : (size_t)m->n * (size_t)m->n; }

static bool pack_member(packer *p, const member *m) {
  size_t total = elements(m);
  bool ok = pack(p, npy_header(m, p->half, p->in), total == 0);
  for (size_t at = 0; ok && at < total && !of3_cancelled(p->opt_cancel); at += PIECE) {
    size_t n = total - at < PIECE ? total - at : PIECE;
    ok = pack(p, confidences_npz_encode(m->x + at, n, p->half, p->in), at + n == total);
  }
  return ok;
}

/* Version, flags, method, time, date, check sum, sizes, length of the name: alike in both headers. */
static void common_fields(const member *m, unsigned char *h) {
  of3_put_le(h, 2, VERSION_NEEDED);
  of3_put_le(h + 2, 2, 0);
  of3_put_le(h + 4, 2, METHOD_DEFLATE);
  of3_put_le(h + 6, 2, 0);
  of3_put_le(h + 8, 2, DATE_1980);
  of3_put_le(h + 10, 4, m->crc);
  of3_put_le(h + 14, 4, m->packed);
  of3_put_le(h + 18, 4, m->size);
  of3_put_le(h + 22, 2, (uint32_t)strlen(m->name));
  of3_put_le(h + 24, 2, 0);
}

static void write_local_header(FILE *f, const member *m) {
  unsigned char h[LOCAL_HEADER] = "PK\x03\x04";
  common_fields(m, h + 4);
  fwrite(h, 1, sizeof h, f);
  fwrite(m->name, 1, strlen(m->name), f);
}

static bool write_member(packer *p, member *m) {
  enum { RAW = -15, MEMORY_LEVEL = 8 };
  long begin = ftell(p->f);
  m->at = (uint32_t)begin;
  write_local_header(p->f, m);
  p->z = (z_stream){0};
  p->crc = (uint32_t)crc32(0, NULL, 0);
  if (deflateInit2(&p->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, RAW, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
    return false;
  bool ok = pack_member(p, m);
  m->crc = p->crc;
  m->packed = (uint32_t)p->z.total_out;
  m->size = (uint32_t)p->z.total_in;
  deflateEnd(&p->z);
  long end = ftell(p->f);
  if (!ok || begin < 0 || end < 0 || fseek(p->f, begin, SEEK_SET) != 0) return ok;
  write_local_header(p->f, m);
  return fseek(p->f, end, SEEK_SET) == 0;
}

static void write_directory(FILE *f, const member *m) {
  uint32_t begin = (uint32_t)ftell(f);
  for (int k = 0; k < N_MEMBER; k++) {
    unsigned char h[46] = "PK\x01\x02";
    of3_put_le(h + 4, 2, VERSION_NEEDED);
    common_fields(&m[k], h + 6);
    of3_put_le(h + 42, 4, m[k].at);
    fwrite(h, 1, sizeof h, f);
    fwrite(m[k].name, 1, strlen(m[k].name), f);
  }
  unsigned char end[22] = "PK\x05\x06";
  of3_put_le(end + 8, 2, N_MEMBER);
  of3_put_le(end + 10, 2, N_MEMBER);
  of3_put_le(end + 12, 4, (uint32_t)ftell(f) - begin);
  of3_put_le(end + 16, 4, begin);
  fwrite(end, 1, sizeof end, f);
}

static of3_status write_archive(const char *path, member *m, packer *p, of3_error *err) {
  of3_out out = {0};
  OF3_TRY(of3_out_open(&out, path, err));
  p->f = out.f;
  for (int k = 0; k < N_MEMBER; k++)
    if (!write_member(p, &m[k]) || of3_cancelled(p->opt_cancel)) {
      of3_out_abort(&out);
      OF3_TRY(of3_go_on(p->opt_cancel, err));
      return of3_fail_memory(err, path);
    }
  write_directory(out.f, m);
  return of3_out_commit(&out, err);
}

of3_status of3_confidences_write_npz(const char *path, const of3_confidences *c, bool half, of3_error *err) {
  member m[N_MEMBER] = {{.name = "plddt.npy", .x = c->plddt, .rank = 1, .n = c->n_atom},
                        {.name = "pde.npy", .x = c->pde, .rank = 2, .n = c->n_token},
                        {.name = "pae.npy", .x = c->pae, .rank = 2, .n = c->n_token}};
  if (elements(&m[1]) >= UINT32_MAX / 8)
    return of3_fail(err, OF3_ERR_UNSUPPORTED,
                    "'%s' would exceed the 4 GiB of a zip file: %d x %d values; choose json", path,
                    c->n_token, c->n_token);
  packer *p = calloc(1, sizeof *p);
  if (!p) return of3_fail_memory(err, path);
  p->half = half;
  p->opt_cancel = c->opt_cancel;
  of3_status status = write_archive(path, m, p, err);
  free(p);
  return status;
}
