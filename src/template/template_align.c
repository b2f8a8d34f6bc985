#include <limits.h>
#include <string.h>

#include "template/align.h"

/* BLOSUM62 (Henikoff and Henikoff 1992) in the order of its letters; X for all others. */
static const char letters[] = "ARNDCQEGHILKMFPSTWYVBZX";
enum { N_LETTER = sizeof letters - 1, UNKNOWN = N_LETTER - 1, OPEN = 12, EXTEND = 1 };
static const int8_t blosum62[N_LETTER][N_LETTER] = {
    {4, -1, -2, -2, 0, -1, -1, 0, -2, -1, -1, -1, -1, -2, -1, 1, 0, -3, -2, 0, -2, -1, 0},
    {-1, 5, 0, -2, -3, 1, 0, -2, 0, -3, -2, 2, -1, -3, -2, -1, -1, -3, -2, -3, -1, 0, -1},
    {-2, 0, 6, 1, -3, 0, 0, 0, 1, -3, -3, 0, -2, -3, -2, 1, 0, -4, -2, -3, 3, 0, -1},
    {-2, -2, 1, 6, -3, 0, 2, -1, -1, -3, -4, -1, -3, -3, -1, 0, -1, -4, -3, -3, 4, 1, -1},
    {0, -3, -3, -3, 9, -3, -4, -3, -3, -1, -1, -3, -1, -2, -3, -1, -1, -2, -2, -1, -3, -3, -2},
    {-1, 1, 0, 0, -3, 5, 2, -2, 0, -3, -2, 1, 0, -3, -1, 0, -1, -2, -1, -2, 0, 3, -1},
    {-1, 0, 0, 2, -4, 2, 5, -2, 0, -3, -3, 1, -2, -3, -1, 0, -1, -3, -2, -2, 1, 4, -1},
    {0, -2, 0, -1, -3, -2, -2, 6, -2, -4, -4, -2, -3, -3, -2, 0, -2, -2, -3, -3, -1, -2, -1},
    {-2, 0, 1, -1, -3, 0, 0, -2, 8, -3, -3, -1, -2, -1, -2, -1, -2, -2, 2, -3, 0, 0, -1},
    {-1, -3, -3, -3, -1, -3, -3, -4, -3, 4, 2, -3, 1, 0, -3, -2, -1, -3, -1, 3, -3, -3, -1},
    {-1, -2, -3, -4, -1, -2, -3, -4, -3, 2, 4, -2, 2, 0, -3, -2, -1, -2, -1, 1, -4, -3, -1},
    {-1, 2, 0, -1, -3, 1, 1, -2, -1, -3, -2, 5, -1, -3, -1, 0, -1, -3, -2, -2, 0, 1, -1},
    {-1, -1, -2, -3, -1, 0, -2, -3, -2, 1, 2, -1, 5, 0, -2, -1, -1, -1, -1, 1, -3, -1, -1},
    {-2, -3, -3, -3, -2, -3, -3, -3, -1, 0, 0, -3, 0, 6, -4, -2, -2, 1, 3, -1, -3, -3, -1},
    {-1, -2, -2, -1, -3, -1, -1, -2, -2, -3, -3, -1, -2, -4, 7, -1, -1, -4, -3, -2, -2, -1, -2},
    {1, -1, 1, 0, -1, 0, 0, 0, -1, -2, -2, 0, -1, -2, -1, 4, 1, -3, -2, -2, 0, 0, 0},
    {0, -1, 0, -1, -1, -1, -1, -2, -2, -1, -1, -1, -1, -2, -1, 1, 5, -2, -2, 0, -1, -1, 0},
    {-3, -3, -4, -4, -2, -2, -3, -2, -2, -3, -2, -3, -1, 1, -4, -3, -2, 11, 2, -3, -4, -3, -2},
    {-2, -2, -2, -3, -2, -1, -2, -3, 2, -1, -1, -2, -1, 3, -3, -2, -2, 2, 7, -1, -3, -2, -1},
    {0, -3, -3, -3, -1, -2, -2, -3, -3, 3, 1, -2, 1, -1, -2, -2, 0, -3, -1, 4, -3, -2, -1},
    {-2, -1, 3, 4, -3, 0, 1, -1, 0, -3, -4, 0, -3, -3, -2, 0, -1, -4, -3, -3, 4, 1, -1},
    {-1, 0, 0, 1, -3, 3, 4, -2, 0, -3, -3, 1, -1, -3, -1, 0, -1, -3, -2, -2, 1, 4, -1},
    {0, -1, -1, -1, -2, -1, -1, -1, -1, -1, -1, -1, -1, -1, -2, 0, 0, -2, -1, -1, -1, -1, -1}};

/* Where the best score of a cell comes from, for each of the three states: bits of the byte of a cell. */
enum { FROM_DIAGONAL, FROM_A, FROM_B, FROM = 3, A_EXTENDS = 4, B_EXTENDS = 8 };

/* Scores of a row: best of all, and of alignments that end with a residue of a (b) facing a gap. */
typedef struct gotoh {
  int n, m;
  const uint8_t *a, *b;
  int *best, *in_a; /* [m+1] */
  uint8_t *from;    /* [n+1, m+1] */
} gotoh;

static int max_of(int x, int y) { return x > y ? x : y; }

/* Row i, 1 <= i <= n. Gaps at either end cost nothing. */
static void fill_row(gotoh *g, int i) {
  const int m = g->m;
  uint8_t *from = g->from + (size_t)i * (size_t)(m + 1);
  int diagonal = g->best[0], in_b = INT_MIN / 2;
  g->best[0] = 0;
  from[0] = FROM_A;
  for (int j = 1; j <= m; j++) {
    const int open_a = j == m ? 0 : OPEN, extend_a = j == m ? 0 : EXTEND, open_b = i == g->n ? 0 : OPEN,
              extend_b = i == g->n ? 0 : EXTEND;
    const int match = diagonal + blosum62[g->a[i - 1]][g->b[j - 1]];
    from[j] = (uint8_t)((g->in_a[j] - extend_a > g->best[j] - open_a ? A_EXTENDS : 0) |
                        (in_b - extend_b > g->best[j - 1] - open_b ? B_EXTENDS : 0));
    g->in_a[j] = max_of(g->in_a[j] - extend_a, g->best[j] - open_a);
    in_b = max_of(in_b - extend_b, g->best[j - 1] - open_b);
    diagonal = g->best[j];
    g->best[j] = max_of(match, max_of(g->in_a[j], in_b));
    from[j] |= (uint8_t)(g->best[j] == match ? FROM_DIAGONAL : g->best[j] == g->in_a[j] ? FROM_A : FROM_B);
  }
}

static void trace_back(const gotoh *g, int *partner) {
  int i = g->n, j = g->m, state = FROM_DIAGONAL; /* the gap that is open, FROM_DIAGONAL: none */
  while (i > 0 && j > 0) {
    const uint8_t from = g->from[(size_t)i * (size_t)(g->m + 1) + (size_t)j];
    const int move = state == FROM_DIAGONAL ? from & FROM : state;
    if (move == FROM_DIAGONAL)
      partner[--i] = --j;
    else if (move == FROM_A) {
      partner[--i] = -1;
      state = from & A_EXTENDS ? FROM_A : FROM_DIAGONAL;
    } else {
      j--;
      state = from & B_EXTENDS ? FROM_B : FROM_DIAGONAL;
    }
  }
  while (i > 0) partner[--i] = -1;
}

static uint8_t *encode(const char *text, int n, of3_arena *arena) {
  uint8_t *code = OF3_ARENA_NEW(arena, uint8_t, n);
  for (int i = 0; code && i < n; i++) {
    const char *at = text[i] ? strchr(letters, text[i]) : NULL;
    code[i] = (uint8_t)(at ? at - letters : UNKNOWN);
  }
  return code;
}

of3_status of3_template_align(const char *a, int n, const char *b, int m, of3_cancel *opt_cancel,
                              of3_arena *scratch, int *partner, of3_error *err) {
  const size_t width = (size_t)m + 1;
  gotoh g = {.n = n, .m = m, .a = encode(a, n, scratch), .b = encode(b, m, scratch)};
  g.best = OF3_ARENA_NEW(scratch, int, width);
  g.in_a = OF3_ARENA_NEW(scratch, int, width);
  g.from = of3_arena_alloc(scratch, (size_t)n + 1, width);
  if (!g.a || !g.b || !g.best || !g.in_a || !g.from) return of3_fail_memory(err, "an alignment");
  for (size_t j = 0; j < width; j++) g.in_a[j] = INT_MIN / 2;
  for (int i = 1; i <= n; i++) {
    OF3_TRY(of3_go_on(opt_cancel, err));
    fill_row(&g, i);
  }
  trace_back(&g, partner);
  return OF3_OK;
}
