/* One search: its steps, its inputs and what comes of it. */
#ifndef OF3_SEARCH_TASK_H
#define OF3_SEARCH_TASK_H

#include "base/child.h"
#include "base/file.h"
#include "search/search.h"

enum { OF3_MOST_ARGUMENTS = 64 };

/* Arguments of a child, from the path of its program; n 0: nothing is left to do. */
typedef struct of3_command {
  of3_program program;
  int n;
  const char *argv[OF3_MOST_ARGUMENTS + 1];
  bool failed; /* out of memory */
} of3_command;

/* A file that a task makes. */
typedef struct of3_search_file {
  int sequence;
  bool hits;                 /* template hits, else an alignment */
  const char *made;          /* where the task writes it */
  const char *path;          /* where it goes */
  of3_cache_request request; /* what it is made from */
  of3_cache_key key;
  bool is_there; /* at `path`, before the task */
} of3_search_file;

typedef struct of3_search_task of3_search_task;

/* Does what comes between two programs, and says which runs next: step 0, 1, ... An empty command: the files
 * are made. */
typedef of3_status of3_recipe_step(of3_search_task *task, int step, of3_command *out, of3_error *err);

struct of3_search_task {
  of3_recipe_step *step_of;
  const of3_databases *databases;
  int n_database;
  const of3_database *const *database; /* one, but for MMseqs2, which searches one after the other */
  const of3_search_sequence *sequence; /* all of the run */
  int n_file;
  of3_search_file *file; /* one, but for MMseqs2 */
  int input;             /* index of the task that makes `input_msa`, or -1 */
  const char *input_msa; /* of the search for templates: an alignment of the same sequence, or NULL */
  const char *work;      /* a folder of its own */
  int threads;
  bool gpu;
  of3_arena *arena;
  of3_cancel *opt_cancel;
  bool resumes; /* a killed one goes on: all that its steps make is in `work` */
  /* Of the schedule: */
  int n_claim;
  of3_cache_claim **claim; /* while it runs */
  bool resumed;            /* it went on where a killed run stopped */
  bool told;               /* that it waits for another process */
  int step, child;         /* child: -1 if none runs */
  of3_program running;     /* which program that is */
  enum { OF3_TASK_WAITS, OF3_TASK_RUNS, OF3_TASK_DONE, OF3_TASK_FAILED } state;
  double began;
};

of3_recipe_step of3_recipe_jackhmmer, of3_recipe_nhmmer, of3_recipe_hmmsearch, of3_recipe_hhblits,
    of3_recipe_mmseqs;

/* recipe_mmseqs_files.c: the files of a task, from what MMseqs2 wrote. */
OF3_MUST_CHECK of3_status of3_mmseqs_collect(const of3_search_task *task, of3_error *err);

/* Rows are paired by the species in their headers, of which an A3M of MMseqs2 keeps the accession alone. */
bool of3_mmseqs_wants_names(const of3_database *database);

/* The path of a file in the task's folder; NULL if out of memory. */
char *of3_task_path(const of3_search_task *task, const char *name);

/* Begins a command, and adds arguments to it; one that is NULL was to be made when memory was out. */
void of3_command_begin(const of3_search_task *task, of3_program program, of3_command *out);
void of3_command_add(of3_command *command, const char *const *argument, size_t n);
#define OF3_ARGUMENTS(command, ...)                                                                          \
  of3_command_add((command), (const char *const[]){__VA_ARGS__},                                             \
                  sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))
void of3_command_add_number(const of3_search_task *task, of3_command *command, const char *option, int n);

/* Writes a sequence as FASTA into the task's folder. */
OF3_MUST_CHECK of3_status of3_task_write_fasta(const of3_search_task *task, const char *name,
                                               const char *header, const char *letters, of3_error *err);

/* Runs all tasks, with so many threads in all. */
OF3_MUST_CHECK of3_status of3_schedule(of3_search_task *task, int n, const of3_search_options *options,
                                       of3_search_sequence *sequence, of3_search_counts *counts,
                                       of3_error *err);

/* What comes of a task: checks its files, and puts them where they go. */
OF3_MUST_CHECK of3_status of3_task_finish(const of3_search_task *task, const of3_search_options *options,
                                          of3_error *err);

/* Writes what is known already to where a file goes. */
OF3_MUST_CHECK of3_status of3_search_put_file(const of3_search_file *file, const void *bytes, size_t n,
                                              of3_error *err);

/* Puts what another run has searched for to where the file goes, and says so in is_there. */
OF3_MUST_CHECK of3_status of3_search_take(of3_search_file *file, const of3_search_options *options,
                                          of3_search_counts *counts, of3_error *err);

/* task_claim.c: one process searches for a file. *ret_busy: another one does at the moment, and nothing is
 * claimed. Else what others have made meanwhile is taken: is_there of the files. A task claims 256 files at
 * most; processes that share others of a larger one both search for these. */
OF3_MUST_CHECK of3_status of3_task_claim(of3_search_task *task, const of3_search_options *options,
                                         of3_search_counts *counts, bool *ret_busy, of3_error *err);
void of3_task_release(of3_search_task *task);

/* task_resume.c: how far a task is, in its folder. A task that does not resume begins at step 0 in an empty
 * folder. */
OF3_MUST_CHECK of3_status of3_task_begin(of3_search_task *task, of3_error *err);
OF3_MUST_CHECK of3_status of3_task_note_step(const of3_search_task *task, of3_error *err);
/* Removes what is in the folder of all tasks, but for those of these tasks. */
OF3_MUST_CHECK of3_status of3_task_remove_others(const char *work, const of3_search_task *task, int n,
                                                 of3_error *err);

/* Removes a folder with all that is in it; links are not followed. */
void of3_remove_tree(const char *path);

/* stockholm.c: files between the programs. */

/* Whether the file ends with "//", or is empty: one that does not was cut off. */
OF3_MUST_CHECK of3_status of3_stockholm_is_whole(const of3_map *map, of3_error *err);

/* The first `most` (0: all) names of an alignment in Stockholm, their descriptions and the reference line;
 * all other annotation is left out (OpenFold3's truncate_stockholm_msa). */
OF3_MUST_CHECK of3_status of3_stockholm_truncate(const char *from, const char *to, int most, of3_error *err);

/* Appends the rows of an alignment in Stockholm to a FASTA file, without gaps, in lines of 60. upper: in
 * capitals, and with descriptions. */
OF3_MUST_CHECK of3_status of3_stockholm_to_fasta(const char *from, const char *to, bool upper,
                                                 of3_error *err);

/* The rows of an A3M without insertions: aligned FASTA. */
OF3_MUST_CHECK of3_status of3_a3m_to_aligned(const char *from, const char *to, of3_error *err);

#endif
