/* Queries in the dialects of other programs: what is understood, and every refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "dialect/dialect.h"
#include "query_text.h"

static void fasta(const char *text, const char *expected) {
  query_text_reads(of3_query_from_fasta, text, expected);
}

/* ---- FASTA */

#define SAY   "write the header as '>A|rna' or '>A|dna', or if it is a peptide, '>A|protein' (docs/queries.md)"
#define BASES "all letters of the sequence are bases of DNA or RNA, and nothing says which; " SAY

static void test_fasta_plain(void **state) {
  (void)state;
  fasta(">a one\nmkt a\n yia*\n>\nMK(sep)T\n>c\nMK-T\n",
        "a: protein A MKTAYIA;\n"
        "sequence_2: protein A MKST 3=SEP;\n"
        "c: error query 'c': residue 3 of the sequence is '-', which is "
        "no capital letter\n");
  fasta(">d\n  1 MKTAY IAKQR\n 11 MKTAY\n>e\n",
        "d: error query 'd': residue 1 of the sequence is '1', which is no capital letter\n"
        "e: error query 'e': the sequence is empty; at least one residue is needed\n");
  fasta(">b\nacgtn\n>c\nAAAA\n", "b: error query 'b': " BASES "\nc: error query 'c': " BASES "\n");
  fasta(">b\nMK(SEPT\n>c\nMK( )\n>d\nM(ABCDEFGH)\n",
        "b: error query 'b': residue 3 of the sequence begins with '(', and no ')' follows\n"
        "c: error query 'c': residue 3 of the sequence: '' is no code of a component; 1 to 7 capital letters "
        "and "
        "digits without blanks were expected\n"
        "d: error query 'd': residue 2 of the sequence: 'ABCDEFGH' is no code of a component; 1 to 7 capital "
        "letters "
        "and digits without blanks were expected\n");
}

static void test_fasta_colons(void **state) {
  (void)state;
  fasta(">complex_1\nMKTAYIAK:\nGGSGGSGG\n", "complex_1: protein A MKTAYIAK; protein B GGSGGSGG;\n");
  fasta(">c\nMK:dna|ACGT:rna|acgu:ccd|ATP:smiles|CC=O:smiles|c1cc;cc1:protein|AG\n",
        "c: protein A MK; dna B ACGT; rna C ACGU; ligand D ATP; ligand E smiles=CC=O; ligand F "
        "smiles=c1cc:cc1; "
        "protein G AG;\n");
  fasta(">c\nMK:ACGU\n", "c: error query 'c': chain 2 of those between ':': " BASES "\n");
  fasta(">c\nMK:\n",
        "c: error query 'c': chain 2 of those between ':': the sequence is empty; at least one residue is "
        "needed\n");
  fasta(">c\nMK:peptide|MK\n",
        "c: error query 'c': chain 2 of those between ':': 'peptide' is no type of molecule; "
        "protein, dna, rna, ccd or smiles was expected before '|'\n");
  fasta(">c\nsmiles|\n", "c: error query 'c': the SMILES is empty\n");
}

static void test_fasta_boltz(void **state) {
  (void)state;
  fasta(
      ">A|protein|./a3m/ubi\nMKTAYIAKQR\n\n>B|rna\nACGUACGU\n>C|DNA|\nACGTACGT\n>D|smiles\nCCO\n>E|ccd\nSAH\n"
      ">F|protein|empty\nAAA\n",
      "job: protein A MKTAYIAKQR msa=tests/fixtures/features/./a3m/ubi; rna B ACGUACGU; dna C ACGTACGT; "
      "ligand D smiles=CCO; ligand E SAH; protein F AAA;\n");
  fasta(
      ">A|protein|no.a3m\nMK\n",
      "job: error query 'job': line 1: 'the third field of the header' names 'no.a3m', which exists neither "
      "beside the query file nor in the working directory\n");
  fasta(">A|dna|a3m/ubi\nACG\n",
        "job: error query 'job': line 1: an alignment is named; those of proteins and RNA "
        "are used\n");
  fasta(">A|protein\nMK\n>A|rna\nAC\n",
        "job: error query 'job': the chain id 'A' is given twice; every copy needs an "
        "id of its own\n");
  fasta(">x\nMK\n>D|SMILES\nCCO\n",
        "error 'folder/job.x.gz', line 3: this header has one as Boltz writes it, and the first of the file "
        "has no type "
        "of molecule; write all of them alike, as the records of a file with types are one complex\n");
  fasta(">E|ccd\nsah\n",
        "job: error query 'job': line 1: 'sah' is no code of a component; 1 to 7 capital letters "
        "and digits without blanks were expected\n");
}

static void test_fasta_chai(void **state) {
  (void)state;
  fasta(">protein|name=ex\nAGSH(SEP)SMR\n>ligand|name=myristate\nCCCC(=O)O\n>rna|name=r\nGGCA\n>glycan|g\n"
        "NAG(4-1 NAG(4-1 BMA(3-1 MAN)(6-1 MAN)))\n",
        "job: protein A AGSHSSMR 5=SEP; ligand B smiles=CCCC(=O)O; rna C GGCA; ligand D NAG,NAG,BMA,MAN,MAN; "
        "bond D1:O4-D2:C1; bond D2:O4-D3:C1; bond D3:O3-D4:C1; bond D3:O6-D5:C1; leaves D2:O1; leaves D3:O1; "
        "leaves "
        "D4:O1; leaves D5:O1;\n");
  static const char *const bad[][2] = {
      {"NAG(4-1 NAG", "the glycan has a '(' without its ')'"},
      {"NAG)", "the glycan has a ')' without its '('"},
      {"(",
       "the glycan has '(' after residue 0 where the code of a component was expected, as in 'NAG(4-1 NAG)'"},
      {"NAG NAG", "the glycan has 'N' after residue 1 where '(' or ')' was expected, as in 'NAG(4-1 NAG)'"},
      {"NAG(4", "the glycan has its end after residue 1 where '-' was expected, as in 'NAG(4-1 NAG)'"},
      {"NAG(0-1 NAG)",
       "the glycan has '0' after residue 1 where the number of an atom, 1 to 9, was expected, as in "
       "'NAG(4-1 NAG)'"},
      {"nag",
       "'nag' is no code of a component; 1 to 7 capital letters and digits without blanks were expected"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char text[64], expected[300];
    snprintf(text, sizeof text, ">glycan|g\n%s\n", bad[i][0]);
    snprintf(expected, sizeof expected, "job: error query 'job': line 1: %s\n", bad[i][1]);
    fasta(text, expected);
  }
  of3_str many = {0};
  of3_str_add(&many, ">glycan|g\nNAG");
  for (int i = 0; i < 200; i++) of3_str_add(&many, "(4-1 NAG)");
  fasta(many.text, "job: error query 'job': line 1: the glycan has more than 200 residues\n");
  of3_str_free(&many);
}

static void test_fasta_entry(void **state) {
  (void)state;
  fasta(">9ABC_1|Chain A|Protein X|Homo sapiens (9606)\nMKTAYIAKQR\n"
        ">9ABC_2|Chains B, C[auth X]|DNA (5'-D(*CP*GP*CP*G)-3')|synthetic construct (32630)\nCGCGAATTCGCG\n"
        ">9ABC_3|Chain D|RNA (8-mer)|\nGGCUUGCC\n>1UBQ_1|Chain H|Ubiquitin|Homo\nMQIF\n>sp|P1|A_B\nMK\n",
        "9ABC: protein A MKTAYIAKQR; dna B,C CGCGAATTCGCG; rna D GGCUUGCC;\n"
        "1UBQ_1: protein H MQIF;\n"
        "sp|P1|A_B: protein A MK;\n");
  fasta(">1XYZ_1|Chains A, B|P|\nMKTAY\n", "1XYZ_1: protein A,B MKTAY;\n");
  fasta(">1XYZ_1|Chain A|x|\nGGCUUGCC\n>2XYZ_1|Chain A|x|\nGGCTTGCC\n>3XYZ_1|Chain A|x|\nGGC\n"
        ">4XYZ_1|Chain A|RNA|\nGGXC\n>5XYZ_1|Chain A|DNA polymerase|\nMK\n",
        "1XYZ_1: rna A GGCUUGCC;\n2XYZ_1: dna A GGCTTGCC;\n3XYZ_1: error query '3XYZ_1': " BASES
        "\n4XYZ_1: rna A GGXC;\n5XYZ_1: protein A MK;\n");
  fasta(">1XYZ_1|Chain A|x|\nMK:MK\n",
        "1XYZ_1: error query '1XYZ_1': the sequence of an entity of the PDB holds ':'; "
        "chains are named in the header\n");
}

/* ---- Files */

static void opens(const char *name, const void *bytes, size_t n, const char *expected) {
  of3_query_set set;
  of3_error err = {0};
  of3_str shown = {0};
  assert_int_equal(of3_write_file(name, bytes, n, &err), OF3_OK);
  if (of3_query_open(name, SIZE_MAX, &set, &err) == OF3_OK)
    query_text_put(&shown, &set.query[0]);
  else
    of3_str_add(&shown, err.text);
  remove(name);
  assert_string_equal(shown.text, expected);
  of3_str_free(&shown);
  of3_query_set_free(&set);
}

static void opens_text(const char *name, const char *text, const char *expected) {
  opens(name, text, strlen(text), expected);
}

static void test_encodings(void **state) {
  (void)state;
  const char *name = "test_dialect.tmp";
  opens(name, "\xef\xbb\xbf>a\nMK\n", 9, "a: protein A MK;");
  opens(name, "\xff\xfe>\0\xe4\0\n\0M\0K\0", 12, "\xc3\xa4: protein A MK;");
  opens(name, "\xfe\xff\0>\xd8\x3d\xde\0\0\n\0M", 12, "\xf0\x9f\x98\x80: protein A M;");
  opens(name, ">\0a\0\n\0M\0K\0", 10, "a: protein A MK;");
  opens(name, "\xff\xfe>\0a", 5,
        "'test_dialect.tmp' is UTF-16 text with half a character at its end; save it as UTF-8");
  opens(name, "\xff\xfe>\0\0\xd8\n\0", 8,
        "'test_dialect.tmp' is UTF-16 text with half of a pair before byte 6; save it as UTF-8");
  opens(name, "\xfd\x37zXZ\0\0", 7,
        "'test_dialect.tmp' is packed by xz, and gzip is what of3 reads; unpack it");
  opens(name, "\x28\xb5\x2f\xfd\4", 5,
        "'test_dialect.tmp' is packed by zstd, and gzip is what of3 reads; unpack it");
}

static void test_unknown(void **state) {
  (void)state;
#define END                                                                                                  \
  "; queries are read as JSON of OpenFold3 or AlphaFold 3, YAML of Boltz, and FASTA (docs/queries.md)"
#define LOOKS "'test_dialect.tmp' looks like "
  const char *name = "test_dialect.tmp";
  opens_text(name, "[{\"sequences\": [{\"proteinChain\": {}}], \"covalent_bonds\": []}]",
             LOOKS "the JSON of Protenix (covalent_bonds beside sequences)" END);
  opens_text(name, "{\"entities\": []}", LOOKS "the JSON of HelixFold3 (entities)" END);
  opens_text(name, "[{\"name\": \"a\", \"components\": []}]",
             LOOKS "the JSON of RosettaFold3 (components)" END);
  opens_text(name, "defaults:\n  - base\nprotein_inputs:\n", LOOKS "the YAML of RoseTTAFold All-Atom" END);
  opens_text(name, "model_update:\n  presets: []\n",
             LOOKS "settings of OpenFold3 (a runner YAML); of3 takes them as options" END);
  opens_text(name, "queries:\n  a: {}\n", LOOKS "OpenFold3's queries in YAML; write them as JSON" END);
  opens_text(name, "data_1ABC\n", LOOKS "a structure or a component in mmCIF, not a query" END);
  opens_text(name, "ATOM      1\n", LOOKS "a structure in PDB format, not a query" END);
  opens_text(name, "LOCUS  X\n", LOOKS "a GenBank file; save it as FASTA" END);
  opens_text(name, "ID   X_Y\n", LOOKS "a UniProt or EMBL file; save it as FASTA" END);
  opens_text(name, "x\n\n\n 1 1 V2000\n", LOOKS "an SDF or mol file, which is a ligand and no query" END);
  opens_text(name, "# STOCKHOLM 1.0\n", LOOKS "an alignment in Stockholm format, not a query" END);
  opens_text(name, "restraint_id,chainA,res\n", LOOKS "a table of restraints of Chai" END);
  opens_text(
      name, "id,sequence\na,MK:MK\n",
      LOOKS
      "a table of sequences (CSV), as ColabFold takes it; save it as FASTA with ':' between chains" END);
  opens_text(name, "hello\n", "'test_dialect.tmp' is in no dialect that of3 knows" END);
  opens_text(name, " \n", "'test_dialect.tmp' is empty; a query in JSON, YAML or FASTA was expected");
}

static void test_argument(void **state) {
  (void)state;
  of3_query_set set;
  of3_error err = {0};
  of3_str shown = {0};
  assert_int_equal(of3_query_open("MKT:GGS", SIZE_MAX, &set, &err), OF3_OK);
  query_text_put(&shown, &set.query[0]);
  assert_string_equal(shown.text, "query: protein A MKT; protein B GGS;");
  of3_str_free(&shown);
  of3_query_set_free(&set);
  assert_int_equal(of3_query_open("ACGU", SIZE_MAX, &set, &err), OF3_ERR_UNSUPPORTED);
  assert_string_equal(err.text, "query 'query': " BASES);
  assert_int_equal(of3_query_open("tests/fixtures/features/a3m/ubi/colabfold_main.a3m", SIZE_MAX, &set, &err),
                   OF3_ERR_INPUT);
  assert_non_null(strstr(err.text, "is an alignment; name it in a JSON query"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_fasta_plain), cmocka_unit_test(test_fasta_colons),
      cmocka_unit_test(test_fasta_boltz), cmocka_unit_test(test_fasta_chai),
      cmocka_unit_test(test_fasta_entry), cmocka_unit_test(test_encodings),
      cmocka_unit_test(test_unknown),     cmocka_unit_test(test_argument),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
