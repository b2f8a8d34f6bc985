/* Inside src/model: walking down the parameter names while binding. */
#ifndef OF3_MODEL_BIND_H
#define OF3_MODEL_BIND_H

#include "model/parameters.h"
#include "model/weights.h"

/* Errors are sticky: after the first, everything binds to NULL and the walk goes on to its end. Without a
 * table every tensor that is asked for is made up: of random content, or of none (data NULL) while planning.
 */
typedef struct of3_binder {
  of3_ctx *cx;
  const of3_table *table; /* or NULL */
  of3_arena *arena;
  bool *used;                 /* [table->n] */
  uint32_t n_made;            /* tensors made up so far */
  of3_parameters *parameters; /* gets a row for each tensor of the checkpoint */
  char path[512];
  size_t length;
  of3_error error;
} of3_binder;

/* Steps into a level of names ("blocks.3"); returns what of3_leave needs to step out again. */
size_t of3_enter(of3_binder *b, const char *fmt, ...) OF3_PRINTF(2, 3);
void of3_leave(of3_binder *b, size_t length);

/* The tensor PATH.leaf; wrong or missing: error. d1 = 0: rank 1. */
const of3_entry *of3_bind_entry(of3_binder *b, const char *leaf, int64_t d0, int64_t d1);
/* Element i of an f32, bf16 or f16 entry, which need not be aligned. */
float of3_entry_value(const of3_entry *e, int64_t i);
of3_tensor *of3_bind_tensor(of3_binder *b, const char *leaf, int64_t d0, int64_t d1);
/* The same for the matrix [n,k] of a linear, in the backend's type of operands. A matrix with fewer than 16
 * rows or columns stays f32: it takes no time, and these are the ones that coordinates go through (k = 3 into
 * the denoiser, n = 3 out of it). */
of3_tensor *of3_bind_weight(of3_binder *b, const char *leaf, int64_t n, int64_t k);
/* Columns first .. first+n-1 of PATH.leaf [rows,columns] in a matrix that is made of parts: as its columns at
 * .. at+n-1 or, transposed, as its rows (model/parameters.h). */
typedef struct of3_bind_part {
  const char *leaf;
  int64_t rows, columns, first, n, at;
  bool transposed;
} of3_bind_part;
enum { OF3_MAX_JOINED = 5 };
/* A matrix [d0,d1] in the arena made of such parts, at most OF3_MAX_JOINED; f32. */
of3_tensor *of3_bind_joined(of3_binder *b, int64_t d0, int64_t d1, int n_part, const of3_bind_part *part);
/* Numbers that no table holds, as the parameter PATH.leaf [n]. */
of3_tensor *of3_bind_given(of3_binder *b, const char *leaf, int64_t n, const float *data);
void *of3_bind_array(of3_binder *b, int n, size_t size);
/* What went wrong, if anything did; else a tensor of the table, or PREFIX.* of it, that nothing was bound to
 * is an error that names it. */
OF3_MUST_CHECK of3_status of3_bind_end(of3_binder *b, const char *opt_prefix, of3_error *err);

of3_norm_w of3_bind_norm(of3_binder *b, const char *name, int c, bool offset);
of3_linear_w of3_bind_linear(of3_binder *b, const char *name, int n, int k, bool bias);
of3_mha_w of3_bind_mha(of3_binder *b, const char *name, int c, int hidden, bool q_bias);
of3_transition_w of3_bind_transition(of3_binder *b, const char *name, int c, int widening);
of3_outer_product_mean_w of3_bind_outer_product(of3_binder *b, int c_m, int c_z, int hidden);
/* A pair block without its transition. fused: the two projections of triangle multiplication lie in one
 * tensor, and so do their gates. */
of3_pair_block_w of3_bind_triangles(of3_binder *b, int c, int hidden, int heads, int width, bool fused);
of3_pair_block_w of3_bind_pair_block(of3_binder *b, int c, int hidden, int heads, int width, int widening);
of3_pairformer_block_w *of3_bind_pairformer(of3_binder *b, const of3_config *c, int blocks);

/* bind_atoms.c */
of3_atom_encoder_w of3_bind_atom_encoder(of3_binder *b, const of3_config *c, const of3_switches *s,
                                         int c_token, bool noisy);
of3_denoiser_w of3_bind_denoiser(of3_binder *b, const of3_config *c, const of3_switches *s);

#endif
