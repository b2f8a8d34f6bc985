#include "cpu/back_logits.h"

/* Batch entry `entry` of t [..,N,N,c]. */
static of3_tensor entry_of(const of3_tensor *t, int64_t entry) {
  const int64_t n = of3_dim(t, 1), w = of3_dim(t, 0);
  of3_tensor e = {.dtype = t->dtype, .rank = 4, .shape = {1, n, n, w}, .storage = t->storage};
  e.offset = t->offset + entry * n * n * w;
  return e;
}

void of3_pair_logits_of(of3_pair_logits *l, const of3_call *c, of3_pair_args args, int64_t entry) {
  const of3_tensor *w = c->in[args.w];
  const int64_t n = of3_dim(c->in[args.z], 1);
  *l = (of3_pair_logits){.z = entry_of(c->in[args.z], entry)};
  l->logits =
      (of3_tensor){.dtype = OF3_F32, .rank = 4, .shape = {1, w->shape[0], n, n}, .storage = &l->memory};
  l->call = (of3_call){
      .op = OF3_OP_PAIR_BIAS, .cx = c->cx, .out = &l->logits, .dy = &l->logits, .attr = {.norm = 1}};
  l->call.in[PAIR_BIAS_Z] = &l->z;
  l->call.in[PAIR_BIAS_SCALE] = c->in[args.scale];
  l->call.in[PAIR_BIAS_OFFSET] = c->in[args.offset];
  l->call.in[PAIR_BIAS_W] = w;
  if (c->dx[args.z]) {
    l->dz = entry_of(c->dx[args.z], entry);
    l->call.dx[PAIR_BIAS_Z] = &l->dz;
  }
  l->call.dx[PAIR_BIAS_SCALE] = c->dx[args.scale];
  l->call.dx[PAIR_BIAS_OFFSET] = c->dx[args.offset];
  l->call.dx[PAIR_BIAS_W] = c->dx[args.w];
}

int64_t of3_pair_logits_work(const of3_ctx *cx, const of3_pair_logits *l) {
  const size_t there = of3_cpu_pair_bias.workspace(cx, &l->call),
               back = of3_cpu_back_linear.workspace(cx, &l->call);
  return of3_aligned((int64_t)((there > back ? there : back) / sizeof(float)));
}

void of3_pair_logits_make(of3_ctx *cx, of3_pair_logits *l, float *logits, float *work) {
  l->memory.buffer = logits;
  of3_cpu_pair_bias.run(cx, &l->call, work);
}

void of3_pair_logits_back(of3_ctx *cx, of3_pair_logits *l, float *d, float *work) {
  l->memory.buffer = d;
  of3_cpu_back_linear.run(cx, &l->call, work);
}
