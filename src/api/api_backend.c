/* Which backend computes: by name, or the best one of this machine. */
#include <stdlib.h>
#include <string.h>

#include "api/handles.h"
#include "cpu/cpu.h"
#include "mlx/open.h"

static bool parse_dtype(const char *name, of3_dtype *out) {
  static const of3_dtype types[] = {OF3_F32, OF3_BF16, OF3_F16};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (strcmp(name, of3_dtype_name(types[i])) == 0) {
      *out = types[i];
      return true;
    }
  return false;
}

/* "cpu-avx2" -> "avx2" */
static const char *isa_of(const of3_backend *b) {
  const char *dash = strchr(b->name, '-');
  return dash ? dash + 1 : b->name;
}

static of3_status choose_cpu(const of3_engine_options *o, of3_dtype dtype, of3_engine *e, of3_error *err) {
  if (dtype == OF3_F16)
    return of3_fail(err, OF3_ERR_USAGE,
                    "the backend cpu multiplies f32 or bf16, not f16; use one of these, or --backend mlx");
  OF3_TRY(of3_cpu_backend(o->isa, dtype, &e->backend, err));
  e->name = "cpu";
  e->isa = isa_of(e->backend);
  e->version = of3_version();
  e->device = "cpu";
  return OF3_OK;
}

static of3_status open_mlx(const of3_engine_options *o, of3_dtype dtype, of3_engine *e, of3_error *err) {
  of3_mlx mlx;
  if (strcmp(o->isa, "auto") != 0)
    return of3_fail(err, OF3_ERR_USAGE,
                    "the backend mlx has no instruction sets to choose from; leave out --isa");
  OF3_TRY(of3_mlx_open(dtype, &mlx, err));
  e->backend = mlx.backend;
  e->name = "mlx";
  e->isa = "";
  e->version = mlx.version;
  e->device = mlx.device;
  e->device_memory = mlx.usable_memory;
  e->held = mlx.held;
  return OF3_OK;
}

/* MLX is worth trying unasked where it has a GPU: on Apple Silicon, or where its plugin was named. */
static bool try_mlx(const of3_engine_options *o) {
#if defined(__APPLE__) && defined(__aarch64__)
  const bool apple = true;
#else
  const bool apple = false;
#endif
  const char *named = getenv("OF3_MLX_PLUGIN");
  return strcmp(o->isa, "auto") == 0 && (apple || (named && *named));
}

of3_status of3_engine_choose(const of3_engine_options *o, of3_engine *e, of3_error *err) {
  of3_dtype dtype;
  if (!parse_dtype(o->dtype, &dtype))
    return of3_fail(err, OF3_ERR_UNSUPPORTED,
                    "the element type '%.40s' is not served by this version; available are f32, bf16 and f16",
                    o->dtype);
  if (strcmp(o->backend, "cpu") == 0) return choose_cpu(o, dtype, e, err);
  if (strcmp(o->backend, "mlx") == 0) return open_mlx(o, dtype, e, err);
  if (strcmp(o->backend, "auto") != 0)
    return of3_fail(err, OF3_ERR_UNSUPPORTED,
                    "the backend '%.40s' is not served by this version; available are auto, cpu and mlx",
                    o->backend);
  if (try_mlx(o)) {
    of3_error why = {0};
    if (open_mlx(o, dtype, e, &why) == OF3_OK) return OF3_OK;
    of3_logf(&e->log, OF3_LOG_WARN, "computing on the CPU: %s", why.text);
  }
  return choose_cpu(o, dtype, e, err);
}

of3_status of3_backend_describe(const char *name, of3_backend_info *out, of3_error *err) {
  of3_engine e = {0};
  of3_engine_options o = of3_engine_defaults();
  o.backend = name;
  OF3_TRY(of3_engine_choose(&o, &e, err));
  *out = (of3_backend_info){.name = e.name, .version = e.version, .device = e.device};
  return OF3_OK;
}
