/* One block of the network on MLX: random weights of the published widths, random input, what comes out, and
 * how long it takes; for bench/mlx_blocks.py, which does the same in MLX-Python.
 *
 *   of3_mlx_blocks BLOCK TOKENS OUT.safetensors [--dtype f32|bf16|f16] [--rows M] [--seconds S]
 *
 * BLOCK: pairformer, msa, template, token, atom or step (of the denoiser). OUT gets the tensors w.NAME,
 * in.NAME and out.NAME; printed: the fastest milliseconds in S seconds. Masks are 1 but for those of atom
 * windows. */
#define _POSIX_C_SOURCE 200809L
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "feat/build.h"
#include "io/safetensors.h"
#include "mlx/open.h"
#include "model/run.h"

enum { MOST_ENTRIES = 2048, MOST_CHANGED = 2, SAMPLES = 5, TEMPLATES = 4 };

typedef struct options {
  const char *block, *out;
  int tokens, rows;
  double seconds;
  of3_dtype dtype;
} options;

typedef struct bench {
  options o;
  of3_ctx *cx;
  of3_run run;
  const of3_weights *host; /* the same weights in host memory */
  of3_arena *arena;
  int n_entry;
  of3_entry entry[MOST_ENTRIES];
  uint32_t n_random;

  /* what the blocks work on */
  of3_tensor *s, *z, *m, *mask, *a, *q, *x, *y, *bias;
  of3_dit_state *atoms;
  of3_denoiser_state state;
  of3_noise_levels levels;
  of3_region region;
  of3_tensor *changed[MOST_CHANGED];
  const char *changed_name[MOST_CHANGED];
} bench;

static void die(const char *text) {
  fprintf(stderr, "of3_mlx_blocks: %s\n", text);
  exit(1);
}

static void check(of3_status status, const of3_error *err) {
  if (status != OF3_OK) die(err->text);
}

/* ---- The file */

OF3_PRINTF(2, 3) static const char *name_of(const bench *b, const char *fmt, ...) {
  char text[256];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  const char *name = of3_arena_printf(b->arena, "%s", text);
  if (!name) die("out of memory");
  return name;
}

static void put_data(bench *b, const char *name, const of3_tensor *t, of3_dtype dtype, const void *data) {
  if (b->n_entry == MOST_ENTRIES) die("too many tensors");
  of3_entry *e = &b->entry[b->n_entry++];
  *e = (of3_entry){.name = name, .dtype = dtype, .rank = t->rank, .count = of3_count(t), .data = data};
  memcpy(e->shape, t->shape, sizeof e->shape);
}

/* A tensor on MLX as it is now. */
static void put(bench *b, const char *name, const of3_tensor *t) {
  void *copy = of3_arena_alloc(b->arena, (size_t)of3_count(t), of3_dtype_size(t->dtype));
  if (!copy) die("out of memory");
  of3_download(b->cx, t, copy);
  put_data(b, name, t, t->dtype, copy);
}

/* The same of one with an axis of complexes [1,..], without it. */
static void put_single(bench *b, const char *name, const of3_tensor *t) {
  put(b, name, of3_reshape(b->cx, t, t->rank - 1, t->shape + 1));
}

static void put_weight(bench *b, const char *path, const char *leaf, const of3_tensor *t) {
  if (t) put_data(b, name_of(b, "w.%s.%s", path, leaf), t, OF3_F32, of3_host(t));
}

static void put_norm(bench *b, const char *path, of3_norm_w w) {
  put_weight(b, path, "scale", w.scale);
  put_weight(b, path, "offset", w.offset);
}

static void put_linear(bench *b, const char *path, of3_linear_w w) {
  put_weight(b, path, "w", w.w);
  put_weight(b, path, "b", w.b);
}

#define IN(path, leaf) name_of(b, "%s." leaf, path)
/* A member of w under its own name. */
#define NORM(path, w, member)   put_norm(b, IN(path, #member), (w)->member)
#define LINEAR(path, w, member) put_linear(b, IN(path, #member), (w)->member)

static void put_mha(bench *b, const char *p, const of3_mha_w *w) {
  LINEAR(p, w, q), LINEAR(p, w, k), LINEAR(p, w, v), LINEAR(p, w, g), LINEAR(p, w, o);
}

static void put_transition(bench *b, const char *p, const of3_transition_w *w) {
  NORM(p, w, norm), LINEAR(p, w, a), LINEAR(p, w, b), LINEAR(p, w, out);
}

static void put_triangle_mul(bench *b, const char *p, const of3_triangle_mul_w *w) {
  NORM(p, w, norm_in), NORM(p, w, norm_out);
  LINEAR(p, w, a_p), LINEAR(p, w, a_g), LINEAR(p, w, b_p), LINEAR(p, w, b_g), LINEAR(p, w, z),
      LINEAR(p, w, g);
}

static void put_triangle_attention(bench *b, const char *p, const of3_triangle_attention_w *w) {
  NORM(p, w, norm), LINEAR(p, w, z);
  put_mha(b, IN(p, "mha"), &w->mha);
}

static void put_pair_block(bench *b, const char *p, const of3_pair_block_w *w) {
  put_triangle_mul(b, IN(p, "tri_mul_out"), &w->tri_mul_out);
  put_triangle_mul(b, IN(p, "tri_mul_in"), &w->tri_mul_in);
  put_triangle_attention(b, IN(p, "tri_att_start"), &w->tri_att_start);
  put_triangle_attention(b, IN(p, "tri_att_end"), &w->tri_att_end);
  put_transition(b, IN(p, "pair_transition"), &w->pair_transition);
}

static void put_modulation(bench *b, const char *p, const of3_modulation_w *w) {
  if (w->gate.w) NORM(p, w, norm), LINEAR(p, w, gate), LINEAR(p, w, shift);
  if (w->out.w) LINEAR(p, w, out);
}

static void put_dit_block(bench *b, const char *p, const of3_dit_block_w *w) {
  put_modulation(b, IN(p, "query"), &w->query);
  put_modulation(b, IN(p, "key"), &w->key);
  put_modulation(b, IN(p, "transition"), &w->transition);
  put_mha(b, IN(p, "mha"), &w->mha);
  LINEAR(p, w, transition_a), LINEAR(p, w, transition_b), LINEAR(p, w, transition_out);
}

static void put_denoiser(bench *b, const of3_denoiser_w *w) {
  const of3_config *c = b->run.c;
  const of3_conditioning_w *t = &w->conditioning;
  const of3_atom_encoder_w *e = &w->encoder;
  const of3_atom_decoder_w *d = &w->decoder;
  put_weight(b, "conditioning", "fourier_w", t->fourier_w);
  put_weight(b, "conditioning", "fourier_b", t->fourier_b);
  NORM("conditioning", t, norm_n), LINEAR("conditioning", t, n);
  for (int i = 0; i < 2; i++) put_transition(b, name_of(b, "conditioning.%d", i), &t->transition_s[i]);
  LINEAR("encoder", e, noisy_r), LINEAR("encoder", e, q);
  LINEAR("decoder", d, q_in), NORM("decoder", d, norm), LINEAR("decoder", d, q_out);
  NORM("denoiser", w, norm_s), NORM("denoiser", w, norm_a), LINEAR("denoiser", w, s);
  for (int i = 0; i < c->blocks_atom; i++) {
    put_dit_block(b, name_of(b, "encoder.block.%d", i), &e->block[i]);
    put_dit_block(b, name_of(b, "decoder.block.%d", i), &d->block[i]);
  }
  for (int i = 0; i < c->blocks_token; i++) put_dit_block(b, name_of(b, "token.%d", i), &w->block[i]);
}

/* ---- Inputs */

/* Standard normal numbers times scale, also in the file. */
#define INPUT(name, scale, ...)                                                                              \
  input(b, name, scale, (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})
static of3_tensor *input(bench *b, const char *name, float scale, int rank, const int64_t *shape) {
  of3_tensor *t = of3_new(b->cx, OF3_F32, rank, shape);
  const size_t n = (size_t)of3_count(t);
  float *host = OF3_ARENA_NEW(b->arena, float, n);
  if (!host) die("out of memory");
  of3_random_normal((of3_stream){.purpose = OF3_RANDOM_TEST, .step = 1, .sample = b->n_random++}, host, n);
  for (size_t i = 0; i < n; i++) host[i] *= scale;
  of3_upload(b->cx, t, host);
  put_data(b, name_of(b, "in.%s", name), t, OF3_F32, host);
  return t;
}

static void changes(bench *b, int i, const char *name, of3_tensor *t) {
  b->changed[i] = t;
  b->changed_name[i] = name;
}

static void put_windows(bench *b) {
  const of3_inputs *in = &b->run.in;
  put_single(b, "in.low", in->windows.low);
  put(b, "in.atom_token", in->atom_token);
  put(b, "in.token_count", in->token_count);
}

/* ---- Blocks: prepare makes inputs and names what changes, run does the block once */

#define N (b->run.in.n_token)

static void prepare_pairformer(bench *b) {
  const of3_pairformer_block_w *w = &b->host->pairformer[0];
  b->s = INPUT("s", 1, N, b->run.c->c_s);
  b->z = INPUT("z", 1, N, N, b->run.c->c_z);
  changes(b, 0, "s", b->s), changes(b, 1, "z", b->z);
  put_pair_block(b, "pair", &w->pair);
  NORM("attention", &w->attention, norm_a), NORM("attention", &w->attention, norm_z);
  LINEAR("attention", &w->attention, z);
  put_mha(b, "attention.mha", &w->attention.mha);
  put_transition(b, "single_transition", &w->single_transition);
}

static void run_pairformer(bench *b) {
  of3_pairformer(&b->run, b->s, b->z, b->run.in.token_mask, b->run.w->pairformer, 1, "block");
}

static void prepare_msa(bench *b) {
  const of3_msa_block_w *w = &b->host->msa.block[0];
  const float one = 1;
  b->m = INPUT("m", 1, b->o.rows, N, b->run.c->c_m);
  b->z = INPUT("z", 1, N, N, b->run.c->c_z);
  b->mask = OF3_NEW(b->cx, OF3_F32, b->o.rows, N);
  of3_copy(b->cx, b->mask, OF3_FROM_HOST(b->cx, OF3_F32, &one, 1));
  changes(b, 0, "m", b->m), changes(b, 1, "z", b->z);
  NORM("opm", &w->outer_product_mean, norm), LINEAR("opm", &w->outer_product_mean, a);
  LINEAR("opm", &w->outer_product_mean, b), LINEAR("opm", &w->outer_product_mean, out);
  NORM("average", &w->average, norm_m), NORM("average", &w->average, norm_z),
      LINEAR("average", &w->average, z);
  LINEAR("average", &w->average, v), LINEAR("average", &w->average, g), LINEAR("average", &w->average, o);
  put_transition(b, "transition", &w->transition);
  put_pair_block(b, "pair", &w->pair);
}

static void run_msa(bench *b) { of3_msa_block(&b->run, b->m, b->z, b->mask, 0); }

static void prepare_template(bench *b) {
  b->z = INPUT("z", 1, TEMPLATES, N, N, b->run.c->c_t);
  changes(b, 0, "z", b->z);
  put_pair_block(b, "pair", &b->host->templates.block[0]);
}

static void run_template(bench *b) {
  of3_pair_block(&b->run, b->z, &b->run.w->templates.block[0], b->run.net->switches.template_truncated,
                 "block");
}

/* The bias comes from pairs, as in the network. */
static void prepare_token(bench *b) {
  const of3_dit_block_w *w = &b->run.w->denoiser.block[0];
  b->a = INPUT("a", 1, SAMPLES, N, b->run.c->c_token);
  b->s = INPUT("s", 1, 1, N, b->run.c->c_s);
  b->bias = OF3_NEW(b->cx, OF3_F32, b->run.c->h_token, N, N);
  of3_pair_bias(b->cx, b->bias, INPUT("z", 1, N, N, b->run.c->c_z), &w->norm_z, w->z, NULL);
  put(b, "in.bias", b->bias);
  changes(b, 0, "a", b->a);
  put_dit_block(b, "token.0", &b->host->denoiser.block[0]);
}

static void run_token(bench *b) {
  of3_token_block(&b->run, b->a, b->s, b->bias, &b->run.w->denoiser.block[0], 0);
}

static void prepare_atom(bench *b) {
  const of3_dit_block_w *w = b->run.w->denoiser.encoder.block;
  const of3_config *c = b->run.c;
  b->atoms = OF3_ARENA_NEW(b->arena, of3_dit_state, c->blocks_atom);
  if (!b->atoms) die("out of memory");
  b->q = INPUT("q", 1, SAMPLES, b->run.in.n_atom, c->c_atom);
  of3_atom_modulations(&b->run, INPUT("c", 1, b->run.in.n_atom, c->c_atom), w, b->atoms);
  of3_tensor *p =
      INPUT("p", 1, of3_count(b->run.in.windows.low), OF3_WINDOW_QUERIES, OF3_WINDOW_KEYS, c->c_atom_pair);
  of3_atom_biases(&b->run, p, w, b->atoms);
  put_single(b, "in.encoder.0", b->atoms[0].bias);
  put_windows(b);
  changes(b, 0, "q", b->q);
  put_dit_block(b, "encoder.block.0", &b->host->denoiser.encoder.block[0]);
}

static void run_atom(bench *b) {
  of3_atom_transformer(&b->run, b->q, b->run.w->denoiser.encoder.block, b->atoms, "block");
}

/* All of AF3 SI Alg. 20 that depends on coordinates or noise level. */
static void prepare_step(bench *b) {
  const double t = 8; /* Angstrom: half of sigma_data */
  const of3_config *c = b->run.c;
  of3_trunk trunk = {.s_input = INPUT("s_input", 1, N, of3_c_s_input(c)),
                     .s = INPUT("s", 1, N, c->c_s),
                     .z = OF3_RESHAPE(b->cx, INPUT("z", 1, N, N, c->c_z), 1, N, N, c->c_z)};
  b->x = INPUT("x", 16, SAMPLES, b->run.in.n_atom, 3);
  b->y = of3_new_like(b->cx, b->x);
  b->state = of3_prepare_denoiser(&b->run, &trunk);
  b->levels = of3_upload_levels(&b->run, &t, 1, 1);
  put_single(b, "in.t", b->levels.t);
  put_single(b, "in.s_base", b->state.s_base);
  put_single(b, "in.c", b->state.c);
  for (int i = 0; i < c->blocks_atom; i++) {
    put_single(b, name_of(b, "in.encoder.%d", i), b->state.encoder[i].bias);
    put_single(b, name_of(b, "in.decoder.%d", i), b->state.decoder[i].bias);
  }
  for (int i = 0; i < c->blocks_token; i++)
    put_single(b, name_of(b, "in.token.%d", i), b->state.token_bias[i]);
  put_windows(b);
  changes(b, 0, "x", b->y);
  put_denoiser(b, &b->host->denoiser);
}

static void step_body(void *user) {
  bench *b = user;
  const of3_tensor *x = OF3_RESHAPE(b->cx, b->x, SAMPLES, 1, b->run.in.n_atom, 3);
  const of3_tensor *y = of3_denoise(&b->run, &b->state, x, &b->levels);
  of3_copy(b->cx, b->y, of3_reshape(b->cx, y, b->y->rank, b->y->shape));
}

static void run_step(bench *b) {
  of3_region *r = &b->region;
  if (!r->body)
    *r = (of3_region){.body = step_body, .user = b, .in = &b->x, .n_in = 1, .out = &b->y, .n_out = 1};
  of3_region_run(b->cx, r);
}

static const struct block {
  const char *name;
  void (*prepare)(bench *b);
  void (*run)(bench *b);
} blocks[] = {{"pairformer", prepare_pairformer, run_pairformer},
              {"msa", prepare_msa, run_msa},
              {"template", prepare_template, run_template},
              {"token", prepare_token, run_token},
              {"atom", prepare_atom, run_atom},
              {"step", prepare_step, run_step}};
enum { N_BLOCK = sizeof blocks / sizeof *blocks };

/* ---- The run */

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void once(bench *b, const struct block *k) {
  k->run(b);
  of3_wait(b->cx);
}

static double fastest(bench *b, const struct block *k) {
  double best = 1e30, start = now();
  do {
    double begin = now();
    once(b, k);
    if (now() - begin < best) best = now() - begin;
  } while (now() - start < b->o.seconds && b->cx->error.code == OF3_OK);
  return best;
}

static void measure(bench *b, const struct block *k) {
  of3_error err = {0};
  k->prepare(b);
  once(b, k);
  for (int i = 0; i < MOST_CHANGED && b->changed[i]; i++)
    put(b, name_of(b, "out.%s", b->changed_name[i]), b->changed[i]);
  double best = fastest(b, k);
  of3_region_close(b->cx, &b->region);
  check(of3_ctx_status(b->cx, &err), &err);
  check(of3_safetensors_write(b->o.out, b->entry, b->n_entry, NULL, 0, &err), &err);
  printf("%.3f\n", 1e3 * best);
}

/* A chain of alanine has 5 atoms a residue; this one has 7.9, as ubiquitin. */
static void make_features(int n, of3_features *f) {
  static const char unit[] = "MQIFVKTLTGKTITLEVEPSDTIENVKAKIQDKEGIPPDQQRLIFAGKQLEDGRTLSDYNIQKESTLHLVLRLRGG";
  of3_query_set set = {0};
  of3_complex complex = {0};
  of3_error err = {0};
  const of3_feature_mode mode = of3_feature_mode_of(OF3_OB);
  char *sequence = malloc((size_t)n + 1);
  if (!sequence) die("out of memory");
  for (int i = 0; i < n; i++) sequence[i] = unit[i % (int)(sizeof unit - 1)];
  sequence[n] = 0;
  check(of3_query_from_sequence(sequence, "bench", &set, &err), &err);
  check(of3_complex_build(&set.query[0], NULL, NULL, &complex, &err), &err);
  check(of3_features_build(&complex, &set.query[0], &mode, 1, NULL, f, &err), &err);
  of3_complex_free(&complex);
  of3_query_set_free(&set);
  free(sequence);
}

static of3_config config_of(const struct block *k) {
  of3_config c = of3_config_published();
  c.blocks_pairformer = c.blocks_templ = c.blocks_conf = 1;
  c.blocks_msa = 2; /* the last one lacks half of a block */
  if (k->prepare != prepare_step) c.blocks_token = c.blocks_atom = 1;
  return c;
}

static void run(bench *b, const struct block *k) {
  const size_t room = (size_t)16 << 30;
  const of3_config config = config_of(k);
  const of3_backend *backend;
  of3_device mlx;
  of3_error err = {0};
  of3_ctx cx, plain;
  of3_network net, host;
  of3_features features = {0};
  check(of3_mlx_backend(b->o.dtype, &backend, &err), &err);
  check(of3_device_open(&mlx, backend, 0, &err), &err);
  fprintf(stderr, "of3 on MLX %s, %s\n", mlx.version, mlx.name);
  check(of3_ctx_open(&plain, &(of3_device){.backend = &of3_reference_backend}, 1, 4096, false, &err), &err);
  check(of3_network_make_up(&plain, OF3_OB, &config, &host, &err), &err);
  check(of3_ctx_open(&cx, &mlx, 0, room, false, &err), &err);
  check(of3_network_make_up(&cx, OF3_OB, &config, &net, &err), &err);
  make_features(b->o.tokens, &features);
  b->arena = of3_arena_new(0);
  if (!b->arena) die("out of memory");
  b->cx = &cx;
  b->host = &host.weights;
  b->run =
      (of3_run){.cx = &cx, .net = &net, .c = &net.config, .w = &net.weights, .arena = b->arena, .scope = ""};
  of3_make_inputs(&b->run, 1, &(const of3_features *){&features});
  measure(b, k);
  of3_ctx_close(&cx);
  of3_ctx_close(&plain);
  of3_network_free(&net);
  of3_network_free(&host);
  of3_features_free(&features);
  of3_arena_free(b->arena);
}

static of3_dtype dtype_of(const char *name) {
  return !strcmp(name, "bf16") ? OF3_BF16 : !strcmp(name, "f16") ? OF3_F16 : OF3_F32;
}

int main(int argc, char **argv) {
  if (argc < 4) die("BLOCK TOKENS OUT.safetensors [--dtype f32|bf16|f16] [--rows M] [--seconds S]");
  bench *b = calloc(1, sizeof *b);
  if (!b) die("out of memory");
  b->o = (options){.block = argv[1], .tokens = atoi(argv[2]), .out = argv[3], .rows = 128, .seconds = 1};
  for (int i = 4; i + 1 < argc; i += 2) {
    if (!strcmp(argv[i], "--dtype")) b->o.dtype = dtype_of(argv[i + 1]);
    if (!strcmp(argv[i], "--rows")) b->o.rows = atoi(argv[i + 1]);
    if (!strcmp(argv[i], "--seconds")) b->o.seconds = atof(argv[i + 1]);
  }
  if (b->o.tokens < 16 || b->o.rows < 1) die("16 tokens and one row are the least");
  const struct block *k = NULL;
  for (int i = 0; i < N_BLOCK; i++)
    if (!strcmp(blocks[i].name, b->o.block)) k = &blocks[i];
  if (!k) die("the blocks are pairformer, msa, template, token, atom and step");
  run(b, k);
  free(b);
  return 0;
}
