/* of3_inputs.h: what a file of queries asks for, without folding it, and other dialects of it
 * (docs/queries.md). See of3.h for errors, callbacks and ownership. */
#ifndef OF3_INPUTS_H
#define OF3_INPUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "of3.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What an alignment file of a chain, or an alignment of an archive, is used for. */
typedef enum of3_input_use {
  OF3_INPUT_MAIN,   /* rows of the main block */
  OF3_INPUT_PAIRED, /* rows that match those of other chains one by one */
  OF3_INPUT_HITS,   /* rows that are paired by species */
  OF3_INPUT_ASIDE   /* not used */
} of3_input_use;

typedef struct of3_input_file {
  const char *path;
  const char *key; /* what decides its place: its name without extension, or that of the archive's member */
  of3_input_use use;
  const char *why;    /* of OF3_INPUT_ASIDE, what follows the file's name in a sentence; or NULL */
  int n_read, n_used; /* rows that were read of it, and that the network can be given */
} of3_input_file;

typedef struct of3_input_template {
  const char *name; /* "1abc_A", or the file */
  int slot;         /* from 1; 0: it is not used */
  int n_residue;    /* that face some of the query */
  const char *why;  /* it is not used, or NULL */
} of3_input_template;

/* A molecule and its copies. Numbers are of one copy. */
typedef struct of3_input_chain {
  of3_molecule type;
  int n_id;
  const char *const *id;
  const char *text; /* the sequence; "NAG, NAG" of a ligand by codes; SMILES; the file */
  int n_residue, n_token, n_atom;
  int n_modified;
  bool cyclic;
  int msa_rows; /* of its alignment that the network uses; 1: the sequence alone; 0: it can have none */
  const char *same_msa_as; /* the chain whose alignment it shares, and whose files are read; or NULL */
  bool from_server;        /* a protein without alignment: of3_predict asks a server, if it has one */
  int n_file;
  const of3_input_file *file; /* in the order in which their rows stand; those that are not used come last */
  /* Rows of the main block that were read, and those left out of them: equal to earlier ones, in the paired
   * block too, without room. */
  int main_read, main_equal, main_paired, main_cut;
  int n_main, n_paired;      /* what the network can be given below the query's row */
  const char *template_file; /* of template hits, or NULL */
  int n_template;
  const of3_input_template *template_; /* in the order in which they are tried */
} of3_input_chain;

typedef struct of3_input_query {
  const char *name;
  const char *error; /* why it cannot be folded, or NULL; then the rest but chains and notes is 0 */
  int n_chain;       /* molecules: entries of the file */
  const of3_input_chain *chain;
  int n_copy, n_residue, n_token, n_atom; /* of the whole query */
  int n_bond;                             /* that the query asks for */
  int msa_rows, template_slots;           /* rows of the alignment; slots that hold a template */
  int n_note;
  const char *const *note; /* what the user should know, a sentence each */
  uint64_t memory;         /* bytes that a fold takes, weights included */
  double flops;            /* that a fold of one seed takes */
  double seconds;          /* the least, at the rate of a large product of matrices on this machine */
} of3_input_query;

typedef struct of3_inputs {
  const char *dialect; /* "OpenFold3 JSON", ...; "sequence" if it came from no file */
  int n_query, n_failed;
  const of3_input_query *query; /* in the order of the file */
  int n_seed;                   /* 0: the file names none */
  const uint64_t *seed;
  const char *variant;  /* "P1", "P2", "OB": for which memory and work are planned */
  uint64_t free_memory; /* bytes that may be used now; 0: unknown */
} of3_inputs;

typedef struct of3_inputs_options {
  const char *ccd, *user_ccd; /* as of3_predict_options, as are */
  bool infer_leaving_atoms;
  const char *structures; /* as of3_predict_options, as are */
  bool no_templates;
  const of3_settings *settings; /* of alignments and templates; NULL: none */
  int samples, recycles, steps; /* 0: 5, 3 and 200 */
} of3_inputs_options;

/* Reads the file (as of3_predict takes it) and builds the input of the network for every query. Memory and
 * work are planned for the model, or where there is none for a network of the published size. Errors of
 * queries are theirs; an error is one of the file. Ownership: of3_inputs_free. */
OF3_API OF3_MUST_CHECK of3_status of3_inputs_check(of3_engine *engine, const of3_model *opt_model,
                                                   const char *query, const of3_inputs_options *opt_options,
                                                   of3_inputs **ret_inputs, of3_error *err);
OF3_API void of3_inputs_free(of3_inputs *inputs);

typedef struct of3_inputs_convert_options {
  const char *to;  /* "of3", "af3" */
  const char *out; /* the file to write, "/dev/stdout" too; of several queries as af3 a folder, with a file
                      for each */
} of3_inputs_convert_options;

/* Writes the queries in another dialect. Alignments that stand in the file itself become files beside the new
 * one where the dialect has none. A query that cannot be said in it is left out with a warning, *ret_failed
 * of them; with a single query that is the error. */
OF3_API OF3_MUST_CHECK of3_status of3_inputs_convert(const char *query,
                                                     const of3_inputs_convert_options *options,
                                                     const of3_callbacks *opt_callbacks, int *ret_failed,
                                                     of3_error *err);

#ifdef __cplusplus
}
#endif

#endif
