/* SHA-256 of files and of texts in queries, each read once: a thousand queries name the same alignments. For
 * as long as files do not change and texts stay where they are. */
#ifndef OF3_WRITE_FILE_HASHES_H
#define OF3_WRITE_FILE_HASHES_H

#include "base/cancel.h"
#include "base/sha256.h"

typedef struct of3_file_hashes of3_file_hashes;

of3_file_hashes *of3_file_hashes_new(void); /* NULL: memory is out */
void of3_file_hashes_free(of3_file_hashes *opt_hashes);

/* As of3_sha256_file; opt_hashes NULL: reads the file. */
OF3_MUST_CHECK of3_status of3_file_hash(of3_file_hashes *opt_hashes, const char *path, of3_cancel *opt_cancel,
                                        char out[OF3_SHA256_HEX], uint64_t *ret_size, of3_error *err);
/* The same of a text, which is known by its address. */
OF3_MUST_CHECK of3_status of3_text_hash(of3_file_hashes *opt_hashes, const char *text,
                                        char out[OF3_SHA256_HEX], uint64_t *ret_size, of3_error *err);

#endif
