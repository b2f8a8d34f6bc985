#include <string.h>

#include "chem/component.h"

/* Two characters for each element. */
static const char symbols[] = "H HELIBEB C N O F NENAMGALSIP S CLARK CASCTIV CRMNFECONICUZNGAGEASSEBRKR"
                              "RBSRY ZRNBMOTCRURHPDAGCDINSNSBTEI XECSBALACEPRNDPMSMEUGDTBDYHOERTMYBLU"
                              "HFTAW REOSIRPTAUHGTLPBBIPOATRNFRRAACTHPAU NPPUAMCMBKCFESFMMDNOLR"
                              "RFDBSGBHHSMTDSRGCNNHFLMCLVTSOG";

int of3_element_number(const char *symbol) {
  size_t n = strlen(symbol);
  if (n < 1 || n > 2) return 0;
  const char key[2] = {symbol[0], n == 2 ? symbol[1] : ' '};
  for (int z = 1; z <= 118; z++)
    if (memcmp(symbols + 2 * (z - 1), key, 2) == 0) return z;
  return 0;
}

const char *of3_element_symbol(int number, char out[4]) {
  memset(out, 0, 4);
  if (number < 1 || number > 118) return out;
  memcpy(out, symbols + 2 * (number - 1), 2);
  if (out[1] == ' ') out[1] = 0;
  return out;
}
