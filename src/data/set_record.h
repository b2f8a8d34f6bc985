/* Entries as packed bytes, and the frame of the file that holds them. */
#ifndef OF3_DATA_SET_RECORD_H
#define OF3_DATA_SET_RECORD_H

#include "base/str.h"
#include "data/set.h"

enum {
  SET_VERSION = 1,
  SET_HEADER = 64, /* magic [8], version u32, n_entry u32, n_alignment u32, n_point u32, size u64, entry table
                      u64, alignment table u64, point table u64 */
  SET_ENTRY_ROW = 40, /* position u64, bytes u32, CRC-32 u32, tokens u32, chains u32, date [10], 2 bytes of 0,
                         resolution f32 */
  SET_ALIGNMENT_ROW = 16, /* position u64, bytes u64 */
  SET_POINT_ROW = 24, /* entry u32, chains 2 x i32, cluster u32, proteins u8, nucleic acids u8, ligands u8, 5
                         bytes of 0 */
  SET_MOST_ATOMS = 50000000,
  SET_NO_ALIGNMENT = 0 /* of a chain; else 1 + its number */
};
#define SET_MAGIC "OF3SET\x1a\n"

/* Appends the record. alignment: of each chain SET_NO_ALIGNMENT, or 1 + its number. */
void of3_set_pack_entry(const of3_set_entry *entry, const uint32_t *alignment, of3_str *out);

/* What n bytes hold, in the arena; alignment [n_chain] as it was packed. OF3_ERR_INPUT, with an empty
 * message: damaged. */
OF3_MUST_CHECK of3_status of3_set_unpack_entry(const uint8_t *bytes, size_t n, of3_arena *arena,
                                               of3_set_entry *out, uint32_t **ret_alignment, of3_error *err);

/* Appends the texts of an alignment. */
void of3_set_pack_texts(const of3_msa_text *text, int n, of3_str *out);
/* The texts where they lie. */
OF3_MUST_CHECK of3_status of3_set_unpack_texts(const uint8_t *bytes, size_t n, of3_arena *arena,
                                               of3_msa_text **ret_text, int *ret_n, of3_error *err);

#endif
