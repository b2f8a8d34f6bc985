/* SHA-256 (FIPS 180-4). */
#ifndef OF3_BASE_SHA256_H
#define OF3_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/status.h"

typedef struct of3_sha256 {
  uint32_t state[8];
  uint64_t total; /* bytes */
  uint8_t block[64];
} of3_sha256;

enum { OF3_SHA256_HEX = 65 };

void of3_sha256_init(of3_sha256 *s);
void of3_sha256_add(of3_sha256 *s, const void *bytes, size_t n);
/* Lower-case hex, terminated. s is spent. */
void of3_sha256_hex(of3_sha256 *s, char out[OF3_SHA256_HEX]);

/* of3_sha256_add of many bytes, which ends early with OF3_ERR_CANCELLED. */
OF3_MUST_CHECK of3_status of3_sha256_add_many(of3_sha256 *s, const void *bytes, size_t n,
                                              of3_cancel *opt_cancel, of3_error *err);

/* The hash of a whole file, and its size. */
OF3_MUST_CHECK of3_status of3_sha256_file(const char *path, of3_cancel *opt_cancel, char out[OF3_SHA256_HEX],
                                          uint64_t *ret_size, of3_error *err);

#endif
