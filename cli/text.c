#include "text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { TEXT_BYTES = 4096 };

/* Bytes of the character at `text`, and whether it is shown as it is. */
static size_t text_character(const char *text, bool *ret_shown) {
  static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
  const uint8_t *b = (const uint8_t *)text;
  size_t more = b[0] < 0x80 ? 0 : b[0] >> 5 == 6 ? 1 : b[0] >> 4 == 14 ? 2 : b[0] >> 3 == 30 ? 3 : 4;
  *ret_shown = false;
  if (more > 3) return 1;
  uint32_t c = more ? b[0] & (0x3fU >> more) : b[0];
  for (size_t i = 1; i <= more; i++) { /* the end of the text is no such byte */
    if (b[i] >> 6 != 2) return 1;
    c = c << 6 | (b[i] & 0x3fU);
  }
  if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return 1;
  *ret_shown = c >= ' ' && !(c >= 0x7f && c < 0xa0) && !(c >= 0x2028 && c <= 0x202e) &&
               !(c >= 0x2066 && c <= 0x2069) && c != 0x200e && c != 0x200f && c != 0xfeff;
  return more + 1;
}

char *cli_clean(const char *text, char *out, size_t size) {
  static const char digit[] = "0123456789abcdef";
  size_t n = 0;
  for (bool shown; *text;) {
    size_t bytes = text_character(text, &shown);
    if (n + (shown ? bytes : 4 * bytes) >= size) break;
    for (; bytes; bytes--, text++) {
      unsigned char c = (unsigned char)*text;
      if (!shown) {
        memcpy(out + n, "\\x", 2);
        out[n + 2] = digit[c >> 4];
        out[n + 3] = digit[c & 15];
        n += 4;
      } else
        out[n++] = *text;
    }
  }
  out[n] = 0;
  return out;
}

void cli_put(FILE *f, const char *text) {
  char piece[TEXT_BYTES];
  bool shown;
  for (size_t n; *text; text += n) { /* pieces that fit, whole characters each */
    for (n = 0; n < TEXT_BYTES / 4 - 4 && text[n]; n += text_character(text + n, &shown)) {
    }
    char part[TEXT_BYTES / 4];
    memcpy(part, text, n);
    part[n] = 0;
    fputs(cli_clean(part, piece, sizeof piece), f);
  }
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
