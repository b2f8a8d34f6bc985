/* Plain C reference of backwards: operations on atom windows (ref_window.h). */
#include "tensor/ref_backward.h"
#include "tensor/ref_window.h"

/* ref_pos and the numbers of residues are given, and have no gradients; the weights have. */
void of3_backward_atom_pair(const of3_call *c) {
  const int64_t w = of3_dim(c->out, 0);
  ref_sums s;
  if (!ref_sums_begin(c, &s)) return;
  for (int64_t i = 0; i < of3_rows(c->out); i++) {
    double d[3];
    const double valid = ref_atom_offset(c, i, d), near = 1 / (1 + d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
    for (int64_t ch = 0; ch < w; ch++) {
      const double u = valid * ref_dy(c, i * w + ch);
      for (int k = 0; k < 3; k++) ref_put(&s, ATOM_PAIR_WD, 3 * ch + k, u * d[k]);
      ref_put(&s, ATOM_PAIR_WI, ch, u * near);
      ref_put(&s, ATOM_PAIR_WV, ch, u * valid);
    }
  }
  ref_sums_end(&s);
}

void of3_backward_window_add(const of3_call *c) {
  const of3_tensor *mask = c->in[WINDOW_ADD_MASK];
  const int64_t atoms = of3_dim(c->in[WINDOW_ADD_ROW], 1), w = of3_dim(c->out, 0);
  ref_sums s;
  if (!ref_sums_begin(c, &s)) return;
  for (int64_t i = 0; i < of3_rows(c->out); i++) {
    const ref_window_pair p = ref_window_pair_of(i, c->in[WINDOW_ADD_LOW], atoms);
    const double m = (double)of3_f32(mask)[i % of3_count(mask)];
    for (int64_t ch = 0; ch < w; ch++) {
      ref_put(&s, WINDOW_ADD_ROW, (p.entry * atoms + p.l) * w + ch, m * ref_dy(c, i * w + ch));
      ref_put(&s, WINDOW_ADD_COL, (p.entry * atoms + p.m) * w + ch, m * ref_dy(c, i * w + ch));
    }
  }
  ref_sums_end(&s);
}

void of3_backward_window_gather(const of3_call *c) {
  const of3_tensor *owner = c->in[WINDOW_GATHER_TOKEN], *mask = c->in[WINDOW_GATHER_MASK];
  const int64_t atoms = of3_dim(owner, 0), w = of3_dim(c->out, 0), n = of3_dim(c->in[WINDOW_GATHER_Z], 1);
  ref_sums s;
  if (!ref_sums_begin(c, &s)) return;
  for (int64_t i = 0; i < of3_rows(c->out); i++) {
    const ref_window_pair p = ref_window_pair_of(i, c->in[WINDOW_GATHER_LOW], atoms);
    const int32_t *token = of3_i32(owner) + p.entry % of3_rows(owner) * atoms;
    const int64_t from = ((p.entry * n + token[p.l]) * n + token[p.m]) * w;
    for (int64_t ch = 0; ch < w; ch++)
      ref_put(&s, WINDOW_GATHER_Z, from + ch,
              (double)of3_f32(mask)[i % of3_count(mask)] * ref_dy(c, i * w + ch));
  }
  ref_sums_end(&s);
}

/* One atom and head: its numbers begin at `at`, those of its keys at key[k], its biases at bias + k queries.
 */
typedef struct window_query {
  int64_t at, bias, key[OF3_WINDOW_KEYS];
} window_query;

static window_query window_query_of(const of3_call *c, int64_t r, int64_t h) {
  const of3_tensor *low = c->in[WINDOW_ATT_LOW];
  const int64_t atoms = of3_dim(c->out, 1), w = of3_dim(c->out, 0), heads = c->attr.heads, d = w / heads,
                windows = of3_dim(low, 0), all = OF3_WINDOW_KEYS * OF3_WINDOW_QUERIES,
                biases = of3_count(c->in[WINDOW_ATT_BIAS]) / (windows * heads * all), a = r % atoms,
                entry = r / atoms, block = a / OF3_WINDOW_QUERIES,
                first = of3_i32(low)[(entry * windows + block) % of3_count(low)];
  window_query q = {.at = r * w + h * d,
                    .bias = ((entry % biases * windows + block) * heads + h) * all + a % OF3_WINDOW_QUERIES};
  for (int64_t k = 0; k < OF3_WINDOW_KEYS; k++)
    q.key[k] = (r - a + of3_window_atom(first + k, atoms)) * w + h * d;
  return q;
}

/* Added in f32: the mask that the bias holds swallows the logit; then no gradient goes to it. */
static void window_weights(const of3_call *c, const window_query *q, int64_t d, double *p, bool *swallowed) {
  for (int64_t k = 0; k < OF3_WINDOW_KEYS; k++) {
    const float added = of3_f32(c->in[WINDOW_ATT_BIAS])[q->bias + k * OF3_WINDOW_QUERIES];
    double dot = 0;
    for (int64_t i = 0; i < d; i++)
      dot += ref_get(c->in[WINDOW_ATT_Q], q->at + i) * ref_get(c->in[WINDOW_ATT_K], q->key[k] + i);
    p[k] = (double)((float)(dot / sqrt((double)d)) + added);
    swallowed[k] = (double)added < -REF_INF / 2;
  }
  ref_softmax(p, OF3_WINDOW_KEYS);
}

static void window_query_back(const ref_sums *s, const window_query *q, int64_t d) {
  const of3_call *c = s->call;
  double p[OF3_WINDOW_KEYS], dp[OF3_WINDOW_KEYS] = {0};
  bool swallowed[OF3_WINDOW_KEYS];
  window_weights(c, q, d, p, swallowed);
  for (int64_t i = 0; i < d; i++) {
    const double g = ref_get(c->in[WINDOW_ATT_G], q->at + i), dy = ref_dy(c, q->at + i);
    double o = 0;
    for (int64_t k = 0; k < OF3_WINDOW_KEYS; k++) {
      const double v = ref_get(c->in[WINDOW_ATT_V], q->key[k] + i);
      o += p[k] * v;
      dp[k] += dy * ref_sigmoid(g) * v;
      ref_put(s, WINDOW_ATT_V, q->key[k] + i, dy * ref_sigmoid(g) * p[k]);
    }
    ref_put(s, WINDOW_ATT_G, q->at + i, dy * o * ref_slope(g, OF3_ACT_SIGMOID));
  }
  ref_softmax_back(p, dp, OF3_WINDOW_KEYS);
  for (int64_t k = 0; k < OF3_WINDOW_KEYS; k++) {
    if (swallowed[k]) continue;
    ref_put(s, WINDOW_ATT_BIAS, q->bias + k * OF3_WINDOW_QUERIES, dp[k]);
    for (int64_t i = 0; i < d; i++) {
      const double u = dp[k] / sqrt((double)d);
      ref_put(s, WINDOW_ATT_Q, q->at + i, u * ref_get(c->in[WINDOW_ATT_K], q->key[k] + i));
      ref_put(s, WINDOW_ATT_K, q->key[k] + i, u * ref_get(c->in[WINDOW_ATT_Q], q->at + i));
    }
  }
}

void of3_backward_window_attention(const of3_call *c) {
  const int64_t heads = c->attr.heads, d = of3_dim(c->out, 0) / heads;
  ref_sums s;
  if (!ref_sums_begin(c, &s)) return;
  for (int64_t r = 0; r < of3_rows(c->out); r++)
    for (int64_t h = 0; h < heads; h++) {
      const window_query q = window_query_of(c, r, h);
      window_query_back(&s, &q, d);
    }
  ref_sums_end(&s);
}
