/* The templates of a protein chain: which structures, and which of their residues face its own. */
#ifndef OF3_TEMPLATE_TEMPLATE_H
#define OF3_TEMPLATE_TEMPLATE_H

#include "base/cancel.h"
#include "msa/account.h"
#include "of3_settings.h"
#include "template/hits.h"
#include "template/structure.h"

enum { OF3_TEMPLATE_MOST = 20 }; /* kept of a chain, if settings say nothing */

typedef struct of3_template {
  const char *name; /* for messages */
  const of3_template_chain *chain;
  bool gaps;            /* a residue of the query faces none */
  const char *opt_date; /* of its structure's release */
  int n_pair;
  const of3_template_match *pair; /* ordered by residues of the query */
} of3_template;

typedef struct of3_template_request {
  const char *chain;    /* id, for messages */
  const char *sequence; /* of the query */
  const char *hits;     /* a file of hits, whose structures are in folder; or NULL */
  const char *folder;   /* of structures <entry>.cif, .cif.gz, .bcif or .bcif.gz; NULL: none was given */
  int n_source;
  const of3_template_source *source;         /* structures that are named themselves */
  size_t most_memory;                        /* of a file that is read */
  const of3_template_settings *opt_settings; /* filters, numbers, the folder of caches */
  of3_chain_account *opt_account;            /* of those that are not used */
  bool date_inclusive;                       /* OB: structures released on the last day are left out, too */
  of3_cancel *opt_cancel;
} of3_template_request;

/* The file of an entry in a folder of structures, as it is written or in lower or upper case: .cif, .cif.gz,
 * .bcif or .bcif.gz; NULL: there is none. In the arena. */
const char *of3_template_file(const char *folder, const char *entry, of3_arena *arena);

/* At most as many as are kept of a chain, in the order in which they are used: that of the hits; of
 * structures by identity times coverage of the query, 0.1 at least, behind those that come with a map of
 * their residues, which keep their order. What is left out the log says, with the reason; a structure that
 * does not fit its map is an error. What is returned lives in the arena. */
OF3_MUST_CHECK of3_status of3_templates_find(const of3_template_request *request, const of3_log *opt_log,
                                             of3_arena *arena, of3_template **ret_template, int *ret_n,
                                             int *ret_dropped, of3_error *err);

#endif
