/* of3_library over a dictionary and RDKit. Lists below are short or found by hash:
 *
 *   own         SMILES and files, with the component of each name that they were asked for by
 *   conformer   by a hash of all that decides it: RDKit's version, the molecule, the rules, the seeds
 *   told        components whose fallback has been told in the log */
#include "rdkit/chemistry.h"

#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "rdkit/rdkit.h"

enum {
  SECONDS = 120, /* of one attempt, as OpenFold3 has it */
  CHEMISTRY_BUCKETS = 4096,
  MOST_KEPT = 64 << 20 /* bytes of conformers */
};

/* A ligand by SMILES or file, under a name. */
typedef struct own_ligand {
  const char *text;  /* SMILES, or path */
  const char *block; /* of a file: what is in it; else NULL */
  const of3_component *component;
  struct own_ligand *next, *next_component;
} own_ligand;

typedef struct kept_conformer {
  char key[OF3_SHA256_HEX];
  int attempts;
  struct kept_conformer *next;
  float xyz[]; /* [n_atom, 3] */
} kept_conformer;

typedef struct told_component {
  const of3_component *component;
  struct told_component *next;
} told_component;

struct of3_chemistry {
  of3_ccd_library *components;
  of3_library codes;
  of3_arena *arena;
  bool tried; /* to open RDKit */
  const of3_rdkit *opt_rdkit;
  of3_error missing;                                                     /* why there is none */
  own_ligand *own[CHEMISTRY_BUCKETS], *own_component[CHEMISTRY_BUCKETS]; /* by text, by component */
  told_component *told;
  of3_arena *conformers; /* those kept */
  kept_conformer *kept[CHEMISTRY_BUCKETS];
};

of3_status of3_chemistry_open(const char *opt_ccd, of3_chemistry **ret_chemistry, of3_error *err) {
  *ret_chemistry = NULL;
  of3_chemistry *c = calloc(1, sizeof *c);
  if (!c) return of3_fail_memory(err, "components");
  c->arena = of3_arena_new(0);
  c->conformers = of3_arena_new(0);
  of3_status status = c->arena && c->conformers ? of3_ccd_library_open(opt_ccd, &c->components, err)
                                                : of3_fail_memory(err, "components");
  if (status == OF3_OK) {
    c->codes = of3_ccd_library_of(c->components);
    *ret_chemistry = c;
  } else
    of3_chemistry_close(c);
  return status;
}

void of3_chemistry_close(of3_chemistry *c) {
  if (!c) return;
  of3_ccd_library_close(c->components);
  of3_arena_free(c->conformers);
  of3_arena_free(c->arena);
  free(c);
}

of3_ccd_library *of3_chemistry_components(of3_chemistry *c) { return c->components; }

static of3_status chemistry_rdkit(of3_chemistry *c, const of3_rdkit **ret_rdkit, of3_error *err) {
  if (!c->tried && of3_rdkit_open(&c->opt_rdkit, &c->missing) != OF3_OK) c->opt_rdkit = NULL;
  c->tried = true;
  *ret_rdkit = c->opt_rdkit;
  return c->opt_rdkit ? OF3_OK : of3_fail(err, c->missing.code, "%s", c->missing.text);
}

const char *of3_chemistry_version(of3_chemistry *c) {
  const of3_rdkit *r = NULL;
  return chemistry_rdkit(c, &r, NULL) == OF3_OK ? r->version : "";
}

/* FNV-1a */
static size_t bucket_of(const char *text) {
  uint32_t hash = 2166136261U;
  for (; *text; text++) hash = (hash ^ (uint8_t)*text) * 16777619U;
  return hash % CHEMISTRY_BUCKETS;
}

static size_t bucket_of_component(const of3_component *component) {
  return ((uintptr_t)component >> 6) % CHEMISTRY_BUCKETS; /* arenas align to 64 bytes */
}

/* ---- Components */

static of3_status chemistry_find(void *user, const char *code, const of3_component **ret_component,
                                 of3_error *err) {
  const of3_chemistry *c = user;
  return c->codes.find(c->codes.user, code, ret_component, err);
}

static const own_ligand *own_named(const own_ligand *list, const of3_ligand_source *source) {
  const char *text = source->opt_smiles ? source->opt_smiles : source->path;
  for (; list; list = list->next)
    if (!list->block == !!source->opt_smiles && strcmp(list->text, text) == 0 &&
        strcmp(list->component->code, source->name) == 0)
      return list;
  return NULL;
}

/* ref_atom_name_chars has four characters of a name. */
static of3_status check_atom_names(const of3_component *c, of3_error *err) {
  enum { MOST_NAME = 4 };
  for (int i = 0; i < c->n_atom; i++)
    if (strlen(c->atom[i].name) > MOST_NAME)
      return of3_fail(err, OF3_ERR_INPUT,
                      "atom %d would be called %s, and names of atoms have at most %d characters: there are "
                      "too many atoms of one element",
                      i + 1, c->atom[i].name, MOST_NAME);
  return OF3_OK;
}

static of3_status component_of(of3_chemistry *c, const of3_rdkit *r, const of3_rdkit_mol *mol,
                               const char *name, const char *opt_smiles, const of3_component **ret_component,
                               of3_error *err) {
  of3_ccd_entry *e = NULL;
  of3_arena *scratch = of3_arena_new(0);
  of3_component *component = NULL;
  if (!scratch) return of3_fail_memory(err, "a ligand");
  of3_status status = of3_rdkit_entry_of(r, mol, false, scratch, &e, err);
  if (status == OF3_OK) {
    strncpy(e->code, name, sizeof e->code - 1);
    component = of3_ccd_component(e, c->arena);
    status = component ? check_atom_names(component, err) : of3_fail_memory(err, "a ligand");
  }
  of3_arena_free(scratch);
  if (component) component->smiles = opt_smiles;
  *ret_component = component;
  return status;
}

static of3_status read_ligand(of3_chemistry *c, const of3_ligand_source *source, own_ligand *own,
                              of3_error *err) {
  const of3_rdkit *r = NULL;
  of3_rdkit_mol *mol = NULL;
  char *block = NULL;
  OF3_TRY(chemistry_rdkit(c, &r, err));
  if (source->opt_smiles)
    OF3_TRY(of3_rdkit_read_smiles(r, source->opt_smiles, &mol, err));
  else {
    OF3_TRY(of3_rdkit_block_of(source->path, c->arena, &block, err));
    OF3_TRY(of3_rdkit_read_block(r, source->path, block, &mol, err));
    own->block = block;
  }
  of3_status status =
      component_of(c, r, mol, source->name, source->opt_smiles ? own->text : NULL, &own->component, err);
  r->free(mol);
  if (status == OF3_OK) return OF3_OK;
  return source->opt_smiles ? of3_prefix(err, "the SMILES '%.200s'", source->opt_smiles)
                            : of3_prefix(err, "'%.200s'", source->path);
}

static of3_status chemistry_ligand(void *user, const of3_ligand_source *source,
                                   const of3_component **ret_component, of3_error *err) {
  of3_chemistry *c = user;
  const char *text = source->opt_smiles ? source->opt_smiles : source->path;
  own_ligand **list = &c->own[bucket_of(text)];
  const own_ligand *known = own_named(*list, source);
  *ret_component = known ? known->component : NULL;
  if (known) return OF3_OK;
  own_ligand *own = OF3_ARENA_NEW(c->arena, own_ligand, 1);
  if (own) own->text = of3_arena_strdup(c->arena, text);
  if (!own || !own->text) return of3_fail_memory(err, "a ligand");
  OF3_TRY(read_ligand(c, source, own, err));
  own->next = *list;
  *list = own;
  list = &c->own_component[bucket_of_component(own->component)];
  own->next_component = *list;
  *list = own;
  *ret_component = own->component;
  return OF3_OK;
}

/* ---- Conformers */

static const own_ligand *own_of(const of3_chemistry *c, const of3_component *component) {
  const own_ligand *own = c->own_component[bucket_of_component(component)];
  while (own && own->component != component) own = own->next_component;
  return own;
}

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
static void key_of(const of3_rdkit *r, const of3_component *component, const own_ligand *own,
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

static const kept_conformer *kept_of(const of3_chemistry *c, const char *key) {
  const kept_conformer *k = c->kept[bucket_of(key)];
  while (k && strcmp(k->key, key) != 0) k = k->next;
  return k;
}

/* Forgets all if there are too many; keeping is no duty, so no memory is no error. */
static void keep(of3_chemistry *c, const char *key, const float *xyz, int n_atom, int attempts) {
  const size_t bytes = 3 * (size_t)n_atom * sizeof *xyz;
  if (of3_arena_used(c->conformers) + bytes > MOST_KEPT) {
    of3_arena *fresh = of3_arena_new(0);
    if (!fresh) return;
    of3_arena_free(c->conformers);
    c->conformers = fresh;
    memset(c->kept, 0, sizeof c->kept);
  }
  kept_conformer *k = of3_arena_alloc(c->conformers, 1, sizeof *k + bytes);
  if (!k) return;
  kept_conformer **list = &c->kept[bucket_of(key)];
  memcpy(k->key, key, sizeof k->key);
  memcpy(k->xyz, xyz, bytes);
  k->attempts = attempts;
  k->next = *list;
  *list = k;
}

/* The coordinates of the dictionary, as there are no others. */
static of3_status fall_back(of3_chemistry *c, const of3_component *component, const of3_embedding *how,
                            const char *why, float *xyz, of3_error *err) {
  const told_component *t = c->told;
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
  told_component *told = OF3_ARENA_NEW(c->arena, told_component, 1);
  if (!told) return of3_fail_memory(err, "a component");
  *told = (told_component){component, c->told};
  c->told = told;
  return OF3_OK;
}

static of3_status molecule_of(const of3_rdkit *r, const of3_component *component, const own_ligand *own,
                              bool stereo, of3_rdkit_mol **ret_mol, of3_error *err) {
  if (!own) return of3_rdkit_component(r, component, stereo, ret_mol, err);
  return own->block ? of3_rdkit_read_block(r, own->text, own->block, ret_mol, err)
                    : of3_rdkit_read_smiles(r, own->text, ret_mol, err);
}

static of3_status chemistry_embed(void *user, const of3_component *component, const of3_embedding *how,
                                  float *xyz, int *ret_attempts, of3_error *err) {
  of3_chemistry *c = user;
  const of3_rdkit *r = NULL;
  of3_rdkit_mol *mol = NULL;
  of3_error why = {0};
  char key[OF3_SHA256_HEX];
  bool found = false;
  *ret_attempts = 1;
  if (chemistry_rdkit(c, &r, &why) != OF3_OK) return fall_back(c, component, how, why.text, xyz, err);
  const own_ligand *own = own_of(c, component);
  key_of(r, component, own, how, key);
  const kept_conformer *k = kept_of(c, key);
  if (k) {
    memcpy(xyz, k->xyz, 3 * (size_t)component->n_atom * sizeof *xyz);
    *ret_attempts = k->attempts;
    return OF3_OK;
  }
  if (molecule_of(r, component, own, how->stereo, &mol, &why) == OF3_ERR_MEMORY)
    return of3_fail_memory(err, "a molecule");
  const of3_status status =
      mol ? of3_rdkit_search(r, mol, how, SECONDS, xyz, ret_attempts, &found, &why, err) : OF3_OK;
  r->free(mol);
  OF3_TRY(status);
  if (!found) OF3_TRY(fall_back(c, component, how, why.text, xyz, err));
  keep(c, key, xyz, component->n_atom, *ret_attempts);
  return OF3_OK;
}

of3_library of3_chemistry_library(of3_chemistry *c) {
  return (of3_library){
      .find = chemistry_find, .ligand = chemistry_ligand, .embed = chemistry_embed, .user = c};
}
