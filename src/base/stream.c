#define _POSIX_C_SOURCE 200809L
#include "base/stream.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/target.h"

struct of3_stream {
  gzFile file; /* zlib hands through what is not packed */
  char *path;
};

of3_status of3_stream_open(const char *path, of3_stream **ret_stream, of3_error *err) {
  int fd = -1;
  struct stat st;
  *ret_stream = NULL;
  OF3_TRY(of3_open_for_reading(path, &fd, &st, err));
  of3_stream *s = calloc(1, sizeof *s);
  if (s) s->path = strdup(path);
  if (s && s->path) s->file = gzdopen(fd, "rb");
  if (s && s->file) {
    gzbuffer(s->file, 1 << 17);
    *ret_stream = s;
    return OF3_OK;
  }
  close(fd);
  of3_stream_close(s);
  return of3_fail_memory(err, path);
}

void of3_stream_close(of3_stream *s) {
  if (!s) return;
  if (s->file) gzclose_r(s->file);
  free(s->path);
  free(s);
}

/* zlib returns what it could unpack of a cut file without complaint, and tells of the cut here. */
static bool stream_whole(const of3_stream *s) {
  int code = Z_OK;
  gzerror(s->file, &code);
  return code == Z_OK || code == Z_STREAM_END;
}

of3_status of3_stream_read(of3_stream *s, void *out, size_t room, size_t *ret_n, of3_error *err) {
  *ret_n = 0;
  int n = room ? gzread(s->file, out, (unsigned)(room < 1u << 30 ? room : 1u << 30)) : 0;
  if (n < 0 || ((size_t)n < room && !stream_whole(s)))
    return of3_fail(err, OF3_ERR_INPUT, "'%s' is a damaged or cut gzip file; copy or download it again",
                    s->path);
  *ret_n = (size_t)n;
  return OF3_OK;
}
