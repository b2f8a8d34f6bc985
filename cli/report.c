#include <stdio.h>
#include <string.h>

#include "report.h"
#include "text.h"

/* The longest name decides the width of the first column. */
static size_t name_width(const of3_report *r) {
  char clean[1024];
  size_t w = strlen("query");
  for (int i = 0; i < r->n_item; i++) {
    size_t n = cli_characters(cli_clean(r->item[i].query, clean, sizeof clean));
    if (n > w) w = n;
  }
  return w > CLI_MOST_COLUMN ? CLI_MOST_COLUMN : w;
}

static void print_scores(const of3_item *t, size_t width) {
  cli_put_column(stdout, t->query, width);
  printf("  %10llu  ", (unsigned long long)t->seed);
  if (t->status != OF3_OK) {
    printf("failed\n");
    return;
  }
  const of3_sample_scores *s = &t->best;
  printf("%6d  %8.4f  %6.4f  %6.4f  %6.2f  ", t->best_sample, s->ranking_score, s->ptm, s->iptm,
         s->avg_plddt);
  if (t->reused) {
    printf("complete from an earlier run\n");
    return;
  }
  for (int p = 0; p < OF3_N_PHASE; p++) printf("%s%9.2f", p ? "  " : "", t->seconds[p]);
  putchar('\n');
}

static void print_best(const of3_report *r, size_t width) {
  if (!r->n_best) return;
  printf("\nBest structures:\n");
  for (int i = 0; i < r->n_best; i++) {
    const of3_best *b = &r->best[i];
    cli_put_column(stdout, b->query, width);
    printf("  ");
    cli_put(stdout, b->file);
    printf(" (seed %llu, sample %d)\n", (unsigned long long)b->seed, b->sample);
  }
}

void cli_print_report(const of3_report *r) {
  const size_t width = name_width(r);
  const int done = r->n_item - r->n_failed;
  printf("%-*s  %10s  %6s  %8s  %6s  %6s  %6s  %9s  %9s  %9s  %9s  %9s\n", (int)width, "query", "seed",
         "sample", "ranking", "pTM", "ipTM", "pLDDT", "features", "trunk", "diffusion", "heads", "write");
  for (int i = 0; i < r->n_item; i++) print_scores(&r->item[i], width);
  if (done)
    printf("Scores are of the best sample of each seed, times in seconds; loading took %.2f.\n",
           r->seconds_load);
  print_best(r, width);
  printf("\n%d of %d done", done, r->n_item);
  if (r->ranking_file) {
    printf("; all samples in ");
    cli_put(stdout, r->ranking_file);
  }
  printf("\n");
}
