#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/handles.h"

/* ---- Description */

/* The info and all its text in one arena. */
typedef struct info_box {
  of3_model_info info; /* first, so that a pointer to it is one to the box */
  of3_arena *arena;
} info_box;

/* "f32: 2, bf16: 1040" */
static char *types_of(const of3_table *t, of3_arena *arena) {
  char *text = of3_arena_strdup(arena, "");
  for (int type = 0; text && type < OF3_N_DTYPE; type++) {
    int n = 0;
    for (int i = 0; i < t->n; i++) n += t->entry[i].dtype == (of3_dtype)type;
    if (n)
      text =
          of3_arena_printf(arena, "%s%s%s: %d", text, *text ? ", " : "", of3_dtype_name((of3_dtype)type), n);
  }
  return text;
}

static void model_count(const of3_table *t, of3_model_info *out) {
  out->n_tensor = t->n;
  for (int i = 0; i < t->n; i++) {
    const of3_entry *e = &t->entry[i];
    out->n_parameter += strcmp(e->name, "version_tensor") == 0 ? 0 : e->count;
    out->weight_bytes += (uint64_t)e->count * of3_dtype_size(e->dtype);
  }
}

static of3_status model_describe(const char *path, const of3_checkpoint *c, info_box *b, of3_error *err) {
  static const char *const formats[] = {[OF3_FORMAT_SAFETENSORS] = "safetensors",
                                        [OF3_FORMAT_TORCH] = "torch zip",
                                        [OF3_FORMAT_DEEPSPEED] = "DeepSpeed folder"};
  static const char *const titles[] = {[OF3_P1] = "preview 1", [OF3_P2] = "preview 2", [OF3_OB] = "OpenBind"};
  of3_variant variant;
  of3_config config;
  of3_model_info *m = &b->info;
  if (of3_config_find(&c->weights, &variant, &config, err) != OF3_OK) return of3_prefix(err, "'%s'", path);
  of3_config_value *values = OF3_ARENA_NEW(b->arena, of3_config_value, OF3_N_CONFIG_VALUE);
  m->types = types_of(&c->weights, b->arena);
  m->layout = of3_arena_strdup(b->arena, c->layout);
  OF3_TRY(of3_checkpoint_locate(path, b->arena, &m->file, err));
  if (!values || !m->types || !m->layout) return of3_fail_memory(err, "the description of a checkpoint");
  of3_config_values(&config, values);
  model_count(&c->weights, m);
  m->format = formats[c->format];
  m->variant = of3_variant_name(variant);
  m->title = titles[variant];
  m->file_bytes = c->file_bytes;
  m->n_skipped = c->n_skipped;
  m->skipped_bytes = c->skipped_bytes;
  m->n_config = OF3_N_CONFIG_VALUE;
  m->config = values;
  return OF3_OK;
}

of3_status of3_info_of(const char *path, const of3_checkpoint *c, of3_model_info **ret_info, of3_error *err) {
  info_box *b = calloc(1, sizeof *b);
  *ret_info = NULL;
  if (b) b->arena = of3_arena_new(0);
  of3_status status = b && b->arena ? model_describe(path, c, b, err)
                                    : of3_fail_memory(err, "the description of a checkpoint");
  if (status != OF3_OK)
    of3_info_free(b ? &b->info : NULL);
  else
    *ret_info = &b->info;
  return status;
}

void of3_info_free(of3_model_info *info) {
  info_box *b = (info_box *)info;
  if (b) of3_arena_free(b->arena);
  free(b);
}

of3_status of3_info(const char *path, of3_model_info **ret_info, of3_error *err) {
  of3_checkpoint c = {0};
  *ret_info = NULL;
  OF3_TRY(of3_checkpoint_open(path, of3_reading_memory(0), &c, err));
  of3_status status = of3_info_of(path, &c, ret_info, err);
  of3_checkpoint_close(&c);
  return status;
}

/* ---- Models */

/* Weights that the backend uses where they lie: matrices in its type of operands, or in bf16 where it widens
 * them in products; the rest in f32. A backend with memory of its own copies them all. */
static uint64_t bytes_in_place(const of3_table *t, const of3_backend *b) {
  uint64_t n = 0;
  for (int i = 0; i < t->n; i++) {
    const of3_entry *e = &t->entry[i];
    bool used =
        e->rank < 2 ? e->dtype == OF3_F32 : e->dtype == b->operand || (b->widens && e->dtype == OF3_BF16);
    if (!b->host_memory)
      n += (uint64_t)e->count * of3_dtype_size(e->rank < 2 ? OF3_F32 : b->operand);
    else if (used)
      n += (uint64_t)e->count * of3_dtype_size(e->dtype);
  }
  return n;
}

static of3_status open_model(const char *path, of3_model *m, of3_error *err) {
  of3_engine *e = m->engine;
  double begin = of3_seconds();
  OF3_TRY(of3_checkpoint_open(path, of3_reading_memory(e->max_memory), &m->checkpoint, err));
  OF3_TRY(of3_info_of(path, &m->checkpoint, &m->info, err));
  OF3_TRY(of3_engine_bind(e, &m->cx, err));
  if (of3_network_bind(&m->cx, &m->checkpoint.weights, &m->network, err) != OF3_OK)
    return of3_prefix(err, "'%s'", path);
  of3_checkpoint_identity(&m->checkpoint, m->identity);
  m->mapped_bytes = bytes_in_place(&m->checkpoint.weights, e->device.backend);
  m->seconds_load = of3_seconds() - begin;
  return OF3_OK;
}

of3_status of3_model_open(of3_engine *engine, const char *path, of3_model **ret_model, of3_error *err) {
  of3_model *m = calloc(1, sizeof *m);
  *ret_model = NULL;
  if (!m) return of3_fail_memory(err, "the model");
  m->engine = engine;
  of3_status status = open_model(path, m, err);
  if (status != OF3_OK)
    of3_model_close(m);
  else
    *ret_model = m;
  return status;
}

void of3_model_close(of3_model *m) {
  if (!m) return;
  of3_ctx_close(&m->cx); /* before the memory goes that its weights may lie in */
  of3_network_free(&m->network);
  of3_info_free(m->info);
  of3_checkpoint_close(&m->checkpoint);
  free(m);
}

const of3_model_info *of3_model_describe(const of3_model *m) { return m->info; }
