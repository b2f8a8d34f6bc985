/* Handles as arrays: views, reading, writing. */
#include "state.hpp"

#include <limits>
#include <stdexcept>

namespace of3 {

static int32_t axis_length(int64_t n) {
  if (n > std::numeric_limits<int32_t>::max()) throw std::length_error("an axis is longer than 2^31 - 1");
  return static_cast<int32_t>(n);
}

mx::Shape dims(std::initializer_list<int64_t> d) {
  mx::Shape s;
  for (int64_t n : d) s.push_back(axis_length(n));
  return s;
}

mx::Shape shape_of(const Tensor *t) {
  mx::Shape s;
  for (int i = 0; i < t->rank; i++) s.push_back(axis_length(t->shape[i]));
  return s;
}

array cut(const array &a, int axis, int64_t first, int64_t n) {
  if (first == 0 && n == a.shape(axis)) return a;
  mx::Shape start(a.ndim(), 0), stop = a.shape();
  size_t at = static_cast<size_t>(axis < 0 ? axis + static_cast<int>(a.ndim()) : axis);
  start[at] = axis_length(first);
  stop[at] = axis_length(first + n);
  return mx::slice(a, std::move(start), std::move(stop));
}

static bool is_whole(const Tensor *t) { return t->offset == 0 && of3_count(t) == slot_of(t)->count; }

/* The slot as rows, so that a view is a range of them: rows as long as the view's last axis if they fit. The
 * flat length of a pair tensor would not fit into MLX's 32-bit axes. */
static int64_t row_length(const Tensor *t) {
  int64_t w = last(t);
  return w > 0 && t->offset % w == 0 && slot_of(t)->count % w == 0 && of3_count(t) % w == 0 ? w : 1;
}

static array value_of(Slot *s) {
  if (!s->value) s->value = mx::zeros(dims({s->count}), s->dtype);
  return *s->value;
}

array get(const Tensor *t) {
  Slot *s = slot_of(t);
  if (is_whole(t)) return mx::reshape(value_of(s), shape_of(t));
  int64_t w = row_length(t);
  array rows = shaped(value_of(s), {s->count / w, w});
  return mx::reshape(cut(rows, 0, t->offset / w, of3_count(t) / w), shape_of(t));
}

array get_rows(const Tensor *t) { return get(t, {of3_rows(t), last(t)}); }

std::optional<array> get_opt(const Tensor *t) { return t ? std::optional<array>(get(t)) : std::nullopt; }

void put(Tensor *t, const array &value) {
  Slot *s = slot_of(t);
  if (is_whole(t)) {
    s->value = mx::reshape(value, shape_of(t));
    return;
  }
  int64_t w = row_length(t), first = t->offset / w, n = of3_count(t) / w;
  if (!s->value) s->value = mx::zeros(dims({s->count / w, w}), value.dtype());
  array rows = shaped(*s->value, {s->count / w, w});
  s->value.reset(); /* the graph shall be the only one that holds the old array */
  s->value = mx::slice_update(rows, shaped(mx::astype(value, rows.dtype()), {n, w}), dims({first, 0}),
                              dims({first + n, w}));
}

void set(State &s, Tensor *t, const array &value, bool exact) {
  if (t->dtype != OF3_F32)
    put(t, mx::astype(value, slot_of(t)->dtype));
  else
    put(t, mx::astype(value, exact || last(t) == 3 ? mx::float32 : s.compute));
}

array Group::operator()(const array &a) const {
  array part = a.shape(0) > 1 ? cut(a, 0, batch, batches) : a;
  return cut(part, 1, row, rows);
}

} // namespace of3
