#include "feat/variant.h"

#include <string.h>

static const double PI = 3.14159265358979323846;

of3_feature_mode of3_feature_mode_of(of3_variant v) {
  bool p1 = v == OF3_P1, ob = v == OF3_OB;
  return (of3_feature_mode){
      .variant = v,
      .msa = {.release = p1   ? 3
                         : ob ? 5
                              : 4,
              .row_caps = !p1,
              .upper_case = ob,
              .drop_duplicate_rows = ob,
              .profile_scrambled = !ob},
      .deletion_scale = (ob ? 2 : 8) / PI,
      .mask_padding_rows = p1,
      .template_gap = !p1,
      .template_gaps = !p1,
      .template_across_chains = p1,
      .template_least_tokens = p1 ? 0 : 5,
      .template_slots = 4,
      .cyclic_mask = !p1,
      .ligand_stereo = !p1,
      .small_rings = !p1,
  };
}

void of3_feature_mode_set(of3_feature_mode *mode, const of3_settings *s) {
  if (!s) return;
  mode->opt_settings = s;
  mode->msa.opt_settings = &s->msa;
  mode->template_slots = s->templates.slots;
  if (s->templates.least_tokens >= 0) mode->template_least_tokens = s->templates.least_tokens;
}

void of3_feature_mode_draw(of3_feature_mode *mode, const of3_msa_draw *draw) {
  mode->opt_draw = draw;
  mode->msa.whole_block = draw->rows && mode->msa.release != 3;
}

const char *of3_variant_name(of3_variant v) {
  static const char *const names[OF3_N_VARIANT] = {"P1", "P2", "OB"};
  return names[v];
}

bool of3_variant_parse(const char *name, of3_variant *out) {
  for (int v = 0; v < OF3_N_VARIANT; v++) {
    const char *n = of3_variant_name((of3_variant)v);
    if (strlen(name) != 2 || (name[0] & ~0x20) != n[0] || (name[1] & ~(name[1] > '9' ? 0x20 : 0)) != n[1])
      continue;
    *out = (of3_variant)v;
    return true;
  }
  return false;
}
