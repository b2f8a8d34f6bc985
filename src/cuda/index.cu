/* Operations that move rows by indices. Memory bandwidth binds them; each number of the result is made by one
 * thread in a fixed order, so that the same call gives the same bytes. */
#include "cuda/each.cuh"

extern "C" {
#include "tensor/pairs.h"
}

namespace of3 {

void ops::embed_add(Run &r, const of3_call &c) {
  const Tensor *index = c.in[EMBED_INDEX];
  const int32_t *words = index->dtype == OF3_I32 ? i32(index) : nullptr;
  const uint8_t *bytes = at<uint8_t>(index);
  const float *table = f32(c.in[EMBED_TABLE]);
  const Repeated weight(c.in[EMBED_WEIGHT]);
  const int64_t w = last(c.out), n = last(index), index_rows = rows(index);
  float *y = f32(c.out);
  each(r, count(c.out), [=] __device__(int64_t i) {
    const int64_t row = i / w, from = row % index_rows * n;
    float sum = 0;
    for (int64_t k = 0; k < n; k++) {
      const int64_t at = words ? words[from + k] : bytes[from + k] == 255 ? -1 : bytes[from + k];
      if (at >= 0) sum += table[at * w + i % w];
    }
    y[i] += sum * weight[row];
  });
}

void ops::gather(Run &r, const of3_call &c) {
  const Tensor *first = c.in[GATHER_X], *places = c.in[GATHER_INDEX];
  const float *x = f32(first);
  const int32_t *index = i32(places);
  const Repeated mask(c.in[GATHER_MASK]);
  const int64_t w = last(first), n = of3_dim(first, 1), atoms = last(places), n_index = count(places);
  const int64_t entries = n ? rows(first) / n : 1;
  const bool adds = c.attr.accumulate != 0;
  float *y = f32(c.out);
  each(r, count(c.out), [=] __device__(int64_t i) {
    const int64_t row = i / w, from = row / atoms % entries * n + index[row % n_index];
    const float v = mask[row] * x[from * w + i % w];
    y[i] = adds ? y[i] + v : v;
  });
}

void ops::take_rows(Run &r, const of3_call &c) {
  const Tensor *first = c.in[TAKE_ROWS_X], *places = c.in[TAKE_ROWS_INDEX];
  const int32_t *index = i32(places);
  const int64_t w = last(first), each_rows = of3_dim(first, 1), n = last(places), n_index = count(places);
  const int64_t entries = each_rows ? rows(first) / each_rows : 1;
  const float *x = f32(first);
  float *y = f32(c.out);
  each(r, count(c.out), [=] __device__(int64_t i) {
    const int64_t row = i / w, from = (row / n % entries * each_rows + index[row % n_index]) * w + i % w;
    y[i] = x[from];
  });
}

void ops::take_row(Run &r, const of3_call &c) {
  const float *table = f32(c.in[TAKE_ROW_TABLE]);
  const int32_t *index = i32(c.in[TAKE_ROW_INDEX]);
  const int64_t w = last(c.out);
  float *y = f32(c.out);
  each(r, count(c.out), [=] __device__(int64_t i) { y[i] = table[index[i / w] * w + i % w]; });
}

void ops::segment_mean(Run &r, const of3_call &c) {
  const Tensor *start = c.in[SEGMENT_START];
  const float *x = f32(c.in[SEGMENT_X]);
  const int32_t *begin = i32(start), *many = i32(c.in[SEGMENT_COUNT]);
  const int64_t w = last(c.out), atoms = of3_dim(c.in[SEGMENT_X], 1), n = last(start), n_start = count(start);
  const TokenMask masks(c.in[SEGMENT_MASK], atoms);
  float *y = f32(c.out);
  each(r, count(c.out), [=] __device__(int64_t i) {
    const int64_t row = i / w, entry = row / n, first = begin[row % n_start],
                  end = first + many[row % n_start];
    const float *mask = masks.of_entry(entry);
    double sum = 0, members = 0;
    for (int64_t a = first; a < end; a++) {
      const double m = mask ? mask[a] : 1;
      sum += m * static_cast<double>(x[(entry * atoms + a) * w + i % w]);
      members += m;
    }
    y[i] = static_cast<float>(sum / (members + 1e-9));
  });
}

/* ---- pairs of tokens */

struct Classes {
  int32_t of[4];
};

static __device__ int offset_class(int64_t offset, bool inside, int most) {
  if (!inside) return 2 * most + 1;
  return offset < -most ? 0 : offset > most ? 2 * most : static_cast<int>(offset) + most;
}

static __device__ int ring_offset(int rank_i, int rank_j, int length) {
  const int ahead = (rank_j - rank_i + length) % length, half = length % 4 == 3 ? length / 2 + 1 : length / 2;
  return ahead <= half ? -ahead : length - ahead;
}

/* As of3_relpos_classes has them. */
static __device__ Classes classes_of(const int32_t *a, const int32_t *b) {
  constexpr int width = 2 * OF3_MAX_RELATIVE_INDEX + 2;
  const bool chain = a[OF3_PLACE_ASYM] == b[OF3_PLACE_ASYM],
             entity = a[OF3_PLACE_ENTITY] == b[OF3_PLACE_ENTITY];
  const bool same = chain && a[OF3_PLACE_RESIDUE] == b[OF3_PLACE_RESIDUE];
  int64_t residue = static_cast<int64_t>(a[OF3_PLACE_RESIDUE]) - b[OF3_PLACE_RESIDUE];
  int64_t token = static_cast<int64_t>(a[OF3_PLACE_TOKEN]) - b[OF3_PLACE_TOKEN];
  int64_t copy = static_cast<int64_t>(a[OF3_PLACE_SYM]) - b[OF3_PLACE_SYM];
  if (chain && a[OF3_PLACE_LENGTH] && b[OF3_PLACE_LENGTH])
    residue = token = copy = ring_offset(a[OF3_PLACE_RANK], b[OF3_PLACE_RANK], a[OF3_PLACE_LENGTH]);
  return {{offset_class(residue, chain, OF3_MAX_RELATIVE_INDEX),
           width + offset_class(token, same, OF3_MAX_RELATIVE_INDEX), entity ? 2 * width : -1,
           2 * width + 1 + offset_class(copy, entity, OF3_MAX_RELATIVE_CHAIN)}};
}

void ops::relpos_add(Run &r, const of3_call &c) {
  const Tensor *places = c.in[RELPOS_ADD_PLACE];
  const int32_t *place = i32(places);
  const float *table = f32(c.in[RELPOS_ADD_TABLE]);
  const int64_t n = of3_dim(c.out, 1), w = last(c.out), entry_size = n * OF3_N_PLACE;
  const int64_t entries = entry_size ? count(places) / entry_size : 1;
  float *z = f32(c.out);
  each(r, count(c.out), [=] __device__(int64_t i) {
    const int64_t row = i / w;
    const int32_t *of = place + row / (n * n) % entries * entry_size;
    const Classes classes = classes_of(of + row / n % n * OF3_N_PLACE, of + row % n * OF3_N_PLACE);
    float sum = 0;
    for (int k = 0; k < 4; k++) sum += classes.of[k] < 0 ? 0 : table[classes.of[k] * w + i % w];
    z[i] += sum;
  });
}

void ops::relpos_one_hot(Run &r, const of3_call &c) {
  const Tensor *places = c.in[RELPOS_ONE_HOT_PLACE];
  const int32_t *place = i32(places);
  const int64_t n = of3_dim(c.out, 1), w = OF3_RELPOS_CLASSES, first = c.attr.first, some = c.attr.rows;
  const int64_t entry_size = of3_dim(places, 1) * OF3_N_PLACE,
                entries = entry_size ? count(places) / entry_size : 1;
  float *y = f32(c.out);
  each(r, count(c.out), [=] __device__(int64_t i) {
    const int64_t row = i / w, at = i % w;
    const int32_t *of = place + row / (n * some) % entries * entry_size;
    const Classes classes =
        classes_of(of + (first + row / n % some) * OF3_N_PLACE, of + row % n * OF3_N_PLACE);
    y[i] = at == classes.of[0] || at == classes.of[1] || at == classes.of[2] || at == classes.of[3] ? 1.0f
                                                                                                    : 0.0f;
  });
}

/* One thread a bond and channel: a bond is there once, and its two places are its own. */
void ops::bond_add(Run &r, const of3_call &c) {
  const Tensor *pairs = c.in[BOND_ADD_PAIR];
  const int32_t *bond = i32(pairs);
  const void *row = at<void>(c.in[BOND_ADD_ROW]);
  const bool half = is_bf16(c.in[BOND_ADD_ROW]);
  const int64_t n = of3_dim(c.out, 1), w = last(c.out), bonds = of3_dim(pairs, 1);
  const int64_t entries = n ? rows(c.out) / (n * n) : 0, own = bonds ? rows(pairs) / bonds : 1;
  float *z = f32(c.out);
  each(r, entries * bonds * w, [=] __device__(int64_t i) {
    const int64_t b = i / w / bonds, ch = i % w;
    const int32_t *ij = bond + (b % own * bonds + i / w % bonds) * 2;
    if (ij[0] < 0 || ij[1] < 0) return;
    float *of = z + b * n * n * w + ch;
    const float added =
        half ? number(static_cast<const bf16 *>(row), ch) : static_cast<const float *>(row)[ch];
    of[(ij[0] * n + ij[1]) * w] += added;
    of[(ij[1] * n + ij[0]) * w] += added;
  });
}

/* Whether two tokens are in one group (tensor/template_pairs.h, whose arithmetic this is). */
static __device__ bool pair_exists(const float *a, const float *b, int group) {
  return a[group] > 0 && a[group] == b[group];
}

/* The bin of the distance between two pseudo-beta atoms; -1: none. */
static __device__ int template_bin(const float *a, const float *b) {
  constexpr int last_bin = 38;
  if (!pair_exists(a, b, OF3_TEMPLATE_BETA_GROUP)) return -1;
  double square = 0;
  for (int d = 0; d < 3; d++) {
    const double between =
        static_cast<double>(a[OF3_TEMPLATE_BETA + d]) - static_cast<double>(b[OF3_TEMPLATE_BETA + d]);
    square += between * between;
  }
  for (int k = 0; k <= last_bin; k++) {
    const double low = 3.25 + 1.25 * k, high = k == last_bin ? 1e4 : low + 1.25;
    if (square > low * low && square < high * high) return k;
  }
  return -1;
}

/* The unit vector from frame a to the origin of frame b, times a factor for each of its three numbers. */
static __device__ float template_unit(const float *a, const float *b, const float *factor) {
  double square = 0, sum = 0;
  if (!pair_exists(a, b, OF3_TEMPLATE_FRAME_GROUP)) return 0;
  for (int d = 0; d < 3; d++) {
    double v = 0;
    for (int k = 0; k < 3; k++)
      v +=
          static_cast<double>(a[OF3_TEMPLATE_AXES + 3 * d + k]) *
          (static_cast<double>(b[OF3_TEMPLATE_ORIGIN + k]) - static_cast<double>(a[OF3_TEMPLATE_ORIGIN + k]));
    square += v * v;
    sum += v * static_cast<double>(factor[d]);
  }
  const double length = sqrt(square);
  return static_cast<float>(sum / (length < 1e-6 ? 1e-6 : length));
}

void ops::template_add(Run &r, const of3_call &c) {
  const Tensor *asyms = c.in[TEMPLATE_ADD_ASYM], *units = c.in[TEMPLATE_ADD_UNIT],
               *bins = c.in[TEMPLATE_ADD_BIN], *tokens = c.in[TEMPLATE_ADD_PLACE];
  const int64_t n = of3_dim(c.out, 1), w = last(c.out);
  const TokenMask beta(c.in[TEMPLATE_ADD_BETA], n), frame(c.in[TEMPLATE_ADD_FRAME], n);
  const int32_t *asym = i32(asyms);
  const float *unit = f32(units), *weight = f32(c.in[TEMPLATE_ADD_W]), *table = f32(c.in[TEMPLATE_ADD_TABLE]);
  const uint8_t *bin = at<uint8_t>(bins);
  const float *place = f32(tokens);
  const int64_t places = tokens ? rows(tokens) : 1;
  const int64_t asym_entries = rows(asyms), n_unit = units ? rows(units) : 1, n_bin = bins ? count(bins) : 1;
  const bool equal = c.attr.chain_equal != 0;
  float *v = f32(c.out);
  each(r, count(c.out), [=] __device__(int64_t at) {
    const int64_t row = at / w, ch = at % w, b = row / (n * n), i = row / n % n, j = row % n;
    const int32_t *of = asym + b % asym_entries * n;
    const float chain =
        equal ? (of[i] == of[j] ? 1.0f : 0.0f) : static_cast<float>(of[i]) * static_cast<float>(of[j]);
    const float geometric = equal ? 1.0f : chain, *mb = beta.of_entry(b), *mf = frame.of_entry(b);
    const float *own = place ? place + b * n % places * OF3_N_TEMPLATE_PLACE : nullptr,
                *place_i = own ? own + i * OF3_N_TEMPLATE_PLACE : nullptr,
                *place_j = own ? own + j * OF3_N_TEMPLATE_PLACE : nullptr;
    int k_bin = bin && bin[row % n_bin] != 255 ? bin[row % n_bin] : -1;
    if (k_bin < 0 && own) k_bin = template_bin(place_i, place_j);
    float sum = k_bin >= 0 ? geometric * table[k_bin * w + ch] : 0;
    if (own) sum += geometric * template_unit(place_i, place_j, weight + 5 * ch + 2);
    sum += (mb ? mb[i] * mb[j] : 1.0f) * chain * weight[5 * ch] +
           (mf ? mf[i] * mf[j] : 1.0f) * chain * weight[5 * ch + 1];
    for (int k = 0; unit && k < 3; k++)
      sum += unit[row % n_unit * 3 + k] * geometric * weight[5 * ch + 2 + k];
    v[at] += sum;
  });
}

/* Squared distances are rounded after each product and sum, as the reference compares them. */
void ops::distance_bin(Run &r, const of3_call &c) {
  const Tensor *first = c.in[DISTANCE_X], *representatives = c.in[DISTANCE_REP];
  const float *x = f32(first);
  const int32_t *rep = i32(representatives);
  const int64_t n = last(representatives), atoms = of3_dim(first, 1), reps = rows(representatives);
  int32_t *out = i32(c.out);
  each(r, count(c.out), [=] __device__(int64_t i) {
    const int64_t entry = i / (n * n);
    const int32_t *atom = rep + entry % reps * n;
    const float *xs = x + entry * atoms * 3, *a = xs + 3 * atom[i / n % n], *b = xs + 3 * atom[i % n];
    float d2 = 0;
    for (int k = 0; k < 3; k++) d2 = __fadd_rn(d2, __fmul_rn(a[k] - b[k], a[k] - b[k]));
    int32_t bin = -1;
    for (int k = 0; k < 39; k++) {
      const float low = 3.25f + 1.25f * static_cast<float>(k), high = low + 1.25f;
      if (d2 > __fmul_rn(low, low) && d2 < (k == 38 ? 1e9f : __fmul_rn(high, high))) bin = k;
    }
    out[i] = bin;
  });
}

} // namespace of3
