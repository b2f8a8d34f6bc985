/* Inside src/mlx: the way back through an operation (backward.cpp). */
#ifndef OF3_MLX_BACKWARD_HPP
#define OF3_MLX_BACKWARD_HPP

#include "state.hpp"

namespace of3 {

using Arrays = std::vector<array>;

/* A call like c whose result is a new slot, and to whose arguments arrays of a trace can be given. Of an
 * operation in place the result begins as what was before. */
class Traced {
public:
  explicit Traced(const of3_call &c);
  Traced(const Traced &) = delete;
  Traced &operator=(const Traced &) = delete;
  void give(int arg, const array &a);
  array result() const;

  of3_call call;

private:
  Tensor *hold(const Tensor &t);

  int written; /* the argument that is the result; -1 */
  std::deque<Slot> slots;
  std::deque<of3_storage> storages;
  std::deque<Tensor> handles;
};

/* The gradients of x where f(x) has the gradients dy: nodes, not computed. */
Arrays derive(State &s, const std::function<Arrays(const Arrays &)> &f, const Arrays &x, const Arrays &dy);
/* To that of an argument, if it is wanted. */
void add_gradient(const of3_call &c, int arg, const array &gradient);
/* The same of an argument that batch entries share: entry e of the gradient belongs to entry e mod (entries
 * of the argument). */
void add_shared_gradient(const of3_call &c, int arg, const array &gradient);

/* Floats of logits that a group has on the way back, where several arrays of their size exist. */
constexpr int64_t derived_floats = group_floats / 4;

/* Gradients that come in groups. Each group's work is begun when its gradients are added, so that its
 * temporaries go before those of the next one come; nobody waits unless memory is short. */
class Groups {
public:
  Groups(State &state, bool divide) : s(state), divided(divide) {}
  /* own(i): gradient i has numbers of its own from each group, which lie one after the other along the first
   * axis; the others are summed. */
  template <typename F> void add(const Arrays &gradients, F &&own) {
    for (size_t i = 0; i < gradients.size(); i++) {
      if (parts.size() == i) parts.emplace_back();
      if (own(i) || parts[i].empty())
        parts[i].push_back(gradients[i]);
      else
        parts[i][0] = parts[i][0] + gradients[i];
    }
    if (divided) begin();
  }
  array total(size_t i) const { return parts[i].size() > 1 ? mx::concatenate(parts[i], 0) : parts[i][0]; }

private:
  void begin();

  State &s;
  bool divided;
  std::vector<Arrays> parts;
};

/* Adds the gradients of c's arguments; the bytes of temporaries that this takes. */
void run_backward(State &s, const of3_call &c, const Kernel &kernel);
int64_t backward_bytes(const State &s, const of3_call &c, const Kernel &kernel);

} // namespace of3

#endif
