/* The three published generations of OpenFold3 and what their input features differ in
 * (docs/features.md 6): a network must be fed what it was trained on, defects included. */
#ifndef OF3_FEAT_VARIANT_H
#define OF3_FEAT_VARIANT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "chem/component.h"
#include "msa/draw.h"
#include "msa/msa.h"
#include "of3_settings.h"

typedef enum of3_variant {
  OF3_P1, /* preview 1: features of release 0.3.1 */
  OF3_P2, /* preview 2: features of release 0.4.5 */
  OF3_OB  /* OpenBind: features of release 0.5.0 */
} of3_variant;

enum { OF3_N_VARIANT = 3 };

typedef struct of3_kept_msa of3_kept_msa;

/* How features are made. Taken from of3_feature_mode_of; not to be mixed freely. */
typedef struct of3_feature_mode {
  of3_variant variant;
  of3_msa_rules msa;
  double deletion_scale;       /* deletion_value = scale * atan(d/3) */
  bool mask_padding_rows;      /* P1: msa_mask is 0 on rows that pad a chain to the depth of the deepest */
  bool template_gap;           /* P2, OB: restype of an empty template slot is GAP, else no class at all */
  bool template_gaps;          /* P2, OB: templates that leave out residues of the query are used */
  bool template_across_chains; /* P1: their pair features are not masked between chains */
  int template_least_tokens;   /* of a chain that gets templates */
  int template_slots;
  bool cyclic_mask; /* P2, OB: the feature exists */
  /* Of conformers: P2, OB: ligands by their codes have the hand of the dictionary's coordinates; there is an
   * attempt with torsions of small rings. */
  bool ligand_stereo, small_rings;
  /* Not of the variant, set by the caller: ref_pos stays 0, as of3_features_reseed follows or sizes alone
   * are asked for. */
  bool no_conformers;
  bool embed_standard; /* nor this: standard residues too get conformers from the library */
  /* Bytes that features and the alignments they are made from may take together; 0: any number. Not of the
   * variant: set by the caller. */
  uint64_t most_memory;
  of3_cancel *opt_cancel;           /* nor this */
  const char *opt_structures;       /* nor this: folder of template structures by id */
  const of3_library *opt_library;   /* nor this: components of template residues */
  const of3_settings *opt_settings; /* nor this: of3_feature_mode_set */
  of3_kept_msa *opt_kept;           /* nor this: alignments that other queries have, too (feat/kept_msa.h) */
  of3_account *opt_account;         /* nor this: takes what became of files and templates */
  const of3_msa_draw *opt_draw;     /* nor this: a sample of training, which of3_feature_mode_draw sets */
} of3_feature_mode;

of3_feature_mode of3_feature_mode_of(of3_variant variant);

/* OpenFold3's own numbers for pockets. */
of3_pocket_settings of3_pocket_defaults(void);

/* Rows and templates are drawn as `draw` says, which lives as long as the mode. */
void of3_feature_mode_draw(of3_feature_mode *mode, const of3_msa_draw *draw);

/* What the settings say of alignments, templates and pockets, which live as long as the mode. */
void of3_feature_mode_set(of3_feature_mode *mode, const of3_settings *opt_settings);

/* "P1", "P2", "OB". */
const char *of3_variant_name(of3_variant variant);
/* The reverse, in any case; false if there is no such variant. */
bool of3_variant_parse(const char *name, of3_variant *out);

#endif
