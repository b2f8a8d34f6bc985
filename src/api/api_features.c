/* The features window: the input of the network as a file. */
#include <string.h>

#include "api/chemistry.h"
#include "api/handles.h"
#include "base/machine.h"
#include "dialect/dialect.h"
#include "feat/build.h"
#include "featfile/feature_file.h"
#include "of3_chem.h"

/* The query called name, or the only one. */
static of3_status choose(const of3_query_set *set, const char *name, const of3_query **out, of3_error *err) {
  if (!name && set->n > 1)
    return of3_fail(err, OF3_ERR_USAGE,
                    "the file holds %d queries; name one of them, for instance --query '%s'", set->n,
                    set->query[0].name);
  for (int i = 0; i < set->n; i++)
    if (!name || strcmp(set->query[i].name, name) == 0) {
      *out = &set->query[i];
      if ((*out)->error.code != OF3_OK && err) *err = (*out)->error;
      return (*out)->error.code;
    }
  return of3_fail(err, OF3_ERR_USAGE, "the file holds no query called '%.160s'; the first is '%s'", name,
                  set->query[0].name);
}

static of3_status use_conformers(const char *path, of3_features *features, of3_error *err) {
  of3_table table = {0};
  OF3_TRY(of3_safetensors_open(path, &table, err));
  of3_status status = of3_features_use_conformers(features, &table, err);
  of3_table_close(&table);
  return status == OF3_OK ? OF3_OK : of3_prefix(err, "'%s'", path);
}

static of3_status export_query(const of3_features_options *o, const of3_query *query, uint64_t seed,
                               const of3_callbacks *callbacks, of3_error *err) {
  const of3_log message_sink = of3_log_of(callbacks), *log = &message_sink;
  of3_complex complex = {0};
  of3_features features = {0};
  of3_variant variant;
  if (!of3_variant_parse(o->variant, &variant))
    return of3_fail(err, OF3_ERR_USAGE, "the variant '%.20s' is unknown; P1, P2 or OB was expected",
                    o->variant);
  of3_feature_mode mode = of3_feature_mode_of(variant);
  mode.most_memory = of3_usable_memory();
  mode.opt_cancel = callbacks->cancel;
  mode.embed_standard = o->rdkit_all;
  of3_feature_mode_set(&mode, o->settings);
  of3_chemistry *chemistry = NULL;
  const char *rdkit = NULL;
  if (o->rdkit_all) OF3_TRY(of3_rdkit_describe(&rdkit, err));
  OF3_TRY(of3_open_chemistry(o->ccd, o->user_ccd, log, &chemistry, err));
  of3_status status = of3_chemistry_open_cache(chemistry, NULL, err);
  const of3_library components = of3_chemistry_library(chemistry);
  mode.opt_structures = o->structures;
  mode.opt_library = &components;
  of3_query_log_notes(query, log);
  if (status == OF3_OK) status = of3_complex_build(query, &components, log, &complex, err);
  if (status == OF3_OK) status = of3_features_build(&complex, query, &mode, seed, log, &features, err);
  if (status == OF3_OK && o->conformers) status = use_conformers(o->conformers, &features, err);
  if (status == OF3_OK) status = of3_features_write(o->out, &features, callbacks->cancel, err);
  if (status == OF3_OK)
    of3_logf(log, OF3_LOG_INFO, "%s: %d tokens, %d atoms, %d MSA rows as %s, in '%s'", query->name,
             features.n_token, features.n_atom, features.n_msa, of3_variant_name(variant), o->out);
  of3_features_free(&features);
  of3_complex_free(&complex);
  of3_chemistry_close(chemistry);
  return status;
}

of3_status of3_features_export(const of3_features_options *o, const of3_callbacks *opt_callbacks,
                               of3_error *err) {
  enum { DEFAULT_SEED = 42 };
  of3_callbacks callbacks = opt_callbacks ? *opt_callbacks : (of3_callbacks){0};
  of3_query_set set = {0};
  const of3_query *query = NULL;
  OF3_TRY(of3_query_open(o->query, of3_reading_memory(0), &set, err));
  uint64_t seed = o->has_seed ? o->seed : set.n_seed ? set.seed[0] : DEFAULT_SEED;
  for (int i = 0; i < set.n; i++) set.query[i].infer_leaving = o->infer_leaving_atoms;
  of3_status status = choose(&set, o->query_name, &query, err);
  if (status == OF3_OK) status = export_query(o, query, seed, &callbacks, err);
  of3_query_set_free(&set);
  return status;
}
