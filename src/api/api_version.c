#include "of3.h"

const char *of3_version(void) { return OF3_VERSION; }
