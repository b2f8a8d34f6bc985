/* The species of a row from its header. */
#ifndef OF3_MSA_SPECIES_H
#define OF3_MSA_SPECIES_H

#include <stdbool.h>
#include <stddef.h>

/* The species that a header names, a part of it, perhaps empty; false: none.
 *
 *   tr|Q1|Q1_ECOLI/1-50 text        ECOLI      UniProt: behind the '_' of the entry name
 *   sp|P12345-2|ABC_HUMAN           HUMAN
 *   UniRef100_Q1 ... TaxID=562 RepID=Q1_ECOLI  ECOLI, or 562 if the representative's name says none
 *   |||HUMAN||                      HUMAN      else the fourth of the fields that | _ / : - separate */
bool of3_species_of(const char *header, const char **ret_species, size_t *ret_n);

#endif
