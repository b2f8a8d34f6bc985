/* Recording: see tape.h. Doing blocks again is in tape_redo.c. */
#include "tensor/tape.h"

#include <stdlib.h>
#include <string.h>

#include "tensor/stack.h"

/* Room for one more of `size` bytes in an array of n. */
static bool tape_grow(of3_ctx *cx, void *array, int64_t n, int64_t *most, size_t size) {
  if (n < *most) return true;
  const int64_t more = *most ? 2 * *most : 256;
  void **at = array, *grown = realloc(*at, (size_t)more * size);
  if (!grown) {
    of3_ctx_fail(cx, OF3_ERR_MEMORY, "out of memory for the tape");
    return false;
  }
  *at = grown;
  *most = more;
  return true;
}

/* ---- versions */

/* A storage of a handle of the context, not of a weight. */
static bool on_stack(const of3_ctx *cx, const of3_storage *s) {
  return s >= cx->storage && s < cx->storage + cx->n_handle;
}

/* What s holds now becomes a version after `was`. NULL: an error. */
static of3_tensor_version *new_version(of3_ctx *cx, of3_storage *s, of3_tensor_version *was) {
  of3_tape *tape = cx->tape;
  if (!tape_grow(cx, &tape->version, tape->n_version, &tape->most_version, sizeof(of3_tensor_version *)))
    return NULL;
  of3_tensor_version *v = OF3_ARENA_NEW(tape->arena, of3_tensor_version, 1);
  if (!v) {
    of3_ctx_fail(cx, OF3_ERR_MEMORY, "out of memory for the tape");
    return NULL;
  }
  *v = (of3_tensor_version){
      .was = was, .number = was ? was->number + 1 : 0, .entry = -1, .owner = s - cx->storage};
  s->version = v;
  v->storage = *s;
  v->whole = cx->handle[v->owner];
  v->whole.storage = &v->storage;
  v->held = true;
  tape->version[tape->n_version++] = v;
  return v;
}

static of3_tensor_version *version_of(of3_ctx *cx, of3_storage *s) {
  return s->version || !on_stack(cx, s) ? s->version : new_version(cx, s, NULL);
}

/* A handle like t on the version that t means now. NULL: an error. */
static of3_tensor *recorded(of3_ctx *cx, const of3_tensor *t) {
  of3_tensor_version *v = version_of(cx, t->storage);
  of3_tensor *copy = OF3_ARENA_NEW(cx->tape->arena, of3_tensor, 1);
  if (!copy) {
    of3_ctx_fail(cx, OF3_ERR_MEMORY, "out of memory for the tape");
    return NULL;
  }
  *copy = *t;
  if (v) copy->storage = &v->storage;
  return copy;
}

/* The values of a version become NaN, whatever their type. */
static void poison_version(of3_ctx *cx, of3_tensor_version *v) {
  const size_t bytes = of3_bytes(&v->whole);
  if (cx->planning || cx->error.code != OF3_OK) return;
  void *nan = malloc(bytes ? bytes : 1);
  if (!nan) {
    of3_ctx_fail(cx, OF3_ERR_MEMORY, "out of memory for the tape");
    return;
  }
  memset(nan, 0xff, bytes);
  of3_write_host(cx, &v->whole, nan);
  free(nan);
}

/* The storage of t moves to new memory, with what it holds if that is asked for, and is a version of its own.
 */
static void next_version(of3_ctx *cx, const of3_tensor *t, bool copy) {
  of3_tensor_version *was = version_of(cx, t->storage);
  if (!was) of3_ctx_fail(cx, OF3_ERR_INTERNAL, "an operation writes a weight while a tape records");
  if (cx->error.code != OF3_OK || !of3_storage_move(cx, t->storage, copy)) return;
  new_version(cx, t->storage, was);
  if (cx->tape->poison) poison_version(cx, was);
}

static bool tape_is_whole(const of3_ctx *cx, const of3_tensor *t) {
  return !on_stack(cx, t->storage) || of3_count(t) == of3_count(&cx->handle[t->storage - cx->storage]);
}

/* ---- entries */

/* Whether the operation reads memory of its output as an argument of its own. */
static bool reads_output(const of3_call *c, of3_writes w) {
  for (int i = 0; i < OF3_MAX_IN; i++)
    if (c->in[i] && i != w.arg && c->in[i]->storage == c->out->storage) return true;
  return false;
}

/* Makes c->out fit to be written; true: it begins as a copy of the version before. What nobody has seen may
 * be written where it lies, if it is overwritten as a whole. */
static bool make_writable(of3_ctx *cx, const of3_call *c, of3_writes w) {
  const bool over = w.how == OF3_WRITE_OVER, whole = tape_is_whole(cx, c->out);
  const bool copy = !over || !whole || reads_output(c, w);
  if (!copy && !cx->tape->poison && !c->out->storage->version) return false;
  next_version(cx, c->out, copy);
  return copy;
}

void of3_tape_record(of3_ctx *cx, of3_call *c, of3_writes w, bool given) {
  of3_tape *tape = cx->tape;
  if (!tape_grow(cx, &tape->entry, tape->n_entry, &tape->most_entry, sizeof(of3_tape_entry))) return;
  of3_tape_entry e = {.call = *c};
  for (int i = 0; i < OF3_MAX_IN; i++) {
    const bool read = c->in[i] && !(w.how == OF3_WRITE_OVER && i == w.arg);
    e.call.in[i] = read ? recorded(cx, c->in[i]) : NULL;
  }
  e.moved = given && make_writable(cx, c, w);
  e.call.out = recorded(cx, c->out);
  for (int i = 0; i < OF3_MAX_SAVED; i++) e.call.saved[i] = c->saved[i] ? recorded(cx, c->saved[i]) : NULL;
  if (cx->error.code != OF3_OK) return;
  e.call.out->storage->version->entry = tape->n_entry;
  for (int i = 0; i < OF3_MAX_SAVED; i++)
    if (e.call.saved[i]) e.call.saved[i]->storage->version->entry = tape->n_entry;
  tape->entry[tape->n_entry++] = e;
}

void of3_tape_upload(of3_ctx *cx, const of3_tensor *t) {
  if (t->storage->version && on_stack(cx, t->storage)) next_version(cx, t, !tape_is_whole(cx, t));
}

/* ---- blocks */

void of3_tape_scope_begin(of3_ctx *cx) {
  of3_tape *tape = cx->tape;
  if (cx->error.code != OF3_OK ||
      !tape_grow(cx, &tape->block, tape->n_block, &tape->most_block, sizeof(of3_tape_block)))
    return;
  tape->block[tape->n_block] = (of3_tape_block){.parent = tape->current,
                                                .first = tape->n_entry,
                                                .end = tape->n_entry,
                                                .version = tape->n_version,
                                                .begin = of3_mark(cx)};
  tape->current = tape->n_block++;
}

/* Whether a handle means the version. */
static bool is_current(const of3_ctx *cx, const of3_tensor_version *v) {
  return v->owner < cx->n_handle && cx->storage[v->owner].version == v;
}

/* What outlives a block that gives back its memory: what was uploaded in it, and what handles that are older
 * than it mean now. */
static bool outlives(const of3_ctx *cx, const of3_tensor_version *v) {
  return v->entry < 0 || is_current(cx, v);
}

static void lose_memory(of3_tensor_version *v) {
  v->held = false;
  v->storage.buffer = NULL;
}

/* Puts the version into its place among n, which are in the order in which they lie on the stack. */
static void sort_in(of3_tensor_version **v, int64_t n, of3_tensor_version *next) {
  for (; n > 0 && v[n - 1]->storage.place > next->storage.place; n--) v[n] = v[n - 1];
  v[n] = next;
}

/* Versions of the block that outlive it; the others lose their memory. */
static int64_t survivors(const of3_ctx *cx, const of3_tape_block *b, of3_tensor_version **out) {
  const of3_tape *tape = cx->tape;
  int64_t n = 0;
  for (int64_t i = b->version; i < tape->n_version; i++) {
    of3_tensor_version *v = tape->version[i];
    if (!v->held || v->storage.place < b->begin.buffer) continue;
    if (outlives(cx, v))
      sort_in(out, n++, v);
    else
      lose_memory(v);
  }
  return n;
}

/* The memory of the block at hand, which is the upper part of the stack, goes, but for what outlives it. */
static void release_block(of3_ctx *cx, of3_tape_block *b) {
  const of3_tape *tape = cx->tape;
  const int64_t most = tape->n_version - b->version;
  of3_tensor_version **v = malloc((size_t)(most + 1) * sizeof *v);
  of3_storage **storage = malloc((size_t)(most + 1) * sizeof *storage);
  if (v && storage) {
    const int64_t n = survivors(cx, b, v);
    for (int64_t i = 0; i < n; i++) storage[i] = &v[i]->storage;
    of3_storage_keep(cx, b->begin, storage, n);
    for (int64_t i = 0; i < n; i++)
      if (is_current(cx, v[i])) cx->storage[v[i]->owner] = v[i]->storage;
    b->released = true;
  } else
    of3_ctx_fail(cx, OF3_ERR_MEMORY, "out of memory for the tape");
  free(v);
  free(storage);
}

void of3_tape_drop(const of3_tape *tape, int64_t first, int64_t place) {
  for (int64_t i = first; i < tape->n_version; i++)
    if (tape->version[i]->held && tape->version[i]->storage.place >= place) lose_memory(tape->version[i]);
}

void of3_tape_scope_end(of3_ctx *cx, of3_scope scope) {
  of3_tape *tape = cx->tape;
  cx->n_handle = scope.handle;
  if (cx->error.code != OF3_OK) return;
  if (tape->current < 0) {
    of3_ctx_fail(cx, OF3_ERR_INTERNAL, "a scope that is older than the tape ends");
    return;
  }
  of3_tape_block *b = &tape->block[tape->current];
  b->end = tape->n_entry;
  tape->current = b->parent;
  if (tape->recomputes && tape->recomputes(tape->user, tape, b)) release_block(cx, b);
}

int64_t of3_block_inputs(of3_tape *tape, const of3_tape_block *b, of3_tensor_version **out, int64_t most) {
  int64_t n = 0;
  tape->mark++;
  for (int64_t e = b->first; e < b->end; e++)
    for (int i = 0; i <= OF3_MAX_IN; i++) { /* the last: what the output was copied from */
      const of3_tape_entry *entry = &tape->entry[e];
      const of3_tensor *t = i < OF3_MAX_IN ? entry->call.in[i] : NULL;
      of3_tensor_version *v = t ? t->storage->version : NULL;
      if (i == OF3_MAX_IN && entry->moved) v = entry->call.out->storage->version->was;
      if (!v || v->mark == tape->mark || (v->entry >= b->first && v->entry < b->end)) continue;
      v->mark = tape->mark;
      if (n < most) out[n] = v;
      n++;
    }
  return n;
}

/* ---- begin and end */

static of3_tape owners_choice(const of3_tape *t) {
  return (of3_tape){
      .poison = t->poison, .recomputes = t->recomputes, .opt_gradient = t->opt_gradient, .user = t->user};
}

void of3_tape_begin(of3_tape *tape, of3_ctx *cx) {
  *tape = owners_choice(tape);
  tape->current = -1;
  tape->begin = of3_mark(cx);
  tape->arena = of3_arena_new(0);
  const of3_backend *b = cx->backend;
  if (cx->tape)
    of3_ctx_fail(cx, OF3_ERR_INTERNAL, "a tape records already");
  else if (!b->host_memory && (!b->copy_buffer || !b->keep))
    of3_ctx_fail(cx, OF3_ERR_INTERNAL, "the backend %s does not record: it has no copy_buffer and keep",
                 b->name);
  else if (!tape->arena)
    of3_ctx_fail(cx, OF3_ERR_MEMORY, "out of memory for the tape");
  else
    cx->tape = tape;
}

void of3_tape_stop(of3_tape *tape, of3_ctx *cx) {
  if (cx->tape == tape) cx->tape = NULL;
}

void of3_tape_resume(of3_tape *tape, of3_ctx *cx) {
  if (!cx->tape && cx->error.code == OF3_OK) cx->tape = tape;
}

size_t of3_tape_bytes(const of3_tape *tape) {
  return of3_arena_used(tape->arena) + (size_t)tape->most_entry * sizeof *tape->entry +
         (size_t)tape->most_block * sizeof *tape->block +
         (size_t)tape->most_version * sizeof(const of3_tensor_version *);
}

/* A storage that is older than the tape: its content moves back to where it was. */
static void return_home(of3_ctx *cx, of3_storage *s) {
  const of3_tensor_version *first = s->version;
  while (first->was) first = first->was;
  if (s->buffer != first->storage.buffer) of3_copy_buffer(cx, &first->storage, s);
  s->buffer = first->storage.buffer;
  s->place = first->storage.place;
  s->version = NULL;
}

void of3_tape_end(of3_tape *tape, of3_ctx *cx) {
  of3_tape_stop(tape, cx);
  for (int64_t i = 0; i < tape->begin.handle && i < cx->n_handle; i++)
    if (cx->storage[i].version) return_home(cx, &cx->storage[i]);
  of3_unwind(cx, tape->begin);
  of3_arena_free(tape->arena);
  free(tape->entry);
  free(tape->block);
  free(tape->version);
  *tape = owners_choice(tape);
}
