/* Readers of alignments, the order of the main block, profiles. Expected values are worked out by hand. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/gzip.h"
#include "msa/alignment.h"
#include "msa/msa.h"
#include "msa/names.h"
#include "msa/species.h"
#include "zip_maker.h"

typedef of3_status parser(const char *, size_t, const of3_alignment_want *, of3_arena *, of3_alignment *,
                          of3_error *);

static void assert_says(const of3_error *err, const char *part) {
  if (err->code != OF3_ERR_INPUT || !strstr(err->text, part))
    fail_msg("code %d, '%s'; expected '%s'", err->code, err->text, part);
  assert_null(strchr(err->text, '\n'));
}

static void refused(parser *parse, const char *text, int n_col, const char *part) {
  of3_arena *arena = of3_arena_new(0);
  of3_alignment a;
  of3_error err = {0};
  const of3_alignment_want want = {.file = "f", .n_col = n_col};
  assert_int_not_equal(parse(text, strlen(text), &want, arena, &a, &err), OF3_OK);
  assert_says(&err, part);
  of3_arena_free(arena);
}

/* rows: all rows joined; deletions: one digit a cell. */
static void reads(parser *parse, const char *text, of3_alignment_want want, const char *rows,
                  const char *deletions) {
  of3_arena *arena = of3_arena_new(0);
  of3_alignment a;
  of3_error err = {0};
  if (parse(text, strlen(text), &want, arena, &a, &err) != OF3_OK) fail_msg("%s", err.text);
  assert_int_equal(a.n_row * a.n_col, strlen(rows));
  assert_memory_equal(a.letter, rows, strlen(rows));
  for (size_t i = 0; deletions[i]; i++) assert_int_equal(a.deletion[i], deletions[i] - '0');
  of3_arena_free(arena);
}

static void test_a3m(void **state) {
  (void)state;
  of3_alignment_want want = {.file = "f", .n_col = 3};
  reads(of3_a3m_parse, "#c\n\n>q\nMK\nV\n>a\r\nabM-\rcV\n>b\n-.Xabc", want, "MKVM-V--X", "000201000");
  want.most_rows = 2;
  reads(of3_a3m_parse, ">q\nMKV\n>a\nMKa-\n>b\nMMM\n", want, "MKVMK-", "000001");
  refused(of3_a3m_parse, "", 3, "'f' holds no sequence");
  refused(of3_a3m_parse, "# only a comment", 3, "holds no sequence");
  refused(of3_a3m_parse, "MKV", 3, "line 1: a header line");
  refused(of3_a3m_parse, ">q\nMKV\n>a\nMK", 3, "'f': row 2 has 2 columns, the chain 3 residues");
  refused(of3_a3m_parse, ">q\nMKV\n>a\n>b\nMKV", 3, "row 2 has 0 columns");
  refused(of3_a3m_parse, ">q\nMKV\n>a\nMKVaaV", 3, "row 2 has 4 columns");
  refused(of3_a3m_parse, ">q\nM V", 3, "line 2: byte 0x20");
  refused(of3_a3m_parse, ">q\nM\xc3\xa9", 3, "byte 0xc3");
}

typedef struct seen {
  int n;
  char text[16][1100];
} seen;

static void keep(void *user, of3_level level, const char *text) {
  seen *s = user;
  if (level == OF3_LOG_WARN && s->n < 16) snprintf(s->text[s->n++], sizeof s->text[0], "%s", text);
}

static void keep_all(void *user, of3_level level, const char *text) {
  (void)level;
  keep(user, OF3_LOG_WARN, text);
}

static bool warned(const seen *s, const char *part) {
  for (int i = 0; i < s->n; i++)
    if (strstr(s->text[i], part)) return true;
  return false;
}

/* What tools write besides: dots, annotation, stops, lower case, a byte order mark. */
static void test_a3m_dialects(void **state) {
  (void)state;
  of3_alignment_want want = {.file = "f", .n_col = 3, .opt_sequence = "MKV"};
  reads(of3_a3m_parse, ">q\nM.K..V\n>a\nMgKhhV\n", want, "MKVMKV", "000012");
  reads(of3_a3m_parse, ">q\nMKV\n>a\nM.V\n>b\n..aV", want, "MKVM-V--V", "000000001");
  reads(of3_a3m_parse, ">q\nMKV*\n>a\nM-V*\n>b\nM-*\n>c\nMKa*", want, "MKVM-VM-*MK*", "000000000001");
  reads(of3_a3m_parse, ">q\nmkv\n>a\nmLv\n>b\n-kV\n>c\nMKaaV", want, "MKVMLV-KVMKV", "000000000002");
  reads(of3_a3m_parse, "\xef\xbb\xbf>q\nMKV\n", want, "MKV", "000");
  reads(of3_a3m_parse, "#A3M#\n#3\t1\n>q\nMKV\n", want, "MKV", "000");
  const char *annotated = ">ss_dssp\nCC-\n>ss_pred psipred\nCCCC\n>ss_conf\n999\n>q\nMKV\n>x_consensus\nMKK\n"
                          ">aa_pred\nCCC\n>a\nMMM\n>ss_predicted\nCHC";
  reads(of3_a3m_parse, annotated, want, "MKVMMMCHC", "000000000");
  reads(of3_a3m_parse, ">Consensus\nMMM\n>q\nMKV", want, "MKV", "000");
  reads(of3_a3m_parse, ">my_consensus\nMKV\n>a_consensus\nMMV", want, "MKV", "000");
  refused(of3_a3m_parse, ">ss_pred\nCCC\n", 3, "holds no sequence");
  refused(of3_a3m_parse, "#32,3\t1,1\n>101\t102\nMKV\n", 3,
          "'f' is ColabFold's alignment of a complex of 2 chains (line 1 gives their lengths)");
}

static of3_status parse_bytes(parser *parse, const char *text, size_t size, const of3_alignment_want *want,
                              char *rows) {
  of3_arena *arena = of3_arena_new(0);
  of3_alignment a;
  of3_error err = {0};
  of3_status st = parse(text, size, want, arena, &a, &err);
  if (st == OF3_OK) snprintf(rows, 64, "%.*s", a.n_row * a.n_col, (const char *)a.letter);
  if (st != OF3_OK) snprintf(rows, 64, "%.63s", err.text);
  of3_arena_free(arena);
  return st;
}

#define PARSE_BYTES(parse, text, want, rows) parse_bytes(parse, text, sizeof(text) - 1, want, rows)

/* Several queries in a file: zero bytes in A3M, "//" in Stockholm. */
static void test_parts(void **state) {
  (void)state;
  seen s = {0};
  const of3_log log = {keep_all, &s, OF3_LOG_INFO};
  of3_alignment_want want = {.file = "f", .n_col = 3, .opt_sequence = "MKV", .opt_log = &log};
  char rows[64];
  PARSE_BYTES(of3_a3m_parse, ">q\nMKV\n>a\nMMM\n\0", &want, rows);
  assert_string_equal(rows, "MKVMMM");
  assert_int_equal(s.n, 0);
  PARSE_BYTES(of3_a3m_parse, ">q\nMKV\n>a\nMMM\n\0>other\nMK\n>x\nM-\n\0", &want, rows);
  assert_string_equal(rows, "MKVMMM");
  assert_true(warned(&s, "'f' holds 2 alignments, separated by zero bytes; number 1 is read"));
  PARSE_BYTES(of3_a3m_parse, ">q\nMK\n\0>ss_pred\nCCC\n>own\nMKV\n>x\nM-V\n\0>q\nMKVA\n\0", &want, rows);
  assert_string_equal(rows, "MKVM-V");
  assert_true(warned(&s, "'f' holds 3 alignments, separated by zero bytes; number 2 is read"));
  PARSE_BYTES(of3_a3m_parse, ">q\nMK\n\0>own\nMKV\n>x\nM\x01V\n\0", &want, rows);
  assert_string_equal(rows, "'f', line 6: byte 0x01 is neither a letter nor a gap");
  PARSE_BYTES(of3_a3m_parse, ">q\nMK\n\0>q\nMKVA\n\0", &want, rows);
  assert_non_null(strstr(rows, "row 1 has 2 columns"));
  s.n = 0;
  PARSE_BYTES(of3_stockholm_parse, "# STOCKHOLM 1.0\nq MKV\n//\n\0", &want, rows);
  assert_string_equal(rows, "MKV");
  assert_int_equal(s.n, 0);
  PARSE_BYTES(of3_stockholm_parse,
              "# STOCKHOLM 1.0\nq MKV*\nss_pred CCCC\na MMM-\nc_consensus MMMM\n//\n"
              "# STOCKHOLM 1.0\nr MK\n//\n",
              &want, rows);
  assert_string_equal(rows, "MKVMMM");
  assert_true(warned(&s, "what follows the '//' in line 6 is another alignment"));
}

static void test_stockholm(void **state) {
  (void)state;
  of3_alignment_want want = {.file = "f", .n_col = 3};
  const char *text = "# STOCKHOLM 1.0\n#=GF X y\nq  M.-K\nb  m-C.\n\nq  V.\nb\tVa\n//\n";
  /* columns M . - K | V .: kept 0, 3, 4; b has C in the query's gap before K */
  reads(of3_stockholm_parse, text, want, "MKVm.V", "000010");
  want.upper_case = true;
  reads(of3_stockholm_parse, text, want, "MKVM.V", "000010");
  want.most_rows = 1;
  reads(of3_stockholm_parse, text, want, "MKV", "000");
  refused(of3_stockholm_parse, "# STOCKHOLM 1.0\n//\n", 3, "holds no sequence");
  refused(of3_stockholm_parse, "q MKV\nb", 3, "line 2: a name and a row were expected");
  refused(of3_stockholm_parse, "q MKV\nb M K", 3, "line 2: a name and a row");
  refused(of3_stockholm_parse, "q MKV\nb MK", 3, "'f': row 2 has 2 columns, the query 3");
  refused(of3_stockholm_parse, "q MK-\n", 3, "row 1 (the query) has 2 residues, the chain 3");
}

static void test_npz(void **state) {
  (void)state;
  of3_arena *arena = of3_arena_new(0);
  of3_error err = {0};
  of3_map map;
  of3_npz_alignment *a = NULL;
  int n = 0;
  of3_alignment_want want = {.file = "ubi.npz", .n_col = 76};
  assert_int_equal(of3_map_open("tests/fixtures/features/npz/ubi.npz", &map, &err), OF3_OK);
  assert_int_equal(of3_npz_parse(map.data, map.size, &want, arena, &a, &n, &err), OF3_OK);
  assert_int_equal(n, 4);
  assert_string_equal(a[1].key, "mgnify_hits");
  assert_int_equal(a[1].alignment.n_row, 8);
  assert_memory_equal(a[1].alignment.letter, "MQIFVKTLTG", 10);
  want.n_col = 75;
  assert_int_equal(of3_npz_parse(map.data, map.size, &want, arena, &a, &n, &err), OF3_ERR_INPUT);
  assert_says(&err, "'ubi.npz': member 'colabfold_main': row 1 has 76 columns, the chain 75 residues");
  assert_int_equal(of3_npz_parse(map.data, map.size / 2, &want, arena, &a, &n, &err), OF3_ERR_INPUT);
  of3_map_close(&map);
  assert_int_equal(of3_map_open("tests/fixtures/features/ubiquitin.npz", &map, &err), OF3_OK);
  assert_int_equal(of3_npz_parse(map.data, map.size, &want, arena, &a, &n, &err), OF3_ERR_INPUT);
  assert_says(&err, "is an array of numbers; one pickled dictionary");
  of3_map_close(&map);
  of3_arena_free(arena);
}

/* What is written is read back: letters, counts that no byte holds, names. */
static void test_npz_written(void **state) {
  (void)state;
  static const char text[] = ">query\nMKV\n>tr|Q1|Q1_ECOLI/1-3\nMaK-\n>long\nM-V\n";
  char path[] = "/tmp/of3_test_npz_XXXXXX";
  of3_arena *arena = of3_arena_new(0);
  of3_error err = {0};
  of3_map map;
  of3_npz_alignment out = {.key = "colabfold_main"}, *in = NULL;
  int n = 0;
  const of3_alignment_want want = {.file = path, .n_col = 3};
  const int fd = mkstemp(path);
  assert_true(fd >= 0);
  close(fd);
  assert_int_equal(of3_a3m_parse(text, strlen(text), &want, arena, &out.alignment, &err), OF3_OK);
  out.alignment.deletion[8] = 0;
  assert_int_equal(of3_alignment_set_deletions(&out.alignment, 8, 70000, arena, &err), OF3_OK);
  assert_int_equal(of3_npz_write(path, &out, 1, NULL, &err), OF3_OK);
  assert_int_equal(of3_map_open(path, &map, &err), OF3_OK);
  if (of3_npz_parse(map.data, map.size, &want, arena, &in, &n, &err) != OF3_OK) fail_msg("%s", err.text);
  assert_int_equal(n, 1);
  assert_string_equal(in->key, "colabfold_main");
  assert_memory_equal(in->alignment.letter, "MKVMK-M-V", 9);
  assert_true(of3_alignment_deletions(&in->alignment, 4) == 1 &&
              of3_alignment_deletions(&in->alignment, 8) == 70000);
  assert_string_equal(in->alignment.name[1], "tr|Q1|Q1_ECOLI/1-3");
  of3_map_close(&map);
  unlink(path);
  of3_arena_free(arena);
}

static void same_species(const char *header, const char *expected) {
  const char *found = NULL;
  size_t n = 0;
  const bool has = of3_species_of(header, &found, &n);
  if (has != (expected != NULL) || (has && (n != strlen(expected) || memcmp(found, expected, n) != 0)))
    fail_msg("'%s' has the species '%.*s'", header, has ? (int)n : 4, has ? found : "none");
}

static void test_species(void **state) {
  (void)state;
  same_species("tr|A0A1W9RZR3|A0A1W9RZR3_9BACT/19-121", "9BACT");
  same_species("sp|P12345-2|ABC_HUMAN", "HUMAN");
  same_species("tr|Q1|Q1_ECOLI/1-50 [subseq from] a protein", "ECOLI");
  same_species("UniRef100_Q1 a cluster n=2 Tax=Escherichia TaxID=562 RepID=Q1_ECOLI", "ECOLI");
  same_species("UniRef100_UPI0001 a cluster n=1 TaxID=562 RepID=UPI0001", "562");
  same_species("|||HUMAN||", "HUMAN");
  same_species("query", NULL);
  same_species("", NULL);
}

/* 64 MB of zeros in 64 KB: refused by its size, before memory is taken; what is read counts while it is
 * there. */
static void test_npz_memory(void **state) {
  (void)state;
  enum { SIZE = 64 << 20, PACKED = 1 << 17 };
  of3_error err = {0};
  of3_npz_alignment *a = NULL;
  int n = 0;
  of3_map map;
  of3_arena *arena = of3_arena_new(0);
  uint8_t *zeros = calloc(SIZE, 1), *packed = malloc(PACKED);
  z_stream z = {0};
  assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  z.next_in = zeros, z.avail_in = SIZE, z.next_out = packed, z.avail_out = PACKED;
  assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
  deflateEnd(&z);
  zip_maker zip = {0};
  zip_add_packed(&zip, "bomb.npy", 8, packed, PACKED - z.avail_out, SIZE, (uint32_t)crc32(0, zeros, SIZE));
  zip_finish(&zip);
  const of3_alignment_want want = {.file = "bomb.npz", .n_col = 76};
  of3_arena_limit(arena, 8 << 20);
  assert_int_equal(of3_npz_parse((const uint8_t *)zip.bytes.text, zip.bytes.len, &want, arena, &a, &n, &err),
                   OF3_ERR_MEMORY);
  assert_non_null(strstr(err.text, "'bomb.npz': member 'bomb' unpacks to 67.1 MB, more than there is or"));
  assert_in_range(of3_arena_used(arena), 0, 1 << 16);
  zip_free(&zip);
  free(zeros);
  free(packed);

  /* an archive takes no more than the limit, together with what it was made of */
  assert_int_equal(of3_map_open("tests/fixtures/features/npz/ubi.npz", &map, &err), OF3_OK);
  of3_status status = OF3_ERR_MEMORY;
  for (size_t most = 1 << 10; status != OF3_OK; most += 1 << 10) {
    of3_arena_free(arena);
    arena = of3_arena_new(0);
    of3_arena_limit(arena, most);
    status = of3_npz_parse(map.data, map.size, &want, arena, &a, &n, &err);
    assert_in_range(of3_arena_used(arena), 0, most);
  }
  of3_map_close(&map);
  of3_arena_free(arena);
}

static void test_names(void **state) {
  (void)state;
  assert_true(of3_msa_name_of("uniref90_hits", 3, NULL).place <
              of3_msa_name_of("mgnify_hits", 3, NULL).place);
  assert_true(of3_msa_name_of("cfdb_hits", 5, NULL).place < of3_msa_name_of("mgnify_hits", 5, NULL).place);
  assert_int_equal(of3_msa_name_of("cfdb_hits", 4, NULL).place, OF3_MSA_LAST_PLACE);
  assert_int_equal(of3_msa_name_of("mine", 5, NULL).place, OF3_MSA_LAST_PLACE);
  assert_int_equal(of3_msa_name_of("mine", 5, NULL).role, OF3_MSA_MAIN);
  assert_int_equal(of3_msa_name_of("mmseqs_colabfold", 4, NULL).cap, 16384);
  assert_int_equal(of3_msa_name_of("mmseqs_colabfold", 5, NULL).cap, 10000000);
  assert_int_equal(of3_msa_name_of("uniprot_hits", 5, NULL).role, OF3_MSA_HITS);
  assert_int_equal(of3_msa_name_of("colabfold_paired", 5, NULL).role, OF3_MSA_PAIRING);
  assert_int_equal(of3_msa_name_of("hmm_output", 5, NULL).role, OF3_MSA_TEMPLATES);
  assert_int_equal(of3_msa_name_of("pair", 5, NULL).role, OF3_MSA_PAIRING);
  assert_true(of3_msa_name_of("uniref", 5, NULL).place <
              of3_msa_name_of("bfd.mgnify30.metaeuk30.smag30", 5, NULL).place);
  assert_false(of3_msa_name_of("uniref", 5, NULL).known || of3_msa_name_of("pair", 5, NULL).known);
  assert_true(of3_msa_name_of("uniprot_hits", 5, NULL).known &&
              of3_msa_name_of("mgnify_hits", 5, NULL).known);
}

/* A folder of alignments of the chain MKV. */
static void write_folder(const char *folder, const char *const files[][2], size_t n) {
  of3_error err = {0};
  assert_int_equal(of3_make_folder(folder, &err), OF3_OK);
  for (size_t i = 0; i < n; i++) {
    char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, files[i][0]);
    assert_int_equal(of3_write_file(path, files[i][1], strlen(files[i][1]), &err), OF3_OK);
  }
}

static void remove_folder(const char *folder, const char *const files[][2], size_t n) {
  for (size_t i = 0; i < n; i++) {
    char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, files[i][0]);
    remove(path);
  }
  rmdir(folder);
}

static void test_folder(void **state) {
  (void)state;
  static const char *const files[][2] = {
      {"zeta.a3m", ">q\nMKV\n>z\nZZZ"},
      {"alpha.a3m", ">q\nMKV\n>a\nAAA"},
      {"mgnify_hits.a3m", ">q\nMKV\n>m\nMMM"},
      {"uniref90_hits.sto", "q MKV\nu UUU"},
      {"uniprot_hits.a3m", ">q\nMKV\n>p\nPPP"},
      {"hmm_output.sto", "not an alignment"},
      {"notes.txt", "text"},
      {"bfd_hits.a3m", ">q\nMRV\n>b\nBBB"},
  };
  enum { N = sizeof files / sizeof *files };
  const char *folder = "test_msa.tmp";
  write_folder(folder, files, N);
  seen s = {0};
  const of3_log log = {keep, &s, OF3_LOG_DEBUG};
  of3_error err = {0};
  of3_arena *arena = of3_arena_new(0);
  const of3_msa_rules rules = {
      .release = 5, .row_caps = true, .upper_case = true, .drop_duplicate_rows = true};
  of3_msa_request request = {.chain = "A", .sequence = "MKV", .n_path = 1, .path = &folder, .use_main = true};
  of3_msa m;
  of3_status st = of3_msa_load(&request, &rules, &log, arena, &m, &err);
  /* known names first, then the others by name; the query once; no uniprot_hits */
  static const char *const rows[] = {"MKV", "UUU", "MMM", "AAA", "MRV", "BBB", "ZZZ"};
  int n_row = st == OF3_OK ? m.n_row : -1;
  bool equal = n_row == 7;
  for (int i = 0; equal && i < 7; i++) equal = memcmp(of3_msa_letters(&m, m.row[i]), rows[i], 3) == 0;
  request.use_main = false;
  of3_status without = of3_msa_load(&request, &rules, NULL, arena, &m, &err);
  int n_without = m.n_row;
  const char *pairing = "test_msa.tmp/uniprot_hits.a3m";
  request =
      (of3_msa_request){.chain = "A", .sequence = "MKV", .n_path = 1, .path = &pairing, .use_main = true};
  of3_msa only;
  of3_error pairing_err = {0};
  of3_status only_pairing = of3_msa_load(&request, &rules, NULL, arena, &only, &pairing_err);
  remove_folder(folder, files, N);
  if (st != OF3_OK) fail_msg("%s", err.text);
  assert_int_equal(n_row, 7);
  assert_true(equal);
  assert_true(warned(&s, "names OpenFold3 does not know (alpha, bfd_hits, zeta) enter its MSA after those"));
  assert_true(warned(&s, "(bfd_hits): residue 2 of row 1 is R, that of chain A is K"));
  assert_int_equal(s.n, 2);
  assert_int_equal(without, OF3_OK);
  assert_int_equal(n_without, 0);
  assert_memory_equal(of3_msa_letters(&m, m.query), "MKV", 3);
  assert_true(m.profile[12] == 0);
  assert_int_equal(only_pairing, OF3_ERR_INPUT);
  assert_says(&pairing_err, "none of its alignment files is an MSA");
  of3_arena_free(arena);
}

/* A folder as ColabFold's server answers, with what macOS leaves beside the files. */
static void test_server_folder(void **state) {
  (void)state;
  static const char *const files[][2] = {
      {"bfd.mgnify30.metaeuk30.smag30.a3m", ">q\nMKV\n>k\nM-G\n"},
      {"uniref.a3m", ">q\nMKV\n>h\nMMM\n"},
      {"pair.a3m", ">q\nMKV\n>p\nPPP\n"},
      {"pdb70.m8", "101\t1ubq_A"},
      {"msa.sh", "#!/bin/sh"},
      {"._uniref.a3m", "\001\002"},
  };
  enum { N = sizeof files / sizeof *files };
  const char *folder = "test_msa.server";
  write_folder(folder, files, N);
  seen s = {0};
  const of3_log log = {keep_all, &s, OF3_LOG_INFO};
  of3_error err = {0};
  of3_arena *arena = of3_arena_new(0);
  const of3_msa_rules rules = {.release = 5};
  const of3_msa_request request = {
      .chain = "A", .sequence = "MKV", .n_path = 1, .path = &folder, .use_main = true};
  of3_msa m;
  of3_status st = of3_msa_load(&request, &rules, &log, arena, &m, &err);
  remove_folder(folder, files, N);
  if (st != OF3_OK) fail_msg("%s", err.text);
  static const char *const rows[] = {"MKV", "MMM", "MKV", "M-G"};
  assert_int_equal(m.n_row, 4);
  for (int i = 0; i < 4; i++) assert_memory_equal(of3_msa_letters(&m, m.row[i]), rows[i], 3);
  assert_true(warned(&s, "'test_msa.server': msa.sh, pdb70.m8 left aside;"));
  assert_true(warned(&s, "(pair) serves pairing: its rows are not used"));
  assert_int_equal(s.n, 2);
  of3_arena_free(arena);
}

/* The MSA of chain MKV from one file. */
static void file_gives(const char *path, const void *bytes, size_t n, const char *rows, const char *part) {
  seen s = {0};
  const of3_log log = {keep_all, &s, OF3_LOG_INFO};
  of3_error err = {0};
  of3_arena *arena = of3_arena_new(0);
  assert_int_equal(of3_write_file(path, bytes, n, &err), OF3_OK);
  const of3_msa_rules rules = {.release = 5};
  const of3_msa_request request = {
      .chain = "A", .sequence = "MKV", .n_path = 1, .path = &path, .use_main = true};
  of3_msa m = {0};
  of3_status st = of3_msa_load(&request, &rules, &log, arena, &m, &err);
  remove(path);
  if ((st == OF3_OK) != (rows != NULL)) fail_msg("'%s' gives '%s'", path, err.text);
  for (int i = 0; rows && i < m.n_row; i++)
    assert_memory_equal(of3_msa_letters(&m, m.row[i]), rows + 3 * i, 3);
  if (rows) assert_int_equal(3 * m.n_row, strlen(rows));
  if (part && rows && !warned(&s, part)) fail_msg("'%s' does not say '%s'", path, part);
  if (!part) assert_int_equal(s.n, 0);
  if (part && !rows && !strstr(err.text, part)) fail_msg("'%s'; expected '%s'", err.text, part);
  of3_arena_free(arena);
}

#define FILE_GIVES(path, text, rows, part) file_gives(path, text, sizeof(text) - 1, rows, part)

/* ">q\nMKV\n>h\nMMM\n" packed, as two members. */
static const uint8_t gzip_file[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0xff, 0xb3,
                                    0x2b, 0xe4, 0xf2, 0xf5, 0x0e, 0xe3, 0x02, 0x00, 0xb9, 0x36, 0x7b,
                                    0xf6, 0x07, 0x00, 0x00, 0x00, 0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00,
                                    0x00, 0x00, 0x02, 0xff, 0xb3, 0xcb, 0xe0, 0xf2, 0xf5, 0xf5, 0xe5,
                                    0x02, 0x00, 0xc2, 0xd2, 0x19, 0x7f, 0x07, 0x00, 0x00, 0x00};

static void test_content_decides(void **state) {
  (void)state;
  FILE_GIVES("test_msa.x.sto", ">q\nMKV\n>h\nMMM\n", "MKVMMM", "holds A3M, whatever its name says");
  FILE_GIVES("test_msa.x.a3m", "# STOCKHOLM 1.0\n\nq MKV\nh MMM\n//\n", "MKVMMM", "holds Stockholm");
  FILE_GIVES("test_msa.x.sto", "q MKV\nh MMM\n", "MKVMMM", NULL);
  file_gives("test_msa.x.a3m.gz", gzip_file, sizeof gzip_file, "MKVMMM", NULL);
  file_gives("test_msa.x.sto", gzip_file, sizeof gzip_file, "MKVMMM", "holds A3M");
  file_gives("test_msa.x.a3m.gz", gzip_file, sizeof gzip_file - 3, NULL, "is a damaged or cut gzip file");
  FILE_GIVES("test_msa.x.a3m.gz", "\x1f\x8bnothing", NULL, "is a damaged or cut gzip file");
  FILE_GIVES("test_msa.x.a3m", "\">q\nMKV\"\n", NULL, "line 1 begins with a quotation mark");
  FILE_GIVES("test_msa.x.a3m", "\xff\xfe>\0q\0", NULL, "is text in UTF-16");
  FILE_GIVES("test_msa.x.a3m", ">q\nXKU\n>h\nMMM\n", "XKUMMM", NULL); /* unknown letters are no difference */
  FILE_GIVES("test_msa.x.a3m", ">q\nMRV\n", "MRV", "residue 2 of row 1 is R, that of chain A is K");
}

/* What a gzip file unpacks to is bounded before it is taken. */
static void test_gzip_limit(void **state) {
  (void)state;
  const char *path = "test_msa.limit.a3m.gz";
  of3_error err = {0};
  assert_int_equal(of3_write_file(path, gzip_file, sizeof gzip_file, &err), OF3_OK);
  of3_arena *arena = of3_arena_new(0);
  char *text = NULL;
  size_t n = 0;
  assert_int_equal(of3_gunzip(path, 13, NULL, arena, &text, &n, &err), OF3_ERR_MEMORY);
  assert_non_null(strstr(err.text, "unpacks to more than"));
  assert_int_equal(of3_arena_used(arena), 0);
  of3_status st = of3_gunzip(path, 14, NULL, arena, &text, &n, &err);
  of3_arena_limit(arena, of3_arena_used(arena) + 13);
  of3_status limited = of3_gunzip(path, 1000, NULL, arena, &text, &n, &err);
  remove(path);
  assert_int_equal(st, OF3_OK);
  assert_int_equal(limited, OF3_ERR_MEMORY);
  of3_arena_free(arena);
}

/* Known names twice: the last path wins. Unknown names twice: both enter. */
static void test_same_names(void **state) {
  (void)state;
  static const char *const one[][2] = {{"uniref90_hits.a3m", ">q\nMKV\n>1\nAAA"},
                                       {"own.a3m", ">q\nMKV\n>1\nCCC"}};
  static const char *const two[][2] = {{"uniref90_hits.a3m", ">q\nMKV\n>2\nDDD"},
                                       {"own.a3m", ">q\nMKV\n>2\nEEE"}};
  write_folder("test_msa.1", one, 2);
  write_folder("test_msa.2", two, 2);
  static const char *const paths[] = {"test_msa.2", "test_msa.1", "test_msa.1/own.a3m"};
  seen s = {0};
  const of3_log log = {keep, &s, OF3_LOG_WARN};
  of3_arena *arena = of3_arena_new(0);
  of3_error err = {0};
  const of3_msa_rules rules = {.release = 3, .profile_scrambled = true};
  const of3_msa_request request = {
      .chain = "A", .sequence = "MKV", .n_path = 3, .path = paths, .use_main = true};
  of3_msa m;
  of3_status st = of3_msa_load(&request, &rules, &log, arena, &m, &err);
  remove_folder("test_msa.1", one, 2);
  remove_folder("test_msa.2", two, 2);
  if (st != OF3_OK) fail_msg("%s", err.text);
  static const char *const rows[] = {"MKV", "DDD", "MKV", "CCC", "MKV", "EEE"};
  assert_int_equal(m.n_row, 6);
  for (int i = 0; i < 6; i++) assert_memory_equal(of3_msa_letters(&m, m.row[i]), rows[i], 3);
  assert_int_equal(s.n, 2);
  assert_true(warned(&s, "OpenFold3 does not know (own, own)"));
  assert_true(warned(&s, "'test_msa.2/uniref90_hits.a3m' takes the place of 'test_msa.1/uniref90_hits.a3m'"));
  of3_arena_free(arena);
}

static void loads_with(const char *path, const char *content, const char *part) {
  of3_error err = {0};
  of3_arena *arena = of3_arena_new(0);
  if (content) assert_int_equal(of3_write_file(path, content, strlen(content), &err), OF3_OK);
  const of3_msa_rules rules = {.release = 5};
  const of3_msa_request request = {
      .chain = "A", .sequence = "MKV", .n_path = 1, .path = &path, .use_main = true};
  of3_msa m;
  of3_status st = of3_msa_load(&request, &rules, NULL, arena, &m, &err);
  if (content) remove(path);
  assert_int_not_equal(st, OF3_OK);
  if (!strstr(err.text, part)) fail_msg("'%s'; expected '%s'", err.text, part);
  of3_arena_free(arena);
}

static void test_bad_files(void **state) {
  (void)state;
  loads_with("none.a3m", NULL, "cannot open 'none.a3m'");
  loads_with("CMakeLists.txt", NULL, "must end in .a3m, .sto or .npz");
  loads_with("cmake", NULL, "the folder 'cmake' holds no .a3m, .sto or .npz file");
  loads_with("test_msa.a3m", ">q\nMKVA", "'test_msa.a3m': row 1 has 4 columns");
  loads_with("test_msa.npz", "PK no archive", "'test_msa.npz'");
  loads_with("test_msa.sto", "q MKV\nr M", "'test_msa.sto': row 2");
}

/* Two rows, three columns, chunk of 3: v = M K V A K G; column 0 counts v0 v1, 1: v2 v3, 2: v4 v5. */
static void test_profile(void **state) {
  (void)state;
  const char *path = "test_msa_profile.a3m";
  of3_error err = {0};
  assert_int_equal(of3_write_file(path, ">q\nMKV\n>a\naAKcccG", 17, &err), OF3_OK);
  of3_arena *arena = of3_arena_new(0);
  const of3_msa_request request = {
      .chain = "A", .sequence = "MKV", .n_path = 1, .path = &path, .use_main = true};
  of3_msa true_counts, scrambled;
  of3_status a = of3_msa_load(&request, &(of3_msa_rules){.release = 5}, NULL, arena, &true_counts, &err);
  of3_status b = of3_msa_load(&request, &(of3_msa_rules){.release = 4, .profile_scrambled = true}, NULL,
                              arena, &scrambled, &err);
  remove(path);
  assert_int_equal(a, OF3_OK);
  assert_int_equal(b, OF3_OK);
  const of3_msa_rules legacy = {.release = 4, .profile_scrambled = true};
  assert_int_equal(
      of3_msa_finish(&true_counts, OF3_PROTEIN, &(of3_msa_rules){.release = 5}, 0, NULL, arena, &err),
      OF3_OK);
  assert_int_equal(of3_msa_finish(&scrambled, OF3_PROTEIN, &legacy, 0, NULL, arena, &err), OF3_OK);
  enum { A = 0, G = 7, K = 11, M = 12, V = 19 };
  const float *p = true_counts.profile, *q = scrambled.profile;
  assert_true(p[M] == 0.5F && p[A] == 0.5F && p[32 + K] == 1 && p[64 + V] == 0.5F && p[64 + G] == 0.5F);
  assert_true(q[M] == 0.5F && q[K] == 0.5F && q[32 + V] == 0.5F && q[32 + A] == 0.5F && q[64 + K] == 0.5F &&
              q[64 + G] == 0.5F);
  assert_true(true_counts.deletion_mean[0] == 0.5F && true_counts.deletion_mean[1] == 0 &&
              true_counts.deletion_mean[2] == 1.5F);
  of3_arena_free(arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a3m),
      cmocka_unit_test(test_a3m_dialects),
      cmocka_unit_test(test_parts),
      cmocka_unit_test(test_server_folder),
      cmocka_unit_test(test_content_decides),
      cmocka_unit_test(test_gzip_limit),
      cmocka_unit_test(test_stockholm),
      cmocka_unit_test(test_npz),
      cmocka_unit_test(test_npz_memory),
      cmocka_unit_test(test_npz_written),
      cmocka_unit_test(test_species),
      cmocka_unit_test(test_names),
      cmocka_unit_test(test_folder),
      cmocka_unit_test(test_same_names),
      cmocka_unit_test(test_bad_files),
      cmocka_unit_test(test_profile),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
