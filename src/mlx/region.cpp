/* Regions as graphs that are built once.
 *
 * MLX is lazy: an operation makes a node, an array that knows its primitive and its inputs, and evaluating
 * the last node runs all below it. A denoising step is some thousand nodes, the same ones each time but for
 * what goes in. So the graph is kept, and each step makes a copy of it on its own inputs:
 *
 *   recorded once, on placeholders           each run: values[], one number for each array
 *
 *     in 0    in 1                             0   the tensor that in[0] holds now
 *       \    /   \                              1   the tensor that in[1] holds now
 *       add    mul     W (constant)            2   add of values 0, 1
 *         \   /       /                        3   mul of value 1
 *         matmul -----                         4   matmul of values 2, 3 and W -> out[0]
 *
 * A Node is one line of the right side: the original array, for primitive, shape and type, and the numbers of
 * its inputs; -1 stands for the input that the original has, a constant. Nodes come after their inputs, so
 * one pass over them makes the graph of a run (copy_node), without a call of the model or of the kernels
 * here. Same primitives, same order, same bytes. A node with several outputs has siblings: they take one
 * number each.
 *
 * What becomes of the runs of a region:
 *
 *   first       an ordinary run (tensor/region.c)
 *   second      make_record: all that waits is computed first, since a node that is not computed yet would be
 *               part of the record and be computed with each repetition; then the body runs on placeholders
 *   from then   repeat; or the body again, if the record says `divided`: an operation had to be cut into
 * groups that are computed one after the other (settle), which one graph cannot hold. Tensors are then so
 *               large that building the graph takes no time to speak of
 *
 * Recording checks what a region promises: `in` and `out` are whole tensors, and of the tensors made before
 * it none but `out` is written.
 *
 * This is what mx::compile does, but for fusing operations beyond what pieces.cpp fuses: on CUDA, where each
 * fused chain is a kernel to be compiled, that took minutes for the denoiser. */
#include "state.hpp"

#include <memory>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>

namespace of3 {

using Arrays = std::vector<array>;

/* Where an input of a node is found: among the values of a run, or (-1) in the node itself: a constant. */
struct Node {
  array original;
  std::vector<int32_t> inputs;
};

struct Record {
  bool divided = false;         /* it cannot be one graph: the body is run each time */
  Arrays inputs, outputs;       /* placeholders, and what came of them */
  std::vector<Node> nodes;      /* each after its inputs; a run's values are its inputs, then theirs */
  std::vector<int32_t> results; /* places of the outputs among the values */
};

static Slot &whole(const Tensor *t) {
  Slot &s = *slot_of(t);
  if (t->offset != 0 || of3_count(t) != s.count)
    throw std::logic_error("an input or output of a region is part of a tensor");
  return s;
}

static Arrays values_of(Tensor *const *t, int n) {
  Arrays values;
  for (int i = 0; i < n; i++) {
    whole(t[i]);
    values.push_back(get(t[i]));
  }
  return values;
}

static std::vector<std::uintptr_t> identities(const State &s, size_t n) {
  std::vector<std::uintptr_t> ids;
  for (size_t i = 0; i < n; i++) {
    Arrays held;
    s.slots[i].list(held);
    ids.push_back(held.empty() ? 0 : held[0].id());
  }
  return ids;
}

/* ---- recording */

/* Runs the body on placeholders and leaves all tensors as they were. */
static void run_body(of3_ctx *cx, const of3_region &r, Record &record) {
  State &s = state_of(cx);
  const size_t n = s.slots.size();
  const Arrays real = values_of(r.in, r.n_in);
  for (size_t i = 0; i < real.size(); i++) {
    record.inputs.emplace_back(real[i].shape(), real[i].dtype(), nullptr, Arrays{});
    whole(r.in[i]).assign(record.inputs[i]);
  }
  for (int i = 0; i < r.n_out; i++) whole(r.out[i]);
  const auto before = identities(s, n);
  s.recording = true;
  r.body(r.user);
  s.recording = false;
  record.outputs = values_of(r.out, r.n_out);
  auto after = identities(s, n);
  for (size_t i = 0; i < n; i++)
    for (int k = 0; k < r.n_out; k++)
      if (&s.slots[i] == slot_of(r.out[k])) after[i] = before[i];
  for (size_t i = 0; i < real.size(); i++) whole(r.in[i]).assign(real[i]);
  if (cx->error.code == OF3_OK && after != before)
    throw std::logic_error("it writes a tensor that is not among its outputs");
}

/* The nodes below the outputs, depth first. What has no primitive is a placeholder or a constant. */
static Arrays nodes_of(const Arrays &outputs) {
  Arrays nodes;
  std::unordered_set<std::uintptr_t> seen;
  std::vector<std::pair<array, size_t>> path;
  auto visit = [&](const array &a) {
    if (a.has_primitive() && seen.insert(a.id()).second) path.emplace_back(a, 0);
  };
  for (const array &o : outputs) {
    visit(o);
    while (!path.empty()) {
      auto &[a, next] = path.back();
      if (next < a.inputs().size()) {
        const array in = a.inputs()[next++];
        visit(in);
        continue;
      }
      for (const array &sibling : a.siblings()) seen.insert(sibling.id());
      nodes.push_back(a);
      path.pop_back();
    }
  }
  return nodes;
}

/* Numbers the values of a run and says by them where each node finds its inputs. */
static void number(Record &record) {
  std::unordered_map<std::uintptr_t, int32_t> place;
  int32_t n = 0;
  auto found = [&](const array &a) {
    auto at = place.find(a.id());
    return at == place.end() ? -1 : at->second;
  };
  for (const array &in : record.inputs) place.emplace(in.id(), n++);
  for (const array &a : nodes_of(record.outputs)) {
    Node node{a, {}};
    for (const array &in : a.inputs()) node.inputs.push_back(found(in));
    record.nodes.push_back(std::move(node));
    for (const array &o : a.outputs()) place.emplace(o.id(), n++);
  }
  for (const array &o : record.outputs) record.results.push_back(found(o));
}

/* ---- repeating */

/* Adds the copy of a node, with all its siblings, to the values. */
static void copy_node(const Node &node, Arrays &values) {
  const array &a = node.original;
  Arrays inputs;
  inputs.reserve(node.inputs.size());
  for (size_t i = 0; i < node.inputs.size(); i++) {
    const int32_t at = node.inputs[i];
    inputs.push_back(at < 0 ? a.inputs()[i] : values[static_cast<size_t>(at)]);
  }
  if (a.siblings().empty()) {
    values.emplace_back(a.shape(), a.dtype(), a.primitive_ptr(), std::move(inputs));
    return;
  }
  std::vector<mx::Shape> shapes;
  std::vector<mx::Dtype> types;
  for (const array &o : a.outputs()) {
    shapes.push_back(o.shape());
    types.push_back(o.dtype());
  }
  for (array &o : array::make_arrays(std::move(shapes), types, a.primitive_ptr(), inputs))
    values.push_back(o);
}

static void repeat(const Record &record, const of3_region &r) {
  Arrays values = values_of(r.in, r.n_in);
  for (size_t i = 0; i < values.size(); i++)
    if (values[i].shape() != record.inputs[i].shape() || values[i].dtype() != record.inputs[i].dtype())
      throw std::logic_error("an input has another shape or type than before");
  values.reserve(values.size() + record.nodes.size() + record.nodes.size() / 8);
  for (const Node &node : record.nodes) copy_node(node, values);
  for (int i = 0; i < r.n_out; i++) {
    const int32_t at = record.results[static_cast<size_t>(i)];
    whole(r.out[i]).assign(at < 0 ? record.outputs[static_cast<size_t>(i)] : values[static_cast<size_t>(at)]);
  }
}

/* The second run: the first was an ordinary one. What is not computed yet would be computed again with each
 * repetition. */
static void make_record(of3_ctx *cx, of3_region *r) {
  State &s = state_of(cx);
  auto record = std::make_unique<Record>();
  compute_all(s);
  s.divided = false;
  run_body(cx, *r, *record);
  if (s.divided) {
    record = std::make_unique<Record>();
    record->divided = true;
  } else
    number(*record);
  r->record = record.release();
}

void run_region(of3_ctx *cx, of3_region *r) {
  if (!r->record) guarded(cx, "a record of a step", [&] { make_record(cx, r); });
  state_of(cx).recording = false;
  if (cx->error.code != OF3_OK) return;
  const auto &record = *static_cast<Record *>(r->record);
  if (record.divided)
    r->body(r->user);
  else
    guarded(cx, "a repeated step", [&] { repeat(record, *r); });
}

void close_region(of3_ctx *, of3_region *r) { delete static_cast<Record *>(r->record); }

} // namespace of3
