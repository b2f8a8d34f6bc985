/* JSON that a server sends, the state of a ticket and names of chains: read without a crash, or nothing at
 * all. */
#include <stdlib.h>
#include <string.h>

#include "server/server_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
  if (!holds) abort();
}

/* Lines of two words. */
static void check_names(const char *text) {
  for (const char *at = text; *at;) {
    const char *end = strchr(at, '\n'), *blank = strchr(at, ' ');
    must(end && blank && blank < end && !memchr(blank + 1, ' ', (size_t)(end - blank - 1)));
    at = end + 1;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  server_state state = {.status = "before"};
  server_entry *entry = NULL;
  of3_error err = {0};
  int n = 0;
  of3_answer_state((const char *)data, size, &state);
  must(memchr(state.status, 0, sizeof state.status) && memchr(state.ticket, 0, sizeof state.ticket));
  must(!state.ticket[0] || of3_ticket_is_one(state.ticket));
  of3_arena *arena = of3_arena_new(0);
  must(arena && of3_answer_entries((const char *)data, size, arena, &entry, &n, &err) == OF3_OK);
  for (int k = 0; k < n; k++) {
    must(memchr(entry[k].id, 0, sizeof entry[k].id));
    check_names(entry[k].names);
  }
  of3_arena_free(arena);
  return 0;
}
