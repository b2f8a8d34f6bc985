/* Components as packed bytes, and the frame of the file that holds them. */
#ifndef OF3_CCD_CCD_RECORD_H
#define OF3_CCD_CCD_RECORD_H

#include "base/str.h"
#include "ccd/ccd.h"

enum {
  CCD_HEADER = 64,
  CCD_INDEX = 20, /* code [8], position u64, size u32 */
  CCD_VERSION = 1,
  CCD_MOST_ATOMS = 0xffff
};
#define CCD_MAGIC "OF3CCD\x1a\n"

/* Appends the record. OF3_ERR_INPUT: a coordinate is beyond 1,000,000 Angstrom. */
OF3_MUST_CHECK of3_status of3_ccd_pack(const of3_ccd_entry *entry, of3_str *out, of3_error *err);

/* What n bytes hold, in the arena; code is not set. NULL with *ret_memory: out of memory, else: damaged. */
of3_ccd_entry *of3_ccd_unpack(const uint8_t *bytes, size_t n, of3_arena *arena, bool *ret_memory);

#endif
