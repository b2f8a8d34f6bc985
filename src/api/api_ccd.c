#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "ccd/ccd.h"
#include "ccd/ccd_place.h"
#include "of3_chem.h"

enum { MOST_CODES = 1 << 20 };

/* With its folders. */
static of3_status default_place(of3_arena *arena, const char **ret_path, of3_error *err) {
  OF3_TRY(of3_ccd_default_place(arena, ret_path, err));
  if (!*ret_path)
    return of3_fail(
        err, OF3_ERR_USAGE,
        "there is no default place for the dictionary, as neither XDG_DATA_HOME nor HOME is set; name "
        "the file to write");
  const char *folder = of3_path_folder(arena, *ret_path);
  return folder ? of3_make_folder(folder, err) : of3_fail_memory(err, "a path");
}

static of3_status ccd_build(const char *in, const char *out, const of3_ccd_build_options *o,
                            of3_cancel *opt_cancel, of3_ccd_info *info, of3_arena *arena, of3_error *err) {
  of3_ccd_counts n = {0};
  of3_ccd *ccd = NULL;
  char *only = NULL;
  size_t size = 0;
  if (!arena) return of3_fail_memory(err, "the dictionary");
  if (!out) OF3_TRY(default_place(arena, &out, err));
  if (o->only) OF3_TRY(of3_read_file(o->only, MOST_CODES, arena, &only, &size, err));
  OF3_TRY(
      of3_ccd_convert(in, out, (of3_ccd_options){.only = only, .compact = o->compact}, opt_cancel, &n, err));
  OF3_TRY(of3_ccd_open(out, &ccd, err));
  *info = (of3_ccd_info){.components = n.components,
                         .obsolete = n.obsolete,
                         .without_ideal = n.no_ideal,
                         .without_coordinates = n.no_coordinates,
                         .atoms = n.atoms,
                         .bonds = n.bonds};
  strncpy(info->newest, of3_ccd_newest(ccd), sizeof info->newest - 1);
  snprintf(info->path, sizeof info->path, "%s", out);
  of3_ccd_close(ccd);
  return OF3_OK;
}

of3_status of3_ccd_build(const char *in, const char *opt_out, const of3_ccd_build_options *opt_options,
                         const of3_callbacks *opt_callbacks, of3_ccd_info *opt_info, of3_error *err) {
  const of3_ccd_build_options none = {0};
  of3_ccd_info info;
  of3_arena *arena = of3_arena_new(0);
  of3_status status = ccd_build(in, opt_out, opt_options ? opt_options : &none,
                                opt_callbacks ? opt_callbacks->cancel : NULL, &info, arena, err);
  of3_arena_free(arena);
  if (status == OF3_OK && opt_info) *opt_info = info;
  return status;
}
