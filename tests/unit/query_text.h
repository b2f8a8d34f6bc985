/* Queries as text, for the tests of their readers. */
#ifndef OF3_TESTS_QUERY_TEXT_H
#define OF3_TESTS_QUERY_TEXT_H

#include "base/str.h"
#include "dialect/dialect.h"

/* "NAME: protein A,B MKT 2=SEP; ligand C smiles=CCO; bond A1:SG-C1:C1; note ..;", or "NAME: error ..". */
void query_text_put(of3_str *s, const of3_query *query);

typedef of3_status query_reader(const of3_query_source *source, of3_query_set *out, of3_error *err);

/* Asserts what reading the text gives, a line each: "error ..", or "seeds 1 2" if there are any, and the
 * queries. The file is folder/job.x.gz, and paths are relative to tests/fixtures/features. */
void query_text_reads(query_reader *read, const char *text, const char *expected);

#endif
