/* Batches for kernels that know of fewer axes than the table (ops_axes.def) allows: such a kernel is run on
 * views of the arguments, of all batch entries together or of one entry after the other. */
#include "state.hpp"

#include <cstring>

extern "C" {
#include "tensor/ops_axes.h"
}

namespace of3 {

static bool has_lead(const char *axes) { return axes[0] == '*' || axes[0] == '~'; }
static int own_axes(const char *axes) { return static_cast<int>(std::strlen(axes + 1)); }

/* The leading axes of t, which has `own` others, as one number. */
static int64_t entries_of(const Tensor *t, int own) {
  int64_t n = 1;
  for (int i = 0; i + own < t->rank; i++) n *= t->shape[i];
  return n;
}

/* n entries from `first` on: [n, own..], or without an axis for them [own..]. */
static Tensor entries_seen(const Tensor *t, int own, int64_t first, int64_t n, bool with_axis) {
  const int64_t entries = entries_of(t, own);
  const int front = with_axis ? 1 : 0;
  Tensor v = *t;
  v.rank = own + front;
  for (int i = 0; i < own; i++) v.shape[front + i] = t->shape[t->rank - own + i];
  if (with_axis) v.shape[0] = n;
  if (entries > 0) v.offset += first % entries * (of3_count(t) / entries);
  return v;
}

/* A call on views of what the other has. */
struct Seen {
  of3_call call;
  std::array<Tensor, OF3_MAX_IN> in;
  Tensor out;
};

/* Entries first .. first+n-1, n = 1 or all. What all use has no axis for them; the rest has one, if
 * with_axis. */
static void see(const of3_call &c, const of3_op_axes &axes, int64_t first, int64_t n, bool with_axis,
                Seen &to) {
  to.call = c;
  for (size_t i = 0; i < OF3_MAX_IN; i++) {
    const char *a = axes.in[i].axes;
    if (!c.in[i] || !a || !has_lead(a)) continue;
    to.in[i] = entries_seen(c.in[i], own_axes(a), first, n, with_axis && a[0] == '*');
    to.call.in[i] = &to.in[i];
  }
  to.out = entries_seen(c.out, own_axes(axes.result), first, n, with_axis);
  to.call.out = &to.out;
}

/* Whether no argument marked ~ differs from entry to entry. */
static bool all_share(const of3_call &c, const of3_op_axes &axes) {
  for (size_t i = 0; i < OF3_MAX_IN; i++) {
    const char *a = axes.in[i].axes;
    if (c.in[i] && a && a[0] == '~' && entries_of(c.in[i], own_axes(a)) > 1) return false;
  }
  return true;
}

void run_kernel(State &s, const of3_call &c, const Kernel &kernel) {
  if (kernel.batch == Batch::any) {
    kernel.run(s, c);
    return;
  }
  const of3_op_axes &axes = *of3_op_axes_of(&c);
  const int64_t entries = entries_of(c.out, own_axes(axes.result));
  const bool with_axis = kernel.batch == Batch::shared, together = with_axis && all_share(c, axes);
  Seen seen;
  for (int64_t e = 0; e < entries; e += together ? entries : 1) {
    see(c, axes, e, together ? entries : 1, with_axis, seen);
    kernel.run(s, seen.call);
  }
}

int64_t kernel_bytes(const State &s, const of3_call &c, const Kernel &kernel) {
  const int64_t plain = of3_count(c.out) * (8 + 2 * size_of(s));
  if (!kernel.bytes) return plain;
  if (kernel.batch == Batch::any) return kernel.bytes(s, c);
  const of3_op_axes &axes = *of3_op_axes_of(&c);
  const int64_t entries = entries_of(c.out, own_axes(axes.result));
  const bool with_axis = kernel.batch == Batch::shared,
             together = entries == 1 || (with_axis && all_share(c, axes));
  Seen seen;
  see(c, axes, 0, together ? entries : 1, with_axis, seen);
  return kernel.bytes(s, seen.call) + (together ? 0 : plain);
}

} // namespace of3
