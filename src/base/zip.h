/* Reading zip archives from memory: central directory, Zip64, stored and deflated members (PKWARE
 * APPNOTE 6.3). Made for the two archives that of3 meets: torch checkpoints (stored members, 2.3 GB, mapped)
 * and NPZ files (deflated members). Encrypted and multi-volume archives are refused. Sentences of errors name
 * the member, not the archive: the caller adds its path with of3_prefix. */
#ifndef OF3_BASE_ZIP_H
#define OF3_BASE_ZIP_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cancel.h"
#include "base/status.h"

typedef struct of3_zip_member {
  const char *name;           /* terminated; never empty */
  uint64_t size, packed_size; /* bytes after and before unpacking */
  uint64_t header_at;         /* offset of the local header */
  uint32_t crc;
  uint16_t method; /* 0 stored, 8 deflated; others are refused when read */
} of3_zip_member;

typedef struct of3_zip {
  const uint8_t *bytes; /* not owned */
  size_t size;
  uint64_t directory_at; /* members end before it */
  int n;
  of3_zip_member *member; /* sorted by name (strcmp), no duplicates */
  of3_cancel *opt_cancel; /* of unpacking; NULL after of3_zip_parse */
} of3_zip;

/* Reads the central directory only; members are looked at when they are asked for. bytes must stay valid as
 * long as the zip is used; the rest of the memory belongs to the arena and is at most proportional to the
 * directory. */
OF3_MUST_CHECK of3_status of3_zip_parse(const uint8_t *bytes, size_t size, of3_arena *arena, of3_zip *out,
                                        of3_error *err);

/* NULL if there is none. */
const of3_zip_member *of3_zip_find(const of3_zip *zip, const char *name);

/* Where the size bytes of a stored member lie in the archive. Their checksum is not verified: that would read
 * them. */
OF3_MUST_CHECK of3_status of3_zip_stored(const of3_zip *zip, const of3_zip_member *m,
                                         const uint8_t **ret_bytes, of3_error *err);

/* The m->size bytes of a stored or deflated member, checksum verified (where there is one): in the archive
 * itself, or unpacked into the arena. A member of more than `most` bytes is refused before memory is taken,
 * so is one whose packed bytes cannot possibly unpack to its size. */
OF3_MUST_CHECK of3_status of3_zip_read(const of3_zip *zip, const of3_zip_member *m, uint64_t most,
                                       of3_arena *arena, const uint8_t **ret_bytes, of3_error *err);

#endif
