#include "train/sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "feat/build.h"
#include "train/sample_parts.h"

/* ---- The sets */

static of3_status copy_options(of3_sample_source *s, const of3_sample_options *o, of3_error *err) {
  s->o = *o;
  of3_sample_set *set = OF3_ARENA_NEW(s->arena, of3_sample_set, o->n_set);
  s->set = OF3_ARENA_NEW(s->arena, of3_set *, o->n_set);
  s->draw = OF3_ARENA_NEW(s->arena, of3_draw, o->n_set);
  s->sum = OF3_ARENA_NEW(s->arena, double, o->n_set);
  if (!set || !s->set || !s->draw || !s->sum) return of3_fail_memory(err, "training sets");
  for (int i = 0; i < o->n_set; i++) set[i] = o->set[i];
  s->o.set = set;
  return OF3_OK;
}

static of3_status open_sets(of3_sample_source *s, of3_error *err) {
  double sum = 0;
  for (int i = 0; i < s->o.n_set; i++) {
    const of3_sample_set *set = &s->o.set[i];
    if (!(set->weight >= 0) || !isfinite(set->weight))
      return of3_fail(err, OF3_ERR_INPUT,
                      "the weight of the training set '%s' is %g; a number from 0 on was "
                      "expected",
                      set->path, set->weight);
    if (set->crop.budget < 1)
      return of3_fail(err, OF3_ERR_INPUT,
                      "crops of the training set '%s' are to have %d tokens; at least 1 was expected",
                      set->path, set->crop.budget);
    OF3_TRY(of3_set_open(set->path, &s->set[i], err));
    if (of3_draw_open(s->set[i], &set->draw, &s->draw[i], err) != OF3_OK)
      return of3_prefix(err, "'%s'", set->path);
    s->sum[i] = sum += set->weight;
  }
  if (sum > 0) return OF3_OK;
  return of3_fail(err, OF3_ERR_INPUT, "nothing can be drawn: the weights of the training sets are all 0");
}

of3_status of3_sample_source_open(const of3_sample_options *options, of3_sample_source **ret_source,
                                  of3_error *err) {
  of3_sample_source *s = calloc(1, sizeof *s);
  *ret_source = NULL;
  if (!s || !(s->arena = of3_arena_new(0))) {
    free(s);
    return of3_fail_memory(err, "training sets");
  }
  of3_status status = copy_options(s, options, err);
  if (status == OF3_OK) status = open_sets(s, err);
  if (status == OF3_OK)
    *ret_source = s;
  else
    of3_sample_source_close(s);
  return status;
}

void of3_sample_source_close(of3_sample_source *s) {
  if (!s) return;
  for (int i = 0; s->draw && i < s->o.n_set; i++) {
    of3_draw_free(&s->draw[i]);
    of3_set_close(s->set[i]);
  }
  of3_arena_free(s->arena);
  free(s);
}

const of3_set *of3_sample_source_set(const of3_sample_source *source, int set) { return source->set[set]; }

/* ---- Draws */

/* Block k of the slot's stream is for its k-th draw: which set, and a seed for all the rest. */
static of3_sample_draw draw_sample(const of3_sample_source *s, of3_sample_at at, int attempt) {
  uint32_t word[4];
  of3_random_block((of3_stream){at.seed, OF3_RANDOM_SET, at.slot, at.step}, (uint32_t)attempt, word);
  const double where = (double)word[0] * 0x1p-32 * s->sum[s->o.n_set - 1];
  of3_sample_draw d = {.seed = (uint64_t)word[1] << 32 | word[2]};
  while (d.set < s->o.n_set - 1 && s->sum[d.set] <= where) d.set++;
  d.point = of3_draw_point(&s->draw[d.set], d.seed, at.step, at.slot);
  d.entry = of3_set_point(s->set[d.set], d.point).entry;
  return d;
}

static bool ends_all(of3_status status) {
  return status != OF3_OK && status != OF3_ERR_INPUT && status != OF3_ERR_UNSUPPORTED;
}

/* What could not be used is told with the sample that takes its place. */
static of3_status tell_failures(of3_sample *out, int n, const of3_sample_draw *last, const of3_error *why,
                                of3_error *err) {
  out->n_failed = n;
  if (n == 0) return OF3_OK;
  out->why_failed = of3_arena_printf(out->arena, "entry %d of set %d: %s", last->entry, last->set, why->text);
  if (out->why_failed) return OF3_OK;
  of3_sample_free(out);
  return of3_fail_memory(err, "a sample");
}

of3_status of3_sample_make(const of3_sample_source *s, uint64_t seed, uint32_t step, uint32_t slot,
                           of3_sample *out, of3_error *err) {
  const of3_sample_at at = {seed, step, slot};
  of3_sample_draw failed = {0};
  of3_error why = {0};
  for (int k = 0; k < OF3_SAMPLE_ATTEMPTS; k++) {
    const of3_sample_draw draw = draw_sample(s, at, k);
    of3_error error = {0};
    const of3_status status = of3_sample_build(s, &draw, out, &error);
    if (status == OF3_OK) return tell_failures(out, k, &failed, &why, err);
    why = error;
    failed = draw;
    if (!ends_all(status)) continue;
    if (err) *err = why;
    return status;
  }
  return of3_fail(
      err, OF3_ERR_INPUT,
      "step %u, sample %u: none of %d that were drawn can be used; the last, entry %d of '%s': %s",
      (unsigned)step, (unsigned)slot, OF3_SAMPLE_ATTEMPTS, failed.entry, s->o.set[failed.set].path, why.text);
}

of3_status of3_sample_whole(const of3_sample_source *s, int set, int entry, uint64_t seed, of3_sample *out,
                            of3_error *err) {
  const of3_sample_draw draw = {.set = set, .point = -1, .entry = entry, .seed = seed};
  return of3_sample_build(s, &draw, out, err);
}

/* ---- Random numbers of a step */

static int take_all_rows(void *user, const of3_features *f, int cycle, uint32_t *out) {
  (void)user, (void)cycle;
  for (int i = 0; i < f->n_msa; i++) out[i] = (uint32_t)i;
  return f->n_msa;
}

of3_random_source of3_sample_random(const of3_sample *sample) {
  of3_random_source random = of3_seeded_random(&sample->seed);
  if (sample->all_rows) random.msa_rows = take_all_rows;
  return random;
}
