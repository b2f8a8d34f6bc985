/* Little-endian integers in a byte stream of any alignment. */
#ifndef OF3_BASE_LE_H
#define OF3_BASE_LE_H

#include <stdint.h>

static inline uint16_t of3_le16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }

static inline uint32_t of3_le32(const uint8_t *p) { return of3_le16(p) | (uint32_t)of3_le16(p + 2) << 16; }

static inline uint64_t of3_le64(const uint8_t *p) { return of3_le32(p) | (uint64_t)of3_le32(p + 4) << 32; }

/* The lowest `bytes` bytes of v. */
static inline void of3_put_le(uint8_t *p, int bytes, uint32_t v) {
  for (int k = 0; k < bytes; k++) p[k] = (uint8_t)(v >> (8 * k));
}

#endif
