/* Queries: JSON, FASTA, bare sequences; every refusal is one sentence and stops its own query only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "dialect/dialect.h"
#include "feat/ligand_names.h"
#include "feat/query_size.h"

static of3_status parse(const char *text, of3_query_set *set, of3_error *err) {
  return of3_query_from_json(text, strlen(text), "q.json", "tests/fixtures/features", SIZE_MAX, set, err);
}

static of3_status from_fasta(const char *text, of3_query_set *set, of3_error *err) {
  const of3_query_source source = {text, strlen(text), "q.fasta", "tests/fixtures/features", SIZE_MAX};
  return of3_query_from_fasta(&source, set, err);
}

static void assert_says(const of3_error *err, of3_status code, const char *part) {
  if (err->code != code || !strstr(err->text, part))
    fail_msg("code %d, '%s'; expected code %d and '%s'", err->code, err->text, code, part);
  assert_null(strchr(err->text, '\n'));
}

/* The file as a whole is refused. */
static void refused(const char *text, const char *part) {
  of3_query_set set;
  of3_error err = {0};
  assert_int_not_equal(parse(text, &set, &err), OF3_OK);
  assert_says(&err, OF3_ERR_INPUT, part);
  assert_null(set.arena);
}

static void test_whole_file(void **state) {
  (void)state;
  refused("{\"queries\": {\n  \"a\": }}", "'q.json', line 2, column 8");
  refused("", "line 1, column 1");
  refused("[1]", "an array; an object with 'queries' was expected");
  refused("{}", "'queries' must be an object of named queries; it is missing");
  refused("{\"queries\": {}}", "'queries' is empty");
  refused("{\"queries\": [], \"seeds\": [1]}", "it is an array");
  refused("{\"querys\": {}}", "unknown key 'querys'; the keys are queries, seeds");
  refused("{\"num_seeds\": 2}", "; --num-model-seeds says how many seeds there are");
  refused("{\"ccd_file_path\": 2}", "; --ccd and --user-ccd name files of components");
  refused("{\"queries\": {\"a\": {}, \"a\": {}}}", "duplicate");
  refused("{\"queries\": {\"a\": {\"chains\": [], \"chains\": []}}}", "duplicate");
  refused("{\"queries\": {\"a\": {}}, \"seeds\": 3}", "'seeds' must be a list of integers; it is an integer");
  refused("{\"queries\": {\"a\": {}}, \"seeds\": []}", "'seeds' has 0 entries");
  refused("{\"queries\": {\"a\": {}}, \"seeds\": [1, -1]}", "entry 2 of 'seeds' is negative");
  refused("{\"queries\": {\"a\": {}}, \"seeds\": [1, 1.5]}", "entry 2 of 'seeds' is a real number");
  refused("{\"queries\": {\"a\": {}}, \"seeds\": [7, 8, 7]}", "seed 7 is given twice");
  refused("{\"queries\": {\"a\": {}}, \"seeds\": [99999999999999999999]}", "line 1");
}

#define CHAIN(more)                                                                                          \
  "{\"queries\": {\"good\": {\"chains\": [{\"molecule_type\": \"protein\", \"chain_ids\": \"A\", \"sequence\": \"MK\"}]}, \
  \"bad\": {\"chains\": [{\"chain_ids\": \"A\", " more "}]}}}"
#define PROTEIN(more) CHAIN("\"molecule_type\": \"protein\", " more)
#define QUERY(more)                                                                                          \
  "{\"queries\": {\"bad\": {" more "}, \
  \"good\": {\"chains\": [{\"molecule_type\": \"protein\", \"chain_ids\": \"A\", \"sequence\": \"MK\"}]}}}"

/* One query of two is refused. */
static void one_refused(const char *text, of3_status code, const char *part) {
  of3_query_set set;
  of3_error err = {0};
  assert_int_equal(parse(text, &set, &err), OF3_OK);
  assert_int_equal(set.n, 2);
  int bad = strcmp(set.query[0].name, "good") == 0;
  assert_int_equal(set.query[!bad].error.code, OF3_OK);
  assert_int_equal(of3_query_measure(&set.query[!bad], NULL).n_token, 2);
  assert_says(&set.query[bad].error, code, part);
  of3_query_set_free(&set);
}

static void test_one_query(void **state) {
  (void)state;
  const of3_status in = OF3_ERR_INPUT;
  one_refused(QUERY("\"chain\": []"), in, "query 'bad': unknown key 'chain'; the keys are chains, use_msas");
  one_refused(QUERY("\"chains\": {}"), in, "'chains' must be a list; it is an object");
  one_refused(QUERY("\"chains\": []"), in, "the query has no chain");
  one_refused(QUERY("\"chains\": [3]"), in,
              "query 'bad': entry 1 of 'chains': 'chains' must be a list of objects");
  one_refused(QUERY("\"chains\": [], \"use_msas\": 1"), in,
              "'use_msas' must be true or false; it is an integer");
  one_refused(QUERY("\"chains\": [], \"query_name\": \"other\""), in, "'query_name' differs");
  one_refused(PROTEIN("\"sequenc\": \"MK\""), in,
              "unknown key 'sequenc'; the keys are molecule_type, chain_ids");
  one_refused(PROTEIN("\"description\": \"x\""), in, "'sequence' is missing");
  one_refused(PROTEIN("\"ccd\": \"ATP\""), in, ", so perhaps 'ccd_codes'");
  one_refused(PROTEIN("\"use_msas\": true"), in, "; it belongs to the query, beside 'chains'");
  one_refused(PROTEIN("\"sequence\": \"\""), in, "the sequence is empty");
  one_refused(PROTEIN("\"sequence\": 7"), in, "'sequence' must be a string");
  one_refused(PROTEIN("\"sequence\": \"M-K\""), in, "residue 2 of the sequence is '-'");
  one_refused(PROTEIN("\"sequence\": \"MK\\u00e9\""), in,
              "residue 3 of the sequence is the byte 0xc3; write capital letters");
  one_refused(PROTEIN("\"sequence\": \"MK\", \"description\": 4"), in, "'description' must be a string");
  one_refused(PROTEIN("\"sequence\": \"MK\", \"main_msa_file_paths\": [\"none.a3m\"]"), in,
              "'none.a3m', which exists neither beside");
  one_refused(PROTEIN("\"sequence\": \"MK\", \"paired_msa_file_paths\": [\"none.a3m\"]"), in,
              "'paired_msa_file_paths' names 'none.a3m'");
  one_refused(
      CHAIN("\"molecule_type\": \"rna\", \"sequence\": \"AC\", \"paired_msa_file_paths\": \"a3m/ubi\""), in,
      "RNA is not paired");
  one_refused(PROTEIN("\"sequence\": \"MK\", \"main_msa_file_paths\": [4]"), in,
              "must be a list of strings; it is an integer");
  one_refused(CHAIN("\"molecule_type\": \"peptide\""), in, "'molecule_type' is 'peptide'");
  one_refused(CHAIN("\"sequence\": \"MK\""), in,
              "'molecule_type' must be protein, rna, dna or ligand; it is missing");
  one_refused(QUERY("\"chains\": [{\"molecule_type\": \"protein\", \"sequence\": \"MK\"}]"), in,
              "'chain_ids' must be");
  one_refused(QUERY("\"chains\": [{\"molecule_type\": \"protein\", \"chain_ids\": [\"A\", \"B\", \"A\"], "
                    "\"sequence\": \"MK\"}]"),
              in, "the chain id 'A' is given twice");
  one_refused(
      QUERY("\"chains\": [{\"molecule_type\": \"protein\", \"chain_ids\": [], \"sequence\": \"MK\"}]"), in,
      "empty list");
  one_refused(
      QUERY("\"chains\": [{\"molecule_type\": \"protein\", \"chain_ids\": \"\", \"sequence\": \"MK\"}]"), in,
      "a chain id is empty");
  one_refused(
      QUERY("\"chains\": [{\"molecule_type\": \"protein\", \"chain_ids\": \"A B\", \"sequence\": \"MK\"}]"),
      in, "byte 0x20");
}

static void test_template_keys(void **state) {
  (void)state;
  const of3_status in = OF3_ERR_INPUT;
#define WITH(more) PROTEIN("\"sequence\": \"MK\", " more)
  one_refused(WITH("\"template_alignment_file_path\": \"x.m8\""), in, "names 'x.m8', which exists neither");
  one_refused(WITH("\"template_alignment_file_path\": \"a3m/ubi\""), in,
              "which is a folder; a file was expected");
  one_refused(WITH("\"template_alignment_file_path\": [\"x\"]"), in, "must be the path of a file");
  one_refused(WITH("\"template_cif_paths\": [\"x.cif\"]"), in, "'template_cif_paths' names 'x.cif'");
  one_refused(WITH("\"template_cif_chain_ids\": [\"A\"]"), in, "of the structures of 'template_cif_paths'");
  one_refused(WITH("\"template_cif_paths\": \"a3m.json\", \"template_cif_chain_ids\": [\"A\", null]"), in,
              "names 2 chains and 'template_cif_paths' 1 structures");
  one_refused(WITH("\"template_cif_paths\": \"a3m.json\", \"template_cif_chain_ids\": [4]"), in,
              "must be ids of chains and nulls");
  one_refused(WITH("\"template_cif_paths\": \"a3m.json\", \"template_alignment_file_path\": \"a3m.json\""),
              in, "exclude each other");
  one_refused(CHAIN("\"molecule_type\": \"rna\", \"sequence\": \"AC\", \"template_cif_paths\": \"a3m.json\""),
              in, "is of proteins");
#undef WITH
}

#define LIGAND(more)   CHAIN("\"molecule_type\": \"ligand\", " more)
#define MODIFIED(more) PROTEIN("\"sequence\": \"MKT\", \"non_canonical_residues\": " more)

/* What one kind of molecule has and others have not. */
static void test_molecules_refused(void **state) {
  (void)state;
  const of3_status in = OF3_ERR_INPUT;
  one_refused(CHAIN("\"molecule_type\": \"RNA\""), in, "the key 'sequence' is missing");
  one_refused(CHAIN("\"molecule_type\": \"dna\", \"sequence\": \"AC\", \"main_msa_file_paths\": \"a3m/ubi\""),
              in, "no alignment of DNA");
  one_refused(PROTEIN("\"sequence\": \"MK\", \"ccd_codes\": \"ATP\""), in, "'ccd_codes' is of ligands");
  one_refused(LIGAND("\"sequence\": \"ATP\""), in, "'sequence' is of polymers");
  one_refused(LIGAND("\"main_msa_file_paths\": \"a3m/ubi\", \"ccd_codes\": \"ATP\""), in, "is of polymers");
  one_refused(PROTEIN("\"sequence\": \"MK\", \"smiles\": \"C\""), in, "'smiles' is of ligands");
  one_refused(LIGAND("\"ccd_codes\": null"), in, "one of the keys 'ccd_codes', 'smiles' and 'sdf_file_path'");
  one_refused(LIGAND("\"ccd_codes\": \"ATP\", \"smiles\": \"C\""), in,
              "'ccd_codes' and 'smiles' both say what the ligand is");
  one_refused(LIGAND("\"smiles\": \"C\", \"sdf_file_path\": \"x.sdf\""), in,
              "'smiles' and 'sdf_file_path' both say");
  one_refused(LIGAND("\"smiles\": 7"), in, "'smiles' must be a string");
  one_refused(LIGAND("\"smiles\": \" \""), in, "'smiles' is empty");
  one_refused(LIGAND("\"sdf_file_path\": \"missing.sdf\""), in, "which exists neither");
  one_refused(LIGAND("\"sdf_file_path\": \"a3m\""), in, "which is a folder");
  one_refused(LIGAND("\"ccd_codes\": \"ATP\", \"ligand_name\": \"XYZ\""), in, "the code is the name");
  one_refused(LIGAND("\"smiles\": \"C\", \"ligand_name\": \"X-Y\""), in, "'X-Y' cannot be used");
  one_refused(LIGAND("\"smiles\": \"C\", \"ligand_name\": \"ABCDEF\""), in, "1 to 5 letters and digits");
  one_refused(LIGAND("\"smiles\": \"C\", \"ligand_name\": \"ala\""), in, "that of a standard residue");
  one_refused(LIGAND("\"smiles\": \"C\", \"ligand_name\": \"GAP\""), in, "that of a standard residue");
  one_refused(LIGAND("\"ccd_codes\": []"), in, "empty list");
  one_refused(LIGAND("\"ccd_codes\": [7]"), in, "a list of strings");
  one_refused(LIGAND("\"ccd_codes\": \"\""), in, "'' is no code of a component");
  one_refused(LIGAND("\"ccd_codes\": \" ATP \""), in, "without blanks");
  one_refused(LIGAND("\"ccd_codes\": \"atp\""), in, "1 to 7 capital letters");
  one_refused(LIGAND("\"ccd_codes\": \"ABCDEFGH\""), in, "'ABCDEFGH' is no code");
  one_refused(MODIFIED("[1]"), in, "an object of positions and codes");
  one_refused(MODIFIED("{\"99999999999999999999\": \"SEP\"}"), in, "a position in the sequence");
  one_refused(MODIFIED("{\"\": \"SEP\"}"), in, "has the key ''");
  one_refused(MODIFIED("{\"2a\": \"SEP\"}"), in, "a position in the sequence, 1 to 3");
  one_refused(MODIFIED("{\"2\": \"sep\"}"), in, "position 2: 'sep' is no code");
  one_refused(MODIFIED("{\"2\": 5}"), in, "codes of components");
  one_refused(PROTEIN("\"sequence\": \"MK\", \"cyclic\": 1"), in, "'cyclic' must be true or false");
}

static void test_molecules(void **state) {
  (void)state;
  of3_query_set set;
  of3_error err = {0};
  const char *text =
      "{\"queries\": {\"x\": {\"chains\": ["
      "{\"molecule_type\": \"rna\", \"chain_ids\": \"A\", \"sequence\": \"ACGU\", \"cyclic\": true, "
      "\"non_canonical_residues\": {\"10\": \"A\", \"-1\": \"A\", \"4\": \"H2U\", \" 1 \": \"A\", "
      "\"04\": \"PSU\", \"02\": \"5MC\"}},"
      "{\"molecule_type\": \"LIGAND\", \"chain_ids\": [\"B\", \"C\"], \"ccd_codes\": \"A1JBI\"}]}}}";
  assert_int_equal(parse(text, &set, &err), OF3_OK);
  assert_int_equal(set.query[0].error.code, OF3_OK);
  assert_int_equal(set.query[0].n_note, 3);
  assert_non_null(
      strstr(set.query[0].note[0], "names position 10, and the sequence has 1 to 4; A is left out"));
  assert_non_null(strstr(set.query[0].note[1], "names position -1"));
  assert_non_null(strstr(set.query[0].note[2], "names position 4 twice; the last one counts, PSU, not H2U"));
  const of3_query_chain *rna = &set.query[0].chain[0], *ligand = &set.query[0].chain[1];
  assert_true(rna->type == OF3_RNA && rna->cyclic && rna->n_modified == 3);
  assert_int_equal(rna->modified[0].position, 1);
  assert_int_equal(rna->modified[1].position, 2);
  assert_string_equal(rna->modified[1].code, "5MC");
  assert_string_equal(rna->modified[2].code, "PSU");
  assert_true(ligand->type == OF3_LIGAND && !ligand->sequence && !ligand->cyclic && ligand->n_residue == 1);
  assert_string_equal(ligand->code[0], "A1JBI");
  assert_int_equal(of3_query_measure(&set.query[0], NULL).n_token, 4 + 2);
  of3_query_set_free(&set);
}

#define TWO_LIGANDS(first, second)                                                                           \
  QUERY("\"chains\": [{\"molecule_type\": \"ligand\", \"chain_ids\": \"A\", " first                          \
        "}, {\"molecule_type\": \"ligand\", \"chain_ids\": \"B\", " second "}]")

/* Names of ligands by SMILES: given ones in capitals, others by the sorted order of the SMILES. */
/* One rule for letters in all dialects (docs/queries.md 1). */
static void test_letters(void **state) {
  (void)state;
  const struct {
    const char *written, *read;
  } letters[] = {{"MKT*", "MKT"}, {"mk t", "MKT"}, {"MKT *\\n", "MKT"}, {"M*KT", "M*KT"}, {"MKT**", "MKT*"}};
  for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
    char text[200];
    of3_query_set set;
    of3_error err = {0};
    snprintf(text, sizeof text,
             "{\"queries\": {\"q\": {\"chains\": [{\"molecule_type\": \"protein\", \"chain_ids\": \"A\", "
             "\"sequence\": \"%s\"}]}}}",
             letters[i].written);
    assert_int_equal(of3_query_from_json(text, strlen(text), "f", "", SIZE_MAX, &set, &err), OF3_OK);
    assert_int_equal(set.query[0].error.code, OF3_OK);
    assert_string_equal(set.query[0].chain[0].sequence, letters[i].read);
    of3_query_set_free(&set);
  }
  one_refused(
      QUERY("\"chains\": [{\"molecule_type\": \"protein\", \"chain_ids\": \"A\", \"sequence\": \"*\"}]"),
      OF3_ERR_INPUT, "the sequence is empty");
}

static void test_ligand_names(void **state) {
  (void)state;
  const of3_status in = OF3_ERR_INPUT;
  static const char text[] =
      "{\"queries\": {\"q\": {\"chains\": ["
      "{\"molecule_type\": \"ligand\", \"chain_ids\": \"A\", \"smiles\": \"O\"}, "
      "{\"molecule_type\": \"ligand\", \"chain_ids\": \"B\", \"smiles\": \"CCO\"}, "
      "{\"molecule_type\": \"ligand\", \"chain_ids\": \"C\", \"smiles\": \"O\"}, "
      "{\"molecule_type\": \"ligand\", \"chain_ids\": \"D\", \"smiles\": \"N\", \"ligand_name\": \" inh1 "
      "\"}, "
      "{\"molecule_type\": \"ligand\", \"chain_ids\": \"E\", \"ccd_codes\": \"ATP\"}]}}}";
  static const char *const expected[] = {"LIG2", "LIG0", "LIG2", "INH1", ""};
  of3_error err = {0};
  of3_query_set set;
  assert_int_equal(of3_query_from_json(text, strlen(text), "q.json", ".", SIZE_MAX, &set, &err), OF3_OK);
  assert_int_equal(set.query[0].error.code, OF3_OK);
  char(*name)[8] = of3_query_ligand_names(&set.query[0]);
  for (int i = 0; i < 5; i++) assert_string_equal(name[i], expected[i]);
  free(name);
  of3_query_set_free(&set);
  one_refused(TWO_LIGANDS("\"smiles\": \"C\", \"ligand_name\": \"X\"", "\"smiles\": \"C\""), in,
              "one molecule but has two names, 'X' and 'LIG0'");
  one_refused(
      TWO_LIGANDS("\"smiles\": \"C\", \"ligand_name\": \"X\"", "\"smiles\": \"N\", \"ligand_name\": \"X\""),
      in, "two molecules but have one name, 'X'");
  one_refused(TWO_LIGANDS("\"smiles\": \"C\", \"ligand_name\": \"LIG1\"", "\"smiles\": \"N\""), in,
              "two molecules but have one name, 'LIG1'");
  one_refused(TWO_LIGANDS("\"smiles\": \"C\", \"ligand_name\": \"ATP\"", "\"ccd_codes\": \"ATP\""), in,
              "is called 'ATP', which is the code of a component of chain B");
}

static void test_names(void **state) {
  (void)state;
  static const char *const names[][2] = {{"", "empty name"},
                                         {".", "cannot be called '.'"},
                                         {"..", "cannot be called '..'"},
                                         {"a/b", "contains '/'"},
                                         {"a\\u0001", "control character 0x01"},
                                         {"a\\u0085", "control character that begins with 0xc2"}};
  char text[600];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    of3_query_set set;
    of3_error err = {0};
    snprintf(text, sizeof text, "{\"queries\": {\"%s\": {\"chains\": []}}}", names[i][0]);
    assert_int_equal(parse(text, &set, &err), OF3_OK);
    assert_says(&set.query[0].error, OF3_ERR_INPUT, names[i][1]);
    of3_query_set_free(&set);
  }
  snprintf(text, sizeof text, "{\"queries\": {\"%0*d\": {\"chains\": []}}}", OF3_MAX_QUERY_NAME + 1, 0);
  of3_query_set set;
  assert_int_equal(parse(text, &set, NULL), OF3_OK);
  assert_says(&set.query[0].error, OF3_ERR_INPUT, "has 151 bytes; at most 150");
  of3_query_set_free(&set);
}

static void test_whole_query(void **state) {
  (void)state;
  of3_query_set set;
  of3_error err = {0};
  const char *text =
      "{\"seeds\": [42, 4294967295, 0], \"queries\": {\"x\": {\"use_paired_msas\": false, \"query_name\": "
      "\"x\", "
      "\"covalent_bonds\": null, \"pocket_constraint\": null, \"leaving_atoms\": [], \"chains\": ["
      "{\"molecule_type\": \"PrOtein\", \"chain_ids\": [\"B\", \"AA\"], \"sequence\": \"MKV*\", \"cyclic\": "
      "false, "
      "\"smiles\": null, \"non_canonical_residues\": {}, \"description\": \"two\"}, "
      "{\"molecule_type\": 0, \"chain_ids\": \"1\", \"sequence\": \"A\", "
      "\"main_msa_file_paths\": [\"a3m/ubi\", \"tests/fixtures/features/a3m/ubi/colabfold_main.a3m\"]}]}}}";
  assert_int_equal(parse(text, &set, &err), OF3_OK);
  assert_int_equal(set.n_seed, 3);
  assert_true(set.seed[0] == 42 && set.seed[1] == 4294967295u && set.seed[2] == 0);
  const of3_query *q = &set.query[0];
  assert_string_equal(q->error.text, "");
  assert_true(q->use_msas && q->use_main_msas && !q->use_paired_msas);
  assert_int_equal(of3_query_measure(q, NULL).n_token, 7);
  assert_int_equal(q->chain[0].n_id, 2);
  assert_string_equal(q->chain[0].id[1], "AA");
  assert_string_equal(q->chain[0].sequence, "MKV");
  assert_int_equal(q->chain[0].n_msa, 0);
  assert_int_equal(q->chain[1].n_msa, 2);
  assert_string_equal(q->chain[1].msa_path[0], "tests/fixtures/features/a3m/ubi"); /* beside the query */
  assert_string_equal(q->chain[1].msa_path[1],
                      "tests/fixtures/features/a3m/ubi/colabfold_main.a3m"); /* working directory */
  of3_query_set_free(&set);
}

static void test_limits(void **state) {
  (void)state;
  char *sequence = malloc(OF3_MAX_RESIDUES + 2);
  assert_non_null(sequence);
  memset(sequence, 'M', OF3_MAX_RESIDUES + 1);
  sequence[OF3_MAX_RESIDUES + 1] = 0;
  of3_query_set set;
  of3_error err = {0};
  assert_int_equal(of3_query_from_sequence(sequence, "long", &set, &err), OF3_ERR_INPUT);
  assert_says(&err, OF3_ERR_INPUT, "100001 residues; at most 100000");
  sequence[OF3_MAX_RESIDUES] = 0;
  assert_int_equal(of3_query_from_sequence(sequence, "long", &set, &err), OF3_OK);
  of3_query_set_free(&set);
  char *text = malloc(OF3_MAX_RESIDUES + 400);
  assert_non_null(text);
  sprintf(text,
          "{\"queries\": {\"a\": {\"chains\": [{\"molecule_type\": \"protein\", \"chain_ids\": [\"A\", "
          "\"B\"], \"sequence\": \"%s\"}]}}}",
          sequence);
  assert_int_equal(parse(text, &set, &err), OF3_OK);
  assert_says(&set.query[0].error, OF3_ERR_INPUT, "the query has 200000 residues");
  of3_query_set_free(&set);
  free(text);
  free(sequence);
}

static void test_fasta(void **state) {
  (void)state;
  of3_query_set set;
  of3_error err = {0};
  const char *text = "; comment\n>sp|P0|\xe9/1-3 first\r\nmk v\n\nA*\n>\nAM\n>two\nA1\n>two\nAC\n>empty\n";
  assert_int_equal(from_fasta(text, &set, &err), OF3_OK);
  assert_int_equal(set.n, 5);
  assert_int_equal(set.n_seed, 0);
  assert_string_equal(set.query[0].name, "sp|P0|__1-3");
  assert_string_equal(set.query[0].chain[0].sequence, "MKVA");
  assert_string_equal(set.query[0].chain[0].id[0], "A");
  assert_int_equal(set.query[0].error.code, OF3_OK);
  assert_string_equal(set.query[1].name, "sequence_2");
  assert_int_equal(set.query[1].error.code, OF3_OK);
  assert_says(&set.query[2].error, OF3_ERR_INPUT, "query 'two': residue 2 of the sequence is '1'");
  assert_says(&set.query[3].error, OF3_ERR_INPUT, "query 'two' is given twice");
  assert_says(&set.query[4].error, OF3_ERR_INPUT, "query 'empty': the sequence is empty");
  of3_query_set_free(&set);
  assert_int_equal(from_fasta("MKV\n>a\nM", &set, &err), OF3_ERR_INPUT);
  assert_says(&err, OF3_ERR_INPUT, "'q.fasta', line 1: a header line");
  assert_int_equal(from_fasta("", &set, &err), OF3_ERR_INPUT);
  assert_says(&err, OF3_ERR_INPUT, "holds no sequence");
}

/* Names stay as they are where a folder can hold them; those that some disks take for one are refused. */
static void test_equal_names(void **state) {
  (void)state;
  of3_query_set set;
  of3_error err = {0};
  const char *text = ">x\nMK\n>X one\nMKT\n>N\xc3\xa4me\xe2\x82\xac d\nMK\n>Na\xcc\x88mE\xe2\x82\xac\nMK\n"
                     ">\xea\xb0\x81\nMK\n>\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8\nMK\n"
                     ">a\xc2\x85\xe2\x80\xaez\nMK\n>\xce\xa3\nMK\n>\xcf\x82\nMK\n>\xcf\x84\nMK\n";
  assert_int_equal(from_fasta(text, &set, &err), OF3_OK);
  static const char *const names[] = {"x",
                                      "X",
                                      "N\xc3\xa4me\xe2\x82\xac",
                                      "Na\xcc\x88mE\xe2\x82\xac",
                                      "\xea\xb0\x81",
                                      "\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8",
                                      "a__z",
                                      "\xce\xa3",
                                      "\xcf\x82",
                                      "\xcf\x84"};
  static const bool refused_name[] = {false, true, false, true, false, true, false, false, true, false};
  assert_int_equal(set.n, 10);
  for (int i = 0; i < 10; i++) {
    assert_string_equal(set.query[i].name, names[i]);
    assert_int_equal(set.query[i].error.code, refused_name[i] ? OF3_ERR_INPUT : OF3_OK);
  }
  assert_says(&set.query[1].error, OF3_ERR_INPUT,
              "the query names 'x' and 'X' differ in case or Unicode form only");
  of3_query_set_free(&set);
  const char *json = "{\"queries\": {\"a\\u00e9\": {\"chains\": [{\"molecule_type\": \"protein\", "
                     "\"chain_ids\": \"A\", \"sequence\": \"MK\"}]}, \"Ae\\u0301\": {\"chains\": "
                     "[{\"molecule_type\": \"protein\", \"chain_ids\": \"A\", \"sequence\": \"MK\"}]}}}";
  assert_int_equal(parse(json, &set, &err), OF3_OK);
  int bad = strcmp(set.query[0].name, "a\xc3\xa9") == 0;
  assert_int_equal(set.query[!bad].error.code, OF3_OK);
  assert_says(&set.query[bad].error, OF3_ERR_INPUT, "differ in case or Unicode form only");
  of3_query_set_free(&set);
}

static void test_open(void **state) {
  (void)state;
  of3_query_set set;
  of3_error err = {0};
  assert_int_equal(of3_query_open("MKV", SIZE_MAX, &set, &err), OF3_OK);
  assert_string_equal(set.query[0].name, "query");
  assert_int_equal(of3_query_measure(&set.query[0], NULL).n_token, 3);
  of3_query_set_free(&set);
  assert_int_equal(of3_query_open("no/such.json", SIZE_MAX, &set, &err), OF3_ERR_USAGE);
  assert_says(&err, OF3_ERR_USAGE, "'no/such.json' is neither an existing file nor");
  assert_int_equal(of3_query_open("", SIZE_MAX, &set, &err), OF3_ERR_USAGE);
  assert_int_equal(of3_query_open("tests", SIZE_MAX, &set, &err), OF3_ERR_INPUT);
  assert_says(&err, OF3_ERR_INPUT, "is a folder");
  assert_int_equal(of3_query_open("CMakeLists.txt", SIZE_MAX, &set, &err), OF3_ERR_UNSUPPORTED);
  assert_says(&err, OF3_ERR_UNSUPPORTED, "is in no dialect that of3 knows");
  assert_int_equal(of3_query_open("tests/fixtures/features/a3m.json", SIZE_MAX, &set, &err), OF3_OK);
  assert_int_equal(set.query[0].chain[0].n_msa, 5);
  of3_query_set_free(&set);
  const char *path = "test_query.tmp.fasta";
  assert_int_equal(of3_write_file(path, "\xef\xbb\xbf>a\nMK\n", 9, &err), OF3_OK);
  of3_status st = of3_query_open(path, SIZE_MAX, &set, &err);
  remove(path);
  assert_int_equal(st, OF3_OK);
  assert_string_equal(set.query[0].name, "a");
  of3_query_set_free(&set);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_whole_file),    cmocka_unit_test(test_one_query),
      cmocka_unit_test(test_template_keys), cmocka_unit_test(test_molecules_refused),
      cmocka_unit_test(test_molecules),     cmocka_unit_test(test_names),
      cmocka_unit_test(test_letters),       cmocka_unit_test(test_ligand_names),
      cmocka_unit_test(test_whole_query),   cmocka_unit_test(test_limits),
      cmocka_unit_test(test_fasta),         cmocka_unit_test(test_equal_names),
      cmocka_unit_test(test_open),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
