#include "tensor/backend.h"

static of3_status open_reference(of3_ctx *cx, int threads, of3_error *err) {
  (void)cx, (void)threads, (void)err;
  return OF3_OK;
}

static void close_reference(of3_ctx *cx) { (void)cx; }

static const of3_kernel *no_kernel(const of3_ctx *cx, of3_op op, of3_direction direction) {
  (void)cx, (void)op, (void)direction;
  return NULL;
}

#define BACKEND(type)                                                                                        \
  {                                                                                                          \
    .name = "reference", .isa = "", .operand = (type), .projects_bf16 = (type) == OF3_BF16,                  \
    .host_memory = true, .concurrent = true, .open = open_reference, .close = close_reference,               \
    .kernel = no_kernel                                                                                      \
  }
const of3_backend of3_reference_backend = BACKEND(OF3_F32);
const of3_backend of3_reference_backend_bf16 = BACKEND(OF3_BF16);
