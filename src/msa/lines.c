#include "msa/lines.h"

static bool lines_is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

of3_lines of3_lines_of(const char *text, size_t size) { return (of3_lines){.at = text, .end = text + size}; }

bool of3_lines_next(of3_lines *l, const char **line, size_t *length) {
  if (l->at == l->end) return false;
  const char *a = l->at, *b = a;
  while (b < l->end && *b != '\n' && *b != '\r') b++;
  l->at = b;
  if (l->at < l->end && *l->at == '\r') l->at++;
  if (l->at < l->end && *l->at == '\n' && (l->at == b || *b == '\r')) l->at++;
  l->number++;
  while (a < b && lines_is_space(*a)) a++;
  while (b > a && lines_is_space(b[-1])) b--;
  *line = a;
  *length = (size_t)(b - a);
  return true;
}
