/* Crops: the part of an assembly that one training sample shows (AF3 SI 2.7).
 *
 * A crop is a complex with fewer residues. Residues keep their numbers and chains their entity_id, so that
 * everything that is made of a complex is made of a crop as well; asym_id and sym_id count the chains that
 * the crop has. Which tokens stay
 * is a function of the stream of random numbers alone. */
#ifndef OF3_DATA_CROP_H
#define OF3_DATA_CROP_H

#include "base/random.h"
#include "data/set.h"
#include "feat/tokens.h"

typedef enum of3_crop_kind {
  OF3_CROP_WHOLE,
  OF3_CROP_CONTIGUOUS,
  OF3_CROP_SPATIAL,
  OF3_CROP_INTERFACE
} of3_crop_kind;

typedef struct of3_crop_rules {
  int budget;                            /* tokens */
  double contiguous, spatial, interface; /* in which proportion they are drawn */
  double near; /* Angstrom: tokens of two chains whose centres are nearer are an interface */
  int chains;  /* polymers that are looked at; 0: all */
} of3_crop_rules;

#define OF3_CROP_RULES                                                                                       \
  ((of3_crop_rules){                                                                                         \
      .budget = 384, .contiguous = 0.2, .spatial = 0.4, .interface = 0.4, .near = 15, .chains = 20})

/* Where the molecules of an entry are, and what the sample is about. */
typedef struct of3_crop_input {
  const of3_complex *complex;
  const of3_tokens *tokens;
  const float *xyz;     /* [n_atom,3] Angstrom */
  const bool *resolved; /* [n_atom] */
  const int32_t *chain; /* [2] of the complex; chain[1] OF3_SET_NO_CHAIN: one chain alone */
} of3_crop_input;

/* Which chains are looked at in an assembly of more polymers than the rules say (AF3 SI 2.5.4): those nearest
 * to a random resolved token of what the sample is about, ligands that touch them, and what it is about.
 * keep [n_chain]; all, if it has no more. */
OF3_MUST_CHECK of3_status of3_crop_choose_chains(const of3_crop_input *in, const of3_crop_rules *rules,
                                                 of3_stream random, bool *keep, of3_error *err);

/* Which tokens stay: keep [n_token]. *ret_kind: how they were chosen; an interface crop of what has no
 * interface is a spatial one, and a spatial one of what has no resolved centre a contiguous one. */
OF3_MUST_CHECK of3_status of3_crop_choose(const of3_crop_input *in, const of3_crop_rules *rules,
                                          of3_stream random, bool *keep, of3_crop_kind *ret_kind,
                                          of3_error *err);

/* The part of a complex that these tokens are, and of the query of an entry; atom_of [atoms of the crop] in
 * its arena: which atoms of the whole they are. The crop points to texts and components of the whole.
 * Ownership: of3_complex_free. */
OF3_MUST_CHECK of3_status of3_crop_take(const of3_complex *whole, const of3_tokens *tokens, const bool *keep,
                                        of3_complex *out, int32_t **ret_atom_of, of3_error *err);
/* The query of the chains that the crop has, in their order; the rest of it as it was. In the arena. */
OF3_MUST_CHECK of3_status of3_crop_query(const of3_query *whole, const of3_complex *crop, of3_arena *arena,
                                         of3_query *out, of3_error *err);

#endif
