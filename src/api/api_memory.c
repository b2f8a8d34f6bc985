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

/* What an item needs before its tensors and results are known. Free memory is sampled only while no item
 * holds any: pages that an item has reserved but not touched yet still count as free, so that a later sample
 * would be too high. */
static of3_need memory_held(const of3_item_run *t) {
  const of3_model *m = t->worker->job->model;
  of3_memory_budget *g = &t->worker->job->budget;
  of3_need n = {.weights = weight_bytes(m),
                .rest = of3_arena_used(t->prepared->features.arena) + of3_arena_used(t->arena)};
  pthread_mutex_lock(&g->lock);
  if (g->n_held == 0) g->free = available_beside(m, n.rest);
  n.available = g->free;
  pthread_mutex_unlock(&g->lock);
  return n;
}

of3_status of3_item_run_plan(of3_item_run *t, of3_error *err) {
  const of3_model *m = t->worker->job->model;
  of3_need *n = &t->need;
  *n = memory_held(t);
  const uint64_t held = n->weights + n->rest;
  const size_t most = !n->available ? SIZE_MAX : n->available > held ? n->available - held : 0;
  OF3_TRY(of3_plan_within(&m->engine->device, of3_pool_size(t->worker->pool), &m->network, &t->features, most,
                          &t->fold, &t->plan, err));
  n->tensors = t->plan.step_bytes;
  n->rest += t->plan.result_bytes;
  n->total = n->weights + n->tensors + n->rest;
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

void of3_item_run_announce(const of3_item_run *item_run) {
  const of3_log *log = &item_run->worker->log;
  const of3_features *f = &item_run->features;
  const of3_plan *plan = &item_run->plan;
  const char *name = item_run->query->name;
  char economy[OF3_ECONOMY_TEXT];
  const of3_need *n = &item_run->need;
  need_text t = memory_text_of(n);
  double work = plan->flops_trunk + plan->flops_diffusion + plan->flops_heads;
  double percent = 100 / (work > 0 ? work : 1);
  of3_logf(log, OF3_LOG_INFO, "%s: %d chain%s, %d tokens, %d atoms, %d MSA rows", name,
           item_run->prepared->complex.n_chain, item_run->prepared->complex.n_chain > 1 ? "s" : "",
           f->n_token, f->n_atom, f->n_msa);
  of3_logf(log, OF3_LOG_INFO,
           "%s: needs %s of memory (weights %s, tensors %s, features and results %s); %s %s", name, t.total,
           t.weights, t.tensors, t.rest, n->available ? t.available : "an unknown amount",
           item_run->worker->job->model->engine->max_memory ? "are allowed" : "are free");
  if (fits(n) &&
      of3_economy_text(&item_run->fold.economy, &item_run->worker->job->model->network.config, economy)[0])
    of3_logf(log, OF3_LOG_INFO, "%s: takes longer to need less: %s", name, economy);
  of3_logf(log, OF3_LOG_INFO,
           "%s: needs %.3g TFLOP of work for each seed (trunk %.0f%%, diffusion %.0f%%, heads %.0f%%)", name,
           work * 1e-12, plan->flops_trunk * percent, plan->flops_diffusion * percent,
           plan->flops_heads * percent);
  of3_logf(
      log, OF3_LOG_DEBUG,
      "%s: plan of %d passes, %d steps, %d samples: %zu bytes of tensors, %zu of results, %zu of features",
      name, item_run->fold.n_cycle, item_run->fold.n_step, item_run->fold.n_sample, plan->step_bytes,
      plan->result_bytes, of3_arena_used(f->arena));
}

static of3_status memory_refuse(const of3_item_run *item_run, of3_error *err) {
  need_text t = memory_text_of(&item_run->need);
  return of3_fail(
      err, OF3_ERR_MEMORY,
      "%d token%s and %d sample%s need at least %s of memory (weights %s, tensors %s, features and "
      "results %s), but "
      "%s are %s; use fewer samples, a smaller query or more memory",
      item_run->features.n_token, item_run->features.n_token > 1 ? "s" : "", item_run->fold.n_sample,
      item_run->fold.n_sample > 1 ? "s" : "", t.total, t.weights, t.tensors, t.rest, t.available,
      item_run->worker->job->model->engine->max_memory ? "allowed by --max-memory" : "free");
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
static answer ask(of3_memory_budget *g, of3_item_run *t) {
  const of3_need *n = &t->need;
  const uint64_t own = n->tensors + n->rest;
  if (!fits(n)) return NEVER;
  if (g->n_held > 0 && n->available) {
    uint64_t usable = t->worker->job->model->engine->max_memory ? 0 : of3_usable_memory();
    if (n->total + g->held > n->available || (usable && own > usable)) return LATER;
  }
  t->holds = true;
  g->held += own;
  g->n_held++;
  return GRANTED;
}

/* Whoever holds the lock waits here, so nobody else comes between. */
static void memory_await(of3_memory_budget *g, of3_item_run *t) {
  double begin = of3_seconds();
  of3_logf(&t->worker->log, OF3_LOG_INFO, "%s seed %" PRIu64 ": waits for memory that other folds hold",
           t->query->name, t->item->seed);
  pthread_mutex_lock(&g->lock);
  while (ask(g, t) == LATER) pthread_cond_wait(&g->left, &g->lock);
  pthread_mutex_unlock(&g->lock);
  t->begin += of3_seconds() - begin;
}

of3_status of3_item_run_get_memory(of3_item_run *t, of3_error *err) {
  of3_memory_budget *g = &t->worker->job->budget;
  pthread_mutex_lock(&g->lock);
  answer a = ask(g, t);
  pthread_mutex_unlock(&g->lock);
  if (a == LATER) memory_await(g, t);
  return a == NEVER ? memory_refuse(t, err) : OF3_OK;
}

void of3_item_run_give_back(of3_item_run *t) {
  of3_memory_budget *g = &t->worker->job->budget;
  if (!t->holds) return;
  t->holds = false;
  pthread_mutex_lock(&g->lock);
  g->held -= t->need.tensors + t->need.rest;
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
