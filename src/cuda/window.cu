/* Operations on atom windows: block b has queries 32 b .. 32 b + 31 and keys low[b] .. low[b] + 127; beyond
 * the ends the nearest atom is read, and masked. The pair features are bound by memory bandwidth. In
 * attention a warp has the 32 queries of one head, all of whose lanes read the same key: the FMA units bind
 * it. */
#include "cuda/each.cuh"

namespace of3 {

constexpr int Q = OF3_WINDOW_QUERIES, K = OF3_WINDOW_KEYS;

static __device__ int64_t window_atom(int64_t i, int64_t n) { return i < 0 ? 0 : i < n ? i : n - 1; }

struct Windows {
  const int32_t *low;
  int64_t n_low, windows, atoms;
  Windows(const Tensor *t, int64_t n) : low(i32(t)), n_low(of3_count(t)), windows(last(t)), atoms(n) {}

  struct Pair {
    int64_t entry, l, m; /* batch entry; atoms of it */
  };
  __device__ Pair of(int64_t i) const {
    const int64_t block = i / (Q * K);
    return {block / windows, window_atom(block % windows * Q + i / K % Q, atoms),
            window_atom(low[block % n_low] + i % K, atoms)};
  }
};

void ops::atom_pair(Run &r, const of3_call &c) {
  const Tensor *uids = c.in[ATOM_PAIR_UID], *masks = c.in[ATOM_PAIR_MASK];
  const Windows windows(c.in[ATOM_PAIR_LOW], of3_dim(c.in[ATOM_PAIR_POS], 1));
  const float *pos = f32(c.in[ATOM_PAIR_POS]), *mask = f32(masks);
  const float *wd = f32(c.in[ATOM_PAIR_WD]), *wi = f32(c.in[ATOM_PAIR_WI]), *wv = f32(c.in[ATOM_PAIR_WV]);
  const int32_t *uid = i32(uids);
  const int64_t w = last(c.out), n_mask = count(masks), uid_entries = rows(uids);
  float *out = f32(c.out);
  each(r, count(c.out), [=] __device__(int64_t at) {
    const int64_t i = at / w, ch = at % w;
    const Windows::Pair p = windows.of(i);
    const float *a = pos + (p.entry * windows.atoms + p.l) * 3,
                *b = pos + (p.entry * windows.atoms + p.m) * 3;
    const float masked = mask[i % n_mask];
    const int32_t *of = uid + p.entry % uid_entries * windows.atoms;
    const float valid = of[p.l] == of[p.m] ? masked : 0.0f;
    float d[3], d2 = 0, y = 0;
    for (int k = 0; k < 3; k++) {
      d[k] = (a[k] - b[k]) * masked;
      d2 += d[k] * d[k];
      y += wd[3 * ch + k] * d[k];
    }
    out[at] = valid * (y + wi[ch] / (1 + d2) + wv[ch] * valid);
  });
}

void ops::window_add(Run &r, const of3_call &c) {
  const Tensor *row = c.in[WINDOW_ADD_ROW], *masks = c.in[WINDOW_ADD_MASK];
  const Windows windows(c.in[WINDOW_ADD_LOW], of3_dim(row, 1));
  const float *left = f32(row), *right = f32(c.in[WINDOW_ADD_COL]), *mask = f32(masks);
  const int64_t w = last(c.out), n_mask = count(masks);
  float *out = f32(c.out);
  each(r, count(c.out), [=] __device__(int64_t at) {
    const int64_t i = at / w, ch = at % w;
    const Windows::Pair p = windows.of(i);
    const int64_t entry = p.entry * windows.atoms;
    out[at] += mask[i % n_mask] * (left[(entry + p.l) * w + ch] + right[(entry + p.m) * w + ch]);
  });
}

void ops::window_gather(Run &r, const of3_call &c) {
  const Tensor *pairs = c.in[WINDOW_GATHER_Z], *tokens = c.in[WINDOW_GATHER_TOKEN],
               *masks = c.in[WINDOW_GATHER_MASK];
  const Windows windows(c.in[WINDOW_GATHER_LOW], last(tokens));
  const float *z = f32(pairs), *mask = f32(masks);
  const int32_t *token = i32(tokens);
  const int64_t w = last(c.out), n = of3_dim(pairs, 1), n_mask = count(masks), token_entries = rows(tokens);
  float *out = f32(c.out);
  each(r, count(c.out), [=] __device__(int64_t at) {
    const int64_t i = at / w;
    const Windows::Pair p = windows.of(i);
    const int32_t *of = token + p.entry % token_entries * windows.atoms;
    out[at] += mask[i % n_mask] * z[((p.entry * n + of[p.l]) * n + of[p.m]) * w + at % w];
  });
}

/* ---- attention */

struct WindowAttention {
  const void *q, *k, *v, *g;
  void *out;
  const float *bias;
  const int32_t *low;
  int64_t atoms, windows, heads, d, biases, n_low;
};

/* Lane = query; blockIdx = (window, group of heads, batch entry). The largest logit is known before
 * exponentials are summed: logits are made twice, which costs less than keeping 128 of them. */
template <typename T, int most_d>
static __global__ void __launch_bounds__(128) window_kernel(const __grid_constant__ WindowAttention a) {
  const int64_t window = blockIdx.x, head = static_cast<int64_t>(blockIdx.y) * 4 + threadIdx.x / 32,
                entry = blockIdx.z;
  const int64_t atom = window * Q + threadIdx.x % 32;
  if (head >= a.heads || atom >= a.atoms) return;
  const int64_t width = a.heads * a.d, base = entry * a.atoms, at = (base + atom) * width + head * a.d;
  const int64_t first = a.low[(entry * a.windows + window) % a.n_low];
  const float *bias =
      a.bias + ((entry % a.biases * a.windows + window) * a.heads + head) * K * Q + threadIdx.x % 32;
  const float scale = rsqrtf(static_cast<float>(a.d));
  float q[most_d], o[most_d] = {}, most = -INFINITY, sum = 0;
#pragma unroll
  for (int e = 0; e < most_d; e++) q[e] = e < a.d ? number(static_cast<const T *>(a.q), at + e) : 0.0f;
  auto row = [&](int key) { return (base + window_atom(first + key, a.atoms)) * width + head * a.d; };
  auto logit = [&](int key) {
    const T *k = static_cast<const T *>(a.k) + row(key);
    float s = 0;
#pragma unroll
    for (int e = 0; e < most_d; e++)
      if (e < a.d) s += q[e] * number(k, e);
    return s * scale + bias[key * Q];
  };
  for (int key = 0; key < K; key++) most = fmaxf(most, logit(key));
  for (int key = 0; key < K; key++) {
    const float p = expf(logit(key) - most);
    const T *v = static_cast<const T *>(a.v) + row(key);
    sum += p;
#pragma unroll
    for (int e = 0; e < most_d; e++)
      if (e < a.d) o[e] += p * number(v, e);
  }
#pragma unroll
  for (int e = 0; e < most_d; e++)
    if (e < a.d)
      put(static_cast<T *>(a.out), at + e,
          o[e] / sum * activated(number(static_cast<const T *>(a.g), at + e), OF3_ACT_SIGMOID));
}

template <typename T> static void launch(const Run &r, const WindowAttention &a, int64_t entries) {
  const dim3 grid(static_cast<unsigned>(a.windows), static_cast<unsigned>((a.heads + 3) / 4),
                  static_cast<unsigned>(entries));
  if (a.d <= 32)
    window_kernel<T, 32><<<grid, 128, 0, r.stream>>>(a);
  else
    window_kernel<T, 64><<<grid, 128, 0, r.stream>>>(a);
}

void ops::window_attention(Run &r, const of3_call &c) {
  const Tensor *q = c.in[WINDOW_ATT_Q], *low = c.in[WINDOW_ATT_LOW], *bias = c.in[WINDOW_ATT_BIAS];
  const int64_t atoms = of3_dim(c.out, 1), heads = c.attr.heads, windows = last(low);
  if (!r.launches || count(c.out) == 0) return;
  const WindowAttention a{at<void>(q),
                          at<void>(c.in[WINDOW_ATT_K]),
                          at<void>(c.in[WINDOW_ATT_V]),
                          at<void>(c.in[WINDOW_ATT_G]),
                          at<void>(c.out),
                          f32(bias),
                          i32(low),
                          atoms,
                          windows,
                          heads,
                          last(q) / heads,
                          count(bias) / (windows * heads * K * Q),
                          count(low)};
  is_bf16(q) ? launch<bf16>(r, a, rows(c.out) / atoms) : launch<float>(r, a, rows(c.out) / atoms);
}

} // namespace of3
