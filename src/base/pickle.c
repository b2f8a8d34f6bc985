/* The reader of pickles (pickle.h): a stack machine with one handler per opcode. A pickle is a program that
 * builds one value; CPython's pickletools documents the opcodes. The tuple ('a', 3), memoised, is
 *
 *   opcode                        stack              marks     memo
 *   MARK                                             0
 *   SHORT_BINUNICODE 1 'a'        'a'                0
 *   BININT1 3                     'a' 3              0
 *   TUPLE                         ('a', 3)                               takes all above the last mark
 *   BINPUT 0                      ('a', 3)                     0: it     puts the top under a number
 *   STOP                          ('a', 3)                               one value and no mark is left
 *
 *   stack   pointers to nodes; marks are heights of it, below which nothing may be taken (stack_floor)
 *   memo    nodes under numbers, to be used again: what it returns is a graph, not a tree
 *   nodes   of3_pickle, from slabs in the arena; text is not copied but points into the input
 *
 * Stack, marks and memo are plain vectors that are gone when the tree is returned. All memory counts against
 * policy->most before it is taken. Every opcode reads its input through bytes_of, which checks what is left,
 * and takes its operands through pop and pop_marked, which check the stack: so input that was made to harm
 * ends as an error with the byte at which it stands. There is no recursion, whatever the depth.
 *
 * Opcodes that call (REDUCE, BUILD, NEWOBJ ..) are in pickle_call.c: they note the call and call nothing. */
#include "base/pickle.h"

#include <errno.h>
#include <stdio.h>

#include "base/number.h"
#include "base/pickle_machine.h"

enum { MAX_PROTOCOL = 5 };

static of3_status op_mark(machine *m, int arg) {
  (void)arg;
  OF3_TRY(reserve(m, (void **)&m->mark, &m->mark_cap, m->n_mark + 1, sizeof *m->mark));
  m->mark[m->n_mark++] = m->height;
  return OF3_OK;
}

static of3_status op_pop(machine *m, int arg) {
  (void)arg;
  of3_pickle *v = NULL;
  if (m->n_mark > 0 && m->height == stack_floor(m)) {
    m->n_mark--;
    return OF3_OK;
  }
  return pop(m, &v);
}

static of3_status op_pop_mark(machine *m, int arg) {
  (void)arg;
  of3_pickle **v = NULL;
  size_t n = 0;
  return pop_marked(m, &v, &n);
}

static of3_status op_dup(machine *m, int arg) {
  (void)arg;
  of3_pickle *v = NULL;
  OF3_TRY(top(m, &v));
  return push(m, v);
}

static of3_status op_stop(machine *m, int arg) {
  (void)arg;
  m->stopped = true;
  return m->n_mark == 0 && m->height == 1 ? OF3_OK
                                          : corrupted(m, "it stops with other than one value on the stack");
}

static of3_status op_protocol(machine *m, int arg) {
  (void)arg;
  uint64_t v = 0;
  OF3_TRY(number(m, 1, &v));
  return v <= MAX_PROTOCOL ? OF3_OK : corrupted(m, "its protocol is newer than 5");
}

static of3_status op_frame(machine *m, int arg) {
  (void)arg;
  uint64_t n = 0;
  OF3_TRY(number(m, 8, &n));
  return n <= (uint64_t)(m->end - m->p) ? OF3_OK : corrupted(m, "a frame is longer than what is left");
}

/* ---- memo ---- */

static of3_status pickle_put(machine *m, uint64_t at) {
  of3_pickle *v = NULL;
  OF3_TRY(top(m, &v));
  if (at >= (uint64_t)(m->p - m->begin))
    return corrupted(m, "the memo is put at a place higher than its number of entries");
  OF3_TRY(reserve(m, (void **)&m->memo, &m->memo_cap, (size_t)at + 1, sizeof *m->memo));
  if (!m->memo[at]) m->n_memo++;
  m->memo[at] = v;
  return OF3_OK;
}

static of3_status get(machine *m, uint64_t at) {
  if (at >= m->memo_cap || !m->memo[at])
    return corrupted(m, "it takes from the memo what was never put there");
  return push(m, m->memo[at]);
}

/* Decimal digits with an optional sign; false if it is something else or beyond 64 bits. */
static bool decimal(const char *text, size_t n, int64_t *ret) {
  char copy[24], *stop = NULL;
  if (n == 0 || n >= sizeof copy || memchr(text, ' ', n)) return false;
  memcpy(copy, text, n);
  copy[n] = 0;
  errno = 0;
  *ret = strtoll(copy, &stop, 10);
  return errno == 0 && stop == copy + n;
}

static of3_status line_index(machine *m, uint64_t *ret) {
  const char *text = NULL;
  size_t n = 0;
  int64_t i = 0;
  OF3_TRY(line(m, &text, &n));
  if (!decimal(text, n, &i) || i < 0) return corrupted(m, "a place of the memo is not a number");
  *ret = (uint64_t)i;
  return OF3_OK;
}

/* width: bytes of the place; 0: a line of text. */
static of3_status op_put(machine *m, int width) {
  uint64_t at = 0;
  OF3_TRY(width ? number(m, width, &at) : line_index(m, &at));
  return pickle_put(m, at);
}

static of3_status op_get(machine *m, int width) {
  uint64_t at = 0;
  OF3_TRY(width ? number(m, width, &at) : line_index(m, &at));
  return get(m, at);
}

static of3_status op_memoize(machine *m, int arg) {
  (void)arg;
  return pickle_put(m, m->n_memo);
}

/* ---- plain values ---- */

static of3_status push_int(machine *m, of3_pickle_type type, int64_t i) {
  of3_pickle *v = NULL;
  OF3_TRY(node(m, type, &v));
  v->i = i;
  return push(m, v);
}

static of3_status op_none(machine *m, int arg) {
  (void)arg;
  return push_int(m, OF3_PICKLE_NONE, 0);
}

static of3_status op_bool(machine *m, int value) { return push_int(m, OF3_PICKLE_BOOL, value); }

static of3_status op_int(machine *m, int width) {
  uint64_t v = 0;
  OF3_TRY(number(m, width, &v));
  return push_int(m, OF3_PICKLE_INT, width == 4 ? (int32_t)(uint32_t)v : (int64_t)v);
}

static const char BIG_INT[] = "an integer beyond 64 bits";

/* Two's complement of any length, its length in `width` bytes. */
static of3_status op_long(machine *m, int width) {
  uint64_t n = 0, v = 0;
  const uint8_t *b = NULL;
  OF3_TRY(number(m, width, &n));
  OF3_TRY(bytes_of(m, n, &b));
  if (n > 8) return push_opaque(m, BIG_INT);
  if (n > 0 && b[n - 1] & 0x80) v = UINT64_MAX;
  for (uint64_t k = n; k-- > 0;) v = v << 8 | b[k];
  return push_int(m, OF3_PICKLE_INT, (int64_t)v);
}

/* A line of digits; "01" and "00" are the booleans of protocols 0 and 1. */
static of3_status op_text_int(machine *m, int is_long) {
  const char *text = NULL;
  size_t n = 0;
  int64_t i = 0;
  OF3_TRY(line(m, &text, &n));
  if (!is_long && n == 2 && text[0] == '0' && (text[1] == '0' || text[1] == '1'))
    return op_bool(m, text[1] - '0');
  if (n > 0 && text[n - 1] == 'L') n--;
  if (n >= 20) return push_opaque(m, BIG_INT);
  return decimal(text, n, &i) ? push_int(m, OF3_PICKLE_INT, i) : corrupted(m, "an integer is expected");
}

static of3_status push_float(machine *m, double f) {
  of3_pickle *v = NULL;
  OF3_TRY(node(m, OF3_PICKLE_FLOAT, &v));
  v->f = f;
  return push(m, v);
}

static of3_status op_float(machine *m, int arg) {
  (void)arg;
  const uint8_t *b = NULL;
  uint64_t bits = 0;
  double f = 0;
  OF3_TRY(bytes_of(m, 8, &b));
  for (int k = 0; k < 8; k++) bits = bits << 8 | b[k];
  memcpy(&f, &bits, sizeof f);
  return push_float(m, f);
}

static of3_status op_text_float(machine *m, int arg) {
  (void)arg;
  const char *text = NULL;
  char copy[64], *stop = NULL;
  size_t n = 0;
  OF3_TRY(line(m, &text, &n));
  if (n == 0 || n >= sizeof copy) return corrupted(m, "a number is expected");
  memcpy(copy, text, n);
  copy[n] = 0;
  double f = of3_parse_f64(copy, &stop);
  return stop == copy + n ? push_float(m, f) : corrupted(m, "a number is expected");
}

static of3_status push_text(machine *m, of3_pickle_type type, const char *text, uint64_t n) {
  of3_pickle *v = NULL;
  OF3_TRY(node(m, type, &v));
  v->text = text;
  v->n = (size_t)n;
  return push(m, v);
}

static of3_status pickle_text_of(machine *m, of3_pickle_type type, int width) {
  uint64_t n = 0;
  const uint8_t *b = NULL;
  OF3_TRY(number(m, width, &n));
  OF3_TRY(bytes_of(m, n, &b));
  return push_text(m, type, (const char *)b, n);
}

static of3_status op_string(machine *m, int width) { return pickle_text_of(m, OF3_PICKLE_STRING, width); }

static of3_status op_bytes(machine *m, int width) { return pickle_text_of(m, OF3_PICKLE_BYTES, width); }

/* Strings of protocol 0: a quoted or a bare line. Escapes, which no name of a tensor has, are refused. */
static of3_status op_text_string(machine *m, int quoted) {
  const char *text = NULL;
  size_t n = 0;
  OF3_TRY(line(m, &text, &n));
  if (memchr(text, '\\', n)) return corrupted(m, "strings with escapes (protocol 0) are not read");
  if (!quoted) return push_text(m, OF3_PICKLE_STRING, text, n);
  if (n < 2 || (text[0] != '\'' && text[0] != '"') || text[n - 1] != text[0])
    return corrupted(m, "a quoted string is expected");
  return push_text(m, OF3_PICKLE_STRING, text + 1, n - 2);
}

/* ---- containers ---- */

static of3_status push_items(machine *m, of3_pickle_type type, of3_pickle **value, size_t count) {
  of3_pickle *v = NULL;
  OF3_TRY(node(m, type, &v));
  OF3_TRY(append(m, v, 0, value, count));
  v->n = type == OF3_PICKLE_DICT ? count / 2 : count;
  return push(m, v);
}

static of3_status op_empty(machine *m, int type) { return push_items(m, (of3_pickle_type)type, NULL, 0); }

static of3_status op_marked(machine *m, int type) {
  of3_pickle **value = NULL;
  size_t n = 0;
  OF3_TRY(pop_marked(m, &value, &n));
  if (type == OF3_PICKLE_DICT && n % 2) return corrupted(m, "a key has no value");
  return push_items(m, (of3_pickle_type)type, value, n);
}

static of3_status op_tuple(machine *m, int count) {
  size_t n = (size_t)count;
  if (m->height - stack_floor(m) < n) return corrupted(m, "the stack is empty");
  m->height -= n;
  return push_items(m, OF3_PICKLE_TUPLE, m->stack + m->height, n);
}

/* Adds values to the container on top of the stack. What is added to an opaque value is forgotten. */
static of3_status extend(machine *m, of3_pickle_type type, of3_pickle **value, size_t count) {
  of3_pickle *c = NULL;
  OF3_TRY(top(m, &c));
  if (c->type == OF3_PICKLE_OPAQUE) return OF3_OK;
  if (c->type != type) return corrupted(m, "items are added to something that holds none");
  size_t each = type == OF3_PICKLE_DICT ? 2 : 1;
  if (count % each) return corrupted(m, "a key has no value");
  OF3_TRY(append(m, c, c->n * each, value, count));
  c->n += count / each;
  return OF3_OK;
}

static of3_status op_extend_marked(machine *m, int type) {
  of3_pickle **value = NULL;
  size_t n = 0;
  OF3_TRY(pop_marked(m, &value, &n));
  return extend(m, (of3_pickle_type)type, value, n);
}

static of3_status op_append(machine *m, int arg) {
  (void)arg;
  of3_pickle *v = NULL;
  OF3_TRY(pop(m, &v));
  return extend(m, OF3_PICKLE_LIST, &v, 1);
}

static of3_status op_set_item(machine *m, int arg) {
  (void)arg;
  of3_pickle *pair[2] = {NULL, NULL};
  OF3_TRY(pop(m, &pair[1]));
  OF3_TRY(pop(m, &pair[0]));
  return extend(m, OF3_PICKLE_DICT, pair, 2);
}

static of3_status op_text_persistent(machine *m, int arg) {
  OF3_TRY(op_text_string(m, arg));
  return of3_pickle_op_persistent(m, arg);
}

/* ---- the table ---- */

typedef struct opcode {
  of3_status (*run)(machine *m, int arg);
  int arg;
} opcode;

static const opcode OPCODES[256] = {
    ['('] = {op_mark, 0},
    ['0'] = {op_pop, 0},
    ['1'] = {op_pop_mark, 0},
    ['2'] = {op_dup, 0},
    ['.'] = {op_stop, 0},
    [0x80] = {op_protocol, 0},
    [0x95] = {op_frame, 0},
    ['p'] = {op_put, 0},
    ['q'] = {op_put, 1},
    ['r'] = {op_put, 4},
    ['g'] = {op_get, 0},
    ['h'] = {op_get, 1},
    ['j'] = {op_get, 4},
    [0x94] = {op_memoize, 0},
    ['N'] = {op_none, 0},
    [0x88] = {op_bool, 1},
    [0x89] = {op_bool, 0},
    ['I'] = {op_text_int, 0},
    ['L'] = {op_text_int, 1},
    ['K'] = {op_int, 1},
    ['M'] = {op_int, 2},
    ['J'] = {op_int, 4},
    [0x8a] = {op_long, 1},
    [0x8b] = {op_long, 4},
    ['F'] = {op_text_float, 0},
    ['G'] = {op_float, 0},
    ['S'] = {op_text_string, 1},
    ['V'] = {op_text_string, 0},
    ['U'] = {op_string, 1}, /* a str of Python 2 */
    ['T'] = {op_string, 4},
    [0x8c] = {op_string, 1},
    ['X'] = {op_string, 4},
    [0x8d] = {op_string, 8},
    ['C'] = {op_bytes, 1},
    ['B'] = {op_bytes, 4},
    [0x8e] = {op_bytes, 8},
    [0x96] = {op_bytes, 8}, /* bytearray */
    [']'] = {op_empty, OF3_PICKLE_LIST},
    [0x8f] = {op_empty, OF3_PICKLE_LIST}, /* set */
    ['}'] = {op_empty, OF3_PICKLE_DICT},
    [')'] = {op_empty, OF3_PICKLE_TUPLE},
    ['l'] = {op_marked, OF3_PICKLE_LIST},
    [0x91] = {op_marked, OF3_PICKLE_LIST}, /* frozenset */
    ['d'] = {op_marked, OF3_PICKLE_DICT},
    ['t'] = {op_marked, OF3_PICKLE_TUPLE},
    [0x85] = {op_tuple, 1},
    [0x86] = {op_tuple, 2},
    [0x87] = {op_tuple, 3},
    ['a'] = {op_append, 0},
    ['e'] = {op_extend_marked, OF3_PICKLE_LIST},
    [0x90] = {op_extend_marked, OF3_PICKLE_LIST},
    ['s'] = {op_set_item, 0},
    ['u'] = {op_extend_marked, OF3_PICKLE_DICT},
    ['c'] = {of3_pickle_op_global, 0},
    [0x93] = {of3_pickle_op_stack_global, 0},
    [0x82] = {of3_pickle_op_extension, 1},
    [0x83] = {of3_pickle_op_extension, 2},
    [0x84] = {of3_pickle_op_extension, 4},
    ['R'] = {of3_pickle_op_call, 0},
    [0x81] = {of3_pickle_op_call, 0},
    [0x92] = {of3_pickle_op_call_keywords, 0},
    ['o'] = {of3_pickle_op_obj, 0},
    ['i'] = {of3_pickle_op_inst, 0},
    ['b'] = {of3_pickle_op_build, 0},
    ['Q'] = {of3_pickle_op_persistent, 0},
    ['P'] = {op_text_persistent, 0},
};

static of3_status pickle_run(machine *m) {
  while (!m->stopped) {
    const uint8_t *b = NULL;
    if (m->p == m->end)
      return of3_fail(m->err, OF3_ERR_INPUT, "the pickle is truncated: it does not end with a stop");
    OF3_TRY(bytes_of(m, 1, &b));
    const opcode *op = &OPCODES[*b];
    if (!op->run) return corrupted(m, "there is no such operation");
    OF3_TRY(op->run(m, op->arg));
  }
  return OF3_OK;
}

of3_status of3_pickle_parse(const uint8_t *bytes, size_t size, const of3_pickle_policy *policy,
                            of3_arena *arena, const of3_pickle **ret_root, of3_error *err) {
  machine m = {.begin = bytes, .p = bytes, .end = bytes + size, .policy = policy, .arena = arena, .err = err};
  of3_status status = pickle_run(&m);
  if (status == OF3_OK) *ret_root = m.stack[0];
  free(m.stack);
  free(m.mark);
  free(m.memo);
  return status;
}

/* ---- looking at the tree ---- */

bool of3_pickle_equals(const of3_pickle *v, const char *text) {
  return v->type == OF3_PICKLE_STRING && v->n == strlen(text) && memcmp(v->text, text, v->n) == 0;
}

const of3_pickle *of3_pickle_get(const of3_pickle *dict, const char *key) {
  if (dict->type != OF3_PICKLE_DICT) return NULL;
  for (size_t k = dict->n; k-- > 0;)
    if (of3_pickle_equals(dict->item[2 * k], key)) return dict->item[2 * k + 1];
  return NULL;
}

const char *of3_pickle_describe(const of3_pickle *v, char buffer[static 256]) {
  static const char *const PLAIN[] = {
      [OF3_PICKLE_NONE] = "None",          [OF3_PICKLE_BOOL] = "a boolean",
      [OF3_PICKLE_INT] = "an integer",     [OF3_PICKLE_FLOAT] = "a number",
      [OF3_PICKLE_STRING] = "a string",    [OF3_PICKLE_BYTES] = "bytes",
      [OF3_PICKLE_LIST] = "a list",        [OF3_PICKLE_TUPLE] = "a tuple",
      [OF3_PICKLE_DICT] = "a dictionary",  [OF3_PICKLE_GLOBAL] = "the global",
      [OF3_PICKLE_CALL] = "a result of",   [OF3_PICKLE_PERSISTENT] = "a storage",
      [OF3_PICKLE_OPAQUE] = "an object of"};
  bool named = v->global && v->type != OF3_PICKLE_DICT;
  snprintf(buffer, 256, "%s%s%s", PLAIN[v->type], named ? " " : "", named ? v->global : "");
  return buffer;
}
