#include <stdlib.h>
#include <string.h>

#include "api/handles.h"
#include "base/machine.h"
#include "cpu/cpu.h"

int of3_instruction_sets(const char **names, int most) { return of3_cpu_isas(names, most); }

of3_log of3_log_of(const of3_callbacks *c) {
  return (of3_log){.sink = c->log, .user = c->user, .least = c->least};
}

static of3_status open_engine(const of3_engine_options *o, of3_engine *e, of3_error *err) {
  if (o->threads < 0)
    return of3_fail(err, OF3_ERR_USAGE, "%d threads were asked for; 0 takes all processors", o->threads);
  e->log = of3_log_of(&e->callbacks);
  OF3_TRY(of3_backend_open(o, &e->log, &e->device, err));
  e->threads = o->threads ? o->threads : of3_usable_processors();
  e->max_memory = o->max_memory;
  e->pool = of3_pool_new(e->threads);
  if (e->pool) return OF3_OK;
  return of3_fail(err, OF3_ERR_MEMORY, "cannot start %d thread%s; ask for fewer with --threads", e->threads,
                  e->threads > 1 ? "s" : "");
}

uint64_t of3_engine_memory(const of3_engine *e, uint64_t taken) {
  if (e->max_memory) return e->max_memory;
  uint64_t usable = of3_usable_memory();
  if (usable) usable += taken;
  return of3_device_usable(&e->device, usable);
}

of3_status of3_engine_bind(const of3_engine *e, of3_ctx *cx, of3_error *err) {
  enum { BINDING = 4096 }; /* binding weights makes no tensors on the stack */
  OF3_TRY(of3_ctx_open_on(cx, &e->device, e->pool, BINDING, false, err));
  cx->opt_cancel = e->callbacks.cancel;
  return OF3_OK;
}

of3_status of3_engine_open(const of3_engine_options *opt_options, const of3_callbacks *opt_callbacks,
                           of3_engine **ret_engine, of3_error *err) {
  of3_engine_options o = opt_options ? *opt_options : of3_engine_defaults();
  *ret_engine = NULL;
  of3_engine *e = calloc(1, sizeof *e);
  if (!e) return of3_fail_memory(err, "the engine");
  if (opt_callbacks) e->callbacks = *opt_callbacks;
  of3_status status = open_engine(&o, e, err);
  if (status != OF3_OK) {
    of3_engine_close(e);
    return status;
  }
  *ret_engine = e;
  return OF3_OK;
}

void of3_engine_close(of3_engine *e) {
  if (!e) return;
  of3_pool_free(e->pool);
  of3_device_close(&e->device);
  free(e);
}

of3_engine_info of3_engine_describe(const of3_engine *e) {
  const of3_backend *b = e->device.backend;
  return (of3_engine_info){.backend = b->name,
                           .isa = b->isa,
                           .device = e->device.name,
                           .device_index = e->device.index,
                           .version = *e->device.version ? e->device.version : of3_version(),
                           .dtype = of3_dtype_name(b->operand),
                           .threads = e->threads,
                           .memory = of3_engine_memory(e, 0)};
}
