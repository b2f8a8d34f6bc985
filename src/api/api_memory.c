/* The memory that an item needs, and the budget that lets items on their way hold no more than there is. */
#include <inttypes.h>

#include "api/job.h"
#include "base/machine.h"
#include "base/number.h"

const char *of3_size_text(uint64_t bytes, char out[OF3_SIZE_TEXT]) {
  bool giga = bytes >= 1000000000;
  of3_format(out, OF3_SIZE_TEXT, giga ? "%.2f GB" : "%.1f MB", (double)bytes / (giga ? 1e9 : 1e6));
  return out;
}

uint64_t of3_size_shown(uint64_t bytes) {
  const uint64_t unit = bytes >= 1000000000 ? 10000000 : 100000;
  return (bytes + unit - 1) / unit * unit;
}

static uint64_t weight_bytes(const of3_model *m) {
  return m->mapped_bytes + of3_arena_used(m->network.arena);
}

static bool fits(const of3_need *n) { return !n->available || n->total <= n->available; }

/* What may be used in all while `taken` bytes of it have been taken already; 0: unknown. */
static uint64_t available_beside(const of3_model *m, uint64_t taken) {
  return of3_engine_memory(m->engine, of3_arena_used(m->network.arena) + taken);
}

/* Of the features of all that the worker has taken; those of seeds of one query, which follow each other, are
 * shared. */
static uint64_t features_bytes(const of3_batch *b) {
  uint64_t bytes = 0;
  for (int i = 0; i < b->n_taken; i++) {
    const of3_item_run *t = &b->item[i];
    bytes += of3_arena_used(t->arena);
    if (i == 0 || t->prepared != t[-1].prepared) bytes += of3_features_bytes(&t->prepared->features);
  }
  return bytes;
}

/* What a batch needs before its tensors and results are known. Free memory is sampled only while nobody holds
 * any: pages that are reserved but not touched yet still count as free, so that a later sample would be too
 * high. */
static of3_need memory_held(const of3_batch *b) {
  const of3_model *m = b->worker->job->model;
  of3_memory_budget *g = &b->worker->job->budget;
  of3_need n = {.weights = weight_bytes(m),
                .rest = features_bytes(b) + of3_kept_msa_bytes(b->worker->job->kept)};
  pthread_mutex_lock(&g->lock);
  if (g->n_held == 0) g->free = available_beside(m, n.rest);
  n.available = g->free;
  pthread_mutex_unlock(&g->lock);
  return n;
}

static of3_status plan_of_batch(of3_batch *b, size_t most, of3_error *err) {
  const of3_model *m = b->worker->job->model;
  const int threads = of3_pool_size(b->worker->pool);
  const of3_features *f[OF3_MOST_BATCH] = {NULL};
  for (int i = 0; i < b->n; i++) f[i] = &b->item[i].features;
  if (b->n > 1)
    return of3_plan_batch(&m->engine->device, threads, &m->network, b->n, f, &b->fold, &b->plan, err);
  return of3_plan_within(&m->engine->device, threads, &m->network, f[0], most, &b->fold, &b->plan, err);
}

of3_status of3_batch_plan(of3_batch *b, bool *ret_fits, of3_error *err) {
  of3_need *n = &b->need;
  *n = memory_held(b);
  const uint64_t held = n->weights + n->rest;
  const size_t most = !n->available ? SIZE_MAX : n->available > held ? n->available - held : 0;
  OF3_TRY(plan_of_batch(b, most, err));
  n->tensors = b->plan.step_bytes;
  n->rest += b->plan.result_bytes;
  n->total = n->weights + n->tensors + n->rest;
  *ret_fits = !n->available || n->tensors + b->plan.result_bytes <= most / (size_t)b->worker->n_worker;
  return OF3_OK;
}

/* ---- What is said */

/* The sizes of a need as text. */
typedef struct need_text {
  char weights[OF3_SIZE_TEXT], tensors[OF3_SIZE_TEXT], rest[OF3_SIZE_TEXT], total[OF3_SIZE_TEXT],
      available[OF3_SIZE_TEXT];
} need_text;

static need_text memory_text_of(const of3_need *n) {
  need_text t = {.weights = ""};
  of3_size_text(n->weights, t.weights);
  of3_size_text(n->tensors, t.tensors);
  of3_size_text(n->rest, t.rest);
  of3_size_text(of3_size_shown(n->total), t.total);
  of3_size_text(n->available, t.available);
  return t;
}

/* "q", or of several "q and 3 more". */
enum { BATCH_NAME = 160 };
static const char *batch_name(const of3_batch *b, char out[BATCH_NAME]) {
  const char *first = b->item[0].query->name;
  if (b->n == 1) return first;
  snprintf(out, BATCH_NAME, "%.120s and %d more", first, b->n - 1);
  return out;
}

static void announce_sizes(const of3_batch *b) {
  for (int i = 0; i < b->n; i++) {
    const of3_item_run *t = &b->item[i];
    const of3_features *f = &t->features;
    if (t->prepared->announced || (i > 0 && t->prepared == t[-1].prepared)) continue;
    of3_logf(&b->worker->log, OF3_LOG_INFO, "%s: %d chain%s, %d tokens, %d atoms, %d MSA rows",
             t->query->name, t->prepared->complex.n_chain, t->prepared->complex.n_chain > 1 ? "s" : "",
             f->n_token, f->n_atom, f->n_msa);
  }
}

void of3_batch_announce(const of3_batch *b) {
  const of3_log *log = &b->worker->log;
  const of3_job *j = b->worker->job;
  const of3_plan *plan = &b->plan;
  char economy[OF3_ECONOMY_TEXT], several[BATCH_NAME];
  const char *name = batch_name(b, several);
  const of3_need *n = &b->need;
  need_text t = memory_text_of(n);
  double work = plan->flops_trunk + plan->flops_diffusion + plan->flops_heads;
  double percent = 100 / (work > 0 ? work : 1);
  announce_sizes(b);
  if (b->n > 1) of3_logf(log, OF3_LOG_INFO, "%s: %d folds as one batch", name, b->n);
  of3_logf(log, OF3_LOG_INFO,
           "%s: needs %s of memory (weights %s, tensors %s, features and results %s); %s %s", name, t.total,
           t.weights, t.tensors, t.rest, n->available ? t.available : "an unknown amount",
           j->model->engine->max_memory ? "are allowed" : "are free");
  if (fits(n) && of3_economy_text(&b->fold.economy, &j->model->network.config, economy)[0])
    of3_logf(log, OF3_LOG_INFO, "%s: takes longer to need less: %s", name, economy);
  of3_logf(log, OF3_LOG_INFO,
           "%s: needs %.3g TFLOP of work for each seed (trunk %.0f%%, diffusion %.0f%%, heads %.0f%%)", name,
           work / b->n * 1e-12, plan->flops_trunk * percent, plan->flops_diffusion * percent,
           plan->flops_heads * percent);
  of3_logf(
      log, OF3_LOG_DEBUG,
      "%s: plan of %d passes, %d steps, %d samples: %zu bytes of tensors, %zu of results, %zu of features",
      name, b->fold.n_cycle, b->fold.n_step, b->fold.n_sample, plan->step_bytes, plan->result_bytes,
      of3_arena_used(b->item[0].features.arena));
}

/* Of one item: several are never refused, but fewer at a time. */
static of3_status memory_refuse(const of3_batch *b, of3_error *err) {
  need_text t = memory_text_of(&b->need);
  const int tokens = b->item[0].features.n_token, samples = b->fold.n_sample;
  return of3_fail(
      err, OF3_ERR_MEMORY,
      "%d token%s and %d sample%s need at least %s of memory (weights %s, tensors %s, features and "
      "results %s), but "
      "%s are %s; use fewer samples, a smaller query or more memory",
      tokens, tokens > 1 ? "s" : "", samples, samples > 1 ? "s" : "", t.total, t.weights, t.tensors, t.rest,
      t.available, b->worker->job->model->engine->max_memory ? "allowed by --max-memory" : "free");
}

/* ---- The budget: items on their way together hold no more than may be used */

of3_status of3_memory_budget_init(of3_memory_budget *g, of3_error *err) {
  *g = (of3_memory_budget){.held = 0};
  if (pthread_mutex_init(&g->lock, NULL) != 0) return of3_fail_memory(err, "the lock of the memory");
  if (pthread_cond_init(&g->left, NULL) == 0) return OF3_OK;
  pthread_mutex_destroy(&g->lock);
  return of3_fail_memory(err, "the lock of the memory");
}

void of3_memory_budget_free(of3_memory_budget *g) {
  pthread_cond_destroy(&g->left);
  pthread_mutex_destroy(&g->lock);
}

typedef enum answer { GRANTED, LATER, NEVER } answer;

/* Under the lock. Beside others there must also be as much free right now as the item will take. */
static answer ask(of3_memory_budget *g, of3_batch *b) {
  const of3_need *n = &b->need;
  const uint64_t own = n->tensors + n->rest;
  if (!fits(n)) return NEVER;
  if (g->n_held > 0 && n->available) {
    uint64_t usable = b->worker->job->model->engine->max_memory ? 0 : of3_usable_memory();
    if (n->total + g->held > n->available || (usable && own > usable)) return LATER;
  }
  b->holds = true;
  g->held += own;
  g->n_held++;
  return GRANTED;
}

/* Whoever holds the lock waits here, so nobody else comes between. */
static void memory_await(of3_memory_budget *g, of3_batch *b) {
  double begin = of3_seconds();
  char several[BATCH_NAME];
  of3_logf(&b->worker->log, OF3_LOG_INFO, "%s seed %" PRIu64 ": waits for memory that other folds hold",
           batch_name(b, several), b->item[0].item->seed);
  pthread_mutex_lock(&g->lock);
  while (ask(g, b) == LATER) pthread_cond_wait(&g->left, &g->lock);
  pthread_mutex_unlock(&g->lock);
  for (int i = 0; i < b->n; i++) b->item[i].begin += of3_seconds() - begin;
}

of3_status of3_batch_get_memory(of3_batch *b, of3_error *err) {
  of3_memory_budget *g = &b->worker->job->budget;
  pthread_mutex_lock(&g->lock);
  answer a = ask(g, b);
  pthread_mutex_unlock(&g->lock);
  if (a == LATER) memory_await(g, b);
  return a == NEVER ? memory_refuse(b, err) : OF3_OK;
}

void of3_batch_give_back(of3_batch *b) {
  of3_memory_budget *g = &b->worker->job->budget;
  if (!b->holds) return;
  b->holds = false;
  pthread_mutex_lock(&g->lock);
  g->held -= b->need.tensors + b->need.rest;
  g->n_held--;
  pthread_cond_signal(&g->left);
  pthread_mutex_unlock(&g->lock);
}

uint64_t of3_job_free_memory(const of3_job *j) {
  uint64_t usable = available_beside(j->model, 0), weights = weight_bytes(j->model);
  return !usable ? UINT64_MAX : usable > weights ? usable - weights : 0;
}

enum { ALWAYS_READ = 64 << 20 };

/* Small features are always let pass: then the plan is refused, which can say how much is needed. */
uint64_t of3_job_free_host_memory(const of3_job *j) {
  const uint64_t most = j->model->engine->max_memory, weights = weight_bytes(j->model);
  if (!most) return of3_usable_memory();
  return most > weights + ALWAYS_READ ? most - weights : ALWAYS_READ;
}

size_t of3_reading_memory(uint64_t max_memory) {
  uint64_t most = max_memory ? max_memory : of3_usable_memory();
  if (!most) return SIZE_MAX;
  return most > ALWAYS_READ ? (size_t)most : ALWAYS_READ;
}
