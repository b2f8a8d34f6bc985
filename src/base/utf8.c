#include "base/utf8.h"

size_t of3_utf8_next(const char *text, size_t n, uint32_t *ret_code) {
  static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
  const uint8_t *b = (const uint8_t *)text;
  size_t more = b[0] < 0x80 ? 0 : b[0] >> 5 == 6 ? 1 : b[0] >> 4 == 14 ? 2 : b[0] >> 3 == 30 ? 3 : n;
  *ret_code = OF3_UTF8_BAD;
  if (more >= n) return 1;
  uint32_t code = more ? b[0] & (0x3fU >> more) : b[0];
  for (size_t i = 1; i <= more; i++) {
    if (b[i] >> 6 != 2) return 1;
    code = code << 6 | (b[i] & 0x3fU);
  }
  if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return 1;
  *ret_code = code;
  return more + 1;
}
