/* ccd_conformers DICTIONARY STEP SECONDS: makes a conformer of every STEP-th component of a dictionary that
 * of3 ccd build wrote, with at most SECONDS for each of three strategies, and counts what became of them.
 * OF3_RDKIT_PLUGIN may name the plugin. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ccd/ccd_library.h"
#include "rdkit/rdkit.h"

typedef struct conformer_counts {
  int tried, made, ideal, failed;
  double seconds, slowest;
  char slowest_code[8];
} conformer_counts;

static double conformer_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* What became of it: made, else its ideal coordinates, if it has any. */
static of3_status try_component(const of3_rdkit *r, const of3_ccd *ccd, int i, unsigned seconds,
                                conformer_counts *n, of3_arena *arena, of3_error *err) {
  of3_ccd_entry *e = NULL;
  of3_rdkit_mol *mol = NULL;
  of3_error why = {0};
  bool found = false;
  int attempts = 0;
  const of3_embedding how = {.stereo = true, .small_rings = true, .seed = {42, 43, 44}};
  OF3_TRY(of3_ccd_get(ccd, i, arena, &e, err));
  const of3_component *c = of3_ccd_component(e, arena);
  float *xyz = c ? OF3_ARENA_NEW(arena, float, 3 * (size_t)c->n_atom) : NULL;
  if (!xyz) return of3_fail_memory(err, "a component");
  const double start = conformer_now();
  if (of3_rdkit_component(r, c, true, &mol, &why) == OF3_ERR_MEMORY)
    return of3_fail_memory(err, "a component");
  if (mol) OF3_TRY(of3_rdkit_search(r, mol, &how, seconds, xyz, &attempts, &found, &why, err));
  r->free(mol);
  const double taken = conformer_now() - start;
  n->tried++;
  n->made += found;
  n->ideal += !found && c->ideal;
  n->failed += !found && !c->ideal;
  n->seconds += taken;
  if (taken > n->slowest) {
    n->slowest = taken;
    memcpy(n->slowest_code, c->code, sizeof n->slowest_code);
  }
  if (!found) fprintf(stderr, "%s: %s\n", c->code, why.text);
  return OF3_OK;
}

static of3_status try_all(const char *path, int step, unsigned seconds, conformer_counts *n, of3_error *err) {
  const of3_rdkit *r = NULL;
  of3_ccd *ccd = NULL;
  OF3_TRY(of3_rdkit_open(&r, err));
  OF3_TRY(of3_ccd_open(path, &ccd, err));
  of3_status status = OF3_OK;
  for (int i = 0; status == OF3_OK && i < of3_ccd_count(ccd); i += step) {
    of3_arena *arena = of3_arena_new(0);
    status = arena ? try_component(r, ccd, i, seconds, n, arena, err) : of3_fail_memory(err, "a component");
    of3_arena_free(arena);
  }
  of3_ccd_close(ccd);
  return status;
}

int main(int argc, char **argv) {
  conformer_counts n = {0};
  of3_error err = {0};
  const int step = argc == 4 ? atoi(argv[2]) : 0, seconds = argc == 4 ? atoi(argv[3]) : 0;
  if (step < 1 || seconds < 1) {
    fprintf(stderr, "usage: ccd_conformers DICTIONARY STEP SECONDS\n");
    return 2;
  }
  if (try_all(argv[1], step, (unsigned)seconds, &n, &err) != OF3_OK) {
    fprintf(stderr, "%s\n", err.text);
    return 1;
  }
  printf("%d components: %d conformers made, %d from the dictionary, %d failed; %.0f s in all, slowest %s "
         "%.1f s\n",
         n.tried, n.made, n.ideal, n.failed, n.seconds, n.slowest_code, n.slowest);
  return 0;
}
