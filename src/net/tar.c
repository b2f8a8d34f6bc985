/* A tar archive is a row of blocks of 512 bytes: a header, the member's bytes filled up to whole blocks, the
 * next header, ..., two blocks of zeros.
 *
 *   header   0 name[100]   124 size[12]   148 sum of the header's bytes[8]   156 kind   257 "ustar"
 *            345 prefix[155], which comes before the name with a '/' between
 *
 * Numbers are octal digits; sizes from 8 GB on are binary, with the highest bit of the first byte set. */
#define _POSIX_C_SOURCE 200809L
#include "net/tar.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/stream.h"

enum {
  BLOCK = 512,
  NAME = 0,
  NAME_BYTES = 100,
  SIZE = 124,
  SIZE_BYTES = 12,
  SUM = 148,
  SUM_BYTES = 8,
  KIND = 156
};
enum {
  MAGIC = 257,
  PREFIX = 345,
  PREFIX_BYTES = 155,
  MOST_PATH = NAME_BYTES + PREFIX_BYTES + 2,
  PIECE = 1 << 16
};

typedef struct tar_member {
  char path[MOST_PATH];
  const char *name; /* of a regular file that is wanted, or NULL */
  uint64_t size;
} tar_member;

/* -1: no number. */
static int64_t number_at(const uint8_t *field, int n) {
  int64_t value = 0;
  int k = 0;
  if (field[0] & 0x80) { /* binary */
    for (k = 0; k < n; k++) {
      if (value >> 48) return -1;
      value = value << 8 | (k ? field[k] : field[k] & 0x7f);
    }
    return value;
  }
  while (k < n && field[k] == ' ') k++;
  for (; k < n && field[k] >= '0' && field[k] <= '7'; k++) value = value << 3 | (field[k] - '0');
  return k == n || field[k] == 0 || field[k] == ' ' ? value : -1;
}

static bool sum_is_right(const uint8_t *h) {
  int64_t sum = 0;
  for (int k = 0; k < BLOCK; k++) sum += k >= SUM && k < SUM + SUM_BYTES ? ' ' : h[k];
  return number_at(h + SUM, SUM_BYTES) == sum;
}

static bool is_zero(const uint8_t *block) {
  for (int k = 0; k < BLOCK; k++)
    if (block[k]) return false;
  return true;
}

static void take_path(const uint8_t *h, tar_member *m) {
  const char *name = (const char *)h + NAME, *prefix = (const char *)h + PREFIX;
  const int n = (int)strnlen(name, NAME_BYTES), p = (int)strnlen(prefix, PREFIX_BYTES);
  if (memcmp(h + MAGIC, "ustar\0", 6) == 0 && p)
    snprintf(m->path, sizeof m->path, "%.*s/%.*s", p, prefix, n, name);
  else
    snprintf(m->path, sizeof m->path, "%.*s", n, name);
}

static bool leaves_its_folder(const char *path) {
  if (path[0] == '/') return true;
  for (const char *p = path; p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL)
    if (strncmp(p, "..", 2) == 0 && (p[2] == 0 || p[2] == '/')) return true;
  return false;
}

/* The name of a member that lies in no folder, else NULL. */
static const char *plain_name(const char *path) {
  while (path[0] == '.' && path[1] == '/') path += 2;
  return path[0] && path[0] != '.' && !strchr(path, '/') ? path : NULL;
}

static of3_status read_header(const uint8_t *h, tar_member *out, of3_error *err) {
  const int64_t size = number_at(h + SIZE, SIZE_BYTES);
  if (!sum_is_right(h) || size < 0)
    return of3_fail(err, OF3_ERR_INPUT, "it is no tar archive, or damaged: a header is wrong");
  *out = (tar_member){.size = (uint64_t)size};
  take_path(h, out);
  switch (h[KIND]) {
  case 0:
  case '0':
  case '7':
    if (leaves_its_folder(out->path))
      return of3_fail(err, OF3_ERR_INPUT, "its member '%s' would leave the folder", out->path);
    out->name = plain_name(out->path);
    return OF3_OK;
  case '5': /* a folder */
  case 'x': /* more about the next member, */
  case 'g': /* or all; of what is in there nothing is needed */
  case 'L':
  case 'K':
    return OF3_OK;
  default:
    return of3_fail(err, OF3_ERR_INPUT, "its member '%s' is a link or a device", out->path);
  }
}

static of3_status read_block(const of3_tar_walk *w, uint8_t *block, bool *ret_end, of3_error *err) {
  size_t n = 0;
  OF3_TRY(w->read(w->user, block, BLOCK, &n, err));
  *ret_end = n == 0;
  if (n == 0 || n == BLOCK) return OF3_OK;
  return of3_fail(err, OF3_ERR_INPUT, "it ends within a block");
}

static of3_status pass_bytes(const of3_tar_walk *w, const tar_member *m, uint8_t *piece, of3_error *err) {
  const uint64_t padded = (m->size + BLOCK - 1) / BLOCK * BLOCK;
  for (uint64_t at = 0; at < padded;) {
    const size_t room = padded - at < PIECE ? (size_t)(padded - at) : PIECE;
    size_t n = 0;
    OF3_TRY(w->read(w->user, piece, room, &n, err));
    if (n < room) return of3_fail(err, OF3_ERR_INPUT, "it ends within its member '%s'", m->path);
    const uint64_t own = m->size > at ? m->size - at : 0;
    if (m->name && own) OF3_TRY(w->bytes(w->user, piece, own < n ? (size_t)own : n, err));
    at += n;
  }
  return OF3_OK;
}

static of3_status walk_member(const of3_tar_walk *w, const tar_member *m, uint8_t *piece, of3_error *err) {
  if (m->name) OF3_TRY(w->begin(w->user, m->name, m->size, err));
  OF3_TRY(pass_bytes(w, m, piece, err));
  return m->name ? w->end(w->user, err) : OF3_OK;
}

/* What comes behind the archive is read, so that its sum is checked by whoever unpacks it. */
static of3_status read_rest(const of3_tar_walk *w, uint8_t *piece, of3_error *err) {
  size_t n;
  do OF3_TRY(w->read(w->user, piece, PIECE, &n, err));
  while (n == PIECE);
  return OF3_OK;
}

static of3_status walk_members(const of3_tar_walk *w, const of3_tar_limits *limits, uint8_t *piece,
                               of3_error *err) {
  uint8_t block[BLOCK];
  uint64_t left = limits->all_bytes;
  for (int n = 0;; n++) {
    tar_member m;
    bool end;
    OF3_TRY(read_block(w, block, &end, err));
    if (end && n == 0) return of3_fail(err, OF3_ERR_INPUT, "it is empty");
    if (end) return of3_fail(err, OF3_ERR_INPUT, "it ends before its end is marked");
    if (is_zero(block)) return read_rest(w, piece, err);
    OF3_TRY(read_header(block, &m, err));
    if (n == limits->members)
      return of3_fail(err, OF3_ERR_INPUT, "it has more than %d members", limits->members);
    if (m.size > left)
      return of3_fail(err, OF3_ERR_INPUT, "its members have more than %.0f MB",
                      (double)limits->all_bytes * 1e-6);
    left -= m.size;
    OF3_TRY(walk_member(w, &m, piece, err));
  }
}

of3_status of3_tar_walk_through(const of3_tar_walk *walk, const of3_tar_limits *limits, of3_error *err) {
  uint8_t *piece = malloc(PIECE);
  if (!piece) return of3_fail_memory(err, "an archive");
  const of3_status status = walk_members(walk, limits, piece, err);
  free(piece);
  return status;
}

/* ---- Unpacking into a folder */

typedef struct unpacker {
  of3_stream *stream;
  const char *folder;
  of3_cancel *opt_cancel;
  of3_out out;
} unpacker;

static of3_status unpack_read(void *user, void *out, size_t room, size_t *ret_n, of3_error *err) {
  unpacker *u = user;
  OF3_TRY(of3_go_on(u->opt_cancel, err));
  return of3_stream_read(u->stream, out, room, ret_n, err);
}

static of3_status unpack_begin(void *user, const char *name, uint64_t size, of3_error *err) {
  unpacker *u = user;
  (void)size;
  of3_arena *arena = of3_arena_new(0);
  char *path = arena ? of3_path_join(arena, u->folder, name) : NULL;
  const of3_status status = path ? of3_out_open(&u->out, path, err) : of3_fail_memory(err, "an archive");
  of3_arena_free(arena);
  return status;
}

static of3_status unpack_bytes(void *user, const void *bytes, size_t n, of3_error *err) {
  unpacker *u = user;
  (void)err; /* of3_out_commit tells */
  fwrite(bytes, 1, n, u->out.f);
  return OF3_OK;
}

static of3_status unpack_end(void *user, of3_error *err) {
  unpacker *u = user;
  return of3_out_commit(&u->out, err);
}

of3_status of3_tar_unpack(const char *archive, const char *folder, const of3_tar_limits *limits,
                          of3_cancel *opt_cancel, of3_error *err) {
  unpacker u = {.folder = folder, .opt_cancel = opt_cancel};
  const of3_tar_walk walk = {
      .user = &u, .read = unpack_read, .begin = unpack_begin, .bytes = unpack_bytes, .end = unpack_end};
  OF3_TRY(of3_stream_open(archive, &u.stream, err));
  const of3_status status = of3_tar_walk_through(&walk, limits, err);
  of3_out_abort(&u.out);
  of3_stream_close(u.stream);
  return status;
}
