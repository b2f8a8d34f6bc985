/* What a file of queries asks for, on the standard output. */
#ifndef OF3_CLI_INPUTS_REPORT_H
#define OF3_CLI_INPUTS_REPORT_H

#include "of3_inputs.h"

/* For people. server: 'of3 predict' may ask one for alignments. */
void cli_put_inputs(const char *file, const of3_inputs *inputs, bool server);

/* For programs: an object of JSON. */
void cli_json_inputs(const char *file, const of3_inputs *inputs);

/* "protein", ...; "main", "paired", "hits", "unused". */
const char *cli_molecule_name(of3_molecule type);
const char *cli_use_name(of3_input_use use);

#endif
