/* Layout of an archive (PKWARE APPNOTE 4.3):
 *
 *   [local header | name | extra | bytes] ...  [directory entry | name | extra | comment] ...  [zip64 end]
 * [zip64 locator] [end | comment]
 *
 * Offsets and sizes of 2^32-1, and counts of 2^16-1, mean "see the Zip64 record". */
#include "base/zip.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/le.h"

enum {
  LOCAL_SIG = 0x04034b50,
  ENTRY_SIG = 0x02014b50,
  END_SIG = 0x06054b50,
  END64_SIG = 0x06064b50,
  LOCATOR_SIG = 0x07064b50,
  LOCAL_SIZE = 30,
  ENTRY_SIZE = 46,
  END_SIZE = 22,
  END64_SIZE = 56,
  LOCATOR_SIZE = 20,
  ZIP64_EXTRA = 1,
  FLAG_ENCRYPTED = 1,
  STORED = 0,
  DEFLATED = 8,
  MAX_RATIO = 1032 /* deflate's: 258 bytes out of 2 bits */
};

typedef struct directory {
  uint64_t at, size, n;
} directory;

/* The end record lies in the last 64 KiB: its comment must reach exactly to the end of the archive. */
static bool find_end(const uint8_t *bytes, size_t size, size_t *ret_at) {
  if (size < END_SIZE) return false;
  size_t least = size - END_SIZE > UINT16_MAX ? size - END_SIZE - UINT16_MAX : 0;
  for (size_t at = size - END_SIZE + 1; at-- > least;)
    if (bytes[at] == 'P' && of3_le32(bytes + at) == END_SIG &&
        of3_le16(bytes + at + 20) == size - END_SIZE - at) {
      *ret_at = at;
      return true;
    }
  return false;
}

static of3_status read_end64(const uint8_t *bytes, size_t end_at, directory *out, of3_error *err) {
  if (end_at < LOCATOR_SIZE + END64_SIZE || of3_le32(bytes + end_at - LOCATOR_SIZE) != LOCATOR_SIG)
    return of3_fail(err, OF3_ERR_INPUT, "the archive is corrupted: its Zip64 locator is missing");
  uint64_t at = of3_le64(bytes + end_at - LOCATOR_SIZE + 8);
  if (at > end_at - LOCATOR_SIZE - END64_SIZE || of3_le32(bytes + at) != END64_SIG)
    return of3_fail(err, OF3_ERR_INPUT,
                    "the archive is corrupted: its Zip64 locator points to no Zip64 record");
  *out = (directory){
      .n = of3_le64(bytes + at + 32), .size = of3_le64(bytes + at + 40), .at = of3_le64(bytes + at + 48)};
  return OF3_OK;
}

static of3_status zip_read_end(const uint8_t *bytes, size_t size, directory *out, of3_error *err) {
  size_t at = 0;
  if (!find_end(bytes, size, &at))
    return of3_fail(err, OF3_ERR_INPUT,
                    "the archive is truncated or corrupted: it does not end with a zip directory; copy or "
                    "download the file again");
  *out = (directory){
      .n = of3_le16(bytes + at + 10), .size = of3_le32(bytes + at + 12), .at = of3_le32(bytes + at + 16)};
  if (out->n == UINT16_MAX || out->size == UINT32_MAX || out->at == UINT32_MAX)
    OF3_TRY(read_end64(bytes, at, out, err));
  if (out->size > at || out->at > at - out->size)
    return of3_fail(err, OF3_ERR_INPUT,
                    "the archive is truncated or corrupted: its directory should lie at byte %llu, behind "
                    "the end",
                    (unsigned long long)out->at);
  if (out->n > out->size / ENTRY_SIZE)
    return of3_fail(err, OF3_ERR_INPUT,
                    "the archive is corrupted: its directory cannot hold the %llu members it announces",
                    (unsigned long long)out->n);
  return OF3_OK;
}

/* The Zip64 extra field holds, in this order, those of size, packed size and offset that did not fit. */
static bool apply_zip64(of3_zip_member *m, const uint8_t *extra, size_t n) {
  while (n >= 4) {
    size_t length = of3_le16(extra + 2);
    if (length > n - 4) return false;
    const uint8_t *p = extra + 4, *end = p + length;
    if (of3_le16(extra) == ZIP64_EXTRA) {
      uint64_t *field[3] = {&m->size, &m->packed_size, &m->header_at};
      for (int k = 0; k < 3; k++) {
        if (*field[k] != UINT32_MAX) continue;
        if (end - p < 8) return false;
        *field[k] = of3_le64(p);
        p += 8;
      }
      return true;
    }
    extra = end;
    n -= 4 + length;
  }
  return true;
}

/* Reads one directory entry at p and moves p behind it; name is where its name is to be copied. */
static of3_status read_entry(const uint8_t **p, const uint8_t *end, char *name, of3_zip_member *m,
                             of3_error *err) {
  const uint8_t *e = *p;
  if (end - e < ENTRY_SIZE || of3_le32(e) != ENTRY_SIG)
    return of3_fail(err, OF3_ERR_INPUT, "the archive is corrupted: its directory ends too early");
  size_t n_name = of3_le16(e + 28), n_extra = of3_le16(e + 30), n_comment = of3_le16(e + 32);
  if ((size_t)(end - e) - ENTRY_SIZE < n_name + n_extra + n_comment)
    return of3_fail(err, OF3_ERR_INPUT, "the archive is corrupted: its directory ends too early");
  memcpy(name, e + ENTRY_SIZE, n_name);
  name[n_name] = 0;
  *m = (of3_zip_member){.name = name,
                        .method = of3_le16(e + 10),
                        .crc = of3_le32(e + 16),
                        .packed_size = of3_le32(e + 20),
                        .size = of3_le32(e + 24),
                        .header_at = of3_le32(e + 42)};
  if (n_name == 0 || strlen(name) != n_name)
    return of3_fail(err, OF3_ERR_INPUT, "the archive is corrupted: a member has no proper name");
  if (!apply_zip64(m, e + ENTRY_SIZE + n_name, n_extra))
    return of3_fail(err, OF3_ERR_INPUT,
                    "the archive is corrupted: the Zip64 sizes of member '%.200s' are missing", name);
  if (of3_le16(e + 8) & FLAG_ENCRYPTED)
    return of3_fail(err, OF3_ERR_UNSUPPORTED,
                    "member '%.200s' of the archive is encrypted; store it without a password", name);
  *p = e + ENTRY_SIZE + n_name + n_extra + n_comment;
  return OF3_OK;
}

static int zip_by_name(const void *a, const void *b) {
  return strcmp(((const of3_zip_member *)a)->name, ((const of3_zip_member *)b)->name);
}

of3_status of3_zip_parse(const uint8_t *bytes, size_t size, of3_arena *arena, of3_zip *out, of3_error *err) {
  directory dir = {0};
  *out = (of3_zip){.bytes = bytes, .size = size};
  OF3_TRY(zip_read_end(bytes, size, &dir, err));
  if (dir.n > INT32_MAX) return of3_fail(err, OF3_ERR_UNSUPPORTED, "the archive has more than 2^31 members");
  out->directory_at = dir.at;
  out->member = OF3_ARENA_NEW(arena, of3_zip_member, dir.n);
  /* An entry is larger than its terminated name, so the names fit into as many bytes as the directory has. */
  char *name = of3_arena_alloc(arena, (size_t)dir.size, 1);
  if (!out->member || !name) return of3_fail_memory(err, "the directory of an archive");
  const uint8_t *p = bytes + dir.at, *end = p + dir.size;
  for (; out->n < (int)dir.n; out->n++) {
    OF3_TRY(read_entry(&p, end, name, &out->member[out->n], err));
    name += strlen(name) + 1;
  }
  if (out->n > 0) qsort(out->member, (size_t)out->n, sizeof *out->member, zip_by_name);
  for (int i = 1; i < out->n; i++)
    if (zip_by_name(&out->member[i - 1], &out->member[i]) == 0)
      return of3_fail(err, OF3_ERR_INPUT, "the archive is corrupted: it has two members named '%.200s'",
                      out->member[i].name);
  return OF3_OK;
}

const of3_zip_member *of3_zip_find(const of3_zip *zip, const char *name) {
  of3_zip_member key = {.name = name};
  return zip->n ? bsearch(&key, zip->member, (size_t)zip->n, sizeof key, zip_by_name) : NULL;
}

/* Where the packed bytes lie: behind the local header, whose extra field may differ from the directory's. */
static of3_status locate(const of3_zip *zip, const of3_zip_member *m, const uint8_t **ret_packed,
                         of3_error *err) {
  uint64_t room = zip->directory_at;
  if (room < LOCAL_SIZE || m->header_at > room - LOCAL_SIZE ||
      of3_le32(zip->bytes + m->header_at) != LOCAL_SIG)
    return of3_fail(err, OF3_ERR_INPUT,
                    "the archive is corrupted: member '%.200s' is not where its directory says", m->name);
  const uint8_t *h = zip->bytes + m->header_at;
  room -= m->header_at + LOCAL_SIZE;
  size_t n_name = strlen(m->name), skip = n_name + of3_le16(h + 28);
  if (of3_le16(h + 26) != n_name || skip > room || memcmp(h + LOCAL_SIZE, m->name, n_name) != 0)
    return of3_fail(err, OF3_ERR_INPUT,
                    "the archive is corrupted: member '%.200s' has another name in its own header", m->name);
  if (m->packed_size > room - skip)
    return of3_fail(
        err, OF3_ERR_INPUT,
        "the archive is truncated or corrupted: member '%.200s' has %llu bytes of which %llu exist", m->name,
        (unsigned long long)m->packed_size, (unsigned long long)(room - skip));
  *ret_packed = h + LOCAL_SIZE + skip;
  return OF3_OK;
}

of3_status of3_zip_stored(const of3_zip *zip, const of3_zip_member *m, const uint8_t **ret_bytes,
                          of3_error *err) {
  if (m->method != STORED)
    return of3_fail(
        err, OF3_ERR_INPUT,
        "member '%.200s' of the archive is compressed where torch.save stores it plainly; save the "
        "file again with torch.save",
        m->name);
  if (m->size != m->packed_size)
    return of3_fail(err, OF3_ERR_INPUT, "the archive is corrupted: stored member '%.200s' has two sizes",
                    m->name);
  return locate(zip, m, ret_bytes, err);
}

/* Unpacks raw deflate data into exactly m->size bytes. zlib counts in 32 bits, so both sides are fed in
 * pieces. */
static of3_status unpack(const of3_zip *zip, const of3_zip_member *m, const uint8_t *packed, uint8_t *out,
                         of3_error *err) {
  enum { PIECE = 1 << 24 };
  z_stream z = {0};
  if (inflateInit2(&z, -MAX_WBITS) != Z_OK) return of3_fail_memory(err, "the state of zlib");
  uint64_t in_left = m->packed_size, out_left = m->size;
  z.next_in = (Bytef *)(uintptr_t)packed;
  z.next_out = out;
  int r = Z_OK;
  while (r == Z_OK) {
    uInt in = in_left < PIECE ? (uInt)in_left : PIECE, room = out_left < PIECE ? (uInt)out_left : PIECE;
    z.avail_in = in;
    z.avail_out = room;
    r = of3_cancelled(zip->opt_cancel) ? Z_ERRNO : inflate(&z, Z_NO_FLUSH);
    in_left -= in - z.avail_in;
    out_left -= room - z.avail_out;
  }
  inflateEnd(&z);
  if (r == Z_ERRNO) return of3_go_on(zip->opt_cancel, err);
  if (r == Z_MEM_ERROR) return of3_fail_memory(err, "the state of zlib");
  if (r != Z_STREAM_END || out_left != 0)
    return of3_fail(err, OF3_ERR_INPUT,
                    "the archive is corrupted: member '%.200s' does not unpack to its %llu bytes", m->name,
                    (unsigned long long)m->size);
  return OF3_OK;
}

/* torch.serialization.set_crc32_options(False) leaves the checksums 0. */
static of3_status check_crc(const of3_zip_member *m, const uint8_t *bytes, of3_error *err) {
  if (m->crc == 0 && m->method == STORED) return OF3_OK;
  if (crc32_z(crc32_z(0, NULL, 0), bytes, (z_size_t)m->size) == m->crc) return OF3_OK;
  return of3_fail(
      err, OF3_ERR_INPUT,
      "the archive is corrupted: the checksum of member '%.200s' is wrong; copy or download the file "
      "again",
      m->name);
}

of3_status of3_zip_read(const of3_zip *zip, const of3_zip_member *m, uint64_t most, of3_arena *arena,
                        const uint8_t **ret_bytes, of3_error *err) {
  if (m->size > most)
    return of3_fail(err, OF3_ERR_INPUT,
                    "member '%.200s' of the archive has %llu bytes; at most %llu are read", m->name,
                    (unsigned long long)m->size, (unsigned long long)most);
  if (m->method == STORED) {
    OF3_TRY(of3_zip_stored(zip, m, ret_bytes, err));
    return check_crc(m, *ret_bytes, err);
  }
  if (m->method != DEFLATED)
    return of3_fail(err, OF3_ERR_UNSUPPORTED,
                    "member '%.200s' of the archive is packed by method %d; only stored and deflated "
                    "members are read",
                    m->name, m->method);
  const uint8_t *packed = NULL;
  OF3_TRY(locate(zip, m, &packed, err));
  if (m->size / MAX_RATIO > m->packed_size)
    return of3_fail(err, OF3_ERR_INPUT,
                    "the archive is corrupted: member '%.200s' cannot unpack from %llu to %llu bytes",
                    m->name, (unsigned long long)m->packed_size, (unsigned long long)m->size);
  uint8_t *out = of3_arena_alloc(arena, (size_t)m->size, 1);
  if (!out) return of3_fail_memory(err, "the content of an archive");
  OF3_TRY(unpack(zip, m, packed, out, err));
  *ret_bytes = out;
  return check_crc(m, out, err);
}
