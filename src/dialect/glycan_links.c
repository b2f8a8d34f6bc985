/* Which atoms of two sugars are bound, where the text does not say it.
 *
 * AlphaFold's server takes the bond that is commonest in the PDB between the two components, and so does this
 * table: for each pair the oxygens of the one that stands nearer to the protein, in the order in which they
 * are taken. An oxygen that a sibling has is passed over, so that branches find the next one. Two rules need
 * more than the pair:
 *
 *   MAN on MAN   O2 in an arm (one MAN on it); O3, then O6 where it branches, and where the MAN stands on
 * NAG, in the place that BMA has in the core of glycans of asparagine FUC on NAG   O6 of the first residue
 * (the core), O3 of a later one (an antenna)
 *
 * A pair that is not in the table is an error: nothing says how it is bound. */
#include <string.h>

#include "dialect/glycan.h"

static const struct {
  const char *parent, *child;
  const char *oxygen; /* numbers of atoms */
} links[] = {
    {"NAG", "NAG", "436"}, {"NAG", "BMA", "436"}, {"NAG", "MAN", "436"}, {"NAG", "GAL", "43"},
    {"NAG", "BGC", "4"},   {"BMA", "MAN", "36"},  {"BMA", "NAG", "42"},  {"BMA", "BMA", "4"},
    {"BMA", "XYP", "2"},   {"BMA", "GLA", "6"},   {"MAN", "NAG", "246"}, {"MAN", "BMA", "4"},
    {"MAN", "GLC", "3"},   {"GAL", "FUC", "2"},   {"GAL", "GLA", "34"},  {"GAL", "GAL", "34"},
    {"GAL", "NAG", "36"},  {"GAL", "A2G", "3"},   {"GAL", "NGA", "4"},   {"GAL", "SIA", "36"},
    {"A2G", "GAL", "3"},   {"A2G", "NAG", "63"},  {"A2G", "SIA", "6"},   {"NGA", "GAL", "3"},
    {"GLC", "GLC", "46"},  {"GLC", "FRU", "1"},   {"BGC", "BGC", "436"}, {"BGC", "GLC", "46"},
    {"BGC", "GAL", "4"},   {"BGC", "FUC", "3"},   {"BGC", "XYS", "6"},   {"FUC", "NAG", "3"},
    {"FUC", "BGC", "3"},   {"XYP", "XYP", "4"},
};
enum { N_LINK = sizeof links / sizeof *links };

static bool is(const of3_sugar *s, const char *code) { return strcmp(s->code, code) == 0; }

int of3_glycan_carbon(const char *code) {
  return strcmp(code, "SIA") == 0 || strcmp(code, "FRU") == 0 ? 2 : 1;
}

/* How many of this one's code stand on its parent. */
static int alike(const of3_sugar *sugar, int n, const of3_sugar *s) {
  int count = 0;
  for (int i = 1; i < n; i++) count += sugar[i].parent == s->parent && is(&sugar[i], s->code);
  return count;
}

/* The oxygens of its parent in the order in which they are taken; NULL: nothing says. */
static const char *oxygens(const of3_sugar *sugar, int n, const of3_sugar *s) {
  const of3_sugar *parent = &sugar[s->parent];
  const bool on_nag = parent->parent >= 0 && is(&sugar[parent->parent], "NAG");
  if (is(parent, "MAN") && is(s, "MAN")) return on_nag || alike(sugar, n, s) > 1 ? "36" : "236";
  if (is(parent, "NAG") && is(s, "FUC")) return s->parent == 0 ? "63" : "36";
  for (int i = 0; i < N_LINK; i++)
    if (is(parent, links[i].parent) && is(s, links[i].child)) return links[i].oxygen;
  return NULL;
}

static bool is_taken(const of3_sugar *sugar, const of3_sugar *s, int oxygen) {
  for (const of3_sugar *other = sugar + 1; other < s; other++)
    if (other->parent == s->parent && other->from == oxygen) return true;
  return false;
}

of3_status of3_glycan_link(of3_sugar *sugar, int n, of3_error *err) {
  for (int i = 1; i < n; i++) {
    of3_sugar *s = &sugar[i];
    const of3_sugar *parent = &sugar[s->parent];
    const char *order = oxygens(sugar, n, s);
    if (!order)
      return of3_fail(
          err, OF3_ERR_UNSUPPORTED,
          "nothing says by which atoms residue %d of the glycan (%s) is bound to residue %d (%s); a "
          "ligand of several 'ccdCodes' with 'bondedAtomPairs' in AlphaFold 3's own JSON says it",
          i + 1, s->code, s->parent + 1, parent->code);
    while (*order && is_taken(sugar, s, *order - '0')) order++;
    if (!*order)
      return of3_fail(
          err, OF3_ERR_INPUT,
          "residue %d of the glycan (%s) has no oxygen left that residue %d (%s) is usually bound to",
          s->parent + 1, parent->code, i + 1, s->code);
    s->from = *order - '0';
    s->to = of3_glycan_carbon(s->code);
  }
  return OF3_OK;
}
