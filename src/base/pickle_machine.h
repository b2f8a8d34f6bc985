/* The stack machine of the pickle reader: memory, input, stack. For pickle.c and pickle_call.c only. */
#ifndef OF3_BASE_PICKLE_MACHINE_H
#define OF3_BASE_PICKLE_MACHINE_H

#include <stdlib.h>
#include <string.h>

#include "base/le.h"
#include "base/pickle.h"

enum { OF3_PICKLE_SLAB = 128 };

typedef struct machine {
  const uint8_t *begin, *p, *end;
  const of3_pickle_policy *policy;
  of3_arena *arena;
  size_t used; /* bytes taken, of policy->most */
  of3_pickle *slab;
  int slab_left;
  of3_pickle **stack;
  size_t height, stack_cap;
  size_t *mark; /* heights of the stack */
  size_t n_mark, mark_cap;
  of3_pickle **memo; /* NULL where nothing was put */
  size_t n_memo, memo_cap;
  bool stopped;
  of3_error *err;
} machine;

static inline of3_status corrupted(machine *m, const char *what) {
  return of3_fail(m->err, OF3_ERR_INPUT, "the pickle is corrupted at byte %zu: %s", (size_t)(m->p - m->begin),
                  what);
}

/* ---- memory ---- */

static inline of3_status take(machine *m, size_t bytes) {
  if (bytes > m->policy->most - m->used)
    return of3_fail(m->err, OF3_ERR_INPUT,
                    "the pickle needs more than the %zu bytes of memory that are allowed for it",
                    m->policy->most);
  m->used += bytes;
  return OF3_OK;
}

/* Room for `need` elements in a vector that doubles. */
static inline of3_status reserve(machine *m, void **vector, size_t *cap, size_t need, size_t size) {
  if (need <= *cap) return OF3_OK;
  size_t more = *cap ? *cap : 64;
  while (more < need) more *= 2;
  OF3_TRY(take(m, (more - *cap) * size));
  void *p = realloc(*vector, more * size);
  if (!p) return of3_fail_memory(m->err, "a pickle");
  memset((char *)p + *cap * size, 0, (more - *cap) * size);
  *vector = p;
  *cap = more;
  return OF3_OK;
}

static inline of3_status node(machine *m, of3_pickle_type type, of3_pickle **ret) {
  if (m->slab_left == 0) {
    OF3_TRY(take(m, OF3_PICKLE_SLAB * sizeof(of3_pickle)));
    m->slab = OF3_ARENA_NEW(m->arena, of3_pickle, OF3_PICKLE_SLAB);
    if (!m->slab) return of3_fail_memory(m->err, "a pickle");
    m->slab_left = OF3_PICKLE_SLAB;
  }
  m->slab_left--;
  *ret = m->slab++;
  (*ret)->type = type;
  return OF3_OK;
}

/* Appends `count` values to the items of a container that holds `filled` values. */
static inline of3_status append(machine *m, of3_pickle *c, size_t filled, of3_pickle **value, size_t count) {
  if (count > c->cap - filled) {
    size_t cap = filled + count;
    if (filled > 0 && cap < 2 * c->cap) cap = 2 * c->cap;
    OF3_TRY(take(m, cap * sizeof *value + 64));
    of3_pickle **item = OF3_ARENA_NEW(m->arena, of3_pickle *, cap);
    if (!item) return of3_fail_memory(m->err, "a pickle");
    if (filled > 0) memcpy(item, c->item, filled * sizeof *item);
    c->item = item;
    c->cap = cap;
  }
  if (count > 0) memcpy(c->item + filled, value, count * sizeof *value);
  return OF3_OK;
}

/* ---- input ---- */

static inline of3_status bytes_of(machine *m, uint64_t n, const uint8_t **ret) {
  if (n > (uint64_t)(m->end - m->p))
    return of3_fail(m->err, OF3_ERR_INPUT,
                    "the pickle is truncated or corrupted: byte %zu asks for %llu more bytes, %zu are left",
                    (size_t)(m->p - m->begin), (unsigned long long)n, (size_t)(m->end - m->p));
  *ret = m->p;
  m->p += n;
  return OF3_OK;
}

/* An unsigned little-endian integer of 1, 2, 4 or 8 bytes. */
static inline of3_status number(machine *m, int width, uint64_t *ret) {
  const uint8_t *b = NULL;
  OF3_TRY(bytes_of(m, (uint64_t)width, &b));
  *ret = width == 1 ? b[0] : width == 2 ? of3_le16(b) : width == 4 ? of3_le32(b) : of3_le64(b);
  return OF3_OK;
}

/* The text up to the next newline, which is skipped. */
static inline of3_status line(machine *m, const char **ret_text, size_t *ret_n) {
  const uint8_t *stop = memchr(m->p, '\n', (size_t)(m->end - m->p));
  if (!stop) return corrupted(m, "a line does not end");
  *ret_text = (const char *)m->p;
  *ret_n = (size_t)(stop - m->p);
  m->p = stop + 1;
  return OF3_OK;
}

/* ---- stack ---- */

static inline of3_status push(machine *m, of3_pickle *v) {
  OF3_TRY(reserve(m, (void **)&m->stack, &m->stack_cap, m->height + 1, sizeof *m->stack));
  m->stack[m->height++] = v;
  return OF3_OK;
}

static inline size_t stack_floor(const machine *m) { return m->n_mark ? m->mark[m->n_mark - 1] : 0; }

static inline of3_status pop(machine *m, of3_pickle **ret) {
  if (m->height == stack_floor(m)) return corrupted(m, "the stack is empty");
  *ret = m->stack[--m->height];
  return OF3_OK;
}

static inline of3_status top(machine *m, of3_pickle **ret) {
  OF3_TRY(pop(m, ret));
  m->height++;
  return OF3_OK;
}

/* Takes what lies above the last mark, and the mark. The values stay valid until the next push. */
static inline of3_status pop_marked(machine *m, of3_pickle ***ret, size_t *ret_n) {
  if (m->n_mark == 0) return corrupted(m, "there is no mark on the stack");
  size_t at = m->mark[--m->n_mark];
  *ret_n = m->height - at;
  *ret = *ret_n ? m->stack + at : NULL;
  m->height = at;
  return OF3_OK;
}

static inline of3_status push_opaque(machine *m, const char *global) {
  of3_pickle *v = NULL;
  OF3_TRY(node(m, OF3_PICKLE_OPAQUE, &v));
  v->global = global;
  return push(m, v);
}

/* ---- operations on globals (pickle_call.c); `arg` as in the table of pickle.c ---- */

of3_status of3_pickle_op_global(machine *m, int arg);
of3_status of3_pickle_op_stack_global(machine *m, int arg);
of3_status of3_pickle_op_extension(machine *m, int width);
of3_status of3_pickle_op_call(machine *m, int arg);
of3_status of3_pickle_op_call_keywords(machine *m, int arg);
of3_status of3_pickle_op_obj(machine *m, int arg);
of3_status of3_pickle_op_inst(machine *m, int arg);
of3_status of3_pickle_op_build(machine *m, int arg);
of3_status of3_pickle_op_persistent(machine *m, int arg);

#endif
