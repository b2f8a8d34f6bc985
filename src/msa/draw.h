/* Rows and templates that a sample of training shows, drawn at random: what OpenFold3 does where
 * `subsample_main` is true and `take_top_k` is false (docs/features.md 3.6 and 4). Everything is a function
 * of seed, step, slot and the number of the chain. */
#ifndef OF3_MSA_DRAW_H
#define OF3_MSA_DRAW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/random.h"
#include "base/status.h"
#include "of3_settings.h"

typedef struct of3_msa_draw {
  uint64_t seed;
  uint32_t step, slot;   /* of the training run; place in the batch */
  bool rows;             /* main rows are drawn */
  bool templates;        /* templates are drawn */
  of3_choice keep_order; /* drawn rows stand in their old order; OF3_UNSET: as the release has it */
} of3_msa_draw;

/* The stream of a chain of the sample; chain -1: of all its chains together. */
of3_stream of3_msa_draw_stream(const of3_msa_draw *draw, of3_purpose purpose, int chain);

/* Draws k of the numbers 0 .. n - 1 without putting any back, from words first .. first + k - 1 of the
 * stream. out: [n], of which the first k are set, in the order in which they are drawn. */
void of3_msa_draw_some(of3_stream stream, uint32_t first, int n, int k, int32_t *out);

/* The main block of a chain, without the rows that are paired. */
typedef struct of3_drawn_block {
  int release; /* as in of3_msa_rules */
  int chain;   /* its number in the sample: every copy of a chain draws for itself */
  int n_row;
  int room;    /* rows that the stack has for the block */
  int deepest; /* 0.3: n_row of the deepest chain of the sample */
} of3_drawn_block;

/* Which rows of the block the chain shows, in their order; k of them:
 *
 *   0.3   k is 1 .. deepest, the same for all chains; a chain that has fewer shows all of its rows, mixed
 *   0.4   k is 1 .. min(n_row, room)
 *   0.5   k is 1 .. n_row; the rows stay in order, and the first `room` of them are kept
 *
 * The block of 0.3 has been cut to the room before. OpenFold3 0.3 draws in the network, anew in every cycle.
 * The arena takes 5 bytes a row. */
OF3_MUST_CHECK of3_status of3_msa_draw_rows(const of3_msa_draw *draw, const of3_drawn_block *block,
                                            of3_arena *arena, int32_t **ret_row, int *ret_n, of3_error *err);

#endif
