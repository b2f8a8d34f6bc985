/* What is missing of databases and programs, and how to get it. */
#include <stdio.h>
#include <string.h>

#include "base/child.h"
#include "base/file.h"
#include "search/databases.h"

typedef struct missing {
  void (*say)(void *user, const char *sentence);
  void *user;
  int n;
} missing;

static void OF3_PRINTF(2, 3) say(missing *m, const char *fmt, ...) {
  char text[OF3_ERROR_TEXT];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  m->say(m->user, text);
  m->n++;
}

/* ---- Programs */

static bool needs(const of3_databases *d, of3_program p) {
  for (int i = 0; i < d->n; i++) {
    const of3_program s = d->database[i].program;
    if (s == p || ((p == OF3_HMMBUILD || p == OF3_HMMALIGN) && (s == OF3_NHMMER || s == OF3_HMMSEARCH)))
      return true;
  }
  return false;
}

static void check_program(missing *m, const of3_databases *d, of3_program p) {
  if (!needs(d, p) || d->program[p]) return;
  const char *package = of3_program_package(p);
  say(m,
      "the program %s is not in PATH; it comes with the package '%s' (apt install %s, brew install %s, or "
      "Bioconda's '%s'), or name it under \"programs\"",
      of3_program_name(p), package, package, strcmp(package, "hhsuite") == 0 ? "hh-suite" : package, package);
}

/* The command that lays a database out for a graphics processor came with the first release that searches on
 * one. Whether this build has that part it says itself when it is asked to. */
static void check_gpu(missing *m, const of3_databases *d) {
  of3_children *children = NULL;
  of3_child_end end = {.id = -1};
  int id;
  const char *const argv[] = {d->program[OF3_MMSEQS], "makepaddedseqdb", "-h", NULL};
  if (!needs(d, OF3_MMSEQS) || !argv[0] || of3_children_new(&children, NULL) != OF3_OK) return;
  if (of3_child_start(children, argv, &id, NULL) == OF3_OK) of3_children_wait(children, 10, &end);
  of3_children_free(children);
  if (end.id < 0 || end.exit_code != 0 || end.signal != 0)
    say(m,
        "'%s' has no command makepaddedseqdb, so it does not search on graphics processors; MMseqs2 does "
        "from its "
        "release 16 on, built for CUDA",
        argv[0]);
}

/* ---- Databases */

/* How OpenFold3's users get what its workflow knows by name. */
static const char *source_of(const of3_database *d) {
  static const struct {
    const char *name, *how;
  } how[] = {
      {"uniref90", "OpenFold3's scripts/snakemake_msa/download_of3_databases.py fetches it (330 GB with "
                   "uniprot, mgnify and pdb_seqres)"},
      {"uniprot", "OpenFold3's scripts/snakemake_msa/download_of3_databases.py fetches it"},
      {"mgnify", "OpenFold3's scripts/snakemake_msa/download_of3_databases.py fetches it"},
      {"pdb_seqres", "OpenFold3's scripts/snakemake_msa/download_of3_databases.py fetches it, the PDB offers "
                     "it as pdb_seqres.txt"},
      {"bfd", "OpenFold3's download_of3_databases.py --download-bfd fetches it (2.3 TB)"},
      {"cfdb", "OpenFold3's download_of3_databases.py --download-cfdb fetches it (1.5 TB)"},
      {"rfam", "OpenFold3's download_of3_databases.py --download-rna-dbs fetches it (27 GB with the others)"},
      {"rnacentral", "OpenFold3's download_of3_databases.py --download-rna-dbs fetches it"},
      {"nucleotide_collection", "OpenFold3's download_of3_databases.py --download-rna-dbs fetches it"},
  };
  for (size_t i = 0; i < sizeof how / sizeof *how; i++)
    if (strcmp(how[i].name, d->name) == 0) return how[i].how;
  return d->program == OF3_MMSEQS    ? "any FASTA file will do, or ColabFold's databases (setup_databases.sh)"
         : d->program == OF3_HHBLITS ? "HH-suite's databases come as archives with files of these names"
                                     : "any FASTA file will do";
}

static void check_hhblits(missing *m, const of3_database *d, const char *path) {
  static const char *const part[] = {"a3m", "cs219", "hhm"}, *const end[] = {"ffdata", "ffindex"};
  for (int i = 0; i < 6; i++) {
    char file[4096];
    snprintf(file, sizeof file, "%s_%s.%s", path, part[i / 2], end[i % 2]);
    if (of3_is_file(file)) continue;
    say(m,
        "database '%s': there is no file '%s'; \"path\" is what the names of its six files have in common; "
        "%s",
        d->name, file, source_of(d));
    return;
  }
}

/* HMMER and mmseqs search FASTA files as they are, but not packed ones. */
static void check_fasta(missing *m, const of3_database *d, const char *path) {
  unsigned char first[2] = {0};
  FILE *f = of3_is_file(path) ? fopen(path, "rb") : NULL;
  if (!f) {
    say(m, "database '%s': there is no file '%s'; %s", d->name, path, source_of(d));
    return;
  }
  const size_t n = fread(first, 1, 2, f);
  fclose(f);
  if (n == 2 && first[0] == 0x1f && first[1] == 0x8b)
    say(m, "database '%s': '%s' is packed by gzip, which %s does not search; unpack it (gunzip)", d->name,
        path, of3_program_name(d->program));
  else if (n == 0)
    say(m, "database '%s': '%s' is empty", d->name, path);
}

static void check_mmseqs(missing *m, const of3_database *d, const char *path) {
  if (!of3_is_mmseqs_database(path)) {
    check_fasta(m, d, path);
    return;
  }
  char file[4096];
  snprintf(file, sizeof file, "%s_seq.dbtype", path);
  if (of3_is_cluster_database(path) && !of3_is_file(file))
    say(m, "database '%s': there is '%s_aln', but no '%s', which ColabFold's databases have; %s", d->name,
        path, file, source_of(d));
}

int of3_databases_missing(const of3_databases *d, bool gpu, void (*f)(void *user, const char *sentence),
                          void *user) {
  missing m = {.say = f, .user = user};
  for (int p = 0; p < OF3_N_PROGRAM; p++) check_program(&m, d, (of3_program)p);
  if (gpu) check_gpu(&m, d);
  for (int i = 0; i < d->n; i++) {
    const of3_database *b = &d->database[i];
    for (int k = 0; k < b->n_path; k++) {
      if (b->program == OF3_HHBLITS)
        check_hhblits(&m, b, b->path[k]);
      else if (b->program == OF3_MMSEQS)
        check_mmseqs(&m, b, b->path[k]);
      else
        check_fasta(&m, b, b->path[k]);
    }
  }
  return m.n;
}
