/* Writing NumPy archives: a zip file whose members are deflated .npy files. Members are streamed; their sizes
 * and check sums are filled in afterwards. Files do not depend on the time.
 *
 *   local header, name, deflated data   for each member
 *   directory entry, name               for each member
 *   end of directory
 *
 * Errors are sticky: puts may follow one, of3_npz_end and of3_npz_commit return it. */
#ifndef OF3_BASE_NPZ_WRITER_H
#define OF3_BASE_NPZ_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/status.h"

typedef struct of3_npz_writer of3_npz_writer;

/* The file appears with of3_npz_commit. */
OF3_MUST_CHECK of3_status of3_npz_create(const char *path, of3_cancel *opt_cancel,
                                         of3_npz_writer **ret_writer, of3_error *err);

/* A member "KEY.npy", all bytes of which follow. Fewer than 4 GiB. */
void of3_npz_begin(of3_npz_writer *w, const char *key);
void of3_npz_put(of3_npz_writer *w, const void *bytes, size_t n);
OF3_MUST_CHECK of3_status of3_npz_end(of3_npz_writer *w, of3_error *err);

/* Magic, version 1.0, and a Python dictionary padded to a multiple of 64 bytes. descr: "<f2", "|O"; shape:
 * "(3, 4)", "()". */
void of3_npz_put_header(of3_npz_writer *w, const char *descr, const char *shape);

/* Both free the writer. abort: NULL is allowed, nothing is left. */
OF3_MUST_CHECK of3_status of3_npz_commit(of3_npz_writer *w, of3_error *err);
void of3_npz_abort(of3_npz_writer *opt_writer);

/* ---- Pickles (protocol 4) of NumPy's arrays and of what holds them, for members that are objects: each call
 * appends opcodes that leave one value on the stack of whoever reads them. */

/* An object array of shape (), as numpy.savez makes one of anything; the value is put between the two. */
void of3_pickle_begin_object(of3_npz_writer *w);
void of3_pickle_end_object(of3_npz_writer *w);

void of3_pickle_mark(of3_npz_writer *w); /* begins a tuple or the pairs of a dictionary */
void of3_pickle_tuple(of3_npz_writer *w);
void of3_pickle_dict(of3_npz_writer *w);
void of3_pickle_none(of3_npz_writer *w);
void of3_pickle_int(of3_npz_writer *w, int64_t v);
void of3_pickle_text(of3_npz_writer *w, const char *text);
void of3_pickle_bytes(of3_npz_writer *w, const void *bytes, size_t n);

/* Of an array in C order, '<U%d' (width characters of 4 bytes) or '<i8' (width 0). shape[n_dim]. Behind begin
 * all bytes are put. */
void of3_pickle_begin_array(of3_npz_writer *w, int width, const int64_t *shape, int n_dim);
void of3_pickle_end_array(of3_npz_writer *w);

/* datetime.datetime of a day, "2021-09-30". */
void of3_pickle_date(of3_npz_writer *w, const char *day);

#endif
