/* Which atoms of a component may change places, as RDKit finds it: matches of the molecule in itself. */
#include "rdkit/chemistry_parts.h"

of3_status of3_chemistry_symmetries(of3_chemistry *c, const of3_component *component, int most,
                                    int32_t *index, int *ret_n, of3_error *err) {
  const of3_rdkit *rdkit;
  of3_rdkit_mol *mol;
  of3_error missing;
  char why[256];
  *ret_n = 0;
  if (of3_chemistry_rdkit(c, &rdkit, &missing) != OF3_OK) return OF3_OK;
  const of3_status status = of3_rdkit_component(rdkit, component, false, &mol, &missing);
  if (status == OF3_ERR_MEMORY) return of3_fail_memory(err, "a molecule");
  if (status != OF3_OK) return OF3_OK;
  if (!rdkit->symmetries(mol, most, index, ret_n, why, sizeof why)) *ret_n = 0;
  rdkit->free(mol);
  return OF3_OK;
}
