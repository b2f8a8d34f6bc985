#include "train/loader.h"

#include <pthread.h>
#include <stdlib.h>

typedef struct place {
  bool made;
  of3_sample sample;
  of3_status status;
  of3_error error;
} place;

struct of3_loader {
  of3_loader_options o;
  pthread_mutex_t lock; /* guards what follows */
  pthread_cond_t room, made;
  uint64_t next_made, next_given; /* places: that nobody makes yet, that is given next */
  bool stops;
  place *ring; /* [n_ahead] */
  int n_thread;
  pthread_t *thread;
  int64_t n_failed; /* of the thread that calls */
};

static void make_place(const of3_loader *l, uint64_t at, place *out) {
  const uint32_t step = l->o.first_step + (uint32_t)(at / (uint64_t)l->o.n_slot),
                 slot = (uint32_t)(at % (uint64_t)l->o.n_slot);
  out->error = (of3_error){0};
  out->status = of3_sample_make(l->o.source, l->o.seed, step, slot, &out->sample, &out->error);
}

/* The lock is held, but while a sample is made. */
static void make_places(of3_loader *l) {
  while (!l->stops) {
    if (l->next_made >= l->next_given + (uint64_t)l->o.n_ahead) {
      pthread_cond_wait(&l->room, &l->lock);
      continue;
    }
    const uint64_t at = l->next_made++;
    place *to = &l->ring[at % (uint64_t)l->o.n_ahead];
    pthread_mutex_unlock(&l->lock);
    make_place(l, at, to);
    pthread_mutex_lock(&l->lock);
    to->made = true;
    pthread_cond_broadcast(&l->made);
  }
}

static void *run_thread(void *arg) {
  of3_loader *l = arg;
  pthread_mutex_lock(&l->lock);
  make_places(l);
  pthread_mutex_unlock(&l->lock);
  return NULL;
}

/* ---- */

/* As many threads as can be had. */
static void start_threads(of3_loader *l) {
  while (l->n_thread < l->o.n_thread && pthread_create(&l->thread[l->n_thread], NULL, run_thread, l) == 0)
    l->n_thread++;
}

of3_status of3_loader_open(const of3_loader_options *options, of3_loader **ret_loader, of3_error *err) {
  of3_loader *l = calloc(1, sizeof *l);
  *ret_loader = NULL;
  if (!l) return of3_fail_memory(err, "the loader of samples");
  l->o = *options;
  l->ring = calloc((size_t)l->o.n_ahead, sizeof *l->ring);
  l->thread = calloc((size_t)l->o.n_thread, sizeof *l->thread);
  pthread_mutex_init(&l->lock, NULL);
  pthread_cond_init(&l->room, NULL);
  pthread_cond_init(&l->made, NULL);
  if (l->ring && l->thread) start_threads(l);
  if (l->n_thread > 0) {
    *ret_loader = l;
    return OF3_OK;
  }
  of3_loader_close(l);
  return of3_fail(err, OF3_ERR_MEMORY, "no thread that loads samples can be started");
}

void of3_loader_close(of3_loader *l) {
  if (!l) return;
  pthread_mutex_lock(&l->lock);
  l->stops = true;
  pthread_cond_broadcast(&l->room);
  pthread_mutex_unlock(&l->lock);
  for (int i = 0; i < l->n_thread; i++) pthread_join(l->thread[i], NULL);
  for (int i = 0; l->ring && i < l->o.n_ahead; i++)
    if (l->ring[i].made) of3_sample_free(&l->ring[i].sample);
  pthread_cond_destroy(&l->room);
  pthread_cond_destroy(&l->made);
  pthread_mutex_destroy(&l->lock);
  free(l->thread);
  free(l->ring);
  free(l);
}

of3_status of3_loader_next(of3_loader *l, of3_sample *out, of3_error *err) {
  pthread_mutex_lock(&l->lock);
  const uint64_t at = l->next_given;
  place *from = &l->ring[at % (uint64_t)l->o.n_ahead];
  while (!from->made) pthread_cond_wait(&l->made, &l->lock);
  const of3_status status = from->status;
  *out = from->sample;
  if (status != OF3_OK && err) *err = from->error;
  from->made = false;
  l->next_given++;
  pthread_cond_broadcast(&l->room);
  pthread_mutex_unlock(&l->lock);
  if (status != OF3_OK) return status;
  l->n_failed += out->n_failed;
  if (out->n_failed)
    of3_logf(l->o.opt_log, OF3_LOG_WARN,
             "step %llu, sample %llu: %d draws were replaced, of which no sample can be made; the last: %s",
             l->o.first_step + (unsigned long long)at / (unsigned)l->o.n_slot,
             (unsigned long long)at % (unsigned)l->o.n_slot, out->n_failed, out->why_failed);
  return OF3_OK;
}

int64_t of3_loader_n_failed(const of3_loader *loader) { return loader->n_failed; }
