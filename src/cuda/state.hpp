/* Inside src/cuda: what a context holds, and how the operations see a call.
 *
 * A tensor's buffer is its address on the device; a view is an address in it. Everything is done on one
 * stream of the device, in the order in which it was asked for; only downloads wait. Activations are f32;
 * with bf16 products weights are bf16, what they multiply is rounded to bf16, and sums are f32
 * (of3_backend.operand). What PROJECT gives and attention takes is bf16 then.
 *
 * An operation is one function of (Run, call): it takes its scratch memory from the Run and launches kernels.
 * The same function, with a Run that launches nothing, says how much scratch it will want: plan and run
 * cannot differ. */
#ifndef OF3_CUDA_STATE_HPP
#define OF3_CUDA_STATE_HPP

#include <algorithm>
#include <vector>

#include "cuda/memory.hpp"

extern "C" {
#include "tensor/backend.h"
}

namespace of3 {

using Tensor = of3_tensor;

struct Device { /* of3_device.state */
  cudaStream_t stream = nullptr;
  Chunks chunks;
  size_t now = 0, most = 0; /* bytes of tensors and weights */
  char name[256], version[96];
};

struct Slot { /* a buffer on the stack */
  int64_t place;
  size_t begin, end;
};

struct State { /* of3_ctx.state; NULL while planning */
  Device *device = nullptr;
  Stack stack;
  Slabs weights;
  size_t weight_bytes = 0;
  std::vector<Slot> slots;
  void *raw = nullptr; /* scratch: weights before they are converted, buffers on their way down the stack */
  size_t raw_bytes = 0;

  State(Device *d, size_t limit) : device(d), stack(d->chunks, limit) {}
};

inline State &state_of(const of3_ctx *cx) { return *static_cast<State *>(cx->state); }
inline Device &device_of(const of3_ctx *cx) { return *static_cast<Device *>(cx->device->state); }

/* ---- an operation at work */

struct Run {
  cudaStream_t stream = nullptr;
  char *base = nullptr; /* scratch */
  size_t at = 0, most = 0;
  bool launches = false; /* false: only the scratch is counted */

  void *take_bytes(size_t n) {
    void *p = base + at;
    at += (n + 255) / 256 * 256;
    most = std::max(most, at);
    return p;
  }
  template <typename T> T *take(int64_t n) {
    return static_cast<T *>(take_bytes(static_cast<size_t>(n) * sizeof(T)));
  }
};

template <typename T> T *at(const Tensor *t) {
  return t ? reinterpret_cast<T *>(static_cast<char *>(t->storage->buffer) +
                                   static_cast<size_t>(t->offset) * of3_dtype_size(t->dtype))
           : nullptr;
}
inline float *f32(const Tensor *t) { return at<float>(t); }
inline int32_t *i32(const Tensor *t) { return at<int32_t>(t); }
inline int64_t count(const Tensor *t) { return of3_count(t); }
inline int64_t last(const Tensor *t) { return of3_dim(t, 0); }
inline int64_t rows(const Tensor *t) { return of3_rows(t); }
inline bool is_bf16(const Tensor *t) { return t->dtype == OF3_BF16; }

/* The operations, by their names in ops.def. */
namespace ops {
#define OF3_OP(id, name, ...) void name(Run &r, const of3_call &c);
#include "tensor/ops.def"
#undef OF3_OP
} // namespace ops

} // namespace of3

#endif
