#include "base/printable.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

enum { ESCAPED = 4 /* "\x1b" */ };

/* Control characters (C0, DEL, C1), separators of lines and paragraphs, marks of writing direction, byte
 * order marks: what moves the cursor, breaks a line or reorders what stands beside it. */
static bool is_shown(uint32_t c) {
  return c != OF3_UTF8_BAD && c >= ' ' && !(c >= 0x7f && c < 0xa0) && !(c >= 0x2028 && c <= 0x202e) &&
         !(c >= 0x2066 && c <= 0x2069) && c != 0x061c && c != 0x200e && c != 0x200f && c != 0xfeff;
}

/* How many bytes of ASCII that is shown as it is begin the text, at most `most`. */
static size_t plain_length(const char *text, size_t most) {
  size_t n = 0;
  while (n < most && (unsigned char)(text[n] - ' ') <= '~' - ' ') n++;
  return n;
}

size_t of3_printable(const char *text, char *out, size_t size) {
  static const char digit[] = "0123456789abcdef";
  size_t at = 0, n = 0;
  const size_t length = strlen(text);
  while (at < length) {
    uint32_t code;
    const size_t room = size - 1 - n, left = length - at;
    const size_t plain = plain_length(text + at, room < left ? room : left);
    memcpy(out + n, text + at, plain);
    n += plain;
    at += plain;
    if (at == length) break;
    const size_t bytes = of3_utf8_next(text + at, length - at, &code);
    const bool shown = is_shown(code);
    if (n + (shown ? bytes : ESCAPED * bytes) >= size) break;
    for (const size_t end = at + bytes; at < end; at++) {
      const unsigned char c = (unsigned char)text[at];
      const char escaped[ESCAPED] = {'\\', 'x', digit[c >> 4], digit[c & 15]};
      memcpy(out + n, shown ? text + at : escaped, shown ? 1 : ESCAPED);
      n += shown ? 1 : ESCAPED;
    }
  }
  out[n] = 0;
  return at;
}

void of3_str_add_printable(of3_str *s, const char *text) {
  char piece[256];
  for (; *text; of3_str_add(s, piece)) text += of3_printable(text, piece, sizeof piece);
}

void of3_make_printable(char *text, size_t size) {
  char copy[OF3_ERROR_TEXT];
  assert(size <= sizeof copy);
  memcpy(copy, text, strlen(text) + 1);
  of3_printable(copy, text, size);
}
