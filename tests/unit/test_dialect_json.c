/* Queries in AlphaFold 3's JSON and Boltz's YAML: what is understood, and every refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query_text.h"

static void af3(const char *text, const char *expected) {
  query_text_reads(of3_query_from_af3, text, expected);
}
static void boltz(const char *text, const char *expected) {
  query_text_reads(of3_query_from_boltz, text, expected);
}

#define ALONE(chain)                                                                                         \
  " note chain " chain " has no 'unpairedMsa', for which AlphaFold 3 would search databases; without one "   \
  "from a server or 'of3 search' it is folded from its sequence alone;"

static void test_af3(void **state) {
  (void)state;
  af3("{\"name\": \"Job 1: test/x\", \"modelSeeds\": [7, 8], \"dialect\": \"alphafold3\", \"version\": 1, "
      "\"sequences\": ["
      "{\"protein\": {\"id\": [\"A\", \"B\"], \"sequence\": \"MKTAY\", \"modifications\": [{\"ptmType\": "
      "\"SEP\", "
      "\"ptmPosition\": 3}], \"unpairedMsa\": \">query\\nMKTAY\\n>h\\nMK-AY\\n\", \"pairedMsa\": \"\", "
      "\"templates\": []}},"
      "{\"rna\": {\"id\": \"R\", \"sequence\": \"GACU\", \"modifications\": [{\"modificationType\": \"PSU\", "
      "\"basePosition\": 4}], \"unpairedMsa\": \"\"}},"
      "{\"dna\": {\"id\": \"D\", \"sequence\": \"GACT\", \"modifications\": [{\"modificationType\": "
      "\"CCD_5CM\", "
      "\"basePosition\": 3}, {\"modificationType\": \"8OG\", \"basePosition\": 1}]}},"
      "{\"ligand\": {\"id\": [\"L\", \"M\"], \"ccdCodes\": [\"ATP\"], \"description\": \"x\"}},"
      "{\"ligand\": {\"id\": \"S\", \"smiles\": \"CC(=O)O\"}},{\"ligand\": {\"id\": \"G\", \"ccdCodes\": "
      "[\"NAG\", "
      "\"NAG\"]}}], \"bondedAtomPairs\": [[[\"A\", 1, \"N\"], [\"S\", 1, \"C1\"]], [[\"G\", 1, \"O4\"], "
      "[\"G\", 2, "
      "\"C1\"]]]}",
      "seeds 7 8\nJob 1: test_x: protein A,B MKTAY 3=SEP unpaired_msa=22 template=none; rna R GACU 4=PSU; "
      "dna D GACT 1=8OG "
      "3=5CM; ligand L,M "
      "ATP; ligand S smiles=CC(=O)O; ligand G NAG,NAG; bond A1:N-S1:C1; bond G1:O4-G2:C1;\n");
  af3("{\"name\": \"u\", \"version\": 4, \"userCCD\": \"data_LIG-1\", \"sequences\": [{\"protein\": {\"id\": "
      "\"A\", \"sequence\": "
      "\"GCG\", \"pairedMsa\": \">a\\nGCG\\n\"}}, {\"ligand\": {\"id\": \"L\", \"ccdCodes\": [\"LIG-1\"]}}]}",
      "u: protein A GCG unpaired_msa=11 uniprot_hits=7; ligand L LIG-1; components=10;\n");
  af3("{\"name\": \"\", \"sequences\": [{\"protein\": {\"id\": \"A\", \"sequence\": \"GCG\", "
      "\"unpairedMsaPath\": "
      "\"a3m/ubi/colabfold_main.a3m\"}}, {\"rna\": {\"id\": \"B\", \"sequence\": \"GCG\", \"unpairedMsa\": "
      "null}}]}",
      "job_1: protein A GCG unpaired_msa="
      "734"
      "; rna B GCG;" ALONE("B") "\n");
}

static void test_templates(void **state) {
  (void)state;
  af3("{\"name\": \"t\", \"sequences\": [{\"protein\": {\"id\": \"A\", \"sequence\": \"MKT\", "
      "\"unpairedMsa\": \"\", \"templates\": "
      "[{\"mmcifPath\": \"a3m.json\", \"queryIndices\": [0], \"templateIndices\": [1]}]}}]}",
      "t: protein A MKT template=tests/fixtures/features/a3m.json:/1=2;\n");
  af3("{\"name\": \"t\", \"sequences\": [{\"protein\": {\"id\": \"A\", \"sequence\": \"MKT\", "
      "\"unpairedMsa\": \"\", \"templates\": [{\"mmcif\": \"data_x\", \"mmcifPath\": null, \"queryIndices\": "
      "[2, 0], "
      "\"templateIndices\": [4, 9]}, {\"mmcifPath\": \"a3m.json\", \"mmcif\": \"\"}]}}]}",
      "t: protein A MKT template=mmcif 1:text=6/1=10,3=5 template=tests/fixtures/features/a3m.json:; note "
      "chain A: "
      "template tests/fixtures/features/a3m.json has no 'queryIndices' and 'templateIndices'; of3 aligns its "
      "sequence "
      "itself;\n");
  boltz("sequences:\n  - protein: {id: A, sequence: MKT, msa: empty}\n  - protein: {id: [B, C], sequence: "
        "MK, msa: empty}\n  - dna: {id: D, "
        "sequence: AC}\ntemplates:\n  - cif: a3m.json\n  - {cif: a3m.json, chain_id: C, template_id: X, "
        "force: true, threshold: 2}\n",
        "job: protein A MKT template=tests/fixtures/features/a3m.json:; protein B,C MK "
        "template=tests/fixtures/features/a3m.json: template=tests/fixtures/features/a3m.json:X; dna D AC; "
        "note 'force' of "
        "'templates' is not served: the network is told of the template, and nothing enforces it;\n");
}

#define JOB(more) "{\"name\": \"j\", " more "}"
#define PROTEIN(more)                                                                                        \
  JOB("\"sequences\": [{\"protein\": {\"id\": \"A\", \"sequence\": \"MKT\", \"unpairedMsa\": \"\", " more    \
      "}}]")
#define MAPPED(more) PROTEIN("\"templates\": [{\"mmcif\": \"data_x\", " more "}]")
#define TEMPLATE_1   "entry 1 of 'templates': "
#define LIGAND(more) JOB("\"sequences\": [{\"ligand\": {" more "}}]")
#define BONDS(more)                                                                                          \
  JOB("\"bondedAtomPairs\": " more ", \"sequences\": [{\"ligand\": {\"id\": \"A\", \"smiles\": \"CC\"}}]")

/* Each is the error of its query. */
static void test_af3_refused(void **state) {
  (void)state;
  static const char protein_keys[] =
      "'protein': unknown key 'ids'; the keys are id, sequence, modifications, description, "
      "unpairedMsa, pairedMsa, unpairedMsaPath, pairedMsaPath, templates";
  static const char atom[] = "an atom must be [chain id, residue from 1, atom name], as [\"A\", 2, \"SG\"]";
  const char *const bad[][3] = {
      {JOB("\"dialect\": \"chai\""), "", "'dialect' is 'chai'; alphafold3 or alphafoldserver was expected"},
      {JOB("\"dialect\": 3"), "", "'dialect' must be a string; it is an integer"},
      {JOB("\"version\": 5"), "", "'version' is 5; 1 to 4 of AlphaFold 3's JSON are read"},
      {JOB("\"dialect\": \"alphafoldserver\", \"version\": 2"), "",
       "'version' is 2; 1 to 1 of the server's jobs are read"},
      {JOB("\"version\": \"1\""), "", "'version' must be an integer; it is a string"},
      {JOB("\"x\": 1"), "",
       "unknown key 'x'; the keys are dialect, version, name, modelSeeds, sequences, bondedAtomPairs, "
       "userCCD, userCCDPath"},
      {JOB("\"sequences\": {}"), "", "'sequences' must be a list; it is an object"},
      {JOB("\"sequences\": []"), "", "the query has no chain"},
      {JOB("\"sequences\": [[]]"),
       "entry 1 of 'sequences': ", "an object with one key, protein, rna, dna or ligand, was expected"},
      {JOB("\"sequences\": [{\"peptide\": {}}]"), "entry 1 of 'sequences': ",
       "'peptide' is no type of molecule; protein, rna, dna or ligand was expected"},
      {JOB("\"sequences\": [{\"protein\": []}]"),
       "entry 1 of 'sequences': ", "'protein' must be an object; it is an array"},
      {JOB("\"sequences\": [{\"protein\": {\"ids\": 1}}]"), "entry 1 of 'sequences': ", protein_keys},
      {JOB("\"sequences\": [{\"protein\": {\"sequence\": \"MK\"}}]"),
       "entry 1 of 'sequences': ", "'id' must be a string or a list of strings; it is missing"},
      {JOB("\"sequences\": [{\"protein\": {\"id\": \"A\"}}]"),
       "entry 1 of 'sequences': ", "'sequence' must be a string; it is missing"},
      {JOB("\"sequences\": [{\"protein\": {\"id\": \"A\", \"sequence\": \"M1\"}}]"),
       "entry 1 of 'sequences': ", "residue 2 of the sequence is '1', which is no capital letter"},
      {PROTEIN("\"description\": 1"),
       "entry 1 of 'sequences': ", "'description' must be a string; it is an integer"},
      {PROTEIN("\"modifications\": {}"),
       "entry 1 of 'sequences': ", "'modifications' must be a list; it is an object"},
      {PROTEIN("\"modifications\": [1]"),
       "entry 1 of 'sequences': ", "'modifications' must be a list of objects; it is an integer"},
      {PROTEIN("\"modifications\": [{}, {}, {}, {}]"),
       "entry 1 of 'sequences': ", "'modifications' has 4 entries, and the chain 3 residues"},
      {PROTEIN("\"modifications\": [{\"basePosition\": 1}]"), "entry 1 of 'sequences': ",
       "'modifications': unknown key 'basePosition'; the keys are ptmType, ptmPosition"},
      {PROTEIN("\"modifications\": [{\"ptmPosition\": 1}]"),
       "entry 1 of 'sequences': ", "'ptmType' must be the code of a component; it is missing"},
      {PROTEIN("\"modifications\": [{\"ptmType\": \"SEP\"}]"),
       "entry 1 of 'sequences': ", "'ptmPosition' must be an integer; it is missing"},
      {PROTEIN("\"modifications\": [{\"ptmType\": \"SEP\", \"ptmPosition\": 4}]"),
       "entry 1 of 'sequences': ", "'ptmPosition' is 4; a residue, 1 to 3, was expected"},
      {PROTEIN("\"modifications\": [{\"ptmType\": \"sep\", \"ptmPosition\": 3}]"), "entry 1 of 'sequences': ",
       "'ptmType': 'sep' is no code of a component; 1 to 7 capital letters and digits without blanks were "
       "expected"},
      {PROTEIN("\"modifications\": [{\"ptmType\": \"SEP\", \"ptmPosition\": 3}, {\"ptmType\": \"TPO\", "
               "\"ptmPosition\": 3}]"),
       "entry 1 of 'sequences': ", "two modifications are of residue 3; one was expected"},
      {PROTEIN("\"unpairedMsaPath\": \"a\""),
       "entry 1 of 'sequences': ", "both 'unpairedMsa' and 'unpairedMsaPath' are given; one was expected"},
      {PROTEIN("\"pairedMsaPath\": \"no.a3m\""), "entry 1 of 'sequences': ",
       "'pairedMsaPath' names 'no.a3m', which exists neither beside the query file nor in the working "
       "directory"},
      {PROTEIN("\"pairedMsaPath\": \"a3m\""),
       "entry 1 of 'sequences': ", "'pairedMsaPath' names 'a3m', which is a folder; a file is read"},
      {PROTEIN("\"templates\": {\"a\": 1}"),
       "entry 1 of 'sequences': ", "'templates' must be a list; it is an object"},
      {PROTEIN("\"templates\": [1]"),
       "entry 1 of 'sequences': ", "'templates' must be a list of objects; it is an integer"},
      {PROTEIN("\"templates\": [{}]"),
       "entry 1 of 'sequences': ", TEMPLATE_1 "a template has either 'mmcif' or 'mmcifPath'; none is given"},
      {PROTEIN("\"templates\": [{\"mmcif\": \"data_x\", \"mmcifPath\": \"a\"}]"),
       "entry 1 of 'sequences': ", TEMPLATE_1 "a template has either 'mmcif' or 'mmcifPath'; both are given"},
      {PROTEIN("\"templates\": [{\"mmcif\": 1}]"),
       "entry 1 of 'sequences': ", TEMPLATE_1 "'mmcif' must be a string; it is an integer"},
      {MAPPED("\"queryIndices\": [0]"), "entry 1 of 'sequences': ",
       TEMPLATE_1 "'templateIndices' must be a list of integers, as 'queryIndices'; it is missing"},
      {MAPPED("\"queryIndices\": [0], \"templateIndices\": []"), "entry 1 of 'sequences': ",
       TEMPLATE_1 "'queryIndices' names 1 residues and 'templateIndices' 0; there must be as many"},
      {MAPPED("\"queryIndices\": [0.5], \"templateIndices\": [0]"), "entry 1 of 'sequences': ",
       TEMPLATE_1 "'queryIndices' must be a list of integers; it is a real number"},
      {MAPPED("\"queryIndices\": [99], \"templateIndices\": [0]"), "entry 1 of 'sequences': ",
       TEMPLATE_1 "'queryIndices' names residue 99; 0 to 2 was expected (residues count from 0)"},
      {MAPPED("\"queryIndices\": [0], \"templateIndices\": [-1]"), "entry 1 of 'sequences': ",
       TEMPLATE_1 "'templateIndices' names residue -1; 0 to 99999 was expected (residues count from 0)"},
      {MAPPED("\"queryIndices\": [1, 0, 1], \"templateIndices\": [0, 1, 2]"),
       "entry 1 of 'sequences': ", TEMPLATE_1 "'queryIndices' names residue 1 twice"},
      {PROTEIN("\"templates\": [{\"mmcifPath\": \"no.cif\"}]"), "entry 1 of 'sequences': ",
       TEMPLATE_1
       "'mmcifPath' names 'no.cif', which exists neither beside the query file nor in the working directory"},
      {LIGAND("\"id\": \"A\""),
       "entry 1 of 'sequences': ", "a ligand has either 'ccdCodes' or 'smiles'; none is given"},
      {LIGAND("\"id\": \"A\", \"ccdCodes\": [\"ATP\"], \"smiles\": \"C\""),
       "entry 1 of 'sequences': ", "a ligand has either 'ccdCodes' or 'smiles'; both are given"},
      {LIGAND("\"id\": \"A\", \"smiles\": \"\""), "entry 1 of 'sequences': ", "'smiles' is empty"},
      {LIGAND("\"id\": \"A\", \"smiles\": 1"),
       "entry 1 of 'sequences': ", "'smiles' must be a string; it is an integer"},
      {LIGAND("\"id\": \"A\", \"ccdCodes\": []"), "entry 1 of 'sequences': ", "'ccdCodes' is an empty list"},
      {LIGAND("\"id\": \"A\", \"ccdCodes\": [\"atp\"]"), "entry 1 of 'sequences': ",
       "'atp' is no code of a component; 1 to 7 capital letters and digits without blanks were expected"},
      {BONDS("{}"), "", "'bondedAtomPairs' must be a list of pairs of atoms; it is an object"},
      {BONDS("[[]]"), "entry 1 of 'bondedAtomPairs': ", "a pair of two atoms was expected"},
      {BONDS("[[[\"A\", 1], []]]"), "entry 1 of 'bondedAtomPairs': ", atom},
      {BONDS("[[[\"A\", 1, \"C1\"], [\"A\", \"1\", \"C1\"]]]"), "entry 1 of 'bondedAtomPairs': ", atom},
      {BONDS("[[[\"A\", 0, \"C1\"], [\"A\", 1, \"C1\"]]]"),
       "entry 1 of 'bondedAtomPairs': ", "residue 0 of chain 'A' cannot be; residues count from 1"},
      {JOB("\"userCCD\": \"a\", \"userCCDPath\": \"b\""), "",
       "both 'userCCD' and 'userCCDPath' are given; one was expected"},
      {JOB("\"userCCD\": 1"), "", "'userCCD' must be a string; it is an integer"},
      {JOB("\"userCCDPath\": 1"), "", "'userCCDPath' must be a string; it is an integer"},
      {JOB("\"userCCDPath\": \"no.cif\""), "",
       "'userCCDPath' names 'no.cif', which exists neither beside the query file nor in the working "
       "directory"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char expected[600];
    snprintf(expected, sizeof expected, "j: error query 'j': %s%s\n", bad[i][1], bad[i][2]);
    af3(bad[i][0], expected);
  }
}

static void test_af3_file(void **state) {
  (void)state;
#define FILE_IS "error 'folder/job.x.gz'"
  af3("[]", FILE_IS ": the list has 0 jobs; 1 to 100000 are allowed\n");
  af3("[1]", FILE_IS ": job 1: 'a job' must be an object; it is an integer\n");
  af3("{\"name\": 1}", FILE_IS ": 'name' must be a string; it is an integer\n");
  af3("{\"modelSeeds\": 1}", FILE_IS ": 'modelSeeds' must be a list of integers; it is an integer\n");
  af3("{\"modelSeeds\": [-1]}", FILE_IS ": an entry of 'modelSeeds' is no integer from 0\n");
  af3("{\"modelSeeds\": [1, 1]}", FILE_IS ": the seed 1 is given twice in 'modelSeeds'\n");
  af3("{\"name\": ", FILE_IS ", line 1, column 9: unexpected token near end of file\n");
  af3("[{\"modelSeeds\": [1]}, {\"modelSeeds\": [2]}]",
      FILE_IS ": job 2: job 2 has other 'modelSeeds' than a job before it, and of3 folds all queries of a "
              "file with the same "
              "seeds; write a file for each, or leave them out and give seeds as options\n");
}

static void test_af3_server(void **state) {
  (void)state;
#define TREE(c)                                                                                              \
  " bond " c "1:O6-" c "2:C1; bond " c "1:O4-" c "3:C1; bond " c "3:O4-" c "4:C1; bond " c "4:O3-" c         \
  "5:C1; bond " c "5:O2-" c "6:C1; bond " c "4:O6-" c "7:C1; bond " c "7:O3-" c "8:C1; bond " c "7:O6-" c    \
  "9:C1;"
#define LEAVE(c)                                                                                             \
  " leaves " c "2:O1; leaves " c "3:O1; leaves " c "4:O1; leaves " c "5:O1; leaves " c "6:O1; leaves " c     \
  "7:O1; "                                                                                                   \
  "leaves " c "8:O1; leaves " c "9:O1;"
#define SERVER(chain, what)                                                                                  \
  " note chain " chain " comes without alignment" what                                                       \
  ", for which AlphaFold's server would search databases; without one from a server or 'of3 search' it is "  \
  "folded from its sequence alone;"
  af3("[{\"name\": \"a\", \"modelSeeds\": [], \"sequences\": [{\"proteinChain\": {\"sequence\": \"MKT\", "
      "\"count\": 2, "
      "\"modifications\": [{\"ptmType\": \"CCD_SEP\", \"ptmPosition\": 3}], \"useStructureTemplate\": "
      "true}}, {\"dnaSequence\": "
      "{\"sequence\": \"ACGT\"}}, {\"rnaSequence\": {\"sequence\": \"ACGU\"}}, {\"ligand\": {\"ligand\": "
      "\"CCD_ATP\", \"count\": "
      "2}}, {\"ion\": {\"ion\": \"MG\"}}], \"dialect\": \"alphafoldserver\", \"version\": 1}, {\"name\": "
      "\"b\", \"modelSeeds\": "
      "[\"12\"], \"sequences\": [{\"dnaSequence\": {\"sequence\": \"ACGT\", \"count\": 1}}]}, {\"name\": "
      "\"a\", \"sequences\": "
      "[{\"ion\": {\"ion\": \"MG\"}}]}]",
      "seeds 12\na: protein A,B MKT 3=SEP; dna C ACGT; rna D ACGU; ligand E,F ATP; ligand G MG;" SERVER(
          "A", " and templates") SERVER("D", "") "\nb: dna A ACGT;\na: error query 'a' is given twice; names "
                                                 "(in FASTA the first word of a header) must "
                                                 "be unique\n");
  af3("[{\"name\": \"g\", \"sequences\": [{\"proteinChain\": {\"sequence\": \"NKT\", \"count\": 2, "
      "\"glycans\": "
      "[{\"residues\": \"NAG(FUC)(NAG(BMA(MAN(MAN))(MAN(MAN)(MAN))))\", \"position\": 1}, {\"residues\": "
      "\"MAN\", \"position\": 3}]}}, {\"ion\": {\"ion\": \"MG\"}}]}]",
      "g: protein A,B NKT; ligand C MG; ligand D,E NAG,FUC,NAG,BMA,MAN,MAN,MAN,MAN,MAN; ligand F,G MAN;" TREE(
          "D")
          TREE("E") " bond A1:ND2-D1:C1; bond B1:ND2-E1:C1; bond A3:OG1-F1:C1; bond B3:OG1-G1:C1;" LEAVE("D")
              LEAVE("E") " leaves D1:O1; leaves E1:O1; leaves F1:O1; leaves G1:O1;" SERVER(
                  "A", " and templates") "\n");
  af3("[{\"name\": \"t\", \"sequences\": [{\"proteinChain\": {\"sequence\": \"MK\", "
      "\"useStructureTemplate\": false, "
      "\"maxTemplateDate\": \"2018-01-20\"}}, {\"proteinChain\": {\"sequence\": \"MK\", \"maxTemplateDate\": "
      "\"2018-01-20\"}}]}]",
      "t: protein A MK template=none; protein B MK;" SERVER(
          "A", "") " note chain B: 'maxTemplateDate' is not served; "
                   "max_release_date of a runner YAML says it for all chains;" SERVER("B",
                                                                                      " and templates") "\n");
#define GLYCAN(residues, position)                                                                           \
  "{\"proteinChain\": {\"sequence\": \"NKT\", \"glycans\": [{\"residues\": " residues                        \
  ", \"position\": " position "}]}}"
#define G_1 "entry 1 of 'glycans': "
  const char *const bad[][2] = {
      {"{\"protein\": {}}, {\"ion\": 1}", "an object with one key, proteinChain, rnaSequence, dnaSequence, "
                                          "ligand or ion, was expected, not protein"},
      {"1", "an object with one key, proteinChain, rnaSequence, dnaSequence, ligand or ion, was expected"},
      {"{\"ion\": 1}", "'ion' must be an object; it is an integer"},
      {"{\"proteinChain\": {\"sequence\": \"N\", \"useStructureTemplate\": 1}}",
       "'useStructureTemplate' must be true or false; it is an integer"},
      {"{\"proteinChain\": {\"sequence\": \"N\", \"maxTemplateDate\": 1}}",
       "'maxTemplateDate' must be a date, as \"2018-01-20\"; it is an integer"},
      {"{\"ion\": {\"ion\": \"MG\", \"count\": 0}}", "'count' is 0; 1 to 10000 are allowed"},
      {"{\"ion\": {\"ion\": \"MG\", \"count\": \"2\"}}", "'count' must be an integer; it is a string"},
      {"{\"ion\": {}}", "'ion' must be the code of a component; it is missing"},
      {"{\"ligand\": {\"ligand\": \"CCD_x\"}}", "'ligand': 'x' is no code of a component; 1 to 7 capital "
                                                "letters and digits without blanks were expected"},
      {"{\"rnaSequence\": {\"x\": 1}}",
       "'rnaSequence': unknown key 'x'; the keys are sequence, count, modifications"},
      {"{\"rnaSequence\": {}}", "'sequence' must be a string; it is missing"},
      {GLYCAN("\"NAG\"", "4"), G_1 "'position' is 4; a residue, 1 to 3, was expected"},
      {GLYCAN("\"NAG\"", "2"), G_1 "residue 2 is K; a glycan stands on N, S or T"},
      {GLYCAN("1", "1"), G_1 "'residues' must be a string; it is an integer"},
      {GLYCAN("\"NAG(NAG\"", "1"), G_1 "the glycan has a '(' without its ')'"},
      {GLYCAN("\"NAG(4-1 NAG)\"", "1"),
       G_1 "the glycan has '-' after residue 2 where '(' or ')' was expected, as in "
           "'NAG(NAG)'"},
      {GLYCAN("\"GLC(NAG)\"", "1"),
       G_1 "nothing says by which atoms residue 2 of the glycan (NAG) is bound to residue 1 (GLC); a ligand "
           "of several "
           "'ccdCodes' with 'bondedAtomPairs' in AlphaFold 3's own JSON says it"},
      {GLYCAN("\"BMA(MAN)(MAN)(MAN)\"", "3"),
       G_1 "residue 1 of the glycan (BMA) has no oxygen left that residue 4 (MAN) is usually bound to"},
      {"{\"proteinChain\": {\"sequence\": \"N\", \"glycans\": [{\"residues\": \"NAG\", \"position\": 1}, "
       "{\"residues\": \"NAG\", \"position\": 1}]}}",
       "entry 2 of 'glycans': two glycans stand on residue 1; one was expected"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char text[400], expected[500];
    snprintf(text, sizeof text, "[{\"name\": \"j\", \"dialect\": \"alphafoldserver\", \"sequences\": [%s]}]",
             bad[i][0]);
    snprintf(expected, sizeof expected, "j: error query 'j': entry 1 of 'sequences': %s\n", bad[i][1]);
    af3(text, expected);
  }
}

/* ---- Boltz */

static void test_boltz(void **state) {
  (void)state;
  boltz("version: 1\nsequences:\n  - protein:\n      id: [A, B]\n      sequence: MKT\n      msa: a3m/ubi\n   "
        "   cyclic: yes\n"
        "      modifications:\n        - {position: 3, ccd: SEP}\n        - {position: 1, ccd: MSE}\n  - "
        "rna: {id: N, sequence: "
        "acgu}\n  - dna: {id: 1, sequence: ACGT}\n  - ligand: {id: L, ccd: SAH}\n  - ligand: {id: [M, "
        "\"~\"], smiles: 'CC(=O)O'}\n"
        "  - protein: {id: P, sequence: MK, msa: empty}\nconstraints:\n  - bond: {atom1: [A, 2, NZ], atom2: "
        "[L, 1, N]}\n"
        "  - pocket: {binder: L, contacts: [[A, 1], [A, 2]]}\nproperties:\n  - affinity: {binder: L}\n",
        "job: protein A,B MKT 1=MSE 3=SEP msa=tests/fixtures/features/a3m/ubi cyclic; rna N ACGU; dna 1 "
        "ACGT; ligand L SAH; ligand "
        "M,~ smiles=CC(=O)O; protein P MK; bond A2:NZ-L1:N; pocket L 6 A1 A2; note 'properties' asks for an "
        "affinity, which of3 "
        "does not predict; the structure is folded;\n");
  boltz("base: &x {msa: empty}\nsequences: []\n",
        "job: error query 'job': unknown key 'base'; the keys are version, sequences, "
        "constraints, templates, properties\n");
  boltz("sequences:\n  - protein: &p {id: A, sequence: MK}\n  - protein: {<<: *p, id: B, cyclic: off}\n  - "
        "ligand: {id: C, ccd: [NAG, "
        "NAG]}\nconstraints:\n  - pocket: {binder: C, contacts: [[A, 1]], max_distance: 4.5, force: true}\n",
        "job: protein A MK; protein B MK; ligand C NAG,NAG; pocket C 4.5 A1; note chain A has no 'msa', for "
        "which Boltz would ask a server; without one from a server or 'of3 search' it is folded from its "
        "sequence alone; note chain B has no 'msa', for which Boltz would ask a server; without one from a "
        "server or 'of3 search' it is folded from its sequence alone; note 'force' of 'pocket' is not "
        "served: the network is told of the "
        "pocket, and nothing "
        "enforces it;\n");
}

#define ONE     "sequences:\n  - ligand: {id: A, ccd: ATP}\n"
#define OF_ONE  "entry 1 of 'sequences': "
#define OF_BOND "entry 1 of 'constraints': "

static void test_boltz_refused(void **state) {
  (void)state;
  static const char *const bad[][2] = {
      {"- a\n", "'the file' must be a mapping with 'sequences'; it is an array"},
      {"version: 2\n" ONE, "'version' is '2'; an integer, 1 to 1, was expected"},
      {"version: []\n" ONE, "'version' is an array; an integer, 1 to 1, was expected"},
      {"sequences: a\n", "'sequences' must be a list; it is a string"},
      {"sequences:\n", "the query has no chain"},
      {"sequences: [a]\n", OF_ONE "a mapping of one key, protein, rna, dna or ligand, was expected"},
      {"sequences: [{peptide: {}}]\n",
       OF_ONE "a mapping of one key, protein, rna, dna or ligand, was expected, not peptide"},
      {"sequences: [{protein: a}]\n", OF_ONE "'protein' must be a mapping; it is a string"},
      {"sequences: [{protein: {x: 1}}]\n",
       OF_ONE "'protein': unknown key 'x'; the keys are id, sequence, msa, modifications, cyclic"},
      {"sequences: [{protein: {sequence: MK}}]\n",
       OF_ONE "'id' must be a text or a list of texts; it is missing"},
      {"sequences: [{protein: {id: A}}]\n", OF_ONE "'sequence' must be a text; it is missing"},
      {"sequences: [{protein: {id: A, sequence: M-}}]\n",
       OF_ONE "residue 2 of the sequence is '-', which is no capital letter"},
      {"sequences: [{protein: {id: A, sequence: MK, cyclic: 1}}]\n",
       OF_ONE "'cyclic' must be true or false; it is a string"},
      {"sequences: [{protein: {id: A, sequence: MK, msa: no.a3m}}]\n", OF_ONE
       "'msa' names 'no.a3m', which exists neither beside the query file nor in the working directory"},
      {"sequences: [{protein: {id: A, sequence: MK, msa: [a]}}]\n",
       OF_ONE "'msa' must be a path, or 'empty'; it is an array"},
      {"sequences: [{protein: {id: A, sequence: MK, msa: a.csv}}]\n",
       OF_ONE "'msa' names 'a.csv', a table of Boltz's own; alignments are read as A3M, Stockholm or NPZ"},
      {"sequences: [{dna: {id: A, sequence: AC, msa: a3m}}]\n",
       OF_ONE "'msa' is of proteins and RNA; the network takes no alignment of DNA"},
      {"sequences: [{dna: {id: A, sequence: AC, modifications: [{position: 3, ccd: 5CM}]}}]\n",
       OF_ONE "'position' is '3'; an integer, 1 to 2, was expected"},
      {"sequences: [{dna: {id: A, sequence: AC, modifications: [{position: 2}]}}]\n",
       OF_ONE "'ccd' must be the code of a component; it is missing"},
      {"sequences: [{dna: {id: A, sequence: AC, modifications: [a]}}]\n",
       OF_ONE "'modifications' must be a mapping; it is a string"},
      {"sequences: [{ligand: {id: A}}]\n", OF_ONE "a ligand has either 'ccd' or 'smiles'; none is given"},
      {"sequences: [{ligand: {id: A, ccd: A, smiles: C}}]\n",
       OF_ONE "a ligand has either 'ccd' or 'smiles'; both are given"},
      {"sequences: [{ligand: {id: A, smiles: ''}}]\n", OF_ONE "'smiles' is empty"},
      {"sequences: [{ligand: {id: A, smiles: [C]}}]\n", OF_ONE "'smiles' must be a text; it is an array"},
      {"sequences: [{ligand: {id: A, ccd: atp}}]\n", OF_ONE
       "'atp' is no code of a component; 1 to 7 capital letters and digits without blanks were expected"},
      {ONE "constraints: [{x: 1}]\n",
       OF_BOND "a mapping of one key, bond, pocket or contact, was expected, not x"},
      {ONE "constraints: [{contact: {}}]\n",
       OF_BOND "'contact' asks for two tokens near each other, which this version of of3 does not serve"},
      {ONE "constraints: [{bond: {atom1: [A, 1, C]}}]\n",
       OF_BOND "'atom2' must be [chain, residue, atom], as [A, 12, SG]"},
      {ONE "constraints: [{bond: {atom1: [A, x, C], atom2: [A, 1, C]}}]\n",
       OF_BOND "'atom1' is 'x'; an integer, 1 to 100000, was expected"},
      {ONE "constraints: [{pocket: {binder: A}}]\n",
       OF_BOND "'contacts' of 'pocket' is empty; residues were expected"},
      {ONE "constraints: [{pocket: {contacts: [[A, 1]]}}]\n",
       OF_BOND "'binder' must be the id of a chain; it is missing"},
      {ONE "constraints: [{pocket: {binder: A, contacts: [[A, C1]]}}]\n",
       OF_BOND "'contacts' names the atom C1 of chain A; pockets of atoms are not served: name residues"},
      {ONE "constraints: [{pocket: {binder: A, contacts: [[A]]}}]\n",
       OF_BOND "'contacts' must be [chain, residue], as [A, 12]"},
      {ONE "constraints: [{pocket: {binder: A, contacts: [[A, 1]], max_distance: x}}]\n",
       OF_BOND "'max_distance' is 'x'; a distance in Angstrom was expected"},
      {ONE "constraints: [{pocket: {binder: A, contacts: [[A, 1]]}}, {pocket: {binder: A, contacts: [[A, "
           "1]]}}]\n",
       "entry 2 of 'constraints': a second 'pocket' is given; of3 takes one"},
      {ONE "templates: [{cif: a3m.json}]\n",
       "entry 1 of 'templates': 'templates' names no protein of the query"},
      {ONE "templates: [a]\n", "entry 1 of 'templates': 'templates' must be a mapping; it is a string"},
      {ONE "templates: [{pdb: a}]\n",
       "entry 1 of 'templates': 'templates': the key 'pdb' asks for a template in PDB format; "
       "convert it to mmCIF, which this version of of3 does not serve"},
      {ONE "templates: [{chain_id: A}]\n", "entry 1 of 'templates': 'cif' must be a path; it is missing"},
      {ONE "templates: [{cif: a, chain_id: A, template_id: [A, B]}]\n",
       "entry 1 of 'templates': 'template_id' names 2 chains and 'chain_id' 1; there must be as many"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char expected[600];
    snprintf(expected, sizeof expected, "job: error query 'job': %s\n", bad[i][1]);
    boltz(bad[i][0], expected);
  }
}

/* Of the YAML itself. */
static void test_yaml(void **state) {
  (void)state;
#define LINE(n) "error 'folder/job.x.gz', line " #n ": "
  boltz("", "error 'folder/job.x.gz' holds no YAML document\n");
  boltz("a: [\n", "error 'folder/job.x.gz', line 2, column 1: did not find expected node content\n");
  boltz("sequences: []\nsequences: []\n", LINE(2) "the key 'sequences' is given twice\n");
  boltz("[a]: 1\n", LINE(1) "a key is no text\n");
  boltz("a: 1\n---\nb: 1\n", LINE(2) "a second document begins; one was expected\n");
  boltz("a: *b\n", LINE(1) "the alias '*b' has no anchor before it\n");
  boltz("a: &a [*a]\n", LINE(1) "the alias '*a' stands in what it names\n");
  boltz("a: !!python/object:os.system x\n",
        LINE(1) "the tag 'tag:yaml.org,2002:python/object:os.system' is not read\n");
  boltz("a: !x [1]\n", LINE(1) "the tag '!x' is not read\n");
  boltz("a: \"x\\0y\"\n", LINE(1) "a text holds a zero byte\n");
  boltz("a: {<<: 1}\n", LINE(1) "'<<' merges mappings; another value was found\n");
  boltz("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", LINE(1) "the YAML is nested more than 32 levels deep\n");
  boltz("a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c "
        "[*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
        "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n",
        LINE(5) "more than 100000 values come of the file, those of its aliases counted; split it\n");
  of3_str many = {0};
  for (int i = 0; i < 101; i++) of3_str_addf(&many, "- &a%d x\n", i);
  boltz(many.text, LINE(101) "the file has more than 100 anchors\n");
  of3_str_clear(&many);
  of3_str_add(&many, "- &");
  of3_str_addc(&many, 'a', 64);
  of3_str_add(&many, " x\n");
  boltz(many.text, LINE(1) "an anchor's name has more than 63 bytes\n");
  of3_str_free(&many);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_af3),           cmocka_unit_test(test_templates),
      cmocka_unit_test(test_af3_refused),   cmocka_unit_test(test_af3_file),
      cmocka_unit_test(test_af3_server),    cmocka_unit_test(test_boltz),
      cmocka_unit_test(test_boltz_refused), cmocka_unit_test(test_yaml),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
