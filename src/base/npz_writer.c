#include "base/npz_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/file.h"
#include "base/le.h"

enum {
  LOCAL_HEADER = 30,
  PIECE = 1 << 16,
  VERSION_NEEDED = 20,
  METHOD_DEFLATE = 8,
  DATE_1980 = 33, /* 1 January */
  MOST_KEY = 1000
};

typedef struct npz_member {
  char *name;
  uint32_t crc, packed, size, at;
} npz_member;

struct of3_npz_writer {
  of3_out out;
  of3_cancel *opt_cancel;
  of3_error error; /* the first one */
  of3_status status;
  npz_member *member; /* [n] */
  int n, room;
  bool open; /* a member is being written */
  z_stream z;
  uint64_t size;
  unsigned char packed[PIECE];
};

static void npz_fail(of3_npz_writer *w, const char *what) {
  if (w->status == OF3_OK) w->status = of3_fail(&w->error, OF3_ERR_UNSUPPORTED, "'%s' %s", w->out.path, what);
}

static void npz_out_of_memory(of3_npz_writer *w) {
  if (w->status == OF3_OK) w->status = of3_fail_memory(&w->error, w->out.path);
}

of3_status of3_npz_create(const char *path, of3_cancel *opt_cancel, of3_npz_writer **ret_writer,
                          of3_error *err) {
  of3_npz_writer *w = calloc(1, sizeof *w);
  *ret_writer = NULL;
  if (!w) return of3_fail_memory(err, path);
  const of3_status status = of3_out_open(&w->out, path, err);
  if (status != OF3_OK) {
    free(w);
    return status;
  }
  w->opt_cancel = opt_cancel;
  *ret_writer = w;
  return OF3_OK;
}

static void npz_free(of3_npz_writer *w) {
  if (w->open) deflateEnd(&w->z);
  for (int i = 0; i < w->n; i++) free(w->member[i].name);
  free(w->member);
  free(w);
}

void of3_npz_abort(of3_npz_writer *w) {
  if (!w) return;
  of3_out_abort(&w->out);
  npz_free(w);
}

/* ---- Members */

/* Version, flags, method, time, date, check sum, sizes, length of the name: alike in both headers. */
static void common_fields(const npz_member *m, unsigned char *h) {
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

static void write_local_header(of3_npz_writer *w, const npz_member *m) {
  unsigned char h[LOCAL_HEADER] = "PK\x03\x04";
  common_fields(m, h + 4);
  fwrite(h, 1, sizeof h, w->out.f);
  fwrite(m->name, 1, strlen(m->name), w->out.f);
}

static npz_member *add_member(of3_npz_writer *w, const char *key) {
  const size_t n = strlen(key);
  if (n > MOST_KEY) npz_fail(w, "would have a member with a name that is too long");
  if (w->status != OF3_OK) return NULL;
  if (w->n == w->room) {
    const int room = 2 * w->room + 8;
    npz_member *more = realloc(w->member, (size_t)room * sizeof *more);
    if (!more) return NULL;
    w->member = more;
    w->room = room;
  }
  npz_member *m = &w->member[w->n];
  *m = (npz_member){.name = malloc(n + sizeof ".npy")};
  if (!m->name) return NULL;
  memcpy(m->name, key, n);
  memcpy(m->name + n, ".npy", sizeof ".npy");
  w->n++;
  return m;
}

void of3_npz_begin(of3_npz_writer *w, const char *key) {
  enum { RAW = -15, MEMORY_LEVEL = 8 };
  npz_member *m = add_member(w, key);
  const long at = ftell(w->out.f);
  w->z = (z_stream){0};
  w->size = 0;
  if (!m || at < 0 ||
      deflateInit2(&w->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, RAW, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
    npz_out_of_memory(w);
    return;
  }
  w->open = true;
  m->crc = (uint32_t)crc32(0, NULL, 0);
  m->at = (uint32_t)at;
  if ((uint64_t)at > UINT32_MAX) npz_fail(w, "would exceed the 4 GiB of a zip file");
  write_local_header(w, m);
}

/* Deflates what is in z. */
static void pack(of3_npz_writer *w, bool last) {
  int state;
  do {
    w->z.next_out = w->packed;
    w->z.avail_out = sizeof w->packed;
    state = deflate(&w->z, last ? Z_FINISH : Z_NO_FLUSH);
    fwrite(w->packed, 1, sizeof w->packed - w->z.avail_out, w->out.f);
  } while (state == Z_OK && (w->z.avail_in > 0 || w->z.avail_out == 0 || last));
  if (state != Z_STREAM_END && state != Z_OK && state != Z_BUF_ERROR) npz_out_of_memory(w);
}

void of3_npz_put(of3_npz_writer *w, const void *bytes, size_t n) {
  const unsigned char *at = bytes;
  w->size += n;
  if (w->size > UINT32_MAX) npz_fail(w, "would have a member of more than the 4 GiB of a zip file");
  while (n && w->status == OF3_OK && !of3_cancelled(w->opt_cancel)) {
    const size_t piece = n < PIECE ? n : PIECE;
    npz_member *m = &w->member[w->n - 1];
    m->crc = (uint32_t)crc32(m->crc, at, (uInt)piece);
    w->z.next_in = (unsigned char *)at;
    w->z.avail_in = (uInt)piece;
    pack(w, false);
    at += piece;
    n -= piece;
  }
}

of3_status of3_npz_end(of3_npz_writer *w, of3_error *err) {
  if (w->status == OF3_OK) w->status = of3_go_on(w->opt_cancel, &w->error);
  if (w->status == OF3_OK) {
    npz_member *m = &w->member[w->n - 1];
    w->z.avail_in = 0;
    pack(w, true);
    m->packed = (uint32_t)w->z.total_out;
    m->size = (uint32_t)w->size;
    const long end = ftell(w->out.f);
    if ((uint64_t)end > UINT32_MAX) npz_fail(w, "would exceed the 4 GiB of a zip file");
    if (w->status == OF3_OK && end >= 0 && fseek(w->out.f, (long)m->at, SEEK_SET) == 0) {
      write_local_header(w, m);
      if (fseek(w->out.f, end, SEEK_SET) != 0) npz_fail(w, "cannot be written: its place was lost");
    }
  }
  if (w->open) deflateEnd(&w->z);
  w->open = false;
  if (w->status != OF3_OK && err) *err = w->error;
  return w->status;
}

void of3_npz_put_header(of3_npz_writer *w, const char *descr, const char *shape) {
  enum { MOST = 256 };
  unsigned char h[MOST] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
  char text[MOST - 74];
  const int n =
      snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shape);
  const size_t total = ((size_t)n + 11 + 63) / 64 * 64;
  of3_put_le(h + 8, 2, (uint32_t)(total - 10));
  memset(h + 10, ' ', total - 10);
  memcpy(h + 10, text, (size_t)n);
  h[total - 1] = '\n';
  of3_npz_put(w, h, total);
}

static void write_directory(of3_npz_writer *w) {
  FILE *f = w->out.f;
  const long begin = ftell(f);
  for (int k = 0; k < w->n; k++) {
    unsigned char h[46] = "PK\x01\x02";
    of3_put_le(h + 4, 2, VERSION_NEEDED);
    common_fields(&w->member[k], h + 6);
    of3_put_le(h + 42, 4, w->member[k].at);
    fwrite(h, 1, sizeof h, f);
    fwrite(w->member[k].name, 1, strlen(w->member[k].name), f);
  }
  unsigned char end[22] = "PK\x05\x06";
  of3_put_le(end + 8, 2, (uint32_t)w->n);
  of3_put_le(end + 10, 2, (uint32_t)w->n);
  of3_put_le(end + 12, 4, (uint32_t)(ftell(f) - begin));
  of3_put_le(end + 16, 4, (uint32_t)begin);
  fwrite(end, 1, sizeof end, f);
}

of3_status of3_npz_commit(of3_npz_writer *w, of3_error *err) {
  of3_status status = w->status;
  if (w->n > UINT16_MAX) npz_fail(w, "would have more members than a zip file may have");
  if (status == OF3_OK) {
    write_directory(w);
    status = of3_out_commit(&w->out, err);
  } else {
    of3_out_abort(&w->out);
    if (err) *err = w->error;
  }
  npz_free(w);
  return status;
}
