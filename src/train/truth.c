/* The truth of a crop has, of each molecule of an entity that the crop has, the same atoms: those that atoms
 * of the crop are in some copy, under some symmetry of their residue.
 *
 *   crop        tokens 3 4 of copy 1, token 7 of copy 2
 *   required    of the entity: all atoms that may take the place of those of tokens 3, 4 and 7
 *   truth       the required atoms of copies 1, 2, 3 ..
 *
 * A residue of one token is required whole, as its symmetries keep it; of others single atoms are. Rows of
 * permutations are then numbered among the required atoms of their residue. */
#include "train/truth.h"

#include <string.h>

typedef struct maker {
  const of3_truth_input *in;
  of3_arena *arena;
  of3_truth *out;
  int32_t *place;        /* [n_atom] of an atom in its molecule */
  int32_t *first;        /* [entities + 1] of an entity in `required` */
  bool *required;        /* by entity, then place */
  bool *cropped, *stays; /* [n_atom] in the crop; [n_residue] has atoms of the crop */
  bool *in_crop;         /* [molecules] */
} maker;

static int molecule_of_residue(const maker *m, int residue) {
  return m->in->molecules->of_chain[m->in->complex->residue[residue].chain];
}

static int molecule_of_token(const maker *m, int t) {
  return molecule_of_residue(m, m->in->tokens->token[t].residue);
}

static bool *required_of(const maker *m, int atom) {
  const int molecule = molecule_of_residue(m, m->in->complex->atom[atom].residue);
  return m->required + m->first[m->in->molecules->entity[molecule] - 1] + m->place[atom];
}

static of3_status take_memory(maker *m, of3_error *err) {
  const of3_complex *c = m->in->complex;
  const of3_molecules *all = m->in->molecules;
  m->place = OF3_ARENA_NEW(m->arena, int32_t, c->n_atom);
  m->first = OF3_ARENA_NEW(m->arena, int32_t, all->n_entity + 1);
  m->required = OF3_ARENA_NEW(m->arena, bool, c->n_atom);
  m->cropped = OF3_ARENA_NEW(m->arena, bool, c->n_atom);
  m->stays = OF3_ARENA_NEW(m->arena, bool, c->n_residue);
  m->in_crop = OF3_ARENA_NEW(m->arena, bool, all->n);
  return m->place && m->first && m->required && m->cropped && m->stays && m->in_crop
             ? OF3_OK
             : of3_fail_memory(err, "the truth of a sample");
}

/* Places of atoms in their molecules, and of entities in `required`: copies have equal numbers of atoms. */
static of3_status number_atoms(maker *m, of3_error *err) {
  const of3_complex *c = m->in->complex;
  const of3_molecules *all = m->in->molecules;
  int32_t *n = OF3_ARENA_NEW(m->arena, int32_t, all->n);
  if (!n) return of3_fail_memory(err, "the truth of a sample");
  for (int a = 0; a < c->n_atom; a++) m->place[a] = n[molecule_of_residue(m, c->atom[a].residue)]++;
  for (int k = 0; k < all->n; k++)
    if (all->copy[k] == 1) m->first[all->entity[k]] = n[k];
  for (int e = 0; e < all->n_entity; e++) m->first[e + 1] += m->first[e];
  return OF3_OK;
}

static void mark_crop(maker *m) {
  const of3_tokens *tokens = m->in->tokens;
  for (int t = 0; t < tokens->n; t++) {
    if (!m->in->keep[t]) continue;
    m->in_crop[molecule_of_token(m, t)] = true;
    m->stays[tokens->token[t].residue] = true;
    for (int k = 0; k < tokens->token[t].n_atom; k++) m->cropped[tokens->token[t].first_atom + k] = true;
  }
}

/* ---- Permutations */

/* The places in the residue of the atoms that a symmetry puts in those of the crop; false: one is not there.
 */
static bool permute(const maker *m, const of3_residue *r, const int32_t *place, const int32_t *symmetry,
                    int32_t *out) {
  int n = 0;
  for (int a = r->first_atom; a < r->first_atom + r->n_atom; a++) {
    if (!m->cropped[a]) continue;
    const int32_t to = place[symmetry[m->in->complex->atom[a].component_atom]];
    if (to < 0) return false;
    out[n++] = to;
  }
  return true;
}

/* Rows of one residue, by places of atoms in it. */
static of3_status permute_residue(maker *m, int residue, of3_permutations *out, of3_error *err) {
  const of3_complex *c = m->in->complex;
  const of3_residue *r = &c->residue[residue];
  int32_t *symmetry, *place = OF3_ARENA_NEW(m->arena, int32_t, r->component->n_atom);
  int n;
  if (!place) return of3_fail_memory(err, "the truth of a sample");
  OF3_TRY(of3_component_symmetries(c->opt_library, r->component, m->arena, &symmetry, &n, err));
  for (int i = 0; i < r->component->n_atom; i++) place[i] = -1;
  for (int k = 0; k < r->n_atom; k++) {
    place[c->atom[r->first_atom + k].component_atom] = k;
    out->n_atom += m->cropped[r->first_atom + k];
  }
  int32_t *index = OF3_ARENA_NEW(m->arena, int32_t, (size_t)n * (size_t)out->n_atom);
  if (!index) return of3_fail_memory(err, "the truth of a sample");
  out->index = index;
  for (int k = 0; k < n; k++)
    out->n += permute(m, r, place, symmetry + (size_t)k * (size_t)r->component->n_atom,
                      index + (size_t)out->n * (size_t)out->n_atom);
  for (int i = 0; i < out->n * out->n_atom; i++) *required_of(m, r->first_atom + index[i]) = true;
  return OF3_OK;
}

/* From places in the residue to places among its required atoms. */
static of3_status renumber(const maker *m, int residue, of3_permutations *p, of3_error *err) {
  const of3_residue *r = &m->in->complex->residue[residue];
  int32_t *index = OF3_ARENA_NEW(m->arena, int32_t, (size_t)p->n * (size_t)p->n_atom),
          *place = OF3_ARENA_NEW(m->arena, int32_t, r->n_atom);
  if (!index || !place) return of3_fail_memory(err, "the truth of a sample");
  for (int k = 1; k < r->n_atom; k++) place[k] = place[k - 1] + *required_of(m, r->first_atom + k - 1);
  for (int i = 0; i < p->n * p->n_atom; i++) index[i] = place[p->index[i]];
  p->index = index;
  return OF3_OK;
}

static of3_status make_permutations(maker *m, of3_error *err) {
  const of3_complex *c = m->in->complex;
  of3_permutations *p = OF3_ARENA_NEW(m->arena, of3_permutations, c->n_residue);
  int n = 0;
  if (!p) return of3_fail_memory(err, "the truth of a sample");
  for (int r = 0; r < c->n_residue; r++)
    if (m->stays[r]) OF3_TRY(permute_residue(m, r, &p[n++], err));
  for (int r = 0, k = 0; r < c->n_residue; r++)
    if (m->stays[r]) OF3_TRY(renumber(m, r, &p[k++], err));
  m->out->crop.n_conformer = n;
  m->out->crop.conformer = p;
  return OF3_OK;
}

/* ---- Labels of tokens */

typedef struct labels {
  int n;
  int32_t *entity, *copy, *component, *token;
} labels;

static of3_status new_labels(const maker *m, labels *l, of3_symmetric *out, of3_error *err) {
  const int n = m->in->tokens->n;
  out->entity = l->entity = OF3_ARENA_NEW(m->arena, int32_t, n);
  out->copy = l->copy = OF3_ARENA_NEW(m->arena, int32_t, n);
  out->component = l->component = OF3_ARENA_NEW(m->arena, int32_t, n);
  out->token = l->token = OF3_ARENA_NEW(m->arena, int32_t, n);
  return l->entity && l->copy && l->component && l->token ? OF3_OK
                                                          : of3_fail_memory(err, "the truth of a sample");
}

static void put_label(const labels *from, int t, labels *to) {
  to->entity[to->n] = from->entity[t];
  to->copy[to->n] = from->copy[t];
  to->component[to->n] = from->component[t];
  to->token[to->n++] = from->token[t];
}

/* Of all tokens of the entry; components count from 1 and tokens from 0 in their molecules. */
static of3_status label_entry(const maker *m, labels *l, of3_error *err) {
  const of3_tokens *tokens = m->in->tokens;
  const of3_molecules *all = m->in->molecules;
  int32_t *n_token = OF3_ARENA_NEW(m->arena, int32_t, all->n),
          *n_component = OF3_ARENA_NEW(m->arena, int32_t, all->n);
  of3_symmetric whole;
  if (!n_token || !n_component) return of3_fail_memory(err, "the truth of a sample");
  OF3_TRY(new_labels(m, l, &whole, err));
  for (int t = 0; t < tokens->n; t++) {
    const int k = molecule_of_token(m, t);
    if (t == 0 || tokens->token[t].residue != tokens->token[t - 1].residue) n_component[k]++;
    l->entity[t] = all->entity[k];
    l->copy[t] = all->copy[k];
    l->component[t] = n_component[k];
    l->token[t] = n_token[k]++;
  }
  return OF3_OK;
}

/* ---- Tokens and atoms of the truth */

static of3_status new_truth(maker *m, of3_error *err) {
  const int n = m->in->tokens->n, atoms = m->in->complex->n_atom;
  of3_features *f = m->out->features = OF3_ARENA_NEW(m->arena, of3_features, 1);
  if (!f) return of3_fail_memory(err, "the truth of a sample");
  f->token_mask = OF3_ARENA_NEW(m->arena, float, n);
  f->token_index = OF3_ARENA_NEW(m->arena, int32_t, n);
  f->num_atoms_per_token = OF3_ARENA_NEW(m->arena, int32_t, n);
  f->start_atom_index = OF3_ARENA_NEW(m->arena, int32_t, n);
  f->center_atom = OF3_ARENA_NEW(m->arena, int32_t, n);
  f->is_ligand = OF3_ARENA_NEW(m->arena, uint8_t, n);
  m->out->crop_token = OF3_ARENA_NEW(m->arena, int32_t, n);
  m->out->x = OF3_ARENA_NEW(m->arena, float, 3 * (size_t)atoms);
  m->out->resolved = OF3_ARENA_NEW(m->arena, float, atoms);
  return f->token_mask && f->token_index && f->num_atoms_per_token && f->start_atom_index && f->center_atom &&
                 f->is_ligand && m->out->crop_token && m->out->x && m->out->resolved
             ? OF3_OK
             : of3_fail_memory(err, "the truth of a sample");
}

static void put_token(maker *m, int t) {
  const of3_token *from = &m->in->tokens->token[t];
  of3_features *f = m->out->features;
  const int to = f->n_token++;
  f->token_mask[to] = 1;
  f->token_index[to] = t;
  f->num_atoms_per_token[to] = from->n_atom;
  f->start_atom_index[to] = f->n_atom;
  f->center_atom[to] = from->center < 0 ? -1 : f->n_atom + from->center - from->first_atom;
  f->is_ligand[to] = m->in->complex->chain[m->in->complex->residue[from->residue].chain].type == OF3_LIGAND;
  memcpy(m->out->x + 3 * (size_t)f->n_atom, m->in->xyz + 3 * (size_t)from->first_atom,
         3 * (size_t)from->n_atom * sizeof(float));
  for (int k = 0; k < from->n_atom; k++)
    m->out->resolved[f->n_atom++] = m->in->resolved[from->first_atom + k];
}

static of3_status put_tokens(maker *m, of3_error *err) {
  labels all, crop = {0}, truth = {0};
  int n_crop = 0;
  OF3_TRY(label_entry(m, &all, err));
  OF3_TRY(new_labels(m, &crop, &m->out->crop, err));
  OF3_TRY(new_labels(m, &truth, &m->out->truth, err));
  OF3_TRY(new_truth(m, err));
  for (int t = 0; t < m->in->tokens->n; t++) {
    if (m->in->keep[t]) {
      put_label(&all, t, &crop);
      m->out->crop_token[n_crop++] = t;
    }
    if ((m->in->in_crop_only && !m->in_crop[molecule_of_token(m, t)]) ||
        !*required_of(m, m->in->tokens->token[t].first_atom))
      continue;
    put_label(&all, t, &truth);
    put_token(m, t);
  }
  m->out->truth.f = m->out->features;
  return OF3_OK;
}

of3_status of3_truth_make(const of3_truth_input *in, of3_arena *arena, of3_truth *out, of3_error *err) {
  maker m = {.in = in, .arena = arena, .out = out};
  *out = (of3_truth){0};
  OF3_TRY(take_memory(&m, err));
  OF3_TRY(number_atoms(&m, err));
  mark_crop(&m);
  OF3_TRY(make_permutations(&m, err));
  return put_tokens(&m, err);
}
