/* Conformers: those kept, else RDKit's, else the coordinates of the dictionary. */
#include <string.h>

#include "rdkit/chemistry_parts.h"

enum {
  SECONDS = 120,       /* of one attempt, as OpenFold3 has; steps end nearly all before that (rdkit.h) */
  MOST_KEPT = 64 << 20 /* bytes */
};

static void key_add(of3_sha256 *s, const void *bytes, size_t n) {
  const uint64_t size = n;
  of3_sha256_add(s, &size, sizeof size);
  of3_sha256_add(s, bytes, n);
}

static void key_add_graph(of3_sha256 *s, const of3_component *c, bool stereo) {
  for (int i = 0; i < c->n_atom; i++) {
    key_add(s, c->atom[i].element, strlen(c->atom[i].element));
    key_add(s, &c->atom[i].charge, sizeof c->atom[i].charge);
  }
  for (int i = 0; i < c->n_bond; i++) {
    const uint16_t bond[3] = {c->bond[i].a, c->bond[i].b, c->bond[i].order};
    key_add(s, bond, sizeof bond);
  }
  if (stereo && c->ideal) key_add(s, c->ideal, 3 * (size_t)c->n_atom * sizeof *c->ideal);
}

/* All that decides a conformer. */
static void key_of(const of3_rdkit *r, const of3_component *component, const of3_own_ligand *own,
                   const of3_embedding *how, char out[OF3_SHA256_HEX]) {
  of3_sha256 s;
  of3_sha256_init(&s);
  key_add(&s, r->version, strlen(r->version));
  if (own && own->block)
    key_add(&s, own->block, strlen(own->block));
  else if (own)
    key_add(&s, own->text, strlen(own->text));
  else
    key_add_graph(&s, component, how->stereo);
  const uint8_t flags[4] = {own != NULL, own && own->block, !own && how->stereo, how->small_rings};
  key_add(&s, flags, sizeof flags);
  key_add(&s, how->seed, sizeof how->seed);
  of3_sha256_hex(&s, out);
}

/* Whether the conformer is kept; it may be forgotten as soon as the lock is free, so it is copied. */
static bool find_kept(of3_chemistry *c, const char *key, float *xyz, int n_atom, int *ret_attempts) {
  pthread_mutex_lock(&c->lock);
  const of3_kept_conformer *k = c->kept[of3_chemistry_bucket(key)];
  while (k && strcmp(k->key, key) != 0) k = k->next;
  if (k) {
    memcpy(xyz, k->xyz, 3 * (size_t)n_atom * sizeof *xyz);
    *ret_attempts = k->attempts;
  }
  pthread_mutex_unlock(&c->lock);
  return k != NULL;
}

/* Forgets all if there are too many; keeping is no duty, so no memory is no error. Under the lock. */
static void keep(of3_chemistry *c, const char *key, const float *xyz, int n_atom, int attempts) {
  const size_t bytes = 3 * (size_t)n_atom * sizeof *xyz;
  if (of3_arena_used(c->conformers) + bytes > MOST_KEPT) {
    of3_arena *fresh = of3_arena_new(0);
    if (!fresh) return;
    of3_arena_free(c->conformers);
    c->conformers = fresh;
    memset(c->kept, 0, sizeof c->kept);
  }
  of3_kept_conformer *k = of3_arena_alloc(c->conformers, 1, sizeof *k + bytes);
  if (!k) return;
  of3_kept_conformer **list = &c->kept[of3_chemistry_bucket(key)];
  memcpy(k->key, key, sizeof k->key);
  memcpy(k->xyz, xyz, bytes);
  k->attempts = attempts;
  k->next = *list;
  *list = k;
}

/* The coordinates of the dictionary, as there are no others. Under the lock. */
static of3_status fall_back(of3_chemistry *c, const of3_component *component, const of3_embedding *how,
                            const char *why, float *xyz, of3_error *err) {
  const of3_told_component *t = c->told;
  if (!component->ideal)
    return of3_fail(err, OF3_ERR_INPUT, "the component '%s' has no coordinates, and RDKit makes none: %s",
                    component->code, why);
  memcpy(xyz, component->ideal, 3 * (size_t)component->n_atom * sizeof *xyz);
  while (t && t->component != component) t = t->next;
  if (t) return OF3_OK;
  of3_logf(
      how->opt_log, c->opt_rdkit ? OF3_LOG_WARN : OF3_LOG_INFO,
      "component '%s': its reference conformer has the dictionary's coordinates, as RDKit makes none: %s",
      component->code, why);
  of3_told_component *told = OF3_ARENA_NEW(c->arena, of3_told_component, 1);
  if (!told) return of3_fail_memory(err, "a component");
  *told = (of3_told_component){component, c->told};
  c->told = told;
  return OF3_OK;
}

static of3_status molecule_of(const of3_rdkit *r, const of3_component *component, const of3_own_ligand *own,
                              bool stereo, of3_rdkit_mol **ret_mol, of3_error *err) {
  if (!own) return of3_rdkit_component(r, component, stereo, ret_mol, err);
  return own->block ? of3_rdkit_read_block(r, own->text, own->block, ret_mol, err)
                    : of3_rdkit_read_smiles(r, own->text, ret_mol, err);
}

/* What to do with the outcome of a search, `why` of one that found nothing. */
static of3_status conclude(of3_chemistry *c, const of3_component *component, const of3_embedding *how,
                           const char *opt_key, const of3_error *opt_why, float *xyz, int attempts,
                           of3_error *err) {
  of3_status status = OF3_OK;
  pthread_mutex_lock(&c->lock);
  if (opt_why) status = fall_back(c, component, how, opt_why->text, xyz, err);
  if (status == OF3_OK && opt_key) keep(c, opt_key, xyz, component->n_atom, attempts);
  pthread_mutex_unlock(&c->lock);
  return status;
}
of3_status of3_chemistry_embed(of3_chemistry *c, const of3_component *component, const of3_embedding *how,
                               float *xyz, int *ret_attempts, of3_error *err) {
  const of3_rdkit *r = NULL;
  of3_rdkit_mol *mol = NULL;
  of3_error why = {0};
  char key[OF3_SHA256_HEX];
  bool found = false;
  *ret_attempts = 1;
  if (of3_chemistry_rdkit(c, &r, &why) != OF3_OK) return conclude(c, component, how, NULL, &why, xyz, 1, err);
  const of3_own_ligand *own = of3_chemistry_own(c, component);
  key_of(r, component, own, how, key);
  if (find_kept(c, key, xyz, component->n_atom, ret_attempts)) return OF3_OK;
  if (molecule_of(r, component, own, how->stereo, &mol, &why) == OF3_ERR_MEMORY)
    return of3_fail_memory(err, "a molecule");
  const of3_status status =
      mol ? of3_rdkit_search(r, mol, how, SECONDS, xyz, ret_attempts, &found, &why, err) : OF3_OK;
  r->free(mol);
  OF3_TRY(status);
  return conclude(c, component, how, key, found ? NULL : &why, xyz, *ret_attempts, err);
}
