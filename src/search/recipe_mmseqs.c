/* MMseqs2 as ColabFold searches (colabfold_search): three iterations, expansion of clusters, realignment and
 * filters, for all sequences at once; the next database with the profiles of the first.
 *
 *   qdb, first database      -> res -> [res_exp -> res_align] -> res_filter -> msa0     [..]: of clusters
 *   prof_res, other ones     -> the same -> msa1, ...; an A3M of a sequence is msa0, msa1, ...
 *                               one after another
 *   prof_res, structures     -> hits
 *
 * A FASTA file becomes a database first. Its sequences are no clusters, so nothing is expanded. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "search/task.h"

/* The commands for one database, in order. */
typedef enum verb {
  CREATE, /* a database of a FASTA file */
  PAD,    /* with a graphics processor: in the layout that it takes */
  SEARCH,
  PROFILE, /* after the first search: the profiles of its last iteration */
  HEADERS, /* and their headers */
  EXPAND,
  ALIGN,
  FILTER,
  TO_MSA,
  NAMES, /* whole headers of what was found, for pairing */
  UNPACK,
  CONVERT, /* of structures: the hits as a table */
  UNPACK_HITS,
  N_VERB
} verb;

typedef struct place {
  int database; /* -1: before the first, where the queries become a database */
  verb verb;
} place;

static bool is_fasta(const of3_search_task *t, int i) {
  return !of3_is_mmseqs_database(t->database[i]->path[0]);
}

static bool is_needed(const of3_search_task *t, place p) {
  const of3_database *d = t->database[p.database];
  const bool structures = d->kind == OF3_DATABASE_STRUCTURES;
  const bool clusters = !structures && of3_is_cluster_database(d->path[0]);
  switch (p.verb) {
  case CREATE:
    return is_fasta(t, p.database);
  case PAD:
    return is_fasta(t, p.database) && t->gpu;
  case SEARCH:
    return true;
  case PROFILE:
  case HEADERS:
    return p.database == 0 && !structures;
  case EXPAND:
  case ALIGN:
    return clusters;
  case FILTER:
  case TO_MSA:
  case UNPACK:
    return !structures;
  case NAMES:
    return !structures && of3_mmseqs_wants_names(d);
  case CONVERT:
  case UNPACK_HITS:
    return structures;
  default:
    return false;
  }
}

/* Step number `step`; database n_database: all is done. */
static place find_place(const of3_search_task *t, int step) {
  place p = {.database = -1};
  if (step == 0) return p;
  for (p.database = 0; p.database < t->n_database; p.database++)
    for (int v = 0; v < N_VERB; v++) {
      p.verb = (verb)v;
      if (is_needed(t, p) && --step == 0) return p;
    }
  return p;
}

/* ---- Names of files */

static const char *numbered(const of3_search_task *t, const char *name, int i) {
  return of3_arena_printf(t->arena, "%s/%s%d", t->work, name, i);
}

static const char *with_ending(const of3_search_task *t, const char *path, const char *ending) {
  return path ? of3_arena_printf(t->arena, "%s%s", path, ending) : NULL;
}

/* The database that is searched, and that of its sequences. */
static const char *target_of(const of3_search_task *t, int i) {
  if (!is_fasta(t, i)) return t->database[i]->path[0];
  return numbered(t, t->gpu ? "padded" : "db", i);
}

static const char *sequences_of(const of3_search_task *t, int i) {
  const char *path = t->database[i]->path[0];
  return of3_is_cluster_database(path) ? with_ending(t, path, "_seq") : target_of(t, i);
}

/* Searches of later databases start from the profiles that the first one gave. */
static const char *query_of(const of3_search_task *t, int i) {
  return of3_task_path(t, i ? "prof_res" : "qdb");
}

/* Profiles of this database's own search, against which its clusters are aligned. */
static const char *profile_of(const of3_search_task *t, int i) {
  if (i == 0) return of3_task_path(t, "prof_res");
  return of3_arena_printf(t->arena, "%s/tmp%d/latest/profile_1", t->work, i);
}

/* ---- Commands */

static void add_threads(const of3_search_task *t, of3_command *c) {
  OF3_ARGUMENTS(c, "-v", "1");
  of3_command_add_number(t, c, "--threads", t->threads);
}

/* Of a search that was killed: MMseqs2 would take what it finds there for whole. */
static void remove_leftovers(const of3_search_task *t, int i) {
  const char *folder = numbered(t, "tmp", i);
  if (folder) of3_remove_tree(folder);
}

static void search(const of3_search_task *t, int i, of3_command *c) {
  const bool structures = t->database[i]->kind == OF3_DATABASE_STRUCTURES;
  OF3_ARGUMENTS(c, "search", query_of(t, i), target_of(t, i), numbered(t, "res", i), numbered(t, "tmp", i),
                "--db-load-mode", "0", "-a", "-e", "0.1");
  if (!structures) OF3_ARGUMENTS(c, "--num-iterations", "3", "--max-seqs", "10000");
  if (t->gpu)
    OF3_ARGUMENTS(c, "--gpu", "1", "--prefilter-mode", "1");
  else if (structures)
    OF3_ARGUMENTS(c, "-s", "7.5");
  else
    OF3_ARGUMENTS(c, "--k-score", "seq:96,prof:80");
  add_threads(t, c);
}

static void expand(const of3_search_task *t, int i, of3_command *c) {
  const char *path = t->database[i]->path[0];
  OF3_ARGUMENTS(c, "expandaln", query_of(t, i), sequences_of(t, i), numbered(t, "res", i),
                with_ending(t, path, "_aln"), numbered(t, "res_exp", i), "--db-load-mode", "0",
                "--expansion-mode", "0", "-e", "inf");
  if (i == 0) OF3_ARGUMENTS(c, "--expand-filter-clusters", "1", "--max-seq-id", "0.95");
  add_threads(t, c);
}

static void align(const of3_search_task *t, int i, of3_command *c) {
  OF3_ARGUMENTS(c, "align", profile_of(t, i), sequences_of(t, i), numbered(t, "res_exp", i),
                numbered(t, "res_align", i), "--db-load-mode", "0", "-e", "10", "--max-accept", "100000",
                "--alt-ali", "10", "-a");
  add_threads(t, c);
}

static void filter(const of3_search_task *t, int i, of3_command *c) {
  const bool clusters = of3_is_cluster_database(t->database[i]->path[0]);
  OF3_ARGUMENTS(c, "filterresult", of3_task_path(t, "qdb"), sequences_of(t, i),
                numbered(t, clusters ? "res_align" : "res", i), numbered(t, "res_filter", i),
                "--db-load-mode", "0", "--qid", "0", "--qsc", "0.8", "--diff", "0", "--max-seq-id", "1.0",
                "--filter-min-enable", "100");
  add_threads(t, c);
}

static void to_msa(const of3_search_task *t, int i, of3_command *c) {
  OF3_ARGUMENTS(c, "result2msa", of3_task_path(t, "qdb"), sequences_of(t, i), numbered(t, "res_filter", i),
                numbered(t, "msa", i), "--msa-format-mode", "6", "--db-load-mode", "0", "--filter-msa", "1",
                "--filter-min-enable", "1000", "--diff", "3000", "--qid", "0.0,0.2,0.4,0.6,0.8,1.0", "--qsc",
                "0", "--max-seq-id", "0.95");
  add_threads(t, c);
}

static void to_table(const of3_search_task *t, int i, of3_command *c) {
  OF3_ARGUMENTS(c, "convertalis", query_of(t, i), target_of(t, i), numbered(t, "res", i),
                numbered(t, "hits", i), "--format-output",
                "query,target,fident,alnlen,mismatch,gapopen,qstart,qend,tstart,tend,evalue,bits,cigar",
                "--db-output", "1", "--db-load-mode", "0");
  add_threads(t, c);
}

static void to_names(const of3_search_task *t, int i, of3_command *c) {
  OF3_ARGUMENTS(c, "convertalis", of3_task_path(t, "qdb"), sequences_of(t, i), numbered(t, "res_filter", i),
                numbered(t, "names", i), "--format-output", "target,theader", "--db-load-mode", "0");
  add_threads(t, c);
}

/* Each entry becomes a file FOLDER/NUMBER. */
static of3_status unpack(const of3_search_task *t, const char *from, const char *folder, of3_command *c,
                         of3_error *err) {
  if (!from || !folder) return of3_fail_memory(err, "a path");
  OF3_TRY(of3_make_folder(folder, err));
  OF3_ARGUMENTS(c, "unpackdb", from, folder, "--unpack-name-mode", "0", "--unpack-suffix", "");
  add_threads(t, c);
  return OF3_OK;
}

/* The queries: numbered in the order of the task's files, of which a sequence may have two. */
static of3_status write_queries(const of3_search_task *t, of3_error *err) {
  const char *path = of3_task_path(t, "query.fa");
  of3_str s = {0};
  for (int i = 0, last = -1; i < t->n_file; i++) {
    if (t->file[i].sequence == last) continue;
    last = t->file[i].sequence;
    of3_str_addf(&s, ">%d\n%s\n", 101 + last, t->sequence[last].letters);
  }
  of3_status status = s.failed || !path ? of3_fail_memory(err, "the queries") : OF3_OK;
  if (status == OF3_OK) status = of3_write_file(path, s.text, s.len, err);
  of3_str_free(&s);
  return status;
}

static of3_status put_command(const of3_search_task *t, place p, of3_command *c, of3_error *err) {
  const int i = p.database;
  const of3_database *d = t->database[i];
  switch (p.verb) {
  case CREATE:
    OF3_ARGUMENTS(c, "createdb", d->path[0], numbered(t, "db", i), "-v", "1");
    break;
  case PAD:
    OF3_ARGUMENTS(c, "makepaddedseqdb", numbered(t, "db", i), numbered(t, "padded", i));
    add_threads(t, c);
    break;
  case SEARCH:
    remove_leftovers(t, i);
    search(t, i, c);
    break;
  case PROFILE:
    OF3_ARGUMENTS(c, "mvdb", of3_task_path(t, "tmp0/latest/profile_1"), of3_task_path(t, "prof_res"), "-v",
                  "1");
    break;
  case HEADERS:
    OF3_ARGUMENTS(c, "lndb", of3_task_path(t, "qdb_h"), of3_task_path(t, "prof_res_h"), "-v", "1");
    break;
  case EXPAND:
    expand(t, i, c);
    break;
  case ALIGN:
    align(t, i, c);
    break;
  case FILTER:
    filter(t, i, c);
    break;
  case TO_MSA:
    to_msa(t, i, c);
    break;
  case NAMES:
    to_names(t, i, c);
    break;
  case UNPACK:
    return unpack(t, numbered(t, "msa", i), numbered(t, "msas", i), c, err);
  case CONVERT:
    to_table(t, i, c);
    break;
  case UNPACK_HITS:
    return unpack(t, numbered(t, "hits", i), of3_task_path(t, "hits"), c, err);
  default:
    break;
  }
  return OF3_OK;
}

of3_status of3_recipe_mmseqs(of3_search_task *t, int step, of3_command *out, of3_error *err) {
  const place p = find_place(t, step);
  out->n = 0;
  if (p.database == t->n_database) return of3_mmseqs_collect(t, err);
  of3_command_begin(t, OF3_MMSEQS, out);
  if (p.database < 0) {
    OF3_TRY(write_queries(t, err));
    OF3_ARGUMENTS(out, "createdb", of3_task_path(t, "query.fa"), of3_task_path(t, "qdb"), "--shuffle", "0",
                  "-v", "1");
  } else {
    OF3_TRY(put_command(t, p, out, err));
  }
  return OF3_OK;
}
