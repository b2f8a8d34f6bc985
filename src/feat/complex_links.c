/* Bonds between the residues of a polymer.
 *
 * What OpenFold3 links, and so what the networks learned, is neighbours whose components the dictionary calls
 * linking: C to N of peptides, O3' to P of nucleotides (OF3_BOND_LINK). Two kinds of bonds are known to
 * chemistry only and get into files alone: of a component that the dictionary does not call linking, as caps
 * (ACE, NME, NH2, GTP), with its neighbour, if they have atoms of these names (OF3_BOND_CAP); and from the
 * last residue of a cyclic chain to the first (OF3_BOND_CYCLE), which the network is told by relative
 * positions. */
#include <string.h>

#include "feat/complex_parts.h"

static bool are_linked(const of3_component *a, const of3_component *b) {
  const bool peptides = a->link == OF3_LINK_PEPTIDE && b->link == OF3_LINK_PEPTIDE,
             nucleotides = a->link >= OF3_LINK_RNA && b->link >= OF3_LINK_RNA;
  return peptides || nucleotides;
}

/* Bonds r to s, the next one of its chain. false: one of them lacks the atom. */
static bool put_link(const of3_residue *r, const of3_residue *s, of3_bond_kind kind, of3_complex *out) {
  const bool protein = out->chain[r->chain].type == OF3_PROTEIN,
             linked = are_linked(r->component, s->component);
  const int leaves = linked ? r->component->link_from
                            : of3_component_atom_named(r->component, protein ? "C" : "O3'"),
            arrives =
                linked ? s->component->link_to : of3_component_atom_named(s->component, protein ? "N" : "P");
  const int from = of3_residue_atom(out, r, leaves), to = of3_residue_atom(out, s, arrives);
  if (from < 0 || to < 0) return false;
  out->bond[out->n_bond++] = (of3_bond){from, to, 1, false, (uint8_t)kind};
  return true;
}

static void put_neighbours(const of3_residue *r, const of3_log *log, of3_complex *out) {
  const of3_residue *s = r + 1;
  const bool linked = are_linked(r->component, s->component);
  const bool put = put_link(r, s, linked ? OF3_BOND_LINK : OF3_BOND_CAP, out);
  if (linked && put) return;
  of3_logf(
      log, put ? OF3_LOG_INFO : OF3_LOG_WARN,
      put ? "query '%s', chain %s: the bond of residues %d (%s) and %d (%s) is written into files, but not "
            "shown "
            "to the network, which learned without such bonds"
          : "query '%s', chain %s: residues %d (%s) and %d (%s) are not bonded, as these components do not "
            "link to each other",
      out->name, out->chain[r->chain].id, r->number, r->name, s->number, s->name);
}

static void put_closure(const of3_chain *c, const of3_log *log, of3_complex *out) {
  const of3_residue *first = &out->residue[c->first_residue], *last = first + c->n_residue - 1;
  if (c->n_residue > 1 && put_link(last, first, OF3_BOND_CYCLE, out)) return;
  of3_logf(log, OF3_LOG_WARN,
           "query '%s', chain %s: the chain is cyclic, but its last residue (%s) and its first (%s) "
           "have no atoms for a bond between them",
           out->name, c->id, last->name, first->name);
}

void of3_complex_put_links(const of3_log *log, of3_complex *out) {
  for (int i = 0; i + 1 < out->n_residue; i++) {
    const of3_residue *r = &out->residue[i];
    if (r[1].chain == r->chain && out->chain[r->chain].type != OF3_LIGAND) put_neighbours(r, log, out);
  }
  for (int k = 0; k < out->n_chain; k++)
    if (out->chain[k].cyclic && out->chain[k].type != OF3_LIGAND) put_closure(&out->chain[k], log, out);
}
