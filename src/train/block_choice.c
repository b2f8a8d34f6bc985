/* Which blocks are done again: see train_plan.h.
 *
 *   survey          an entry with every block open: the size of each block and its work
 *   least memory    for each size m that a block around others has: those of at most m are done again; the
 *                   m of the lowest peak
 *   keep            of the blocks done again that lie in none that is: the first k by work for a byte are
 * kept, k the largest that fits, found by halving
 */
#include "train/block_choice.h"

#include <stdlib.h>
#include <string.h>

void of3_block_choice_free(of3_block_choice *c) {
  free(c->again);
  *c = (of3_block_choice){0};
}

size_t of3_train_plan_bytes(const of3_train_plan *p) {
  return p->values + p->moments + p->average + p->gradients + p->network + p->tensors + p->host;
}

bool of3_block_is_done_again(void *user, const of3_tape *tape, const of3_tape_block *b) {
  const of3_block_choice *c = user;
  const int64_t i = b - tape->block;
  return i < c->n && c->again && c->again[i];
}

/* ---- survey */

typedef struct block {
  int64_t parent;
  size_t bytes; /* that it takes, with all inside it */
  double flops;
  bool around; /* others lie in it */
  bool empty;  /* no operation is in it */
} block;

typedef struct survey {
  const of3_ctx *cx;
  block *block;
  int64_t n, most;
  bool no_memory;
} survey;

/* Called at the end of each block, inner ones first. */
static bool look_at_block(void *user, const of3_tape *tape, const of3_tape_block *b) {
  survey *s = user;
  const int64_t i = b - tape->block;
  if (tape->n_block > s->most) {
    const int64_t most = 2 * tape->n_block;
    block *grown = realloc(s->block, (size_t)most * sizeof *grown);
    s->no_memory |= !grown;
    if (!grown) return false;
    memset(grown + s->most, 0, (size_t)(most - s->most) * sizeof *grown);
    s->block = grown;
    s->most = most;
  }
  s->n = tape->n_block;
  s->block[i].bytes = s->cx->top - b->begin.top;
  return false;
}

static void look_at_tape(void *user, const of3_tape *tape) {
  survey *s = user;
  for (int64_t i = 0; i < s->n; i++) {
    const of3_tape_block *b = &tape->block[i];
    block *to = &s->block[i];
    to->parent = b->parent;
    to->empty = b->end == b->first;
    if (b->parent >= 0 && !to->empty) s->block[b->parent].around = true;
    for (int64_t e = b->first; e < b->end; e++)
      to->flops += of3_op_table()[tape->entry[e].call.op].cost(&tape->entry[e].call);
  }
}

/* ---- choices */

typedef struct search {
  const of3_block_planner *p;
  survey survey;
  of3_block_choice now;
  size_t memory;
  double plain_back; /* the way back without anything done again */
  of3_error *err;
} search;

static of3_status try_choice(search *s, of3_train_plan *out) {
  const of3_block_watch watch = {.recomputes = of3_block_is_done_again, .user = &s->now};
  OF3_TRY(s->p->plan(s->p->user, &watch, out, s->err));
  out->again = out->back - s->plain_back;
  return OF3_OK;
}

/* Blocks that are done again, and lie in none that is. */
static bool is_outermost(const search *s, int64_t i) {
  if (!s->now.again[i] || s->survey.block[i].empty) return false;
  for (int64_t p = s->survey.block[i].parent; p >= 0; p = s->survey.block[p].parent)
    if (s->now.again[p]) return false;
  return true;
}

static void open_above(search *s, size_t size) {
  for (int64_t i = 0; i < s->now.n; i++)
    s->now.again[i] = !s->survey.block[i].around || s->survey.block[i].bytes <= size;
}

/* The largest size of a block around others that is below `size`; SIZE_MAX: there is none. */
static size_t next_smaller(const search *s, size_t size) {
  size_t found = SIZE_MAX;
  for (int64_t i = 0; i < s->survey.n; i++) {
    const block *b = &s->survey.block[i];
    if (b->around && b->bytes < size && (found == SIZE_MAX || b->bytes > found)) found = b->bytes;
  }
  return found;
}

/* Sizes within a twentieth of each other are tried once. */
static of3_status least_memory(search *s, of3_train_plan *best) {
  size_t size = SIZE_MAX, chosen = SIZE_MAX;
  bool any = false;
  while (!any || size) {
    of3_train_plan p;
    size = next_smaller(s, size == SIZE_MAX ? SIZE_MAX : size - size / 20);
    if (size == SIZE_MAX) size = 0; /* only blocks without others inside */
    open_above(s, size);
    OF3_TRY(try_choice(s, &p));
    if (!any || p.tensors < best->tensors) {
      *best = p;
      chosen = size;
    }
    any = true;
  }
  open_above(s, chosen);
  return OF3_OK;
}

/* ---- keeping */

typedef struct candidate {
  int64_t block;
  double worth; /* work saved for a byte */
} candidate;

static int by_worth(const void *a, const void *b) {
  const candidate *x = a, *y = b;
  if (x->worth != y->worth) return x->worth < y->worth ? 1 : -1;
  return (x->block > y->block) - (x->block < y->block);
}

static candidate *list_candidates(const search *s, int64_t *n) {
  candidate *c = malloc((size_t)(s->survey.n + 1) * sizeof *c);
  *n = 0;
  for (int64_t i = 0; c && i < s->survey.n; i++)
    if (is_outermost(s, i))
      c[(*n)++] = (candidate){i, s->survey.block[i].flops / (double)(s->survey.block[i].bytes + 1)};
  if (c && *n) qsort(c, (size_t)*n, sizeof *c, by_worth);
  return c;
}

/* The block and all inside it stay, or are done again as `least` says. */
static void keep(search *s, const uint8_t *least, const candidate *c, int64_t n_kept) {
  memcpy(s->now.again, least, (size_t)s->now.n);
  for (int64_t k = 0; k < n_kept; k++) s->now.again[c[k].block] = 2; /* to be kept */
  for (int64_t i = 0; i < s->now.n; i++) {
    const int64_t p = s->survey.block[i].parent;
    if (s->now.again[i] == 2 || (p >= 0 && s->now.again[p] == 2)) s->now.again[i] = 2;
  }
  for (int64_t i = 0; i < s->now.n; i++)
    if (s->now.again[i] == 2) s->now.again[i] = 0;
}

/* The most blocks that can be kept: lo fits, hi does not. */
static of3_status keep_what_fits(search *s, const uint8_t *least, const candidate *c, int64_t n,
                                 of3_train_plan *out) {
  int64_t lo = 0, hi = n + 1;
  while (hi - lo > 1) {
    const int64_t k = lo == 0 && hi == n + 1 ? n : lo + (hi - lo) / 2;
    of3_train_plan p;
    keep(s, least, c, k);
    OF3_TRY(try_choice(s, &p));
    if (of3_train_plan_bytes(&p) <= s->memory) {
      lo = k;
      *out = p;
    } else
      hi = k;
  }
  keep(s, least, c, lo);
  out->kept = (int)lo;
  return OF3_OK;
}

static of3_status keep_blocks(search *s, of3_train_plan *out) {
  int64_t n;
  candidate *c = list_candidates(s, &n);
  uint8_t *least = malloc((size_t)s->now.n + 1);
  of3_status status = c && least ? OF3_OK : of3_fail_memory(s->err, "the plan");
  if (status == OF3_OK) {
    memcpy(least, s->now.again, (size_t)s->now.n);
    if (s->memory > of3_train_plan_bytes(out)) status = keep_what_fits(s, least, c, n, out);
    out->blocks = (int)n;
  }
  free(c);
  free(least);
  return status;
}

of3_status of3_choose_blocks(const of3_block_planner *p, size_t memory, of3_block_choice *ret,
                             of3_train_plan *out, of3_error *err) {
  search s = {.p = p, .survey = {.cx = p->cx}, .memory = memory, .err = err};
  const of3_block_watch watch = {look_at_block, look_at_tape, &s.survey};
  of3_status status = p->plan(p->user, &watch, out, err);
  s.plain_back = out->back;
  s.now = (of3_block_choice){s.survey.n, calloc((size_t)s.survey.n + 1, 1)};
  if (status == OF3_OK && (s.survey.no_memory || !s.now.again)) status = of3_fail_memory(err, "the plan");
  if (status == OF3_OK) status = least_memory(&s, out);
  if (status == OF3_OK) status = keep_blocks(&s, out);
  free(s.survey.block);
  if (status == OF3_OK)
    *ret = s.now;
  else
    of3_block_choice_free(&s.now);
  return status;
}
