/* template_hits FILE QUERY: the template hits of a file for a chain of those letters, one a line: entry,
 * chain, letters ("-": the file has none), and residues that face each other, QUERY:TEMPLATE, from 1 ("-":
 * found later, when the structure is read). For tools/check_golden.py. */
#include <stdio.h>

#include "template/hits.h"

static void put(const of3_template_hit *h) {
  printf("%s %s %.9f %.9f %s", h->entry, h->chain, h->identity, h->coverage, h->letters ? h->letters : "-");
  if (!h->aligned) printf(" -");
  for (int k = 0; h->aligned && k < h->n_pair; k++)
    printf("%c%d:%d", k ? ',' : ' ', (int)h->pair[k].query, (int)h->pair[k].template_);
  printf("\n");
}

int main(int argc, char **argv) {
  of3_template_hit *hit = NULL;
  of3_error err = {0};
  int n = 0;
  if (argc != 3) {
    fprintf(stderr, "usage: template_hits FILE QUERY\n");
    return 2;
  }
  of3_arena *arena = of3_arena_new(0);
  const of3_hits_want want = {.path = argv[1], .query = argv[2]};
  if (!arena || of3_template_hits_read(&want, (size_t)1 << 30, arena, &hit, &n, &err) != OF3_OK) {
    fprintf(stderr, "%s\n", err.text);
    of3_arena_free(arena);
    return 1;
  }
  for (int i = 0; i < n; i++) put(&hit[i]);
  of3_arena_free(arena);
  return 0;
}
