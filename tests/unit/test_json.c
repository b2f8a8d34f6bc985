/* JSON within bounds: what is refused before memory is taken, and that what is allowed takes no more than
 * said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/str.h"

static size_t held, most_held; /* by Jansson */

/* As much as glibc takes for n bytes: a header, and a multiple of 16. */
static size_t taken(size_t n) { return (n + 8 + 15) / 16 * 16 < 32 ? 32 : (n + 8 + 15) / 16 * 16; }

static void *counted_malloc(size_t n) {
  size_t *p = malloc(n + 16);
  if (!p) return NULL;
  *p = n;
  held += taken(n);
  if (held > most_held) most_held = held;
  return p + 2;
}

static void counted_free(void *p) {
  if (!p) return;
  size_t *q = (size_t *)p - 2;
  held -= taken(*q);
  free(q);
}

static void measure(const char *what, const of3_str *text) {
  of3_error err = {0};
  json_error_t at;
  size_t need = 0;
  assert_int_equal(of3_json_check(text->text, text->len, SIZE_MAX, &need, &err), OF3_OK);
  held = most_held = 0;
  json_t *root = of3_json_load(text->text, text->len, &at);
  if (!root) fail_msg("%s: %s", what, at.text);
  print_message("%s: %zu bytes of text take %zu, %zu at most\n", what, text->len, most_held, need);
  if (most_held > need + 4096) fail_msg("%s: more than was said", what); /* 4096: the parser itself */
  json_decref(root);
  assert_int_equal(held, 0);
  if (need < 8192) return;
  assert_int_equal(of3_json_check(text->text, text->len, need - 1, NULL, &err), OF3_ERR_MEMORY);
  assert_non_null(strstr(err.text, "of memory to read"));
}

static void repeat(of3_str *s, const char *first, const char *item, int n, const char *last) {
  of3_str_clear(s);
  of3_str_add(s, first);
  for (int i = 0; i < n; i++) {
    if (i) of3_str_add(s, ",");
    of3_str_addf(s, item, i, i);
  }
  of3_str_add(s, last);
}

static void test_memory(void **state) {
  (void)state;
  enum { N = 10000 };
  of3_str s = {0};
  repeat(&s, "[", "[]", N, "]");
  measure("arrays", &s);
  repeat(&s, "[", "{}", N, "]");
  measure("objects", &s);
  repeat(&s, "[", "0", N, "]");
  measure("integers", &s);
  repeat(&s, "[", "1.5", N, "]");
  measure("reals", &s);
  repeat(&s, "[", "\"\"", N, "]");
  measure("strings", &s);
  repeat(&s, "{", "\"%d\":0", N, "}");
  measure("keys", &s);
  repeat(&s, "{", "\"%d\":{\"a\":[]}", N, "}");
  measure("queries", &s);
  repeat(&s, "[", "[0]", N, "]");
  measure("arrays of one", &s);
  repeat(&s, "[", "{\"\":[true]}", N, "]");
  measure("objects of one", &s);
  of3_str_clear(&s);
  of3_str_add(&s, "[\"");
  of3_str_addc(&s, 'A', 3000000);
  of3_str_add(&s, "\"]");
  measure("one long string", &s);
  of3_str_free(&s);
}

static void test_depth(void **state) {
  (void)state;
  of3_error err = {0};
  of3_str s = {0};
  for (int depth = OF3_JSON_DEPTH; depth <= OF3_JSON_DEPTH + 1; depth++) {
    of3_str_clear(&s);
    of3_str_addc(&s, '[', (size_t)depth);
    of3_str_addc(&s, ']', (size_t)depth);
    assert_int_equal(of3_json_check(s.text, s.len, SIZE_MAX, NULL, &err),
                     depth > OF3_JSON_DEPTH ? OF3_ERR_INPUT : OF3_OK);
  }
  assert_non_null(strstr(err.text, "nested more than 32 levels deep"));
  /* brackets in strings nest nothing */
  of3_str_clear(&s);
  of3_str_add(&s, "[\"\\\"");
  of3_str_addc(&s, '[', 1000);
  of3_str_add(&s, "\"]");
  assert_int_equal(of3_json_check(s.text, s.len, SIZE_MAX, NULL, &err), OF3_OK);
  assert_int_equal(of3_json_check("\"a\\", 3, SIZE_MAX, NULL, &err), OF3_OK);
  of3_str_free(&s);
}

int main(void) {
  json_set_alloc_funcs(counted_malloc, counted_free);
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_memory), cmocka_unit_test(test_depth)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
