/* Checks that the readers of queries share. */
#ifndef OF3_FEAT_QUERY_CHECK_H
#define OF3_FEAT_QUERY_CHECK_H

#include "feat/query.h"

enum { OF3_MAX_QUERIES = 100000 };

/* The character that begins at text[0 .. n-1], n > 0: how many bytes it has, and whether a name may hold it:
 * UTF-8 but for '/', control characters, and those that break lines or change the direction of text. */
size_t of3_query_name_character(const char *text, size_t n, bool *ret_fit);

/* Distinct; key: what they are called. The arena is for what is needed meanwhile. */
OF3_MUST_CHECK of3_status of3_query_check_seeds(of3_arena *arena, const uint64_t *seed, int n,
                                                const char *key, of3_error *err);

/* Adds a sentence to the query's notes; text in the arena, NULL: there was no memory for it. */
OF3_MUST_CHECK of3_status of3_query_add_note(of3_query *query, of3_arena *arena, const char *text,
                                             of3_error *err);

/* Of queries whose names are equal but for case and Unicode form, all but the first get an error. */
OF3_MUST_CHECK of3_status of3_query_refuse_equal_names(of3_query_set *set, of3_error *err);

/* Whether all letters are bases of DNA and RNA (A, C, G, T, U, N): no protein unless the user says so. */
bool of3_query_is_bases(const char *sequence);

/* A folder name: not empty, not "." or "..", no '/' or control characters, not too long. */
OF3_MUST_CHECK of3_status of3_query_check_name(const char *name, of3_error *err);

/* How sequences are read in every dialect, in place: white space counts for nothing, lower case as capitals,
 * and a '*' at the end is left out. */
void of3_query_clean_sequence(char *sequence);

/* Capital letters and '*', at least one, at most OF3_MAX_RESIDUES. */
OF3_MUST_CHECK of3_status of3_query_check_sequence(const char *sequence, int *ret_n, of3_error *err);

/* Printable ASCII without blanks, not empty, not too long. */
OF3_MUST_CHECK of3_status of3_query_check_chain_id(const char *id, of3_error *err);

/* 1 to OF3_MAX_CODE capital letters and digits, '-' and '_'. */
OF3_MUST_CHECK of3_status of3_query_check_code(const char *code, of3_error *err);

/* Distinct chain ids, the limits on chains and residues, names of ligands (ligand_names.h). */
OF3_MUST_CHECK of3_status of3_query_check_chains(const of3_query *query, of3_error *err);

/* Bonds and leaving atoms: their chains and residues are there, no pair and no leaving atom is named twice, a
 * bond has two ends of different residues, none of which leaves. */
OF3_MUST_CHECK of3_status of3_query_check_bonds(const of3_query *query, of3_error *err);

/* The pocket, if there is one: of a ligand, with residues that are there and a distance above 0. */
OF3_MUST_CHECK of3_status of3_query_check_pocket(const of3_query *query, of3_error *err);

/* A query of one protein chain A; sequence is kept, not copied. Bases alone are refused: nobody said that
 * they are a protein. */
OF3_MUST_CHECK of3_status of3_query_single(of3_arena *arena, const char *name, const char *sequence,
                                           of3_query *out, of3_error *err);

#endif
