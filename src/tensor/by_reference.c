#include "tensor/by_reference.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/op_functions.h"
#include "tensor/stack.h"

const of3_kernel *of3_kernel_for(const of3_backend *b, const of3_ctx *cx, const of3_call *c,
                                 of3_direction direction) {
  const of3_kernel *k = b->kernel(cx, c->op, direction);
  return k && (!k->accepts || k->accepts(c)) ? k : NULL;
}

/* ---- What is said of it */

enum { MOST_SHAPES = 128 };

/* Calls that went to the reference in a context. */
struct of3_reference_count {
  int64_t calls[OF3_N_OP];
  int n_shape; /* that were told; the rest is only counted */
  struct {
    of3_op op;
    char text[OF3_CALL_TEXT];
  } shape[MOST_SHAPES];
};

static bool was_told(const of3_reference_count *n, of3_op op, const char *text) {
  for (int i = 0; i < n->n_shape; i++)
    if (n->shape[i].op == op && strcmp(n->shape[i].text, text) == 0) return true;
  return n->n_shape == MOST_SHAPES;
}

static void tell_reference(of3_ctx *cx, const of3_call *c, of3_direction direction) {
  char text[OF3_CALL_TEXT];
  if (!cx->log || !cx->log->sink || cx->log->least > OF3_LOG_DEBUG) return;
  if (!cx->reference_count) cx->reference_count = calloc(1, sizeof *cx->reference_count);
  of3_reference_count *n = cx->reference_count;
  if (!n) return;
  n->calls[c->op]++;
  if (was_told(n, c->op, of3_call_text(c, text))) return;
  n->shape[n->n_shape].op = c->op;
  memcpy(n->shape[n->n_shape++].text, text, sizeof text);
  const of3_backend *b = cx->backend;
  of3_logf(cx->log, OF3_LOG_DEBUG, "reference: %s%s %s: %s%s%s %s%s", of3_op_table()[c->op].name,
           direction == OF3_BACKWARD ? " backwards" : "", text, b->name, *b->isa ? "-" : "", b->isa,
           b->kernel(cx, c->op, direction) ? "declines it" : "has no kernel",
           b->host_memory ? "" : ", its arguments are copied to the host and back");
  if (n->n_shape == MOST_SHAPES) of3_logf(cx->log, OF3_LOG_DEBUG, "reference: other shapes are only counted");
}

void of3_by_reference_close(of3_ctx *cx) {
  of3_reference_count *n = cx->reference_count;
  char text[1024];
  size_t at = 0;
  if (!n) return;
  for (int op = 0; op < OF3_N_OP; op++)
    if (n->calls[op] && at < sizeof text)
      at += (size_t)snprintf(text + at, sizeof text - at, "%s%s %lld", at ? ", " : "",
                             of3_op_table()[op].name, (long long)n->calls[op]);
  of3_logf(cx->log, OF3_LOG_DEBUG, "calls that the reference did: %s", text);
  free(n);
  cx->reference_count = NULL;
}

/* ---- Host images */

enum { IMAGE_ALIGN = 64, MOST_IMAGES = 2 * OF3_MAX_IN + 2 };

/* The reference knows f32 and bf16: f16 becomes f32, which holds all of it. */
static of3_dtype image_dtype(const of3_tensor *t) { return t->dtype == OF3_F16 ? OF3_F32 : t->dtype; }

static size_t image_bytes(const of3_tensor *t) {
  const size_t n = (size_t)of3_count(t) * of3_dtype_size(image_dtype(t));
  return (n + IMAGE_ALIGN - 1) / IMAGE_ALIGN * IMAGE_ALIGN;
}

static bool same_place(const of3_tensor *a, const of3_tensor *b) {
  return a->storage == b->storage && a->offset == b->offset && of3_count(a) == of3_count(b);
}

/* Arguments of one call and their images. */
typedef struct images {
  char *next; /* free memory; NULL: only the bytes are wanted */
  size_t bytes;
  int n;
  const of3_tensor *of[MOST_IMAGES];
  of3_tensor image[MOST_IMAGES];
  of3_storage storage[MOST_IMAGES]; /* of an image that does not share that of an earlier one */
  bool filled[MOST_IMAGES];         /* a storage */
} images;

static of3_storage *storage_of(images *s, const of3_tensor *t) {
  for (int i = 0; i + 1 < s->n; i++)
    if (same_place(s->of[i], t)) return s->image[i].storage;
  of3_storage *new = &s->storage[s->n - 1];
  *new = (of3_storage){.buffer = s->next, .bytes = image_bytes(t)};
  s->bytes += new->bytes;
  if (s->next) s->next += new->bytes;
  return new;
}

static of3_tensor *image_of(images *s, const of3_tensor *t) {
  assert(s->n < MOST_IMAGES);
  of3_tensor *image = &s->image[s->n];
  s->of[s->n++] = t;
  *image = *t;
  image->dtype = image_dtype(t);
  image->offset = 0;
  image->storage = storage_of(s, t);
  return image;
}

/* f16 arrives in the second half of the image, so that it can be widened from the front on. */
static void download_image(of3_ctx *cx, const of3_tensor *t, of3_tensor *image) {
  const bool f16 = t->dtype == OF3_F16;
  char *host = (char *)of3_host(image) + (f16 ? of3_bytes(t) : 0);
  if (of3_count(t) == 0) return;
  cx->backend->download(cx, t, host);
  if (!f16) return;
  const uint16_t *narrow = (const uint16_t *)(const void *)host;
  for (int64_t i = 0; i < of3_count(t); i++) of3_f32(image)[i] = of3_f16_to_f32(narrow[i]);
}

/* The image of t, filled if it is to be read and was not yet. */
static of3_tensor *argument_image(of3_ctx *cx, const of3_tensor *t, bool read, images *s) {
  of3_tensor *image = image_of(s, t);
  bool *filled = &s->filled[image->storage - s->storage];
  if (read && !*filled && s->next) download_image(cx, t, image);
  *filled |= read;
  return image;
}

/* The same call on images; what it reads is copied to them unless only their size is wanted. */
static of3_call make_images(of3_ctx *cx, const of3_call *c, of3_direction direction, images *s) {
  const of3_writes writes = of3_op_table()[c->op].writes;
  const bool back = direction == OF3_BACKWARD;
  of3_call on_host = *c;
  for (int i = 0; i < OF3_MAX_IN; i++) {
    const bool read = back || writes.how != OF3_WRITE_OVER || i != writes.arg;
    if (c->in[i]) on_host.in[i] = argument_image(cx, c->in[i], read, s);
    if (back && c->dx[i]) on_host.dx[i] = argument_image(cx, c->dx[i], true, s);
  }
  on_host.out = argument_image(cx, c->out, back, s);
  if (back) on_host.dy = argument_image(cx, c->dy, true, s);
  return on_host;
}

static void upload_image(of3_ctx *cx, of3_tensor *t, const of3_tensor *image, bool exact) {
  const of3_backend *b = cx->backend;
  if (of3_count(t) == 0) return;
  b->upload(cx, t, of3_host(image), b->stored ? b->stored(cx, t, exact) : t->dtype);
}

static void reference_on_images(of3_ctx *cx, const of3_call *c, of3_direction direction, char *memory) {
  const of3_op_info *op = &of3_op_table()[c->op];
  images s = {.next = memory + (IMAGE_ALIGN - (uintptr_t)memory % IMAGE_ALIGN) % IMAGE_ALIGN};
  const of3_call on_host = make_images(cx, c, direction, &s);
  if (cx->error.code != OF3_OK) return;
  if (direction == OF3_FORWARD) {
    op->reference(&on_host);
    if (cx->error.code == OF3_OK) upload_image(cx, c->out, on_host.out, of3_is_exact(c->op));
    return;
  }
  op->backward_reference(&on_host);
  for (int i = 0; i < OF3_MAX_IN; i++)
    if (c->dx[i]) upload_image(cx, c->dx[i], on_host.dx[i], true);
}

/* On a backend without host memory. */
static void reference_elsewhere(of3_ctx *cx, const of3_call *c, of3_direction direction, size_t bytes) {
  const char *name = of3_op_table()[c->op].name;
  if (cx->recording) {
    of3_ctx_fail(cx, OF3_ERR_INTERNAL, "the backend %s declines %s in a region of which it did all before",
                 cx->backend->name, name);
    return;
  }
  char *memory = malloc(bytes);
  if (memory)
    reference_on_images(cx, c, direction, memory);
  else
    of3_ctx_fail(cx, OF3_ERR_MEMORY, "out of memory for the arguments of %s", name);
  free(memory);
}

void of3_by_reference(of3_ctx *cx, const of3_call *c, of3_direction direction) {
  const of3_op_info *op = &of3_op_table()[c->op];
  images sizes = {.bytes = IMAGE_ALIGN};
  cx->n_by_reference++;
  if (!cx->backend->host_memory) {
    make_images(cx, c, direction, &sizes);
    of3_reserve(cx, sizes.bytes);
  }
  if (direction == OF3_BACKWARD) of3_reserve(cx, of3_backward_room(c));
  if (cx->error.code != OF3_OK || cx->planning) return;
  tell_reference(cx, c, direction);
  of3_call call = *c;
  call.cx = cx;
  if (cx->backend->host_memory)
    (direction == OF3_FORWARD ? op->reference : op->backward_reference)(&call);
  else
    reference_elsewhere(cx, &call, direction, sizes.bytes);
}
