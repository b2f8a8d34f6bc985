/* What became of the files and template hits of a query: collected while they are read, for those who ask
 * (of3 inputs). Everything lives in the account's arena. A NULL account collects nothing. */
#ifndef OF3_MSA_ACCOUNT_H
#define OF3_MSA_ACCOUNT_H

#include <stdbool.h>

#include "base/arena.h"

typedef enum of3_file_use {
  OF3_FILE_MAIN,   /* rows of the main block */
  OF3_FILE_PAIRED, /* rows that match those of other chains one by one */
  OF3_FILE_HITS,   /* rows that are paired by species */
  OF3_FILE_ASIDE   /* not used */
} of3_file_use;

typedef struct of3_file_account {
  const char *path;
  const char *key; /* what decides its place: name without extension, of the file or of an archive's member */
  of3_file_use use;
  const char *opt_why; /* of OF3_FILE_ASIDE: "it holds template hits", ... */
  int n_read, n_used; /* rows of it, the query's included; of these in the main block, or paired from files */
  const void *alignment; /* while rows are counted */
} of3_file_account;

typedef struct of3_template_account {
  const char *name;
  const char *opt_why; /* of one that is not used */
  int slot;            /* from 1; 0: it is not used */
  int n_pair;          /* residues that face some of the query */
} of3_template_account;

/* Of a chain and its copies. */
typedef struct of3_chain_account {
  const char *chain;       /* id of the first copy */
  const char *opt_same_as; /* the chain whose files and rows it shares; then it has none of its own */
  int n_file, room_file;
  of3_file_account *file; /* in the order in which they are read; those that are not used come last */
  int n_template, room_template;
  of3_template_account *template_; /* in the order in which they are tried */
  int main_read;                   /* rows of the main block, before: */
  int main_equal;                  /* of these equal to earlier ones */
  int main_paired;                 /* in the paired block, too */
  int main_cut;                    /* for which there was no room */
  int n_main, n_paired;            /* rows of the stack below the query */
  struct of3_account *of;
} of3_chain_account;

typedef struct of3_account {
  of3_arena *arena; /* the caller's */
  int n, room;
  of3_chain_account **chain;
  bool failed; /* something is lost: memory is out */
} of3_account;

/* The chain of this id, a new one if there is none; NULL without an account. */
of3_chain_account *of3_account_chain(of3_account *opt_account, const char *id);

/* Both copy the texts. */
void of3_account_file(of3_chain_account *opt_chain, of3_file_account file);
void of3_account_template(of3_chain_account *opt_chain, of3_template_account template_);

#endif
