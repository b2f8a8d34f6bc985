/* The input features of the network (AF3 SI Table 5, with OpenFold3's conventions:
 * docs/features.md). One-hot features are kept as class numbers, OF3_NO_CLASS standing
 * for a row of zeros. */
#ifndef OF3_FEAT_FEATURES_H
#define OF3_FEAT_FEATURES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "msa/alignment.h"

enum {
  OF3_NO_CLASS = 255,
  OF3_N_RESTYPE = 32,  /* 20 amino acids, UNK, A G C U N, DA DG DC DT DN, GAP */
  OF3_N_ELEMENT = 119, /* atomic number - 1; 118 unknown */
  OF3_N_NAME_CHAR = 64,
  OF3_NAME_CHARS = 4,
  OF3_N_DISTOGRAM = 39, /* template distances and confidence distances */
  OF3_MAX_ATOMS_PER_TOKEN = 23
};

enum { OF3_RESTYPE_UNK = 20, OF3_RESTYPE_GAP = 31 };

/* The rows of the alignment beside the tokens of a chain: those of its MSA, whose columns tokens repeat.
 * Chains that share an MSA share its rows. */
typedef struct of3_msa_part {
  int first, n_token;
  const int32_t *column; /* [n_token] of the MSA */
  const uint8_t
      *class_of; /* [256] of its letters, and OF3_MSA_MASKED where a letter stands for a masked cell */
  int n_row;
  const of3_msa_row *row; /* [n_row]; rows of the alignment from there on are absent */
} of3_msa_part;

enum { OF3_MSA_MASKED = 0x80, OF3_MSA_NO_CLASS = 0x7f }; /* of a class in of3_msa_part */

/* Where a ligand is to bind (docs/sampling.md). Read by the sampler, never by the network. */
typedef struct of3_pocket {
  uint8_t *ligand, *site; /* [A] atoms of the ligand, and of the pocket's residues; at least one each */
  float *radius;          /* [A] van der Waals, Angstrom */
  int32_t n_ligand, n_conformer;
  float *conformer; /* [n_conformer,n_ligand,3] of the ligand, each with a mean of 0, Angstrom; NULL: none */
  float contact;    /* Angstrom */
  int32_t n_parent, n_candidate;
  float start; /* part of the schedule that the second descent leaves out */
  float ligand_jitter, center_jitter, surface_jitter; /* Angstrom */
  float buffer;                                       /* part of radii that may overlap */
  float diversity;                                    /* r.m.s. distance of poses, Angstrom */
} of3_pocket;

typedef struct of3_features {
  int n_token, n_atom, n_msa, n_templ;

  /* tokens [N] */
  int32_t *residue_index, *token_index, *asym_id, *entity_id, *sym_id;
  uint8_t *restype; /* class */
  uint8_t *is_protein, *is_rna, *is_dna, *is_ligand, *is_atomized;
  float *token_mask;
  int32_t *num_atoms_per_token, *start_atom_index;
  /* Atoms, -1: none. What each is: docs/features.md 5.1. */
  int32_t *center_atom, *representative_atom; /* [N] */
  int32_t *frame_atoms;                       /* [N,3]; of atomised tokens -1, the coordinates decide */
  uint8_t *cyclic_mask;                       /* or NULL */
  int n_bond;                                 /* bonds between tokens */
  int32_t *token_bonds; /* [n_bond,2] tokens i < j, ordered by i, then j; NULL without bonds */

  /* atoms [A] */
  int32_t *atom_to_token_index;
  float *atom_mask;
  float *ref_pos; /* [A,3] Angstrom */
  float *ref_mask, *ref_charge;
  uint8_t *ref_element;         /* class */
  uint8_t *ref_atom_name_chars; /* [A,4] classes */
  int32_t *ref_space_uid;

  /* MSA [M,N]: not an array, but the rows of the chains' alignments side by side (msa_rows.h). */
  struct of3_alignments *alignments; /* where rows lie; NULL: in the arena */
  int n_msa_part;
  of3_msa_part *msa_part; /* in the order of tokens; tokens of none have absent rows alone */
  uint8_t msa_absent;     /* class of absent cells, as in of3_msa_part */
  bool msa_masked;        /* whether any cell is */
  float *deletion_value;  /* [255] of a deletion byte */
  double deletion_scale;  /* of large deletions: the value is scale * atan(number/3); 0: it is the number */
  float *profile;         /* [N,32] */
  float *deletion_mean;   /* [N] */
  int32_t num_paired_seqs;

  /* templates; n_templ slots, empty ones included. The two pair features may be NULL: all zero. */
  uint8_t *template_restype;                                       /* [T,N] class */
  float *template_pseudo_beta_mask, *template_backbone_frame_mask; /* [T,N] */
  uint8_t *template_distogram;                                     /* [T,N,N] bin or OF3_NO_CLASS */
  float *template_unit_vector;                                     /* [T,N,N,3] */
  /* Coordinates that pair features follow from (template_pairs.h), where those are not given; or NULL. */
  float *template_beta;        /* [T,N,3] */
  float *template_frame;       /* [T,N,3,3] N, CA, C */
  bool template_across_chains; /* P1: pair features between chains too */

  of3_pocket *pocket; /* or NULL */

  of3_arena *arena; /* owns everything but the alignments */
} of3_features;

#endif
