/* Device memory. A context's stack is a range of reserved addresses on the device, as it is on the CPU: a
 * tensor lies at the height that the plan gives it, and physical memory is put behind the addresses, chunk by
 * chunk, when the stack first grows so high. Chunks stay for the life of the context and go back to the
 * device for the next one, so a second fold of the same size asks the driver for nothing.
 *
 *   addresses  | f0 | f1 | z            | x  |   free      reserved              | limit
 *   chunks     |======|======|======|======|                                       32 MB each
 *
 * Equal heights are equal addresses, so a CUDA graph of a step finds its tensors again.
 * Weights lie in slabs beside the stack, which live as long as the context that bound them. */
#ifndef OF3_CUDA_MEMORY_HPP
#define OF3_CUDA_MEMORY_HPP

#include <cstdint>
#include <vector>

#include <cuda.h>
#include <cuda_runtime_api.h>

namespace of3 {

/* Thrown where CUDA reports an error; ends in guarded() (state.hpp). */
struct Failure {
  const char *what; /* CUDA's sentence; it lives as long as the library */
  bool memory;      /* there was not enough of it */
};
void check(cudaError_t e);

/* The driver's functions for addresses and the memory behind them; the program is not linked with it. */
struct Driver {
  CUresult (*get_error_string)(CUresult, const char **);
  CUresult (*reserve)(CUdeviceptr *, size_t, size_t, CUdeviceptr, unsigned long long);
  CUresult (*unreserve)(CUdeviceptr, size_t);
  CUresult (*create)(CUmemGenericAllocationHandle *, size_t, const CUmemAllocationProp *, unsigned long long);
  CUresult (*release)(CUmemGenericAllocationHandle);
  CUresult (*map)(CUdeviceptr, size_t, size_t, CUmemGenericAllocationHandle, unsigned long long);
  CUresult (*unmap)(CUdeviceptr, size_t);
  CUresult (*set_access)(CUdeviceptr, size_t, const CUmemAccessDesc *, size_t);
};
const Driver &driver();

/* Physical memory of a device that no context uses. */
struct Chunks {
  static constexpr size_t bytes = size_t{32} << 20;
  int device = 0;
  std::vector<CUmemGenericAllocationHandle> unused;

  CUmemGenericAllocationHandle take();
  void give_back(); /* to the driver, all of them */
  size_t kept() const { return unused.size() * bytes; }
};

/* The addresses of one context. */
class Stack {
public:
  Stack(Chunks &from, size_t limit);
  ~Stack();
  Stack(const Stack &) = delete;
  Stack &operator=(const Stack &) = delete;
  void grow(size_t height); /* there is memory up to there */
  char *base() const { return reinterpret_cast<char *>(base_); }

private:
  Chunks &from_;
  CUdeviceptr base_ = 0;
  size_t reserved_;
  std::vector<CUmemGenericAllocationHandle> mapped_;
};

/* Memory for weights: from slabs, freed all at once. */
class Slabs {
public:
  ~Slabs();
  void *take(size_t bytes); /* at a multiple of 256 */

private:
  std::vector<void *> slabs_;
  char *next_ = nullptr;
  size_t left_ = 0;
};

} // namespace of3

#endif
