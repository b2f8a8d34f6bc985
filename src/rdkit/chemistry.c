/* of3_library over a dictionary, components of users and RDKit. Layers: what a query brings of its own comes
 * before what everybody shares; a layer is made once for each text. */
#include "rdkit/chemistry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rdkit/chemistry_parts.h"

static of3_status find_in_layers(const of3_component_layer *l, const char *code,
                                 const of3_component **ret_component, of3_error *err) {
  const of3_chemistry *c = l->chemistry;
  const of3_library *own = &l->opt_codes, *user_codes = &c->user_codes, *shared = &c->codes;
  *ret_component = NULL;
  if (l->opt_own) OF3_TRY(own->find(own->user, code, ret_component, err));
  if (!*ret_component && c->opt_user) OF3_TRY(user_codes->find(user_codes->user, code, ret_component, err));
  return *ret_component ? OF3_OK : shared->find(shared->user, code, ret_component, err);
}

static of3_status layer_find(void *user, const char *code, const of3_component **ret_component,
                             of3_error *err) {
  const of3_component_layer *l = user;
  pthread_mutex_lock(&l->chemistry->lock);
  const of3_status status = find_in_layers(l, code, ret_component, err);
  pthread_mutex_unlock(&l->chemistry->lock);
  return status;
}

static of3_status layer_ligand(void *user, const of3_ligand_source *source,
                               const of3_component **ret_component, of3_error *err) {
  const of3_component_layer *l = user;
  return of3_chemistry_ligand(l->chemistry, source, ret_component, err);
}

static of3_status layer_embed(void *user, const of3_component *component, const of3_embedding *how,
                              float *xyz, int *ret_attempts, of3_error *err) {
  const of3_component_layer *l = user;
  return of3_chemistry_embed(l->chemistry, component, how, xyz, ret_attempts, err);
}

static of3_status layer_relax(void *user, const of3_component *component, const of3_embedding *how,
                              float *xyz, bool *ret_found, of3_error *err) {
  const of3_component_layer *l = user;
  return of3_chemistry_relax(l->chemistry, component, how, xyz, ret_found, err);
}

static of3_status layer_symmetries(void *user, const of3_component *component, int most, int32_t *index,
                                   int *ret_n, of3_error *err) {
  const of3_component_layer *l = user;
  return of3_chemistry_symmetries(l->chemistry, component, most, index, ret_n, err);
}

static of3_status layer_with(void *user, const char *name, const char *cif, const of3_log *opt_log,
                             const of3_library **ret_library, of3_error *err);

static void layer_init(of3_component_layer *l, of3_chemistry *c) {
  const of3_ccd *file = of3_ccd_library_file(c->components);
  l->chemistry = c;
  l->library = (of3_library){.find = layer_find,
                             .with = layer_with,
                             .ligand = layer_ligand,
                             .embed = layer_embed,
                             .relax = layer_relax,
                             .symmetries = layer_symmetries,
                             .user = l,
                             .opt_date = file ? of3_ccd_newest(file) : NULL};
}

/* ---- Components of a query */

of3_status of3_chemistry_refuse_standard(const of3_ccd_library *own, const char *name, of3_error *err) {
  for (int i = 0; i < of3_ccd_library_n_own(own); i++) {
    const char *code = of3_ccd_library_own(own, i)->code;
    if (of3_standard_residue(code))
      return of3_fail(
          err, OF3_ERR_INPUT,
          "'%.200s' describes the component '%s', which is a standard residue; choose another code", name,
          code);
  }
  return OF3_OK;
}

of3_status of3_chemistry_tell_replaced(of3_chemistry *c, const of3_ccd_library *own, const of3_log *opt_log,
                                       of3_error *err) {
  for (int i = 0; i < of3_ccd_library_n_own(own); i++) {
    const char *code = of3_ccd_library_own(own, i)->code, *source = NULL;
    const of3_ccd_entry *known = NULL;
    OF3_TRY(of3_ccd_library_entry(c->components, code, &known, &source, err));
    if (known)
      of3_logf(opt_log, OF3_LOG_INFO, "component '%s': the user's takes the place of the dictionary's (%s)",
               code, source);
  }
  return OF3_OK;
}

static of3_status layer_new(of3_chemistry *c, const char *name, const char *cif, of3_component_layer **ret,
                            of3_error *err) {
  of3_component_layer *l = OF3_ARENA_NEW(c->arena, of3_component_layer, 1);
  if (l) l->text = of3_arena_strdup(c->arena, cif);
  if (!l || !l->text) return of3_fail_memory(err, "components");
  OF3_TRY(of3_ccd_library_new(&l->opt_own, err));
  of3_status status = of3_ccd_library_add_bytes(l->opt_own, name, cif, strlen(cif), err);
  if (status == OF3_OK) status = of3_chemistry_refuse_standard(l->opt_own, name, err);
  if (status != OF3_OK) {
    of3_ccd_library_close(l->opt_own);
    return status;
  }
  layer_init(l, c);
  l->opt_codes = of3_ccd_library_of(l->opt_own);
  l->next = c->layers;
  c->layers = *ret = l;
  return OF3_OK;
}

static of3_status find_layer(of3_chemistry *c, const char *name, const char *cif, const of3_log *opt_log,
                             const of3_library **ret_library, of3_error *err) {
  of3_component_layer *l = c->layers;
  while (l && strcmp(l->text, cif) != 0) l = l->next;
  if (!l) OF3_TRY(layer_new(c, name, cif, &l, err));
  *ret_library = &l->library;
  if (l->told || !opt_log) return OF3_OK;
  l->told = true;
  return of3_chemistry_tell_replaced(c, l->opt_own, opt_log, err);
}

static of3_status layer_with(void *user, const char *name, const char *cif, const of3_log *opt_log,
                             const of3_library **ret_library, of3_error *err) {
  of3_chemistry *c = ((of3_component_layer *)user)->chemistry;
  pthread_mutex_lock(&c->lock);
  const of3_status status = find_layer(c, name, cif, opt_log, ret_library, err);
  pthread_mutex_unlock(&c->lock);
  return status;
}

/* ---- The whole */

of3_status of3_chemistry_open(const char *opt_ccd, of3_chemistry **ret_chemistry, of3_error *err) {
  *ret_chemistry = NULL;
  of3_chemistry *c = calloc(1, sizeof *c);
  if (!c || pthread_mutex_init(&c->lock, NULL) != 0) {
    free(c);
    return of3_fail_memory(err, "components");
  }
  c->arena = of3_arena_new(0);
  c->conformers = of3_arena_new(0);
  of3_status status = c->arena && c->conformers ? of3_ccd_library_open(opt_ccd, &c->components, err)
                                                : of3_fail_memory(err, "components");
  if (status == OF3_OK) {
    c->codes = of3_ccd_library_of(c->components);
    layer_init(&c->bottom, c);
    of3_sha256_init(&c->files);
    *ret_chemistry = c;
  } else
    of3_chemistry_close(c);
  return status;
}

void of3_chemistry_close(of3_chemistry *c) {
  if (!c) return;
  for (const of3_component_layer *l = c->layers; l; l = l->next) of3_ccd_library_close(l->opt_own);
  of3_ccd_library_close(c->opt_user);
  of3_ccd_library_close(c->components);
  of3_cache_close(c->opt_cache);
  of3_arena_free(c->conformers);
  of3_arena_free(c->arena);
  pthread_mutex_destroy(&c->lock);
  free(c);
}

of3_status of3_chemistry_open_cache(of3_chemistry *c, const char *opt_folder, of3_error *err) {
  return of3_conformer_store_open(opt_folder, &c->opt_cache, err);
}

of3_library of3_chemistry_library(of3_chemistry *c) { return c->bottom.library; }

of3_ccd_library *of3_chemistry_components(of3_chemistry *c) { return c->components; }

const char *of3_chemistry_identity(of3_chemistry *c, char out[OF3_CHEMISTRY_TEXT]) {
  const of3_rdkit *r = NULL;
  const of3_ccd *file = of3_ccd_library_file(c->components);
  of3_sha256 files = c->files;
  char hash[OF3_SHA256_HEX];
  int n = snprintf(out, OF3_CHEMISTRY_TEXT, "rdkit=%.40s",
                   of3_chemistry_rdkit(c, &r, NULL) == OF3_OK && r ? r->version : "none");
  if (file)
    n += snprintf(out + n, OF3_CHEMISTRY_TEXT - (size_t)n, " ccd=%d components to %.20s", of3_ccd_count(file),
                  of3_ccd_newest(file));
  of3_sha256_hex(&files, hash);
  if (c->opt_user) snprintf(out + n, OF3_CHEMISTRY_TEXT - (size_t)n, " user=%s", hash);
  return out;
}
