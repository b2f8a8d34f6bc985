/* From hits and structures to templates. A hit that cannot be used is left out with a warning; the others of
 * the chain are unaffected. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "template/align.h"
#include "template/template.h"

static const double LEAST_SCORE = 0.1; /* of a structure's chain: identity * coverage */

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
  int n, dropped;
  of3_template *out; /* [OF3_TEMPLATE_MOST] */
  double score[OF3_TEMPLATE_MOST];
} finder;

static void drop(finder *f, const char *name, const char *why) {
  of3_logf(f->log, OF3_LOG_WARN, "chain %s: template %s is not used: %s", f->request->chain, name, why);
  f->dropped++;
}

/* Each file once. */
static of3_status structure_of(finder *f, const char *path, const of3_template_structure **out,
                               of3_error *err) {
  for (read_before *r = f->files; r; r = r->next)
    if (strcmp(r->path, path) == 0) {
      *out = &r->structure;
      return OF3_OK;
    }
  read_before *r = OF3_ARENA_NEW(f->arena, read_before, 1);
  if (!r) return of3_fail_memory(err, path);
  OF3_TRY(of3_template_structure_read(path, f->request->most_memory, f->arena, &r->structure, err));
  r->path = path;
  r->next = f->files;
  f->files = r;
  *out = &r->structure;
  return OF3_OK;
}

/* ---- Alignment of the query to a chain */

typedef struct aligned {
  int n_pair;
  of3_template_pair *pair;
  double identity, coverage;
} aligned;

static of3_status align_chain(const finder *f, const of3_template_chain *c, aligned *out, of3_error *err) {
  const char *query = f->request->sequence;
  const int n = (int)strlen(query);
  of3_arena *scratch = of3_arena_new_within(f->arena);
  int *partner = scratch ? OF3_ARENA_NEW(scratch, int, n) : NULL, same = 0;
  *out = (aligned){.pair = OF3_ARENA_NEW(f->arena, of3_template_pair, n)};
  of3_status status = partner && out->pair ? OF3_OK : of3_fail_memory(err, "an alignment");
  if (status == OF3_OK)
    status = of3_template_align(query, n, c->letters, c->n, f->request->opt_cancel, scratch, partner, err);
  for (int i = 0; status == OF3_OK && i < n; i++) {
    if (partner[i] < 0) continue;
    same += query[i] == c->letters[partner[i]];
    out->pair[out->n_pair++] = (of3_template_pair){i + 1, partner[i] + 1};
  }
  out->identity = (double)same / n;
  out->coverage = (double)out->n_pair / n;
  of3_arena_free(scratch);
  return status;
}

static void add_template(finder *f, const char *name, const of3_template_chain *chain,
                         const of3_template_pair *pair, int n_pair, bool gaps, double score) {
  int at = f->n++;
  for (; at > 0 && f->score[at - 1] < score; at--) {
    f->out[at] = f->out[at - 1];
    f->score[at] = f->score[at - 1];
  }
  f->out[at] = (of3_template){.name = name, .chain = chain, .gaps = gaps, .n_pair = n_pair, .pair = pair};
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

static of3_status use_structure(finder *f, const char *path, const char *wanted, of3_error *err) {
  const of3_template_structure *s = NULL;
  const of3_template_chain *best = NULL;
  aligned at_best = {0};
  of3_error why = {0};
  if (structure_of(f, path, &s, &why) != OF3_OK) {
    drop(f, path, why.text);
    return OF3_OK;
  }
  const of3_template_chain *only = wanted ? chain_called(s, wanted) : NULL;
  for (int i = 0; i < s->n; i++) {
    aligned a;
    if (wanted && &s->chain[i] != only) continue;
    OF3_TRY(align_chain(f, &s->chain[i], &a, err));
    if (best && a.identity * a.coverage <= at_best.identity * at_best.coverage) continue;
    best = &s->chain[i];
    at_best = a;
  }
  const double score = at_best.identity * at_best.coverage;
  if (!best)
    drop(f, path, wanted ? "it has no polymer chain of the id that was asked for" : "it has no polymer");
  else if (score < LEAST_SCORE)
    drop(f, path, "no chain resembles the query (identity times coverage is below 0.1)");
  else if (f->n == OF3_TEMPLATE_MOST)
    drop(f, path, "there are 20 others");
  else {
    of3_logf(f->log, OF3_LOG_INFO, "chain %s: template '%s', chain %s: identity %.2f, coverage %.2f",
             f->request->chain, path, best->id, at_best.identity, at_best.coverage);
    add_template(f, path, best, at_best.pair, at_best.n_pair, at_best.coverage < 1, score);
  }
  return OF3_OK;
}

/* ---- Hits */

/* The file of an entry, as it is written or in lower or upper case. */
static const char *find_structure(const finder *f, const char *entry) {
  static const char *const endings[] = {".cif", ".cif.gz", ".bcif", ".bcif.gz"};
  for (int change = 0; change < 3; change++)
    for (int e = 0; e < 4; e++) {
      char *name = of3_arena_printf(f->arena, "%s%s", entry, endings[e]);
      for (char *c = name; c && *c && c < name + strlen(entry); c++) {
        if (change == 1 && *c >= 'A' && *c <= 'Z') *c = (char)(*c - 'A' + 'a');
        if (change == 2 && *c >= 'a' && *c <= 'z') *c = (char)(*c - 'a' + 'A');
      }
      char *path = name ? of3_path_join(f->arena, f->request->folder, name) : NULL;
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
static of3_status use_chain(finder *f, const of3_template_hit *h, const char *name,
                            const of3_template_chain *c, of3_error *err) {
  aligned a;
  if (h->aligned) {
    add_template(f, name, c, h->pair, h->n_pair, h->gaps, 0);
    return OF3_OK;
  }
  OF3_TRY(align_chain(f, c, &a, err));
  if (a.n_pair == 0)
    drop(f, name, "no residue of it faces one of the query");
  else
    add_template(f, name, c, a.pair, a.n_pair, a.coverage < 1, 0);
  return OF3_OK;
}

static bool used_before(const finder *f, const char *name) {
  for (int i = 0; i < f->n; i++)
    if (strcmp(f->out[i].name, name) == 0) return true;
  return false;
}

static of3_status use_hit(finder *f, const of3_template_hit *h, bool first, of3_error *err) {
  const of3_template_structure *s = NULL;
  const char *at, *path = find_structure(f, h->entry);
  of3_error why = {0};
  const char *name = of3_arena_printf(f->arena, "%s_%s", h->entry, h->chain);
  if (!name) return of3_fail_memory(err, "a template");
  if (!path) {
    if (!first) drop(f, name, "its structure is not in the folder of structures");
    return OF3_OK;
  }
  if (structure_of(f, path, &s, &why) != OF3_OK) {
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
  if (h->aligned && h->n_pair == 0)
    drop(f, name, "no residue of it faces one of the query");
  else if (used_before(f, name))
    drop(f, name, "it is there already");
  else
    return use_chain(f, h, name, c, err);
  return OF3_OK;
}

static of3_status use_hits(finder *f, of3_error *err) {
  of3_template_hit *hit = NULL;
  int n = 0;
  const of3_template_request *r = f->request;
  OF3_TRY(of3_template_hits_read(r->hits, r->sequence, r->most_memory, f->log, f->arena, &hit, &n, err));
  if (!r->folder) {
    of3_logf(f->log, OF3_LOG_WARN,
             "chain %s: its %d template hits ('%s') are not used: no folder of structures was given "
             "(--structures DIR)",
             r->chain, n, r->hits);
    f->dropped = n;
    return OF3_OK;
  }
  for (int i = 0; i < n && f->n < OF3_TEMPLATE_MOST; i++) {
    OF3_TRY(of3_go_on(r->opt_cancel, err));
    OF3_TRY(use_hit(f, &hit[i], i == 0 && hit[i].letters, err));
  }
  return OF3_OK;
}

of3_status of3_templates_find(const of3_template_request *request, const of3_log *log, of3_arena *arena,
                              of3_template **ret_template, int *ret_n, int *ret_dropped, of3_error *err) {
  finder f = {.request = request, .log = log, .arena = arena};
  f.out = OF3_ARENA_NEW(arena, of3_template, OF3_TEMPLATE_MOST);
  if (!f.out) return of3_fail_memory(err, "the templates");
  if (request->hits) OF3_TRY(use_hits(&f, err));
  for (int i = 0; i < request->n_structure; i++)
    OF3_TRY(use_structure(&f, request->structure[i], request->structure_chain[i], err));
  *ret_template = f.out;
  *ret_n = f.n;
  *ret_dropped = f.dropped;
  return OF3_OK;
}
