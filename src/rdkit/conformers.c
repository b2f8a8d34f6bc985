/* Conformers: those kept in memory or in the cache, else RDKit's, else the coordinates of the dictionary. A
 * conformer is a function of the molecule and the seeds alone, so it does not matter where it comes from. */
#include <string.h>

#include "base/clock.h"
#include "rdkit/chemistry_parts.h"

enum {
  SECONDS = 120,       /* of a molecule; steps end nearly all before that (rdkit.h) */
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

/* What is asked of RDKit. */
typedef struct conformer_task {
  const of3_rdkit *rdkit;
  const of3_component *component;
  const of3_own_ligand *own; /* what the component was made of, or NULL */
  const of3_embedding *how;
  bool relaxed;
  char key[OF3_SHA256_HEX]; /* over all that decides the outcome */
} conformer_task;

static void set_key(conformer_task *t) {
  const of3_own_ligand *own = t->own;
  of3_sha256 s;
  of3_sha256_init(&s);
  key_add(&s, t->rdkit->version, strlen(t->rdkit->version));
  if (own && own->block)
    key_add(&s, own->block, strlen(own->block));
  else if (own)
    key_add(&s, own->text, strlen(own->text));
  else
    key_add_graph(&s, t->component, t->how->stereo);
  const uint8_t flags[5] = {own != NULL, own && own->block, !own && t->how->stereo, t->how->small_rings,
                            t->relaxed};
  key_add(&s, flags, sizeof flags);
  key_add(&s, t->how->seed, sizeof t->how->seed);
  of3_sha256_hex(&s, t->key);
}

/* ---- In memory */

/* It may be forgotten as soon as the lock is free, so it is copied. */
static bool find_kept(of3_chemistry *c, const conformer_task *t, of3_conformer *out) {
  pthread_mutex_lock(&c->lock);
  const of3_kept_conformer *k = c->kept[of3_chemistry_bucket(t->key)];
  while (k && strcmp(k->key, t->key) != 0) k = k->next;
  if (k) {
    out->made = k->made;
    out->attempts = k->attempts;
    (void)of3_fail(&out->why, OF3_ERR_INPUT, "%s", k->why);
    if (k->made) memcpy(out->xyz, k->xyz, 3 * (size_t)out->n_atom * sizeof *out->xyz);
  }
  pthread_mutex_unlock(&c->lock);
  return k != NULL;
}

static of3_kept_conformer *new_kept(of3_arena *arena, const conformer_task *t, const of3_conformer *f) {
  const size_t bytes = 3 * (size_t)f->n_atom * sizeof *f->xyz;
  of3_kept_conformer *k = of3_arena_alloc(arena, 1, sizeof *k + bytes);
  if (k) k->why = of3_arena_strdup(arena, f->made ? "" : f->why.text);
  if (!k || !k->why) return NULL;
  memcpy(k->key, t->key, sizeof k->key);
  if (f->made) memcpy(k->xyz, f->xyz, bytes);
  k->made = f->made;
  k->attempts = f->attempts;
  return k;
}

/* Forgets all if there are too many; keeping is no duty, so no memory is no error. */
static void keep(of3_chemistry *c, const conformer_task *t, const of3_conformer *f) {
  pthread_mutex_lock(&c->lock);
  of3_arena *fresh = of3_arena_used(c->conformers) > MOST_KEPT ? of3_arena_new(0) : NULL;
  if (fresh) {
    of3_arena_free(c->conformers);
    c->conformers = fresh;
    memset(c->kept, 0, sizeof c->kept);
  }
  of3_kept_conformer **list = &c->kept[of3_chemistry_bucket(t->key)];
  of3_kept_conformer *k = new_kept(c->conformers, t, f);
  if (k) {
    k->next = *list;
    *list = k;
  }
  pthread_mutex_unlock(&c->lock);
}

/* ---- By RDKit */

static of3_status molecule_of(const conformer_task *t, of3_rdkit_mol **ret_mol, of3_error *err) {
  if (!t->own) return of3_rdkit_component(t->rdkit, t->component, t->how->stereo, ret_mol, err);
  return t->own->block ? of3_rdkit_read_block(t->rdkit, t->own->text, t->own->block, ret_mol, err)
                       : of3_rdkit_read_smiles(t->rdkit, t->own->text, ret_mol, err);
}

/* An error is one of memory, or the wish to stop. */
static of3_status make(const conformer_task *t, of3_conformer *out, of3_error *err) {
  of3_rdkit_mol *mol = NULL;
  out->attempts = 1;
  out->made = false;
  if (molecule_of(t, &mol, &out->why) == OF3_ERR_MEMORY) return of3_fail_memory(err, "a molecule");
  if (!mol) return OF3_OK;
  const of3_status status =
      t->relaxed ? of3_rdkit_relax(t->rdkit, mol, t->how, SECONDS, out->xyz, &out->made, &out->why, err)
                 : of3_rdkit_search(t->rdkit, mol, t->how, SECONDS, out->xyz, &out->attempts, &out->made,
                                    &out->why, err);
  t->rdkit->free(mol);
  return status;
}

/* From the cache, else by RDKit, and then to the cache; but not what would perhaps have been found with more
 * time. */
static of3_status get(of3_chemistry *c, const conformer_task *t, of3_conformer *out, of3_error *err) {
  bool found = false;
  const of3_conformer_store store = {c->opt_cache, t->rdkit->version, t->how->opt_log};
  OF3_TRY(of3_conformer_store_get(&store, t->key, out, &found, err));
  if (found) return OF3_OK;
  const double begin = of3_seconds();
  OF3_TRY(make(t, out, err));
  if (!out->made && of3_seconds() - begin >= SECONDS) return OF3_OK;
  return of3_conformer_store_put(&store, t->key, out, err);
}

/* What RDKit makes of it, or why it makes nothing. */
static of3_status outcome_of(of3_chemistry *c, const of3_component *component, const of3_embedding *how,
                             bool relaxed, of3_conformer *out, of3_error *err) {
  conformer_task t = {.component = component, .how = how, .relaxed = relaxed};
  out->n_atom = component->n_atom;
  out->attempts = 1;
  if (of3_chemistry_rdkit(c, &t.rdkit, &out->why) != OF3_OK) return OF3_OK;
  t.own = of3_chemistry_own(c, component);
  set_key(&t);
  if (find_kept(c, &t, out)) return OF3_OK;
  OF3_TRY(get(c, &t, out, err));
  keep(c, &t, out);
  return OF3_OK;
}

/* ---- What features get */

/* Whether the log has it already: each component once. */
static of3_status tell(of3_chemistry *c, const of3_component *component, bool *ret_first, of3_error *err) {
  of3_status status = OF3_OK;
  pthread_mutex_lock(&c->lock);
  const of3_told_component *t = c->told;
  while (t && t->component != component) t = t->next;
  *ret_first = !t;
  of3_told_component *told = t ? NULL : OF3_ARENA_NEW(c->arena, of3_told_component, 1);
  if (told) {
    *told = (of3_told_component){component, c->told};
    c->told = told;
  } else if (!t)
    status = of3_fail_memory(err, "a component");
  pthread_mutex_unlock(&c->lock);
  return status;
}

/* The coordinates of the dictionary, as there are no others. */
static of3_status fall_back(of3_chemistry *c, const of3_component *component, const of3_embedding *how,
                            const char *why, float *xyz, of3_error *err) {
  bool first = false;
  if (!component->ideal)
    return of3_fail(err, OF3_ERR_INPUT, "the component '%s' has no coordinates, and RDKit makes none: %s",
                    component->code, why);
  memcpy(xyz, component->ideal, 3 * (size_t)component->n_atom * sizeof *xyz);
  OF3_TRY(tell(c, component, &first, err));
  if (first)
    of3_logf(
        how->opt_log, c->opt_rdkit ? OF3_LOG_WARN : OF3_LOG_INFO,
        "component '%s': its reference conformer has the dictionary's coordinates, as RDKit makes none: %s",
        component->code, why);
  return OF3_OK;
}

of3_status of3_chemistry_embed(of3_chemistry *c, const of3_component *component, const of3_embedding *how,
                               float *xyz, int *ret_attempts, of3_error *err) {
  of3_conformer f = {.xyz = xyz};
  OF3_TRY(outcome_of(c, component, how, false, &f, err));
  *ret_attempts = f.attempts;
  return f.made ? OF3_OK : fall_back(c, component, how, f.why.text, xyz, err);
}

of3_status of3_chemistry_relax(of3_chemistry *c, const of3_component *component, const of3_embedding *how,
                               float *xyz, bool *ret_found, of3_error *err) {
  of3_conformer f = {.xyz = xyz};
  OF3_TRY(outcome_of(c, component, how, true, &f, err));
  *ret_found = f.made;
  if (!f.made)
    of3_logf(how->opt_log, OF3_LOG_INFO,
             "component '%s': it goes to its pocket in the shapes that the network gives it, as RDKit makes "
             "none: %s",
             component->code, f.why.text);
  return OF3_OK;
}
