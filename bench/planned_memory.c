/* What a fold is planned to take, beside what the process then held at most: weights, features, tensors,
 * results.
 *
 *   of3_planned_memory TOKENS LIMIT_GB [--run] [--samples N] [--msa-rows N] [--published] [--pair-width N]
 * [--bf16]
 *
 * A made-up chain is folded with a network of random weights that has one block of each stack. Tensors over
 * pairs have the published widths; what is inside the operations on them is narrow unless --published is
 * given, as the work grows with the third power of the tokens. --pair-width gives tensors over pairs another
 * width than the published 128, so that more tokens fit into the machine. --bf16 multiplies in bf16, which
 * changes weights and working memory, not the tensors. Without --run, or if the plan exceeds the limit, it is
 * only planned. Exit status 1: planned and held differ by more than 3 %. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/machine.h"
#include "cpu/cpu.h"
#include "feat/build.h"
#include "feat/msa_rows.h"
#include "model/network.h"

typedef struct options {
  int tokens, samples, msa_rows, pair_width;
  double limit; /* bytes */
  bool run, published;
  of3_dtype operand;
} options;

static void fail(const of3_error *err) {
  fprintf(stderr, "of3_planned_memory: %s\n", err->text);
  exit(2);
}

static of3_config config_of(const options *o) {
  of3_config c = of3_config_published();
  c.blocks_pairformer = c.blocks_msa = c.blocks_templ = c.blocks_token = c.blocks_atom = c.blocks_conf = 1;
  if (o->pair_width) c.c_z = o->pair_width;
  if (o->published) return c;
  c.c_tri = c.c_tri_templ = 16;
  c.d_pair = c.d_templ = 4;
  c.h_pair = c.h_templ = c.h_msa = 1;
  c.n_trans = c.n_trans_templ = c.n_trans_cond = 1;
  c.c_opm = 8;
  return c;
}

static of3_features features_of(const options *o, of3_variant variant) {
  static const char amino[] = "ARNDCQEGHILKMFPSTWYV";
  const of3_feature_mode mode = of3_feature_mode_of(variant);
  of3_query_set set = {0};
  of3_complex complex = {0};
  of3_features f = {0};
  of3_error err = {0};
  char *sequence = malloc((size_t)o->tokens + 1);
  if (!sequence) abort();
  for (int i = 0; i < o->tokens; i++) sequence[i] = amino[(7 * i + 3) % 20];
  sequence[o->tokens] = 0;
  if (of3_query_from_sequence(sequence, "q", &set, &err) != OF3_OK ||
      of3_complex_build(&set.query[0], NULL, NULL, &complex, &err) != OF3_OK ||
      of3_features_build(&complex, &set.query[0], &mode, 1, NULL, &f, &err) != OF3_OK)
    fail(&err);
  of3_complex_free(&complex);
  of3_query_set_free(&set);
  free(sequence);
  return f;
}

/* An alignment of `rows` times the sequence. */
static void repeat_alignment(of3_features *f, int rows) {
  const size_t n = (size_t)f->n_token, all = n * (size_t)rows;
  const of3_msa_cells cells = {.class_ = OF3_ARENA_NEW(f->arena, uint8_t, all)};
  of3_error err = {0};
  if (!cells.class_) abort();
  for (size_t i = 0; i < all; i++) cells.class_[i] = f->restype[i % n];
  if (of3_msa_from_cells(f, rows, &cells, &err) != OF3_OK) fail(&err);
}

/* Bytes that the process has held at most. */
static double held(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
#ifdef __APPLE__
  return (double)u.ru_maxrss;
#else
  return 1024 * (double)u.ru_maxrss;
#endif
}

static void usage(void) {
  fputs("of3_planned_memory TOKENS LIMIT_GB [--run] [--samples N] [--msa-rows N] [--published] [--pair-width "
        "N] "
        "[--bf16]\n",
        stderr);
  exit(2);
}

/* Option `name` with its argument `text`: stores it and returns true if there is such an option. */
static bool read_number(options *o, const char *name, const char *text) {
  int *place = !strcmp(name, "--samples")      ? &o->samples
               : !strcmp(name, "--msa-rows")   ? &o->msa_rows
               : !strcmp(name, "--pair-width") ? &o->pair_width
                                               : NULL;
  if (place) *place = atoi(text);
  return place != NULL;
}

static void read_options(options *o, int argc, char **argv) {
  *o = (options){.samples = 1, .msa_rows = 256};
  if (argc < 3) usage();
  o->tokens = atoi(argv[1]), o->limit = 1e9 * atof(argv[2]);
  for (int i = 3; i < argc; i++) {
    if (!strcmp(argv[i], "--run"))
      o->run = true;
    else if (!strcmp(argv[i], "--published"))
      o->published = true;
    else if (!strcmp(argv[i], "--bf16"))
      o->operand = OF3_BF16;
    else if (i + 1 < argc && read_number(o, argv[i], argv[i + 1]))
      i++;
    else
      usage();
  }
  if (o->tokens < 1 || o->limit <= 0 || o->samples < 1 || o->msa_rows < 1 || o->pair_width < 0) usage();
}

static int run(const of3_device *device, int threads, const options *o, of3_fold_options *fold,
               const of3_features *f, const of3_plan *plan, double planned) {
  enum { ROUNDING = 4096 };
  const uint64_t seed = 1;
  const of3_random_source random = of3_seeded_random(&seed);
  const of3_config config = config_of(o);
  of3_network net;
  of3_prediction p = {0};
  of3_error err = {0};
  of3_ctx cx;
  if (of3_ctx_open(&cx, device, threads, plan->step_bytes + ROUNDING, false, &err) != OF3_OK ||
      of3_network_make_up(&cx, OF3_OB, &config, &net, &err) != OF3_OK)
    fail(&err);
  planned += (double)of3_arena_used(net.arena);
  if (of3_fold(&cx, &net, f, fold, &random, NULL, &p, &err) != OF3_OK) fail(&err);
  const double ratio = held() / planned;
  printf("weights %.2f GB; planned in all %.2f GB, held at most %.2f GB: %.3f of it\n",
         (double)of3_arena_used(net.arena) * 1e-9, planned * 1e-9, held() * 1e-9, ratio);
  of3_prediction_free(&p);
  of3_network_free(&net);
  of3_ctx_close(&cx);
  return ratio < 0.97 || ratio > 1.03;
}

int main(int argc, char **argv) {
  options o;
  of3_device device = {0};
  of3_error err = {0};
  of3_ctx shapes;
  of3_network net;
  of3_plan plan;
  char economy[OF3_ECONOMY_TEXT];
  read_options(&o, argc, argv);
  const of3_config config = config_of(&o);
  const int threads = of3_usable_processors();
  of3_fold_options fold = {.n_cycle = 1, .n_step = 1, .n_sample = o.samples};
  of3_features f = features_of(&o, OF3_OB);
  repeat_alignment(&f, o.msa_rows);
  if (of3_cpu_backend(NULL, o.operand, &device.backend, &err) != OF3_OK ||
      of3_ctx_open(&shapes, &device, threads, 4096, true, &err) != OF3_OK ||
      of3_network_make_up(&shapes, OF3_OB, &config, &net, &err) != OF3_OK ||
      of3_plan_within(&device, threads, &net, &f, (size_t)o.limit, &fold, &plan, &err) != OF3_OK)
    fail(&err);
  const double features = (double)of3_arena_used(f.arena),
               need = (double)(plan.step_bytes + plan.result_bytes);
  printf(
      "%d tokens, %d sample%s, %d rows, %s, pairs %d wide, %s widths inside, limit %.1f GB: tensors %.2f GB, "
      "results %.2f, features %.3f%s%s\n",
      o.tokens, o.samples, o.samples > 1 ? "s" : "", o.msa_rows, of3_dtype_name(o.operand), config.c_z,
      o.published ? "published" : "narrow", o.limit * 1e-9, (double)plan.step_bytes * 1e-9,
      (double)plan.result_bytes * 1e-9, features * 1e-9,
      fold.economy.narrow_blocks || fold.economy.triangle_passes ? "; " : "",
      of3_economy_text(&fold.economy, &config, economy));
  int status = 0;
  if (o.run && need <= o.limit)
    status = run(&device, threads, &o, &fold, &f, &plan, features + need);
  else if (o.run)
    printf("not run: it needs %.1f GB\n", need * 1e-9);
  of3_network_free(&net);
  of3_ctx_close(&shapes);
  of3_features_free(&f);
  return status;
}
