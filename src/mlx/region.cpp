/* Regions as graphs that are built once.
 *
 * The first run is an ordinary one. It shows whether the work fits into one graph: where an operation had to
 * be cut into groups that are computed one after the other, the region is run like that each time; tensors
 * are then so large that building graphs takes no time to speak of. Otherwise the second run records:
 * mx::compile calls the body with placeholders instead of what is in region->in. Later runs copy the graph's
 * nodes, and neither the model nor the kernels here are called. On a GPU elementwise chains in it become one
 * kernel each; on the CPU device they do not (see state.hpp). With MLX_DISABLE_COMPILE the body is run each
 * time. */
#include "state.hpp"

#include <stdexcept>

namespace of3 {

using Arrays = std::vector<array>;

struct Record {
  of3_ctx *cx;
  of3_region *region;
  std::function<Arrays(const Arrays &)> graph;
};

static Slot &whole(const Tensor *t) {
  Slot &s = *slot_of(t);
  if (t->offset != 0 || of3_count(t) != s.count)
    throw std::logic_error("an input or output of a region is part of a tensor");
  return s;
}

static Arrays values_of(Tensor *const *t, int n) {
  Arrays values;
  for (int i = 0; i < n; i++) values.push_back(get(t[i]));
  return values;
}

static std::vector<std::uintptr_t> identities(const State &s, size_t n) {
  std::vector<std::uintptr_t> ids;
  for (size_t i = 0; i < n; i++) ids.push_back(s.slots[i].value ? s.slots[i].value->id() : 0);
  return ids;
}

/* The body on `inputs`, which may be placeholders: every tensor but the outputs is left as it was. */
static Arrays run_body(const Record &record, const Arrays &inputs) {
  const of3_region &r = *record.region;
  State &s = state_of(record.cx);
  const size_t n = s.slots.size();
  const auto before = identities(s, n);
  Arrays kept;
  for (int i = 0; i < r.n_in; i++) {
    Slot &slot = whole(r.in[i]);
    kept.push_back(get(r.in[i]));
    slot.value = inputs[static_cast<size_t>(i)];
  }
  s.recording = true;
  r.body(r.user);
  s.recording = false;
  Arrays outputs = values_of(r.out, r.n_out);
  for (int i = 0; i < r.n_in; i++) whole(r.in[i]).value = kept[static_cast<size_t>(i)];
  for (int i = 0; i < r.n_out; i++) whole(r.out[i]).value.reset();
  if (record.cx->error.code != OF3_OK) throw std::runtime_error("an operation in it failed");
  const auto after = identities(s, n);
  for (size_t i = 0; i < n; i++)
    if (after[i] && after[i] != before[i])
      throw std::logic_error("it writes a tensor that is not among its outputs");
  return outputs;
}

/* What is not computed yet would be computed again with each repetition. */
static void compute_all(State &s) {
  Arrays values;
  for (const Slot &slot : s.slots)
    if (slot.value) values.push_back(*slot.value);
  mx::eval(values);
}

static void repeat(of3_ctx *cx, of3_region *r) {
  auto &record = *static_cast<Record *>(r->record);
  record.region = r;
  if (!record.graph) {
    compute_all(state_of(cx));
    record.graph = mx::compile(
        std::function<Arrays(const Arrays &)>([&record](const Arrays &in) { return run_body(record, in); }));
  }
  Arrays outputs = record.graph(values_of(r->in, r->n_in));
  for (int i = 0; i < r->n_out; i++) whole(r->out[i]).value = outputs[static_cast<size_t>(i)];
}

void run_region(of3_ctx *cx, of3_region *r) {
  State &s = state_of(cx);
  if (r->n_run == 0) {
    s.divided = false;
    r->body(r->user);
    if (!s.divided) guarded(cx, "a record", [&] { r->record = new Record{cx, r, {}}; });
  } else if (!r->record)
    r->body(r->user);
  else {
    guarded(cx, "a repeated step", [&] { repeat(cx, r); });
    s.recording = false;
  }
}

void close_region(of3_ctx *, of3_region *r) { delete static_cast<Record *>(r->record); }

} // namespace of3
