#include "text.h"

#include <stdint.h>

#include "of3.h"

enum { TEXT_BYTES = 4096 };

char *cli_clean(const char *text, char *out, size_t size) {
  of3_printable(text, out, size);
  return out;
}

void cli_put(FILE *f, const char *text) {
  char piece[TEXT_BYTES];
  for (; *text; fputs(piece, f)) text += of3_printable(text, piece, sizeof piece);
}

size_t cli_characters(const char *text) {
  size_t n = 0;
  for (; *text; text++) n += ((unsigned char)*text & 0xc0) != 0x80;
  return n;
}

size_t cli_first_characters(const char *text, size_t most) {
  size_t n = 0, at = 0;
  for (; text[at]; at++)
    if (((unsigned char)text[at] & 0xc0) != 0x80 && n++ == most) break;
  return at;
}

void cli_put_column(FILE *f, const char *text, size_t width) {
  char clean[TEXT_BYTES];
  cli_clean(text, clean, sizeof clean);
  size_t n = cli_characters(clean);
  fprintf(f, "%.*s%*s", (int)cli_first_characters(clean, CLI_MOST_COLUMN), clean,
          n < width ? (int)(width - n) : 0, "");
}
