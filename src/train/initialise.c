#include "train/initialise.h"

#include <math.h>
#include <string.h>

/* Names, or how they end, from the first one on that fits; weights of linears that no row names are
 * OF3_INIT_LECUN. */
static const struct {
  const char *end;
  of3_initialiser law;
} laws[] = {
    {"fourier_emb.w", OF3_INIT_NORMAL},
    {"linear_ada_out.weight", OF3_INIT_ZERO}, /* gates of the output of a conditioned block */
    {"linear_ada_out.bias", OF3_INIT_MINUS_TWO},
    {"conditioned_transition.linear_g.weight", OF3_INIT_ZERO},
    {"conditioned_transition.linear_g.bias", OF3_INIT_MINUS_TWO},
    {"bias", OF3_INIT_ZERO},
    {"linear_g.weight", OF3_INIT_ZERO}, /* gates, and those of the adaptive norm */
    {"linear_a_g.weight", OF3_INIT_ZERO},
    {"linear_b_g.weight", OF3_INIT_ZERO},
    {"layer_norm_a.linear_s.weight", OF3_INIT_ZERO}, /* shifts of the adaptive norm */
    {"layer_norm_a_q.linear_s.weight", OF3_INIT_ZERO},
    {"layer_norm_a_k.linear_s.weight", OF3_INIT_ZERO},
    {"conditioned_transition.layer_norm.linear_s.weight", OF3_INIT_ZERO},
    {"noisy_position_embedder.linear_s.weight", OF3_INIT_ZERO},
    {"noisy_position_embedder.linear_z.weight", OF3_INIT_ZERO},
    {"conditioned_transition.linear_out.weight", OF3_INIT_LECUN},
    {"linear_out.weight", OF3_INIT_ZERO}, /* of transitions and the outer product mean */
    {"tri_mul_out.linear_z.weight", OF3_INIT_ZERO},
    {"tri_mul_in.linear_z.weight", OF3_INIT_ZERO},
    {"tri_att_start.mha.linear_o.weight", OF3_INIT_ZERO},
    {"tri_att_end.mha.linear_o.weight", OF3_INIT_ZERO},
    {"attn_pair_bias.mha.linear_o.weight", OF3_INIT_ZERO},
    {"msa_att_row.linear_o.weight", OF3_INIT_ZERO},
    {"pair_mlp.5.weight", OF3_INIT_ZERO},
    {"linear_q_out.weight", OF3_INIT_ZERO},
    {"msa_att_row.mha.linear_o.weight", OF3_INIT_ZERO}, /* of the Evoformer (docs/model.md 16) */
    {"_msa_att.mha.linear_o.weight", OF3_INIT_ZERO},
    {"global_attention.linear_o.weight", OF3_INIT_ZERO},
    {"linear_ab_g.weight", OF3_INIT_ZERO},
    {"transition_mlp.layers.0.0.weight", OF3_INIT_HE},
    {"evoformer.linear.weight", OF3_INIT_LECUN},
    {"linear.weight", OF3_INIT_ZERO}, /* of all heads */
    {"swiglu.linear_a.weight", OF3_INIT_HE},
    {"swiglu.linear_b.weight", OF3_INIT_HE},
    {"pair_mlp.1.weight", OF3_INIT_HE},
    {"pair_mlp.3.weight", OF3_INIT_HE},
    {"template_pair_embedder.linear_z.weight", OF3_INIT_HE},
};
/* Whole names: recycling, and the conditioning that is added to tokens. */
static const char *const zero_names[] = {"linear_z.weight", "linear_s.weight",
                                         "diffusion_module.linear_s.weight"};

static bool ends_with(const char *name, const char *end) {
  const size_t n = strlen(name), k = strlen(end);
  return k <= n && strcmp(name + n - k, end) == 0 && (k == n || name[n - k - 1] == '.');
}

/* A norm's scale is called weight as well: its module is. */
static bool is_norm(const char *name) {
  const char *end = strrchr(name, '.');
  const char *module = name;
  for (const char *c = name; c < end; c++)
    if (*c == '.') module = c + 1;
  return end && strncmp(module, "layer_norm", 10) == 0;
}

of3_initialiser of3_initialiser_of(const char *name) {
  for (size_t i = 0; i < sizeof zero_names / sizeof *zero_names; i++)
    if (strcmp(name, zero_names[i]) == 0) return OF3_INIT_ZERO;
  for (size_t i = 0; i < sizeof laws / sizeof *laws; i++)
    if (ends_with(name, laws[i].end)) return laws[i].law;
  return is_norm(name) ? OF3_INIT_ONE : OF3_INIT_LECUN;
}

/* ---- numbers */

/* Number i of a normal cut at +- 2: each number has four blocks of four to be drawn from, of which one in
 * 10^21 times none is within. */
static float truncated(of3_stream s, int64_t i) {
  for (int64_t attempt = 0; attempt < 4; attempt++) {
    float x[4];
    of3_random_normal_from(s, (size_t)(16 * i + 4 * attempt), x, 4);
    for (int k = 0; k < 4; k++)
      if (fabsf(x[k]) <= 2) return x[k];
  }
  return 0;
}

static void fill_uniform(of3_stream s, double lo, double hi, int64_t n, float *out) {
  uint32_t word[4] = {0};
  for (int64_t i = 0; i < n; i++) {
    if (i % 4 == 0) of3_random_block(s, (uint32_t)(i / 4), word);
    out[i] = (float)(lo + (hi - lo) * ((word[i % 4] >> 8) + 0.5) * 0x1p-24);
  }
}

static void fill(float value, int64_t n, float *out) {
  for (int64_t i = 0; i < n; i++) out[i] = value;
}

void of3_initialise(of3_initialiser law, const char *name, uint64_t seed, int64_t rows, int64_t columns,
                    float *out) {
  const double k = columns ? (double)columns : 1,
               cut = 0.87962566103423978; /* the deviation of a normal cut at +- 2 */
  const int64_t n = columns ? rows * columns : rows;
  const uint64_t h = of3_random_name(name);
  const of3_stream s = {seed, OF3_RANDOM_INITIAL, (uint32_t)h, (uint32_t)(h >> 32)};
  switch (law) {
  case OF3_INIT_LECUN:
  case OF3_INIT_HE:
    for (int64_t i = 0; i < n; i++)
      out[i] = (float)(sqrt((law == OF3_INIT_HE ? 2 : 1) / k) / cut * (double)truncated(s, i));
    break;
  case OF3_INIT_NORMAL:
    of3_random_normal(s, out, (size_t)n);
    for (int64_t i = 0; i < n; i++) out[i] = (float)((double)out[i] / sqrt(k));
    break;
  case OF3_INIT_GLOROT:
    fill_uniform(s, -sqrt(6 / (k + (double)rows)), sqrt(6 / (k + (double)rows)), n, out);
    break;
  case OF3_INIT_UNIFORM:
    fill_uniform(s, 0, 1, n, out);
    break;
  case OF3_INIT_ZERO:
    fill(0, n, out);
    break;
  case OF3_INIT_ONE:
    fill(1, n, out);
    break;
  case OF3_INIT_MINUS_TWO:
    fill(-2, n, out);
    break;
  }
}

void of3_initial_values(const of3_network *net, const of3_parameter *p, uint64_t seed, float *out) {
  of3_initialiser law = of3_initialiser_of(p->name);
  if (strcmp(p->name, "version_tensor") == 0) {
    memcpy(out, net->switches.version, sizeof net->switches.version);
    return;
  }
  if (ends_with(p->name, "fourier_emb.b"))
    law = net->switches.fourier_column ? OF3_INIT_NORMAL : OF3_INIT_UNIFORM;
  of3_initialise(law, p->name, seed, p->shape[0], p->rank == 2 ? p->shape[1] : 0, out);
}
