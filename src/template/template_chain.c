/* From hits and structures to templates. A hit that cannot be used is left out with a warning; the others of
 * the chain are unaffected. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "template/align.h"
#include "template/cache.h"
#include "template/template.h"

static const double LEAST_SCORE =
    0.1; /* of a structure's chain: identity * coverage, if settings say nothing */

typedef struct read_before {
  const char *path;
  of3_template_structure structure;
  struct read_before *next;
} read_before;

typedef struct finder {
  const of3_template_request *request;
  const of3_log *log;
  of3_arena *arena;
  read_before *files;
  int n, most, dropped;
  of3_template *out; /* [most] */
  double *score;     /* [most] */
} finder;

/* An account takes the place of a warning. */
static void drop(finder *f, const char *name, const char *why) {
  of3_chain_account *account = f->request->opt_account;
  of3_logf(f->log, account ? OF3_LOG_INFO : OF3_LOG_WARN, "chain %s: template %s is not used: %s",
           f->request->chain, name, why);
  of3_account_template(account, (of3_template_account){.name = name, .opt_why = why});
  f->dropped++;
}

/* Each file once. */
static of3_status structure_of(finder *f, const char *path, const char *opt_text,
                               const of3_template_structure **out, of3_error *err) {
  for (read_before *r = f->files; r; r = r->next)
    if (strcmp(r->path, path) == 0) {
      *out = &r->structure;
      return OF3_OK;
    }
  read_before *r = OF3_ARENA_NEW(f->arena, read_before, 1);
  if (!r) return of3_fail_memory(err, path);
  OF3_TRY(of3_template_structure_read(path, opt_text, f->request->most_memory, f->arena, &r->structure, err));
  r->path = path;
  r->next = f->files;
  f->files = r;
  *out = &r->structure;
  return OF3_OK;
}

/* ---- Alignment of the query to a chain */

typedef struct aligned {
  int n_pair;
  const of3_template_match *pair;
  double identity, coverage;
} aligned;

static of3_status align_chain(const finder *f, const of3_template_chain *c, aligned *out, of3_error *err) {
  const char *query = f->request->sequence;
  const int n = (int)strlen(query);
  of3_arena *scratch = of3_arena_new_within(f->arena);
  int *partner = scratch ? OF3_ARENA_NEW(scratch, int, n) : NULL, same = 0;
  of3_template_match *pair = OF3_ARENA_NEW(f->arena, of3_template_match, n);
  *out = (aligned){.pair = pair};
  of3_status status = partner && pair ? OF3_OK : of3_fail_memory(err, "an alignment");
  if (status == OF3_OK)
    status = of3_template_align(query, n, c->letters, c->n, f->request->opt_cancel, scratch, partner, err);
  for (int i = 0; status == OF3_OK && i < n; i++) {
    if (partner[i] < 0) continue;
    same += query[i] == c->letters[partner[i]];
    pair[out->n_pair++] = (of3_template_match){i + 1, partner[i] + 1};
  }
  out->identity = (double)same / n;
  out->coverage = (double)out->n_pair / n;
  of3_arena_free(scratch);
  return status;
}

/* ---- Filters of settings */

/* Why one of these values is refused, or NULL; negative: not known. */
static const char *refused_values(const finder *f, double identity, double coverage, int length) {
  const of3_template_settings *s = f->request->opt_settings;
  if (!s) return NULL;
  if (s->most_identity >= 0 && identity > s->most_identity)
    return "it is more like the query than max_seq_id allows";
  if (s->least_coverage >= 0 && coverage >= 0 && coverage < s->least_coverage)
    return "it covers less of the query than min_align asks for";
  return s->least_length >= 0 && length >= 0 && length < s->least_length
             ? "it has fewer residues than min_len asks for"
             : NULL;
}

static const char *refused_date(const finder *f, const char *opt_date) {
  const of3_template_settings *s = f->request->opt_settings;
  if (!s || !s->most_date) return NULL;
  if (!opt_date) return "its structure says no release date, and max_release_date is set";
  const int c = strcmp(opt_date, s->most_date);
  return c > 0 || (c == 0 && f->request->date_inclusive)
             ? "it was released later than max_release_date allows"
             : NULL;
}

static void add_template(finder *f, of3_template t, double score) {
  int at = f->n++;
  for (; at > 0 && f->score[at - 1] < score; at--) {
    f->out[at] = f->out[at - 1];
    f->score[at] = f->score[at - 1];
  }
  f->out[at] = t;
  f->score[at] = score;
}

/* ---- Structures that are named */

/* By its label; else by the name that the author gave it. */
static const of3_template_chain *chain_called(const of3_template_structure *s, const char *id) {
  for (int i = 0; i < s->n; i++)
    if (strcmp(s->chain[i].id, id) == 0) return &s->chain[i];
  for (int i = 0; i < s->n; i++)
    if (strcmp(s->chain[i].author, id) == 0) return &s->chain[i];
  return NULL;
}

/* Adds a template of a structure, if nothing of the settings is against it. */
static void use_aligned(finder *f, const of3_template_structure *s, of3_template t, const aligned *a,
                        double score) {
  const char *refused = refused_values(f, a->identity, a->coverage, t.chain->n);
  if (!refused) refused = refused_date(f, s->opt_date);
  if (!refused && f->n == f->most) refused = "there are as many others as are kept";
  if (refused) {
    drop(f, t.name, refused);
    return;
  }
  of3_logf(f->log, OF3_LOG_INFO, "chain %s: template '%s', chain %s: identity %.2f, coverage %.2f",
           f->request->chain, t.name, t.chain->id, a->identity, a->coverage);
  t.opt_date = s->opt_date;
  t.n_pair = a->n_pair;
  t.pair = a->pair;
  add_template(f, t, score);
}

/* The chain of the structure that an alignment finds most alike. */
static of3_status use_structure(finder *f, const of3_template_source *source, of3_error *err) {
  const of3_template_structure *s = NULL;
  const of3_template_chain *best = NULL;
  aligned at_best = {0};
  of3_error why = {0};
  if (structure_of(f, source->path, source->opt_text, &s, &why) != OF3_OK) {
    drop(f, source->path, why.text);
    return OF3_OK;
  }
  const of3_template_chain *only = source->opt_chain ? chain_called(s, source->opt_chain) : NULL;
  for (int i = 0; i < s->n; i++) {
    aligned a;
    if (source->opt_chain && &s->chain[i] != only) continue;
    OF3_TRY(align_chain(f, &s->chain[i], &a, err));
    if (best && a.identity * a.coverage <= at_best.identity * at_best.coverage) continue;
    best = &s->chain[i];
    at_best = a;
  }
  const double score = at_best.identity * at_best.coverage,
               least = f->request->opt_settings ? f->request->opt_settings->least_direct_score : LEAST_SCORE;
  if (!best)
    drop(f, source->path,
         source->opt_chain ? "it has no polymer chain of the id that was asked for" : "it has no polymer");
  else if (score < least)
    drop(f, source->path, "no chain resembles the query (identity times coverage is too small)");
  else
    use_aligned(f, s, (of3_template){.name = source->path, .chain = best, .gaps = at_best.coverage < 1},
                &at_best, score);
  return OF3_OK;
}

/* ---- Structures that come with a map of their residues */

static of3_status mapped_chain(const of3_template_structure *s, const of3_template_source *source,
                               const of3_template_chain **ret_chain, of3_error *err) {
  const of3_template_chain *c = source->opt_chain ? chain_called(s, source->opt_chain) : &s->chain[0];
  if (!source->opt_chain && s->n != 1)
    return of3_fail(err, OF3_ERR_INPUT,
                    "it has %d polymer chains, and nothing says of which one the map of residues is; one was "
                    "expected",
                    s->n);
  if (!c) return of3_fail(err, OF3_ERR_INPUT, "it has no polymer chain '%s'", source->opt_chain);
  for (int i = 0; i < source->n_pair; i++)
    if (source->pair[i].template_ > c->n)
      return of3_fail(err, OF3_ERR_INPUT,
                      "its map names residue %d (counted from 1) of chain %s, which has %d; residues without "
                      "coordinates count, too",
                      source->pair[i].template_, c->id, c->n);
  *ret_chain = c;
  return OF3_OK;
}

static aligned aligned_by_map(const char *query, const of3_template_source *source,
                              const of3_template_chain *c) {
  const double n = (double)strlen(query);
  int same = 0;
  for (int i = 0; i < source->n_pair; i++)
    same += query[source->pair[i].query - 1] == c->letters[source->pair[i].template_ - 1];
  return (aligned){source->n_pair, source->pair, same / n, source->n_pair / n};
}

/* What stands before and behind the residues that the map names is no gap, as in a file of hits. */
static of3_status use_map(finder *f, const of3_template_source *source, of3_error *err) {
  enum { BEST = 1 }; /* of any score */
  const of3_template_structure *s = NULL;
  of3_template t = {.name = source->path};
  if (structure_of(f, source->path, source->opt_text, &s, err) != OF3_OK)
    return of3_prefix(err, "chain %s: template", f->request->chain);
  if (mapped_chain(s, source, &t.chain, err) != OF3_OK)
    return of3_prefix(err, "chain %s: template '%s'", f->request->chain, source->path);
  const aligned a = aligned_by_map(f->request->sequence, source, t.chain);
  if (a.n_pair == 0) {
    drop(f, t.name, "no residue of it faces one of the query");
    return OF3_OK;
  }
  t.gaps = a.pair[a.n_pair - 1].query - a.pair[0].query + 1 > a.n_pair;
  use_aligned(f, s, t, &a, BEST);
  return OF3_OK;
}

/* ---- Hits */

const char *of3_template_file(const char *folder, const char *entry, of3_arena *arena) {
  static const char *const endings[] = {".cif", ".cif.gz", ".bcif", ".bcif.gz"};
  for (int change = 0; change < 3; change++)
    for (int e = 0; e < 4; e++) {
      char *name = of3_arena_printf(arena, "%s%s", entry, endings[e]);
      for (char *c = name; c && *c && c < name + strlen(entry); c++) {
        if (change == 1 && *c >= 'A' && *c <= 'Z') *c = (char)(*c - 'A' + 'a');
        if (change == 2 && *c >= 'a' && *c <= 'z') *c = (char)(*c - 'a' + 'A');
      }
      char *path = name ? of3_path_join(arena, folder, name) : NULL;
      if (path && of3_is_file(path)) return path;
    }
  return NULL;
}

/* The chain that has the residues of the hit: the one that it names, else the first other one. */
static const of3_template_chain *chain_with(const of3_template_structure *s, const of3_template_hit *h,
                                            const char **ret_at) {
  const of3_template_chain *named = chain_called(s, h->chain);
  *ret_at = NULL;
  if (!h->letters) return named;
  if (named && (*ret_at = strstr(named->letters, h->letters))) return named;
  for (int i = 0; i < s->n; i++)
    if ((*ret_at = strstr(s->chain[i].letters, h->letters))) return &s->chain[i];
  return NULL;
}

/* Pairs as the file has them, without those beyond the chain; else by an alignment of the query to the whole
 * chain. */
static of3_status use_chain(finder *f, const of3_template_hit *h, of3_template t, of3_error *err) {
  aligned a;
  t.gaps = h->gaps;
  t.n_pair = h->n_pair;
  t.pair = h->pair;
  if (!h->aligned) {
    OF3_TRY(align_chain(f, t.chain, &a, err));
    t.gaps = a.coverage < 1;
    t.n_pair = a.n_pair;
    t.pair = a.pair;
    const char *why = a.n_pair == 0 ? "no residue of it faces one of the query"
                                    : refused_values(f, h->identity < 0 ? a.identity : -1,
                                                     h->coverage < 0 ? a.coverage : -1, -1);
    if (why) {
      drop(f, t.name, why);
      return OF3_OK;
    }
  }
  add_template(f, t, 0);
  return OF3_OK;
}

static bool used_before(const finder *f, const char *name) {
  for (int i = 0; i < f->n; i++)
    if (strcmp(f->out[i].name, name) == 0) return true;
  return false;
}

static of3_status use_hit(finder *f, const of3_template_hit *h, bool first, bool cached, of3_error *err) {
  const of3_template_structure *s = NULL;
  const char *refused =
      cached ? NULL : refused_values(f, h->identity, h->coverage, h->letters ? (int)strlen(h->letters) : -1);
  const char *at, *path = of3_template_file(f->request->folder, h->entry, f->arena);
  of3_error why = {0};
  const char *name = of3_arena_printf(f->arena, "%s_%s", h->entry, h->chain);
  if (!name) return of3_fail_memory(err, "a template");
  if (refused) {
    if (!first || path) drop(f, name, refused);
    return OF3_OK;
  }
  if (!path) {
    if (!first) drop(f, name, "its structure is not in the folder of structures");
    return OF3_OK;
  }
  if (structure_of(f, path, NULL, &s, &why) != OF3_OK) {
    drop(f, name, why.text);
    return OF3_OK;
  }
  const of3_template_chain *c = chain_with(s, h, &at);
  if (!c) {
    drop(f, name,
         h->letters ? "no chain of its structure has its residues" : "its structure has no chain of this id");
    return OF3_OK;
  }
  if (strcmp(c->id, h->chain) != 0) name = of3_arena_printf(f->arena, "%s_%s", h->entry, c->id);
  if (!name) return of3_fail_memory(err, "a template");
  if (!cached) refused = refused_date(f, s->opt_date);
  if (refused)
    drop(f, name, refused);
  else if (h->aligned && h->n_pair == 0)
    drop(f, name, "no residue of it faces one of the query");
  else if (used_before(f, name))
    drop(f, name, "it is there already");
  else
    return use_chain(f, h, (of3_template){.name = name, .chain = c, .opt_date = s->opt_date}, err);
  return OF3_OK;
}

static bool is_cache(const char *path) {
  const size_t n = strlen(path);
  return n > 4 && strcmp(path + n - 4, ".npz") == 0;
}

/* The file that hits are read from: the cache of this file of hits, if there is one. *ret_cache: the one to
 * be written, or NULL. */
static of3_status hits_file(finder *f, const char **ret_path, const char **ret_cache, of3_error *err) {
  const of3_template_request *r = f->request;
  const char *cache = NULL;
  *ret_path = r->hits;
  *ret_cache = NULL;
  if (!r->opt_settings || !r->opt_settings->cache || is_cache(r->hits)) return OF3_OK;
  OF3_TRY(of3_template_cache_path(r, f->arena, &cache, err));
  if (!of3_is_file(cache)) {
    *ret_cache = cache;
    return OF3_OK;
  }
  of3_logf(f->log, OF3_LOG_INFO, "chain %s: templates of '%s' are taken from the cache '%s'", r->chain,
           r->hits, cache);
  *ret_path = cache;
  return OF3_OK;
}

static of3_status write_cache(finder *f, const char *path, of3_error *err) {
  if (f->n == 0) return OF3_OK;
  OF3_TRY(of3_make_folder(f->request->opt_settings->cache, err));
  return of3_template_cache_write(path, f->out, f->n, f->request->opt_cancel, err);
}

/* Hits that are not even looked at. */
static of3_status account_hits(const finder *f, const of3_template_hit *hit, int n, const char *why,
                               of3_error *err) {
  for (int i = 0; f->request->opt_account && i < n; i++) {
    const char *name = of3_arena_printf(f->arena, "%s_%s", hit[i].entry, hit[i].chain);
    if (!name) return of3_fail_memory(err, "a template");
    of3_account_template(f->request->opt_account, (of3_template_account){.name = name, .opt_why = why});
  }
  return OF3_OK;
}

static of3_status leave_hits(finder *f, const of3_template_hit *hit, int n, of3_error *err) {
  of3_logf(f->log, f->request->opt_account ? OF3_LOG_INFO : OF3_LOG_WARN,
           "chain %s: its %d template hits ('%s') are not used: no folder of structures was given "
           "(--structures DIR)",
           f->request->chain, n, f->request->hits);
  f->dropped = n;
  return account_hits(f, hit, n, "no folder of structures was given (--structures DIR)", err);
}

static of3_status use_hits(finder *f, of3_error *err) {
  of3_template_hit *hit = NULL;
  const char *path, *cache;
  int n = 0;
  const of3_template_request *r = f->request;
  OF3_TRY(hits_file(f, &path, &cache, err));
  const of3_hits_want want = {.path = path,
                              .query = r->sequence,
                              .most = r->opt_settings ? r->opt_settings->most_read : 0,
                              .opt_log = f->log};
  OF3_TRY(of3_template_hits_read(&want, r->most_memory, f->arena, &hit, &n, err));
  if (!r->folder) return leave_hits(f, hit, n, err);
  int tried = 0;
  for (; tried < n && f->n < f->most; tried++) {
    OF3_TRY(of3_go_on(r->opt_cancel, err));
    OF3_TRY(use_hit(f, &hit[tried], tried == 0 && hit[tried].letters, is_cache(path), err));
  }
  OF3_TRY(account_hits(f, hit + tried, n - tried, "as many as are kept come before it", err));
  return cache ? write_cache(f, cache, err) : OF3_OK;
}

of3_status of3_templates_find(const of3_template_request *request, const of3_log *log, of3_arena *arena,
                              of3_template **ret_template, int *ret_n, int *ret_dropped, of3_error *err) {
  finder f = {.request = request, .log = log, .arena = arena};
  f.most = request->opt_settings ? request->opt_settings->most_kept : OF3_TEMPLATE_MOST;
  f.out = OF3_ARENA_NEW(arena, of3_template, f.most);
  f.score = OF3_ARENA_NEW(arena, double, f.most);
  if (!f.out || !f.score) return of3_fail_memory(err, "the templates");
  if (request->hits) OF3_TRY(use_hits(&f, err));
  for (int i = 0; i < request->n_source; i++) {
    const of3_template_source *source = &request->source[i];
    OF3_TRY(source->mapped ? use_map(&f, source, err) : use_structure(&f, source, err));
  }
  *ret_template = f.out;
  *ret_n = f.n;
  *ret_dropped = f.dropped;
  return OF3_OK;
}
