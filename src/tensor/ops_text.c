/* A call in a few words. */
#include <stdio.h>
#include <string.h>

#include "tensor/op_functions.h"

static size_t put_shape(char *out, size_t at, const of3_tensor *t) {
  for (int i = 0; t && i < t->rank && at + 24 < OF3_CALL_TEXT; i++)
    at += (size_t)snprintf(out + at, OF3_CALL_TEXT - at, "%s%lld",
                           i    ? "x"
                           : at ? " "
                                : "",
                           (long long)t->shape[i]);
  return at;
}

static size_t put_word(char *out, size_t at, bool holds, const char *word) {
  if (!holds || at + strlen(word) + 3 > OF3_CALL_TEXT) return at;
  return at + (size_t)snprintf(out + at, OF3_CALL_TEXT - at, ", %s", word);
}

/* The argument that with the first one tells the shape; 0: none. */
static int second_argument(of3_op op) {
  switch (op) {
  case OF3_OP_LINEAR:
    return LINEAR_W;
  case OF3_OP_PROJECT:
    return PROJECT_W;
  case OF3_OP_MODULATE:
    return MODULATE_WG;
  case OF3_OP_PAIR_BIAS:
    return PAIR_BIAS_W;
  case OF3_OP_ATTENTION:
    return ATT_K;
  case OF3_OP_TRANSITION:
    return TRANS_WA;
  case OF3_OP_GATED_TRANSITION:
    return GTRANS_WA;
  case OF3_OP_TRIANGLE_MUL:
    return TRI_MUL_WAP;
  case OF3_OP_TRIANGLE_ATTENTION:
    return TRI_ATT_WQ;
  case OF3_OP_PAIR_WEIGHTED_AVERAGE:
    return PWA_WV;
  case OF3_OP_OUTER_PRODUCT_MEAN:
    return OPM_W1;
  default:
    return 0;
  }
}

const char *of3_call_text(const of3_call *c, char out[OF3_CALL_TEXT]) {
  const int second = second_argument(c->op);
  out[0] = 0;
  size_t at = put_shape(out, 0, c->in[c->op == OF3_OP_OUTER_PRODUCT_MEAN ? OPM_M : 0]);
  if (second) at = put_shape(out, at, c->in[second]);
  at = put_word(out, at, c->op == OF3_OP_LINEAR && c->attr.norm, "norm");
  at = put_word(out, at, c->op == OF3_OP_LINEAR && c->attr.act != OF3_ACT_NONE, "act");
  at = put_word(out, at, c->op == OF3_OP_LINEAR && c->in[LINEAR_GATE], "gate");
  at = put_word(out, at, c->op == OF3_OP_LINEAR && c->attr.accumulate, "sum");
  at = put_word(out, at, c->op == OF3_OP_TRIANGLE_MUL, c->attr.outgoing ? "outgoing" : "incoming");
  put_word(out, at, c->op == OF3_OP_TRIANGLE_ATTENTION, c->attr.ending ? "ending" : "starting");
  return out;
}
