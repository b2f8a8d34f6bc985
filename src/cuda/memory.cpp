#include "cuda/memory.hpp"

#include <algorithm>

namespace of3 {

void check(cudaError_t e) {
  if (e == cudaSuccess) return;
  cudaGetLastError(); /* the error is told once */
  throw Failure{cudaGetErrorString(e), e == cudaErrorMemoryAllocation};
}

static void check(CUresult e) {
  if (e == CUDA_SUCCESS) return;
  const char *text = nullptr;
  driver().get_error_string(e, &text);
  throw Failure{text ? text : "an error without a name", e == CUDA_ERROR_OUT_OF_MEMORY};
}

template <typename F> static void find(const char *name, F *&function) {
  void *p = nullptr;
  cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
  check(cudaGetDriverEntryPointByVersion(name, &p, 12000, cudaEnableDefault, &found));
  if (found != cudaDriverEntryPointSuccess) throw Failure{"the driver is too old", false};
  function = reinterpret_cast<F *>(p);
}

const Driver &driver() {
  static const Driver all = [] {
    Driver d{};
    find("cuGetErrorString", d.get_error_string);
    find("cuMemAddressReserve", d.reserve);
    find("cuMemAddressFree", d.unreserve);
    find("cuMemCreate", d.create);
    find("cuMemRelease", d.release);
    find("cuMemMap", d.map);
    find("cuMemUnmap", d.unmap);
    find("cuMemSetAccess", d.set_access);
    return d;
  }();
  return all;
}

/* ---- chunks */

CUmemGenericAllocationHandle Chunks::take() {
  CUmemGenericAllocationHandle chunk;
  if (!unused.empty()) {
    chunk = unused.back();
    unused.pop_back();
    return chunk;
  }
  CUmemAllocationProp kind = {};
  kind.type = CU_MEM_ALLOCATION_TYPE_PINNED;
  kind.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
  kind.location.id = device;
  check(driver().create(&chunk, bytes, &kind, 0));
  return chunk;
}

void Chunks::give_back() {
  for (auto chunk : unused) driver().release(chunk);
  unused.clear();
}

/* ---- the stack */

static size_t rounded_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

Stack::Stack(Chunks &from, size_t limit)
    : from_(from), reserved_(rounded_up(std::max<size_t>(limit, 1), Chunks::bytes)) {
  check(driver().reserve(&base_, reserved_, 0, 0, 0));
}

/* Whoever closes a context has waited for the device. */
Stack::~Stack() {
  for (size_t i = 0; i < mapped_.size(); i++) {
    driver().unmap(base_ + i * Chunks::bytes, Chunks::bytes);
    from_.unused.push_back(mapped_[i]);
  }
  driver().unreserve(base_, reserved_);
}

void Stack::grow(size_t height) {
  while (mapped_.size() * Chunks::bytes < height) {
    const CUdeviceptr at = base_ + mapped_.size() * Chunks::bytes;
    const CUmemGenericAllocationHandle chunk = from_.take();
    const CUresult e = driver().map(at, Chunks::bytes, 0, chunk, 0);
    if (e != CUDA_SUCCESS) from_.unused.push_back(chunk);
    check(e);
    mapped_.push_back(chunk);
    CUmemAccessDesc access = {};
    access.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
    access.location.id = from_.device;
    access.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
    check(driver().set_access(at, Chunks::bytes, &access, 1));
  }
}

/* ---- weights */

Slabs::~Slabs() {
  for (void *slab : slabs_) cudaFree(slab);
}

void *Slabs::take(size_t bytes) {
  constexpr size_t align = 256, slab = size_t{32} << 20;
  bytes = rounded_up(bytes, align);
  if (bytes > left_) {
    const size_t size = std::max(bytes, slab);
    void *p = nullptr;
    slabs_.push_back(nullptr);
    check(cudaMalloc(&p, size));
    slabs_.back() = p;
    next_ = static_cast<char *>(p);
    left_ = size;
  }
  void *at = next_;
  next_ += bytes;
  left_ -= bytes;
  return at;
}

} // namespace of3
