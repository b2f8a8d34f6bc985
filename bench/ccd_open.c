/* ccd_open FILE: how long it takes to open a dictionary that of3 ccd build wrote, and to find and unpack all
 * of it. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <time.h>

#include "ccd/ccd.h"

static double ccd_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static of3_status unpack_all(const of3_ccd *ccd, int64_t *ret_atoms, of3_error *err) {
  for (int i = 0; i < of3_ccd_count(ccd); i++) {
    of3_arena *arena = of3_arena_new(0);
    of3_ccd_entry *e = NULL, *found = NULL;
    if (!arena) return of3_fail_memory(err, "a component");
    of3_status status = of3_ccd_get(ccd, i, arena, &e, err);
    if (status == OF3_OK) status = of3_ccd_find(ccd, e->code, arena, &found, err);
    if (found) *ret_atoms += found->n_atom;
    of3_arena_free(arena);
    OF3_TRY(status);
  }
  return OF3_OK;
}

int main(int argc, char **argv) {
  of3_ccd *ccd = NULL;
  of3_error err = {0};
  int64_t atoms = 0;
  double start = ccd_seconds();
  of3_status status =
      argc == 2 ? of3_ccd_open(argv[1], &ccd, &err) : of3_fail(&err, OF3_ERR_USAGE, "ccd_open FILE");
  double opened = ccd_seconds();
  if (status == OF3_OK) status = unpack_all(ccd, &atoms, &err);
  if (status != OF3_OK) {
    fprintf(stderr, "%s\n", err.text);
    return 1;
  }
  printf("open: %.3f ms; all %d components unpacked and found: %.2f s, %lld atoms\n", 1e3 * (opened - start),
         of3_ccd_count(ccd), ccd_seconds() - opened, (long long)atoms);
  of3_ccd_close(ccd);
  return 0;
}
