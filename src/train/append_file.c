#define _POSIX_C_SOURCE 200809L
#include "train/append_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static of3_status append_failed(const of3_append_file *f, const char *what, of3_error *err) {
  return of3_fail(err, OF3_ERR_IO, "cannot %s '%s': %s", what, f->path, strerror(errno));
}

/* Cuts the file that is there; *ret_size 0: there is none. */
static of3_status cut(const of3_append_file *f, const of3_str *head, int64_t step, of3_kept_bytes *kept,
                      uint64_t *ret_size, of3_error *err) {
  of3_map map;
  *ret_size = 0;
  if (!of3_is_file(f->path)) return OF3_OK;
  OF3_TRY(of3_map_open(f->path, &map, err));
  const size_t size = map.size;
  const bool begins = size >= head->len && (!head->len || memcmp(map.data, head->text, head->len) == 0);
  if (begins) *ret_size = head->len + kept(map.data + head->len, size - head->len, step);
  of3_map_close(&map);
  if (size == 0) return OF3_OK;
  if (!begins)
    return of3_fail(err, OF3_ERR_INPUT,
                    "'%s' does not begin as the log of this run does; move it away, or train into another "
                    "folder",
                    f->path);
  if (truncate(f->path, (off_t)*ret_size) != 0) return append_failed(f, "shorten", err);
  return OF3_OK;
}

of3_status of3_append_open(of3_append_file *out, const char *path, const of3_str *head, int64_t step,
                           of3_kept_bytes *kept, of3_error *err) {
  *out = (of3_append_file){.path = malloc(strlen(path) + 1), .fd = -1};
  if (!out->path) return of3_fail_memory(err, path);
  memcpy(out->path, path, strlen(path) + 1);
  if (step > 0) OF3_TRY(cut(out, head, step, kept, &out->size, err));
  if (out->size == 0) {
    OF3_TRY(of3_write_file(path, head->len ? head->text : "", head->len, err));
    out->size = head->len;
  }
  out->fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
  return out->fd >= 0 ? OF3_OK : append_failed(out, "write to", err);
}

of3_status of3_append(of3_append_file *f, const of3_str *record, of3_error *err) {
  if (record->failed) return of3_fail_memory(err, f->path);
  for (size_t at = 0; at < record->len;) {
    const ssize_t n = write(f->fd, record->text + at, record->len - at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const of3_status status = append_failed(f, "write to", err);
      return ftruncate(f->fd, (off_t)f->size) == 0 ? status : append_failed(f, "shorten", err);
    }
    at += (size_t)n;
  }
  f->size += record->len;
  return OF3_OK;
}

of3_status of3_append_sync(const of3_append_file *f, of3_error *err) {
  return fsync(f->fd) == 0 ? OF3_OK : append_failed(f, "write to", err);
}

void of3_append_close(of3_append_file *f) {
  if (f->path && f->fd >= 0) close(f->fd);
  free(f->path);
  *f = (of3_append_file){.fd = -1};
}
