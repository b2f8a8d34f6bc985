/* Inside src/mlx: tensors as MLX arrays.
 *
 * A storage's buffer is a slot, which holds one mx::array. The array may be lazy, and may be strided: only
 * its logical content counts. Handles that share a slot are views: rows [offset, offset + count) of it, in
 * their own shape. Writing makes a new array and the slot moves on; MLX donates the old memory if nobody else
 * holds it. So what model code calls "in place" is functional here, and a graph may keep the old value. */
#ifndef OF3_MLX_STATE_HPP
#define OF3_MLX_STATE_HPP

#include <cstdint>
#include <deque>
#include <exception>
#include <new>
#include <optional>

#include <mlx/mlx.h>

extern "C" {
#include "tensor/backend.h"
}

namespace of3 {

namespace mx = mlx::core;
using mx::array;
using Tensor = of3_tensor;

struct Slot {
  int64_t place; /* number of the buffer on the context's stack, with which the slot goes; -1: a weight */
  int64_t count; /* elements */
  mx::Dtype dtype;
  std::optional<array> value;    /* empty: nobody wrote yet, or there are parts */
  std::vector<array> parts = {}; /* in place of a value: equal shares of it, one after the other */
  std::optional<array> in_products =
      std::nullopt;                /* a constant in the type of products, if it was asked for */
  std::vector<int32_t> known = {}; /* integers uploaded as vectors: loops and strides depend on them */

  void assign(const array &a) {
    value = a;
    parts.clear();
  }
  /* Appends what the slot holds. */
  void list(std::vector<array> &to) const {
    if (value) to.push_back(*value);
    to.insert(to.end(), parts.begin(), parts.end());
  }
};

struct State {
  mx::Dtype compute = mx::float32; /* of matrix products and of stored activations */
  bool gpu = false, metal = false; /* what the default device is */
  std::deque<Slot> slots;          /* in step with the stack; a deque, because handles point into it */
  std::deque<Slot> constants;      /* weights: live as long as the context that bound them */
  size_t pending = 0;              /* bytes of results that the graph may be holding back */
  int64_t room = 0; /* bytes of temporaries that the operation at hand may take: what its kernel planned, and
                     * what the context's limit leaves unused */
  bool recording = false; /* a region's body runs, or a trace: nothing can be computed */
  bool deriving = false;  /* a kernel runs in a trace, for the way back (backward.hpp) */
  bool divided = false;   /* settle() was called: an operation was computed in groups, not in one graph */
  std::optional<bool> takes_pages = {}; /* MLX computes with memory that others mapped; found out once */
  bool limited = false;                 /* MLX was told how much memory it may hold */
  size_t old_memory_limit = 0, old_cache_limit = 0;
};

inline int64_t size_of(const State &s) { return static_cast<int64_t>(mx::size_of(s.compute)); }

inline State &state_of(const of3_ctx *cx) { return *static_cast<State *>(cx->state); }

/* Floats of one temporary: work whose temporaries would be larger is done in groups. 256 MB in f32. */
constexpr int64_t group_floats = int64_t{1} << 26;

/* MLX reports by exceptions; they end here. (Objective-C's, on a Mac, are no std::exception.) */
template <typename F> void guarded(of3_ctx *cx, const char *what, F &&f) {
  try {
    f();
  } catch (const std::bad_alloc &) {
    of3_ctx_fail(cx, OF3_ERR_MEMORY, "MLX has no memory for %s; use fewer samples or a smaller query", what);
  } catch (const std::exception &e) {
    of3_ctx_fail(cx, OF3_ERR_INTERNAL, "MLX could not do %s: %s", what, e.what());
  } catch (...) {
    of3_ctx_fail(cx, OF3_ERR_INTERNAL, "MLX could not do %s: an exception without text", what);
  }
}

/* After work was started: waits for it if MLX holds more than it may. A GPU's temporaries are given back some
 * time after the work, which eval does not await; and MLX by itself waits for full batches alone. */
inline void keep_to_limit() {
  if (mx::get_active_memory() > mx::get_memory_limit()) mx::synchronize();
}

/* Computes a group of an operation before the next one begins. Groups depend on shapes alone, so that an
 * operation that is not divided in one run is not in the next. */
inline void settle(State &s, const array &a) {
  s.divided = true;
  if (s.recording) return;
  mx::eval(a);
  keep_to_limit();
}

/* Computes all that lives, and waits for it. */
void compute_all(State &s);

/* region.cpp */
void run_region(of3_ctx *cx, of3_region *r);
void close_region(of3_ctx *cx, of3_region *r);

/* ---- shapes */

mx::Shape shape_of(const Tensor *t);
mx::Shape dims(std::initializer_list<int64_t> d); /* throws where MLX's 32-bit sizes do not suffice */
inline int64_t last(const Tensor *t) { return of3_dim(t, 0); }
inline array shaped(const array &a, std::initializer_list<int64_t> d) { return mx::reshape(a, dims(d)); }
/* [first, first + n) of one axis. */
array cut(const array &a, int axis, int64_t first, int64_t n);
inline array swapped(const array &a) { return mx::swapaxes(a, -1, -2); }

/* ---- reading and writing */

array get(const Tensor *t); /* in the handle's shape */
inline array get(const Tensor *t, std::initializer_list<int64_t> d) { return shaped(get(t), d); }
array get_rows(const Tensor *t); /* [rows, last] */
/* In the type of x, so that a bias or mask does not widen what it is applied to; constants are cast once. */
array get_like(const array &x, const Tensor *t);
inline array get_like(const array &x, const Tensor *t, std::initializer_list<int64_t> d) {
  return shaped(get_like(x, t), d);
}
/* As they are stored: activations in the compute type; f32 where `exact`, or where the last axis is 3 long
 * and the tensor therefore holds coordinates. */
void set(State &s, Tensor *t, const array &value, bool exact = false);
/* A whole tensor that is used by its equal shares: no copy puts them together. */
void set_parts(const State &s, Tensor *t, const std::vector<array> &parts);
void put(Tensor *t, const array &value); /* in the type given */
inline Slot *slot_of(const Tensor *t) { return static_cast<Slot *>(t->storage->buffer); }

/* ---- pieces of operations (pieces.cpp) */

/* f32 inside. What is scaled or offset comes out in f32, for both were trained in it and rounding them costs
 * the scores more than all else; the rest in the type of x. */
array norm(const array &x, const Tensor *opt_scale, const Tensor *opt_offset);
/* x W^T [+ b] in the compute type, or f32 where x has it and that matters: x [rows,k] -> [rows,n]. */
array product(const State &s, const array &x, const Tensor *w, const Tensor *opt_bias = nullptr);
/* sum + x W^T in the same type; sum [rows,n]. */
array product_onto(const State &s, const array &sum, const array &x, const Tensor *w);
array activate(const array &x, int act);
array silu_mul(const State &s, const array &a, const array &b);                /* silu(a) b */
array sigmoid_mul(const State &s, const array &g, const array &x);             /* sigmoid(g) x */
array mul_add(const State &s, const array &a, const array &b, const array &c); /* a b + c, broadcast */
array f32(const array &a);
array in_compute(const State &s, const array &a);
/* 1e9 (mask - 1), or what stands for it in the compute type. */
array mask_bias(const State &s, const array &mask);
/* mask[i] mask[j] of tokens [~,N], [~,N,N]. */
array pair_mask(const Tensor *mask);
/* x, whose numbers get no gradient where `open` is false: in f32 an additive mask swallows them, so that the
 * result does not depend on them. */
array passing(const State &s, const array &open, const array &x);
array repeated(const array &a, int64_t times); /* end to end along the first axis */
/* An argument whose rows repeat, [rows,w] -> [1 or batches, m, w], to be broadcast over [batches, m, w]. */
array repeating(const array &rows, int64_t batches, int64_t m);

/* sum_k softmax_k(q k / sqrt d + bias + key_bias) v for q [B,H,Q,d], k, v [B,H,K,d], bias [1 or B,H,Q,K],
 * opt_key_bias [1 or B,K]: [B,H,Q,d]. No more than group_floats logits exist at a time. */
array attend(State &s, const array &q, const array &k, const array &v, const array &bias,
             const std::optional<array> &opt_key_bias);
/* Bytes that attend holds beside its arguments. */
int64_t attend_bytes(const State &s, int64_t batch, int64_t heads, int64_t n_query, int64_t n_key, int64_t d,
                     bool masked);

/* Where a group lies in [batches, m, w]. */
struct Group {
  int64_t batch, batches, row, rows;
  array operator()(const array &a) const; /* the group of an argument [1 or batches, m, w] */
};

/* Rows whose temporaries stay within a group. */
inline int64_t rows_in_group(int64_t floats_per_row) {
  return std::max<int64_t>(1, group_floats / floats_per_row);
}

/* Rows of y, seen as [count/(m w), m, w], replaced by f(old, group) in groups of no more than `fit` rows. */
template <typename F> void update(State &s, Tensor *y, int64_t m, int64_t fit, F &&f) {
  int64_t w = last(y), rows = of3_rows(y);
  if (rows == 0 || w == 0) return;
  int64_t batches = rows / m, nb = std::min(batches, std::max<int64_t>(1, fit / m)), nr = std::min(m, fit);
  for (int64_t b = 0; b < batches; b += nb)
    for (int64_t r = 0; r < m; r += nr) {
      Group g{b, std::min(nb, batches - b), r, std::min(nr, m - r)};
      Tensor part = *y; /* rows of one batch entry, or whole entries: dense either way */
      part.rank = 3;
      part.shape[0] = g.batches, part.shape[1] = g.rows, part.shape[2] = w;
      part.offset += (b * m + r) * w;
      set(s, &part, f(get(&part), g));
      if (nb < batches || nr < m) settle(s, *slot_of(y)->value);
    }
}

/* ---- the kernels, by of3_op */

/* The leading axes that a kernel takes: any; one, and none of the arguments marked ~ in ops_axes.def; none.
 */
enum class Batch { any, shared, one };

struct Kernel {
  void (*run)(State &, const of3_call &);
  /* Bytes of temporaries: MLX takes memory ahead of the work, so links of a chain count one by one. Terms
   * with size_of(s) are in the compute type, the others in f32. NULL: twice the output in both. */
  int64_t (*bytes)(const State &s, const of3_call &);
  Batch batch = Batch::any;
  /* Adds the gradients of the arguments (backward.hpp). NULL: the kernel is derived as a whole. */
  void (*back)(State &, const of3_call &) = nullptr;
};

/* entries.cpp: a call of any axes that ops_axes.def allows, and the bytes that it takes: those of one entry,
 * and the new result while the old one is kept. */
void run_kernel(State &s, const of3_call &c, const Kernel &kernel);
int64_t kernel_bytes(const State &s, const of3_call &c, const Kernel &kernel);

/* One for each row of ops.def, under its name. */
namespace ops {
#define OF3_OP(id, name, ...) extern const Kernel name;
#include "tensor/ops.def"
#undef OF3_OP
} // namespace ops

} // namespace of3

#endif
