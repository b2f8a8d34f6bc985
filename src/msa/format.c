/* What an alignment file holds, whatever it is called, and which of its rows are no sequences. */
#define _POSIX_C_SOURCE 200809L
#include <string.h>
#include <strings.h>

#include "msa/alignment.h"
#include "msa/lines.h"

const char *of3_alignment_format_name(of3_alignment_format format) {
  static const char *const name[] = {"A3M", "Stockholm", "NPZ", "gzip"};
  return name[format];
}

static bool format_starts(const char *line, size_t n, const char *with) {
  size_t k = strlen(with);
  return n >= k && strncasecmp(line, with, k) == 0;
}

/* The first line that says something decides. */
static of3_status format_of_text(const char *file, of3_lines lines, of3_alignment_format *out,
                                 of3_error *err) {
  const char *line;
  size_t n;
  while (of3_lines_next(&lines, &line, &n)) {
    if (!n) continue;
    if (line[0] == '"' || line[0] == '\'')
      return of3_fail(err, OF3_ERR_INPUT,
                      "'%s', line %zu begins with a quotation mark; an alignment begins with '>' (A3M) or "
                      "'# STOCKHOLM': remove the quotation marks around the text",
                      file, lines.number);
    if (format_starts(line, n, "# STOCKHOLM") || format_starts(line, n, "#="))
      *out = OF3_ALIGNMENT_STOCKHOLM;
    else if (line[0] == '>')
      *out = OF3_ALIGNMENT_A3M;
    else if (line[0] == '#')
      continue;
    return OF3_OK;
  }
  return OF3_OK;
}

of3_status of3_alignment_format_of(const char *file, const uint8_t *bytes, size_t size,
                                   of3_alignment_format by_name, of3_alignment_format *out, of3_error *err) {
  *out = by_name;
  if (size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b)
    *out = OF3_ALIGNMENT_GZIP;
  else if (size >= 4 && bytes[0] == 'P' && bytes[1] == 'K' && bytes[2] < 9 && bytes[3] < 9)
    *out = OF3_ALIGNMENT_NPZ;
  else if (size >= 2 && ((bytes[0] == 0xff && bytes[1] == 0xfe) || (bytes[0] == 0xfe && bytes[1] == 0xff)))
    return of3_fail(err, OF3_ERR_INPUT, "'%s' is text in UTF-16; save it as UTF-8 or ASCII", file);
  else if (by_name != OF3_ALIGNMENT_NPZ || (size && (bytes[0] == '>' || bytes[0] == '#')))
    return format_of_text(file, of3_lines_of((const char *)bytes, size), out, err);
  return OF3_OK;
}

bool of3_is_annotation_row(const char *name, size_t n) {
  static const char *const rows[] = {"ss_pred", "ss_conf", "ss_dssp", "sa_dssp",
                                     "sa_pred", "aa_dssp", "aa_pred"};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (n == strlen(rows[i]) && memcmp(name, rows[i], n) == 0) return true;
  return false;
}

bool of3_is_consensus_row(const char *name, size_t n) {
  static const char whole[] = "consensus", ending[] = "_consensus";
  const size_t k = sizeof ending - 1;
  return (n == sizeof whole - 1 && strncasecmp(name, whole, n) == 0) ||
         (n > k && memcmp(name + n - k, ending, k) == 0);
}
