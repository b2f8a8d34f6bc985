/* of3_align_msa_server: alignments of a file of queries in a folder, and the queries with their names. */
#include <stdlib.h>
#include <string.h>

#include "api/aligner.h"
#include "api/handles.h"
#include "base/file.h"
#include "dialect/dialect.h"
#include "of3_msa.h"
#include "of3_settings.h"
#include "server/colabfold.h"
#include "write/tree.h"

const char *of3_msa_server_default(void) {
  const char *named = getenv("OF3_MSA_SERVER");
  return named ? named : OF3_COLABFOLD_URL;
}

/* Queries that have all they need name it; the others are told of, and left as they are. */
static of3_status settle(of3_aligner *a, of3_query_set *set, const of3_log *log, int *ret_failed,
                         of3_error *err) {
  for (int q = 0; q < set->n; q++) {
    of3_query *query = &set->query[q];
    of3_error why = query->error;
    const of3_aligned state = of3_aligner_state(a, query, &why);
    if (query->error.code == OF3_OK && state == OF3_ALIGNED) {
      OF3_TRY(of3_aligner_attach(a, query, err));
      continue;
    }
    of3_logf(log, OF3_LOG_ERROR, "query '%s': %s", query->name, why.text);
    if (!(*ret_failed)++) *err = why;
  }
  return OF3_OK;
}

static of3_status fetch(of3_aligner *a, const of3_query_set *set, of3_error *err) {
  int *number = malloc(((size_t)set->n + 1) * sizeof *number);
  if (!number) return of3_fail_memory(err, "the queries");
  for (int q = 0; q < set->n; q++) number[q] = q;
  const of3_status status = of3_aligner_fetch(a, number, set->n, true, err);
  free(number);
  return status;
}

static of3_status align(const of3_aligner_options *o, bool names, of3_query_set *set, int *ret_failed,
                        of3_error *err) {
  const of3_tree tree = {.folder = o->folder};
  of3_aligner *a = NULL;
  OF3_TRY(of3_make_folder(o->folder, err));
  OF3_TRY(of3_aligner_open(o, set, &a, err));
  of3_status status = a ? fetch(a, set, err) : OF3_OK;
  if (status == OF3_OK && a && names) status = of3_aligner_write_names(a, err);
  if (status == OF3_OK && a) status = settle(a, set, o->opt_log, ret_failed, err);
  if (status == OF3_OK)
    status = of3_tree_write_query_set(&tree, "query_msa.json", set, set->seed, set->n_seed, err);
  of3_aligner_close(a);
  if (status == OF3_OK && *ret_failed)
    return set->n == 1 ? err->code
                       : of3_fail(err, err->code,
                                  "%d of %d queries have no alignments, as said above; those of "
                                  "the others are in '%s'",
                                  *ret_failed, set->n, o->folder);
  return status;
}

/* Alignments are always left here. */
static of3_status choose_output(const of3_settings *opt_settings, of3_arena *arena, of3_aligner_options *o,
                                of3_error *err) {
  const of3_server_settings *s = opt_settings ? &opt_settings->server : NULL;
  if (s && s->folder && strcmp(s->folder, o->folder) != 0)
    return of3_fail(
        err, OF3_ERR_USAGE,
        "the settings name '%s' as msa_output_directory, and the folder that was given is '%s'; name one",
        s->folder, o->folder);
  o->npz = s && s->npz;
  if (s && !s->save_answers) return OF3_OK;
  o->opt_raw = s && s->answers ? s->answers : of3_path_join(arena, o->folder, "raw");
  return o->opt_raw ? OF3_OK : of3_fail_memory(err, "a path");
}

of3_status of3_align_msa_server(const char *query, const char *folder, const of3_align_options *o,
                                const of3_callbacks *opt_callbacks, int *ret_failed, of3_error *err) {
  const of3_callbacks none = {0};
  const of3_callbacks *callbacks = opt_callbacks ? opt_callbacks : &none;
  const of3_log log = of3_log_of(callbacks);
  of3_aligner_options options = {.server = &o->server,
                                 .cache = o->cache,
                                 .folder = folder,
                                 .templates = true,
                                 .structures = o->structures,
                                 .opt_cancel = callbacks->cancel,
                                 .opt_log = &log};
  of3_query_set set = {0};
  *ret_failed = 0;
  if (!o->server.url || !*o->server.url)
    return of3_fail(err, OF3_ERR_USAGE, "no MSA server is named; give --server-url");
  OF3_TRY(of3_query_open(query, of3_reading_memory(0), &set, err));
  of3_status status = choose_output(o->settings, set.arena, &options, err);
  if (status == OF3_OK)
    status = align(&options, !o->settings || o->settings->server.save_mappings, &set, ret_failed, err);
  of3_query_set_free(&set);
  return status;
}
