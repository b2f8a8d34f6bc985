/* Checks that the readers of queries share. */
#ifndef OF3_FEAT_QUERY_CHECK_H
#define OF3_FEAT_QUERY_CHECK_H

#include "feat/query.h"

enum { OF3_MAX_QUERIES = 100000 };

/* A folder name: not empty, not "." or "..", no '/' or control characters, not too long. */
OF3_MUST_CHECK of3_status of3_query_check_name(const char *name, of3_error *err);

/* Capital letters and '*', at least one, at most OF3_MAX_RESIDUES. */
OF3_MUST_CHECK of3_status of3_query_check_sequence(const char *sequence, int *ret_n, of3_error *err);

/* Printable ASCII without blanks, not empty, not too long. */
OF3_MUST_CHECK of3_status of3_query_check_chain_id(const char *id, of3_error *err);

/* Distinct chain ids, and the limits on chains and residues. */
OF3_MUST_CHECK of3_status of3_query_check_chains(const of3_query *query, of3_error *err);

/* A query of one protein chain A; sequence is kept, not copied. */
OF3_MUST_CHECK of3_status of3_query_single(of3_arena *arena, const char *name, const char *sequence,
                                           of3_query *out, of3_error *err);

#endif
