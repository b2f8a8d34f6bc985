#include "msa/lines.h"

#include <string.h>

#include "base/str.h"

of3_lines of3_lines_of(const char *text, size_t size) {
  bool mark = size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0; /* UTF-8's byte order mark */
  return (of3_lines){.at = text + (mark ? 3 : 0), .end = text + size};
}

/* The end of the line that begins at a: the first \n or \r. */
static const char *lines_stop(const char *a, const char *end) {
  const char *feed = memchr(a, '\n', (size_t)(end - a));
  if (!feed) feed = end;
  const char *carriage = memchr(a, '\r', (size_t)(feed - a));
  return carriage ? carriage : feed;
}

bool of3_lines_next(of3_lines *l, const char **line, size_t *length) {
  if (l->at == l->end) return false;
  const char *a = l->at, *b = lines_stop(a, l->end);
  l->at = b;
  if (l->at < l->end && *l->at == '\r') l->at++;
  if (l->at < l->end && *l->at == '\n' && (l->at == b || *b == '\r')) l->at++;
  l->number++;
  while (a < b && of3_is_space(*a)) a++;
  while (b > a && of3_is_space(b[-1])) b--;
  *line = a;
  *length = (size_t)(b - a);
  return true;
}
