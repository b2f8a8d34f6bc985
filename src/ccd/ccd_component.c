/* From an entry of the dictionary, with all atoms, to a component, with heavy ones. */
#include <math.h>
#include <string.h>

#include "ccd/ccd_library.h"

static bool entry_is_hydrogen(const of3_ccd_atom *a) {
  return strcmp(a->element, "H") == 0 || strcmp(a->element, "D") == 0;
}

/* By the type as it is written: OpenFold3 compares it with capital letters, and newer components of the
 * dictionary have others ("L-peptide linking"), which it therefore does not link (docs/features.md 2). */
static uint8_t entry_link(const char *type) {
  static const struct {
    const char *type;
    of3_link link;
  } links[] = {{"PEPTIDE LINKING", OF3_LINK_PEPTIDE},
               {"L-PEPTIDE LINKING", OF3_LINK_PEPTIDE},
               {"D-PEPTIDE LINKING", OF3_LINK_PEPTIDE},
               {"RNA LINKING", OF3_LINK_RNA},
               {"DNA LINKING", OF3_LINK_DNA}};
  for (size_t i = 0; i < sizeof links / sizeof *links; i++)
    if (strcmp(type, links[i].type) == 0) return (uint8_t)links[i].link;
  return OF3_LINK_NONE;
}

static char *upper_copy(of3_arena *arena, const char *text) {
  char *copy = of3_arena_strdup(arena, text);
  for (char *p = copy; p && *p; p++)
    if (*p >= 'a' && *p <= 'z') *p = (char)(*p - 'a' + 'A');
  return copy;
}

/* heavy [n_atom]: index among the heavy atoms, -1 for hydrogens. */
static int copy_atoms(const of3_ccd_entry *e, of3_component *c, of3_component_atom *atom, int *heavy) {
  int n = 0;
  for (int i = 0; i < e->n_atom; i++) {
    const of3_ccd_atom *from = &e->atom[i];
    c->has_leaving |= from->leaving;
    heavy[i] = entry_is_hydrogen(from) ? -1 : n;
    if (heavy[i] < 0) continue;
    of3_component_atom *to = &atom[n++];
    *to = (of3_component_atom){.charge = from->charge, .leaving = from->leaving};
    memcpy(to->name, from->name, sizeof to->name);
    memcpy(to->element, from->element, sizeof to->element);
  }
  return n;
}

static int copy_bonds(const of3_ccd_entry *e, of3_component_atom *atom, of3_component_bond *bond,
                      const int *heavy) {
  int n = 0;
  for (int i = 0; i < e->n_bond; i++) {
    const of3_ccd_bond *from = &e->bond[i];
    const int a = heavy[from->a], b = heavy[from->b];
    if (a >= 0 && atom[a].neighbours < UINT8_MAX) atom[a].neighbours++;
    if (b >= 0 && atom[b].neighbours < UINT8_MAX) atom[b].neighbours++;
    if (a >= 0 && b < 0 && atom[a].hydrogens < UINT8_MAX) atom[a].hydrogens++;
    if (b >= 0 && a < 0 && atom[b].hydrogens < UINT8_MAX) atom[b].hydrogens++;
    if (a < 0 || b < 0) continue;
    bond[n++] = (of3_component_bond){.a = (uint16_t)(a < b ? a : b),
                                     .b = (uint16_t)(a < b ? b : a),
                                     .order = from->order,
                                     .aromatic = from->aromatic};
  }
  return n;
}

/* Coordinates of the heavy atoms, if all have some. */
static bool copy_xyz(const of3_ccd_entry *e, const float *from, const int *heavy, float *to) {
  for (int i = 0; from && i < e->n_atom; i++) {
    if (heavy[i] < 0) continue;
    if (isnan(from[3 * i])) return false;
    memcpy(&to[3 * heavy[i]], &from[3 * i], 3 * sizeof *to);
  }
  return from;
}

of3_component *of3_ccd_component(const of3_ccd_entry *e, of3_arena *arena) {
  of3_component *c = OF3_ARENA_NEW(arena, of3_component, 1);
  of3_component_atom *atom = OF3_ARENA_NEW(arena, of3_component_atom, e->n_atom);
  of3_component_bond *bond = OF3_ARENA_NEW(arena, of3_component_bond, e->n_bond);
  float *xyz = OF3_ARENA_NEW(arena, float, 3 * (size_t)e->n_atom);
  int *heavy = OF3_ARENA_NEW(arena, int, e->n_atom);
  char *type = upper_copy(arena, e->type);
  if (!c || !atom || !bond || !xyz || !heavy || !type) return NULL;
  memcpy(c->code, e->code, sizeof c->code);
  c->restype = OF3_CLASS_UNK;
  c->name = e->name;
  c->type = type;
  c->parent = *e->parent ? e->parent : NULL;
  c->link = entry_link(e->type);
  c->atom = atom;
  c->bond = bond;
  c->n_atom = copy_atoms(e, c, atom, heavy);
  c->n_bond = copy_bonds(e, atom, bond, heavy);
  if (copy_xyz(e, e->ideal, heavy, xyz) || copy_xyz(e, e->model, heavy, xyz)) c->ideal = xyz;
  of3_component_set_roles(c);
  return c;
}
