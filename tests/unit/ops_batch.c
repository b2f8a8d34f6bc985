#include "ops_batch.h"

#include <stdlib.h>
#include <string.h>

#include "tensor/ops_axes.h"

static bool has_lead(const char *axes) { return axes[0] == '*' || axes[0] == '~'; }

/* Whether each member has its own argument i. */
static bool is_own(const of3_call *c, int i, bool shared) {
  const char *axes = of3_op_axes_of(c)->in[i].axes;
  return axes && has_lead(axes) && !(shared && axes[0] == '~');
}

static of3_call make_member(ops_env *e, const ops_case *k, uint32_t member) {
  of3_call call;
  e->next = 0;
  e->member = member;
  ops_make(e, k->op, k->param, &call);
  return call;
}

/* The call of one member; what it shares is that of member 0. */
static of3_call make_alone(ops_env *e, const ops_case *k, uint32_t member, bool shared) {
  of3_call first = make_member(e, k, 0), call = make_member(e, k, member);
  for (int i = 0; i < OF3_MAX_IN; i++)
    if (!is_own(&call, i, shared)) call.in[i] = first.in[i];
  return call;
}

/* [lead.., members, own..] from the members' [lead.., own..], or [members, lead.., own..]. */
static of3_tensor *stack(ops_env *e, const of3_call *member, int i, bool in_front) {
  const of3_tensor *t = member[0].in[i];
  const char *axes = of3_op_axes_of(&member[0])->in[i].axes;
  const int lead = in_front ? 0 : t->rank - (int)strlen(axes + 1);
  int64_t shape[OF3_MAX_RANK], inner = 1;
  for (int a = 0; a < lead; a++) shape[a] = t->shape[a];
  shape[lead] = OPS_MEMBERS;
  for (int a = lead; a < t->rank; a++) inner *= shape[a + 1] = t->shape[a];
  const size_t run = (size_t)inner * of3_dtype_size(t->dtype), bytes = of3_bytes(t);
  char *all = calloc(OPS_MEMBERS * bytes + 1, 1), *one = calloc(bytes + 1, 1);
  if (!all || !one) abort();
  for (int m = 0; m < OPS_MEMBERS; m++) {
    of3_download(e->cx, member[m].in[i], one);
    for (size_t at = 0; run && at < bytes; at += run)
      memcpy(all + OPS_MEMBERS * at + (size_t)m * run, one + at, run);
  }
  of3_tensor *out = of3_from_host(e->cx, t->dtype, t->rank + 1, shape, all);
  free(all);
  free(one);
  return out;
}

static of3_call make_batch(ops_env *e, const ops_case *k, bool shared) {
  of3_call member[OPS_MEMBERS];
  for (uint32_t m = 0; m < OPS_MEMBERS; m++) member[m] = make_member(e, k, m);
  of3_call call = member[0];
  call.out = NULL;
  for (int i = 0; i < OF3_MAX_IN; i++) {
    if (!call.in[i] || !is_own(&call, i, shared)) continue;
    of3_tensor *t = stack(e, member, i, shared);
    if (member[0].out == member[0].in[i]) call.out = t; /* in place */
    call.in[i] = t;
  }
  return call;
}

/* Runs the batch, or a member (0 ..) alone. */
enum { ALL = -1 };
static bool run_call(const of3_device *device, int threads, const ops_case *k, bool shared, int which,
                     bool planning, size_t limit, ops_result *r) {
  of3_ctx cx;
  of3_error err = {0};
  if (of3_ctx_open(&cx, device, threads, limit, planning, &err) != OF3_OK)
    return ops_complain(k, device->backend->name, threads, err.text);
  if (cx.base) memset(cx.base, 0xff, cx.limit);
  ops_env e = {.cx = &cx, .matrix = device->backend->projects_bf16 ? OF3_BF16 : OF3_F32};
  of3_call call = which == ALL ? make_batch(&e, k, shared) : make_alone(&e, k, (uint32_t)which, shared);
  of3_tensor *out = of3_apply(&cx, &call);
  *r = (ops_result){out->dtype, of3_count(out), of3_bytes(out),    NULL,
                    cx.flops,   cx.n_ops,       cx.n_by_reference, cx.peak};
  bool ok = of3_ctx_status(&cx, &err) == OF3_OK;
  if (!ok) ops_complain(k, device->backend->name, threads, err.text);
  if (ok && !planning) {
    r->value = calloc(r->bytes + 1, 1);
    if (!r->value) abort();
    of3_download(&cx, out, r->value);
    if (!ops_guards_intact(&e))
      ok = ops_complain(k, device->backend->name, threads, "wrote behind an input of a batch");
  }
  of3_ctx_close(&cx);
  return ok;
}

static bool run_planned(const of3_device *device, int threads, const ops_case *k, bool shared, int which,
                        ops_result *r) {
  enum { ROUNDING = 64 };
  ops_result plan;
  return run_call(device, threads, k, shared, which, true, SIZE_MAX / 4, &plan) &&
         run_call(device, threads, k, shared, which, false, plan.peak + ROUNDING, r) &&
         ops_check_plan(k, device->backend->name, threads, &plan, r);
}

/* Member m's part of a batch's result: of every [members, inner] in it. */
static ops_result part_of(const ops_result *all, const ops_result *one, int m, int64_t inner) {
  const size_t run = (size_t)inner * of3_dtype_size(all->dtype);
  ops_result part = *one;
  part.value = calloc(one->bytes + 1, 1);
  if (!part.value) abort();
  for (size_t at = 0; run && at < one->bytes; at += run)
    memcpy((char *)part.value + at, (char *)all->value + OPS_MEMBERS * at + (size_t)m * run, run);
  return part;
}

/* Numbers of the result of one member that lie together in that of all. */
static int64_t result_inner(const of3_device *device, const ops_case *k, bool shared, double *flops) {
  of3_ctx cx;
  of3_error err;
  if (of3_ctx_open(&cx, device, 1, SIZE_MAX / 4, true, &err) != OF3_OK) abort();
  ops_env e = {.cx = &cx, .matrix = OF3_F32};
  of3_call call = make_member(&e, k, 0);
  int64_t inner = 1;
  const of3_tensor *out = of3_apply(&cx, &call);
  const char *axes = of3_op_axes_of(&call)->result, *lead = strchr(axes, '*');
  const int first = shared ? (int)(lead - axes) : out->rank - (int)strlen(lead + 1);
  for (int i = first; i < out->rank; i++) inner *= out->shape[i];
  *flops = cx.flops;
  of3_ctx_close(&cx);
  return inner;
}

bool ops_check_batch(const of3_device *device, int threads, const ops_case *k, bool shared,
                     const double *opt_measured) {
  enum { LONG = 10000000 };
  double flops;
  ops_result all = {0};
  const int64_t inner = result_inner(device, k, shared, &flops);
  if (flops > LONG) return true;
  bool ok = run_planned(device, threads, k, shared, ALL, &all);
  for (int m = 0; ok && m < OPS_MEMBERS; m++) {
    ops_result one = {0};
    double worst = 0;
    ok = run_planned(device, threads, k, shared, m, &one);
    const bool in_common = shared && all.bytes == one.bytes; /* all that they are made of */
    if (ok && !in_common && all.bytes != OPS_MEMBERS * one.bytes)
      ok = ops_complain(k, device->backend->name, threads, "a batch has another shape");
    if (ok) {
      ops_result part = part_of(&all, &one, in_common ? 0 : m, inner);
      if (opt_measured)
        ok = ops_compare(k, device->backend->name, &part, &one, opt_measured, &worst);
      else if (memcmp(part.value, one.value, one.bytes) != 0)
        ok = ops_complain(k, device->backend->name, threads,
                          shared ? "a batch that shares arguments gives other bytes"
                                 : "a batch gives other bytes");
      free(part.value);
    }
    free(one.value);
  }
  free(all.value);
  return ok;
}
