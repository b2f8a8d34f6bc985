/* What both styles of mmCIF share: rows, numbers, sorted sets, what residues are. */
#ifndef OF3_WRITE_CIF_WRITER_H
#define OF3_WRITE_CIF_WRITER_H

#include "write/cif_table.h"
#include "write/structure.h"

#define OF3_CIF_COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

/* How many texts, and the texts. */
#define OF3_CIF_VALUES(...)                                                                                  \
  OF3_CIF_COUNT(((const char *[]){__VA_ARGS__})), (const char *[]) { __VA_ARGS__ }

/* What the functions for the categories share. */
typedef struct of3_cif_writer {
  const of3_complex *c;
  const float *x, *plddt;
  const of3_structure_about *about; /* NULL in the reference's style */
  of3_arena *arena;
  of3_cancel *opt_cancel;
  of3_str *out;
  of3_error *err;
} of3_cif_writer;

of3_status of3_cif_no_memory(const of3_cif_writer *w);

/* cif_entities.c: the complex with entities as mmCIF means them. To the network the DNA and the RNA of the
 * same letters are one entity, and so is a sequence with and without modified residues; here they are
 * different ones, counted on. The numbers stay where there is no such thing. *out shares all but the chains,
 * which the arena has. */
OF3_MUST_CHECK of3_status of3_cif_number_entities(const of3_complex *complex, of3_arena *arena,
                                                  of3_complex *out, of3_error *err);

/* Texts in the arena, NULL if memory is out. */
const char *of3_cif_number(const of3_cif_writer *w, int i);
const char *of3_cif_real(const of3_cif_writer *w, float x); /* shortest that reads back */
/* With so many decimals (at most 6), whatever the locale; "?" for what is not finite. */
const char *of3_cif_fixed(const of3_cif_writer *w, double x, int decimals);

/* A row of n values, none of which may be NULL for want of memory. Looks at the wish to stop. */
OF3_MUST_CHECK of3_status of3_cif_fill(const of3_cif_writer *w, of3_cif_table *t, int n,
                                       const char *const *value);

/* What both styles say of an atom. */
typedef struct of3_cif_atom {
  const of3_atom *atom;
  const of3_residue *residue;
  const of3_chain *chain;
  const float *x; /* [3] */
  const char *group, *number, *entity, *seq, *label_seq, *charge;
} of3_cif_atom;
of3_cif_atom of3_cif_atom_of(const of3_cif_writer *w, int k);

const of3_residue *of3_cif_residue(const of3_complex *c, int atom);
bool of3_cif_one_of(const char *name, const char *const *list, int n);

/* One of the residues that are linked without a row in struct_conn. */
bool of3_cif_is_canonical(const char *residue);
/* Such a link: C to N or O3' to P of the next residue. */
bool of3_cif_is_canonical_link(const of3_complex *c, const of3_bond *b);
/* A residue with a letter of its own, or an unknown one. */
bool of3_cif_is_standard(const char *residue);

/* One row of a set: up to four texts, compared in turn. */
typedef struct of3_cif_item {
  const char *key[4];
} of3_cif_item;

/* Sorts and removes duplicates; returns how many stay. */
int of3_cif_unique(of3_cif_item *list, int n);

/* Categories that are the same in both styles. */
OF3_MUST_CHECK of3_status of3_cif_add_bonds(const of3_cif_writer *w);          /* chem_comp_bond */
OF3_MUST_CHECK of3_status of3_cif_add_nonpoly_scheme(const of3_cif_writer *w); /* pdbx_nonpoly_scheme */

/* cif_quality.c: the categories of ModelCIF (ma_*). */
OF3_MUST_CHECK of3_status of3_cif_add_quality(const of3_cif_writer *w);

#endif
