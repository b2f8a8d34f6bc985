/* A restricted reader of Python pickles, protocols 0 to 5. It builds a tree of plain values and never
 * executes anything: a call of a global that the caller allows becomes a node that keeps its arguments,
 * anything that any other global had a hand in becomes an opaque value that remembers the name of that
 * global.
 *
 *   torch._utils._rebuild_tensor_v2(storage, 0, (2, 3), (3, 1), False, OrderedDict())
 *     -> CALL, tag of the caller's, args = TUPLE of 6; the storage is PERSISTENT, args = the id
 *   numpy._core.multiarray._reconstruct(numpy.ndarray, (0,), b'b') and then BUILD(state)
 *     -> CALL, args = TUPLE of 3, state = TUPLE of 5
 *   os.system('...')
 *     -> OPAQUE, global = "os.system"
 *
 * The tree may share nodes and, in a crafted file, contain cycles: walk it to a known depth only. */
#ifndef OF3_BASE_PICKLE_H
#define OF3_BASE_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

typedef enum of3_pickle_type {
  OF3_PICKLE_NONE,
  OF3_PICKLE_BOOL,   /* i */
  OF3_PICKLE_INT,    /* i; an integer beyond 64 bits is OPAQUE */
  OF3_PICKLE_FLOAT,  /* f */
  OF3_PICKLE_STRING, /* text, n bytes of UTF-8 (not verified) */
  OF3_PICKLE_BYTES,  /* text, n bytes */
  OF3_PICKLE_LIST,   /* item, n; sets too */
  OF3_PICKLE_TUPLE,  /* item, n */
  OF3_PICKLE_DICT,   /* item, n pairs: key k is item[2k], its value item[2k+1], in the order of the file */
  OF3_PICKLE_GLOBAL, /* an allowed global: tag, global */
  OF3_PICKLE_CALL,   /* a call of an allowed global: tag, global, args, state */
  OF3_PICKLE_PERSISTENT, /* args: the persistent id */
  OF3_PICKLE_OPAQUE      /* global: what made it, e.g. "argparse.Namespace" */
} of3_pickle_type;

typedef struct of3_pickle of3_pickle;
struct of3_pickle {
  of3_pickle_type type;
  int tag;  /* of3_pickle_global.tag for GLOBAL, CALL and a DICT made by a global; else 0 */
  size_t n; /* bytes, items or pairs */
  union {
    int64_t i;
    double f;
    const char *text; /* in the pickle itself: not terminated, may hold any byte */
    of3_pickle **item;
  };
  const of3_pickle *args;  /* CALL: usually a TUPLE; PERSISTENT: the id */
  const of3_pickle *state; /* CALL, DICT: the argument of BUILD, or NULL */
  const char *global;      /* GLOBAL, CALL, OPAQUE: "module.name", printable, terminated, cut at 200 bytes */
  size_t cap;              /* the reader's: room in item */
};

typedef struct of3_pickle_global {
  const char *module, *name;
  int tag;
  bool dict; /* calling it without arguments makes a DICT (collections.OrderedDict) */
} of3_pickle_global;

typedef struct of3_pickle_policy {
  const of3_pickle_global *allowed;
  int n_allowed;
  size_t most; /* bytes of memory for the whole tree, stack and memo; 64 to 200 for each value */
} of3_pickle_policy;

/* bytes must stay valid as long as the tree is used; the tree belongs to the arena. Time and memory are
 * proportional to size. An error is a pickle that is malformed, truncated or over the policy's memory; a
 * foreign global is none. */
OF3_MUST_CHECK of3_status of3_pickle_parse(const uint8_t *bytes, size_t size, const of3_pickle_policy *policy,
                                           of3_arena *arena, const of3_pickle **ret_root, of3_error *err);

/* The value of a string key of a DICT (the last, as in Python); NULL if there is none or dict is not a DICT.
 */
const of3_pickle *of3_pickle_get(const of3_pickle *dict, const char *key);

/* Whether v is a STRING equal to text. */
bool of3_pickle_equals(const of3_pickle *v, const char *text);

/* "a list", "a call of torch._utils._rebuild_tensor_v2", "an object of os.system": for sentences. */
const char *of3_pickle_describe(const of3_pickle *v, char buffer[static 256]);

#endif
