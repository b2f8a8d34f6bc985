/* The backend: memory on MLX's side of the handles, kernels, evaluation, and the plugin's entry.
 *
 *   context: stack of storages              State: deque of slots            MLX
 *     storage 0  place 0  buffer ------->     Slot  place 0  value ------->    array (lazy, strided)
 *     storage 1  place 1  buffer ------->     Slot  place 1  value ------->    array
 *     ..                                      ..
 *   arena: weights      buffer ---------->     constants: Slot               array, computed, in the type of
 *                                                                             products
 *
 * The context's stack only counts bytes; slots follow it, one for each buffer, and those above its height go
 * when a scope ends (release_slots). An array goes when neither a slot nor a node of a graph holds it. A
 * deque is used because buffers are pointers into it.
 *
 * When MLX computes. An operation only makes nodes (ops_*.cpp), so what decides memory is when they are
 * evaluated:
 *
 *   of3_flush            the model says that a block is complete: mx::async_eval
 *   run                  a graph could be holding back more than most_pending bytes: the same
 *   settle (state.hpp)   an operation done in groups: each group is computed before the next one begins
 *   download, wait       what is asked for is waited for
 *
 * After each of the first three it is looked whether MLX holds more than its limit (keep_to_limit), and if so
 * all work is waited for. The limit is what the plan promised: set_limits takes it from the context.
 *
 * Each kernel says how many bytes of temporaries it takes, for the plan; run() gives it that and what is left
 * of the context's limit as State::room. MLX reports by exceptions: they end in guarded(), as the context's
 * error, since the callers are C. */
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <optional>

#include <unistd.h>

#include "backward.hpp"

extern "C" {
#include "tensor/plugin.h"
}

/* On Linux products of the CPU device are done by OpenBLAS, if it was linked, on threads of its own. */
#ifdef __linux__
extern "C" __attribute__((weak)) void openblas_set_num_threads(int n);
static void set_threads(int n) {
  if (openblas_set_num_threads && n > 0) openblas_set_num_threads(n);
}
#else
static void set_threads(int) {}
#endif

namespace of3 {

/* ---- devices */

/* Those of the kind that MLX would take: GPUs if it has any. */
static mx::Device device_of(const of3_device &d) { return {mx::default_device().type, d.index}; }

static int count_devices(const of3_backend *) {
  try {
    return std::max(1, mx::device_count(mx::default_device().type));
  } catch (...) {
    return 1;
  }
}

static uint64_t device_info(const of3_device &d, const char *name) {
  const auto &info = mx::device_info(device_of(d));
  const auto found = info.find(name);
  const size_t *value = found == info.end() ? nullptr : std::get_if<size_t>(&found->second);
  return value ? *value : 0;
}

static of3_status open_device(of3_device *d, of3_error *err) {
  try {
    const bool gpu = mx::default_device() == mx::Device::gpu;
    d->name = !gpu ? "cpu" : mx::metal::is_available() ? "metal" : "cuda";
    d->version = mx::version();
    if (gpu && device_info(*d, "free_memory")) d->memory = device_info(*d, "total_memory");
    return OF3_OK;
  } catch (const std::exception &e) {
    return of3_fail(err, OF3_ERR_INTERNAL, "MLX does not open device %d: %s; use --backend cpu", d->index,
                    e.what());
  } catch (...) {
    return of3_fail(err, OF3_ERR_INTERNAL, "MLX does not open device %d; use --backend cpu", d->index);
  }
}

static void describe(const of3_device *d, int, char *text, size_t size) {
  if (count_devices(d->backend) > 1)
    std::snprintf(text, size, "MLX %s on %s %d", d->version, d->name, d->index);
  else
    std::snprintf(text, size, "MLX %s on %s", d->version, d->name);
}

/* What MLX holds, weights, may be in use too. A GPU with memory of its own uses none of the machine's; one
 * that shares it takes no more than its driver advises, and there `machine` is all that there is. */
static uint64_t usable_memory(const of3_device *d, uint64_t machine) {
  try {
    const uint64_t held = mx::get_active_memory() + mx::get_cache_memory();
    if (mx::default_device() == mx::Device::cpu) return machine ? machine + held : 0;
    if (const uint64_t free = device_info(*d, "free_memory")) return free + held;
    const uint64_t most = device_info(*d, "max_recommended_working_set_size");
    return most && (!machine || most < machine) ? most : machine;
  } catch (...) {
    return machine;
  }
}

static of3_held held(const of3_device *, bool restart) {
  if (restart) {
    mx::clear_cache();
    mx::reset_peak_memory();
  }
  const size_t now = mx::get_active_memory();
  return {now, mx::get_cache_memory(), std::max(now, mx::get_peak_memory())};
}

/* ---- opening */

/* MLX runs ahead of the device until it holds more than its limit, then waits: it exceeds it by the array at
 * hand, for which a quarter of the context's limit is left. On a GPU freed buffers count too: before MLX
 * takes a new one beyond the limit it gives some of them back. So they need no narrower limit of their own,
 * with which the same buffers would be given back and taken again in every step. The CPU device keeps them
 * beside the limit: there they get that quarter. What is held when a context makes its first tensor, weights
 * and what others hold, does not count. */
static void set_limits(State &s, size_t limit) {
  s.limited = true;
  s.old_memory_limit = mx::set_memory_limit(mx::get_active_memory() + limit - limit / 4);
  s.old_cache_limit = mx::set_cache_limit(s.gpu ? limit : limit / 4);
}

/* CUDA: products of f32 are of f32. Kernels are launched as they come, which was faster than CUDA graphs in
 * five rounds of six. Within an operation memory is given back when a batch of launches is finished: batches
 * are small, as Metal's are. (docs/backends.md; the user's choices stay.) MLX reads these once. */
static void set_environment() {
  setenv("MLX_ENABLE_TF32", "0", 0);
#ifndef __APPLE__
  setenv("MLX_USE_CUDA_GRAPHS", "0", 0);
  setenv("MLX_MAX_OPS_PER_BUFFER", "8", 0);
#endif
}

/* MLX computes on one device at a time, that of the context that was opened last. */
static of3_status open_as(of3_ctx *cx, int threads, of3_error *err, mx::Dtype compute) {
  try {
    set_environment();
    if (!cx->planning) mx::set_default_device(device_of(*cx->device));
    auto s = std::make_unique<State>();
    s->compute = compute;
    s->gpu = mx::default_device() == mx::Device::gpu;
    s->metal = s->gpu && mx::metal::is_available();
    if (!cx->planning) set_threads(threads);
    cx->state = s.release();
    return OF3_OK;
  } catch (const std::exception &e) {
    return of3_fail(err, OF3_ERR_INTERNAL, "MLX does not start: %s; use --backend cpu", e.what());
  } catch (...) {
    return of3_fail(err, OF3_ERR_INTERNAL, "MLX does not start; use --backend cpu");
  }
}

static void close_mlx(of3_ctx *cx) {
  auto *s = static_cast<State *>(cx->state);
  if (!s) return;
  guarded(cx, "its end", [&] {
    s->slots.clear();
    s->constants.clear();
    if (!s->limited) return;
    mx::set_memory_limit(s->old_memory_limit);
    mx::set_cache_limit(s->old_cache_limit);
  });
  delete s;
  cx->state = nullptr;
}

/* ---- memory */

static mx::Dtype dtype_of(of3_dtype t) {
  switch (t) {
  case OF3_BF16:
    return mx::bfloat16;
  case OF3_F16:
    return mx::float16;
  case OF3_I32:
    return mx::int32;
  case OF3_I64:
    return mx::int64;
  case OF3_U8:
    return mx::uint8;
  default:
    return mx::float32;
  }
}

static void new_slot(of3_ctx *cx, Tensor *t) {
  guarded(cx, "a tensor", [&] {
    State &s = state_of(cx);
    if (!cx->planning && !s.limited) set_limits(s, cx->limit);
    t->storage->buffer = &s.slots.emplace_back(Slot{t->storage->place, of3_count(t), dtype_of(t->dtype), {}});
  });
}

static void release_slots(of3_ctx *cx) {
  auto &slots = state_of(cx).slots;
  while (!slots.empty() && slots.back().place >= cx->n_buffer) slots.pop_back();
}

/* The array is shared until one of the two is written. */
static void copy_buffer(of3_ctx *cx, void *to, const void *from) {
  guarded(cx, "a version of a tensor", [&] {
    auto *slot = static_cast<Slot *>(to);
    const int64_t place = slot->place;
    *slot = *static_cast<const Slot *>(from);
    slot->place = place;
  });
}

/* Moves the slots of s down to their new places; each is at or below where it was, and in order. */
static void keep_slots(of3_ctx *cx, of3_storage *const *s, int64_t n) {
  guarded(cx, "the memory of a block", [&] {
    auto to = state_of(cx).slots.begin();
    for (int64_t i = 0; i < n; i++) {
      while (to->place < s[i]->place) ++to;
      auto *from = static_cast<Slot *>(s[i]->buffer);
      if (from != &*to) *to = std::move(*from);
      to->place = s[i]->place;
      s[i]->buffer = &*to;
    }
  });
}

static array copy_of(const void *host, of3_dtype dtype, const mx::Shape &shape) {
  switch (dtype) {
  case OF3_I32:
    return array(static_cast<const int32_t *>(host), shape, mx::int32);
  case OF3_U8:
    return array(static_cast<const uint8_t *>(host), shape, mx::uint8);
  case OF3_BF16:
    return array(static_cast<const mx::bfloat16_t *>(host), shape, mx::bfloat16);
  case OF3_F16:
    return array(static_cast<const mx::float16_t *>(host), shape, mx::float16);
  default:
    return array(static_cast<const float *>(host), shape, mx::float32);
  }
}

static void upload(of3_ctx *cx, Tensor *t, const void *host, of3_dtype kept) {
  guarded(cx, "a copy to its memory", [&] {
    put(t, mx::astype(copy_of(host, t->dtype, shape_of(t)), dtype_of(kept)));
    Slot *s = slot_of(t);
    if (t->dtype == OF3_I32 && t->rank <= 2) {
      const auto *x = static_cast<const int32_t *>(host);
      s->known.assign(x, x + of3_count(t));
    }
  });
}

static void download(of3_ctx *cx, const Tensor *t, void *host) {
  guarded(cx, "a copy from its memory", [&] {
    array a = mx::contiguous(mx::astype(get(t), dtype_of(t->dtype)));
    mx::eval(a);
    std::memcpy(host, a.data<char>(), of3_bytes(t));
  });
}

/* Whether the device computes with memory that is not MLX's: Metal does, with whole pages. */
static bool takes_pages(void *first, size_t bytes) {
  mx::allocator::Buffer buffer = mx::allocator::make_buffer(first, bytes);
  if (!buffer.ptr()) return false;
  mx::allocator::release(buffer);
  return true;
}

/* A weight where the file is mapped, cut out of the pages that it touches; nothing if the device takes none,
 * or if it is not worth a buffer. */
static std::optional<array> in_place(State &s, const void *host, of3_dtype stored, const mx::Shape &shape,
                                     size_t bytes) {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE)), size = of3_dtype_size(stored);
  const auto at = reinterpret_cast<uintptr_t>(host), before = at % page;
  if (bytes < page || at % size != 0) return {};
  auto *first = static_cast<char *>(const_cast<void *>(host)) - before;
  const size_t whole = (before + bytes + page - 1) / page * page;
  if (!s.takes_pages) s.takes_pages = takes_pages(first, whole);
  if (!*s.takes_pages) return {};
  auto elements = [size](size_t n) { return static_cast<int64_t>(n / size); };
  array pages(first, dims({elements(whole)}), dtype_of(stored), [](void *) {});
  return mx::reshape(cut(pages, 0, elements(before), elements(bytes)), shape);
}

/* Matrices are kept in the type in which they are multiplied. Where that is how they are stored and the
 * device can read the mapped file, they are not copied. */
static void constant(of3_ctx *cx, Tensor *t, of3_dtype stored, const void *host) {
  guarded(cx, "a weight", [&] {
    State &s = state_of(cx);
    const size_t bytes = static_cast<size_t>(of3_count(t)) * of3_dtype_size(stored);
    auto mapped = in_place(s, host, stored, shape_of(t), bytes);
    array a = mapped ? *mapped : copy_of(host, stored, shape_of(t));
    a = mx::astype(a, t->dtype == OF3_F32 ? mx::float32 : s.compute);
    mx::eval(a);
    t->storage->buffer = &s.constants.emplace_back(Slot{-1, of3_count(t), a.dtype(), a});
  });
}

/* MLX itself lets no more than a few batches of launches wait, so that the host is never far ahead. */
static void flush(of3_ctx *cx, Tensor *const *t, int n) {
  if (state_of(cx).recording) return;
  guarded(cx, "the computation", [&] {
    std::vector<array> values;
    for (int i = 0; i < n; i++) slot_of(t[i])->list(values);
    mx::async_eval(values);
    keep_to_limit();
    state_of(cx).pending = 0;
  });
}

static void wait(of3_ctx *cx) {
  State &s = state_of(cx);
  if (s.recording) return;
  guarded(cx, "the computation", [&] {
    compute_all(s);
    s.pending = 0;
  });
}

/* ---- kernels */

/* A graph is begun to be computed when what it could be holding back exceeds this: long before the model asks
 * if tensors are large, never within a block or a step of the denoiser if they are small. */
static constexpr size_t most_pending = size_t{1} << 29;

template <const Kernel &kernel> size_t workspace(const of3_ctx *cx, const of3_call *c) {
  const State &s = state_of(cx);
  return static_cast<size_t>(kernel_bytes(s, *c, kernel));
}

/* As set() keeps results. */
static of3_dtype stored(const of3_ctx *cx, const Tensor *t, bool exact) {
  return t->dtype != OF3_F32 || exact || last(t) == 3 ? t->dtype : cx->backend->operand;
}

static const char *name_of(of3_op op) {
  static const std::array<const char *, OF3_N_OP> names{
#define OF3_OP(id, name, ...) #name,
#include "tensor/ops.def"
#undef OF3_OP
  };
  return names[op];
}

template <const Kernel &kernel> void run(of3_ctx *cx, const of3_call *c, void *) {
  guarded(cx, name_of(c->op), [&] {
    State &s = state_of(cx);
    const size_t planned = workspace<kernel>(cx, c);
    s.room = static_cast<int64_t>(cx->limit - cx->top + planned);
    run_kernel(s, *c, kernel);
    s.pending += of3_bytes(c->out) + planned;
    if (s.recording || s.pending < most_pending || !slot_of(c->out)->value) return;
    mx::async_eval(*slot_of(c->out)->value);
    keep_to_limit();
    s.pending = 0;
  });
}

template <const Kernel &kernel>
inline constexpr of3_kernel entry{nullptr, workspace<kernel>, run<kernel>, nullptr};

template <const Kernel &kernel> size_t workspace_back(const of3_ctx *cx, const of3_call *c) {
  return static_cast<size_t>(backward_bytes(state_of(cx), *c, kernel));
}

template <const Kernel &kernel> void run_back(of3_ctx *cx, const of3_call *c, void *) {
  guarded(cx, name_of(c->op), [&] {
    State &s = state_of(cx);
    const size_t planned = workspace_back<kernel>(cx, c);
    s.room = static_cast<int64_t>(cx->limit - cx->top + planned);
    run_backward(s, *c, kernel);
    s.pending += planned;
    if (s.recording || s.pending < most_pending) return;
    std::vector<array> values;
    for (const Tensor *dx : c->dx)
      if (dx) slot_of(dx)->list(values);
    mx::async_eval(values);
    keep_to_limit();
    s.pending = 0;
  });
}

template <const Kernel &kernel>
inline constexpr of3_kernel entry_back{nullptr, workspace_back<kernel>, run_back<kernel>, nullptr};

/* Gradients are f32, which the kernels of half precision do not compute in. */
static const of3_kernel *kernel_of(const of3_ctx *cx, of3_op op, of3_direction direction) {
  static const std::array<const of3_kernel *, OF3_N_OP> forward{
#define OF3_OP(id, name, ...) &entry<ops::name>,
#include "tensor/ops.def"
#undef OF3_OP
  };
  static const std::array<const of3_kernel *, OF3_N_OP> backward{
#define OF3_OP(id, name, ...) &entry_back<ops::name>,
#include "tensor/ops.def"
#undef OF3_OP
  };
  if (direction == OF3_FORWARD) return forward[op];
  return state_of(cx).compute == mx::float32 ? backward[op] : nullptr;
}

/* ---- the plugin */

template <int which> of3_status open_type(of3_ctx *cx, int threads, of3_error *err) {
  return open_as(cx, threads, err, which == 0 ? mx::float32 : which == 1 ? mx::bfloat16 : mx::float16);
}

template <int which> constexpr of3_backend backend_of(const char *name, of3_dtype compute) {
  return of3_backend{.name = name,
                     .isa = "",
                     .operand = compute,
                     .widens = false,
                     .projects_bf16 = false,
                     .host_memory = false,
                     .concurrent = false,
                     .batch_tokens = 0,
                     .asynchronous = true,
                     .count_devices = count_devices,
                     .open_device = open_device,
                     .close_device = nullptr,
                     .describe = describe,
                     .usable_memory = usable_memory,
                     .held = held,
                     .open = open_type<which>,
                     .close = close_mlx,
                     .kernel = kernel_of,
                     .flush = flush,
                     .wait = wait,
                     .to_bf16 = nullptr,
                     .alloc = new_slot,
                     .release = release_slots,
                     .copy_buffer = copy_buffer,
                     .keep = keep_slots,
                     .upload = upload,
                     .download = download,
                     .constant = constant,
                     .stored = stored,
                     .region = run_region,
                     .region_close = close_region};
}

/* Starts the device, loads its kernels and runs one. */
static bool works(char *why, size_t size) noexcept {
  try {
    set_environment();
    array one = mx::ones({1});
    const float two = (one + one).item<float>();
    if (two == 2) return true;
    std::snprintf(why, size, "MLX says that 1 + 1 is %g", static_cast<double>(two));
  } catch (const std::exception &e) {
    std::snprintf(why, size, "%s", e.what());
  } catch (...) {
    std::snprintf(why, size, "MLX stopped with an exception without text");
  }
  return false;
}

} // namespace of3

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)

extern "C" __attribute__((visibility("default"))) const of3_plugin *of3_plugin_entry() {
  static const of3_backend backend[] = {of3::backend_of<0>("mlx", OF3_F32),
                                        of3::backend_of<1>("mlx", OF3_BF16),
                                        of3::backend_of<2>("mlx", OF3_F16)};
  static const of3_plugin plugin = {
      .abi = OF3_PLUGIN_ABI,
      .interface = OF3_PLUGIN_INTERFACE,
      .compiled = TEXT(MLX_VERSION_MAJOR) "." TEXT(MLX_VERSION_MINOR) "." TEXT(MLX_VERSION_PATCH),
      .loaded = of3::mx::version(),
      .works = of3::works,
      .backend = {&backend[OF3_F32], &backend[OF3_BF16], &backend[OF3_F16]}};
  return &plugin;
}
