/* of3_chem.h: chemical components, and the dictionary of them that the PDB publishes. See of3.h
 * for errors, callbacks and ownership. */
#ifndef OF3_CHEM_H
#define OF3_CHEM_H

#include <stdbool.h>
#include <stdint.h>

#include "of3.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct of3_ccd_info {
  int components;
  int obsolete;            /* release status OBS */
  int without_ideal;       /* without ideal coordinates */
  int without_coordinates; /* without ideal and without model coordinates */
  int64_t atoms, bonds;    /* hydrogens counted */
  char newest[16];         /* date of the component that was changed last, "2026-01-16" */
  char path[1024];         /* of the file, cut if it is longer */
} of3_ccd_info;

typedef struct of3_ccd_build_options {
  const char *only; /* a file with the codes that are kept, blanks or line ends between them; NULL: all are */
  bool compact;     /* leave out model coordinates where there are ideal ones */
} of3_ccd_build_options;

/* Where the dictionary lies that is used if opt_ccd was named (or NULL): path [size] becomes "" if the
 * built-in components are all. *ret_by says who named it: "--ccd", "OF3_CCD" (the environment variable),
 * "default place" ($XDG_DATA_HOME/of3/components.ccd, else ~/.local/share/of3/components.ccd). */
OF3_API OF3_MUST_CHECK of3_status of3_ccd_describe_place(const char *opt_ccd, char *path, size_t size,
                                                         const char **ret_by, of3_error *err);

/* The version of RDKit, or why it cannot be used. */
OF3_API OF3_MUST_CHECK of3_status of3_rdkit_describe(const char **ret_version, of3_error *err);

/* Converts the chemical component dictionary, components.cif[.gz] or a BinaryCIF file of components, into one
 * indexed file, which appears at `opt_out` when it is complete; NULL: in the default place, whose folders are
 * made. opt_options NULL: {0}. Of the callbacks only cancel is used. */
OF3_API OF3_MUST_CHECK of3_status of3_ccd_build(const char *in, const char *opt_out,
                                                const of3_ccd_build_options *opt_options,
                                                const of3_callbacks *opt_callbacks, of3_ccd_info *opt_info,
                                                of3_error *err);

typedef struct of3_component_atom_info {
  const char *name, *element; /* "CA", "C" */
  int charge, hydrogens;      /* formal; bonded to it */
  bool leaving;               /* goes when the component is bonded to another */
  bool aromatic;
  char stereo; /* 'R', 'S', or 'N' */
  bool has_xyz;
  double xyz[3]; /* Angstrom: ideal coordinates, or those of a structure that has the component */
} of3_component_atom_info;

typedef struct of3_component_bond_info {
  int a, b; /* atoms */
  int order;
  bool aromatic;
  char stereo; /* 'E', 'Z', or 'N' */
} of3_component_bond_info;

/* Texts are "" where nothing is known. */
typedef struct of3_component_info {
  const char *code, *name, *type, *formula, *parent, *status, *replaced_by, *modified;
  const char *source; /* the file it came from, or "built in" */
  int n_atom, n_bond;
  const of3_component_atom_info *atom; /* hydrogens too */
  const of3_component_bond_info *bond;
} of3_component_info;

typedef struct of3_component_options {
  const char *ccd;  /* as of3_predict_options has it */
  const char *code; /* which component, if a file has several; or NULL */
} of3_component_options;

/* The component of a code, the one that a CIF file describes (chem_comp, chem_comp_atom, chem_comp_bond), or,
 * with RDKit, that of an SDF or mol file (known by .sdf, .mol) or of a SMILES, whose coordinates are those of
 * a drawing. */
OF3_API OF3_MUST_CHECK of3_status of3_component_describe(const char *what,
                                                         const of3_component_options *opt_options,
                                                         of3_component_info **ret_info, of3_error *err);
OF3_API void of3_component_info_free(of3_component_info *opt_info);

/* Draws it as SVG: heavy atoms with their names, bonds, what may leave in grey. */
OF3_API OF3_MUST_CHECK of3_status of3_component_draw(const of3_component_info *info, const char *path,
                                                     of3_error *err);

#ifdef __cplusplus
}
#endif

#endif
