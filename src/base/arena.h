/* A growing bump allocator: many small objects, one lifetime.
 *
 *   chunk -> chunk -> chunk        newest first; every pointer stays valid until release or free
 */
#ifndef OF3_BASE_ARENA_H
#define OF3_BASE_ARENA_H

#include <stddef.h>

#include "base/status.h"

typedef struct of3_arena of3_arena;

/* NULL if out of memory. chunk: bytes taken from malloc at a time, 0 for 64 KiB. */
of3_arena *of3_arena_new(size_t chunk);
void of3_arena_free(of3_arena *opt_arena);

/* An arena for what is needed for a while: until it is freed, the limit of `outer` counts what it hands out
 * as well. One thread uses both. NULL if out of memory. */
of3_arena *of3_arena_new_within(of3_arena *outer);

/* From here on no more than `most` bytes are handed out in all. */
void of3_arena_limit(of3_arena *arena, size_t most);

/* count*size zeroed bytes aligned to 64; NULL if the product overflows, memory is out or the limit is
 * reached. count 0 gives a valid pointer. */
void *of3_arena_alloc(of3_arena *arena, size_t count, size_t size);
#define OF3_ARENA_NEW(arena, type, count) ((type *)of3_arena_alloc((arena), (size_t)(count), sizeof(type)))

char *of3_arena_strdup(of3_arena *arena, const char *text);
char *of3_arena_strndup(of3_arena *arena, const char *text, size_t n);
char *of3_arena_printf(of3_arena *arena, const char *fmt, ...) OF3_PRINTF(2, 3);

/* Bytes handed out so far, and those that limits leave; SIZE_MAX less what is used without one. */
size_t of3_arena_used(const of3_arena *arena);
size_t of3_arena_room(const of3_arena *arena);

#endif
