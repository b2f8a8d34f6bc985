/* What a run keeps of a server's alignments. */
#include <stdio.h>
#include <string.h>

#include "api/aligner.h"
#include "base/file.h"
#include "msa/alignment.h"
#include "search/task.h"
#include "server/msa_folder.h"

/* FOLDER/main/H.npz, FOLDER/paired/C/H.npz, as OpenFold3 has them. */
static of3_status npz_path(const of3_aligner_options *o, const char *opt_complex, const char *sequence,
                           of3_arena *arena, const char **ret_path, of3_error *err) {
  char hex[OF3_SHA256_HEX];
  of3_sequence_id(sequence, hex);
  const char *folder = opt_complex ? of3_arena_printf(arena, "%s/paired/%s", o->folder, opt_complex)
                                   : of3_path_join(arena, o->folder, "main");
  *ret_path = folder ? of3_arena_printf(arena, "%s/%s.npz", folder, hex) : NULL;
  return *ret_path ? of3_make_folder(folder, err) : of3_fail_memory(err, "a path");
}

static of3_status write_npz(const of3_aligner_options *o, const char *key, const char *sequence,
                            const of3_server_msa *msa, const char *path, of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  of3_npz_alignment named = {.key = key};
  const of3_alignment_want want = {.file = path,
                                   .n_col = (int)strlen(sequence),
                                   .opt_sequence = sequence,
                                   .opt_log = o->opt_log,
                                   .opt_cancel = o->opt_cancel};
  if (!arena) return of3_fail_memory(err, "an alignment");
  of3_status status = of3_a3m_parse(msa->a3m, msa->a3m_size, &want, arena, &named.alignment, err);
  if (status == OF3_OK) status = of3_npz_write(path, &named, 1, o->opt_cancel, err);
  of3_arena_free(arena);
  return status;
}

of3_status of3_aligner_put(const of3_aligner_options *o, const char *opt_complex, const char *sequence,
                           const of3_server_msa *msa, of3_arena *arena, const char **ret_path,
                           of3_error *err) {
  if (!o->npz) return of3_msa_folder_put(o->folder, opt_complex, sequence, msa, arena, ret_path, err);
  OF3_TRY(npz_path(o, opt_complex, sequence, arena, ret_path, err));
  return write_npz(o, opt_complex ? "colabfold_paired" : "colabfold_main", sequence, msa, *ret_path, err);
}

void of3_aligner_clean(const of3_aligner_options *o, const char *opt_structures) {
  if (o->leave_no_structures && opt_structures) of3_remove_tree(opt_structures);
  if (o->leave_nothing) of3_remove_tree(o->folder);
}
