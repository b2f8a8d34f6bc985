/* Plans of training steps: see train_plan.h. Which blocks are chosen is in block_choice.c. */
#include "train/train_plan.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"
#include "tensor/backend.h"
#include "train/block_choice.h"
#include "train/entry_run.h"

/* ---- text of an amount */

enum { AMOUNT_TEXT = 24 };
static const char *amount(size_t bytes, char out[AMOUNT_TEXT]) {
  const bool large = bytes >= 1000000000;
  snprintf(out, AMOUNT_TEXT, large ? "%.2f GB" : "%.1f MB", (double)bytes * (large ? 1e-9 : 1e-6));
  return out;
}

/* ---- what is kept from step to step */

static void plan_parameters(const of3_train_question *q, const of3_trained_weights *w, const of3_ctx *cx,
                            of3_train_plan *p) {
  enum { DESCRIPTION = 850 }; /* bytes of names, shapes and handles of a tensor */
  const of3_parameters *all = &q->net->parameters;
  for (int i = 0; i < all->n; i++) p->parameters += of3_parameter_count(&all->p[i]);
  const size_t each = (size_t)p->parameters * sizeof(float);
  p->values = p->average = each;
  p->moments = 2 * each;
  p->gradients = q->accumulates ? 2 * each : each;
  p->network = of3_weight_copies(w, cx) + (size_t)of3_parameter_scratch(all) * (sizeof(float) + 2) +
               (size_t)all->n * DESCRIPTION;
}

/* ---- an entry */

/* Pairs of atoms that are near in the truth (losses.h), of which a dense protein has no more. */
static size_t near_pairs(int64_t atoms) {
  enum { MOST = 350 };
  const int64_t each = (atoms - 1) / 2 < MOST ? (atoms - 1) / 2 : MOST;
  return (size_t)(atoms * each) * sizeof(of3_near_pair);
}

/* What stays the same while one choice after the other is tried. */
typedef struct planner {
  const of3_train_question *q;
  of3_ctx cx;
  of3_arena *arena;
  of3_trained *tensor;
  of3_trained_weights *weights;
  int n; /* entries, all alike */
  of3_dropout dropout;
  of3_train_entry entry;
  of3_train_draw draw;
  const of3_train_entry **entries;
  const of3_train_draw **draws;
  of3_entry_result *results;
  bool *confidence;
} planner;

static of3_status make_entries(planner *p, of3_error *err) {
  const of3_train_question *q = p->q;
  p->n = q->batch ? q->batch : 1;
  p->entry = (of3_train_entry){.crop = {.f = q->crop}};
  p->draw = (of3_train_draw){.n_cycle = q->n_cycle, .opt_dropout = q->dropout ? &p->dropout : NULL};
  p->entries = OF3_ARENA_NEW(p->arena, const of3_train_entry *, p->n);
  p->draws = OF3_ARENA_NEW(p->arena, const of3_train_draw *, p->n);
  p->results = OF3_ARENA_NEW(p->arena, of3_entry_result, p->n);
  p->confidence = OF3_ARENA_NEW(p->arena, bool, p->n);
  if (!p->entries || !p->draws || !p->results || !p->confidence) return of3_fail_memory(err, "the plan");
  for (int b = 0; b < p->n; b++) {
    p->entries[b] = &p->entry;
    p->draws[b] = &p->draw;
  }
  return OF3_OK;
}

static of3_status open_planner(const of3_train_question *q, planner *p, of3_error *err) {
  const of3_parameters *all = &q->net->parameters;
  *p = (planner){.q = q, .arena = of3_arena_new(0)};
  p->tensor = p->arena ? OF3_ARENA_NEW(p->arena, of3_trained, all->n) : NULL;
  if (!p->tensor) return of3_fail_memory(err, "the plan");
  for (int i = 0; i < all->n; i++)
    p->tensor[i] =
        (of3_trained){.n = of3_parameter_count(&all->p[i]),
                      .trained = of3_is_trained(&all->p[i], q->options->stage, q->options->protocol)};
  OF3_TRY(make_entries(p, err));
  OF3_TRY(of3_ctx_open(&p->cx, q->device, q->threads, (size_t)1 << 62, true, err));
  return of3_trained_weights_new(q->net, p->tensor, p->arena, &p->weights, err);
}

static void close_planner(planner *p) {
  of3_ctx_close(&p->cx);
  of3_arena_free(p->arena);
}

/* Entries with a choice of blocks. */
static of3_status plan_entry(void *user, const of3_block_watch *watch, of3_train_plan *out, of3_error *err) {
  planner *p = user;
  const of3_train_question *q = p->q;
  of3_entry_run e = {.cx = &p->cx,
                     .net = q->net,
                     .options = q->options,
                     .weights = p->weights,
                     .n = p->n,
                     .entry = p->entries,
                     .draw = p->draws,
                     .condition = q->condition,
                     .recomputes = watch->recomputes,
                     .opt_recorded = watch->opt_recorded,
                     .user = watch->user};
  *out = (of3_train_plan){0};
  p->cx.staging = 0;
  OF3_TRY(of3_run_entries(&e, p->results, p->confidence, err));
  OF3_TRY(of3_ctx_status(&p->cx, err));
  plan_parameters(q, p->weights, &p->cx, out);
  out->tensors = p->cx.peak + p->cx.staging;
  out->host = e.host + (size_t)p->n * near_pairs(q->crop->n_atom);
  out->cycles = e.flops[OF3_PART_CYCLES];
  out->rollout = e.flops[OF3_PART_ROLLOUT];
  out->forward = e.flops[OF3_PART_FORWARD];
  out->back = e.flops[OF3_PART_BACK];
  return OF3_OK;
}

of3_status of3_plan_training(const of3_train_question *q, of3_train_plan *out, bool *fits,
                             of3_block_choice *opt_choice, of3_error *err) {
  planner p;
  of3_block_choice choice = {0};
  of3_status status = open_planner(q, &p, err);
  if (status == OF3_OK)
    status =
        of3_choose_blocks(&(of3_block_planner){plan_entry, &p, &p.cx}, q->options->memory, &choice, out, err);
  close_planner(&p);
  const bool enough = status == OF3_OK && of3_train_plan_bytes(out) <= q->options->memory;
  *fits = q->options->memory == 0 || enough;
  if (opt_choice && status == OF3_OK)
    *opt_choice = choice;
  else
    of3_block_choice_free(&choice);
  return status;
}

/* ---- what does not fit */

/* The most copies of the noised truth with which a step fits, below those asked for; 0: none does. */
static of3_status copies_that_fit(const of3_train_question *q, int *ret, of3_error *err) {
  of3_trainer_options fewer = *q->options;
  of3_train_question less = *q;
  of3_train_plan p;
  bool fits = false;
  less.options = &fewer;
  for (fewer.n_copy /= 2; fewer.n_copy && !fits; fewer.n_copy /= fits ? 1 : 2)
    OF3_TRY(of3_plan_training(&less, &p, &fits, NULL, err));
  *ret = fits ? fewer.n_copy : 0;
  return OF3_OK;
}

of3_status of3_plan_training_within(const of3_train_question *q, of3_train_plan *out,
                                    of3_block_choice *opt_choice, of3_error *err) {
  char help[64] = "a smaller crop", needs[AMOUNT_TEXT], allowed[AMOUNT_TEXT];
  bool fits = false;
  int copies = 0;
  OF3_TRY(of3_plan_training(q, out, &fits, opt_choice, err));
  if (fits) return OF3_OK;
  if (opt_choice) of3_block_choice_free(opt_choice);
  OF3_TRY(copies_that_fit(q, &copies, err));
  if (copies) snprintf(help, sizeof help, "%d instead of %d noised copies", copies, q->options->n_copy);
  return of3_fail(
      err, OF3_ERR_MEMORY,
      "a training step of %d tokens, %d atoms and %d rows of the MSA needs %s of memory with every "
      "block done again, and %s are allowed; allow more, or take %s",
      q->crop->n_token, q->crop->n_atom, q->crop->n_msa, amount(of3_train_plan_bytes(out), needs),
      amount(q->options->memory, allowed), help);
}

/* ---- features of a size */

of3_status of3_features_of_size(int tokens, int atoms, int msa_rows, int templates, of3_arena *arena,
                                of3_features *out, of3_error *err) {
  const int64_t slots = (int64_t)templates * tokens;
  *out = (of3_features){.n_token = tokens,
                        .n_atom = atoms,
                        .n_msa = msa_rows,
                        .n_templ = templates,
                        .token_mask = OF3_ARENA_NEW(arena, float, tokens),
                        .atom_mask = OF3_ARENA_NEW(arena, float, atoms),
                        .template_restype = OF3_ARENA_NEW(arena, uint8_t, slots),
                        .template_pseudo_beta_mask = OF3_ARENA_NEW(arena, float, slots),
                        .template_backbone_frame_mask = OF3_ARENA_NEW(arena, float, slots),
                        .template_beta = OF3_ARENA_NEW(arena, float, 3 * slots),
                        .template_frame = OF3_ARENA_NEW(arena, float, 9 * slots),
                        .arena = arena};
  if (!out->token_mask || !out->atom_mask || !out->template_restype || !out->template_pseudo_beta_mask ||
      !out->template_backbone_frame_mask || !out->template_beta || !out->template_frame)
    return of3_fail_memory(err, "features to plan with");
  for (int i = 0; i < tokens; i++) out->token_mask[i] = 1;
  for (int i = 0; i < atoms; i++) out->atom_mask[i] = 1;
  for (int64_t i = 0; i < slots; i++) {
    out->template_restype[i] = (uint8_t)(i / tokens);
    out->template_pseudo_beta_mask[i] = 1;
  }
  return OF3_OK;
}

/* ---- text */

const char *of3_train_plan_text(const of3_train_plan *p, char out[OF3_TRAIN_PLAN_TEXT]) {
  const double all = p->cycles + p->rollout + p->forward + p->back;
  char text[8][AMOUNT_TEXT];
  snprintf(
      out, OF3_TRAIN_PLAN_TEXT,
      "memory: %s (parameters %s, Adam's moments %s, moving average %s, gradients %s, copies of weights "
      "%s, tensors %s, features and losses %s)\n"
      "blocks: %d of %d are kept, the others are done again on the way back\n"
      "work of an entry: %.3f TFLOP (cycles without gradient %.0f%%, rollout %.0f%%, forward %.0f%%, back "
      "%.0f%%, of which blocks done again %.0f%%)\n",
      amount(of3_train_plan_bytes(p), text[0]), amount(p->values, text[1]), amount(p->moments, text[2]),
      amount(p->average, text[3]), amount(p->gradients, text[4]), amount(p->network, text[5]),
      amount(p->tensors, text[6]), amount(p->host, text[7]), p->kept, p->blocks, all * 1e-12,
      100 * p->cycles / all, 100 * p->rollout / all, 100 * p->forward / all, 100 * p->back / all,
      100 * p->again / all);
  return out;
}
