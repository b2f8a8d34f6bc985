#include "bounds.h"

double bound_of(const char *name, bool trained) {
  (void)name, (void)trained;
  return 5e-6;
}
