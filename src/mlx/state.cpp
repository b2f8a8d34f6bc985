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

/* `count` elements as rows, so that a view that begins at `offset` is a range of them: rows as long as the
 * view's last axis if they fit. The flat length of a pair tensor would not fit into MLX's 32-bit axes. */
static int64_t row_length(const Tensor *t, int64_t offset, int64_t count) {
  int64_t w = last(t);
  return w > 0 && offset % w == 0 && count % w == 0 && of3_count(t) % w == 0 ? w : 1;
}

static array value_of(Slot *s) {
  if (!s->parts.empty()) return mx::stack(s->parts);
  if (!s->value) s->value = mx::zeros(dims({s->count}), s->dtype);
  return *s->value;
}

/* What a view is a range of: its slot, or the part of it that it lies in. */
struct Range {
  array value;
  int64_t count, offset; /* elements of the value; where the view begins */
};

static Range range_of(const Tensor *t) {
  Slot *s = slot_of(t);
  const int64_t n = static_cast<int64_t>(s->parts.size()), share = n ? s->count / n : s->count;
  const int64_t i = n ? t->offset / share : 0, offset = t->offset - i * share;
  if (i < n && offset + of3_count(t) <= share) return {s->parts[static_cast<size_t>(i)], share, offset};
  return {value_of(s), s->count, t->offset};
}

array get(const Tensor *t) {
  const Range r = range_of(t);
  if (of3_count(t) == r.count) return mx::reshape(r.value, shape_of(t));
  int64_t w = row_length(t, r.offset, r.count);
  array rows = shaped(r.value, {r.count / w, w});
  return mx::reshape(cut(rows, 0, r.offset / w, of3_count(t) / w), shape_of(t));
}

array get_rows(const Tensor *t) { return get(t, {of3_rows(t), last(t)}); }

array get_like(const array &x, const Tensor *t) {
  array a = get(t);
  Slot *s = slot_of(t);
  if (a.dtype() == x.dtype() || s->place >= 0) return mx::astype(a, x.dtype());
  if (!s->in_products) s->in_products = mx::astype(a, x.dtype());
  return *s->in_products;
}

void put(Tensor *t, const array &value) {
  Slot *s = slot_of(t);
  if (is_whole(t)) {
    s->assign(mx::reshape(value, shape_of(t)));
    return;
  }
  int64_t w = row_length(t, t->offset, s->count), first = t->offset / w, n = of3_count(t) / w;
  if (!s->parts.empty()) s->assign(value_of(s));
  if (!s->value) s->value = mx::zeros(dims({s->count / w, w}), value.dtype());
  array rows = shaped(*s->value, {s->count / w, w});
  s->value.reset(); /* the graph shall be the only one that holds the old array */
  s->value = mx::slice_update(rows, shaped(mx::astype(value, rows.dtype()), {n, w}), dims({first, 0}),
                              dims({first + n, w}));
}

static mx::Dtype stored_type(const State &s, const Tensor *t, bool exact) {
  if (t->dtype != OF3_F32) return slot_of(t)->dtype;
  return exact || last(t) == 3 ? mx::float32 : s.compute;
}

void set(State &s, Tensor *t, const array &value, bool exact) {
  put(t, mx::astype(value, stored_type(s, t, exact)));
}

void set_parts(const State &s, Tensor *t, const std::vector<array> &parts) {
  Slot *slot = slot_of(t);
  slot->value.reset();
  slot->parts.clear();
  for (const array &part : parts) slot->parts.push_back(mx::astype(part, stored_type(s, t, false)));
}

void compute_all(State &s) {
  std::vector<array> values;
  for (const Slot &slot : s.slots) slot.list(values);
  mx::eval(values);
}

array Group::operator()(const array &a) const {
  array part = a.shape(0) > 1 ? cut(a, 0, batch, batches) : a;
  return cut(part, 1, row, rows);
}

} // namespace of3
