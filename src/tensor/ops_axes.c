/* Reads ops_axes.def, whose head explains what the strings mean. */
#include "tensor/ops_axes.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { OF_ROWS, OF_PAIRS, N_KIND };

static const of3_op_axes axes_table[OF3_N_OP][N_KIND] = {
#define A(number, axes_)           [number] = {#number, axes_}
#define OF3_AXES(id, result_, ...) [OF3_OP_##id][OF_ROWS] = {.result = result_, .in = {__VA_ARGS__}},
#define OF3_AXES_OF_PAIRS(id, result_, ...)                                                                  \
  [OF3_OP_##id][OF_PAIRS] = {.result = result_, .in = {__VA_ARGS__}},
#include "tensor/ops_axes.def"
#undef OF3_AXES_OF_PAIRS
#undef OF3_AXES
#undef A
};

const of3_op_axes *of3_op_axes_of(const of3_call *c) {
  const bool of_pairs = c->op == OF3_OP_EXPECT    ? c->in[EXPECT_CHAIN] != NULL
                        : c->op == OF3_OP_DROPOUT ? c->attr.columns != 0
                                                  : c->attr.pairs != 0;
  return &axes_table[c->op][of_pairs ? OF_PAIRS : OF_ROWS];
}

static bool has_lead(const char *axes) { return axes[0] == '*' || axes[0] == '~'; }

/* Axes of the argument itself, behind the leading ones. */
static const char *own_axes(const char *axes) { return has_lead(axes) ? axes + 1 : axes; }

/* Leading axes of t, without those of length 1 in front. */
typedef struct lead_axes {
  int n;
  const int64_t *length;
} lead_axes;

static lead_axes lead_of(int n, const int64_t *length) {
  for (; n > 0 && *length == 1; n--) length++;
  return (lead_axes){n, length};
}

/* Whether the leading axes of an argument are the last ones of the call, or all of them. */
static bool lead_fits(lead_axes of_argument, lead_axes of_call, bool may_be_fewer) {
  const int less = of_call.n - of_argument.n;
  if (less < 0 || (less > 0 && !may_be_fewer)) return false;
  for (int i = 0; i < of_argument.n; i++)
    if (of_argument.length[i] != of_call.length[less + i]) return false;
  return true;
}

static int64_t *axes_length_of(of3_axes *a, char letter) { return &a->length[(unsigned char)letter & 127]; }

/* The own axes of t, which are its last ones: each has the length that its letter has, or gives it. */
static bool read_own(of3_axes *a, const of3_tensor *t, const char *own) {
  const int n = (int)strlen(own);
  for (int i = 0; i < n; i++) {
    const int64_t length = t->shape[t->rank - n + i];
    int64_t *known = axes_length_of(a, own[i]);
    const int64_t want = isdigit((unsigned char)own[i]) ? own[i] - '0' : *known;
    if (want >= 0 && want != length) return false;
    *known = length;
  }
  return true;
}

/* " [4,5]" */
static int print_lengths(char *out, int size, int n, const int64_t *length) {
  int at = snprintf(out, (size_t)size, " [");
  for (int i = 0; i < n && at < size; i++)
    at += snprintf(out + at, (size_t)(size - at), "%s%lld", i ? "," : "", (long long)length[i]);
  return at < size ? at + snprintf(out + at, (size_t)(size - at), "]") : at;
}

static bool axes_complain(const of3_axes *a, const char *name, const char *axes, const of3_tensor *t,
                          char out[OF3_AXES_TEXT]) {
  int at = snprintf(out, OF3_AXES_TEXT, "%s is", name);
  if (at < OF3_AXES_TEXT) at += print_lengths(out + at, OF3_AXES_TEXT - at, t->rank, t->shape);
  if (at < OF3_AXES_TEXT)
    at += snprintf(out + at, (size_t)(OF3_AXES_TEXT - at), ", which does not fit its axes %s with *", axes);
  if (at < OF3_AXES_TEXT) print_lengths(out + at, OF3_AXES_TEXT - at, a->n_lead, a->lead);
  return false;
}

/* The most leading axes that an argument has are those of the call. */
static bool find_lead(of3_axes *a, const of3_call *c, const of3_op_axes *op, char complaint[OF3_AXES_TEXT]) {
  a->n_lead = -1;
  for (int i = 0; i < OF3_MAX_IN; i++) {
    const of3_tensor *t = c->in[i];
    const char *axes = op->in[i].axes;
    if (!t || !axes) continue;
    const int n = t->rank - (int)strlen(own_axes(axes));
    if (n < 0 || (n > 0 && !has_lead(axes))) return axes_complain(a, op->in[i].name, axes, t, complaint);
    if (!has_lead(axes) || n <= a->n_lead) continue;
    a->n_lead = n;
    memcpy(a->lead, t->shape, (size_t)n * sizeof a->lead[0]);
  }
  return true;
}

/* What does not come from arguments. */
static void set_given(of3_axes *a, const of3_call *c) {
  for (int i = 0; i < 128; i++) a->length[i] = -1;
  if (c->attr.heads > 0) a->length['H'] = c->attr.heads;
  a->length['q'] = OF3_WINDOW_QUERIES;
  a->length['k'] = OF3_WINDOW_KEYS;
}

bool of3_axes_read(const of3_call *c, of3_axes *a, char complaint[OF3_AXES_TEXT]) {
  const of3_op_axes *op = of3_op_axes_of(c);
  set_given(a, c);
  if (!find_lead(a, c, op, complaint)) return false;
  const lead_axes all = lead_of(a->n_lead, a->lead);
  for (int i = 0; i < OF3_MAX_IN; i++) {
    const of3_tensor *t = c->in[i];
    const char *axes = op->in[i].axes;
    if (!t || !axes) continue;
    const char *own = own_axes(axes);
    const int n = t->rank - (int)strlen(own);
    if (!read_own(a, t, own) || (has_lead(axes) && !lead_fits(lead_of(n, t->shape), all, axes[0] == '~')))
      return axes_complain(a, op->in[i].name, axes, t, complaint);
  }
  return true;
}

of3_shape of3_axes_shape(const of3_axes *a, const char *axes, of3_dtype dtype) {
  of3_shape s = {.dtype = dtype};
  for (; *axes; axes++) {
    if (*axes == '*') {
      memcpy(s.dim + s.rank, a->lead, (size_t)a->n_lead * sizeof s.dim[0]);
      s.rank += a->n_lead;
    } else
      s.dim[s.rank++] = isdigit((unsigned char)*axes) ? *axes - '0' : a->length[(unsigned char)*axes & 127];
  }
  return s;
}
