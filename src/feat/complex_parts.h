/* The stations of of3_complex_build, in this order; each works on what the one before has put there. */
#ifndef OF3_FEAT_COMPLEX_PARTS_H
#define OF3_FEAT_COMPLEX_PARTS_H

#include "feat/build.h"

/* complex_links.c: bonds of neighbours in polymers, and those that close cyclic chains. The array of bonds
 * has room for one of each residue. */
void of3_complex_put_links(const of3_log *opt_log, of3_complex *complex);

#endif
