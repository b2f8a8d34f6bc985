/* of3_record.bin in each seed folder: the float32 numbers from which structures and confidences are written,
 * without loss, so that files of another format can be written later with the bytes that a new run would give
 * them. Files do not suffice for that: PDB has three decimals, JSON six, NPZ as a rule eleven bits.
 *
 *   "of3record" 1   samples, tokens, atoms (u32 each)   whether PDE is symmetric (u32)
 *   for each sample: x [A,3], plddt [A], pae [N,N], pde [N,N], or its upper triangle row by row
 *
 * These numbers in blocks of 65,536, each the low bytes of all, the second, the third, and the high ones. The
 * low two are stored as they are, since nothing makes them smaller; of the other two come the length (u32)
 * and the deflated bytes. All integers are little-endian. For 304 tokens and 5 samples that is 2.1 MB,
 * where the JSON files take 21 (docs/output.md). */
#ifndef OF3_WRITE_RECORD_H
#define OF3_WRITE_RECORD_H

#include "base/cancel.h"
#include "base/status.h"
#include "model/prediction.h"

/* x, plddt, pae, pde of all samples. */
OF3_MUST_CHECK of3_status of3_record_write(const char *path, const of3_prediction *p, of3_cancel *opt_cancel,
                                           of3_error *err);

typedef struct of3_record of3_record;

typedef struct of3_record_size {
  int n_sample, n_token, n_atom;
} of3_record_size;

/* Ownership: of3_record_close. The sizes are those that the file's length allows. */
OF3_MUST_CHECK of3_status of3_record_open(const char *path, of3_record **ret_record,
                                          of3_record_size *ret_size, of3_error *err);
void of3_record_close(of3_record *opt_record);

/* The next sample: fills x, plddt, pae and pde of a prediction of one sample of that size. */
OF3_MUST_CHECK of3_status of3_record_next(of3_record *record, of3_prediction *one, of3_error *err);

#endif
