/* The server's files hold blocks of several sequences. A block of A3M begins behind a byte of 0 with the
 * sequence's number as its header:
 *
 *   >101 / MKT.. / >UniRef100_A.. / MKS.. / 0 >102 / ..
 */
#include <stdlib.h>
#include <string.h>

#include "server/server_parts.h"

static const char *end_of_line(const char *at, const char *end) {
  const char *p = memchr(at, '\n', (size_t)(end - at));
  return p ? p + 1 : end;
}

/* The number in a line that begins with it; -1: there is none. */
static int number_of(const char *at, const char *end) {
  int n = 0, digits = 0;
  for (; at < end && *at >= '0' && *at <= '9' && digits < 8; at++, digits++) n = 10 * n + (*at - '0');
  return digits && (at == end || of3_is_space(*at)) ? n : -1;
}

static of3_status no_number(const char *what, of3_error *err) {
  return of3_fail(err, OF3_ERR_IO, "%s does not begin with the number of a sequence that was asked for",
                  what);
}

/* A line without zeros, and whether there were any. */
static bool add_line(const char *at, const char *end, of3_str *out) {
  const bool any = memchr(at, 0, (size_t)(end - at)) != NULL;
  if (!any) of3_str_addn(out, at, (size_t)(end - at));
  for (; any && at < end; at++)
    if (*at) of3_str_addn(out, at, 1);
  return any;
}

static of3_status split_lines(const char *text, const char *end, int n, of3_str *out, of3_error *err) {
  int block = -1;
  bool begins = true; /* the next header is a block's */
  for (const char *at = text; at < end;) {
    const char *next = end_of_line(at, end), *first = at;
    const bool zero = memchr(at, 0, (size_t)(next - at)) != NULL;
    while (first < next && *first == 0) first++;
    begins = begins || zero;
    if (begins && first < next && *first == '>') {
      block = number_of(first + 1, next) - SERVER_FIRST;
      if (block < 0 || block >= n) return no_number("a block of its alignments", err);
      begins = false;
    }
    if (block < 0 && first < next) return no_number("its alignment", err);
    if (block >= 0) add_line(at, next, &out[block]);
    at = next;
  }
  return OF3_OK;
}

/* Whether the text's first row is the sequence. */
static bool begins_with(const of3_str *text, const char *sequence) {
  const char *at = text->text ? strchr(text->text, '\n') : NULL;
  if (!at) return false;
  for (at++; *at && *at != '>'; at++)
    if (!of3_is_space(*at) && *at != *sequence++) return false;
  return *sequence == 0;
}

of3_status of3_split_a3m(const char *text, size_t size, int n, const char *const *sequence, of3_str *out,
                         of3_error *err) {
  OF3_TRY(split_lines(text, text + size, n, out, err));
  for (int k = 0; k < n; k++) {
    if (out[k].failed) return of3_fail_memory(err, "an alignment");
    if (!begins_with(&out[k], sequence[k]))
      return of3_fail(err, OF3_ERR_IO,
                      "its alignment of the sequence '%.20s%s' is missing, or that of another sequence",
                      sequence[k], strlen(sequence[k]) > 20 ? ".." : "");
  }
  return OF3_OK;
}

of3_status of3_split_m8(const char *text, size_t size, int n, of3_str *out, of3_error *err) {
  const char *end = text + size;
  for (const char *at = text; at < end;) {
    const char *next = end_of_line(at, end), *tab = memchr(at, '\t', (size_t)(next - at));
    const int k = tab ? number_of(at, tab) - SERVER_FIRST : -1;
    if (next > at + 1 && (k < 0 || k >= n)) return no_number("a row of its template hits", err);
    if (next > at + 1 && tab && !memchr(tab, 0, (size_t)(next - tab)))
      of3_str_addn(&out[k], tab + 1, (size_t)(next - tab - 1));
    at = next;
  }
  for (int k = 0; k < n; k++)
    if (out[k].failed) return of3_fail_memory(err, "template hits");
  return OF3_OK;
}
