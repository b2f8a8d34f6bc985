/* A tar archive from a server: whatever it is, it is walked through within its limits, and members have plain
 * names. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/tar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
  if (!holds) abort();
}

typedef struct archive {
  const uint8_t *data;
  size_t size, at;
  uint64_t left; /* bytes of the member that are still to come */
  bool open;
} archive;

static of3_status read_archive(void *user, void *out, size_t room, size_t *ret_n, of3_error *err) {
  archive *a = user;
  (void)err;
  *ret_n = a->size - a->at < room ? a->size - a->at : room;
  memcpy(out, a->data + a->at, *ret_n);
  a->at += *ret_n;
  return OF3_OK;
}

static of3_status begin_member(void *user, const char *name, uint64_t size, of3_error *err) {
  archive *a = user;
  (void)err;
  must(!a->open && name[0] && name[0] != '.' && !strchr(name, '/'));
  a->open = true;
  a->left = size;
  return OF3_OK;
}

static of3_status member_bytes(void *user, const void *bytes, size_t n, of3_error *err) {
  archive *a = user;
  (void)bytes, (void)err;
  must(a->open && n <= a->left);
  a->left -= n;
  return OF3_OK;
}

static of3_status end_member(void *user, of3_error *err) {
  archive *a = user;
  (void)err;
  must(a->open && a->left == 0);
  a->open = false;
  return OF3_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  archive a = {.data = data, .size = size};
  const of3_tar_walk walk = {&a, read_archive, begin_member, member_bytes, end_member};
  const of3_tar_limits limits = {.members = 8, .all_bytes = 1 << 16};
  of3_error err = {0};
  const of3_status status = of3_tar_walk_through(&walk, &limits, &err);
  must((status == OF3_OK) == (err.text[0] == 0));
  return 0;
}
