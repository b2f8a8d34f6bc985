/* Records of the PDB format 3.3 that stand before the atoms. Names of residues are cut to three characters,
 * as those of the atoms are; HETNAM says what was cut. Characters outside printable ASCII stand as '?'. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "write/bonds.h"
#include "write/pdb_parts.h"

/* ---- TITLE: text in columns 11-80 */

static void add_title(const of3_complex *c, const of3_structure_about *about, of3_str *out) {
  enum { WIDTH = 70, MOST_LINES = 99 };
  of3_str text = {0};
  of3_str_addf(&text, "PREDICTION OF %s BY OF3 %s, WEIGHTS %s, SEED %llu, SAMPLE %d", c->name, about->version,
               about->variant, (unsigned long long)about->seed, about->sample);
  for (size_t k = 0; k < text.len; k++)
    if (text.text[k] < ' ' || text.text[k] > '~') text.text[k] = '?';
  int line = 1;
  for (size_t at = 0; at < text.len && line <= MOST_LINES; at += WIDTH, line++) {
    if (line == 1)
      of3_str_add(out, "TITLE     ");
    else
      of3_str_addf(out, "TITLE   %2d", line);
    of3_str_addf(out, "%.*s\n", WIDTH, text.text + at);
  }
  out->failed |= text.failed;
  of3_str_free(&text);
}

/* ---- SEQRES, MODRES */

static void add_sequence(const of3_complex *c, const of3_chain *chain, of3_str *out) {
  enum { PER_LINE = 13, MOST_RESIDUES = 9999 };
  if (chain->type == OF3_LIGAND || chain->n_residue > MOST_RESIDUES) return;
  for (int k = 0; k < chain->n_residue; k++) {
    if (k % PER_LINE == 0)
      of3_str_addf(out, "%sSEQRES %3d %s %4d ", k ? "\n" : "", k / PER_LINE + 1, chain->id, chain->n_residue);
    of3_str_addf(out, " %3.3s", c->residue[chain->first_residue + k].name);
  }
  of3_str_add(out, "\n");
}

static int author_number(const of3_complex *c, const of3_residue *r) {
  return r->number + c->chain[r->chain].number_shift;
}

/* Modified residues of polymers whose parent is known, the first of several. */
static void add_modified(const of3_complex *c, of3_str *out) {
  for (int k = 0; k < c->n_residue; k++) {
    const of3_residue *r = &c->residue[k];
    const char *parent = r->component->parent;
    if (!parent || c->chain[r->chain].type == OF3_LIGAND) continue;
    of3_str_addf(out, "MODRES      %3.3s %s %4d  %3.*s  MODIFIED RESIDUE\n", r->name, c->chain[r->chain].id,
                 author_number(c, r), (int)(strcspn(parent, ", ") < 3 ? strcspn(parent, ", ") : 3), parent);
  }
}

/* ---- HETNAM: text in columns 16-70 */

static bool named_before(const of3_complex *c, int residue) {
  for (int k = 0; k < residue; k++)
    if (strcmp(c->residue[k].name, c->residue[residue].name) == 0) return true;
  return false;
}

static void add_name(const of3_residue *r, of3_str *out) {
  enum { WIDTH = 55, MOST_LINES = 99 };
  of3_str text = {0};
  const char *name = r->component->name ? r->component->name : "";
  of3_str_addf(&text, "%s%s%s", strlen(r->name) > 3 ? r->name : "", strlen(r->name) > 3 && *name ? " " : "",
               name);
  int line = 1;
  for (size_t at = 0; at < text.len && line <= MOST_LINES; at += WIDTH, line++) {
    if (line == 1)
      of3_str_add(out, "HETNAM  ");
    else
      of3_str_addf(out, "HETNAM%4d", line);
    of3_str_addf(out, line == 1 ? "   %3.3s %.*s\n" : " %3.3s %.*s\n", r->name, WIDTH, text.text + at);
  }
  out->failed |= text.failed;
  of3_str_free(&text);
}

/* ---- LINK */

static const char symmetry[] = "  1555   1555"; /* columns 60-72: both atoms as given */

static void add_length(const of3_bond *b, const float *x, of3_str *out) {
  const float *p = x + 3 * (size_t)b->a, *q = x + 3 * (size_t)b->b;
  const double d =
      hypot(hypot((double)p[0] - (double)q[0], (double)p[1] - (double)q[1]), (double)p[2] - (double)q[2]);
  if (d < 99.995)
    of3_str_addf(out, "%s %5.2f\n", symmetry, d);
  else
    of3_str_addf(out, "%s\n", symmetry);
}

static void add_partner(const of3_complex *c, int atom, of3_str *out) {
  const of3_residue *r = &c->residue[c->atom[atom].residue];
  char name[OF3_PDB_ATOM_NAME];
  of3_pdb_atom_name(&c->atom[atom], name);
  of3_str_addf(out, "%s %3.3s %s%4d ", name, r->name, c->chain[r->chain].id, author_number(c, r));
}

static void add_links(const of3_complex *c, const float *x, of3_str *out) {
  for (int k = 0; k < c->n_bond; k++) {
    const of3_bond *b = &c->bond[k];
    if (!of3_bond_links(c, b) || of3_bond_is_implied(c, b)) continue;
    of3_str_add(out, "LINK        ");
    add_partner(c, b->a, out);
    of3_str_add(out, "               ");
    add_partner(c, b->b, out);
    of3_str_add(out, "  ");
    add_length(b, x, out);
  }
}

void of3_pdb_atom_name(const of3_atom *a, char out[OF3_PDB_ATOM_NAME]) {
  const bool shifted = strlen(a->element) == 1 && strlen(a->name) < 4;
  snprintf(out, OF3_PDB_ATOM_NAME, "%s%-*.4s", shifted ? " " : "", shifted ? 3 : 4, a->name);
}

void of3_pdb_add_head(const of3_complex *c, const float *x, const of3_structure_about *about, of3_str *out) {
  add_title(c, about, out);
  for (int k = 0; k < c->n_chain; k++) add_sequence(c, &c->chain[k], out);
  add_modified(c, out);
  for (int k = 0; k < c->n_residue; k++)
    if (c->residue[k].hetero && !named_before(c, k)) add_name(&c->residue[k], out);
  add_links(c, x, out);
}
