/* Products of the model's shapes by of3, OpenBLAS and oneDNN, one thread each, processor time.
 *
 *   OPENBLAS_CORETYPE=SkylakeX of3_blas_compare       (0.3.21 takes AVX2 kernels on newer AMD processors)
 *
 * y [rows,n] = x [rows,k] W^T: of3 as the operation LINEAR, with everything that it does besides (packing x,
 * writing y); the libraries as one call of sgemm on the same row-major arrays. */
#define _POSIX_C_SOURCE 200809L
#include <cblas.h>
#include <math.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cpu/cpu.h"
#include "cpu/peak.h"

typedef struct shape {
  const char *where;
  int rows, k, n;
} shape;

static const shape shapes[] = {
    {"denoiser, 76 tokens, q k v g o", 380, 768, 768},
    {"denoiser, 76 tokens, transition", 380, 768, 1536},
    {"denoiser, 76 tokens, transition out", 380, 1536, 768},
    {"denoiser, 256 tokens", 1280, 768, 768},
    {"single, 76 tokens", 76, 384, 384},
    {"single, 76 tokens, transition", 76, 384, 1536},
    {"pairs, 76 tokens", 5776, 128, 128},
    {"pairs, 76 tokens, transition", 5776, 128, 512},
    {"pairs, 256 tokens", 65536, 128, 128},
    {"pairs, 256 tokens, transition", 65536, 128, 512},
    {"pair bias, 256 tokens", 65536, 128, 16},
    {"atoms, 76 tokens", 3005, 128, 128},
    {"MSA, 1024 rows, 76 tokens", 77824, 64, 64},
};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct product {
  const shape *s;
  of3_ctx cx;
  of3_tensor *x, *w, *y; /* y: of the libraries */
} product;

static void by_of3(product *p) {
  of3_scope scope = of3_scope_begin(&p->cx);
  (void)of3_linear(&p->cx, p->x, (of3_linear_w){.w = p->w}, OF3_ACT_NONE);
  of3_scope_end(&p->cx, scope);
}

static void by_openblas(product *p) {
  const shape *s = p->s;
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, s->rows, s->n, s->k, 1, of3_f32(p->x), s->k,
              of3_f32(p->w), s->k, 0, of3_f32(p->y), s->n);
}

static void by_onednn(product *p) {
  const shape *s = p->s;
  if (dnnl_sgemm('N', 'T', s->rows, s->n, s->k, 1, of3_f32(p->x), s->k, of3_f32(p->w), s->k, 0, of3_f32(p->y),
                 s->n) != dnnl_success)
    abort();
}

/* GFLOP/s of the fastest of the calls in 0.3 s. */
static double rate(product *p, void (*multiply)(product *)) {
  double best = INFINITY, spent = 0;
  multiply(p);
  while (spent < 0.3) {
    double from = now();
    multiply(p);
    double took = now() - from;
    if (took < best) best = took;
    spent += took;
  }
  return 2e-9 * p->s->rows * p->s->n * p->s->k / best;
}

/* Largest difference between of3's and the library's product. */
static float difference(product *p, void (*multiply)(product *)) {
  float most = 0;
  of3_scope scope = of3_scope_begin(&p->cx);
  const of3_tensor *y = of3_linear(&p->cx, p->x, (of3_linear_w){.w = p->w}, OF3_ACT_NONE);
  multiply(p);
  for (int64_t i = 0; i < of3_count(y); i++) most = fmaxf(most, fabsf(of3_f32(y)[i] - of3_f32(p->y)[i]));
  of3_scope_end(&p->cx, scope);
  return most;
}

static of3_tensor *filled(of3_ctx *cx, int64_t rows, int64_t columns) {
  of3_tensor *t = OF3_NEW(cx, OF3_F32, rows, columns);
  for (int64_t i = 0; i < of3_count(t); i++) of3_f32(t)[i] = (float)(i * 7919 % 1024) / 512 - 1;
  return t;
}

static bool compare(const shape *s, const of3_backend *backend, double peak) {
  product p = {.s = s};
  of3_error err = {0};
  if (of3_ctx_open(&p.cx, &(of3_device){.backend = backend}, 1, (size_t)4 << 30, false, &err) != OF3_OK) {
    fprintf(stderr, "of3_blas_compare: %s\n", err.text);
    return false;
  }
  p.x = filled(&p.cx, s->rows, s->k);
  p.w = filled(&p.cx, s->n, s->k);
  p.y = filled(&p.cx, s->rows, s->n);
  double a = rate(&p, by_of3), b = rate(&p, by_openblas), c = rate(&p, by_onednn);
  float e = fmaxf(difference(&p, by_openblas), difference(&p, by_onednn));
  printf("| %s | %d x %d -> %d | %.0f (%.0f %%) | %.0f (%.0f %%) | %.0f (%.0f %%) |\n", s->where, s->rows,
         s->k, s->n, a, 1e11 * a / peak, b, 1e11 * b / peak, c, 1e11 * c / peak);
  of3_ctx_close(&p.cx);
  if (e > 1e-3f * (float)s->k) fprintf(stderr, "of3_blas_compare: products differ by %g\n", (double)e);
  return e <= 1e-3f * (float)s->k;
}

int main(void) {
  const of3_backend *backend = NULL;
  of3_error err = {0};
  const char *isa = "plain";
  if (of3_cpu_backend("auto", OF3_F32, &backend, &err) != OF3_OK) return 1;
  isa = backend->isa;
  openblas_set_num_threads(1);
  of3_pool *pool = of3_pool_new(1);
  if (!pool) return 1;
  double peak = of3_cpu_peak(isa, OF3_F32, pool, true);
  of3_pool_free(pool);
  printf("GFLOP/s of one thread, peak %.0f; OpenBLAS %s; oneDNN %d.%d.%d\n", 1e-9 * peak,
         openblas_get_corename(), dnnl_version()->major, dnnl_version()->minor, dnnl_version()->patch);
  printf("| where | shape | of3 | OpenBLAS | oneDNN |\n|---|---|---|---|---|\n");
  bool all = true;
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) all = compare(&shapes[i], backend, peak) && all;
  return !all;
}
