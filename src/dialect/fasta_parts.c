#include "dialect/fasta_parts.h"

const char of3_fasta_say_bases[] =
    "write the header as '>A|rna' or '>A|dna', or if it is a peptide, '>A|protein' (docs/queries.md)";

of3_span of3_fasta_field(of3_span h, int k) {
  size_t a = 0, b;
  for (;; a = b + 1) {
    for (b = a; b < h.n && h.text[b] != '|';) b++;
    if (k-- == 0) break;
    if (b == h.n) return (of3_span){h.text + h.n, 0};
  }
  return of3_span_trim(h.text + a, b - a);
}
