#define _POSIX_C_SOURCE 200809L
#include "write/record.h"

#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

#include "base/file.h"
#include "base/le.h"

enum { BLOCK = 65536, PLANES = 4, STORED = 2, MAGIC = 10, HEADER = 26, LEVEL = 6 };
static const char magic[] = "of3record\1"; /* without the 0 at its end */

/* Numbers on their way through blocks: gathered into `word`, then written, or read and handed out. */
typedef struct record_block {
  uint32_t word[BLOCK];
  uint8_t plane[BLOCK];
  uint8_t packed[BLOCK + BLOCK / 8 + 64]; /* what deflate may need at most */
  size_t n, at;                           /* numbers in it; reading: next one */
} record_block;

static void put32(uint8_t *o, uint32_t v) {
  for (int k = 0; k < 4; k++) o[k] = (uint8_t)(v >> (8 * k));
}

/* ---- Writing */

typedef struct record_writer {
  FILE *f;
  bool ok;
  of3_cancel *opt_cancel;
  record_block b;
} record_writer;

static void write_plane(record_writer *w, int plane) {
  record_block *b = &w->b;
  uint8_t length[4];
  uLongf n = sizeof b->packed;
  for (size_t k = 0; k < b->n; k++) b->plane[k] = (uint8_t)(b->word[k] >> (8 * plane));
  if (plane < STORED) {
    fwrite(b->plane, 1, b->n, w->f);
    return;
  }
  if (compress2(b->packed, &n, b->plane, (uLong)b->n, LEVEL) != Z_OK) w->ok = false;
  put32(length, (uint32_t)n);
  fwrite(length, 1, sizeof length, w->f);
  fwrite(b->packed, 1, n, w->f);
}

static void record_flush(record_writer *w) {
  if (of3_cancelled(w->opt_cancel)) w->ok = false;
  for (int plane = 0; w->ok && w->b.n > 0 && plane < PLANES; plane++) write_plane(w, plane);
  w->b.n = 0;
}

static void record_put_numbers(record_writer *w, const float *x, size_t n) {
  while (n > 0 && w->ok) {
    size_t part = BLOCK - w->b.n < n ? BLOCK - w->b.n : n;
    memcpy(w->b.word + w->b.n, x, part * sizeof *x);
    w->b.n += part;
    x += part;
    n -= part;
    if (w->b.n == BLOCK) record_flush(w);
  }
}

/* Bit for bit: NaN and the sign of zero count. */
static uint32_t record_bits_of(float x) {
  uint32_t u;
  memcpy(&u, &x, sizeof u);
  return u;
}

static bool is_symmetric(const float *x, size_t n, of3_cancel *opt_cancel) {
  for (size_t i = 0; i < n && !of3_cancelled(opt_cancel); i++)
    for (size_t k = i + 1; k < n; k++)
      if (record_bits_of(x[i * n + k]) != record_bits_of(x[k * n + i])) return false;
  return true;
}

static void put_sample(record_writer *w, const of3_prediction *p, size_t s, bool symmetric) {
  const size_t a = (size_t)p->n_atom, n = (size_t)p->n_token;
  const float *pde = p->pde + s * n * n;
  record_put_numbers(w, p->x + s * a * 3, a * 3);
  record_put_numbers(w, p->plddt + s * a, a);
  record_put_numbers(w, p->pae + s * n * n, n * n);
  for (size_t i = 0; i < n; i++)
    record_put_numbers(w, pde + i * n + (symmetric ? i : 0), symmetric ? n - i : n);
}

static void put_all(record_writer *w, const of3_prediction *p) {
  const size_t n = (size_t)p->n_token, samples = (size_t)p->n_sample;
  bool symmetric = true;
  uint8_t header[HEADER];
  for (size_t s = 0; symmetric && s < samples; s++)
    symmetric = is_symmetric(p->pde + s * n * n, n, w->opt_cancel);
  memcpy(header, magic, MAGIC);
  put32(header + 10, (uint32_t)p->n_sample);
  put32(header + 14, (uint32_t)p->n_token);
  put32(header + 18, (uint32_t)p->n_atom);
  put32(header + 22, symmetric);
  fwrite(header, 1, sizeof header, w->f);
  for (size_t s = 0; s < samples; s++) put_sample(w, p, s, symmetric);
  record_flush(w);
}

of3_status of3_record_write(const char *path, const of3_prediction *p, of3_cancel *opt_cancel,
                            of3_error *err) {
  of3_out out = {0};
  record_writer *w = malloc(sizeof *w);
  if (!w) return of3_fail_memory(err, path);
  of3_status status = of3_out_open(&out, path, err);
  if (status == OF3_OK) {
    w->f = out.f;
    w->ok = true;
    w->opt_cancel = opt_cancel;
    w->b.n = 0;
    put_all(w, p);
    if (w->ok)
      status = of3_out_commit(&out, err);
    else {
      of3_out_abort(&out);
      status = of3_go_on(opt_cancel, err);
      if (status == OF3_OK) status = of3_fail_memory(err, path);
    }
  }
  free(w);
  return status;
}

/* ---- Reading */

struct of3_record {
  of3_map map;
  char *path;
  size_t at;     /* in the file */
  uint64_t left; /* numbers that no block has brought yet */
  of3_record_size size;
  bool symmetric;
  record_block b;
};

static of3_status record_broken(const of3_record *r, of3_error *err) {
  return of3_fail(err, OF3_ERR_INPUT,
                  "'%s' is not the record that was written: remove it, it will be made again", r->path);
}

static uint64_t numbers_of_sample(const of3_record *r) {
  const uint64_t a = (uint64_t)r->size.n_atom, n = (uint64_t)r->size.n_token;
  return 4 * a + n * n + (r->symmetric ? n * (n + 1) / 2 : n * n);
}

/* Half of every number is stored as it is, which bounds the numbers by the length of the file. */
static of3_status record_read_header(of3_record *r, of3_error *err) {
  enum { MOST = 1 << 30 };
  const uint8_t *h = r->map.data;
  if (r->map.size < HEADER || memcmp(h, magic, MAGIC) != 0) return record_broken(r, err);
  const uint32_t samples = of3_le32(h + 10), tokens = of3_le32(h + 14), atoms = of3_le32(h + 18);
  if (samples < 1 || samples > MOST || tokens > MOST || atoms > MOST) return record_broken(r, err);
  r->size = (of3_record_size){(int)samples, (int)tokens, (int)atoms};
  r->symmetric = of3_le32(h + 22) != 0;
  const uint64_t each = numbers_of_sample(r);
  if (each > r->map.size / STORED / samples) return record_broken(r, err);
  r->left = each * samples;
  r->at = HEADER;
  return OF3_OK;
}

of3_status of3_record_open(const char *path, of3_record **ret, of3_record_size *ret_size, of3_error *err) {
  of3_record *r = calloc(1, sizeof *r);
  *ret = NULL;
  if (!r) return of3_fail_memory(err, path);
  r->path = strdup(path);
  of3_status status = r->path ? of3_map_open(path, &r->map, err) : of3_fail_memory(err, path);
  if (status == OF3_OK) status = record_read_header(r, err);
  if (status != OF3_OK) {
    of3_record_close(r);
    return status;
  }
  *ret_size = r->size;
  *ret = r;
  return OF3_OK;
}

void of3_record_close(of3_record *r) {
  if (!r) return;
  of3_map_close(&r->map);
  free(r->path);
  free(r);
}

static bool read_plane(of3_record *r, int plane) {
  record_block *b = &r->b;
  const uint8_t *from = r->map.data + r->at, *bytes = b->plane;
  size_t left = r->map.size - r->at, n = b->n;
  if (plane < STORED) {
    if (left < n) return false;
    bytes = from;
  } else {
    uLongf unpacked = sizeof b->plane;
    if (left < 4 || (n = of3_le32(from)) > left - 4) return false;
    if (uncompress(b->plane, &unpacked, from + 4, (uLong)n) != Z_OK || unpacked != b->n) return false;
    n += 4;
  }
  for (size_t k = 0; k < b->n; k++) b->word[k] = (plane ? b->word[k] : 0) | (uint32_t)bytes[k] << (8 * plane);
  r->at += n;
  return true;
}

static of3_status next_block(of3_record *r, of3_error *err) {
  r->b.n = r->left < BLOCK ? (size_t)r->left : BLOCK;
  r->b.at = 0;
  r->left -= r->b.n;
  for (int plane = 0; plane < PLANES; plane++)
    if (r->b.n == 0 || !read_plane(r, plane)) return record_broken(r, err);
  return OF3_OK;
}

static of3_status get_numbers(of3_record *r, float *x, size_t n, of3_error *err) {
  while (n > 0) {
    if (r->b.at == r->b.n) OF3_TRY(next_block(r, err));
    size_t part = r->b.n - r->b.at < n ? r->b.n - r->b.at : n;
    memcpy(x, r->b.word + r->b.at, part * sizeof *x);
    r->b.at += part;
    x += part;
    n -= part;
  }
  return OF3_OK;
}

of3_status of3_record_next(of3_record *r, of3_prediction *one, of3_error *err) {
  const size_t a = (size_t)r->size.n_atom, n = (size_t)r->size.n_token;
  OF3_TRY(get_numbers(r, one->x, 3 * a, err));
  OF3_TRY(get_numbers(r, one->plddt, a, err));
  OF3_TRY(get_numbers(r, one->pae, n * n, err));
  for (size_t i = 0; i < n; i++)
    OF3_TRY(get_numbers(r, one->pde + i * n + (r->symmetric ? i : 0), r->symmetric ? n - i : n, err));
  for (size_t i = 0; r->symmetric && i < n; i++)
    for (size_t k = 0; k < i; k++) one->pde[i * n + k] = one->pde[k * n + i];
  return OF3_OK;
}
