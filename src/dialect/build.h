/* A query while it is read from a dialect: lists that grow, sequences as people write them, files. */
#ifndef OF3_DIALECT_BUILD_H
#define OF3_DIALECT_BUILD_H

#include "dialect/dialect.h"

typedef struct of3_query_builder {
  of3_arena *arena;
  const char *folder; /* relative paths are looked for there first, then in the working directory */
  of3_query *query;
  int room_chain, room_bond, room_leaving, room_note;
} of3_query_builder;

/* Begins a query of this name in *query, in which what no folder can be called becomes '_'. */
OF3_MUST_CHECK of3_status of3_builder_begin(of3_query_builder *b, const char *name, size_t n_name,
                                            of3_error *err);

/* A chain more, zeroed, with room for n_id ids; it is valid until the next one is added. NULL: no memory. */
of3_query_chain *of3_builder_add_chain(of3_query_builder *b, of3_molecule type, int n_id);
OF3_MUST_CHECK of3_status of3_builder_add_bond(of3_query_builder *b, of3_query_bond bond, of3_error *err);
OF3_MUST_CHECK of3_status of3_builder_add_leaving(of3_query_builder *b, of3_query_atom atom, of3_error *err);
/* What the user should know of the query, without its name and without a full stop. */
OF3_MUST_CHECK of3_status of3_builder_note(of3_query_builder *b, of3_error *err, const char *fmt, ...)
    OF3_PRINTF(3, 4);

/* The query is complete: looks at its name and chains. What is wrong with it becomes its error, with its name
 * before the sentence; status is what reading it gave, and err its sentence. Only a lack of memory is an
 * error here. */
OF3_MUST_CHECK of3_status of3_builder_end(of3_query_builder *b, of3_status status, of3_error *err);

/* The n letters of a polymer as people write them (docs/queries.md): white space counts for nothing, lower
 * case as capitals, a '*' at the end is left out. `residues`: "(SEP)" is one residue of that component, of
 * which the letter is that of the standard residue that it is made from, if of3 knows it, else X or N. */
OF3_MUST_CHECK of3_status of3_builder_sequence(const of3_query_builder *b, const char *text, size_t n,
                                               bool residues, of3_query_chain *chain, of3_error *err);

/* Bases alone are no protein unless the user says so; how: what to write instead. */
OF3_MUST_CHECK of3_status of3_refuse_bases(const char *sequence, const char *how, of3_error *err);

/* Sorts the modified residues; two of one position are an error. */
OF3_MUST_CHECK of3_status of3_builder_sort_modified(of3_query_chain *chain, of3_error *err);

/* The path of a file that key names, as it can be opened. `folders`: it may be a folder. */
OF3_MUST_CHECK of3_status of3_builder_path(const of3_query_builder *b, const char *key, const char *path,
                                           bool folders, const char **ret_path, of3_error *err);
/* The text of that file, in whatever form (of3_read_text). */
OF3_MUST_CHECK of3_status of3_builder_file(const of3_query_builder *b, const char *key, const char *path,
                                           const char **ret_text, of3_error *err);
/* One more alignment file, or alignment in the query itself. */
OF3_MUST_CHECK of3_status of3_builder_add_msa(const of3_query_builder *b, of3_query_chain *chain,
                                              const char *key, const char *path, of3_error *err);
OF3_MUST_CHECK of3_status of3_builder_add_msa_text(const of3_query_builder *b, of3_query_chain *chain,
                                                   const char *key, const char *text, of3_error *err);

/* A structure as a template of a protein; what the source names stays where it is. */
enum { OF3_MOST_TEMPLATES = 200 }; /* of a chain */
OF3_MUST_CHECK of3_status of3_builder_add_template(const of3_query_builder *b, of3_query_chain *chain,
                                                   const of3_template_source *source, of3_error *err);

/* The code of a component; where the query brings components of its own, also with small letters, '-' and
 * '_', as AlphaFold 3 has them ("LIG-1"). */
OF3_MUST_CHECK of3_status of3_builder_check_code(const of3_query_builder *b, const char *code,
                                                 of3_error *err);

/* A ligand of one component. */
OF3_MUST_CHECK of3_status of3_builder_set_code(const of3_query_builder *b, of3_query_chain *chain,
                                               const char *code, size_t n, of3_error *err);

/* Ids that nobody gave: A .. Z, AA, AB ..; number from 0. */
enum { OF3_CHAIN_LETTERS = 8 };
void of3_chain_letters(int number, char out[OF3_CHAIN_LETTERS]);

/* text[0 .. n-1] without white space around it. */
typedef struct of3_span {
  const char *text;
  size_t n;
} of3_span;
of3_span of3_span_trim(const char *text, size_t n);
bool of3_span_is(of3_span s, const char *word); /* in any case */

/* The name of the file without folder and endings: "job" of "jobs/job.fasta.gz". */
of3_span of3_query_source_stem(const of3_query_source *source);

#endif
