/* The way back through operations. A kernel makes nodes of a graph from arrays and looks at no values, so MLX
 * can derive it: the kernel is run once more on handles whose slots hold the arrays of a trace (Traced), and
 * mx::vjp makes of it the nodes that lead from the gradient of the result to those of the arguments.
 *
 *   c.in   handles ----> slots                    the call as the tape has it
 *   Traced handles ----> slots of its own, which hold arrays of the trace --run--> result
 *
 * What the kernel needs of the way forward is thereby computed again, and goes when the gradients have been
 * computed. Operations whose temporaries would be too large for that, attention and its logits, derive
 * themselves in groups (Kernel::back).
 *
 * Nothing is waited for but between groups, as on the way forward. Gradients are f32; a context that computes
 * in half precision leaves the way back to the reference. */
#include "backward.hpp"

namespace of3 {

/* What operations do to their output (ops.def). Its names are those of an enumeration inside of3_writes. */
struct Writes : of3_writes {
  static of3_writes of(of3_op op) {
    static const std::array<of3_writes, OF3_N_OP> table{{
#define OF3_OP(id, name, writes, ...) writes,
#include "tensor/ops.def"
#undef OF3_OP
    }};
    return table[op];
  }
};

Traced::Traced(const of3_call &c) : call(c), written(Writes::of(c.op).arg) {
  const of3_writes w = Writes::of(c.op);
  call.out = hold(*c.out);
  if (w.how == Writes::OF3_WRITE_UPDATE) slots.back().value = get(c.in[w.arg]);
  if (written >= 0) call.in[written] = call.out;
}

/* A handle like t on a slot of its own without a value. */
Tensor *Traced::hold(const Tensor &t) {
  const mx::Dtype type = t.dtype == OF3_F32 ? mx::float32 : slot_of(&t)->dtype;
  slots.push_back(Slot{0, of3_count(&t), type, {}});
  storages.push_back(of3_storage{});
  storages.back().buffer = &slots.back();
  handles.push_back(t);
  handles.back().storage = &storages.back();
  handles.back().offset = 0;
  return &handles.back();
}

void Traced::give(int arg, const array &a) {
  const auto i = static_cast<size_t>(arg);
  if (arg != written) call.in[i] = hold(*call.in[i]);
  slot_of(call.in[i])->assign(a);
}

array Traced::result() const { return get(call.out); }

/* While one lives, kernels make nodes and compute none. */
struct Tracing {
  State &s;
  const bool recording = s.recording, divided = s.divided;
  explicit Tracing(State &state) : s(state) { s.recording = s.deriving = true; }
  ~Tracing() { s.recording = recording, s.divided = divided, s.deriving = false; }
  Tracing(const Tracing &) = delete;
  Tracing &operator=(const Tracing &) = delete;
};

Arrays derive(State &s, const std::function<Arrays(const Arrays &)> &f, const Arrays &x, const Arrays &dy) {
  const Tracing tracing(s);
  return mx::vjp(f, x, dy).second;
}

void add_gradient(const of3_call &c, int arg, const array &gradient) {
  Tensor *dx = c.dx[arg];
  if (dx) put(dx, get(dx) + mx::reshape(f32(gradient), shape_of(dx)));
}

void add_shared_gradient(const of3_call &c, int arg, const array &gradient) {
  if (!c.dx[arg]) return;
  const int64_t n = of3_count(c.dx[arg]), times = static_cast<int64_t>(gradient.size()) / n;
  add_gradient(c, arg, times > 1 ? mx::sum(shaped(gradient, {times, n}), 0) : gradient);
}

void Groups::begin() {
  if (s.recording) return;
  Arrays last_ones;
  for (const Arrays &a : parts) last_ones.push_back(a.back());
  mx::async_eval(last_ones);
  keep_to_limit();
}

/* The derivative of the kernel as a whole. */
static void derive_kernel(State &s, const of3_call &c, const Kernel &kernel) {
  std::vector<int> wanted;
  Arrays x;
  for (int i = 0; i < OF3_MAX_IN; i++)
    if (c.dx[i]) {
      wanted.push_back(i);
      x.push_back(get(c.in[i]));
    }
  const auto f = [&](const Arrays &a) {
    Traced t(c);
    for (size_t k = 0; k < wanted.size(); k++) t.give(wanted[k], a[k]);
    run_kernel(s, t.call, kernel);
    return Arrays{t.result()};
  };
  const Arrays dx = derive(s, f, x, {mx::reshape(get(c.dy), shape_of(c.out))});
  for (size_t k = 0; k < wanted.size(); k++) add_gradient(c, wanted[k], dx[k]);
}

void run_backward(State &s, const of3_call &c, const Kernel &kernel) {
  if (of3_count(c.out) == 0) return;
  if (kernel.back)
    kernel.back(s, c);
  else
    derive_kernel(s, c, kernel);
}

/* The forward's temporaries are kept for the way back, each has a gradient, and MLX takes memory ahead of the
 * work. */
int64_t backward_bytes(const State &s, const of3_call &c, const Kernel &kernel) {
  int64_t bytes = 4 * kernel_bytes(s, c, kernel) + 12 * of3_count(c.out);
  for (int i = 0; i < OF3_MAX_IN; i++)
    if (c.dx[i]) bytes += 12 * of3_count(c.in[i]);
  return bytes;
}

} // namespace of3
