/* The lines of a text in memory, without white space at either end. */
#ifndef OF3_MSA_LINES_H
#define OF3_MSA_LINES_H

#include <stdbool.h>
#include <stddef.h>

typedef struct of3_lines {
  const char *at, *end;
  size_t number; /* of the line last returned, from 1 */
} of3_lines;

/* A byte order mark of UTF-8 at the begin is left out. */
of3_lines of3_lines_of(const char *text, size_t size);

/* False after the last line. Lines end with \n, \r or \r\n. */
bool of3_lines_next(of3_lines *lines, const char **line, size_t *length);

#endif
