/* What the files of the client share. */
#ifndef OF3_SERVER_SERVER_PARTS_H
#define OF3_SERVER_SERVER_PARTS_H

#include "base/str.h"
#include "net/http.h"
#include "server/colabfold.h"

enum {
  SERVER_FIRST = 101,   /* number of a request's first sequence */
  SERVER_PACK = 50,     /* sequences of a request, at most */
  SERVER_TICKET = 129,  /* bytes of a ticket's text */
  SERVER_FAILURES = 6,  /* of questions that get no answer, one after the other */
  SERVER_LIMITED = 20,  /* answers RATELIMIT, the same */
  SERVER_DOWNLOADS = 3, /* of one archive, which comes damaged */
  SERVER_ROUNDS = 3     /* submissions of one request, whose ticket the server forgets */
};

struct of3_colabfold {
  of3_colabfold_settings s;
  char *url; /* without '/' at its end */
  of3_http *http;
  uint64_t random; /* state */
  int n_raw;       /* jobs whose raw answers were kept */
  bool greeted;    /* terms of use have been told, or need not be */
};

/* A search at the server. */
typedef struct server_job {
  const char *endpoint, *mode; /* "msa", "env" */
  int n;
  const char *const *sequence;
  char ticket[SERVER_TICKET]; /* "": to be submitted */
  const char *folder;         /* where archive and members go */
} server_job;

/* colabfold.c: opens the connection, if it is not open yet. */
OF3_MUST_CHECK of3_status of3_server_connect(of3_colabfold *c, of3_error *err);
/* A folder in the system's for temporary files, in the arena. */
OF3_MUST_CHECK of3_status of3_server_folder(of3_arena *arena, char **ret_path, of3_error *err);

/* ---- job.c */

/* Asks for a URL until there is an answer with a status below 500; SERVER_FAILURES times at most. */
OF3_MUST_CHECK of3_status of3_server_ask(of3_colabfold *c, const of3_http_request *request, const char *what,
                                         of3_http_answer *ret_answer, of3_error *err);
/* Waits about `seconds`, with a random part. */
OF3_MUST_CHECK of3_status of3_server_pause(of3_colabfold *c, double seconds, of3_error *err);
/* Submits what has no ticket, waits, and unpacks the answer. OF3_ERR_INPUT: the server says that the request
 * is wrong. */
OF3_MUST_CHECK of3_status of3_server_get(of3_colabfold *c, server_job *job, of3_error *err);
/* Downloads and unpacks an archive; asked again if it comes damaged. */
OF3_MUST_CHECK of3_status of3_server_archive(of3_colabfold *c, const char *url, const char *what,
                                             const char *folder, of3_error *err);

/* ---- ticket.c: tickets in the cache. Those of ticket/msa are found by any of their sequences, those of
 * ticket/pair by all. */
typedef struct server_ticket {
  int n; /* 0: there is none */
  const char **sequence;
  char id[SERVER_TICKET];
} server_ticket;

OF3_MUST_CHECK of3_status of3_ticket_find(of3_colabfold *c, const server_job *job, const char *by,
                                          of3_arena *arena, server_ticket *out, of3_error *err);
void of3_ticket_keep(of3_colabfold *c, const server_job *job);
void of3_ticket_forget(of3_colabfold *c, const server_job *job);
bool of3_ticket_is_one(const char *id);
/* The sequences, sorted, with line ends between them: in the arena, NULL if out of memory. */
const char *of3_ticket_complex(int n, const char *const *sequence, of3_arena *arena);

/* ---- answers.c: JSON that servers send; what else it may be is nothing at all. */

/* What the server says of a request. */
typedef struct server_state {
  char status[24], ticket[SERVER_TICKET];
  double retry_after_s;
} server_state;

void of3_answer_set_status(server_state *s, const char *status);
/* Sets status and ticket, if the text has them. */
void of3_answer_state(const char *opt_text, size_t size, server_state *out);

/* An entry of the PDB: its name in small letters, its chains as lines "label author". */
typedef struct server_entry {
  char id[16];
  const char *names;
} server_entry;

/* {"data": {"entries": [..]}}, in the arena; *ret_n -1: it is something else. */
OF3_MUST_CHECK of3_status of3_answer_entries(const char *opt_text, size_t size, of3_arena *arena,
                                             server_entry **ret_entry, int *ret_n, of3_error *err);

/* ---- split.c: adds to out[k] what the text has of sequence SERVER_FIRST + k, which must begin with it. */
OF3_MUST_CHECK of3_status of3_split_a3m(const char *text, size_t size, int n, const char *const *sequence,
                                        of3_str *out, of3_error *err);
OF3_MUST_CHECK of3_status of3_split_m8(const char *text, size_t size, int n, of3_str *out, of3_error *err);

/* ---- chains.c: names of a structure's chains. */
typedef struct server_chain {
  const char *entry, *author; /* "1abc", "A" */
  const char *label;          /* NULL: the entry has no such chain */
  const char *names;          /* what is known of the entry, or NULL */
} server_chain;

/* Fills label of [n] (names: NULL); where the entry is not known it becomes author. */
OF3_MUST_CHECK of3_status of3_chains_find(of3_colabfold *c, server_chain *chain, int n, of3_arena *arena,
                                          of3_error *err);

#endif
