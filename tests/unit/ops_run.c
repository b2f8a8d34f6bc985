#include "ops_run.h"
#include "tensor/tape.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const ops_case cases[] = {
#include "ops_cases.inc"
};

int ops_n_case(void) { return sizeof cases / sizeof *cases; }
const ops_case *ops_cases(void) { return cases; }

bool ops_complain(const ops_case *k, const char *isa, int threads, const char *what) {
  printf("FAIL %s, case %d, %s, %d threads: %s\n", of3_op_table()[k->op].name, (int)(k - cases), isa, threads,
         what);
  return false;
}

/* Whether the output of a call is what ops.def says that it is. */
static bool writes_as_the_table_says(const of3_call *c) {
  const of3_writes w = of3_op_table()[c->op].writes;
  if (w.how == OF3_WRITE_NEW) return !c->out;
  if (w.how == OF3_WRITE_SUM) return c->out == c->in[w.arg];
  return c->out && (w.arg == OF3_NO_ARG || c->out == c->in[w.arg]);
}

/* Runs a case in a context of `limit` bytes whose memory is NaN. */
bool ops_run(const of3_device *device, int threads, const ops_case *k, bool planning, size_t limit,
             ops_result *r) {
  of3_ctx cx;
  of3_error err = {0};
  const of3_backend *backend = device->backend;
  if (of3_ctx_open(&cx, device, threads, limit, planning, &err) != OF3_OK)
    return ops_complain(k, backend->name, threads, err.text);
  if (cx.base) memset(cx.base, 0xff, cx.limit);
  /* other backends round weights when they are bound */
  ops_env e = {.cx = &cx, .matrix = backend->projects_bf16 ? OF3_BF16 : OF3_F32};
  of3_call call;
  ops_make(&e, k->op, k->param, &call);
  if (!writes_as_the_table_says(&call))
    return ops_complain(k, backend->name, threads, "ops.def says otherwise of its output");
  of3_tensor *out = of3_apply(&cx, &call);
  *r = (ops_result){out->dtype, of3_count(out), of3_bytes(out),    NULL,
                    cx.flops,   cx.n_ops,       cx.n_by_reference, cx.peak};
  bool ok = of3_ctx_status(&cx, &err) == OF3_OK;
  if (!ok) ops_complain(k, backend->name, threads, err.text);
  if (ok && !planning) {
    r->value = malloc(r->bytes ? r->bytes : 1);
    if (!r->value) abort();
    of3_download(&cx, out, r->value);
    if (!ops_guards_intact(&e)) ok = ops_complain(k, backend->name, threads, "wrote behind an input");
  }
  of3_ctx_close(&cx);
  return ok;
}

static bool same_values(of3_ctx *cx, const of3_tensor *t, const void *expected) {
  const size_t n = of3_bytes(t);
  void *x = malloc(n ? n : 1);
  if (!x) abort();
  of3_download(cx, t, x);
  const bool same = cx->error.code == OF3_OK && memcmp(x, expected, n) == 0;
  free(x);
  return same;
}

bool ops_check_recorded(const of3_device *device, int threads, const ops_case *k, const ops_result *plain) {
  of3_ctx cx;
  of3_error err = {0};
  of3_tape tape = {.entry = NULL};
  of3_call call;
  void *before = NULL;
  const char *name = device->backend->name;
  if (of3_ctx_open(&cx, device, threads, 2 * plain->peak + (1 << 20), false, &err) != OF3_OK)
    return ops_complain(k, name, threads, err.text);
  if (cx.base) memset(cx.base, 0xff, cx.limit);
  ops_env e = {.cx = &cx, .matrix = device->backend->projects_bf16 ? OF3_BF16 : OF3_F32};
  ops_make(&e, k->op, k->param, &call);
  if (call.out) {
    before = malloc(of3_bytes(call.out) + 1);
    if (!before) abort();
    of3_download(&cx, call.out, before);
  }
  of3_tape_begin(&tape, &cx);
  const of3_tensor *out = of3_apply(&cx, &call);
  const of3_tensor_version *was = tape.n_entry ? tape.entry[0].call.out->storage->version->was : NULL;
  bool ok =
      same_values(&cx, out, plain->value) || ops_complain(k, name, threads, "other bytes when recorded");
  if (ok && was && !same_values(&cx, &was->whole, before))
    ok = ops_complain(k, name, threads, "wrote what a tape keeps");
  of3_tape_end(&tape, &cx);
  of3_ctx_close(&cx);
  free(before);
  return ok;
}

static double value_of(const ops_result *r, int64_t i) {
  return r->dtype == OF3_BF16 ? (double)of3_bf16_to_f32(((const uint16_t *)r->value)[i])
                              : (double)((const float *)r->value)[i];
}

/* Between y and its neighbours in bf16, which a result may be rounded to instead. */
static double neighbour(double y) {
  int exponent;
  frexp(y, &exponent);
  return ldexp(1, exponent - 8);
}

/* Largest difference over largest reference value; NaN if any is. In bf16: what exceeds the distance of
 * neighbours. */
static double error_of(const ops_result *r, const ops_result *reference) {
  double worst = 0, top = 1e-30;
  for (int64_t i = 0; i < r->count; i++) {
    const double y = value_of(reference, i);
    double d = fabs(value_of(r, i) - y);
    if (r->dtype == OF3_BF16 && !isnan(d)) d = fmax(0, d - neighbour(y));
    if (!(d <= worst)) worst = d;
    if (isnan(d)) return NAN;
    if (fabs(y) > top) top = fabs(y);
  }
  return worst / top;
}

bool ops_compare(const ops_case *k, const char *isa, const ops_result *r, const ops_result *reference,
                 const double *measured, double *worst) {
  if (r->bytes != reference->bytes) return ops_complain(k, isa, 1, "shape");
  if (r->dtype == OF3_I32 || r->dtype == OF3_U8)
    return memcmp(r->value, reference->value, r->bytes) == 0 || ops_complain(k, isa, 1, "integers differ");
  double error = error_of(r, reference);
  char text[80];
  snprintf(text, sizeof text, "relative error %.3g, allowed %.3g", error, 4 * measured[k->op]);
  if (!(error <= *worst)) *worst = error;
  return error <= 4 * measured[k->op] || ops_complain(k, isa, 1, text);
}

bool ops_check_plan(const ops_case *k, const char *isa, int threads, const ops_result *plan,
                    const ops_result *real) {
  if (plan->bytes != real->bytes) return ops_complain(k, isa, threads, "the plan has another shape");
  if (plan->flops != real->flops || plan->n_ops != real->n_ops)
    return ops_complain(k, isa, threads, "the plan has another cost");
  return plan->peak >= real->peak || ops_complain(k, isa, threads, "the plan's peak is lower");
}

bool ops_selected(const char *name, int argc, char **argv, int first) {
  for (int i = first; i < argc; i++)
    if (!strcmp(argv[i], name)) return true;
  return first >= argc;
}

void ops_print_support(const of3_device *device, const char *title, int argc, char **argv, int first) {
  int all[OF3_N_OP] = {0}, accepted[OF3_N_OP] = {0};
  for (int i = 0; i < ops_n_case(); i++) {
    ops_result r = {0};
    if (!ops_run(device, 1, &cases[i], true, SIZE_MAX / 4, &r)) continue;
    all[cases[i].op]++;
    accepted[cases[i].op] += r.n_by_reference == 0;
  }
  printf("%s\n", title);
  for (int op = 0; op < OF3_N_OP; op++)
    if (ops_selected(of3_op_table()[op].name, argc, argv, first))
      printf("  %-24s %2d of %2d cases%s\n", of3_op_table()[op].name, accepted[op], all[op],
             accepted[op] == 0        ? ", all by the reference"
             : accepted[op] < all[op] ? ", the others by the reference"
                                      : "");
}
