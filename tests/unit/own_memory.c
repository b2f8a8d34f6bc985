#include "own_memory.h"

#include <stdlib.h>
#include <string.h>

enum { GUARD_BYTES = 64, GUARD = 0xa5, NAN_BYTE = 0xff, CONSTANT = -1, KEPT = -2 };

typedef struct block {
  char *data; /* between the guards; NULL: freed */
  size_t bytes;
  const of3_ctx *owner;
  int64_t place; /* number on the owner's stack, or CONSTANT */
} block;

/* What of3_device.state is. */
typedef struct device_memory {
  block *block;
  size_t n, room;
} device_memory;

static device_memory *memory_of(const of3_ctx *cx) { return cx->device->state; }

/* ---- Devices */

static of3_status open_own_device(of3_device *d, of3_error *err) {
  d->name = "own memory";
  d->state = calloc(1, sizeof(device_memory));
  return d->state ? OF3_OK : of3_fail_memory(err, "a device");
}

static void close_own_device(of3_device *d) {
  device_memory *m = d->state;
  if (m) free(m->block);
  free(m);
}

/* ---- Blocks */

static bool more_room(device_memory *m) {
  if (m->n < m->room) return true;
  const size_t room = 2 * m->room + 64;
  block *b = realloc(m->block, room * sizeof *b);
  if (!b) return false;
  m->block = b;
  m->room = room;
  return true;
}

/* A buffer is the number of a block, from 1. */
static void *new_block(of3_ctx *cx, size_t bytes, int64_t place) {
  device_memory *m = memory_of(cx);
  char *whole = more_room(m) ? malloc(bytes + (size_t)2 * GUARD_BYTES) : NULL;
  if (!whole) {
    of3_ctx_fail(cx, OF3_ERR_MEMORY, "out of memory on the device");
    return NULL;
  }
  memset(whole, GUARD, bytes + (size_t)2 * GUARD_BYTES);
  memset(whole + GUARD_BYTES, NAN_BYTE, bytes);
  m->block[m->n++] = (block){.data = whole + GUARD_BYTES, .bytes = bytes, .owner = cx, .place = place};
  return (void *)(uintptr_t)m->n;
}

static void free_block(of3_ctx *cx, block *b) {
  bool intact = true;
  for (size_t i = 0; i < GUARD_BYTES; i++)
    intact = intact && (unsigned char)b->data[-1 - (ptrdiff_t)i] == GUARD &&
             (unsigned char)b->data[b->bytes + i] == GUARD;
  if (!intact) of3_ctx_fail(cx, OF3_ERR_INTERNAL, "something wrote beside a block of the device");
  free(b->data - GUARD_BYTES);
  b->data = NULL;
}

/* Frees what cx made from a place on; CONSTANT: everything. */
static void free_from(of3_ctx *cx, int64_t place) {
  device_memory *m = memory_of(cx);
  for (size_t i = m->n; i-- > 0;) {
    block *b = &m->block[i];
    if (b->data && b->owner == cx && b->place >= place) free_block(cx, b);
  }
  while (m->n && !m->block[m->n - 1].data) m->n--;
}

/* The place of a tensor on the device. */
static char *place_of(of3_ctx *cx, const of3_tensor *t) {
  const device_memory *m = memory_of(cx);
  const uintptr_t number = (uintptr_t)t->storage->buffer;
  const size_t at = (size_t)t->offset * of3_dtype_size(t->dtype);
  if (number - 1 < m->n && m->block[number - 1].data && at + of3_bytes(t) <= m->block[number - 1].bytes)
    return m->block[number - 1].data + at;
  of3_ctx_fail(cx, OF3_ERR_INTERNAL, "a tensor that is not on the device");
  return NULL;
}

/* ---- The backend */

static of3_status open_own(of3_ctx *cx, int threads, of3_error *err) {
  (void)cx, (void)threads, (void)err;
  return OF3_OK;
}

static void close_own(of3_ctx *cx) {
  if (!cx->planning) free_from(cx, CONSTANT);
}

static const of3_kernel *own_kernel(const of3_ctx *cx, of3_op op, of3_direction direction) {
  (void)cx, (void)op, (void)direction;
  return NULL;
}

static void own_alloc(of3_ctx *cx, of3_tensor *t) {
  t->storage->buffer = new_block(cx, of3_bytes(t), t->storage->place);
}

static void own_release(of3_ctx *cx) { free_from(cx, cx->n_buffer); }

static block *block_of(of3_ctx *cx, const void *buffer) {
  return &memory_of(cx)->block[(uintptr_t)buffer - 1];
}

static void own_copy_buffer(of3_ctx *cx, void *to, const void *from) {
  const block *b = block_of(cx, from);
  memcpy(block_of(cx, to)->data, b->data, b->bytes);
}

/* They stay where they are, under another number on the stack. */
static void own_keep(of3_ctx *cx, of3_storage *const *s, int64_t n) {
  device_memory *m = memory_of(cx);
  const int64_t first = n ? s[0]->place : cx->n_buffer;
  for (int64_t i = 0; i < n; i++) block_of(cx, s[i]->buffer)->place = KEPT;
  for (size_t i = 0; i < m->n; i++)
    if (m->block[i].data && m->block[i].owner == cx && m->block[i].place >= first)
      free_block(cx, &m->block[i]);
  for (int64_t i = 0; i < n; i++) block_of(cx, s[i]->buffer)->place = s[i]->place;
}

static void own_upload(of3_ctx *cx, of3_tensor *t, const void *host, of3_dtype kept) {
  char *place = place_of(cx, t);
  if (kept != t->dtype) of3_ctx_fail(cx, OF3_ERR_INTERNAL, "a tensor is kept in a type that is not its own");
  if (place) memcpy(place, host, of3_bytes(t));
}

static void own_download(of3_ctx *cx, const of3_tensor *t, void *host) {
  const char *place = place_of(cx, t);
  if (place) memcpy(host, place, of3_bytes(t));
}

static float weight_at(of3_dtype stored, const void *host, int64_t i) {
  if (stored == OF3_F32) return ((const float *)host)[i];
  const uint16_t bits = ((const uint16_t *)host)[i];
  return stored == OF3_BF16 ? of3_bf16_to_f32(bits) : of3_f16_to_f32(bits);
}

static void own_constant(of3_ctx *cx, of3_tensor *t, of3_dtype stored, const void *host) {
  t->storage->buffer = new_block(cx, of3_bytes(t), CONSTANT);
  char *place = t->storage->buffer ? place_of(cx, t) : NULL;
  for (int64_t i = 0; place && i < of3_count(t); i++) {
    const float x = weight_at(stored, host, i);
    if (t->dtype == OF3_BF16)
      ((uint16_t *)(void *)place)[i] = of3_f32_to_bf16(x);
    else
      ((float *)(void *)place)[i] = x;
  }
}

/* No region can be recorded whose every operation goes to the reference. */
static void own_region(of3_ctx *cx, of3_region *r) {
  (void)r;
  of3_ctx_fail(cx, OF3_ERR_INTERNAL, "a region is to be recorded, but the reference computes it");
}

static void own_region_close(of3_ctx *cx, of3_region *r) { (void)cx, (void)r; }

#define OWN_MEMORY(type)                                                                                     \
  {                                                                                                          \
    .name = "own-memory", .isa = "", .operand = (type), .projects_bf16 = (type) == OF3_BF16,                 \
    .open_device = open_own_device, .close_device = close_own_device, .open = open_own, .close = close_own,  \
    .kernel = own_kernel, .alloc = own_alloc, .release = own_release, .copy_buffer = own_copy_buffer,        \
    .keep = own_keep, .upload = own_upload, .download = own_download, .constant = own_constant,              \
    .region = own_region, .region_close = own_region_close                                                   \
  }
const of3_backend own_memory_backend = OWN_MEMORY(OF3_F32);
const of3_backend own_memory_backend_bf16 = OWN_MEMORY(OF3_BF16);
