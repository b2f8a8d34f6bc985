/* Training sets: made from a folder, and looked through. */
#include <string.h>

#include "api/chemistry.h"
#include "api/handles.h"
#include "base/file.h"
#include "base/machine.h"
#include "data/build_set.h"
#include "of3_data.h"

of3_data_options of3_data_defaults(void) {
  return (of3_data_options){.worst_resolution = 9, .most_chains = 300};
}

static bool is_date(const char *text) {
  static const char form[] = "dddd-dd-dd";
  for (size_t i = 0; i < sizeof form - 1; i++)
    if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i]) return false;
  return text[sizeof form - 1] == 0;
}

static of3_status check_dates(const of3_data_options *o, of3_error *err) {
  const char *const date[] = {o->from, o->until};
  for (int i = 0; i < 2; i++)
    if (date[i] && !is_date(date[i]))
      return of3_fail(err, OF3_ERR_USAGE, "'%.40s' is no date; one such as 2021-09-30 was expected", date[i]);
  return OF3_OK;
}

static of3_status describe(const char *path, const of3_set_counts *n, of3_data_info *out, of3_error *err) {
  of3_set *set;
  of3_map map;
  *out = (of3_data_info){.entries = n->entries,
                         .chains = n->chains,
                         .filtered = n->filtered,
                         .failed = n->failed,
                         .tokens = n->tokens,
                         .atoms = n->atoms,
                         .resolved = n->resolved};
  OF3_TRY(of3_set_open(path, &set, err));
  out->points = of3_set_n_point(set);
  out->alignments = of3_set_n_alignment(set);
  of3_set_close(set);
  OF3_TRY(of3_map_open(path, &map, err));
  out->bytes = (int64_t)map.size;
  of3_map_close(&map);
  return OF3_OK;
}

of3_status of3_data_build(const of3_data_options *o, const of3_callbacks *opt_callbacks,
                          of3_data_info *opt_info, of3_error *err) {
  const of3_callbacks callbacks = opt_callbacks ? *opt_callbacks : (of3_callbacks){0};
  const of3_log log = of3_log_of(&callbacks);
  of3_chemistry *chemistry = NULL;
  of3_data_info info = {0};
  of3_set_counts counts;
  OF3_TRY(check_dates(o, err));
  OF3_TRY(of3_open_chemistry(o->ccd, o->user_ccd, &log, &chemistry, err));
  const of3_library library = of3_chemistry_library(chemistry);
  const of3_set_options options = {.folder = o->folder,
                                   .alignments = o->alignments,
                                   .clusters = o->clusters,
                                   .worst_resolution = o->worst_resolution,
                                   .from = o->from,
                                   .until = o->until,
                                   .most_chains = o->most_chains,
                                   .most_memory = of3_usable_memory(),
                                   .library = &library,
                                   .opt_cancel = callbacks.cancel,
                                   .opt_log = &log};
  of3_status status = of3_set_build(&options, o->out, &counts, err);
  of3_chemistry_close(chemistry);
  if (status == OF3_OK) status = describe(o->out, &counts, &info, err);
  if (status == OF3_OK && opt_info) *opt_info = info;
  return status;
}

/* ---- */

static of3_data_entry entry_of(const of3_set *set, int i, const of3_set_entry *e) {
  const of3_set_row row = of3_set_row_of(set, i);
  of3_data_entry out = {.name = e->query.name,
                        .released = e->released,
                        .resolution = (double)e->resolution,
                        .tokens = row.n_token,
                        .chains = e->query.n_chain};
  for (int k = 0; k < e->query.n_chain; k++) {
    const of3_query_chain *c = &e->query.chain[k];
    out.proteins += c->type == OF3_PROTEIN;
    out.nucleic += c->type == OF3_RNA || c->type == OF3_DNA;
    out.ligands += c->type == OF3_LIGAND;
    out.aligned += c->n_msa_text > 0;
  }
  for (int a = 0; a < e->n_atom; a++) out.resolved += e->atom[a].occupancy > 0;
  return out;
}

of3_status of3_data_list(const char *path, bool (*visit)(void *user, const of3_data_entry *entry), void *user,
                         of3_error *err) {
  of3_set *set;
  of3_status status = OF3_OK;
  bool go_on = true;
  OF3_TRY(of3_set_open(path, &set, err));
  for (int i = 0; status == OF3_OK && go_on && i < of3_set_n_entry(set); i++) {
    of3_set_entry entry;
    of3_arena *arena = of3_arena_new(0);
    status = arena ? of3_set_read(set, i, arena, &entry, err) : of3_fail_memory(err, path);
    if (status == OF3_OK) {
      const of3_data_entry seen = entry_of(set, i, &entry);
      go_on = visit(user, &seen);
    }
    of3_arena_free(arena);
  }
  of3_set_close(set);
  return status;
}
