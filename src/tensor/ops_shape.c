/* Shape rules: the table of axes says what an operation gives and demands of its arguments (ops_axes.def);
 * here are the lengths that are computed, and the demands that are no axes. */
#include <string.h>

#include "tensor/ops_axes.h"
#include "tensor/op_functions.h"
#include "tensor/pairs.h"

/* Of queries, keys ...: all f32, or all bf16 with heads of even width. */
static bool are_alike(const of3_call *c, int n, const of3_axes *a) {
  const int64_t width = a->length['c'];
  for (int i = 1; i < n; i++)
    if (c->in[i]->dtype != c->in[0]->dtype) return false;
  return width % c->attr.heads == 0 && (c->in[0]->dtype == OF3_F32 || width / c->attr.heads % 2 == 0);
}

static int64_t count_projections(const of3_call *c) {
  int64_t n = 0;
  while (n < PROJECT_MOST && c->in[PROJECT_W + n]) n++;
  return n;
}

static int64_t count_modulations(const of3_call *c) {
  int64_t n = 0;
  for (int i = 0; i < MODULATE_MOST && c->in[i * MODULATE_STRIDE + MODULATE_WG]; i++)
    n += c->in[i * MODULATE_STRIDE + MODULATE_WO] ? 3 : 2;
  return n;
}

/* Sets the lengths that no argument has. */
static void compute_lengths(const of3_call *c, of3_axes *a) {
  if (c->op == OF3_OP_CONCAT) a->length['s'] = a->length['a'] + a->length['b'];
  if (c->op == OF3_OP_PROJECT) a->length['P'] = count_projections(c);
  if (c->op == OF3_OP_MODULATE) a->length['P'] = count_modulations(c);
  if (c->op == OF3_OP_RANDOM_NORMAL) a->length['n'] = c->attr.count;
  if (c->op == OF3_OP_RELPOS_ONE_HOT) {
    a->length['R'] = c->attr.rows;
    a->length['r'] = OF3_RELPOS_CLASSES;
  }
}

static bool has_windows(const of3_axes *a) {
  return a->length['W'] == (a->length['A'] + OF3_WINDOW_QUERIES - 1) / OF3_WINDOW_QUERIES;
}

/* What a call has to be beside its axes; NULL: it is. */
static const char *shape_demand(const of3_call *c, const of3_axes *a) {
  const of3_tensor *const *in = c->in;
  switch (c->op) {
  case OF3_OP_LINEAR:
    if (in[LINEAR_X]->dtype == OF3_F32) return NULL;
    return in[LINEAR_W]->dtype == OF3_BF16 && a->length['c'] % 2 == 0 && !c->attr.norm
               ? NULL
               : "an input in bf16 needs weights in bf16, an even width and no norm";
  case OF3_OP_COMBINE:
    return !in[COMBINE_Y] == !in[COMBINE_B] ? NULL : "y and its factor come together";
  case OF3_OP_ATOM_PAIR:
  case OF3_OP_WINDOW_ADD:
  case OF3_OP_WINDOW_GATHER:
    return has_windows(a) ? NULL : "each 32 atoms have a window";
  case OF3_OP_WINDOW_ATTENTION:
    if (!has_windows(a)) return "each 32 atoms have a window";
    return are_alike(c, WINDOW_ATT_G + 1, a)
               ? NULL
               : "queries, keys, values and gates have one type and whole heads";
  case OF3_OP_ATTENTION:
    return are_alike(c, ATT_G + 1, a) ? NULL
                                      : "queries, keys, values and gates have one type and whole heads";
  case OF3_OP_PROJECT:
    return in[PROJECT_W] && !in[PROJECT_GATE] == !in[PROJECT_SHIFT] ? NULL
                                                                    : "a gate and its shift come together";
  case OF3_OP_EXPECT:
    if (!in[EXPECT_CHAIN]) return NULL;
    return in[EXPECT_SET_OF_SIZE] && a->length['S'] == a->length['N'] + 1 &&
                   c->attr.first + a->length['R'] <= a->length['N']
               ? NULL
               : "rows over pairs need a set for each number of tokens, and end with the last token";
  case OF3_OP_RELPOS_ADD:
    return a->length['r'] == OF3_RELPOS_CLASSES ? NULL : "its table has another number of classes";
  case OF3_OP_RELPOS_ONE_HOT:
    return c->attr.first >= 0 && c->attr.first + c->attr.rows <= a->length['N'] ? NULL
                                                                                : "there are no such rows";
  case OF3_OP_TAKE_ROWS:
    return in[TAKE_ROWS_X]->dtype == OF3_F32 ? NULL : "rows are of floats";
  case OF3_OP_TEMPLATE_ADD:
    if (in[TEMPLATE_ADD_BIN] && in[TEMPLATE_ADD_BIN]->dtype != OF3_U8) return "bins are bytes";
    return !in[TEMPLATE_ADD_PLACE] || a->length['g'] == OF3_N_TEMPLATE_PLACE
               ? NULL
               : "places have another number of values";
  case OF3_OP_TRIANGLE_ATTENTION:
  case OF3_OP_PAIR_WEIGHTED_AVERAGE:
    return a->length['h'] % c->attr.heads == 0 ? NULL : "heads have one width";
  case OF3_OP_OUTER_PRODUCT_MEAN:
    return a->length['X'] == a->length['h'] * a->length['h'] ? NULL
                                                             : "OPM_WO takes the products of all channels";
  default:
    return NULL;
  }
}

static of3_dtype result_type(const of3_call *c) {
  switch (c->op) {
  case OF3_OP_COPY:
    return c->in[COPY_Y]->dtype;
  case OF3_OP_DISTANCE_BIN:
    return OF3_I32;
  case OF3_OP_ATTENTION:
    return c->in[ATT_Q]->dtype;
  case OF3_OP_WINDOW_ATTENTION:
    return c->in[WINDOW_ATT_Q]->dtype;
  case OF3_OP_PROJECT:
    return c->attr.bf16 ? OF3_BF16 : OF3_F32;
  default:
    return OF3_F32;
  }
}

static int64_t shape_count(const of3_shape *s) {
  int64_t n = 1;
  for (int i = 0; i < s->rank; i++) n *= s->dim[i];
  return n;
}

const char *of3_shape_rule(const of3_call *c, of3_shape *out, char complaint[OF3_AXES_TEXT]) {
  of3_axes a;
  if (!of3_axes_read(c, &a, complaint)) return complaint;
  const char *broken = shape_demand(c, &a);
  if (broken) return broken;
  compute_lengths(c, &a);
  *out = of3_axes_shape(&a, of3_op_axes_of(c)->result, result_type(c));
  if (c->out && of3_count(c->out) != shape_count(out)) return "what it is written to has another size";
  return NULL;
}
