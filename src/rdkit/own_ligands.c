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
  if (component) {
    component->smiles = opt_smiles;
    component->own = true;
  }
  *ret_component = component;
  return status;
}

/* What is in the file. */
static of3_status block_of(const of3_ligand_source *source, of3_arena *arena, char **ret_text,
                           of3_error *err) {
  if (!source->opt_block) return of3_rdkit_block_of(source->path, arena, ret_text, err);
  *ret_text = of3_arena_strdup(arena, source->opt_block);
  return *ret_text ? OF3_OK : of3_fail_memory(err, "a ligand");
}

static of3_status read_ligand(of3_chemistry *c, const of3_ligand_source *source, of3_own_ligand *own,
                              of3_error *err) {
  const of3_rdkit *r = NULL;
  of3_rdkit_mol *mol = NULL;
  char *block = NULL;
  OF3_TRY(of3_chemistry_rdkit(c, &r, err));
  if (source->opt_smiles)
    OF3_TRY(of3_rdkit_read_smiles(r, source->opt_smiles, &mol, err));
  else {
    OF3_TRY(block_of(source, c->arena, &block, err));
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

of3_status of3_chemistry_ligand(of3_chemistry *c, const of3_ligand_source *source,
                                const of3_component **ret_component, of3_error *err) {
  const char *text = source->opt_smiles ? source->opt_smiles : source->path;
  of3_own_ligand **list = &c->own[of3_chemistry_bucket(text)];
  const of3_own_ligand *known = own_named(*list, source);
  *ret_component = known ? known->component : NULL;
  if (known) return OF3_OK;
  of3_own_ligand *own = OF3_ARENA_NEW(c->arena, of3_own_ligand, 1);
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

const of3_own_ligand *of3_chemistry_own(const of3_chemistry *c, const of3_component *component) {
  const of3_own_ligand *own = c->own_component[bucket_of_component(component)];
  while (own && own->component != component) own = own->next_component;
  return own;
}
