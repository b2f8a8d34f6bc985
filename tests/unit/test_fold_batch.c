/* Different complexes as one batch (of3_fold_batch): each gets what it gets alone, the same bytes on the CPU
 * for every instruction set, in f32 and bf16, in the memory that was planned, in as little as it can do with,
 * and beside one whose numbers are not finite.
 *
 *   test_fold_batch [mlx]      mlx: that backend only, within bounds; exits with 77 where there is none */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cpu/cpu.h"
#include "feat/build.h"
#include "feat/msa_rows.h"
#include "featfile/feature_fields.h"
#include "featfile/feature_file.h"
#include "mlx/open.h"
#include "model/network.h"
#include "tensor/backend.h"

enum { MADE = 4, MEMBERS = MADE + 1, SAMPLES = 2, STEPS = 2, THREADS = 2 };

static const of3_fold_options fold_options = {.n_cycle = 2, .n_step = STEPS, .n_sample = SAMPLES};

/* ---- Four proteins, and a complex of all kinds of molecule */

typedef struct members {
  of3_features f[MEMBERS];
  const of3_features *pointer[MEMBERS];
  uint64_t seed[MEMBERS];
  of3_random_source random[MEMBERS];
} members;

static of3_features features_of(const char *sequence, of3_variant variant, uint64_t seed) {
  of3_query_set set = {0};
  of3_complex complex = {0};
  of3_features f = {0};
  of3_error err = {0};
  const of3_feature_mode mode = of3_feature_mode_of(variant);
  if (of3_query_from_sequence(sequence, "q", &set, &err) != OF3_OK ||
      of3_complex_build(&set.query[0], NULL, NULL, &complex, &err) != OF3_OK ||
      of3_features_build(&complex, &set.query[0], &mode, seed, NULL, &f, &err) != OF3_OK)
    fail_msg("%s", err.text);
  of3_complex_free(&complex);
  of3_query_set_free(&set);
  return f;
}

static void *room(const of3_features *f, size_t n, size_t size) {
  void *p = of3_arena_alloc(f->arena, n, size);
  assert_non_null(p);
  return p;
}

/* An alignment of so many rows; of every `masked_every`-th the second half is masked; 0: none. */
static void set_alignment(of3_features *f, int rows, int masked_every) {
  const size_t n = (size_t)f->n_token, all = n * (size_t)rows;
  of3_error err = {0};
  const of3_msa_cells c = {room(f, all, 1), room(f, all, 1), room(f, all, 1), room(f, all, sizeof(float))};
  for (size_t i = 0; i < all; i++) {
    const size_t row = i / n;
    c.class_[i] = (uint8_t)((f->restype[i % n] + 3 * row) % OF3_N_RESTYPE);
    c.has_deletion[i] = i % 5 == 1;
    c.deletion_value[i] = i % 5 == 1 ? 0.25f : 0;
    c.mask[i] = !(masked_every && row % (size_t)masked_every == 1 && 2 * (i % n) >= n);
  }
  if (of3_msa_from_cells(f, rows, &c, &err) != OF3_OK) fail_msg("%s", err.text);
}

/* A slot: its classes, and which tokens have a pseudo-beta atom and a frame. */
static void set_template_tokens(of3_features *f, size_t t) {
  const size_t n = (size_t)f->n_token;
  for (size_t i = 0; i < n; i++) {
    f->template_restype[t * n + i] = (uint8_t)((i + t) % OF3_N_RESTYPE);
    f->template_pseudo_beta_mask[t * n + i] = (i + t) % 3 != 0;
    f->template_backbone_frame_mask[t * n + i] = (i + t) % 4 != 0;
  }
}

/* The first n slots get atoms of a helix, each of its own width, as features of a query have them. */
static void set_template_atoms(of3_features *f, int n) {
  const size_t tokens = (size_t)f->n_token, all = tokens * (size_t)f->n_templ;
  f->template_beta = room(f, 3 * all, sizeof(float));
  f->template_frame = room(f, 9 * all, sizeof(float));
  for (size_t t = 0; t < (size_t)n; t++) {
    set_template_tokens(f, t);
    for (size_t i = 0; i < tokens; i++)
      for (size_t atom = 0; atom < 4; atom++) {
        float *x = atom ? f->template_frame + 9 * (t * tokens + i) + 3 * (atom - 1)
                        : f->template_beta + 3 * (t * tokens + i);
        const double turn = 1.7 * (double)i + 0.5 * (double)atom,
                     radius = 2.3 + (double)t + 0.3 * (double)atom;
        x[0] = (float)(radius * cos(turn));
        x[1] = (float)(radius * sin(turn));
        x[2] = (float)(1.5 * (double)i + 0.6 * (double)atom);
      }
  }
}

/* The same features with pairs in place of atoms, as a file has them; they use f's arrays. */
static of3_features with_pairs(const of3_features *f) {
  const size_t n = (size_t)f->n_token, rows = n * (size_t)f->n_templ;
  of3_features g = *f;
  float *place = room(f, n * OF3_N_TEMPLATE_PLACE, sizeof *place);
  for (int k = 0; k < OF3_N_FIELD; k++) {
    const of3_field *field = &of3_fields[k];
    if (!of3_field_is_of_places(f, field)) continue;
    const size_t row = n * (field->kind == OF3_FIELD_CLASS ? 1 : 3 * sizeof(float));
    char *to = room(f, rows, row);
    for (size_t r = 0; r < rows; r++) {
      if (r % n == 0) of3_field_template_places(f, (int)(r / n), place);
      of3_field_template_row(f, field, place, (int)(r % n), to + r * row);
    }
    of3_field_set(&g, field, to);
  }
  g.template_beta = g.template_frame = NULL;
  assert_true(g.template_distogram && g.template_unit_vector);
  return g;
}

/* The first n slots get pairs, each its own, as features of a file have them. */
static void set_template_pairs(of3_features *f, int n) {
  const size_t tokens = (size_t)f->n_token, pairs = tokens * tokens, slots = (size_t)f->n_templ;
  f->template_distogram = room(f, slots * pairs, 1);
  f->template_unit_vector = room(f, slots * pairs * 3, sizeof(float));
  memset(f->template_distogram, OF3_NO_CLASS, slots * pairs);
  for (size_t t = 0; t < (size_t)n; t++) {
    set_template_tokens(f, t);
    for (size_t p = 0; p < pairs; p++) {
      f->template_distogram[t * pairs + p] = (uint8_t)((p + 7 * t) % OF3_N_DISTOGRAM);
      for (size_t k = 0; k < 3; k++)
        f->template_unit_vector[(t * pairs + p) * 3 + k] = (float)((p + k + t) % 5) * 0.2f - 0.4f;
    }
  }
}

static void set_bonds(of3_features *f, int n) {
  f->token_bonds = room(f, 2 * (size_t)n, sizeof(int32_t));
  f->n_bond = n;
  for (int i = 0; i < n; i++) f->token_bonds[2 * i] = i, f->token_bonds[2 * i + 1] = i + 2;
}

/* Atoms that are no atoms, as those that pad a ligand: some within, and the last ones. */
static void mask_atoms(of3_features *f) {
  for (int a = 0; a < f->n_atom; a++)
    if (a % 11 == 4 || a >= f->n_atom - 3) f->atom_mask[a] = 0, f->ref_mask[a] = 0;
}

/* The query tests/fixtures/parity/mixed.json as the variant's reference sees it: RNA, DNA, a cyclic chain
 * with a modified residue, a ligand, an ion. */
static of3_features mixed_features(of3_variant variant) {
  static const char *const file[OF3_N_VARIANT] = {
      [OF3_P1] = "tests/fixtures/parity/fixture_p1_mixed.safetensors",
      [OF3_P2] = "tests/fixtures/parity/fixture_p2_mixed.safetensors",
      [OF3_OB] = "tests/fixtures/parity/fixture_ob_mixed.safetensors"};
  of3_features f = {0};
  of3_error err = {0};
  if (of3_features_read(file[variant], &f, &err) != OF3_OK) fail_msg("%s", err.text);
  assert_true(f.n_bond > 0 && (variant != OF3_OB || f.cyclic_mask));
  return f;
}

static members *make_members(of3_variant variant) {
  static const char *const sequence[MADE] = {"MKTAYIAKQRQISFVKSHFSRQL", "ARNDCQEGHILKMFPSTWYVARNDC", "W",
                                             "MQIFVKTLTGKTITLEVEPSDTIENVKAKIQDKE"};
  members *m = calloc(1, sizeof *m);
  assert_non_null(m);
  for (int b = 0; b < MEMBERS; b++) {
    m->seed[b] = 7 + ((uint64_t)b << 33);
    m->f[b] = b < MADE ? features_of(sequence[b], variant, m->seed[b]) : mixed_features(variant);
    m->pointer[b] = &m->f[b];
    m->random[b] = of3_seeded_random(&m->seed[b]);
  }
  set_alignment(&m->f[0], 5, 0);
  set_template_pairs(&m->f[0], 2);
  set_bonds(&m->f[0], 3);
  set_alignment(&m->f[1], 9, 4);
  mask_atoms(&m->f[1]);
  set_bonds(&m->f[1], 7);
  set_alignment(&m->f[3], 3, 2);
  set_template_atoms(&m->f[3], 2);
  return m;
}

static void free_members(members *m) {
  for (int b = 0; b < MEMBERS; b++) of3_features_free(&m->f[b]);
  free(m);
}

/* ---- Folds */

typedef struct setting {
  const of3_device *device;
  const char *checkpoint;
  of3_table weights;
  of3_ctx cx;
  of3_network net;
} setting;

static void open_setting(setting *s, size_t limit) {
  of3_error err = {0};
  if (of3_safetensors_open(s->checkpoint, &s->weights, &err) != OF3_OK ||
      of3_ctx_open(&s->cx, s->device, THREADS, limit, false, &err) != OF3_OK ||
      of3_network_bind(&s->cx, &s->weights, &s->net, &err) != OF3_OK)
    fail_msg("%s", err.text);
}

static void close_setting(setting *s) {
  of3_network_free(&s->net);
  of3_ctx_close(&s->cx);
  of3_table_close(&s->weights);
}

/* Every way to take less. */
static const of3_economy fastest = {0}, thrifty = {.narrow_blocks = 1,
                                                   .triangle_passes = 2,
                                                   .remade_biases = 1,
                                                   .denoiser_samples = 1,
                                                   .confidence_samples = 1};

/* Members first .. first + n - 1, in the memory that is planned for them. */
static void fold(const of3_device *device, const char *checkpoint, const members *m, int first, int n,
                 of3_economy economy, of3_prediction *out) {
  enum { WEIGHTS = 1 << 25 };
  setting s = {.device = device, .checkpoint = checkpoint};
  of3_fold_options o = fold_options;
  o.economy = economy;
  of3_plan plan;
  of3_error err = {0};
  open_setting(&s, WEIGHTS);
  if (of3_plan_batch(device, THREADS, &s.net, n, m->pointer + first, &o, &plan, &err) != OF3_OK)
    fail_msg("%s", err.text);
  close_setting(&s);
  open_setting(&s, plan.step_bytes + 4096);
  if (of3_fold_batch(&s.cx, &s.net, n, m->pointer + first, &o, m->random + first, NULL, out, &err) != OF3_OK)
    fail_msg("%s", err.text);
  assert_int_equal(plan.step_bytes, s.cx.peak);
  assert_true(plan.flops_trunk + plan.flops_diffusion + plan.flops_heads == s.cx.flops);
  close_setting(&s);
}

/* ---- Comparison */

typedef struct part {
  const char *name;
  const float *a, *b;
  size_t n;
} part;

enum { PARTS = 7 };
static void list_parts(const of3_prediction *a, const of3_prediction *b, part out[PARTS]) {
  const size_t s = (size_t)a->n_sample, atoms = (size_t)a->n_atom,
               n2 = (size_t)a->n_token * (size_t)a->n_token;
  const part all[PARTS] = {
      {"x", a->x, b->x, s * atoms * 3},       {"plddt", a->plddt, b->plddt, s * atoms},
      {"pae", a->pae, b->pae, s * n2},        {"pde", a->pde, b->pde, s * n2},
      {"tm", a->tm, b->tm, s * n2},           {"tm_chains", a->tm_chains, b->tm_chains, s * n2},
      {"contact", a->contact, b->contact, n2}};
  assert_true(a->n_sample == b->n_sample && a->n_token == b->n_token && a->n_atom == b->n_atom);
  memcpy(out, all, sizeof all);
}

static uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static void expect_equal(const char *what, int member, const of3_prediction *a, const of3_prediction *b) {
  part parts[PARTS];
  list_parts(a, b, parts);
  for (int i = 0; i < PARTS; i++) {
    const part *p = &parts[i];
    if (!memcmp(p->a, p->b, p->n * sizeof *p->a)) continue;
    size_t k = 0, bytes = 0;
    for (size_t j = 0; j < p->n; j++) {
      const bool differs = bits_of(p->a[j]) != bits_of(p->b[j]);
      if (differs && !bytes) k = j;
      bytes += differs;
    }
    fail_msg(
        "%s, member %d: %zu of %zu numbers of %s differ, the first is %zu: %.9g alone, %.9g in the batch",
        what, member, bytes, p->n, p->name, k, (double)p->a[k], (double)p->b[k]);
  }
}

static void free_all(of3_prediction *p, int n) {
  for (int b = 0; b < n; b++) of3_prediction_free(&p[b]);
}

/* ---- On the CPU */

static const struct {
  const char *checkpoint;
  of3_variant variant;
} generation[] = {{"tests/fixtures/parity/checkpoint_p1.safetensors", OF3_P1},
                  {"tests/fixtures/parity/checkpoint_p2.safetensors", OF3_P2},
                  {"tests/fixtures/parity/checkpoint_ob.safetensors", OF3_OB}};
enum { N_GENERATION = sizeof generation / sizeof *generation };

static void expect_members_equal(const of3_device *device, int g) {
  members *m = make_members(generation[g].variant);
  of3_prediction alone[MEMBERS], batch[MEMBERS];
  const char *checkpoint = generation[g].checkpoint;
  for (int b = 0; b < MEMBERS; b++) fold(device, checkpoint, m, b, 1, fastest, &alone[b]);
  fold(device, checkpoint, m, 0, MEMBERS, fastest, batch);
  for (int b = 0; b < MEMBERS; b++) expect_equal(device->name, b, &alone[b], &batch[b]);
  free_all(batch, MEMBERS);
  if (generation[g].variant == OF3_OB) {
    fold(device, checkpoint, m, 0, MEMBERS, thrifty, batch);
    for (int b = 0; b < MEMBERS; b++) expect_equal("in little memory", b, &alone[b], &batch[b]);
    free_all(batch, MEMBERS);
  }
  free_all(alone, MEMBERS);
  free_members(m);
}

static void equal_to_alone(void **state) {
  static const char *const isa[] = {"plain", "avx2", "avx512", "avx512bf16", "amx", "neon", "neonbf16"};
  static const of3_dtype operand[] = {OF3_F32, OF3_BF16};
  int n = 0;
  (void)state;
  for (size_t i = 0; i < sizeof isa / sizeof *isa; i++)
    for (int k = 0; k < 2; k++) {
      of3_device device = {0};
      of3_error err = {0};
      if (of3_cpu_backend(isa[i], operand[k], &device.backend, &err) != OF3_OK) continue;
      char name[32];
      snprintf(name, sizeof name, "%s %s", isa[i], of3_dtype_name(operand[k]));
      device.name = name;
      print_message("%s\n", name);
      for (int g = 0; g < N_GENERATION; g++)
        if (operand[k] == OF3_F32 || generation[g].variant == OF3_OB) expect_members_equal(&device, g), n++;
    }
  assert_true(n > N_GENERATION); /* plain C is everywhere */
}

/* Where one member's numbers are no numbers the others do not notice. */
static void others_do_not_notice(void **state) {
  of3_device device = {0};
  of3_error err = {0};
  of3_prediction good[MEMBERS], bad[MEMBERS];
  (void)state;
  if (of3_cpu_backend(NULL, OF3_F32, &device.backend, &err) != OF3_OK) fail_msg("%s", err.text);
  members *m = make_members(OF3_OB);
  fold(&device, generation[2].checkpoint, m, 0, MEMBERS, fastest, good);
  m->f[1].ref_pos[0] = NAN;
  fold(&device, generation[2].checkpoint, m, 0, MEMBERS, fastest, bad);
  assert_true(isnan(bad[1].x[0]) && !isnan(good[1].x[0]));
  for (int b = 0; b < MEMBERS; b++)
    if (b != 1) expect_equal("beside one that is not finite", b, &good[b], &bad[b]);
  free_all(good, MEMBERS);
  free_all(bad, MEMBERS);
  free_members(m);
}

/* Templates from atoms, whose pairs are made in the network, and from a file that has the pairs. */
static void atoms_or_pairs(void **state) {
  of3_device device = {0};
  of3_error err = {0};
  (void)state;
  if (of3_cpu_backend(NULL, OF3_F32, &device.backend, &err) != OF3_OK) fail_msg("%s", err.text);
  for (int g = 0; g < N_GENERATION; g++) {
    members *m = make_members(generation[g].variant);
    of3_prediction of_atoms, of_pairs, without;
    fold(&device, generation[g].checkpoint, m, 3, 1, fastest, &of_atoms);
    const of3_features pairs = with_pairs(&m->f[3]);
    m->pointer[3] = &pairs;
    fold(&device, generation[g].checkpoint, m, 3, 1, fastest, &of_pairs);
    expect_equal("with pairs", 3, &of_atoms, &of_pairs);
    memset(pairs.template_distogram, OF3_NO_CLASS, (size_t)(pairs.n_templ * pairs.n_token * pairs.n_token));
    fold(&device, generation[g].checkpoint, m, 3, 1, fastest, &without);
    assert_true(memcmp(of_pairs.pae, without.pae, sizeof *without.pae) != 0);
    of3_prediction_free(&of_atoms);
    of3_prediction_free(&of_pairs);
    of3_prediction_free(&without);
    free_members(m);
  }
}

/* ---- MLX, on its CPU */

/* The largest deviation over the largest value, over members, of each part; measured, and four times that is
 * the bound. */
static const double measured_mlx[PARTS] = {1.74e-7, 4.21e-7, 5.61e-7, 7.00e-7, 1.12e-6, 1.12e-6, 3.47e-6};

static void expect_near(const of3_prediction *a, const of3_prediction *b, double worst[PARTS]) {
  part parts[PARTS];
  list_parts(a, b, parts);
  for (int i = 0; i < PARTS; i++) {
    double largest = 0, deviation = 0;
    for (size_t k = 0; k < parts[i].n; k++) {
      const double x = (double)parts[i].a[k], y = (double)parts[i].b[k];
      assert_true(isfinite(y));
      largest = fmax(largest, fabs(x));
      deviation = fmax(deviation, fabs(x - y));
    }
    worst[i] = fmax(worst[i], deviation / fmax(largest, 1e-30));
  }
}

static void near_alone_on_mlx(void **state) {
  const of3_device *device = *state;
  double worst[PARTS] = {0};
  for (int g = 0; g < N_GENERATION; g++) {
    members *m = make_members(generation[g].variant);
    of3_prediction alone[MEMBERS], batch[MEMBERS];
    for (int b = 0; b < MEMBERS; b++) fold(device, generation[g].checkpoint, m, b, 1, fastest, &alone[b]);
    fold(device, generation[g].checkpoint, m, 0, MEMBERS, fastest, batch);
    for (int b = 0; b < MEMBERS; b++) expect_near(&alone[b], &batch[b], worst);
    free_all(alone, MEMBERS);
    free_all(batch, MEMBERS);
    free_members(m);
  }
  bool good = true;
  static const char *const name[PARTS] = {"x", "plddt", "pae", "pde", "tm", "tm_chains", "contact"};
  for (int i = 0; i < PARTS; i++) {
    print_message("%s: %.2e, bound %.2e\n", name[i], worst[i], 4 * measured_mlx[i]);
    good &= worst[i] <= 4 * measured_mlx[i];
  }
  assert_true(good);
}

static int test_mlx(void) {
  of3_error err = {0};
  of3_device device;
  const of3_backend *backend = NULL;
  if (of3_mlx_backend(OF3_F32, &backend, &err) != OF3_OK ||
      of3_device_open(&device, backend, 0, &err) != OF3_OK) {
    print_message("skipped: %s\n", err.text);
    return 77;
  }
  const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(near_alone_on_mlx, &device)};
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  of3_device_close(&device);
  return failed;
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(equal_to_alone), cmocka_unit_test(others_do_not_notice),
                                     cmocka_unit_test(atoms_or_pairs)};
  if (argc > 1 && !strcmp(argv[1], "mlx")) return test_mlx();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
