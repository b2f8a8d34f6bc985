#include "structure_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "feat/build.h"
#include "molecules_json.h"

const char *const structure_case_name[] = {"phospho",
                                           "caps",
                                           "d_residues",
                                           "rare_letters",
                                           "rna_modified",
                                           "dna_modified",
                                           "hybrid",
                                           "shared_letters",
                                           "copies",
                                           "ions",
                                           "heme",
                                           "cluster",
                                           "cofactors",
                                           "sugars",
                                           "residue_as_ligand",
                                           "five_letters",
                                           "smiles_alone",
                                           "smiles_copies",
                                           "smiles_stereo",
                                           "smiles_aromatic",
                                           "smiles_halogens",
                                           "smiles_salt",
                                           "smiles_dative",
                                           "smiles_dative_alone",
                                           "smiles_charged",
                                           "smiles_one_atom",
                                           "cyclic",
                                           "long_ids",
                                           "chromophore",
                                           "mixed",
                                           "ligands_alone"};
const int structure_case_count = (int)(sizeof structure_case_name / sizeof *structure_case_name);

/* formula() of tools/make_structure_fixtures.py. */
static void make_up(structure_case *s) {
  const int n = s->complex.n_atom;
  s->x = OF3_ARENA_NEW(s->arena, float, 3 * (size_t)n);
  s->plddt = OF3_ARENA_NEW(s->arena, float, n);
  for (int k = 0; k < 3 * n; k++) s->x[k] = (float)(((double)(k * 7919LL % 9973) / 9973.0 - 0.5) * 60.0);
  for (int k = 0; k < n; k++) s->plddt[k] = (float)((double)((k * 4243LL + 1000) % 9973) / 9973.0 * 100.0);
}

void structure_case_open(structure_case *s, const char *name) {
  *s = (structure_case){.name = name, .arena = of3_arena_new(0)};
  json_error_t where;
  of3_error err = {0};
  const char *path = of3_arena_printf(s->arena, "tests/fixtures/structures/%s.json", name);
  s->doc = json_load_file(path, 0, &where);
  if (!s->doc) fail_msg("%s: %s", path, where.text);
  molecules_from_json(s->doc, s->arena, &s->complex);
  s->complex.name = name;
  if (of3_chemistry_open(NULL, &s->chemistry, &err) != OF3_OK) fail_msg("%s", err.text);
  of3_ccd_library *library = of3_chemistry_components(s->chemistry);
  if (strcmp(name, "five_letters") == 0) /* A1AAA is not built in */
    assert_int_equal(of3_ccd_library_add_file(library, "tests/fixtures/cif/components.cif", &err), OF3_OK);
  molecules_find_components(library, s->arena, &s->complex);
  make_up(s);
}

void structure_case_close(structure_case *s) {
  of3_complex_free(&s->built);
  of3_query_set_free(&s->set);
  of3_chemistry_close(s->chemistry);
  json_decref(s->doc);
  of3_arena_free(s->arena);
}

bool structure_case_build(structure_case *s) {
  of3_error err = {0};
  char *json = json_dumps(json_object_get(s->doc, "query"), 0);
  const of3_library library = of3_chemistry_library(s->chemistry);
  char identity[OF3_CHEMISTRY_TEXT];
  const bool no_rdkit = strstr(of3_chemistry_identity(s->chemistry, identity), "rdkit=none") != NULL;
  if (no_rdkit && strstr(json, "\"smiles\"")) {
    free(json);
    return false;
  }
  if (of3_query_from_json(json, strlen(json), "q.json", "", SIZE_MAX, &s->set, &err) != OF3_OK)
    fail_msg("%s", err.text);
  free(json);
  if (s->set.query[0].error.code != OF3_OK) fail_msg("%s: %s", s->name, s->set.query[0].error.text);
  if (of3_complex_build(&s->set.query[0], &library, NULL, &s->built, &err) != OF3_OK)
    fail_msg("%s: %s", s->name, err.text);
  assert_int_equal(s->built.n_atom, s->complex.n_atom);
  return true;
}

char *structure_case_file(const structure_case *s, const char *ending) {
  size_t n;
  return gunzip(s->arena, of3_arena_printf(s->arena, "tests/fixtures/structures/%s.%s.gz", s->name, ending),
                &n);
}
