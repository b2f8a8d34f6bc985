/* Numbers from one type to another, on the device (convert.cu). */
#ifndef OF3_CUDA_CONVERT_HPP
#define OF3_CUDA_CONVERT_HPP

#include "cuda/state.hpp"

namespace of3 {

/* n numbers; from f32, bf16 or f16, to f32 or bf16. */
void convert(cudaStream_t stream, void *to, of3_dtype as, const void *from, of3_dtype stored, int64_t n);

/* 1 + 1 by a kernel on the device at hand. */
float one_and_one();

} // namespace of3

#endif
