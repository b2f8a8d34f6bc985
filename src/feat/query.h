/* What the user asks for: one or several complexes to fold, read from OpenFold3's JSON or from one of the
 * other dialects (dialect/dialect.h). A query that cannot be served carries its own error; the others of the
 * file are unaffected. */
#ifndef OF3_FEAT_QUERY_H
#define OF3_FEAT_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/status.h"
#include "chem/complex.h"
#include "msa/msa.h"
#include "template/source.h"

enum {
  OF3_MAX_QUERY_NAME = 150,  /* bytes; the name is a folder and the prefix of file names */
  OF3_MAX_CHAIN_ID = 32,     /* bytes */
  OF3_MAX_CODE = 7,          /* of a component; the dictionary's have 5 at most, users' more */
  OF3_MAX_RESIDUES = 100000, /* of one query, copies counted */
  OF3_MAX_CHAINS = 10000,    /* of one query, copies counted */
  OF3_MAX_BONDS = 10000,     /* of one query; leaving atoms; residues of a pocket */
  OF3_MAX_NUMBER = 1000000   /* that a first residue has in files, and -OF3_MAX_NUMBER */
};

/* A residue that takes the place of a letter. */
typedef struct of3_query_residue {
  int position;     /* in the sequence, from 1 */
  const char *code; /* of the component, OF3_MAX_CODE characters at most */
} of3_query_residue;

/* One entry of "chains": one molecule and its copies. A ligand is given in one of three ways: by the codes of
 * its components, one residue each; as SMILES; as a file. */
typedef struct of3_query_chain {
  of3_molecule type;
  int n_id; /* copies; ids are distinct within the query */
  const char **id;
  const char *sequence; /* of a polymer: A-Z and '*', not empty; else NULL */
  int n_code;
  const char **code;  /* of a ligand: its components in the order of residues; else n_code is 0 */
  const char *smiles; /* of a ligand, or NULL */
  const char
      *sdf_path; /* of a ligand: an existing SDF or mol file, of which the first entry counts; or NULL */
  const char *sdf_text; /* the entry itself, if sdf_path is only its name in messages; or NULL */
  const char *name;     /* of a ligand by SMILES or file: its residue name; NULL: LIG0, LIG1, ... */
  int n_residue;        /* of a ligand n_code, or 1 */
  int number_shift;     /* author number of a residue less its place in the chain; in files only */
  bool cyclic;          /* the last residue is followed by the first */
  int n_modified;
  of3_query_residue *modified; /* ordered by position, each once */
  int n_msa;                   /* 0: none given */
  const char **msa_path;       /* existing files and folders, as they are opened */
  int n_msa_text;              /* alignments in the query itself; beside those of files */
  of3_msa_text *msa_text;
  bool no_search; /* the query says that there is no alignment: none is sought */
  bool no_msa;    /* an empty list of files: gaps in every row, where none given is the sequence */
  int n_paired;
  const char **paired_path;  /* those of rows that match rows of other chains one by one */
  const char *template_hits; /* an existing file of alignments with templates, or NULL */
  int n_template;
  of3_template_source *template_; /* structures that are templates */
  bool no_templates;              /* an empty list of templates: none are sought */
} of3_query_chain;

/* An atom by names: of a chain, a residue from 1, and its component. */
typedef struct of3_query_atom {
  const char *chain; /* an id */
  int residue;
  const char *name;
} of3_query_atom;

typedef struct of3_query_bond {
  of3_query_atom a, b;
} of3_query_bond;

#define OF3_POCKET_DISTANCE 4.0 /* Angstrom, where nobody says */

/* Where a ligand is to bind (docs/sampling.md). */
typedef struct of3_query_pocket {
  const char *ligand; /* id of its chain */
  int n_residue;
  of3_query_atom *residue; /* name: NULL */
  double max_distance;     /* Angstrom */
} of3_query_pocket;

/* The ligand of a list for which the query was made (dialect/ligand_list.h). */
typedef struct of3_query_screened {
  const char *name;         /* its own, or "" */
  const char *smiles, *ccd; /* NULL: not given so */
  const char *file;         /* the list, and the line in it, from 1 */
  int line;
} of3_query_screened;

typedef struct of3_query {
  const char *name; /* a usable folder name if error.code is OF3_OK, else as given */
  int n_chain;
  of3_query_chain *chain;
  int n_bond;
  of3_query_bond *bond; /* single bonds between residues that no polymer has (docs/features.md 2.1) */
  int n_leaving;
  of3_query_atom *leaving;  /* atoms that are not there */
  bool infer_leaving;       /* what the dictionary calls leaving at the end of a bond is not there either */
  of3_query_pocket *pocket; /* or NULL */
  const char *components;   /* CIF text of the user's own components, or NULL */
  bool use_msas, use_main_msas, use_paired_msas;
  const of3_query_screened *screened; /* or NULL; the ligand is the last chain */
  int n_note;
  const char **note; /* what was understood otherwise than it may have been meant, a sentence each */
  of3_error error;   /* code OF3_OK: the query can be built; else why not, and chain is not to be used */
} of3_query;

typedef struct of3_query_set {
  const char *dialect; /* "OpenFold3 JSON": what the file is written in; NULL: it came from no file */
  int n;
  of3_query *query; /* in the order of the file */
  int n_seed;       /* 0: the file has none */
  uint64_t *seed;   /* distinct */
  of3_arena *arena; /* owns everything */
} of3_query_set;

void of3_query_set_free(of3_query_set *set); /* {0} is allowed */

/* Its chains name no templates any more. */
void of3_query_drop_templates(of3_query *query);

/* OpenFold3's JSON. file names the text in messages; MSA paths are looked for in folder first, then in the
 * working directory. An error of the file as a whole (syntax, unknown top-level key, bad seeds) is
 * returned; an error of one query goes into of3_query.error, also if
 * its name equals an earlier one but for case or Unicode form. */
OF3_MUST_CHECK of3_status of3_query_from_json(const char *text, size_t size, const char *file,
                                              const char *folder, size_t most_memory, of3_query_set *out,
                                              of3_error *err);

/* One protein chain A. */
OF3_MUST_CHECK of3_status of3_query_from_sequence(const char *sequence, const char *name, of3_query_set *out,
                                                  of3_error *err);

/* Whether all of it are standard residues of polymers: no ligand, no residue in the place of a letter. */
bool of3_query_is_standard(const of3_query *query);

/* The query's notes, as warnings. */
void of3_query_log_notes(const of3_query *query, const of3_log *opt_log);

#endif
