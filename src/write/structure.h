/* Structure files. mmCIF has two styles: ModelCIF, which programs expect of a predicted structure (polymers
 * with their sequences, occupancies, quality), and the reference's, the text of OpenFold3 0.5.0 byte for byte
 * (docs/files.md 1). So have PDB files, whose atoms are the same in both. */
#ifndef OF3_WRITE_STRUCTURE_H
#define OF3_WRITE_STRUCTURE_H

#include <stdint.h>

#include "base/cancel.h"
#include "base/status.h"
#include "base/str.h"
#include "chem/complex.h"

typedef enum of3_structure_format { OF3_CIF, OF3_CIF_GZ, OF3_PDB } of3_structure_format;

/* "cif", "cif.gz", "pdb": also the ending of the file. */
const char *of3_structure_format_name(of3_structure_format format);
bool of3_structure_format_parse(const char *name, of3_structure_format *out);

typedef enum of3_cif_style { OF3_CIF_MODEL, OF3_CIF_REFERENCE } of3_cif_style;

/* "modelcif", "reference". */
const char *of3_cif_style_name(of3_cif_style style);
bool of3_cif_style_parse(const char *name, of3_cif_style *out);

/* What a file says about the model besides its atoms. */
typedef struct of3_structure_about {
  const char *version, *variant; /* of of3; "P1", "P2", "OB" */
  uint64_t seed;
  int sample;               /* from 1 */
  double plddt, ptm, iptm;  /* of the sample; iptm counts with several chains only */
  const char *opt_pae_file; /* name of the file beside this one that has its PAE */
} of3_structure_about;

/* x [A,3], plddt [A] (the B-factor). Appends to `out`; out->failed is turned into an error. */
OF3_MUST_CHECK of3_status of3_modelcif_text(const of3_complex *complex, const float *x, const float *plddt,
                                            const of3_structure_about *about, of3_cancel *opt_cancel,
                                            of3_str *out, of3_error *err);

/* The reference's style. x [A,3], plddt [A] (the B-factor). Appends to `out`; out->failed is turned into an
 * error. */
OF3_MUST_CHECK of3_status of3_cif_text(const of3_complex *complex, const float *x, const float *plddt,
                                       of3_cancel *opt_cancel, of3_str *out, of3_error *err);

/* opt_about NULL: the reference's style; else with a title, sequences, modified residues, links and TER
 * besides the same atoms. Refuses what the PDB format cannot hold: see of3_pdb_check. */
OF3_MUST_CHECK of3_status of3_pdb_text(const of3_complex *complex, const float *x, const float *plddt,
                                       const of3_structure_about *opt_about, of3_cancel *opt_cancel,
                                       of3_str *out, of3_error *err);

/* What can be known before folding: chain ids of more than one character, more than 99,999 atoms, residues
 * numbered below -999 or above 9,999, atom names of more than four characters; and bonds that the query asks
 * for, which OpenFold3 refuses as well. Call it before the network runs if the user wants PDB files. */
OF3_MUST_CHECK of3_status of3_pdb_check(const of3_complex *complex, of3_error *err);

/* One structure file, through a temporary name; opt_about NULL: the reference's style. The gzip
 * header holds no time: same input, same bytes. */
OF3_MUST_CHECK of3_status of3_structure_write(const char *path, of3_structure_format format,
                                              const of3_complex *complex, const float *x, const float *plddt,
                                              const of3_structure_about *opt_about, of3_cancel *opt_cancel,
                                              of3_error *err);

#endif
