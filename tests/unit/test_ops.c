/* Every operation, on the CPU backend with every instruction set that this processor has and on 1 to 3
 * threads, against the plain C reference:
 *   - the largest difference, relative to the largest value of the reference, is within 4 times the measured
 * one;
 *   - the same with weights in bf16, where the reference rounds what it multiplies by them to bf16 as well;
 *   - a batch of three gives each what it gets alone, byte for byte, whether they have arguments in common or
 * not;
 *   - integers are equal; all numbers of threads, and of passes, give the same bytes;
 *   - the plan's peak of memory suffices, and the plan counts the same operations and FLOPs;
 *   - the same bytes while a tape records, which keeps what was there before;
 *   - nobody writes behind the inputs; memory that nobody wrote is NaN;
 *   - a backend with memory of its own and no kernels (own_memory.h) gives the bytes of the reference, and
 * takes as much memory as its plan says (cases of at most 4 MFLOP: copies do not depend on the work).
 *
 * --support lists what the kernels accept and what is left to the reference.
 *
 * --without leaves something out where it says nothing new (tests/arm64.cmake, tests/sanitize.sh,
 * tests/tsan.cmake): batches; tape, what is recorded; own-memory, the backend without kernels; long, cases of
 * more than 4 MFLOP; reference, with which numbers are compared.
 *
 *   test_ops [--list | --measure | --support] [--isa ISA] [--dtype f32|bf16] [--threads MOST]
 *            [--without batches|tape|own-memory|long|reference]... [OPERATION...]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/cpu.h"
#include "ops_batch.h"
#include "own_memory.h"

enum { MAX_ISA = 8 };

typedef struct options {
  bool list, measure, support;
  const char *isa[MAX_ISA];
  int n_isa, most_threads;
  bool type[2]; /* to be tested: f32, weights of bf16 */
  bool batches, tape, own_memory, long_cases, reference;
  int first; /* operation in argv */
} options;

/* Largest error over the cases and instruction sets (x86-64 with gcc 12 and clang 14, arm64 under qemu); 0:
 * exact. */
static const double measured_f32[OF3_N_OP] = {
#include "ops_measured.inc"
};

/* With bf16 weights. Larger, as the reference rounds sums in double to bf16: where those in f32 fall on the
 * other side of a rounding edge, a number differs by 1/256. 0: no weights. */
static const double measured_bf16[OF3_N_OP] = {
#include "ops_measured_bf16.inc"
};

/* Passes of a triangle multiplication: the bytes of one pass, in no more memory. */
static bool check_passes(const ops_case *k, const char *isa, const of3_device *device,
                         const ops_result *one) {
  enum { PASSES = OPS_MAX_PARAM - 1 };
  bool ok = true;
  size_t peak = one->peak;
  for (int passes = 2; ok && k->op == OF3_OP_TRIANGLE_MUL && passes <= 16; passes *= 2) {
    ops_case in_passes = *k;
    ops_result r = {0};
    in_passes.param[PASSES] = passes;
    ok = ops_run(device, 1, &in_passes, false, one->peak + 64, &r);
    if (ok && memcmp(one->value, r.value, one->bytes) != 0)
      ok = ops_complain(k, isa, 1, "other bytes when made in passes");
    if (ok && r.peak > peak) ok = ops_complain(k, isa, 1, "more memory when made in more passes");
    peak = r.peak;
    free(r.value);
  }
  return ok;
}

/* Members of a batch get the same bytes as alone. */
static bool check_batches(const ops_case *k, const of3_device *device, int most_threads) {
  const int threads = most_threads > 1 ? 2 : 1;
  return ops_check_batch(device, threads, k, false, NULL) && ops_check_batch(device, threads, k, true, NULL);
}

static bool check_isa(const ops_case *k, const char *isa, of3_dtype type, const options *o,
                      const ops_result *reference, double *worst) {
  const int most_threads = o->most_threads;
  const of3_backend *backend;
  const double *measured = type == OF3_BF16 ? measured_bf16 : measured_f32;
  of3_error err = {0};
  if (of3_cpu_backend(isa, type, &backend, &err) != OF3_OK) return ops_complain(k, isa, 1, err.text);
  const of3_device device = {.backend = backend};
  ops_result first = {0};
  bool ok = true;
  for (int threads = 1; ok && threads <= most_threads; threads++) {
    ops_result plan = {0}, r = {0};
    ok = ops_run(&device, threads, k, true, SIZE_MAX / 4, &plan) &&
         ops_run(&device, threads, k, false, plan.peak + 64, &r) &&
         ops_check_plan(k, isa, threads, &plan, &r);
    if (ok && threads == 1 && o->reference) ok = ops_compare(k, isa, &r, reference, measured, worst);
    if (ok && threads > 1 && memcmp(first.value, r.value, r.bytes) != 0)
      ok = ops_complain(k, isa, threads, "other bytes than on one thread");
    if (threads == 1)
      first = r;
    else
      free(r.value);
  }
  ok = ok && check_passes(k, isa, &device, &first);
  ok = ok && (!o->tape || ops_check_recorded(&device, most_threads, k, &first));
  ok = ok && (!o->batches || check_batches(k, &device, most_threads));
  free(first.value);
  return ok;
}

static bool has_weights(of3_op op) { return measured_bf16[op] > 0; }

static bool check_own_memory(const ops_case *k, of3_dtype type, const ops_result *reference) {
  static const char name[] = "own-memory";
  ops_result plan = {0}, r = {0};
  of3_device device;
  of3_error err = {0};
  const of3_backend *backend = type == OF3_BF16 ? &own_memory_backend_bf16 : &own_memory_backend;
  if (of3_device_open(&device, backend, 0, &err) != OF3_OK) return ops_complain(k, name, 1, err.text);
  bool ok = ops_run(&device, 1, k, true, SIZE_MAX / 4, &plan) &&
            ops_run(&device, 1, k, false, plan.peak + 64, &r) && ops_check_plan(k, name, 1, &plan, &r);
  if (ok && r.peak != plan.peak) ok = ops_complain(k, name, 1, "takes other memory than its plan says");
  if (ok && r.n_by_reference != r.n_ops)
    ok = ops_complain(k, name, 1, "something was not done by the reference");
  if (ok && (r.bytes != reference->bytes || memcmp(r.value, reference->value, r.bytes) != 0))
    ok = ops_complain(k, name, 1, "other bytes than the reference");
  free(r.value);
  of3_device_close(&device);
  return ok;
}

static bool is_long(const ops_case *k) {
  enum { LONG = 4000000 };
  const of3_device plain = {.backend = &of3_reference_backend};
  ops_result plan = {0};
  return ops_run(&plain, 1, k, true, SIZE_MAX / 4, &plan) && plan.flops > LONG;
}

/* Also gives what the kernels are compared with. */
static bool check_reference(const ops_case *k, of3_dtype type, const options *o, ops_result *reference) {
  ops_result plan;
  const of3_device plain = {.backend =
                                type == OF3_BF16 ? &of3_reference_backend_bf16 : &of3_reference_backend};
  return ops_run(&plain, 1, k, true, SIZE_MAX / 4, &plan) &&
         ops_run(&plain, 1, k, false, plan.peak + 64, reference) &&
         ops_check_plan(k, "reference", 1, &plan, reference) &&
         (!o->batches || check_batches(k, &plain, 1)) &&
         (!o->own_memory || is_long(k) || check_own_memory(k, type, reference));
}

static bool check_case(const ops_case *k, of3_dtype type, const options *o, double *worst) {
  ops_result reference = {0};
  bool ok = !o->reference || check_reference(k, type, o, &reference);
  for (int i = 0; ok && i < o->n_isa; i++) ok = check_isa(k, o->isa[i], type, o, &reference, worst);
  free(reference.value);
  return ok;
}

static bool leave_out(options *o, const char *what) {
  bool *const wanted = !strcmp(what, "batches")      ? &o->batches
                       : !strcmp(what, "tape")       ? &o->tape
                       : !strcmp(what, "own-memory") ? &o->own_memory
                       : !strcmp(what, "long")       ? &o->long_cases
                       : !strcmp(what, "reference")  ? &o->reference
                                                     : NULL;
  if (wanted) *wanted = false;
  return wanted != NULL;
}

static bool read_options(options *o, int argc, char **argv) {
  *o = (options){.most_threads = 3,
                 .type = {true, true},
                 .batches = true,
                 .tape = true,
                 .own_memory = true,
                 .long_cases = true,
                 .reference = true,
                 .first = 1};
  o->n_isa = of3_cpu_isas(o->isa, MAX_ISA);
  for (; o->first < argc && !strncmp(argv[o->first], "--", 2); o->first++) {
    const char *name = argv[o->first];
    bool list = !strcmp(name, "--list"), measure = !strcmp(name, "--measure"),
         support = !strcmp(name, "--support");
    o->list |= list;
    o->measure |= measure;
    o->support |= support;
    if (list || measure || support) continue;
    if (++o->first == argc) return false;
    const char *value = argv[o->first];
    if (!strcmp(name, "--isa")) {
      o->isa[0] = value;
      o->n_isa = 1;
    } else if (!strcmp(name, "--dtype") && !strcmp(value, "f32"))
      o->type[1] = false;
    else if (!strcmp(name, "--dtype") && !strcmp(value, "bf16"))
      o->type[0] = false;
    else if (!strcmp(name, "--threads"))
      o->most_threads = atoi(value);
    else if (strcmp(name, "--without") || !leave_out(o, value))
      return false;
  }
  return o->most_threads > 0;
}

static void print_errors(double worst[2][OF3_N_OP], int argc, char **argv, int first) {
  for (int op = 0; op < OF3_N_OP; op++)
    if (ops_selected(of3_op_table()[op].name, argc, argv, first))
      printf("%-24s %.1e %.1e  (tables: %.1e %.1e)\n", of3_op_table()[op].name, worst[0][op], worst[1][op],
             measured_f32[op], measured_bf16[op]);
}

static int list_support(const options *o, int argc, char **argv) {
  for (int i = 0; i < o->n_isa; i++)
    for (int half = 0; half < 2; half++) {
      of3_error err = {0};
      of3_device d = {0};
      char title[64];
      const of3_dtype type = half ? OF3_BF16 : OF3_F32;
      if (!o->type[half]) continue;
      if (of3_cpu_backend(o->isa[i], type, &d.backend, &err) != OF3_OK) return puts(err.text), 1;
      snprintf(title, sizeof title, "cpu-%s, %s", d.backend->isa, of3_dtype_name(type));
      ops_print_support(&d, title, argc, argv, o->first);
    }
  return 0;
}

int main(int argc, char **argv) {
  options o;
  double worst[2][OF3_N_OP] = {{0}};
  int failed = 0, done = 0;
  if (!read_options(&o, argc, argv)) return puts("test_ops: wrong options"), 2;
  if (o.support) return list_support(&o, argc, argv);
  for (int i = 0; i < ops_n_case(); i++) {
    const ops_case *k = &ops_cases()[i];
    const char *name = of3_op_table()[k->op].name;
    if (!ops_selected(name, argc, argv, o.first)) continue;
    if (!o.long_cases && is_long(k)) continue;
    if (o.list) printf("%d %s\n", i, name);
    for (int half = 0; !o.list && half <= has_weights(k->op); half++) {
      if (!o.type[half]) continue;
      failed += !check_case(k, half ? OF3_BF16 : OF3_F32, &o, &worst[half][k->op]);
      done++;
    }
  }
  if (o.list) return 0;
  if (o.measure) print_errors(worst, argc, argv, o.first);
  printf("%d cases, %d instruction sets, %d failed\n", done, o.n_isa, failed);
  return failed || done == 0;
}
