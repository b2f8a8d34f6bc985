/* The stations of of3_complex_build, in this order; each works on what the one before has put there. */
#ifndef OF3_FEAT_COMPLEX_PARTS_H
#define OF3_FEAT_COMPLEX_PARTS_H

#include "feat/build.h"

/* complex_links.c: bonds of neighbours in polymers, and those that close cyclic chains. The array of bonds
 * has room for one of each residue. */
void of3_complex_put_links(const of3_log *opt_log, of3_complex *complex);

/* complex_bonds.c: takes out the atoms that leave and puts in the query's bonds, for which the array has
 * room. OF3_ERR_INPUT: an atom is not there, or it is not clear what leaves. */
OF3_MUST_CHECK of3_status of3_complex_put_bonds(const of3_query *query, const of3_log *opt_log,
                                                of3_complex *complex, of3_error *err);

#endif
