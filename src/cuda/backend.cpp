/* The CUDA backend's table: devices, contexts, memory, regions. Kernels are in the .cu files; no device code
 * is here. CUDA's runtime library is linked in, and it opens the driver (libcuda.so.1) when the plugin is
 * asked whether it works: so the plugin opens everywhere, and says what is missing. */
#include "cuda/state.hpp"

#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>

#include "cuda/convert.hpp"

extern "C" {
#include "tensor/plugin.h"
}

namespace of3 {

/* Failures end here, in a sentence. */
template <typename F> static void guarded(of3_ctx *cx, const char *what, F &&f) {
  try {
    f();
  } catch (const Failure &e) {
    if (e.memory)
      of3_ctx_fail(cx, OF3_ERR_MEMORY,
                   "the GPU has no memory left for %s; use fewer samples, a smaller query or --max-memory",
                   what);
    else
      of3_ctx_fail(cx, OF3_ERR_INTERNAL, "CUDA could not do %s: %s; use --backend cpu", what, e.what);
  } catch (const std::bad_alloc &) {
    of3_ctx_fail(cx, OF3_ERR_MEMORY, "out of memory for %s", what);
  }
}

/* ---- devices */

static int count_devices(const of3_backend *) {
  int n = 0;
  return cudaGetDeviceCount(&n) == cudaSuccess && n > 0 ? n : 1;
}

static void name_device(Device &d, int index) {
  cudaDeviceProp p;
  int driver_version = 0;
  check(cudaGetDeviceProperties(&p, index));
  check(cudaDriverGetVersion(&driver_version));
  std::snprintf(d.name, sizeof d.name, "%s", p.name);
  std::snprintf(d.version, sizeof d.version, "%d.%d, driver for %d.%d", CUDART_VERSION / 1000,
                CUDART_VERSION / 10 % 100, driver_version / 1000, driver_version / 10 % 100);
}

static of3_status open_device(of3_device *d, of3_error *err) {
  auto state = std::unique_ptr<Device>(new (std::nothrow) Device);
  if (!state) return of3_fail_memory(err, "a device");
  try {
    size_t free = 0, total = 0;
    check(cudaSetDevice(d->index));
    check(cudaStreamCreateWithFlags(&state->stream, cudaStreamNonBlocking));
    check(cudaMemGetInfo(&free, &total));
    state->chunks.device = d->index;
    name_device(*state, d->index);
    d->memory = total;
    d->name = state->name;
    d->version = state->version;
    d->state = state.release();
    return OF3_OK;
  } catch (const Failure &e) {
    if (state && state->stream) cudaStreamDestroy(state->stream);
    return of3_fail(err, OF3_ERR_INTERNAL, "CUDA does not open device %d: %s; use --backend cpu", d->index,
                    e.what);
  }
}

static void close_device(of3_device *d) {
  auto *state = static_cast<Device *>(d->state);
  if (!state) return;
  cudaSetDevice(d->index);
  state->chunks.give_back();
  cudaStreamDestroy(state->stream);
  delete state;
}

static void describe(const of3_device *d, int, char *text, size_t size) {
  std::snprintf(text, size, "CUDA %s on %s", d->version, d->name);
}

static uint64_t usable_memory(const of3_device *d, uint64_t) {
  size_t free = 0, total = 0;
  cudaSetDevice(d->index);
  if (cudaMemGetInfo(&free, &total) != cudaSuccess) return 0;
  const auto *state = static_cast<const Device *>(d->state);
  return free + state->now + state->chunks.kept();
}

static of3_held held(const of3_device *d, bool restart) {
  auto *state = static_cast<Device *>(d->state);
  if (restart) {
    state->chunks.give_back();
    state->most = state->now;
  }
  return {state->now, state->chunks.kept(), state->most};
}

/* ---- contexts */

static of3_status open_context(of3_ctx *cx, int, of3_error *err) {
  if (cx->planning) return OF3_OK;
  try {
    check(cudaSetDevice(cx->device->index));
    cx->state = new State(&device_of(cx), cx->limit);
    return OF3_OK;
  } catch (const Failure &e) {
    return of3_fail(err, OF3_ERR_MEMORY, "CUDA has no addresses for %.1f GB: %s; lower the memory limit",
                    static_cast<double>(cx->limit) / 1e9, e.what);
  } catch (const std::bad_alloc &) {
    return of3_fail_memory(err, "a context");
  }
}

static void close_context(of3_ctx *cx) {
  auto *s = static_cast<State *>(cx->state);
  if (!s) return;
  cudaStreamSynchronize(s->device->stream);
  s->device->now -= s->weight_bytes + (s->slots.empty() ? 0 : s->slots.back().end);
  cudaFree(s->raw);
  delete s;
  cx->state = nullptr;
}

static size_t height(const State &s) { return s.slots.empty() ? 0 : s.slots.back().end; }

static void count_held(Device &d, size_t more, size_t less) {
  d.now += more;
  d.now -= less;
  d.most = std::max(d.most, d.now);
}

/* ---- memory */

/* The context has moved its top already: the buffer ends there. */
static void alloc(of3_ctx *cx, Tensor *t) {
  State &s = state_of(cx);
  guarded(cx, "a tensor", [&] {
    const size_t bytes = (t->storage->bytes + 63) / 64 * 64, before = height(s);
    s.stack.grow(cx->top);
    s.slots.push_back({t->storage->place, cx->top - bytes, cx->top});
    t->storage->buffer = s.stack.base() + cx->top - bytes;
    count_held(*s.device, height(s), before);
  });
}

static void release(of3_ctx *cx) {
  State &s = state_of(cx);
  const size_t before = height(s);
  while (!s.slots.empty() && s.slots.back().place >= cx->n_buffer) s.slots.pop_back();
  count_held(*s.device, height(s), before);
}

static void *raw_memory(State &s, size_t bytes) {
  if (bytes > s.raw_bytes) {
    check(cudaStreamSynchronize(s.device->stream));
    check(cudaFree(s.raw));
    s.raw = nullptr;
    s.raw_bytes = 0;
    check(cudaMalloc(&s.raw, bytes));
    s.raw_bytes = bytes;
  }
  return s.raw;
}

/* The slot that begins at an address; of several, all but the last are empty. */
static const Slot &slot_at(const State &s, const void *buffer) {
  const size_t begin = static_cast<size_t>(static_cast<const char *>(buffer) - s.stack.base());
  auto after = std::upper_bound(s.slots.begin(), s.slots.end(), begin,
                                [](size_t x, const Slot &slot) { return x < slot.begin; });
  return *(after - 1);
}

static void copy_buffer(of3_ctx *cx, void *to, const void *from) {
  State &s = state_of(cx);
  guarded(cx, "a version of a tensor", [&] {
    const Slot &slot = slot_at(s, from);
    check(cudaMemcpyAsync(to, from, slot.end - slot.begin, cudaMemcpyDeviceToDevice, s.device->stream));
  });
}

/* Down the stack: what lies behind goes first, by way of scratch memory, since the two places may overlap. */
static void move_down(State &s, char *to, const char *from, size_t bytes) {
  constexpr size_t piece = size_t{16} << 20;
  for (size_t i = 0; to != from && i < bytes; i += piece) {
    const size_t n = std::min(piece, bytes - i);
    void *scratch = raw_memory(s, piece);
    check(cudaMemcpyAsync(scratch, from + i, n, cudaMemcpyDeviceToDevice, s.device->stream));
    check(cudaMemcpyAsync(to + i, scratch, n, cudaMemcpyDeviceToDevice, s.device->stream));
  }
}

static void keep(of3_ctx *cx, of3_storage *const *kept, int64_t n) {
  State &s = state_of(cx);
  guarded(cx, "the memory of a block", [&] {
    size_t k = 0;
    while (n && k < s.slots.size() && s.slots[k].place < kept[0]->place) k++;
    size_t top = k ? s.slots[k - 1].end : 0;
    for (int64_t i = 0; i < n; i++, k++) {
      const size_t bytes = (kept[i]->bytes + 63) / 64 * 64;
      move_down(s, s.stack.base() + top, static_cast<char *>(kept[i]->buffer), bytes);
      kept[i]->buffer = s.stack.base() + top;
      s.slots[k] = {kept[i]->place, top, top + bytes};
      top += bytes;
    }
  });
}

static void upload(of3_ctx *cx, Tensor *t, const void *host, of3_dtype) {
  guarded(cx, "a copy to its memory", [&] {
    check(cudaMemcpyAsync(at<void>(t), host, of3_bytes(t), cudaMemcpyHostToDevice, device_of(cx).stream));
  });
}

static void download(of3_ctx *cx, const Tensor *t, void *host) {
  guarded(cx, "a copy from its memory", [&] {
    cudaStream_t stream = device_of(cx).stream;
    check(cudaMemcpyAsync(host, at<void>(t), of3_bytes(t), cudaMemcpyDeviceToHost, stream));
    check(cudaStreamSynchronize(stream));
  });
}

/* A weight as it is stored goes to the device, where it is converted if products want another type. */
static void constant(of3_ctx *cx, Tensor *t, of3_dtype stored, const void *host) {
  State &s = state_of(cx);
  guarded(cx, "a weight", [&] {
    const int64_t n = of3_count(t);
    const size_t bytes = static_cast<size_t>(n) * of3_dtype_size(stored);
    void *weight = s.weights.take(of3_bytes(t)), *to = stored == t->dtype ? weight : raw_memory(s, bytes);
    check(cudaMemcpyAsync(to, host, bytes, cudaMemcpyHostToDevice, s.device->stream));
    if (to != weight) convert(s.device->stream, weight, t->dtype, to, stored, n);
    t->storage->buffer = weight;
    s.weight_bytes += of3_bytes(t);
    count_held(*s.device, of3_bytes(t), 0);
  });
}

/* The stream works from the first launch on. */
static void flush(of3_ctx *, Tensor *const *, int) {}

static void wait(of3_ctx *cx) {
  guarded(cx, "the computation", [&] { check(cudaStreamSynchronize(device_of(cx).stream)); });
}

/* ---- operations */

using Body = void(Run &, const of3_call &);

static const char *name_of(of3_op op) {
  static const std::array<const char *, OF3_N_OP> names{
#define OF3_OP(id, name, ...) #name,
#include "tensor/ops.def"
#undef OF3_OP
  };
  return names[op];
}

template <Body *body> size_t workspace(const of3_ctx *, const of3_call *c) {
  Run r;
  body(r, *c);
  return r.most;
}

template <Body *body> void run(of3_ctx *cx, const of3_call *c, void *scratch) {
  guarded(cx, name_of(c->op), [&] {
    Run r;
    r.stream = device_of(cx).stream;
    r.base = static_cast<char *>(scratch);
    r.launches = true;
    body(r, *c);
    check(cudaGetLastError());
  });
}

/* Heads of attentions are held in registers. What is copied many times is rare: tensors filled with one
 * number. */
static bool accepts(const of3_call *c) {
  constexpr int64_t most_copies = 64;
  const bool attention =
      c->op == OF3_OP_ATTENTION || c->op == OF3_OP_WINDOW_ATTENTION || c->op == OF3_OP_TRIANGLE_ATTENTION;
  const Tensor *x = c->op == OF3_OP_TRIANGLE_ATTENTION ? c->in[TRI_ATT_WO] : c->out;
  if (c->op == OF3_OP_COPY) return count(c->out) <= most_copies * count(c->in[COPY_X]);
  return !attention || last(x) / c->attr.heads <= 64;
}

template <Body *body> inline constexpr of3_kernel entry{accepts, workspace<body>, run<body>, nullptr};

/* Dropout, which only training has, is left to the reference. */
template <of3_op op, Body *body> constexpr const of3_kernel *kernel() {
  if constexpr (op == OF3_OP_DROPOUT)
    return nullptr;
  else
    return &entry<body>;
}

static const of3_kernel *kernel_of(const of3_ctx *, of3_op op, of3_direction direction) {
  static const std::array<const of3_kernel *, OF3_N_OP> table{
#define OF3_OP(id, name, ...) kernel<OF3_OP_##id, ops::name>(),
#include "tensor/ops.def"
#undef OF3_OP
  };
  return direction == OF3_FORWARD ? table[op] : nullptr;
}

/* ---- regions: one CUDA graph, made of the second run */

static void capture(of3_ctx *cx, of3_region *r, cudaStream_t stream) {
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t steps = nullptr;
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  r->body(r->user);
  check(cudaStreamEndCapture(stream, &graph));
  const cudaError_t e = cudaGraphInstantiate(&steps, graph, 0);
  cudaGraphDestroy(graph);
  check(e);
  r->record = steps;
  if (cx->error.code != OF3_OK) return;
  check(cudaGraphLaunch(steps, stream));
}

static void run_region(of3_ctx *cx, of3_region *r) {
  guarded(cx, "a step", [&] {
    cudaStream_t stream = device_of(cx).stream;
    if (r->record)
      check(cudaGraphLaunch(static_cast<cudaGraphExec_t>(r->record), stream));
    else
      capture(cx, r, stream);
  });
}

static void close_region(of3_ctx *cx, of3_region *r) {
  cudaStreamSynchronize(device_of(cx).stream);
  cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(r->record));
}

/* ---- the plugin */

static constexpr of3_backend backend_of(of3_dtype operand) {
  return of3_backend{.name = "cuda",
                     .isa = "",
                     .operand = operand,
                     .widens = false,
                     .projects_bf16 = operand == OF3_BF16,
                     .host_memory = false,
                     .concurrent = false,
                     .batch_tokens = 0,
                     .asynchronous = true,
                     .count_devices = count_devices,
                     .open_device = open_device,
                     .close_device = close_device,
                     .describe = describe,
                     .usable_memory = usable_memory,
                     .held = held,
                     .open = open_context,
                     .close = close_context,
                     .kernel = kernel_of,
                     .flush = flush,
                     .wait = wait,
                     .to_bf16 = nullptr,
                     .alloc = alloc,
                     .release = release,
                     .copy_buffer = copy_buffer,
                     .keep = keep,
                     .upload = upload,
                     .download = download,
                     .constant = constant,
                     .stored = nullptr,
                     .region = run_region,
                     .region_close = close_region};
}

/* Looks for the driver and a device, and runs one kernel on it. */
static bool works(char *why, size_t size) noexcept {
  int n = 0;
  const cudaError_t e = cudaGetDeviceCount(&n);
  if (e == cudaErrorInsufficientDriver || e == cudaErrorStubLibrary) {
    std::snprintf(why, size, "there is no NVIDIA driver here, or it is older than CUDA %d.%d",
                  CUDART_VERSION / 1000, CUDART_VERSION / 10 % 100);
    return false;
  }
  if (e != cudaSuccess || n == 0) {
    std::snprintf(why, size, "there is no NVIDIA GPU: %s",
                  e == cudaSuccess ? "the driver has none" : cudaGetErrorString(e));
    return false;
  }
  try {
    const float two = one_and_one();
    if (two == 2) return true;
    std::snprintf(why, size, "it says that 1 + 1 is %g", static_cast<double>(two));
  } catch (const Failure &failure) {
    std::snprintf(why, size, "%s", failure.what);
  }
  return false;
}

} // namespace of3

extern "C" __attribute__((visibility("default"))) const of3_plugin *of3_plugin_entry() {
  static const of3_backend f32 = of3::backend_of(OF3_F32);
  static char version[16];
  std::snprintf(version, sizeof version, "%d.%d", CUDART_VERSION / 1000, CUDART_VERSION / 10 % 100);
  static of3_plugin plugin = {.abi = OF3_PLUGIN_ABI,
                              .interface = OF3_PLUGIN_INTERFACE,
                              .compiled = version,
                              .loaded = version, /* it is linked in */
                              .works = of3::works,
                              .backend = {}};
  plugin.backend[OF3_F32] = &f32; /* bf16 not yet: docs/backends.md */
  return &plugin;
}
