/* What the handles of of3.h are. */
#ifndef OF3_API_HANDLES_H
#define OF3_API_HANDLES_H

#include "base/clock.h"
#include "base/cancel.h"
#include "base/log.h"
#include "base/sha256.h"
#include "base/threads.h"
#include "io/checkpoint.h"
#include "model/network.h"
#include "tensor/backend.h"

struct of3_engine {
  of3_device device; /* where it computes; closed with the engine */
  int threads;
  uint64_t max_memory; /* 0: what is free */
  of3_callbacks callbacks;
  of3_log log;
  of3_pool *pool; /* the threads; folds side by side have pools of their own instead (api_workers.c) */
};

struct of3_model {
  of3_engine *engine;
  of3_ctx cx; /* holds the weights; a fold opens one of its own with as much memory as it was planned for */
  of3_checkpoint checkpoint;
  of3_network network;
  of3_model_info *info;
  char identity[OF3_SHA256_HEX];
  uint64_t mapped_bytes; /* weights that are used where they lie in the file */
  double seconds_load;
};

/* api_backend.c: opens the device that the options ask for, which the caller closes. The log is told if
 * another backend is taken than the best one. */
OF3_MUST_CHECK of3_status of3_backend_open(const of3_engine_options *o, const of3_log *log,
                                           of3_device *ret_device, of3_error *err);

/* The limit of memory in bytes, for all that this process uses: what the user set (max_memory), else what is
 * free now where the backend computes and the `taken` bytes that this process holds already. 0: unknown. */
uint64_t of3_engine_memory(const of3_engine *e, uint64_t taken);

/* A context for binding weights, which a backend may keep in it. */
OF3_MUST_CHECK of3_status of3_engine_bind(const of3_engine *e, of3_ctx *cx, of3_error *err);

/* api_memory.c: "1.50 GB" or "20.0 MB"; and bytes rounded up to what that shows, so that what is said to be
 * needed suffices. */
enum { OF3_SIZE_TEXT = 16 };
const char *of3_size_text(uint64_t bytes, char out[OF3_SIZE_TEXT]);
uint64_t of3_size_shown(uint64_t bytes);

/* api_memory.c: bytes that reading a query or a checkpoint's table may take where max_memory (0: what is
 * free) is allowed in all. Small ones are always read: then the plan is refused, which can say how much is
 * needed. */
size_t of3_reading_memory(uint64_t max_memory);

/* Whether the caller asks to stop. */
static inline bool of3_is_cancelled(const of3_callbacks *c) { return of3_cancelled(c->cancel); }

/* The sink of the callbacks. */
of3_log of3_log_of(const of3_callbacks *callbacks);

/* api_model.c: all but the network's own part. Text in the arena that the info owns. */
OF3_MUST_CHECK of3_status of3_info_of(const char *path, const of3_checkpoint *c, of3_model_info **ret_info,
                                      of3_error *err);

/* api_config.c */
enum { OF3_N_CONFIG_VALUE = 42 };
void of3_config_values(const of3_config *config, of3_config_value out[OF3_N_CONFIG_VALUE]);

/* api_bench_peak.c: flop/s of a product of n x n matrices on e's backend, and that n. */
OF3_MUST_CHECK of3_status of3_product_peak(const of3_engine *e, int *ret_n, double *ret_rate, of3_error *err);

/* identity.c: what tells two checkpoints apart in a manifest, see there. */
void of3_checkpoint_identity(const of3_checkpoint *c, char out[OF3_SHA256_HEX]);

#endif
