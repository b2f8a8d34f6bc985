#include "write/structure.h"

#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

#include "base/file.h"

static const char *const format_name[] = {"cif", "cif.gz", "pdb"};

const char *of3_structure_format_name(of3_structure_format format) { return format_name[format]; }

bool of3_structure_format_parse(const char *name, of3_structure_format *out) {
  for (int f = OF3_CIF; f <= OF3_PDB; f++)
    if (strcmp(name, format_name[f]) == 0) {
      *out = (of3_structure_format)f;
      return true;
    }
  return false;
}

static const char *const style_name[] = {"modelcif", "reference"};

const char *of3_cif_style_name(of3_cif_style style) { return style_name[style]; }

bool of3_cif_style_parse(const char *name, of3_cif_style *out) {
  for (int s = OF3_CIF_MODEL; s <= OF3_CIF_REFERENCE; s++)
    if (strcmp(name, style_name[s]) == 0) {
      *out = (of3_cif_style)s;
      return true;
    }
  return false;
}

/* One gzip member without name and time, "unknown" as operating system. */
static bool deflate_to(FILE *f, const char *text, size_t n, of3_cancel *opt_cancel) {
  enum { GZIP_WINDOW = 15 + 16, MEMORY_LEVEL = 8 };
  unsigned char buffer[1 << 15] = {0};
  z_stream z = {0};
  gz_header header = {.os = 255};
  if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) !=
      Z_OK)
    return false;
  int state = deflateSetHeader(&z, &header);
  while (state == Z_OK && !of3_cancelled(opt_cancel)) {
    if (z.avail_in == 0) {
      z.next_in = (const Bytef *)text;
      z.avail_in = n < (1u << 30) ? (uInt)n : 1u << 30;
      text += z.avail_in;
      n -= z.avail_in;
    }
    z.next_out = buffer;
    z.avail_out = sizeof buffer;
    state = deflate(&z, n ? Z_NO_FLUSH : Z_FINISH);
    fwrite(buffer, 1, sizeof buffer - z.avail_out, f);
  }
  deflateEnd(&z);
  return state == Z_STREAM_END;
}

static of3_status structure_write_text(const char *path, of3_structure_format format, const of3_str *text,
                                       of3_cancel *opt_cancel, of3_error *err) {
  of3_out out = {0};
  OF3_TRY(of3_out_open(&out, path, err));
  if (format != OF3_CIF_GZ)
    fwrite(text->text, 1, text->len, out.f);
  else if (!deflate_to(out.f, text->text, text->len, opt_cancel)) {
    of3_out_abort(&out);
    OF3_TRY(of3_go_on(opt_cancel, err));
    return of3_fail_memory(err, path);
  }
  return of3_out_commit(&out, err);
}

of3_status of3_structure_write(const char *path, of3_structure_format format, const of3_complex *complex,
                               const float *x, const float *plddt, const of3_structure_about *about,
                               of3_cancel *opt_cancel, of3_error *err) {
  of3_str text = {0};
  of3_status status = format == OF3_PDB ? of3_pdb_text(complex, x, plddt, about, opt_cancel, &text, err)
                      : about           ? of3_modelcif_text(complex, x, plddt, about, opt_cancel, &text, err)
                                        : of3_cif_text(complex, x, plddt, opt_cancel, &text, err);
  if (status == OF3_OK) status = structure_write_text(path, format, &text, opt_cancel, err);
  of3_str_free(&text);
  return status;
}
