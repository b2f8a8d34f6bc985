/* The malloc family under a test's control: calls are counted, and one can be made to fail. Linked with
 * --wrap (of3_test_allocations in cmake/of3.cmake), so that our own calls come here first; those inside
 * shared libraries (jansson, zlib, stdio) do not. */
#ifndef OF3_TESTS_ALLOCATIONS_H
#define OF3_TESTS_ALLOCATIONS_H

#include <stdbool.h>

#include "of3.h"

/* The n-th call from now on fails, once; 0: none. Not while several threads allocate. */
void allocation_fail_at(int n);
/* Whether it has failed; from here on none fails. */
bool allocation_failed(void);
/* Whether this call is the one to fail; for allocators that a test wraps itself. */
bool allocation_fails(void);
/* Calls since the program began, by all threads. */
int allocation_calls(void);

/* Runs attempt(path) with the first, second, ... allocation failing until it succeeds without any failure,
 * and demands OF3_ERR_MEMORY each time; returns how many failures it took. A cmocka failure otherwise. */
int allocation_exhaust(of3_status (*attempt)(const char *path, of3_error *err), const char *path);

#endif
