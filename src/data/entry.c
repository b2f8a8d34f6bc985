#include "data/entry.h"

#include <string.h>

typedef struct entry_builder {
  const of3_clean *from;
  of3_arena *arena;
  of3_set_entry *out;
  int32_t *chain_of; /* of the structure's residues: chain of the query */
} entry_builder;

static bool is_letter_of_sequence(char c) { return c >= 'A' && c <= 'Z'; }

/* The letter of a residue in the sequence: of standard residues theirs; of others what the file says. */
static char letter_of(const entry_builder *b, const of3_structure_chain *chain, of3_molecule type, int k,
                      bool *ret_modified) {
  const of3_structure_residue *r = &b->from->structure->residue[chain->first_residue + k];
  const of3_component *standard = of3_standard_residue(r->code);
  *ret_modified = !standard || of3_letter_class(type, standard->letter) != standard->restype;
  if (!*ret_modified) return standard->letter;
  if (chain->letters && is_letter_of_sequence(chain->letters[k])) return chain->letters[k];
  return type == OF3_PROTEIN ? 'X' : 'N';
}

static of3_status put_polymer(entry_builder *b, const of3_structure_chain *chain, of3_query_chain *out,
                              of3_error *err) {
  char *sequence = OF3_ARENA_NEW(b->arena, char, chain->n_residue + 1);
  out->modified = OF3_ARENA_NEW(b->arena, of3_query_residue, chain->n_residue);
  if (!sequence || !out->modified) return of3_fail_memory(err, "an entry");
  for (int k = 0; k < chain->n_residue; k++) {
    bool modified;
    sequence[k] = letter_of(b, chain, out->type, k, &modified);
    if (!modified) continue;
    const char *code = of3_arena_strdup(b->arena, b->from->structure->residue[chain->first_residue + k].code);
    if (!code) return of3_fail_memory(err, "an entry");
    out->modified[out->n_modified++] = (of3_query_residue){k + 1, code};
  }
  out->sequence = sequence;
  return OF3_OK;
}

static of3_status put_ligand(entry_builder *b, const of3_structure_chain *chain, of3_query_chain *out,
                             of3_error *err) {
  out->code = OF3_ARENA_NEW(b->arena, const char *, chain->n_residue);
  if (!out->code) return of3_fail_memory(err, "an entry");
  for (int k = 0; k < chain->n_residue; k++) {
    out->code[k] = of3_arena_strdup(b->arena, b->from->structure->residue[chain->first_residue + k].code);
    if (!out->code[k]) return of3_fail_memory(err, "an entry");
  }
  out->n_code = chain->n_residue;
  return OF3_OK;
}

static of3_status put_chain(entry_builder *b, int i, of3_error *err) {
  const of3_structure_chain *chain = &b->from->structure->chain[i];
  if (!chain->n_residue) return OF3_OK;
  const int number = b->out->query.n_chain++;
  of3_query_chain *out = &b->out->query.chain[number];
  *out = (of3_query_chain){.type = b->from->type[i],
                           .n_id = 1,
                           .id = OF3_ARENA_NEW(b->arena, const char *, 1),
                           .n_residue = chain->n_residue};
  if (!out->id) return of3_fail_memory(err, "an entry");
  out->id[0] = of3_arena_strdup(b->arena, chain->id);
  if (!out->id[0]) return of3_fail_memory(err, "an entry");
  for (int k = 0; k < chain->n_residue; k++) b->chain_of[chain->first_residue + k] = number;
  return out->type == OF3_LIGAND ? put_ligand(b, chain, out, err) : put_polymer(b, chain, out, err);
}

/* In the order of the structure, so that its numbers of atoms are the entry's. Residues of ligands are
 * numbered by place, those of polymers are there all. */
static void put_atoms(entry_builder *b) {
  const of3_structure *s = b->from->structure;
  for (int i = 0; i < s->n_chain; i++)
    for (int k = 0; k < s->chain[i].n_residue; k++) {
      const int residue = s->chain[i].first_residue + k;
      const of3_structure_residue *r = &s->residue[residue];
      for (int a = r->first_atom; a < r->first_atom + r->n_atom; a++) {
        of3_set_atom *to = &b->out->atom[b->out->n_atom++];
        *to = (of3_set_atom){
            .chain = b->chain_of[residue], .residue = k + 1, .occupancy = s->atom[a].occupancy};
        memcpy(to->name, s->atom[a].name, sizeof to->name);
        memcpy(to->xyz, s->atom[a].xyz, sizeof to->xyz);
      }
    }
}

static of3_query_atom name_atom(const entry_builder *b, int a) {
  const of3_set_atom *atom = &b->out->atom[a];
  return (of3_query_atom){
      .chain = b->out->query.chain[atom->chain].id[0], .residue = atom->residue, .name = atom->name};
}

static void put_bonds(entry_builder *b) {
  const of3_structure *s = b->from->structure;
  for (int i = 0; i < s->n_link; i++)
    b->out->query.bond[b->out->query.n_bond++] =
        (of3_query_bond){name_atom(b, s->link[i].a), name_atom(b, s->link[i].b)};
}

of3_status of3_set_entry_of_structure(const char *name, const of3_clean *clean, of3_arena *arena,
                                      of3_set_entry *out, of3_error *err) {
  const of3_structure *s = clean->structure;
  entry_builder b = {
      .from = clean, .arena = arena, .out = out, .chain_of = OF3_ARENA_NEW(arena, int32_t, s->n_residue)};
  *out = (of3_set_entry){.resolution = s->resolution, .atom = OF3_ARENA_NEW(arena, of3_set_atom, s->n_atom)};
  memcpy(out->released, s->released, sizeof out->released);
  out->query = (of3_query){.name = of3_arena_strdup(arena, name),
                           .chain = OF3_ARENA_NEW(arena, of3_query_chain, s->n_chain),
                           .bond = OF3_ARENA_NEW(arena, of3_query_bond, s->n_link),
                           .use_msas = true,
                           .use_main_msas = true,
                           .use_paired_msas = true};
  if (!b.chain_of || !out->atom || !out->query.name || !out->query.chain || !out->query.bond)
    return of3_fail_memory(err, "an entry");
  for (int i = 0; i < s->n_chain; i++) OF3_TRY(put_chain(&b, i, err));
  put_atoms(&b);
  put_bonds(&b);
  return OF3_OK;
}

static bool has_chain(const of3_query *query, const char *id) {
  for (int i = 0; i < query->n_chain; i++)
    if (strcmp(query->chain[i].id[0], id) == 0) return true;
  return false;
}

of3_status of3_set_entry_select(const of3_set_entry *entry, const int32_t *chain, int n, of3_arena *arena,
                                of3_set_entry *out, of3_error *err) {
  int32_t *place = OF3_ARENA_NEW(arena, int32_t, entry->query.n_chain);
  of3_query *q = &out->query;
  *out = *entry;
  q->chain = OF3_ARENA_NEW(arena, of3_query_chain, n);
  q->bond = OF3_ARENA_NEW(arena, of3_query_bond, entry->query.n_bond);
  out->atom = OF3_ARENA_NEW(arena, of3_set_atom, entry->n_atom);
  if (!place || !q->chain || !q->bond || !out->atom) return of3_fail_memory(err, "an entry");
  q->n_chain = q->n_bond = out->n_atom = 0;
  for (int i = 0; i < n; i++) {
    q->chain[q->n_chain++] = entry->query.chain[chain[i]];
    place[chain[i]] = q->n_chain;
  }
  for (int i = 0; i < entry->query.n_bond; i++)
    if (has_chain(q, entry->query.bond[i].a.chain) && has_chain(q, entry->query.bond[i].b.chain))
      q->bond[q->n_bond++] = entry->query.bond[i];
  for (int i = 0; i < entry->n_atom; i++) {
    if (!place[entry->atom[i].chain]) continue;
    out->atom[out->n_atom] = entry->atom[i];
    out->atom[out->n_atom++].chain = place[entry->atom[i].chain] - 1;
  }
  return OF3_OK;
}

/* The atom of the complex, or -1. */
static int find_atom(const of3_complex *c, const of3_set_atom *atom) {
  const of3_chain *chain = &c->chain[atom->chain];
  if (atom->residue < 1 || atom->residue > chain->n_residue) return -1;
  const of3_residue *r = &c->residue[chain->first_residue + atom->residue - 1];
  for (int a = r->first_atom; a < r->first_atom + r->n_atom; a++)
    if (strcmp(c->atom[a].name, atom->name) == 0) return a;
  return -1;
}

int of3_set_entry_place(const of3_set_entry *entry, const of3_complex *complex, float *xyz, bool *resolved) {
  int lost = 0;
  memset(xyz, 0, 3 * (size_t)complex->n_atom * sizeof *xyz);
  memset(resolved, 0, (size_t)complex->n_atom * sizeof *resolved);
  for (int i = 0; i < entry->n_atom; i++) {
    const of3_set_atom *from = &entry->atom[i];
    const int a = from->occupancy > 0 ? find_atom(complex, from) : -1;
    lost += from->occupancy > 0 && a < 0;
    if (a < 0) continue;
    memcpy(xyz + 3 * (size_t)a, from->xyz, sizeof from->xyz);
    resolved[a] = true;
  }
  return lost;
}
