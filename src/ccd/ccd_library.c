#include "ccd/ccd_library.h"

#include <stdlib.h>
#include <string.h>

#include "ccd/ccd_record.h"

enum { LIBRARY_CIF_MEMORY = 1 << 28 }; /* of a file with components of the user */

/* What was asked for once. */
typedef struct library_found {
  const of3_ccd_entry *entry;
  const of3_component *component; /* NULL until it is asked for */
  const char *source;
  struct library_found *next;
} library_found;

struct of3_ccd_library {
  of3_arena *arena;
  of3_ccd *opt_file, *opt_builtin;
  const char *file_name;
  library_found *own, **last_own, *found;
  int n_own;
};

of3_status of3_ccd_library_new(of3_ccd_library **ret_library, of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  of3_ccd_library *l = arena ? OF3_ARENA_NEW(arena, of3_ccd_library, 1) : NULL;
  *ret_library = l;
  if (!l) {
    of3_arena_free(arena);
    return of3_fail_memory(err, "components");
  }
  l->arena = arena;
  l->last_own = &l->own;
  return OF3_OK;
}

of3_status of3_ccd_library_open(const char *opt_path, of3_ccd_library **ret_library, of3_error *err) {
  of3_ccd_library *l = NULL;
  *ret_library = NULL;
  OF3_TRY(of3_ccd_library_new(&l, err));
  l->file_name = of3_arena_strdup(l->arena, opt_path ? opt_path : "");
  of3_status status =
      l->file_name ? of3_ccd_open_builtin(&l->opt_builtin, err) : of3_fail_memory(err, "components");
  if (status == OF3_OK && opt_path) status = of3_ccd_open(opt_path, &l->opt_file, err);
  if (status == OF3_OK)
    *ret_library = l;
  else
    of3_ccd_library_close(l);
  return status;
}

void of3_ccd_library_close(of3_ccd_library *l) {
  if (!l) return;
  of3_ccd_close(l->opt_file);
  of3_ccd_close(l->opt_builtin);
  of3_arena_free(l->arena);
}

const of3_ccd *of3_ccd_library_file(const of3_ccd_library *l) { return l->opt_file; }

/* ---- The user's own */

typedef struct library_addition {
  of3_ccd_library *library;
  const char *source;
  library_found *first, **last;
  int n;
} library_addition;

static const library_found *library_own_named(const library_found *list, const char *code) {
  for (; list; list = list->next)
    if (strcmp(list->entry->code, code) == 0) return list;
  return NULL;
}

/* Packing and unpacking copies an entry. */
static of3_ccd_entry *library_copy(const of3_ccd_entry *e, of3_arena *arena, of3_error *err) {
  of3_str record = {0};
  bool memory = false;
  of3_ccd_entry *copy = NULL;
  if (of3_ccd_pack(e, &record, err) != OF3_OK) return NULL;
  if (!record.failed) copy = of3_ccd_unpack((const uint8_t *)record.text, record.len, arena, &memory);
  of3_str_free(&record);
  if (copy)
    memcpy(copy->code, e->code, sizeof copy->code);
  else
    (void)of3_fail_memory(err, "a component");
  return copy;
}

static of3_status library_visit(void *user, const of3_ccd_entry *e, of3_error *err) {
  library_addition *a = user;
  if (library_own_named(a->library->own, e->code) || library_own_named(a->first, e->code))
    return of3_fail(err, OF3_ERR_INPUT, "'%.200s': a component '%s' of yours is there already", a->source,
                    e->code);
  library_found *f = OF3_ARENA_NEW(a->library->arena, library_found, 1);
  if (!f) return of3_fail_memory(err, "a component");
  f->entry = library_copy(e, a->library->arena, err);
  if (!f->entry) return err->code;
  f->source = a->source;
  *a->last = f;
  a->last = &f->next;
  a->n++;
  return OF3_OK;
}

static void library_append(of3_ccd_library *l, const library_addition *a) {
  if (a->n == 0) return;
  *l->last_own = a->first;
  l->last_own = a->last;
  l->n_own += a->n;
}

static of3_status library_add(of3_ccd_library *l, of3_cif *cif, of3_error *err) {
  library_addition a = {.library = l, .source = of3_arena_strdup(l->arena, of3_cif_file_name(cif))};
  a.last = &a.first;
  if (!a.source) return of3_fail_memory(err, "components");
  OF3_TRY(of3_ccd_read(cif, NULL, library_visit, &a, err));
  if (a.n == 0)
    return of3_fail(err, OF3_ERR_INPUT, "'%.200s' describes no component: it has no category chem_comp",
                    a.source);
  library_append(l, &a);
  return OF3_OK;
}

of3_status of3_ccd_library_add_entry(of3_ccd_library *l, const char *source, const of3_ccd_entry *entry,
                                     of3_error *err) {
  library_addition a = {.library = l, .source = of3_arena_strdup(l->arena, source)};
  a.last = &a.first;
  if (!a.source) return of3_fail_memory(err, "components");
  OF3_TRY(library_visit(&a, entry, err));
  library_append(l, &a);
  return OF3_OK;
}

of3_status of3_ccd_library_add_file(of3_ccd_library *l, const char *path, of3_error *err) {
  of3_cif *cif = NULL;
  OF3_TRY(of3_cif_open(path, LIBRARY_CIF_MEMORY, &cif, err));
  of3_status status = library_add(l, cif, err);
  of3_cif_close(cif);
  return status;
}

of3_status of3_ccd_library_add_bytes(of3_ccd_library *l, const char *name, const void *bytes, size_t n,
                                     of3_error *err) {
  of3_cif *cif = NULL;
  OF3_TRY(of3_cif_open_bytes(name, bytes, n, LIBRARY_CIF_MEMORY, &cif, err));
  of3_status status = library_add(l, cif, err);
  of3_cif_close(cif);
  return status;
}

int of3_ccd_library_n_own(const of3_ccd_library *l) { return l->n_own; }

const of3_ccd_entry *of3_ccd_library_own(const of3_ccd_library *l, int i) {
  const library_found *f = l->own;
  while (f && i-- > 0) f = f->next;
  return f ? f->entry : NULL;
}

/* ---- Finding */

static of3_status library_look(of3_ccd_library *l, const char *code, library_found **ret_found,
                               of3_error *err) {
  of3_ccd_entry *e = NULL;
  const char *source = l->file_name;
  *ret_found = (library_found *)(uintptr_t)library_own_named(l->own, code);
  if (!*ret_found) *ret_found = (library_found *)(uintptr_t)library_own_named(l->found, code);
  if (*ret_found) return OF3_OK;
  if (l->opt_file) OF3_TRY(of3_ccd_find(l->opt_file, code, l->arena, &e, err));
  if (!e && l->opt_builtin) {
    source = "built in";
    OF3_TRY(of3_ccd_find(l->opt_builtin, code, l->arena, &e, err));
  }
  if (!e) return OF3_OK;
  library_found *f = OF3_ARENA_NEW(l->arena, library_found, 1);
  if (!f) return of3_fail_memory(err, "a component");
  *f = (library_found){.entry = e, .source = source, .next = l->found};
  l->found = f;
  *ret_found = f;
  return OF3_OK;
}

of3_status of3_ccd_library_entry(of3_ccd_library *l, const char *code, const of3_ccd_entry **ret_entry,
                                 const char **ret_source, of3_error *err) {
  library_found *f = NULL;
  *ret_entry = NULL;
  *ret_source = NULL;
  OF3_TRY(library_look(l, code, &f, err));
  if (f) {
    *ret_entry = f->entry;
    *ret_source = f->source;
  }
  return OF3_OK;
}

static of3_status library_find(void *user, const char *code, const of3_component **ret_component,
                               of3_error *err) {
  of3_ccd_library *l = user;
  library_found *f = NULL;
  *ret_component = NULL;
  OF3_TRY(library_look(l, code, &f, err));
  if (!f) return OF3_OK;
  if (!f->component) {
    of3_component *made = of3_ccd_component(f->entry, l->arena);
    if (!made) return of3_fail_memory(err, "a component");
    made->own = library_own_named(l->own, code) != NULL;
    f->component = made;
  }
  *ret_component = f->component;
  return OF3_OK;
}

of3_library of3_ccd_library_of(of3_ccd_library *l) { return (of3_library){.find = library_find, .user = l}; }
