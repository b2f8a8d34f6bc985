/* The parts of the reader of AlphaFold 3's JSON. */
#ifndef OF3_DIALECT_AF3_H
#define OF3_DIALECT_AF3_H

#include "dialect/build.h"
#include "feat/query_json_value.h"

typedef struct of3_af3_reader {
  of3_query_builder b;
  of3_json_reader json;
  bool server; /* jobs of the server */
  int n_id;    /* chains of the job so far, which the server calls A, B, ... */
} of3_af3_reader;

/* An entry of "sequences": {"protein": {"id": "A", ..}}, or {"proteinChain": {"count": 2, ..}} of the server.
 */
OF3_MUST_CHECK of3_status of3_af3_molecule(of3_af3_reader *r, json_t *entry, of3_error *err);
OF3_MUST_CHECK of3_status of3_af3_server_molecule(of3_af3_reader *r, json_t *entry, of3_error *err);

/* [{"ptmType": "SEP", "ptmPosition": 3}, ..] by the names of their keys; prefix "CCD_" of codes is left out.
 */
OF3_MUST_CHECK of3_status of3_af3_modifications(const of3_af3_reader *r, const json_t *all,
                                                of3_query_chain *chain, of3_error *err);

/* Ids for n copies, the next ones of the job. */
OF3_MUST_CHECK of3_status of3_af3_server_ids(of3_af3_reader *r, int n, const char ***ret_id, of3_error *err);
/* "glycans" of all proteins of a job of the server, whose molecules have been read. */
OF3_MUST_CHECK of3_status of3_af3_server_glycans(of3_af3_reader *r, json_t *job, of3_error *err);

/* "templates" of a protein. */
OF3_MUST_CHECK of3_status of3_af3_templates(of3_af3_reader *r, json_t *protein, of3_query_chain *chain,
                                            of3_error *err);

#endif
