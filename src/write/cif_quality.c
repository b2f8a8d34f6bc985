/* The categories of ModelCIF (mmcif_ma.dic 1.4): what was modelled, by which program, and how sure it is.
 *
 *   ma_data 1 the target, 2 the model      ma_data_group 1, 2: each alone
 *   ma_protocol_step: software group 1 made data group 2 from 1
 *   ma_qa_metric: pLDDT of the model and of each residue, pTM, ipTM; PAE, whose values are in a file of their
 *   own (ma_entry_associated_files) */
#include <ctype.h>
#include <string.h>

#include "write/cif_writer.h"

enum { PLDDT_GLOBAL = 1, PLDDT_LOCAL, PTM, IPTM, PAE };

static of3_status add_software(const of3_cif_writer *w) {
  static const char *const column[] = {"pdbx_ordinal",   "name", "version",
                                       "classification", "type", "description"},
                           *const group[] = {"ordinal_id", "group_id", "software_id"};
  of3_cif_table t = of3_cif_table_of("software", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  const char *what =
      of3_arena_printf(w->arena, "OpenFold3 in C, weights of generation %s", w->about->variant);
  OF3_TRY(
      of3_cif_fill(w, &t, OF3_CIF_VALUES("1", "of3", w->about->version, "model building", "program", what)));
  OF3_TRY(of3_cif_table_add(&t, w->out, w->err));
  of3_cif_table g =
      of3_cif_table_of("ma_software_group", group, OF3_CIF_COUNT(group), w->arena, w->opt_cancel);
  OF3_TRY(of3_cif_fill(w, &g, OF3_CIF_VALUES("1", "1", "1")));
  return of3_cif_table_add(&g, w->out, w->err);
}

static of3_status add_data(const of3_cif_writer *w) {
  static const char *const column[] = {"id", "name", "content_type"}, *const group[] = {"ordinal_id",
                                                                                        "group_id",
                                                                                        "data_id"};
  of3_cif_table t = of3_cif_table_of("ma_data", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  OF3_TRY(of3_cif_fill(w, &t, OF3_CIF_VALUES("1", "Query", "target")));
  OF3_TRY(of3_cif_fill(w, &t, OF3_CIF_VALUES("2", "Model", "model coordinates")));
  OF3_TRY(of3_cif_table_add(&t, w->out, w->err));
  of3_cif_table g = of3_cif_table_of("ma_data_group", group, OF3_CIF_COUNT(group), w->arena, w->opt_cancel);
  OF3_TRY(of3_cif_fill(w, &g, OF3_CIF_VALUES("1", "1", "1")));
  OF3_TRY(of3_cif_fill(w, &g, OF3_CIF_VALUES("2", "2", "2")));
  return of3_cif_table_add(&g, w->out, w->err);
}

/* The dictionary knows two origins: a reference database, which a query names none of, and "designed". */
static of3_status add_targets(const of3_cif_writer *w, const of3_cif_entities *all) {
  static const char *const column[] = {"entity_id", "data_id", "origin"}, *const instance[] = {"asym_id",
                                                                                               "entity_id",
                                                                                               "details"};
  const of3_complex *c = w->c;
  of3_cif_table t =
      of3_cif_table_of("ma_target_entity", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  of3_cif_table i = of3_cif_table_of("ma_target_entity_instance", instance, OF3_CIF_COUNT(instance), w->arena,
                                     w->opt_cancel);
  for (int k = 0; k < c->n_chain; k++)
    OF3_TRY(
        of3_cif_fill(w, &i, OF3_CIF_VALUES(c->chain[k].id, of3_cif_number(w, c->chain[k].entity_id), "?")));
  for (int e = 1; e <= all->n; e++)
    OF3_TRY(of3_cif_fill(w, &t, OF3_CIF_VALUES(of3_cif_number(w, e), "1", "designed")));
  OF3_TRY(of3_cif_table_add(&t, w->out, w->err));
  return of3_cif_table_add(&i, w->out, w->err);
}

static of3_status add_model_list(const of3_cif_writer *w) {
  static const char *const column[] = {"ordinal_id", "model_id", "model_group_id", "model_group_name",
                                       "model_name", "data_id",  "model_type"},
                           *const step[] = {"ordinal_id",          "protocol_id",         "step_id",
                                            "method_type",         "step_name",           "software_group_id",
                                            "input_data_group_id", "output_data_group_id"};
  of3_cif_table s = of3_cif_table_of("ma_protocol_step", step, OF3_CIF_COUNT(step), w->arena, w->opt_cancel);
  OF3_TRY(of3_cif_fill(w, &s, OF3_CIF_VALUES("1", "1", "1", "modeling", "Prediction", "1", "1", "2")));
  OF3_TRY(of3_cif_table_add(&s, w->out, w->err));
  of3_cif_table t = of3_cif_table_of("ma_model_list", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  const char *group = of3_arena_printf(w->arena, "Seed %llu", (unsigned long long)w->about->seed),
             *model = of3_arena_printf(w->arena, "Seed %llu, sample %d", (unsigned long long)w->about->seed,
                                       w->about->sample);
  OF3_TRY(of3_cif_fill(w, &t, OF3_CIF_VALUES("1", "1", "1", group, model, "2", "Ab initio model")));
  return of3_cif_table_add(&t, w->out, w->err);
}

static of3_status add_metrics(const of3_cif_writer *w) {
  static const char *const column[] = {"id", "name", "description", "type", "mode", "software_group_id"};
  static const char *const metric[][4] = {
      [PLDDT_GLOBAL] = {"pLDDT", "Mean predicted lDDT of all atoms, 0 to 100", "pLDDT", "global"},
      [PLDDT_LOCAL] = {"pLDDT", "Mean predicted lDDT of a residue's atoms, 0 to 100", "pLDDT", "local"},
      [PTM] = {"pTM", "Predicted TM-score, 0 to 1", "pTM", "global"},
      [IPTM] = {"ipTM", "Predicted TM-score of the interfaces, 0 to 1", "ipTM", "global"},
      [PAE] = {"PAE", "Predicted aligned error in Angstrom, of tokens, in the associated file", "PAE",
               "local-pairwise"}};
  const bool there[] = {[PLDDT_GLOBAL] = true,
                        [PLDDT_LOCAL] = true,
                        [PTM] = true,
                        [IPTM] = w->c->n_chain > 1,
                        [PAE] = w->about->opt_pae_file};
  of3_cif_table t = of3_cif_table_of("ma_qa_metric", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  for (int k = PLDDT_GLOBAL; k <= PAE; k++)
    if (there[k])
      OF3_TRY(of3_cif_fill(
          w, &t,
          OF3_CIF_VALUES(of3_cif_number(w, k), metric[k][0], metric[k][1], metric[k][2], metric[k][3], "1")));
  return of3_cif_table_add(&t, w->out, w->err);
}

static of3_status add_global(const of3_cif_writer *w) {
  static const char *const column[] = {"ordinal_id", "model_id", "metric_id", "metric_value"};
  const struct {
    int metric;
    double value;
    int decimals;
  } row[] = {{PLDDT_GLOBAL, w->about->plddt, 2}, {PTM, w->about->ptm, 4}, {IPTM, w->about->iptm, 4}};
  of3_cif_table t =
      of3_cif_table_of("ma_qa_metric_global", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  for (int k = 0; k < (w->c->n_chain > 1 ? 3 : 2); k++)
    OF3_TRY(of3_cif_fill(w, &t,
                         OF3_CIF_VALUES(of3_cif_number(w, k + 1), "1", of3_cif_number(w, row[k].metric),
                                        of3_cif_fixed(w, row[k].value, row[k].decimals))));
  return of3_cif_table_add(&t, w->out, w->err);
}

static of3_status add_local(const of3_cif_writer *w) {
  static const char *const column[] = {"ordinal_id",    "model_id",  "label_asym_id", "label_seq_id",
                                       "label_comp_id", "metric_id", "metric_value"};
  const of3_complex *c = w->c;
  of3_cif_table t =
      of3_cif_table_of("ma_qa_metric_local", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  for (int k = 0; k < c->n_residue; k++) {
    const of3_residue *r = &c->residue[k];
    const of3_chain *chain = &c->chain[r->chain];
    double sum = 0;
    for (int a = 0; a < r->n_atom; a++) sum += (double)w->plddt[r->first_atom + a];
    OF3_TRY(of3_cif_fill(w, &t,
                         OF3_CIF_VALUES(of3_cif_number(w, k + 1), "1", chain->id, of3_cif_label_seq(w, r),
                                        r->name, of3_cif_number(w, PLDDT_LOCAL),
                                        of3_cif_fixed(w, sum / (r->n_atom ? r->n_atom : 1), 2))));
  }
  return of3_cif_table_add(&t, w->out, w->err);
}

/* A relative address: the name of the file beside this one, with what an address cannot hold as %XX. */
static const char *address_of(const of3_cif_writer *w, const char *name) {
  of3_str text = {0};
  for (const char *p = name; *p; p++) {
    const unsigned char c = (unsigned char)*p;
    if (c < 0x80 && (isalnum(c) || strchr("-._~", c)))
      of3_str_addc(&text, *p, 1);
    else
      of3_str_addf(&text, "%%%02X", c);
  }
  const char *kept = text.failed ? NULL : of3_arena_strdup(w->arena, text.text);
  of3_str_free(&text);
  return kept;
}

static of3_status add_file(const of3_cif_writer *w, const char *entry) {
  static const char *const column[] = {"id",          "entry_id",     "file_url", "file_type",
                                       "file_format", "file_content", "details"};
  const char *name = w->about->opt_pae_file;
  if (!name) return OF3_OK;
  const char *ending = strrchr(name, '.');
  of3_cif_table t =
      of3_cif_table_of("ma_entry_associated_files", column, OF3_CIF_COUNT(column), w->arena, w->opt_cancel);
  OF3_TRY(of3_cif_fill(
      w, &t,
      OF3_CIF_VALUES("1", entry, address_of(w, name), "file",
                     ending && strcmp(ending, ".json") == 0 ? "json" : "other", "local pairwise QA scores",
                     "pLDDT of atoms, PAE and PDE of tokens; beside the file of the sample")));
  return of3_cif_table_add(&t, w->out, w->err);
}

of3_status of3_cif_add_quality(const of3_cif_writer *w, const of3_cif_entities *all, const char *entry) {
  OF3_TRY(add_software(w));
  OF3_TRY(add_data(w));
  OF3_TRY(add_targets(w, all));
  OF3_TRY(add_model_list(w));
  OF3_TRY(add_metrics(w));
  OF3_TRY(add_global(w));
  OF3_TRY(add_local(w));
  return add_file(w, entry);
}
