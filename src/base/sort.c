#include "base/sort.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct sorting {
  size_t size;
  int (*compare)(const void *a, const void *b);
} sorting;

/* Merges the sorted from[0 .. half) and from[half .. n) into `to`; of equal items those of the first half go
 * first. */
static void sort_merge(const sorting *s, const char *from, size_t half, size_t n, char *to) {
  const char *a = from, *a_end = from + half * s->size, *b = a_end, *b_end = from + n * s->size;
  for (; a < a_end && b < b_end; to += s->size) {
    const char **least = s->compare(a, b) <= 0 ? &a : &b;
    memcpy(to, *least, s->size);
    *least += s->size;
  }
  memcpy(to, a, (size_t)(a_end - a));
  memcpy(to + (a_end - a), b, (size_t)(b_end - b));
}

/* Passes over runs of 1, 2, 4 ... items, from one memory to the other. Returns where the items are at the
 * end; before each merge of many items, and each pass, somebody may ask to stop. */
static char *sort_passes(const sorting *s, char *items, size_t n, char *spare, of3_cancel *opt_cancel) {
  enum { MANY = 4096 };
  bool stop = false;
  for (size_t run = 1; run < n && !stop; run *= 2) {
    for (size_t at = 0; at < n; at += 2 * run) {
      const size_t left = n - at, count = left < 2 * run ? left : 2 * run;
      stop = stop || ((run >= MANY || at % MANY == 0) && of3_cancelled(opt_cancel));
      const size_t half = stop || count < run ? count : run; /* a copy, then */
      sort_merge(s, items + at * s->size, half, count, spare + at * s->size);
    }
    char *other = items;
    items = spare;
    spare = other;
  }
  return items;
}

of3_status of3_sort(void *items, size_t n, size_t size, int (*compare)(const void *a, const void *b),
                    of3_cancel *opt_cancel, of3_error *err) {
  if (n < 2) return OF3_OK;
  const sorting s = {.size = size, .compare = compare};
  char *spare = n <= SIZE_MAX / size ? malloc(n * size) : NULL;
  if (!spare) return of3_fail_memory(err, "what is sorted");
  const char *sorted = sort_passes(&s, items, n, spare, opt_cancel);
  if (sorted != items) memcpy(items, sorted, n * size);
  free(spare);
  return of3_go_on(opt_cancel, err);
}
