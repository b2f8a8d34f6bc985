#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

enum { ALIGN = 64, DEFAULT_CHUNK = 64 * 1024 };

typedef struct chunk {
  struct chunk *next;
  size_t size, used; /* of the bytes behind this header */
  _Alignas(ALIGN) char bytes[];
} chunk;

struct of3_arena {
  chunk *head;
  size_t chunk_size, used, most;
  of3_arena *within; /* the arena whose limit counts what this one hands out, or NULL */
};

of3_arena *of3_arena_new(size_t chunk_size) {
  of3_arena *a = calloc(1, sizeof *a);
  if (a) *a = (of3_arena){.chunk_size = chunk_size ? chunk_size : DEFAULT_CHUNK, .most = SIZE_MAX};
  return a;
}

of3_arena *of3_arena_new_within(of3_arena *outer) {
  of3_arena *a = of3_arena_new(0);
  if (a) a->within = outer;
  return a;
}

void of3_arena_limit(of3_arena *a, size_t most) { a->most = most; }

void of3_arena_free(of3_arena *a) {
  if (!a) return;
  for (of3_arena *outer = a->within; outer; outer = outer->within) outer->used -= a->used;
  for (chunk *c = a->head, *next; c; c = next) {
    next = c->next;
    free(c);
  }
  free(a);
}

static chunk *arena_grow(of3_arena *a, size_t need) {
  size_t size = need > a->chunk_size ? need : a->chunk_size;
  if (size > SIZE_MAX - sizeof(chunk) - ALIGN) return NULL;
  size_t total = (sizeof(chunk) + size + ALIGN - 1) / ALIGN * ALIGN;
  chunk *c = aligned_alloc(ALIGN, total);
  if (!c) return NULL;
  c->next = a->head;
  c->size = size;
  c->used = 0;
  a->head = c;
  return c;
}

void *of3_arena_alloc(of3_arena *a, size_t count, size_t size) {
  if (size && count > (SIZE_MAX - ALIGN) / size) return NULL;
  size_t n = (count * size + ALIGN - 1) / ALIGN * ALIGN;
  if (!n) n = ALIGN;
  if (n > of3_arena_room(a)) return NULL;
  chunk *c = a->head;
  if (!c || c->size - c->used < n) c = arena_grow(a, n);
  if (!c) return NULL;
  void *p = c->bytes + c->used;
  c->used += n;
  for (of3_arena *counts = a; counts; counts = counts->within) counts->used += n;
  return memset(p, 0, n);
}

char *of3_arena_strndup(of3_arena *a, const char *text, size_t n) {
  char *p = of3_arena_alloc(a, n + 1, 1);
  if (p) memcpy(p, text, n);
  return p;
}

char *of3_arena_strdup(of3_arena *a, const char *text) { return of3_arena_strndup(a, text, strlen(text)); }

char *of3_arena_printf(of3_arena *a, const char *fmt, ...) {
  va_list ap, again;
  va_start(ap, fmt);
  va_copy(again, ap);
  int n = of3_vformat(NULL, 0, fmt, ap);
  char *p = n < 0 ? NULL : of3_arena_alloc(a, (size_t)n + 1, 1);
  if (p) of3_vformat(p, (size_t)n + 1, fmt, again);
  va_end(again);
  va_end(ap);
  return p;
}

size_t of3_arena_used(const of3_arena *a) { return a->used; }

size_t of3_arena_room(const of3_arena *a) {
  size_t room = SIZE_MAX;
  for (; a; a = a->within) {
    const size_t left = a->most > a->used ? a->most - a->used : 0;
    if (left < room) room = left;
  }
  return room;
}
