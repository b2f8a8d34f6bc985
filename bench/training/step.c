/* A training step of the network without losses and optimiser: forward with a tape, and the way back through
 * it, blocks done again. Random weights of the published widths, one chain of N amino acids, one cycle, S
 * noised copies; random gradients of the distogram, the confidence logits of one structure, and the denoised
 * copies.
 *
 *   of3_training_step [--tokens N | --features FILE] [--copies S] [--blocks B] [--transformer B] [--threads
 * T] [--times K]
 * [--plain] [--isa NAME]
 *                     [--profile]
 *
 * blocks, transformer: of the pairformer and of the token transformer, if not those of the published network.
 * plain: the way back by the plain C reference. Printed for each time: seconds of forward and way back by the
 * clock, both in processor time, the top of the context's stack, and the most memory of the process; with
 * --profile what the operations of the last time took (its own work is in the times then). */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "cpu/cpu.h"
#include "feat/build.h"
#include "featfile/feature_file.h"
#include "model/run.h"
#include "tensor/by_reference.h"
#include "tensor/gradient.h"
#include "tensor/tape.h"

typedef struct options {
  const char *isa, *features;
  int tokens, copies, blocks, transformer, threads, times;
  bool plain, profile;
} options;

static void check(of3_status status, const of3_error *err) {
  if (status == OF3_OK) return;
  fprintf(stderr, "of3_training_step: %s\n", err->text);
  exit(1);
}

static options parse(int argc, char **argv) {
  options o = {.isa = "auto", .tokens = 64, .copies = 8, .threads = 1, .times = 1};
  for (int i = 1; i < argc; i++) {
    const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";
    if (!strcmp(name, "--plain")) o.plain = true;
    if (!strcmp(name, "--profile")) o.profile = true;
    if (!strcmp(name, "--isa")) o.isa = value;
    if (!strcmp(name, "--features")) o.features = value;
    if (!strcmp(name, "--tokens")) o.tokens = atoi(value);
    if (!strcmp(name, "--copies")) o.copies = atoi(value);
    if (!strcmp(name, "--blocks")) o.blocks = atoi(value);
    if (!strcmp(name, "--transformer")) o.transformer = atoi(value);
    if (!strcmp(name, "--threads")) o.threads = atoi(value);
    if (!strcmp(name, "--times")) o.times = atoi(value);
  }
  if (o.tokens < 1 || o.copies < 1 || o.threads < 1 || o.times < 1) exit(2);
  return o;
}

/* ---- a backend around the CPU's that notes what each operation takes, and may leave the way back to the
 * reference */

static const of3_backend *fast;
static bool plain_back;
static double taken[2][OF3_N_OP]; /* processor seconds, there and back */

static double seconds(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
static double processor_seconds(void) { return seconds(CLOCK_PROCESS_CPUTIME_ID); }

/* NULL: the reference does it. */
static const of3_kernel *kernel_of(const of3_ctx *cx, const of3_call *c, of3_direction direction) {
  return direction == OF3_BACKWARD && plain_back ? NULL : of3_kernel_for(fast, cx, c, direction);
}

static void run_timed(of3_ctx *cx, const of3_call *c, void *work, of3_direction direction) {
  const of3_kernel *k = kernel_of(cx, c, direction);
  const double before = processor_seconds();
  if (k)
    k->run(cx, c, work);
  else
    of3_by_reference(cx, c, direction);
  taken[direction][c->op] += processor_seconds() - before;
}

static size_t workspace_of(const of3_ctx *cx, const of3_call *c, of3_direction direction) {
  const of3_kernel *k = kernel_of(cx, c, direction);
  return k && k->workspace ? k->workspace(cx, c) : 0;
}

static void run_there(of3_ctx *cx, const of3_call *c, void *work) { run_timed(cx, c, work, OF3_FORWARD); }
static void run_back(of3_ctx *cx, const of3_call *c, void *work) { run_timed(cx, c, work, OF3_BACKWARD); }
static size_t workspace_there(const of3_ctx *cx, const of3_call *c) {
  return workspace_of(cx, c, OF3_FORWARD);
}
static size_t workspace_back(const of3_ctx *cx, const of3_call *c) {
  return workspace_of(cx, c, OF3_BACKWARD);
}

static const of3_kernel *timed_kernel(const of3_ctx *cx, of3_op op, of3_direction direction) {
  static const of3_kernel timed[2] = {{.workspace = workspace_there, .run = run_there},
                                      {.workspace = workspace_back, .run = run_back}};
  (void)cx, (void)op;
  return &timed[direction];
}

/* ---- features */

static void make_features(int n, of3_features *out) {
  static const char amino[] = "ARNDCQEGHILKMFPSTWYV";
  const of3_feature_mode mode = of3_feature_mode_of(OF3_OB);
  of3_error err = {0};
  of3_query_set set = {0};
  of3_complex complex = {0};
  char *sequence = calloc((size_t)n + 1, 1);
  if (!sequence) exit(1);
  for (int i = 0; i < n; i++) sequence[i] = amino[(7 * i + 12) % 20];
  check(of3_query_from_sequence(sequence, "bench", &set, &err), &err);
  check(of3_complex_build(&set.query[0], NULL, NULL, &complex, &err), &err);
  check(of3_features_build(&complex, &set.query[0], &mode, 1, NULL, out, &err), &err);
  of3_complex_free(&complex);
  of3_query_set_free(&set);
  free(sequence);
}

/* ---- gradients of weights */

typedef struct weight_table {
  int n;
  const of3_storage **weight;
  of3_tensor **gradient;
} weight_table;

static of3_tensor *find_weight(void *user, const of3_storage *weight) {
  const weight_table *t = user;
  for (int i = 0; i < t->n; i++)
    if (t->weight[i] == weight) return t->gradient[i];
  return NULL;
}

static weight_table new_weight_table(of3_ctx *cx, const of3_parameters *all) {
  const size_t most = (size_t)all->n * OF3_MAX_PARAMETER_PARTS + 1;
  weight_table t = {.weight = calloc(most, sizeof *t.weight), .gradient = calloc(most, sizeof *t.gradient)};
  if (!t.weight || !t.gradient) exit(1);
  for (int i = 0; i < all->n; i++)
    for (int k = 0; k < all->p[i].n_part; k++) {
      const of3_tensor *in = all->p[i].part[k].in;
      if (find_weight(&t, in->storage)) continue;
      t.weight[t.n] = in->storage;
      of3_tensor *g = t.gradient[t.n++] = of3_new_exact(cx, OF3_F32, in->rank, in->shape);
      if (of3_f32(g)) memset(of3_f32(g), 0, (size_t)of3_count(g) * sizeof(float));
    }
  return t;
}

/* ---- a step */

typedef struct step {
  of3_run r;
  of3_tape tape;
  of3_tensor *result[8];
  int n_result;
} step;

static bool recompute_all(void *user, const of3_tape *tape, const of3_tape_block *b) {
  (void)user, (void)tape, (void)b;
  return true;
}

static float *random_floats(int64_t n, uint32_t number, float scale) {
  float *x = malloc((size_t)n * sizeof *x + 1);
  if (!x) exit(1);
  of3_random_normal((of3_stream){.seed = 3, .purpose = OF3_RANDOM_TEST, .step = number}, x, (size_t)n);
  for (int64_t i = 0; i < n; i++) x[i] *= scale;
  return x;
}

static of3_tensor *random_tensor(of3_ctx *cx, int rank, const int64_t *shape, uint32_t number, float scale) {
  int64_t n = 1;
  for (int i = 0; i < rank; i++) n *= shape[i];
  float *x = random_floats(n, number, scale);
  of3_tensor *t = of3_from_host(cx, OF3_F32, rank, shape, x);
  free(x);
  return t;
}

static void forward(step *s, const options *o, const of3_features *f) {
  of3_ctx *cx = s->r.cx;
  double level[64];
  of3_make_inputs(&s->r, 1, &f);
  of3_tape_begin(&s->tape, cx);
  const of3_trunk t = of3_continue_trunk(&s->r, NULL, 0, 1);
  s->result[s->n_result++] = of3_distogram_logits(&s->r, t.z);
  of3_tape_stop(&s->tape, cx);
  of3_tensor *structure = random_tensor(cx, 4, (int64_t[]){1, 1, f->n_atom, 3}, 1, 10);
  of3_tensor *noisy = random_tensor(cx, 4, (int64_t[]){o->copies, 1, f->n_atom, 3}, 2, 10);
  of3_tape_resume(&s->tape, cx);
  const of3_confidence_logits logits = of3_run_confidence_heads(&s->r, &t, structure);
  s->result[s->n_result++] = logits.plddt;
  s->result[s->n_result++] = logits.pde;
  s->result[s->n_result++] = logits.resolved;
  const of3_denoiser_state d = of3_prepare_denoiser(&s->r, &t);
  for (int i = 0; i < o->copies; i++) level[i] = 1 + i;
  const of3_noise_levels levels = of3_upload_levels(&s->r, level, o->copies, 1);
  s->result[s->n_result++] = of3_denoise(&s->r, &d, noisy, &levels);
  of3_tape_stop(&s->tape, cx);
}

static void go_back(step *s, weight_table *weights) {
  of3_ctx *cx = s->r.cx;
  for (int i = 0; i < s->n_result; i++) {
    const of3_tensor *t = s->result[i];
    of3_gradient_of_result(&s->tape, t, random_tensor(cx, t->rank, t->shape, (uint32_t)(10 + i), 0.01f));
  }
  of3_tape_back(&s->tape, cx, (of3_weight_gradients){find_weight, weights});
}

/* ---- time and memory */

static double most_memory(void) { /* MiB */
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
#ifdef __APPLE__
  return (double)u.ru_maxrss / 1048576;
#else
  return (double)u.ru_maxrss / 1024;
#endif
}

static void take_step(of3_ctx *cx, const of3_network *net, const options *o, const of3_features *f) {
  of3_error err = {0};
  const uint64_t seed = 1;
  const of3_random_source random = of3_seeded_random(&seed);
  step s = {.tape = {.recomputes = recompute_all},
            .r = {.cx = cx,
                  .net = net,
                  .c = &net->config,
                  .w = &net->weights,
                  .random = &random,
                  .arena = of3_arena_new(0),
                  .scope = ""}};
  const of3_scope scope = of3_scope_begin(cx);
  weight_table weights = new_weight_table(cx, &net->parameters);
  double wall[3], processor[3];
  wall[0] = seconds(CLOCK_MONOTONIC);
  processor[0] = processor_seconds();
  forward(&s, o, f);
  wall[1] = seconds(CLOCK_MONOTONIC);
  processor[1] = processor_seconds();
  go_back(&s, &weights);
  wall[2] = seconds(CLOCK_MONOTONIC);
  processor[2] = processor_seconds();
  check(of3_ctx_status(cx, &err), &err);
  printf("%10.2f %10.2f %10.2f %10.2f %10.0f %10.0f\n", wall[1] - wall[0], wall[2] - wall[1],
         processor[1] - processor[0], processor[2] - processor[1], (double)cx->peak / 1048576, most_memory());
  fflush(stdout);
  of3_tape_end(&s.tape, cx);
  of3_scope_end(cx, scope);
  of3_arena_free(s.r.arena);
  free(weights.weight);
  free(weights.gradient);
}

/* Operations in the order of what they take. Blocks are done again on the way back, so that there is more
 * than forward. */
static void print_profile(void) {
  bool printed[2][OF3_N_OP] = {{false}};
  for (int line = 0; line < 2 * OF3_N_OP; line++) {
    int most = -1;
    for (int i = 0; i < 2 * OF3_N_OP; i++)
      if (!printed[i / OF3_N_OP][i % OF3_N_OP] &&
          (most < 0 || taken[i / OF3_N_OP][i % OF3_N_OP] > taken[most / OF3_N_OP][most % OF3_N_OP]))
        most = i;
    printed[most / OF3_N_OP][most % OF3_N_OP] = true;
    if (taken[most / OF3_N_OP][most % OF3_N_OP] < 0.005) return;
    printf("%-6s %-24s %8.2f s\n", most < OF3_N_OP ? "there" : "back", of3_op_table()[most % OF3_N_OP].name,
           taken[most / OF3_N_OP][most % OF3_N_OP]);
  }
}

int main(int argc, char **argv) {
  const options o = parse(argc, argv);
  of3_config config = of3_config_published();
  of3_device device;
  of3_backend timed;
  of3_ctx cx;
  of3_network net = {0};
  of3_features f = {0};
  of3_error err = {0};
  check(of3_cpu_backend(o.isa, OF3_F32, &fast, &err), &err);
  plain_back = o.plain;
  timed = *fast;
  timed.kernel = timed_kernel;
  check(of3_device_open(&device, &timed, 0, &err), &err);
  if (o.blocks) config.blocks_pairformer = o.blocks;
  if (o.transformer) config.blocks_token = o.transformer;
  check(of3_ctx_open(&cx, &device, o.threads, (size_t)64 << 30, false, &err), &err);
  check(of3_network_make_up(&cx, OF3_OB, &config, &net, &err), &err);
  if (o.features)
    check(of3_features_read(o.features, &f, &err), &err);
  else
    make_features(o.tokens, &f);
  printf("%s%s, %d tokens, %d atoms, %d rows of the alignment, %d copies, %d threads\n", o.isa,
         o.plain ? ", way back in plain C" : "", f.n_token, f.n_atom, f.n_msa, o.copies, o.threads);
  printf("%10s %10s %10s %10s %10s %10s\n", "forward s", "back s", "forward cpu", "back cpu", "stack MiB",
         "most MiB");
  for (int i = 0; i < o.times; i++) {
    memset(taken, 0, sizeof taken);
    take_step(&cx, &net, &o, &f);
  }
  if (o.profile) print_profile();
  of3_features_free(&f);
  of3_network_free(&net);
  of3_ctx_close(&cx);
  of3_device_close(&device);
  return 0;
}
