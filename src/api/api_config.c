/* Names of the numbers that a checkpoint's shapes tell. */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "api/handles.h"

#define FIELD(name)                                                                                          \
  { #name, offsetof(of3_config, name) }

static const struct {
  const char *name;
  size_t offset;
} fields[] = {
    FIELD(c_s),
    FIELD(c_z),
    FIELD(c_m),
    FIELD(c_t),
    FIELD(c_atom),
    FIELD(c_atom_pair),
    FIELD(c_token_in),
    FIELD(c_token),
    FIELD(c_noise),
    FIELD(c_opm),
    FIELD(c_tri),
    FIELD(c_tri_templ),
    FIELD(h_pair),
    FIELD(d_pair),
    FIELD(h_templ),
    FIELD(d_templ),
    FIELD(h_msa),
    FIELD(d_msa),
    FIELD(h_single),
    FIELD(d_single),
    FIELD(h_token),
    FIELD(d_token),
    FIELD(h_atom),
    FIELD(d_atom),
    FIELD(n_trans),
    FIELD(n_trans_msa),
    FIELD(n_trans_single),
    FIELD(n_trans_templ),
    FIELD(n_trans_cond),
    FIELD(n_trans_token),
    FIELD(n_trans_atom),
    FIELD(blocks_pairformer),
    FIELD(blocks_msa),
    FIELD(blocks_templ),
    FIELD(blocks_token),
    FIELD(blocks_atom),
    FIELD(blocks_conf),
    FIELD(max_atoms_per_token),
    FIELD(bins_pae),
    FIELD(bins_pde),
    FIELD(bins_distogram),
    FIELD(bins_plddt),
};

static_assert(sizeof fields / sizeof *fields == OF3_N_CONFIG_VALUE, "one name for each value");
static_assert(sizeof(of3_config) == OF3_N_CONFIG_VALUE * sizeof(int), "one value for each number");

void of3_config_values(const of3_config *config, of3_config_value out[OF3_N_CONFIG_VALUE]) {
  for (int i = 0; i < OF3_N_CONFIG_VALUE; i++) {
    out[i].name = fields[i].name;
    memcpy(&out[i].value, (const char *)config + fields[i].offset, sizeof out[i].value);
  }
}
