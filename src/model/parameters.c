#include "model/parameters.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "io/checkpoint.h"

int64_t of3_parameter_count(const of3_parameter *p) {
  return p->rank == 1 ? p->shape[0] : p->shape[0] * p->shape[1];
}

static int parameter_by_name(const void *a, const void *b) {
  return strcmp(((const of3_parameter *)a)->name, ((const of3_parameter *)b)->name);
}

void of3_parameters_sort(of3_parameters *all) {
  if (all->n) qsort(all->p, (size_t)all->n, sizeof *all->p, parameter_by_name);
}

const of3_parameter *of3_parameter_find(const of3_parameters *all, const char *name) {
  const of3_parameter key = {.name = name};
  return all->n ? bsearch(&key, all->p, (size_t)all->n, sizeof key, parameter_by_name) : NULL;
}

/* Element [r, first + k] of a parameter lies there in the image of its part. */
static int64_t part_index(const of3_parameter_part *part, int64_t rows, int64_t r, int64_t k) {
  return part->transposed ? (part->at + k) * rows + r : r * part->width + part->at + k;
}

void of3_parameter_scatter(const of3_parameter_part *part, int64_t rows, int64_t columns, const float *values,
                           float *to) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t k = 0; k < part->n; k++)
      to[part_index(part, rows, r, k)] = values[r * columns + part->first + k];
}

static void gather_part(const of3_parameter_part *part, int64_t rows, int64_t columns, const float *from,
                        float *values) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t k = 0; k < part->n; k++)
      values[r * columns + part->first + k] = from[part_index(part, rows, r, k)];
}

int64_t of3_parameter_scratch(const of3_parameters *all) {
  int64_t most = 0;
  for (int i = 0; i < all->n; i++) {
    const of3_parameter *p = &all->p[i];
    if (of3_parameter_count(p) > most) most = of3_parameter_count(p);
    for (int k = 0; k < p->n_part; k++)
      if (of3_count(p->part[k].in) > most) most = of3_count(p->part[k].in);
  }
  return most;
}

/* bf16 numbers at the end of x become floats from its begin on. */
static void widen_in_place(float *x, int64_t n) {
  const char *from = (const char *)x + (size_t)n * sizeof(uint16_t);
  for (int64_t i = 0; i < n; i++) {
    uint16_t h;
    memcpy(&h, from + (size_t)i * sizeof h, sizeof h);
    x[i] = of3_bf16_to_f32(h);
  }
}

void of3_parameter_gather(of3_ctx *cx, const of3_parameter *p, float *scratch, float *values) {
  const int64_t rows = p->shape[0], columns = p->rank == 1 ? 1 : p->shape[1];
  for (int i = 0; i < p->n_part; i++) {
    const of3_parameter_part *part = &p->part[i];
    const int64_t n = of3_count(part->in);
    const bool whole = !part->transposed && part->n == columns && part->width == columns;
    float *image = whole ? values : scratch;
    const bool bf16 = part->in->dtype == OF3_BF16;
    of3_download(cx, part->in, (char *)image + (bf16 ? (size_t)n * sizeof(uint16_t) : 0));
    if (bf16) widen_in_place(image, n);
    if (!whole) gather_part(part, rows, columns, image, values);
  }
}

/* ---- Writing a checkpoint */

typedef struct parameter_writer {
  of3_ctx *cx;
  const of3_parameters *all;
  of3_parameter_visit *opt_visit;
  void *user;
  float *scratch, *values; /* of the largest parameter */
} parameter_writer;

static of3_status put_parameter(void *user, FILE *f, const of3_entry *to, of3_error *err) {
  const parameter_writer *w = user;
  const of3_parameter *p = of3_parameter_find(w->all, to->name);
  if (w->opt_visit) OF3_TRY(w->opt_visit(w->user, p, err));
  of3_parameter_gather(w->cx, p, w->scratch, w->values);
  OF3_TRY(of3_ctx_status(w->cx, err));
  if (to->dtype == OF3_BF16)
    for (int64_t i = 0; i < to->count; i++) {
      const uint16_t h = of3_f32_to_bf16(w->values[i]);
      memcpy((char *)w->values + (size_t)i * sizeof h, &h, sizeof h);
    }
  fwrite(w->values, of3_dtype_size(to->dtype), (size_t)to->count, f);
  return OF3_OK;
}

static of3_entry entry_of(const of3_parameter *p, of3_dtype dtype) {
  return (of3_entry){.name = p->name,
                     .dtype = p->constant ? OF3_F32 : dtype,
                     .rank = p->rank,
                     .shape = {p->shape[0], p->shape[1]},
                     .count = of3_parameter_count(p)};
}

of3_status of3_parameters_write(of3_ctx *cx, const of3_parameters *all, of3_dtype dtype, const char *path,
                                const char *const *meta, int n_meta, of3_parameter_visit *opt_visit,
                                void *user, uint64_t *opt_size, of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  const size_t scratch = (size_t)of3_parameter_scratch(all);
  parameter_writer w = {.cx = cx, .all = all, .opt_visit = opt_visit, .user = user};
  of3_entry *entry = arena ? OF3_ARENA_NEW(arena, of3_entry, all->n) : NULL;
  w.scratch = entry ? OF3_ARENA_NEW(arena, float, scratch) : NULL;
  w.values = w.scratch ? OF3_ARENA_NEW(arena, float, scratch) : NULL;
  of3_status status = w.values ? OF3_OK : of3_fail_memory(err, "the parameters");
  for (int i = 0; status == OF3_OK && i < all->n; i++) entry[i] = entry_of(&all->p[i], dtype);
  if (status == OF3_OK && of3_is_torch_name(path))
    status = of3_torch_stream(path, entry, all->n, put_parameter, &w, opt_size, err);
  else if (status == OF3_OK)
    status = of3_safetensors_stream(path, entry, all->n, meta, n_meta, put_parameter, &w, opt_size, err);
  of3_arena_free(arena);
  return status;
}
