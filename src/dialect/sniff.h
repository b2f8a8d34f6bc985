/* Which dialect a text is in. */
#ifndef OF3_DIALECT_SNIFF_H
#define OF3_DIALECT_SNIFF_H

#include <stddef.h>

typedef enum of3_dialect {
  OF3_DIALECT_UNKNOWN,
  OF3_DIALECT_OPENFOLD3,
  OF3_DIALECT_ALPHAFOLD3,
  OF3_DIALECT_BOLTZ,
  OF3_DIALECT_FASTA
} of3_dialect;

/* Looks at the first characters, and at the keys of the outermost object of JSON or YAML. JSON that shows
 * nothing else is OpenFold3's, whose reader says what is wrong. *ret_other: what it looks like, if it is
 * known but not read ("the input of Protenix"), else NULL. A 0 follows the text. */
of3_dialect of3_dialect_of(const char *text, size_t size, const char **ret_other);

#endif
