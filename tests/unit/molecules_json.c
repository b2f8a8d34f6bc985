#include "molecules_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

char *gunzip(of3_arena *arena, const char *path, size_t *ret_size) {
  gzFile f = gzopen(path, "rb");
  if (!f) return NULL;
  size_t cap = 1 << 22, n = 0;
  char *text = malloc(cap);
  for (int got; text && (got = gzread(f, text + n, (unsigned)(cap - n))) > 0;) n += (size_t)got;
  gzclose(f);
  assert_non_null(text);
  assert_true(n < cap);
  char *copy = of3_arena_alloc(arena, n + 1, 1);
  assert_non_null(copy);
  memcpy(copy, text, n);
  free(text);
  *ret_size = n;
  return copy;
}

static const char *text_at(const json_t *row, size_t k) {
  const char *text = json_string_value(json_array_get(row, k));
  assert_non_null(text);
  return text;
}

static int int_at(const json_t *row, size_t k) { return (int)json_integer_value(json_array_get(row, k)); }

static void read_chains(const json_t *doc, of3_arena *arena, of3_complex *c) {
  const json_t *rows = json_object_get(doc, "chains"), *residues = json_object_get(doc, "residues");
  c->n_chain = (int)json_array_size(rows);
  c->chain = OF3_ARENA_NEW(arena, of3_chain, c->n_chain);
  for (int k = 0; k < c->n_chain; k++) {
    const json_t *row = json_array_get(rows, (size_t)k);
    c->chain[k] = (of3_chain){.id = text_at(row, 0),
                              .type = (of3_molecule)int_at(row, 1),
                              .entity_id = int_at(row, 2),
                              .asym_id = int_at(row, 3),
                              .sym_id = int_at(row, 4)};
  }
  c->n_residue = (int)json_array_size(residues);
  c->residue = OF3_ARENA_NEW(arena, of3_residue, c->n_residue);
  for (int k = 0; k < c->n_residue; k++) {
    const json_t *row = json_array_get(residues, (size_t)k);
    of3_residue *r = &c->residue[k];
    snprintf(r->name, sizeof r->name, "%s", text_at(row, 0));
    r->number = int_at(row, 1);
    r->chain = int_at(row, 2);
    r->first_atom = int_at(row, 3);
    r->hetero = json_is_true(json_array_get(row, 4));
    r->standard = json_is_true(json_array_get(row, 5));
    of3_chain *ch = &c->chain[r->chain];
    if (ch->n_residue++ == 0) ch->first_residue = k;
  }
}

static void read_atoms(const json_t *doc, of3_arena *arena, of3_complex *c) {
  const json_t *rows = json_object_get(doc, "atoms"), *bonds = json_object_get(doc, "bonds");
  c->n_atom = (int)json_array_size(rows);
  c->atom = OF3_ARENA_NEW(arena, of3_atom, c->n_atom);
  for (int k = 0, r = 0; k < c->n_atom; k++) {
    const json_t *row = json_array_get(rows, (size_t)k);
    of3_atom *a = &c->atom[k];
    while (r + 1 < c->n_residue && c->residue[r + 1].first_atom <= k) r++;
    snprintf(a->name, sizeof a->name, "%s", text_at(row, 0));
    snprintf(a->element, sizeof a->element, "%s", text_at(row, 1));
    a->charge = (int8_t)int_at(row, 2);
    a->hydrogens = (uint8_t)int_at(row, 3);
    a->neighbours = (uint8_t)int_at(row, 4);
    a->residue = r;
    c->residue[r].n_atom++;
  }
  c->n_bond = (int)json_array_size(bonds);
  c->bond = OF3_ARENA_NEW(arena, of3_bond, c->n_bond);
  for (int k = 0; k < c->n_bond; k++) {
    const json_t *row = json_array_get(bonds, (size_t)k);
    of3_bond *b = &c->bond[k];
    *b = (of3_bond){.a = int_at(row, 0), .b = int_at(row, 1), .order = (uint8_t)int_at(row, 2)};
    b->aromatic = int_at(row, 3) != 0;
    b->kind = c->atom[b->a].residue == c->atom[b->b].residue ? OF3_BOND_INSIDE : OF3_BOND_LINK;
  }
}

void molecules_from_json(const json_t *doc, of3_arena *arena, of3_complex *out) {
  *out = (of3_complex){0};
  read_chains(doc, arena, out);
  read_atoms(doc, arena, out);
}

static const of3_component *from_smiles(const of3_complex *complex, const of3_residue *r, of3_arena *arena) {
  of3_component *c = OF3_ARENA_NEW(arena, of3_component, 1);
  of3_component_atom *atom = OF3_ARENA_NEW(arena, of3_component_atom, r->n_atom);
  of3_component_bond *bond = OF3_ARENA_NEW(arena, of3_component_bond, complex->n_bond);
  *c =
      (of3_component){.smiles = "CCO", .type = "NON-POLYMER", .own = true, .n_atom = r->n_atom, .atom = atom};
  c->bond = bond;
  memcpy(c->code, r->name, sizeof r->name);
  for (int a = 0; a < r->n_atom; a++) {
    const of3_atom *from = &complex->atom[r->first_atom + a];
    atom[a].charge = from->charge;
    memcpy(atom[a].name, from->name, sizeof from->name);
    memcpy(atom[a].element, from->element, sizeof from->element);
  }
  for (int k = 0; k < complex->n_bond; k++) {
    const of3_bond *b = &complex->bond[k];
    if (&complex->residue[complex->atom[b->a].residue] != r || b->kind != OF3_BOND_INSIDE) continue;
    bond[c->n_bond++] = (of3_component_bond){.a = (uint16_t)(b->a - r->first_atom),
                                             .b = (uint16_t)(b->b - r->first_atom),
                                             .order = b->order,
                                             .aromatic = b->aromatic};
  }
  return c;
}

void molecules_find_components(of3_ccd_library *library, of3_arena *arena, of3_complex *complex) {
  const of3_library of = of3_ccd_library_of(library);
  of3_error err = {0};
  for (int k = 0; k < complex->n_residue; k++) {
    of3_residue *r = &complex->residue[k];
    if (strncmp(r->name, "LIG", 3) == 0)
      r->component = from_smiles(complex, r, arena);
    else
      assert_int_equal(of3_component_find(&of, r->name, &r->component, &err), OF3_OK);
    if (!r->component) fail_msg("no component %s", r->name);
    for (int a = r->first_atom; a < r->first_atom + r->n_atom; a++)
      complex->atom[a].component_atom = of3_component_atom_named(r->component, complex->atom[a].name);
  }
}
