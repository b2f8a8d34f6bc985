/* What a file of queries asks for: each query goes through the stages up to the network's input
 * (docs/ARCHITECTURE.md), and a fold of it is planned. What these stages warn of is kept with the query. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/aligner.h"
#include "api/chemistry.h"
#include "api/handles.h"
#include "base/machine.h"
#include "base/str.h"
#include "cpu/peak.h"
#include "dialect/dialect.h"
#include "feat/build.h"
#include "of3_inputs.h"

/* The inputs with the memory that they live in. */
typedef struct inputs_box {
  of3_inputs inputs; /* first, so that a pointer to it is one to the box */
  of3_arena *arena;
  of3_query_set set;
} inputs_box;

typedef struct inspector {
  const of3_engine *engine;
  const of3_inputs_options *options;
  const of3_network *network; /* the model's, or */
  of3_network shapes;         /* one of the published size, without numbers */
  uint64_t weight_bytes;
  double rate; /* flop/s */
  of3_fold_options fold;
  of3_feature_mode mode;
  of3_library library;
  of3_arena *arena;
  of3_input_query *query; /* at hand */
  int room_note;
  bool failed;         /* a note was lost: memory is out */
  of3_account account; /* of the query's files and templates */
} inspector;

void of3_inputs_free(of3_inputs *inputs) {
  inputs_box *box = (inputs_box *)inputs;
  if (!box) return;
  of3_query_set_free(&box->set);
  of3_arena_free(box->arena);
  free(box);
}

/* ---- Notes */

static void add_note(inspector *s, const char *text) {
  of3_input_query *q = s->query;
  const char **list = (const char **)q->note;
  if (q->n_note == s->room_note) {
    const int room = s->room_note ? 2 * s->room_note : 8;
    list = OF3_ARENA_NEW(s->arena, const char *, room);
    if (list && q->n_note) memcpy(list, q->note, (size_t)q->n_note * sizeof *list);
    s->room_note = room;
  }
  const char *kept = list ? of3_arena_strdup(s->arena, text) : NULL;
  s->failed |= !kept;
  if (!kept) return;
  q->note = list;
  list[q->n_note++] = kept;
}

/* Without the query's name, which its notes do not have. */
static void note_sink(void *user, of3_level level, const char *text) {
  inspector *s = user;
  char begin[OF3_MAX_QUERY_NAME + 16];
  snprintf(begin, sizeof begin, "query '%s': ", s->query->name);
  const size_t n = strlen(begin);
  if (level >= OF3_LOG_WARN) add_note(s, text + (strncmp(text, begin, n) == 0 ? n : 0));
}

/* ---- Sizes */

static const char *text_of(const of3_query_chain *c, of3_arena *arena) {
  if (c->sequence) return c->sequence;
  if (c->smiles) return c->smiles;
  if (c->sdf_path) return c->sdf_path;
  of3_str s = {0};
  for (int i = 0; i < c->n_code; i++) of3_str_addf(&s, "%s%s", i ? ", " : "", c->code[i]);
  const char *kept = s.failed ? NULL : of3_arena_strdup(arena, s.text ? s.text : "");
  of3_str_free(&s);
  return kept;
}

/* What the query says; sizes are 0. */
static of3_status describe_query(inspector *s, const of3_query *q, of3_error *err) {
  of3_input_query *out = s->query;
  of3_input_chain *chain = OF3_ARENA_NEW(s->arena, of3_input_chain, q->n_chain);
  if (!chain) return of3_fail_memory(err, "the inputs");
  out->name = q->name;
  out->chain = chain;
  for (int i = 0; i < q->n_note; i++) add_note(s, q->note[i]);
  if (q->error.code != OF3_OK) {
    out->error = q->error.text;
    return OF3_OK;
  }
  out->n_chain = q->n_chain;
  out->n_bond = q->n_bond;
  for (int i = 0; i < q->n_chain; i++) {
    const of3_query_chain *c = &q->chain[i];
    chain[i] = (of3_input_chain){.type = c->type,
                                 .n_id = c->n_id,
                                 .id = c->id,
                                 .text = text_of(c, s->arena),
                                 .n_residue = c->n_residue,
                                 .n_modified = c->n_modified,
                                 .template_file = c->template_hits,
                                 .from_server = of3_aligner_asks(q, c),
                                 .cyclic = c->cyclic};
    if (!chain[i].text) return of3_fail_memory(err, "the inputs");
    out->n_copy += c->n_id;
    out->n_residue += c->n_id * c->n_residue;
  }
  return OF3_OK;
}

/* Rows of the alignment of the chain whose tokens begin at `first`, which the network has behind the query's
 * row. */
static int rows_of(const of3_features *f, int first) {
  for (int i = 0; i < f->n_msa_part; i++)
    if (f->msa_part[i].first == first) return f->msa_part[i].n_row - 1;
  return 0;
}

/* Of the first copy of each molecule; chains of the complex are all copies in order. */
static void measure_chains(const of3_complex *complex, const of3_features *f, of3_input_query *q) {
  of3_input_chain *chain = (of3_input_chain *)q->chain; /* made by describe_query */
  int atom_end = 0, token = 0;
  for (int i = 0, k = 0; i < q->n_chain; k += chain[i++].n_id) {
    for (int copy = 0; copy < chain[i].n_id; copy++) {
      const of3_chain *c = &complex->chain[k + copy];
      const of3_residue *last = &complex->residue[c->first_residue + c->n_residue - 1];
      const int atoms = last->first_atom + last->n_atom - atom_end, first = token;
      while (token < f->n_token && f->start_atom_index[token] < atom_end + atoms) token++;
      atom_end += atoms;
      if (copy) continue;
      chain[i].n_residue = c->n_residue;
      chain[i].n_atom = atoms;
      chain[i].n_token = token - first;
      chain[i].msa_rows = rows_of(f, first);
    }
  }
}

static int filled_slots(const of3_features *f) {
  int n = 0;
  for (int t = 0; t < f->n_templ; t++) {
    bool any = false;
    for (int i = 0; i < f->n_token && !any; i++)
      any = f->template_pseudo_beta_mask &&
            f->template_pseudo_beta_mask[(size_t)t * (size_t)f->n_token + (size_t)i] > 0;
    n += any;
  }
  return n;
}

/* ---- Files and templates */

static of3_status take_files(of3_arena *arena, const of3_chain_account *from, of3_input_chain *to,
                             of3_error *err) {
  static const of3_input_use use[] = {[OF3_FILE_MAIN] = OF3_INPUT_MAIN,
                                      [OF3_FILE_PAIRED] = OF3_INPUT_PAIRED,
                                      [OF3_FILE_HITS] = OF3_INPUT_HITS,
                                      [OF3_FILE_ASIDE] = OF3_INPUT_ASIDE};
  of3_input_file *file = OF3_ARENA_NEW(arena, of3_input_file, from->n_file);
  if (!file) return of3_fail_memory(err, "the inputs");
  to->file = file;
  for (int aside = 0; aside < 2; aside++)
    for (int i = 0; i < from->n_file; i++) {
      const of3_file_account *f = &from->file[i];
      if ((f->use == OF3_FILE_ASIDE) == aside)
        file[to->n_file++] = (of3_input_file){f->path, f->key, use[f->use], f->opt_why, f->n_read, f->n_used};
    }
  return OF3_OK;
}

static of3_status take_templates(of3_arena *arena, const of3_chain_account *from, of3_input_chain *to,
                                 of3_error *err) {
  of3_input_template *t = OF3_ARENA_NEW(arena, of3_input_template, from->n_template);
  if (!t) return of3_fail_memory(err, "the inputs");
  to->template_ = t;
  to->n_template = from->n_template;
  for (int i = 0; i < from->n_template; i++)
    t[i] = (of3_input_template){from->template_[i].name, from->template_[i].slot, from->template_[i].n_pair,
                                from->template_[i].opt_why};
  return OF3_OK;
}

/* What became of what the chains name. */
static of3_status take_accounts(inspector *s, of3_error *err) {
  of3_input_chain *chain = (of3_input_chain *)s->query->chain; /* made by describe_query */
  for (int i = 0; i < s->query->n_chain; i++) {
    const of3_chain_account *from = of3_account_chain(&s->account, chain[i].id[0]);
    if (!from) return of3_fail_memory(err, "the inputs");
    chain[i].same_msa_as = from->opt_same_as;
    chain[i].main_read = from->main_read;
    chain[i].main_equal = from->main_equal;
    chain[i].main_paired = from->main_paired;
    chain[i].main_cut = from->main_cut;
    chain[i].n_main = from->n_main;
    chain[i].n_paired = from->n_paired;
    OF3_TRY(take_files(s->arena, from, &chain[i], err));
    OF3_TRY(take_templates(s->arena, from, &chain[i], err));
  }
  return OF3_OK;
}

/* ---- A query */

static of3_status plan_query(const inspector *s, const of3_features *f, of3_error *err) {
  const of3_engine *e = s->engine;
  of3_input_query *q = s->query;
  const uint64_t held = s->weight_bytes + of3_arena_used(f->arena), may = of3_engine_memory(e, 0);
  const size_t most = !may ? SIZE_MAX : may > held ? (size_t)(may - held) : 0;
  of3_fold_options fold = s->fold;
  of3_plan plan;
  OF3_TRY(of3_plan_within(&e->device, e->threads, s->network, f, most, &fold, &plan, err));
  q->memory = held + plan.step_bytes + plan.result_bytes;
  q->flops = plan.flops_trunk + plan.flops_diffusion + plan.flops_heads;
  q->seconds = s->rate > 0 ? q->flops / s->rate : 0;
  if (!may || q->memory <= may) return OF3_OK;
  char need[OF3_SIZE_TEXT], given[OF3_SIZE_TEXT];
  return of3_fail(err, OF3_ERR_MEMORY, "a fold takes at least %s of memory, and %s may be used",
                  of3_size_text(of3_size_shown(q->memory), need), of3_size_text(may, given));
}

static of3_status build_query(inspector *s, const of3_query *q, uint64_t seed, of3_error *err) {
  const of3_log log = {note_sink, s, OF3_LOG_WARN};
  of3_complex complex = {0};
  of3_features f = {0};
  of3_status status = of3_complex_build(q, &s->library, &log, &complex, err);
  s->account = (of3_account){.arena = s->arena};
  s->mode.opt_account = &s->account;
  s->mode.opt_library = &s->library;
  if (status == OF3_OK) status = of3_features_build(&complex, q, &s->mode, seed, &log, &f, err);
  if (status == OF3_OK) status = take_accounts(s, err);
  if (status == OF3_OK) {
    s->query->n_token = f.n_token;
    s->query->n_atom = f.n_atom;
    s->query->n_residue = complex.n_residue;
    s->query->msa_rows = f.n_msa;
    s->query->template_slots = filled_slots(&f);
    measure_chains(&complex, &f, s->query);
    status = plan_query(s, &f, err);
  }
  of3_features_free(&f);
  of3_complex_free(&complex);
  return status;
}

/* An error of the query becomes its own; only lack of memory and interruption are errors here. */
static of3_status inspect_query(inspector *s, const of3_query *q, uint64_t seed, of3_error *err) {
  of3_error own = {0};
  s->room_note = 0;
  OF3_TRY(describe_query(s, q, err));
  if (s->query->error) return OF3_OK;
  const of3_status status = build_query(s, q, seed, &own);
  if (status == OF3_ERR_CANCELLED && err) *err = own;
  if (status == OF3_ERR_CANCELLED) return status;
  if (status != OF3_OK) s->query->error = of3_arena_strdup(s->arena, own.text);
  return (status != OF3_OK && !s->query->error) || s->failed ? of3_fail_memory(err, "the inputs") : OF3_OK;
}

/* ---- All of them */

static of3_status inspect_all(inspector *s, inputs_box *box, of3_error *err) {
  enum { DEFAULT_SEED = 42 };
  of3_input_query *query = OF3_ARENA_NEW(box->arena, of3_input_query, box->set.n);
  if (!query) return of3_fail_memory(err, "the inputs");
  box->inputs.query = query;
  s->arena = box->arena;
  for (int i = 0; i < box->set.n; i++) {
    s->query = &query[box->inputs.n_query++];
    OF3_TRY(inspect_query(s, &box->set.query[i], box->set.n_seed ? box->set.seed[0] : DEFAULT_SEED, err));
    box->inputs.n_failed += s->query->error != NULL;
  }
  return OF3_OK;
}

/* Bytes of all parameters as f32. */
static uint64_t parameter_bytes(const of3_network *net) {
  uint64_t n = 0;
  for (int i = 0; i < net->parameters.n; i++) n += (uint64_t)of3_parameter_count(&net->parameters.p[i]);
  return n * sizeof(float);
}

/* With the model's network, or one of the published size that has shapes and no numbers. */
static of3_status inspect_with_network(inspector *s, const of3_model *opt_model, inputs_box *box,
                                       of3_error *err) {
  enum { NO_MEMORY = 4096 };
  const of3_config config = of3_config_published();
  of3_ctx cx = {0};
  of3_status status = OF3_OK;
  if (opt_model) {
    s->network = &opt_model->network;
    s->weight_bytes = opt_model->mapped_bytes + of3_arena_used(opt_model->network.arena);
  } else {
    status = of3_ctx_open(&cx, &s->engine->device, s->engine->threads, NO_MEMORY, true, err);
    if (status == OF3_OK) status = of3_network_make_up(&cx, OF3_OB, &config, &s->shapes, err);
    s->network = &s->shapes;
    s->weight_bytes = parameter_bytes(&s->shapes);
  }
  if (status == OF3_OK) {
    of3_feature_mode mode = of3_feature_mode_of(s->network->variant);
    mode.most_memory = of3_usable_memory();
    mode.opt_cancel = s->engine->callbacks.cancel;
    mode.opt_structures = s->options->structures;
    of3_feature_mode_set(&mode, s->options->settings);
    s->mode = mode;
    box->inputs.variant = of3_variant_name(s->network->variant);
    status = inspect_all(s, box, err);
  }
  of3_network_free(&s->shapes);
  of3_ctx_close(&cx);
  return status;
}

static of3_status measure_rate(const of3_engine *e, double *ret_rate, of3_error *err) {
  int n;
  if (e->device.backend->asynchronous) return of3_product_peak(e, &n, ret_rate, err);
  *ret_rate = of3_cpu_peak(e->device.backend->isa, e->device.backend->operand, e->pool, false);
  return *ret_rate > 0 ? OF3_OK : of3_fail_memory(err, "the times of the threads");
}

static of3_status inspect(inspector *s, const of3_model *opt_model, const char *query,
                          const of3_inputs_options *o, inputs_box *box, of3_error *err) {
  of3_chemistry *chemistry = NULL;
  OF3_TRY(of3_query_open(query, of3_reading_memory(s->engine->max_memory), &box->set, err));
  for (int i = 0; i < box->set.n; i++) {
    box->set.query[i].infer_leaving = o->infer_leaving_atoms;
    if (o->no_templates) of3_query_drop_templates(&box->set.query[i]);
  }
  OF3_TRY(measure_rate(s->engine, &s->rate, err));
  OF3_TRY(of3_open_chemistry(o->ccd, o->user_ccd, NULL, &chemistry, err));
  s->library = of3_chemistry_library(chemistry);
  const of3_status status = inspect_with_network(s, opt_model, box, err);
  of3_chemistry_close(chemistry);
  box->inputs.dialect = box->set.dialect ? box->set.dialect : "sequence";
  box->inputs.seed = box->set.seed;
  box->inputs.n_seed = box->set.n_seed;
  box->inputs.free_memory = of3_engine_memory(s->engine, 0);
  return status;
}

of3_status of3_inputs_check(of3_engine *engine, const of3_model *opt_model, const char *query,
                            const of3_inputs_options *opt_options, of3_inputs **ret_inputs, of3_error *err) {
  const of3_predict_options defaults = of3_predict_defaults();
  of3_inputs_options o = opt_options ? *opt_options : (of3_inputs_options){0};
  const of3_sampler *sampler = of3_sampler_named(defaults.sampler);
  inspector s = {.engine = engine, .options = &o};
  s.fold = (of3_fold_options){.n_cycle = (o.recycles ? o.recycles : defaults.recycles) + 1,
                              .n_step = o.steps ? o.steps : sampler->n_step,
                              .n_sample = o.samples ? o.samples : defaults.samples,
                              .opt_sampler = sampler};
  *ret_inputs = NULL;
  inputs_box *box = calloc(1, sizeof *box);
  if (!box) return of3_fail_memory(err, "the inputs");
  box->arena = of3_arena_new(0);
  const of3_status status =
      box->arena ? inspect(&s, opt_model, query, &o, box, err) : of3_fail_memory(err, "the inputs");
  if (status == OF3_OK)
    *ret_inputs = &box->inputs;
  else
    of3_inputs_free(&box->inputs);
  return status;
}
