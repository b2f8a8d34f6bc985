/* What chemistry.c, own_ligands.c and conformers.c share. Lists are found by hash or are short. What they
 * lead to is never changed, and lives as long as the chemistry; the lists themselves, the arenas and the
 * dictionaries are guarded by `lock`, which nobody holds while RDKit works. */
#ifndef OF3_RDKIT_CHEMISTRY_PARTS_H
#define OF3_RDKIT_CHEMISTRY_PARTS_H

#include <pthread.h>

#include "base/sha256.h"
#include "ccd/ccd_library.h"
#include "chem/component.h"
#include "rdkit/conformer_store.h"
#include "rdkit/rdkit.h"

typedef struct of3_chemistry of3_chemistry; /* chemistry.h */

enum { OF3_CHEMISTRY_BUCKETS = 4096 };

/* A ligand by SMILES or file, under a name. */
typedef struct of3_own_ligand {
  const char *text;  /* SMILES, or path */
  const char *block; /* of a file: what is in it; else NULL */
  const of3_component *component;
  struct of3_own_ligand *next, *next_component;
} of3_own_ligand;

/* Components of a user's before those of the chemistry. */
typedef struct of3_component_layer {
  of3_chemistry *chemistry;
  of3_ccd_library *opt_own; /* NULL: the layer at the bottom */
  of3_library opt_codes;    /* the same */
  const char *text;         /* what it was read from */
  bool told;                /* the log has what it replaces */
  of3_library library;
  struct of3_component_layer *next;
} of3_component_layer;

typedef struct of3_kept_conformer {
  char key[OF3_SHA256_HEX];
  bool made;
  int attempts;
  const char *why; /* it is not made */
  struct of3_kept_conformer *next;
  float xyz[]; /* [n_atom, 3] if it is made */
} of3_kept_conformer;

typedef struct of3_told_component {
  const of3_component *component;
  struct of3_told_component *next;
} of3_told_component;

struct of3_chemistry {
  pthread_mutex_t lock;
  of3_ccd_library *components;
  of3_library codes;         /* the same */
  of3_ccd_library *opt_user; /* components of the user's for all queries */
  of3_library user_codes;    /* the same */
  of3_component_layer bottom, *layers;
  of3_sha256 files;     /* over those of the user */
  of3_cache *opt_cache; /* of conformers */
  of3_arena *arena;
  bool tried; /* to open RDKit */
  const of3_rdkit *opt_rdkit;
  of3_error missing;                                    /* why there is none */
  of3_own_ligand *own[OF3_CHEMISTRY_BUCKETS];           /* by text */
  of3_own_ligand *own_component[OF3_CHEMISTRY_BUCKETS]; /* by component */
  of3_told_component *told;                             /* components whose fallback the log has */
  of3_arena *conformers;                                /* those kept */
  of3_kept_conformer *kept[OF3_CHEMISTRY_BUCKETS];      /* by key */
};

/* chemistry_parts.c: RDKit, opened when it is first asked for. Takes the lock. */
OF3_MUST_CHECK of3_status of3_chemistry_rdkit(of3_chemistry *c, const of3_rdkit **ret_rdkit, of3_error *err);
size_t of3_chemistry_bucket(const char *text);

/* Components of users: none of a standard residue, which is one token with atoms at known places; what takes
 * the place of the dictionary's is told. name: what describes them. */
OF3_MUST_CHECK of3_status of3_chemistry_refuse_standard(const of3_ccd_library *own, const char *name,
                                                        of3_error *err);
OF3_MUST_CHECK of3_status of3_chemistry_tell_replaced(of3_chemistry *c, const of3_ccd_library *own,
                                                      const of3_log *opt_log, of3_error *err);

/* own_ligands.c; both take the lock */
OF3_MUST_CHECK of3_status of3_chemistry_ligand(of3_chemistry *c, const of3_ligand_source *source,
                                               const of3_component **ret_component, of3_error *err);
/* What the component was made of; NULL: it has a code. */
const of3_own_ligand *of3_chemistry_own(of3_chemistry *c, const of3_component *component);

/* conformers.c; both take the lock */
OF3_MUST_CHECK of3_status of3_chemistry_embed(of3_chemistry *c, const of3_component *component,
                                              const of3_embedding *how, float *xyz, int *ret_attempts,
                                              of3_error *err);
OF3_MUST_CHECK of3_status of3_chemistry_relax(of3_chemistry *c, const of3_component *component,
                                              const of3_embedding *how, float *xyz, bool *ret_found,
                                              of3_error *err);

/* symmetries.c; takes the lock to open RDKit */
OF3_MUST_CHECK of3_status of3_chemistry_symmetries(of3_chemistry *c, const of3_component *component, int most,
                                                   int32_t *index, int *ret_n, of3_error *err);

#endif
