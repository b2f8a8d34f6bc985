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

/* ---- Values and rows */

/* Texts in the arena, NULL if memory is out. */
const char *of3_cif_number(const of3_cif_writer *w, int i);
const char *of3_cif_real(const of3_cif_writer *w, float x); /* shortest that reads back */
const char *of3_cif_double(const of3_cif_writer *w, double x);
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
  const float *x;                                                 /* [3] */
  const char *group, *number, *entity, *seq, *label_seq, *charge; /* seq: the author's number */
} of3_cif_atom;
of3_cif_atom of3_cif_atom_of(const of3_cif_writer *w, int k);

/* The place of a residue in the sequence, "." without one; the author's number. */
const char *of3_cif_label_seq(const of3_cif_writer *w, const of3_residue *residue);
const char *of3_cif_auth_seq(const of3_cif_writer *w, const of3_residue *residue);

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

/* ---- ModelCIF: parts of it (cif_model.c) */

/* The complex with entities as mmCIF means them. To the network the DNA and the RNA of the
 * same letters are one entity, and so is a sequence with and without modified residues; here they are
 * different ones, counted on. The numbers stay where there is no such thing. *out shares all but the chains,
 * which the arena has. */
OF3_MUST_CHECK of3_status of3_cif_number_entities(const of3_complex *complex, of3_arena *arena,
                                                  of3_complex *out, of3_error *err);

typedef enum of3_cif_entity { OF3_CIF_POLYMER, OF3_CIF_NON_POLYMER, OF3_CIF_BRANCHED } of3_cif_entity;
of3_cif_entity of3_cif_entity_of(const of3_chain *chain);

/* The first chain of each entity, in the order of their numbers; the others are its copies. */
typedef struct of3_cif_entities {
  int n;
  const of3_chain **first; /* [n] */
  int *copies;             /* [n]: how many chains it has */
} of3_cif_entities;
OF3_MUST_CHECK of3_status of3_cif_find_entities(const of3_cif_writer *w, of3_cif_entities *out);

/* "?" for a component without one. */
const char *of3_cif_component_name(const of3_component *component);

OF3_MUST_CHECK of3_status of3_cif_add_components(const of3_cif_writer *w);
OF3_MUST_CHECK of3_status of3_cif_add_entities(const of3_cif_writer *w, const of3_cif_entities *all);
OF3_MUST_CHECK of3_status of3_cif_add_polymers(const of3_cif_writer *w, const of3_cif_entities *all);
OF3_MUST_CHECK of3_status of3_cif_add_chains(const of3_cif_writer *w);
OF3_MUST_CHECK of3_status of3_cif_add_ligands(const of3_cif_writer *w, const of3_cif_entities *all);
/* entry: the name of the data block. */
OF3_MUST_CHECK of3_status of3_cif_add_quality(const of3_cif_writer *w, const of3_cif_entities *all,
                                              const char *entry);
OF3_MUST_CHECK of3_status of3_cif_add_links(const of3_cif_writer *w);

#endif
