#include "msa/species.h"

#include <string.h>

static bool is_separator(char c) { return c && strchr("|_/:-", c) != NULL; }
static bool ends_word(char c) { return !c || c == ' ' || c == '\t'; }

/* Up to a separator or a blank. */
static bool species_word(const char *at, const char **ret_species, size_t *ret_n) {
  size_t n = 0;
  while (!ends_word(at[n]) && !is_separator(at[n])) n++;
  *ret_species = at;
  *ret_n = n;
  return true;
}

/* Behind the '_' of the entry name, the third field between '|'. */
static bool species_of_entry(const char *header, const char **ret_species, size_t *ret_n) {
  const char *bar = strchr(header, '|'), *entry = bar ? strchr(bar + 1, '|') : NULL;
  for (const char *c = entry ? entry + 1 : ""; !ends_word(*c) && *c != '|' && *c != '/'; c++)
    if (*c == '_') return species_word(c + 1, ret_species, ret_n);
  return false;
}

static bool species_of_uniref(const char *header, const char **ret_species, size_t *ret_n) {
  const char *taxon = strstr(header, " TaxID="), *entry = strstr(header, " RepID=");
  for (const char *c = entry; c && !(c > entry && ends_word(*c)); c++)
    if (*c == '_') return species_word(c + 1, ret_species, ret_n);
  return taxon && species_word(taxon + strlen(" TaxID="), ret_species, ret_n) && *ret_n > 0;
}

static bool fourth_field(const char *header, const char **ret_species, size_t *ret_n) {
  int field = 0;
  for (const char *c = header; *c; c++)
    if (is_separator(*c) && ++field == 3) return species_word(c + 1, ret_species, ret_n);
  return false;
}

bool of3_species_of(const char *header, const char **ret_species, size_t *ret_n) {
  if (strncmp(header, "UniRef", 6) == 0) return species_of_uniref(header, ret_species, ret_n);
  return species_of_entry(header, ret_species, ret_n) || fourth_field(header, ret_species, ret_n);
}
