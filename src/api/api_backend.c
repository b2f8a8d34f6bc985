/* Which backend computes, and on which of its devices: by name, or the best one of this machine. */
#include <string.h>

#include "api/handles.h"
#include "cpu/cpu.h"
#include "cuda/open.h"
#include "mlx/open.h"

of3_engine_options of3_engine_defaults(void) {
  return (of3_engine_options){.backend = "auto", .isa = "auto", .dtype = "f32"};
}

static bool parse_dtype(const char *name, of3_dtype *out) {
  static const of3_dtype types[] = {OF3_F32, OF3_BF16, OF3_F16};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (strcmp(name, of3_dtype_name(types[i])) == 0) {
      *out = types[i];
      return true;
    }
  return false;
}

/* ---- The backends */

static of3_status cpu_choice(const of3_engine_options *o, of3_dtype dtype, const of3_backend **out,
                             of3_error *err) {
  if (dtype == OF3_F16)
    return of3_fail(err, OF3_ERR_USAGE,
                    "the backend cpu multiplies f32 or bf16, not f16; use one of these, or --backend mlx");
  return of3_cpu_backend(o->isa, dtype, out, err);
}

static of3_status mlx_choice(const of3_engine_options *o, of3_dtype dtype, const of3_backend **out,
                             of3_error *err) {
  if (strcmp(o->isa, "auto") != 0)
    return of3_fail(err, OF3_ERR_USAGE,
                    "the backend mlx has no instruction sets to choose from; leave out --isa");
  return of3_mlx_backend(dtype, out, err);
}

static of3_status cuda_choice(const of3_engine_options *o, of3_dtype dtype, const of3_backend **out,
                              of3_error *err) {
  if (strcmp(o->isa, "auto") != 0)
    return of3_fail(err, OF3_ERR_USAGE,
                    "the backend cuda has no instruction sets to choose from; leave out --isa");
  return of3_cuda_backend(dtype, out, err);
}

/* MLX is worth trying unasked where it has a GPU: on Apple Silicon, or where its plugin was named. */
static bool mlx_is_default_here(const of3_engine_options *o) {
#if defined(__APPLE__) && defined(__aarch64__)
  const bool apple = true;
#else
  const bool apple = false;
#endif
  return strcmp(o->isa, "auto") == 0 && (apple || of3_plugin_named(&of3_mlx_plugin_kind));
}

/* CUDA is, while it is young, where its plugin was named. */
static bool cuda_is_default_here(const of3_engine_options *o) {
  return strcmp(o->isa, "auto") == 0 && of3_plugin_named(&of3_cuda_plugin_kind);
}

static bool cpu_is_default_here(const of3_engine_options *o) {
  (void)o;
  return true;
}

typedef struct backend_choice {
  const char *name;
  of3_status (*choose)(const of3_engine_options *o, of3_dtype dtype, const of3_backend **out, of3_error *err);
  bool (*is_default_here)(const of3_engine_options *o);
} backend_choice;

/* Best first; the last one is there always. */
static const backend_choice choices[] = {{"mlx", mlx_choice, mlx_is_default_here},
                                         {"cuda", cuda_choice, cuda_is_default_here},
                                         {"cpu", cpu_choice, cpu_is_default_here}};
enum { N_CHOICE = sizeof choices / sizeof *choices };

/* ---- Opening */

static of3_status open_choice(const backend_choice *c, const of3_engine_options *o, of3_dtype dtype,
                              of3_device *ret_device, of3_error *err) {
  const of3_backend *backend = NULL;
  OF3_TRY(c->choose(o, dtype, &backend, err));
  return of3_device_open(ret_device, backend, o->device, err);
}

/* The first that opens of those that are good unasked. What the user asked for and cannot be had is an error.
 */
static of3_status open_best(const of3_engine_options *o, of3_dtype dtype, const of3_log *log,
                            of3_device *ret_device, of3_error *err) {
  for (int i = 0; i < N_CHOICE - 1; i++) {
    of3_error why = {0};
    if (!choices[i].is_default_here(o)) continue;
    const of3_status status = open_choice(&choices[i], o, dtype, ret_device, &why);
    if (status == OF3_OK) return OF3_OK;
    if (status == OF3_ERR_USAGE) return of3_fail(err, status, "%s", why.text);
    of3_logf(log, OF3_LOG_WARN, "computing on the CPU: %s", why.text);
  }
  return open_choice(&choices[N_CHOICE - 1], o, dtype, ret_device, err);
}

of3_status of3_backend_open(const of3_engine_options *o, const of3_log *log, of3_device *ret_device,
                            of3_error *err) {
  of3_dtype dtype;
  *ret_device = (of3_device){0};
  if (!parse_dtype(o->dtype, &dtype))
    return of3_fail(err, OF3_ERR_UNSUPPORTED,
                    "the element type '%.40s' is not served by this version; available are f32, bf16 and f16",
                    o->dtype);
  if (strcmp(o->backend, "auto") == 0) return open_best(o, dtype, log, ret_device, err);
  for (int i = 0; i < N_CHOICE; i++)
    if (strcmp(o->backend, choices[i].name) == 0) return open_choice(&choices[i], o, dtype, ret_device, err);
  return of3_fail(err, OF3_ERR_UNSUPPORTED,
                  "the backend '%.40s' is not served by this version; available are auto, cpu, cuda and mlx",
                  o->backend);
}

of3_status of3_backend_describe(const char *name, int index, of3_backend_info *out, of3_error *err) {
  of3_device d;
  of3_engine_options o = of3_engine_defaults();
  o.backend = name;
  o.device = index;
  OF3_TRY(of3_backend_open(&o, NULL, &d, err));
  *out = (of3_backend_info){.name = d.backend->name,
                            .version = *d.version ? d.version : of3_version(),
                            .device = d.name,
                            .n_device = of3_device_count(d.backend),
                            .memory = d.memory};
  of3_device_close(&d);
  return OF3_OK;
}
