/* Globals of a pickle and what is made with them. An allowed one becomes a node, any other an opaque value;
 * nothing is looked up in any Python, and nothing is called. */
#include <stdio.h>

#include "base/pickle_machine.h"

enum { GLOBAL_TEXT = 200 };

static int find_allowed(const of3_pickle_policy *p, const char *module, size_t n_module, const char *name,
                        size_t n_name) {
  for (int k = 0; k < p->n_allowed; k++) {
    const of3_pickle_global *g = &p->allowed[k];
    if (strlen(g->module) == n_module && memcmp(g->module, module, n_module) == 0 &&
        strlen(g->name) == n_name && memcmp(g->name, name, n_name) == 0)
      return k;
  }
  return -1;
}

static const char *printable_global(machine *m, const char *module, size_t n_module, const char *name,
                                    size_t n_name) {
  char text[GLOBAL_TEXT];
  int a = n_module < GLOBAL_TEXT ? (int)n_module : GLOBAL_TEXT,
      b = n_name < GLOBAL_TEXT ? (int)n_name : GLOBAL_TEXT;
  snprintf(text, sizeof text, "%.*s.%.*s", a, module, b, name);
  for (char *c = text; *c; c++)
    if ((unsigned char)*c < ' ' || *c == 0x7f) *c = '?';
  return of3_arena_strdup(m->arena, text);
}

static of3_status push_global(machine *m, const char *module, size_t n_module, const char *name,
                              size_t n_name) {
  of3_pickle *v = NULL;
  int k = find_allowed(m->policy, module, n_module, name, n_name);
  OF3_TRY(node(m, k >= 0 ? OF3_PICKLE_GLOBAL : OF3_PICKLE_OPAQUE, &v));
  OF3_TRY(take(m, GLOBAL_TEXT + 64));
  v->global = printable_global(m, module, n_module, name, n_name);
  if (!v->global) return of3_fail_memory(m->err, "a pickle");
  if (k >= 0) {
    v->tag = m->policy->allowed[k].tag;
    v->i = k;
  }
  return push(m, v);
}

of3_status of3_pickle_op_global(machine *m, int arg) {
  (void)arg;
  const char *module = NULL, *name = NULL;
  size_t n_module = 0, n_name = 0;
  OF3_TRY(line(m, &module, &n_module));
  OF3_TRY(line(m, &name, &n_name));
  return push_global(m, module, n_module, name, n_name);
}

of3_status of3_pickle_op_stack_global(machine *m, int arg) {
  (void)arg;
  of3_pickle *module = NULL, *name = NULL;
  OF3_TRY(pop(m, &name));
  OF3_TRY(pop(m, &module));
  if (module->type != OF3_PICKLE_STRING || name->type != OF3_PICKLE_STRING)
    return corrupted(m, "the name of a global is not a string");
  return push_global(m, module->text, module->n, name->text, name->n);
}

of3_status of3_pickle_op_extension(machine *m, int width) {
  uint64_t code = 0;
  OF3_TRY(number(m, width, &code));
  return push_opaque(m, "a registered extension of Python's");
}

/* callee(*args): a node. Nothing is called. */
static of3_status push_call(machine *m, const of3_pickle *callee, of3_pickle *args) {
  of3_pickle *v = NULL;
  if (callee->type == OF3_PICKLE_OPAQUE || callee->type == OF3_PICKLE_CALL)
    return push_opaque(m, callee->global);
  if (callee->type != OF3_PICKLE_GLOBAL) return corrupted(m, "something is called that is no global");
  bool dict = m->policy->allowed[callee->i].dict && args->type == OF3_PICKLE_TUPLE && args->n == 0;
  OF3_TRY(node(m, dict ? OF3_PICKLE_DICT : OF3_PICKLE_CALL, &v));
  v->tag = callee->tag;
  v->global = callee->global;
  v->args = args;
  return push(m, v);
}

/* REDUCE and NEWOBJ: callee and arguments from the stack. */
of3_status of3_pickle_op_call(machine *m, int arg) {
  (void)arg;
  of3_pickle *callee = NULL, *args = NULL;
  OF3_TRY(pop(m, &args));
  OF3_TRY(pop(m, &callee));
  return push_call(m, callee, args);
}

/* NEWOBJ_EX: with keyword arguments, which none of the allowed globals takes. */
of3_status of3_pickle_op_call_keywords(machine *m, int arg) {
  of3_pickle *keywords = NULL, *callee = NULL;
  OF3_TRY(pop(m, &keywords));
  if (keywords->type == OF3_PICKLE_DICT && keywords->n == 0) return of3_pickle_op_call(m, arg);
  OF3_TRY(pop(m, &callee));
  OF3_TRY(pop(m, &callee));
  return push_opaque(m, callee->global ? callee->global : "a call with keywords");
}

static of3_status call_with_items(machine *m, const of3_pickle *callee, of3_pickle **value, size_t count) {
  of3_pickle *args = NULL;
  OF3_TRY(node(m, OF3_PICKLE_TUPLE, &args));
  OF3_TRY(append(m, args, 0, value, count));
  args->n = count;
  return push_call(m, callee, args);
}

/* OBJ: the class is the first value above the mark. */
of3_status of3_pickle_op_obj(machine *m, int arg) {
  (void)arg;
  of3_pickle **value = NULL;
  size_t n = 0;
  OF3_TRY(pop_marked(m, &value, &n));
  if (n == 0) return corrupted(m, "an object has no class");
  return call_with_items(m, value[0], value + 1, n - 1);
}

/* INST: the class is named in two lines, the arguments lie above the mark. */
of3_status of3_pickle_op_inst(machine *m, int arg) {
  of3_pickle **value = NULL, *callee = NULL;
  size_t n = 0;
  OF3_TRY(of3_pickle_op_global(m, arg));
  OF3_TRY(pop(m, &callee));
  OF3_TRY(pop_marked(m, &value, &n));
  return call_with_items(m, callee, value, n);
}

of3_status of3_pickle_op_build(machine *m, int arg) {
  (void)arg;
  of3_pickle *state = NULL, *v = NULL;
  OF3_TRY(pop(m, &state));
  OF3_TRY(top(m, &v));
  if (v->type == OF3_PICKLE_OPAQUE) return OF3_OK;
  if (v->type != OF3_PICKLE_CALL && v->type != OF3_PICKLE_DICT)
    return corrupted(m, "a state is given to something that has none");
  v->state = state;
  return OF3_OK;
}

static of3_status push_persistent(machine *m, const of3_pickle *id) {
  of3_pickle *v = NULL;
  OF3_TRY(node(m, OF3_PICKLE_PERSISTENT, &v));
  v->args = id;
  return push(m, v);
}

of3_status of3_pickle_op_persistent(machine *m, int arg) {
  (void)arg;
  of3_pickle *id = NULL;
  OF3_TRY(pop(m, &id));
  return push_persistent(m, id);
}
