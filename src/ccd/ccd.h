/* The PDB chemical component dictionary (CCD), converted once from CIF (of3 ccd build) into one file that is
 * mapped.
 *
 *   header   64 bytes: magic, version, counts, sizes, newest date of a component
 *   records  one for each component, packed (ccd_record.c)
 *   index    code [8], position u64, size u32, for each component, sorted by code
 *
 * Opening looks at the header and at sizes; a component is found by bisection and unpacked, every length in
 * its record checked. So the file may be of any size and come from anywhere. All numbers are little-endian.
 * The components that are built in are such a file in the program (ccd_builtin.c). */
#ifndef OF3_CCD_CCD_H
#define OF3_CCD_CCD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cancel.h"
#include "base/log.h"
#include "base/status.h"
#include "cif/cif.h"

typedef struct of3_ccd_atom {
  char name[8];
  char element[4]; /* capital letters, "C", "SE"; "X" where the dictionary does not know it */
  int8_t charge;   /* formal */
  bool leaving, aromatic;
  char stereo; /* 'R', 'S', or 'N' */
} of3_ccd_atom;

typedef struct of3_ccd_bond {
  uint16_t a, b;
  uint8_t order; /* 1 ... 4 */
  bool aromatic;
  char stereo; /* 'E', 'Z', or 'N' */
} of3_ccd_bond;

/* All that is kept of a component: all atoms, hydrogens too, in the order of the dictionary. */
typedef struct of3_ccd_entry {
  char code[8];
  /* Texts of chem_comp: name, type, formula, mon_nstd_parent_comp_id, one_letter_code, pdbx_release_status,
   * pdbx_replaced_by, pdbx_modified_date; "" where it says nothing. */
  const char *name, *type, *formula, *parent, *letter, *status, *replaced_by, *modified;
  int n_atom, n_bond;
  of3_ccd_atom *atom;
  of3_ccd_bond *bond;
  float *ideal, *model; /* [n_atom, 3] Angstrom, NaN for an atom that has none; NULL: no atom has any */
} of3_ccd_entry;

/* ---- The mapped file */

typedef struct of3_ccd of3_ccd;

OF3_MUST_CHECK of3_status of3_ccd_open(const char *path, of3_ccd **ret_ccd, of3_error *err);
/* n bytes that outlive it. */
OF3_MUST_CHECK of3_status of3_ccd_open_bytes(const char *name, const void *bytes, size_t n, of3_ccd **ret_ccd,
                                             of3_error *err);
/* n bytes from malloc, which it frees, also if it fails. */
OF3_MUST_CHECK of3_status of3_ccd_open_owned(const char *name, void *bytes, size_t n, of3_ccd **ret_ccd,
                                             of3_error *err);
void of3_ccd_close(of3_ccd *opt_ccd);

int of3_ccd_count(const of3_ccd *ccd);
const char *of3_ccd_newest(const of3_ccd *ccd); /* "2026-01-16": date of the component changed last */

/* The entry of a code (case matters), in the arena; *ret_entry is NULL if there is none. */
OF3_MUST_CHECK of3_status of3_ccd_find(const of3_ccd *ccd, const char *code, of3_arena *arena,
                                       of3_ccd_entry **ret_entry, of3_error *err);
/* The i-th entry in the order of codes. */
OF3_MUST_CHECK of3_status of3_ccd_get(const of3_ccd *ccd, int i, of3_arena *arena, of3_ccd_entry **ret_entry,
                                      of3_error *err);

/* ---- From CIF */

/* Calls `visit` for every component of a file of components: any blocks that have chem_comp, chem_comp_atom
 * and chem_comp_bond, of one component each (components.cif) or of many (BinaryCIF). The entry is gone after
 * the call. An error names the component. */
typedef of3_status of3_ccd_visit(void *user, const of3_ccd_entry *entry, of3_error *err);
OF3_MUST_CHECK of3_status of3_ccd_read(of3_cif *cif, of3_cancel *opt_cancel, of3_ccd_visit *visit, void *user,
                                       of3_error *err);

typedef struct of3_ccd_counts {
  int components, obsolete, no_ideal, no_coordinates;
  int64_t atoms, bonds;
} of3_ccd_counts;

typedef struct of3_ccd_options {
  const char *only; /* codes to keep, separated by blanks; NULL: all */
  bool compact;     /* without model coordinates where there are ideal ones */
} of3_ccd_options;

/* Converts a file of components. `out` appears when it is complete. */
OF3_MUST_CHECK of3_status of3_ccd_convert(const char *in, const char *out, of3_ccd_options options,
                                          of3_cancel *opt_cancel, of3_ccd_counts *opt_counts, of3_error *err);

#endif
