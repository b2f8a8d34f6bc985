/* Ligands by SMILES and file: their components, each made once for each name. */
#include <string.h>

#include "rdkit/chemistry_parts.h"

static size_t bucket_of_component(const of3_component *component) {
  return ((uintptr_t)component >> 6) % OF3_CHEMISTRY_BUCKETS; /* arenas align to 64 bytes */
}

static const of3_own_ligand *own_named(const of3_own_ligand *list, const of3_ligand_source *source) {
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

/* The component of a molecule as an entry of a dictionary, in the arena of the chemistry. Under the lock. */
static of3_status component_of(of3_chemistry *c, const of3_ccd_entry *e, const char *opt_smiles,
                               const of3_component **ret_component, of3_error *err) {
  of3_component *component = of3_ccd_component(e, c->arena);
  if (!component) return of3_fail_memory(err, "a ligand");
  OF3_TRY(check_atom_names(component, err));
  component->smiles = opt_smiles;
  component->own = true;
  *ret_component = component;
  return OF3_OK;
}

static of3_status blame_source(const of3_ligand_source *source, of3_error *err) {
  return source->opt_smiles ? of3_prefix(err, "the SMILES '%.200s'", source->opt_smiles)
                            : of3_prefix(err, "'%.200s'", source->path);
}

/* What is in the file. */
static of3_status block_of(const of3_ligand_source *source, of3_arena *arena, char **ret_text,
                           of3_error *err) {
  if (!source->opt_block) return of3_rdkit_block_of(source->path, arena, ret_text, err);
  *ret_text = of3_arena_strdup(arena, source->opt_block);
  return *ret_text ? OF3_OK : of3_fail_memory(err, "a ligand");
}

/* What RDKit reads, in the arena: an entry under the name of the ligand; of a file also what is in it. */
static of3_status read_ligand(of3_chemistry *c, const of3_ligand_source *source, of3_arena *arena,
                              of3_ccd_entry **ret_entry, char **ret_block, of3_error *err) {
  const of3_rdkit *r = NULL;
  of3_rdkit_mol *mol = NULL;
  OF3_TRY(of3_chemistry_rdkit(c, &r, err));
  if (source->opt_smiles)
    OF3_TRY(of3_rdkit_read_smiles(r, source->opt_smiles, &mol, err));
  else {
    OF3_TRY(block_of(source, arena, ret_block, err));
    OF3_TRY(of3_rdkit_read_block(r, source->path, *ret_block, &mol, err));
  }
  const of3_status status = of3_rdkit_entry_of(r, mol, false, arena, ret_entry, err);
  r->free(mol);
  if (status != OF3_OK) return blame_source(source, err);
  of3_ccd_entry *e = *ret_entry;
  strncpy(e->code, source->name, sizeof e->code - 1);
  return OF3_OK;
}

/* Under the lock. */
static of3_status add_ligand(of3_chemistry *c, const of3_ligand_source *source, const of3_ccd_entry *entry,
                             const char *opt_block, of3_error *err) {
  const char *text = source->opt_smiles ? source->opt_smiles : source->path;
  of3_own_ligand *own = OF3_ARENA_NEW(c->arena, of3_own_ligand, 1);
  if (own) own->text = of3_arena_strdup(c->arena, text);
  if (own && opt_block) own->block = of3_arena_strdup(c->arena, opt_block);
  if (!own || !own->text || (opt_block && !own->block)) return of3_fail_memory(err, "a ligand");
  if (component_of(c, entry, source->opt_smiles ? own->text : NULL, &own->component, err) != OF3_OK)
    return blame_source(source, err);
  of3_own_ligand **list = &c->own[of3_chemistry_bucket(text)];
  own->next = *list;
  *list = own;
  list = &c->own_component[bucket_of_component(own->component)];
  own->next_component = *list;
  *list = own;
  return OF3_OK;
}

static const of3_component *known_ligand(const of3_chemistry *c, const of3_ligand_source *source) {
  const char *text = source->opt_smiles ? source->opt_smiles : source->path;
  const of3_own_ligand *known = own_named(c->own[of3_chemistry_bucket(text)], source);
  return known ? known->component : NULL;
}

/* Reads it, and adds it if nobody has done so meanwhile. */
static of3_status make_ligand(of3_chemistry *c, const of3_ligand_source *source, of3_arena *arena,
                              const of3_component **ret_component, of3_error *err) {
  of3_ccd_entry *entry = NULL;
  char *block = NULL;
  of3_status status = OF3_OK;
  OF3_TRY(read_ligand(c, source, arena, &entry, &block, err));
  pthread_mutex_lock(&c->lock);
  if (!known_ligand(c, source)) status = add_ligand(c, source, entry, block, err);
  *ret_component = known_ligand(c, source);
  pthread_mutex_unlock(&c->lock);
  return status;
}

of3_status of3_chemistry_ligand(of3_chemistry *c, const of3_ligand_source *source,
                                const of3_component **ret_component, of3_error *err) {
  pthread_mutex_lock(&c->lock);
  *ret_component = known_ligand(c, source);
  pthread_mutex_unlock(&c->lock);
  if (*ret_component) return OF3_OK;
  of3_arena *arena = of3_arena_new(0);
  const of3_status status =
      arena ? make_ligand(c, source, arena, ret_component, err) : of3_fail_memory(err, "a ligand");
  of3_arena_free(arena);
  return status;
}

const of3_own_ligand *of3_chemistry_own(of3_chemistry *c, const of3_component *component) {
  pthread_mutex_lock(&c->lock);
  const of3_own_ligand *own = c->own_component[bucket_of_component(component)];
  while (own && own->component != component) own = own->next_component;
  pthread_mutex_unlock(&c->lock);
  return own;
}
