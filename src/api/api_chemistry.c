/* Components and conformers as the options of a call name them. */
#include <string.h>

#include "api/chemistry.h"
#include "base/file.h"
#include "ccd/ccd_place.h"
#include "of3_chem.h"
#include "rdkit/rdkit.h"

static of3_status open_within(const char *opt_ccd, const char *opt_user, const of3_log *log, of3_arena *arena,
                              of3_chemistry **ret_chemistry, of3_error *err) {
  of3_ccd_place place;
  OF3_TRY(of3_ccd_place_of(opt_ccd, arena, &place, err));
  if (of3_chemistry_open(place.path, ret_chemistry, err) != OF3_OK)
    return place.path && !opt_ccd ? of3_prefix(err, "the dictionary of components (%s)", place.by)
                                  : err->code;
  if (!opt_user) return OF3_OK;
  const of3_status status = of3_chemistry_add_files(*ret_chemistry, opt_user, log, err);
  if (status == OF3_OK) return OF3_OK;
  of3_chemistry_close(*ret_chemistry);
  *ret_chemistry = NULL;
  return status;
}

of3_status of3_open_chemistry(const char *opt_ccd, const char *opt_user, const of3_log *log,
                              of3_chemistry **ret_chemistry, of3_error *err) {
  of3_error local = {0};
  *ret_chemistry = NULL;
  of3_arena *arena = of3_arena_new(0);
  const of3_status status = arena ? open_within(opt_ccd, opt_user, log, arena, ret_chemistry, &local)
                                  : of3_fail_memory(&local, "components");
  of3_arena_free(arena);
  if (status != OF3_OK && err) *err = local;
  return status;
}

/* ---- What is there */

of3_status of3_ccd_describe_place(const char *opt_ccd, char *path, size_t size, const char **ret_by,
                                  of3_error *err) {
  of3_ccd_place place = {0};
  *path = 0;
  of3_arena *arena = of3_arena_new(0);
  of3_status status =
      arena ? of3_ccd_place_of(opt_ccd, arena, &place, err) : of3_fail_memory(err, "components");
  if (status == OF3_OK && place.path) {
    if (strlen(place.path) < size)
      memcpy(path, place.path, strlen(place.path) + 1);
    else
      status = of3_fail(err, OF3_ERR_IO, "the path '%.200s...' is too long", place.path);
  }
  *ret_by = place.by;
  of3_arena_free(arena);
  return status;
}

of3_status of3_rdkit_describe(const char **ret_version, of3_error *err) {
  const of3_rdkit *r = NULL;
  *ret_version = NULL;
  OF3_TRY(of3_rdkit_open(&r, err));
  *ret_version = r->version;
  return OF3_OK;
}
