#include "msa/msa_rows.h"

#include "chem/component.h"

const uint8_t *of3_msa_letters(const of3_msa *msa, of3_msa_row row) {
  return row.of ? row.of->letter + (size_t)row.row * (size_t)msa->n_col : msa->gaps;
}

void of3_msa_classes(of3_molecule polymer, uint8_t class_of[static 256]) {
  for (int c = 0; c < 256; c++)
    class_of[c] = (uint8_t)(c == '-' ? OF3_MSA_GAP : of3_letter_class(polymer, (char)c));
}
