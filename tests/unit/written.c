#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "written.h"

of3_status write_seed(written *w, of3_error *err) {
  return of3_seed_write(&w->o, &w->fx.p, w->scores, 1.5, w->fx.arena, &w->m, err);
}

void open_case(written *w, const char *name, of3_structure_format format, of3_full_confidences full) {
  of3_error err = {0};
  fixture_open(&w->fx, name);
  of3_arena *arena = w->fx.arena;
  w->out = of3_path_join(arena, new_folder(arena), "deep/out");
  assert_int_equal(of3_replacement_of(w->out, w->fx.complex.name, 42, arena, &w->stage, &err), OF3_OK);
  assert_int_equal(of3_make_folder(w->stage.home, &err), OF3_OK);
  w->o = (of3_seed_output){.folder = w->stage.home,
                           .complex = &w->fx.complex,
                           .seed = 42,
                           .format = format,
                           .full = full,
                           .style = OF3_CIF_REFERENCE,
                           .made_from = "K"};
  assert_int_equal(of3_scores_compute(&w->fx.complex, &w->fx.features, &w->fx.p, OF3_OB, NULL, NULL, arena,
                                      &w->scores, &err),
                   OF3_OK);
}

void write_case(written *w, const char *name, of3_structure_format format, of3_full_confidences full) {
  of3_error err = {0};
  open_case(w, name, format, full);
  if (write_seed(w, &err) != OF3_OK) fail_msg("%s", err.text);
}

void clean(written *w) {
  remove_folder(of3_arena_strndup(w->fx.arena, w->out, strlen(w->out) - strlen("/deep/out")));
  fixture_close(&w->fx);
}

void has_text(of3_arena *arena, const char *folder, const char *name, const char *wanted) {
  size_t n;
  char *found = read_all(arena, of3_path_join(arena, folder, name), &n);
  assert_string_equal(found, wanted);
}

bool exists(of3_arena *arena, const char *folder, const char *name) {
  return of3_is_file(of3_path_join(arena, folder, name));
}

void put(const written *w, const char *folder, const char *name, const char *text) {
  of3_error err = {0};
  assert_int_equal(of3_write_file(of3_path_join(w->fx.arena, folder, name), text, strlen(text), &err),
                   OF3_OK);
}

void same_as_fixture(const written *w, const char *name, const char *wanted) {
  size_t n, m;
  char *found = read_all(w->fx.arena, of3_path_join(w->fx.arena, w->stage.home, name), &n);
  char *file = fixture_file(&w->fx, wanted, &m);
  assert_int_equal(n, m);
  assert_memory_equal(found, file, n);
}

const char *result_text(const written *w, const char *name) {
  char *path = of3_path_join(w->fx.arena, w->stage.home, name);
  size_t n;
  return of3_is_file(path) ? read_all(w->fx.arena, path, &n) : "";
}
