/* The cache: what is put is found, what is damaged is not, and processes share it. */
#define _DEFAULT_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <utime.h>

#include <cmocka.h>

#include "base/file.h"
#include "cache/cache.h"
#include "folder.h"

typedef struct heard {
  int warnings;
  char last[1024];
} heard;

static void listen(void *user, of3_level level, const char *text) {
  heard *h = user;
  h->warnings += level == OF3_LOG_WARN;
  snprintf(h->last, sizeof h->last, "%s", text);
}

typedef struct fixture {
  char folder[128];
  heard heard;
  of3_log log;
  of3_cache *cache;
  of3_arena *arena;
} fixture;

static void begin(fixture *f, void **state, const char *name, uint64_t most) {
  of3_error err;
  *f = (fixture){.log = {.sink = listen}};
  f->log.user = &f->heard;
  snprintf(f->folder, sizeof f->folder, "%s/%s", (const char *)*state, name);
  const of3_cache_options options = {.folder = f->folder, .most_bytes = most, .opt_log = &f->log};
  assert_int_equal(of3_cache_open(&options, &f->cache, &err), OF3_OK);
  f->arena = of3_arena_new(0);
  assert_non_null(f->arena);
}

static void end(fixture *f) {
  of3_cache_close(f->cache);
  of3_arena_free(f->arena);
}

static of3_cache_request request_of(const char *text) {
  return (of3_cache_request){
      .kind = "alignment", .request = text, .size = strlen(text), .source = "test", .version = "1"};
}

static void put(fixture *f, const char *request, const char *a, const char *b) {
  const of3_cache_file file[] = {{.name = "a.a3m", .bytes = a, .size = strlen(a)},
                                 {.name = "b.m8", .bytes = b, .size = strlen(b)}};
  const of3_cache_request r = request_of(request);
  of3_error err;
  assert_int_equal(of3_cache_put(f->cache, &r, file, 2, &err), OF3_OK);
}

static bool get(fixture *f, const char *request, const char *a, const char *b) {
  const of3_cache_request r = request_of(request);
  of3_cache_value v;
  of3_error err;
  bool found;
  assert_int_equal(of3_cache_get(f->cache, &r, f->arena, &found, &v, &err), OF3_OK);
  if (!found) return false;
  assert_int_equal(v.n, 2);
  assert_string_equal(v.file[0].name, "a.a3m");
  assert_string_equal(v.file[0].bytes, a);
  assert_int_equal(v.file[0].size, strlen(a));
  assert_string_equal(v.file[1].name, "b.m8");
  assert_string_equal(v.file[1].bytes, b);
  return true;
}

static const char *file_of(const fixture *f, const char *request, const char *name) {
  static char path[512];
  const of3_cache_request r = request_of(request);
  const of3_cache_key key = of3_cache_key_of(&r);
  snprintf(path, sizeof path, "%s/v1/%.2s/%s%s%s", f->folder, key.hex, key.hex + 2, *name ? "/" : "", name);
  return path;
}

static void test_what_is_put_is_found(void **state) {
  fixture f;
  begin(&f, state, "plain/deep", 0);
  assert_false(get(&f, "MKT", "", ""));
  assert_false(of3_is_folder(f.folder)); /* asking makes nothing */
  put(&f, "MKT", ">q\nMKT\n", "");
  assert_true(get(&f, "MKT", ">q\nMKT\n", ""));
  put(&f, "MKT", "another answer", "later"); /* the first stays */
  assert_true(get(&f, "MKT", ">q\nMKT\n", ""));
  assert_false(get(&f, "MKTA", "", ""));
  of3_cache_request other = request_of("MKT");
  other.version = "2";
  assert_false(of3_cache_has(f.cache, &other));
  other = request_of("MKT");
  other.kind = "hits";
  assert_false(of3_cache_has(f.cache, &other));
  assert_int_equal(f.heard.warnings, 0);
  end(&f);
}

/* Everything that can happen to an entry: each is noticed, told, and mended by asking again. */
static void expect_mended(fixture *f, const char *why) {
  assert_false(get(f, "MKT", "", ""));
  assert_int_equal(f->heard.warnings, 1);
  assert_non_null(strstr(f->heard.last, why));
  assert_non_null(strstr(f->heard.last, "removed"));
  f->heard.warnings = 0;
  put(f, "MKT", ">q\nMKT\n", "hit");
  assert_true(get(f, "MKT", ">q\nMKT\n", "hit"));
}

static void overwrite(const char *path, long at, const char *bytes) {
  FILE *f = fopen(path, "r+b");
  assert_non_null(f);
  fseek(f, at, SEEK_SET);
  fwrite(bytes, 1, strlen(bytes), f);
  fclose(f);
}

static void test_damage(void **state) {
  fixture f;
  begin(&f, state, "damage", 0);
  put(&f, "MKT", ">q\nMKT\n", "hit");
  overwrite(file_of(&f, "MKT", "a.a3m"), 3, "A");
  expect_mended(&f, "another content");
  assert_int_equal(truncate(file_of(&f, "MKT", "a.a3m"), 2), 0);
  expect_mended(&f, "another size");
  assert_int_equal(unlink(file_of(&f, "MKT", "b.m8")), 0);
  expect_mended(&f, "missing");
  assert_int_equal(truncate(file_of(&f, "MKT", "of3-entry.json"), 30), 0);
  expect_mended(&f, "no record");
  assert_int_equal(unlink(file_of(&f, "MKT", "of3-entry.json")), 0);
  expect_mended(&f, "record is missing");
  /* a link to a file with the right content is not followed */
  assert_int_equal(unlink(file_of(&f, "MKT", "b.m8")), 0);
  char elsewhere[256];
  snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", (const char *)*state);
  overwrite((close(open(elsewhere, O_CREAT | O_WRONLY, 0600)), elsewhere), 0, "hit");
  assert_int_equal(symlink(elsewhere, file_of(&f, "MKT", "b.m8")), 0);
  expect_mended(&f, "missing");
  end(&f);
}

/* A name is not trusted: an entry under the name of another one is none. */
static void test_names_are_not_trusted(void **state) {
  fixture f;
  char from[512], to[512];
  begin(&f, state, "names", 0);
  put(&f, "MKT", ">q\nMKT\n", "hit");
  put(&f, "AAA", ">q\nAAA\n", "hit");
  snprintf(from, sizeof from, "%s", file_of(&f, "AAA", ""));
  snprintf(to, sizeof to, "%s.away", file_of(&f, "MKT", ""));
  assert_int_equal(rename(file_of(&f, "MKT", ""), to), 0);
  assert_int_equal(rename(from, file_of(&f, "MKT", "")), 0);
  expect_mended(&f, "something else");
  const of3_cache_file bad[] = {{.name = "../x", .bytes = "", .size = 0}};
  const of3_cache_request r = request_of("X");
  of3_error err;
  assert_int_equal(of3_cache_put(f.cache, &r, bad, 1, &err), OF3_ERR_INTERNAL);
  end(&f);
}

static void test_no_store(void **state) {
  fixture f;
  of3_cache *none;
  of3_error err;
  begin(&f, state, "file/cache", 0); /* whose parent is a file: nothing can be kept, and nothing fails */
  char parent[256];
  snprintf(parent, sizeof parent, "%s/file", (const char *)*state);
  assert_int_equal(of3_write_file(parent, "", 0, &err), OF3_OK);
  put(&f, "MKT", "a", "b");
  put(&f, "MKT", "a", "b");
  assert_int_equal(f.heard.warnings, 1); /* told once */
  assert_false(get(&f, "MKT", "", ""));
  end(&f);
  const of3_cache_options options = {.folder = ""};
  assert_int_equal(of3_cache_open(&options, &none, &err), OF3_OK);
  assert_null(none);
  const of3_cache_request r = request_of("MKT");
  assert_false(of3_cache_has(NULL, &r));
}

static void age(const fixture *f, const char *request, int hours) {
  const time_t then = time(NULL) - 3600 * (time_t)hours;
  const struct utimbuf times = {then, then};
  assert_int_equal(utime(file_of(f, request, "of3-entry.json"), &times), 0);
}

/* 1,000 bytes may be kept: the entry that was not used for longest goes. */
static void test_size(void **state) {
  fixture f;
  char big[401];
  memset(big, 'x', 400);
  big[400] = 0;
  begin(&f, state, "size", 1000);
  put(&f, "old", big, "");
  put(&f, "older", big, "");
  age(&f, "old", 5);
  age(&f, "older", 9);
  assert_true(get(&f, "older", big, "")); /* now the other one is the older */
  put(&f, "new", big, "");
  assert_true(get(&f, "new", big, ""));
  assert_true(get(&f, "older", big, ""));
  assert_false(get(&f, "old", big, ""));
  of3_cache_cleaned cleaned;
  of3_error err;
  age(&f, "new", 48);
  const of3_cache_clean_options days = {.older_s = 86400, .most_bytes = UINT64_MAX, .opt_kind = "alignment"};
  assert_int_equal(of3_cache_clean(f.cache, &days, NULL, &cleaned, &err), OF3_OK);
  assert_int_equal(cleaned.removed, 1);
  assert_int_equal(cleaned.left, 1);
  assert_int_equal(cleaned.left_bytes, 400);
  const of3_cache_clean_options kind = {.older_s = -1, .opt_kind = "hits"};
  assert_int_equal(of3_cache_clean(f.cache, &kind, NULL, &cleaned, &err), OF3_OK);
  assert_int_equal(cleaned.removed + cleaned.left, 0);
  end(&f);
}

static void test_permissions(void **state) {
  fixture f;
  struct stat st;
  begin(&f, state, "own", 0);
  put(&f, "MKT", "a", "b");
  assert_int_equal(stat(f.folder, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0700);
  assert_int_equal(stat(file_of(&f, "MKT", "a.a3m"), &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  end(&f);
  begin(&f, state, "group", 0); /* a folder that a group shares */
  assert_int_equal(mkdir(f.folder, 0700), 0);
  assert_int_equal(chmod(f.folder, 0770), 0);
  put(&f, "MKT", "a", "b");
  assert_int_equal(stat(file_of(&f, "MKT", "a.a3m"), &st), 0);
  assert_int_equal(st.st_mode & 0777, 0660);
  assert_int_equal(stat(file_of(&f, "MKT", ""), &st), 0);
  assert_int_equal(st.st_mode & 0777, 0770);
  end(&f);
}

/* What another process does: puts, gets and cleans the same entries. */
static int disturb(fixture *f, unsigned word) {
  char request[16], a[64];
  for (int k = 0; k < 300; k++) {
    word = word * 1664525u + 1013904223u;
    snprintf(request, sizeof request, "S%u", word >> 16 & 7);
    snprintf(a, sizeof a, ">q\n%s\n", request);
    put(f, request, a, request);
    get(f, request, a, request); /* asserts that what it finds is right */
  }
  return f->heard.warnings;
}

static void test_processes(void **state) {
  enum { PROCESSES = 4 };
  pid_t child[PROCESSES];
  fixture f;
  begin(&f, state, "processes", 40); /* three or four entries: they come and go */
  for (int p = 0; p < PROCESSES; p++) {
    child[p] = fork();
    assert_true(child[p] >= 0);
    if (child[p] == 0) _exit(disturb(&f, (unsigned)p + 1) != 0);
  }
  for (int p = 0; p < PROCESSES; p++) {
    int code = -1;
    assert_int_equal(waitpid(child[p], &code, 0), child[p]);
    assert_true(WIFEXITED(code) && WEXITSTATUS(code) == 0); /* nothing was damaged, nothing wrong */
  }
  end(&f);
}

/* One process at a time gets an answer; the others find it. */
static void test_claims(void **state) {
  enum { PROCESSES = 4 };
  fixture f;
  int pipes[2];
  begin(&f, state, "claims", 0);
  assert_int_equal(pipe(pipes), 0);
  for (int p = 0; p < PROCESSES; p++)
    if (fork() == 0) {
      const of3_cache_request r = request_of("MKT");
      of3_cache_claim *claim;
      of3_error err;
      if (of3_cache_claim_take(f.cache, &r, NULL, &claim, &err) != OF3_OK || !claim) _exit(1);
      if (!of3_cache_has(f.cache, &r)) {
        usleep(100000);
        if (write(pipes[1], "x", 1) != 1) _exit(1);
        put(&f, "MKT", "a", "b");
      }
      of3_cache_claim_release(claim);
      _exit(0);
    }
  for (int p = 0; p < PROCESSES; p++) {
    int code = -1;
    wait(&code);
    assert_int_equal(code, 0);
  }
  char asked[PROCESSES];
  assert_int_equal(read(pipes[0], asked, sizeof asked), 1);
  close(pipes[0]);
  close(pipes[1]);
  end(&f);
}

/* Without waiting: busy as long as somebody holds it, if only a process that is killed then. */
static void test_claim_try(void **state) {
  fixture f;
  of3_error err;
  of3_cache_claim *claim = NULL;
  bool busy = true;
  int pipes[2], code;
  char byte;
  begin(&f, state, "claim_try", 0);
  const of3_cache_request r = request_of("MKT"), other = request_of("MKTA");
  assert_int_equal(pipe(pipes), 0);
  const pid_t holder = fork();
  if (holder == 0) {
    if (of3_cache_claim_try(f.cache, &r, &busy, &claim, &err) != OF3_OK || !claim || busy) _exit(1);
    if (write(pipes[1], "x", 1) != 1) _exit(1);
    pause();
  }
  assert_int_equal(read(pipes[0], &byte, 1), 1);
  assert_int_equal(of3_cache_claim_try(f.cache, &r, &busy, &claim, &err), OF3_OK);
  assert_true(busy && !claim);
  assert_int_equal(of3_cache_claim_try(f.cache, &other, &busy, &claim, &err), OF3_OK);
  assert_true(!busy && claim);
  of3_cache_claim_release(claim);
  kill(holder, SIGKILL);
  wait(&code);
  assert_int_equal(of3_cache_claim_try(f.cache, &r, &busy, &claim, &err), OF3_OK);
  assert_true(!busy && claim);
  of3_cache_claim_release(claim);
  close(pipes[0]);
  close(pipes[1]);
  end(&f);
}

static void test_places(void **state) {
  of3_cache_place place;
  of3_error err;
  of3_cache *cache;
  of3_arena *arena = of3_arena_new(0);
  (void)state;
  setenv("XDG_CACHE_HOME", "/x", 1);
  unsetenv("OF3_CACHE");
  assert_int_equal(of3_cache_place_of(NULL, arena, &place, &err), OF3_OK);
  assert_string_equal(place.path, "/x/of3");
  assert_string_equal(place.by, "default place");
  setenv("OF3_CACHE", "/y", 1);
  assert_int_equal(of3_cache_place_of(NULL, arena, &place, &err), OF3_OK);
  assert_string_equal(place.path, "/y");
  assert_int_equal(of3_cache_place_of("", arena, &place, &err), OF3_OK);
  assert_null(place.path);
  setenv("OF3_CACHE_SIZE", "5 apples", 1);
  const of3_cache_options options = {.folder = "/z"};
  assert_int_equal(of3_cache_open(&options, &cache, &err), OF3_ERR_USAGE);
  assert_string_equal(err.text,
                      "the environment variable OF3_CACHE_SIZE is '5 apples'; it takes a size like 50GB");
  unsetenv("OF3_CACHE_SIZE");
  of3_arena_free(arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_is_put_is_found),
      cmocka_unit_test(test_damage),
      cmocka_unit_test(test_names_are_not_trusted),
      cmocka_unit_test(test_no_store),
      cmocka_unit_test(test_size),
      cmocka_unit_test(test_permissions),
      cmocka_unit_test(test_processes),
      cmocka_unit_test(test_claims),
      cmocka_unit_test(test_claim_try),
      cmocka_unit_test(test_places),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
